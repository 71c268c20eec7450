"""Runs: postings of one or more forms in a field of a segment, as arrays, and what is read out of them."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.whoosh.arrays import Array

Places = NDArray[np.intp]

#: Of so many postings, it takes longest to call anything at all.
_SHORT: Final = 2_000
#: Fewer postings than one for so many articles are looked up one by one.
_SPARSE: Final = 8


class Run:
    """Postings that count alike: in which articles something stands, how often, and where.

    articles: ascending and each once where ``ascending``. counts: how often in each. best: the most in one paragraph
    of each, or something larger; None but for "text". positions: of all, in the order of the postings. times: how much
    each occurrence counts. lists: (sizes, begins) where the postings are of several lists, whose positions do not lie
    next to each other: how many postings each list has and where its positions begin.
    """

    def __init__(
        self,
        articles: Array,
        counts: Array,
        best: Array | None,
        positions: Array,
        times: float = 1,
        ascending: bool = True,
        lists: tuple[Places, Places] | None = None,
    ) -> None:
        self.articles = articles
        self.counts = counts
        self.best = best
        self.positions = positions
        self.times = times
        self.ascending = ascending
        self._lists = lists

    def __len__(self) -> int:
        return len(self.articles)

    @property
    def is_in_file(self) -> bool:
        """Whether its arrays are those of the file: what stands in a row and postings of many lists have their own."""
        return not any(array.flags.owndata for array in (self.articles, self.positions))

    def weighing(self, share: float) -> Run:
        """The same postings, of which each occurrence counts only this share of what it did."""
        times, lists = self.times * share, self._lists
        return Run(self.articles, self.counts, self.best, self.positions, times, self.ascending, lists)

    @cached_property
    def begins(self) -> Places:
        """Where in ``positions`` those of each posting begin."""
        ends = np.add.accumulate(self.counts, dtype=self._of_sums)
        begins = (ends - self.counts).astype(np.intp)
        if self._lists is not None:
            sizes, starts = self._lists
            there = sizes > 0
            sizes, starts = sizes[there], starts[there]
            first = sizes.cumsum() - sizes
            begins += (starts - begins[first]).repeat(sizes)
        return begins

    def among(self, articles: Places, size: int) -> tuple[Places, Places]:
        """The postings of some articles, ascending ones, of the ``size`` that the segment has.

        Two arrays: numbers of postings, and for each the place of its article in ``articles``.
        """
        if self.ascending and len(articles) <= len(self.articles):
            at = self.articles.searchsorted(articles.astype(self.articles.dtype, copy=False))
            there = (self.articles.take(at, mode="clip") == articles).nonzero()[0]
            return at[there], there
        if self.ascending or len(self.articles) * _SPARSE < size:
            places = articles.searchsorted(self.articles)
            postings = (articles.take(places, mode="clip") == self.articles).nonzero()[0]
            return postings, places[postings]
        place = np.full(size, -1, np.intp)
        place[articles] = np.arange(len(articles))
        places = place.take(self.articles)
        postings = (places >= 0).nonzero()[0]
        return postings, places[postings]

    def positions_of(self, postings: Places) -> tuple[Array, Places]:
        """The positions of some postings, ascending ones, one after the other, and how many each has."""
        sizes = self.counts[postings].astype(np.intp)
        return self.positions.take(ranges(self.begins_of(postings, sizes), sizes, len(self.positions))), sizes

    def begins_of(self, postings: Places, counts: Array) -> Places:
        """Where in ``positions`` those of some postings begin, ascending ones. counts: of each."""
        if not len(postings):
            return np.empty(0, np.intp)
        if self._lists is not None or "begins" in self.__dict__:
            return self.begins[postings]
        if len(self.counts) < _SHORT:
            ends = np.add.accumulate(self.counts, dtype=self._of_sums)[postings]
        else:
            # Adds up all counts from one of them to the next, which is much faster than a sum for each posting.
            heads = np.zeros(len(postings), np.intp)
            np.add(postings[:-1], 1, out=heads[1:])
            ends = np.add.accumulate(
                np.add.reduceat(self.counts[: int(postings[-1]) + 1], heads, dtype=self._of_sums), dtype=self._of_sums
            )
        begins: Places = ends.astype(np.intp) - counts
        return begins

    @property
    def _of_sums(self) -> type[Any]:
        """The type of places in ``positions``: half of the size, where they fit into it, is half of the time."""
        return np.uint32 if len(self.positions) < 1 << 32 else np.intp


def ranges(begins: Places, sizes: Places, most: int) -> Places:
    """The numbers from each of ``begins`` on, as many as ``sizes`` says, one after the other.

    most: how many things have such numbers. IndexError where there are more, before memory is taken for them.
    """
    # Methods, as the functions of the same names take twice as long for the short arrays that come here, and this in
    # the place of cumsum for the same reason.
    ends = np.add.accumulate(sizes, dtype=np.intp)
    if len(ends) and ends[-1] > most:
        raise IndexError(f"{ends[-1]} numbers of {most} things")
    out: Places = (begins - ends + sizes).repeat(sizes)
    out += np.arange(len(out))
    return out
