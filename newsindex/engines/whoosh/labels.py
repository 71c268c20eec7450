"""Labels: which article of a segment has which tags, authors, sections, audiences and sources."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newsindex.analysis import keyword
from newsindex.engines.completion import word_starts
from newsindex.engines.whoosh.arrays import Array

Mask = NDArray[np.bool_]

#: So many letters of each word of a name and what is behind it are looked at to find those that begin so.
LONGEST_START: Final = 24
_LAST: Final = "\U0010ffff"


@dataclass(frozen=True)
class Labels:
    """Which article of a segment has which values. What is worked out is remembered, as segments never change.

    names: the values, each once. at: the pairs of article a are values[at[a]:at[a + 1]]. values: places in ``names``.
    """

    names: tuple[str, ...]
    at: Array
    values: Array

    @cached_property
    def articles(self) -> NDArray[np.uint32]:
        """The article of each pair."""
        return np.repeat(np.arange(max(len(self.at) - 1, 0), dtype=np.uint32), np.diff(self.at))

    @cached_property
    def keywords(self) -> tuple[str, ...]:
        """Each name by ``analysis.keyword``: "" for those that have none."""
        return tuple(keyword(name) for name in self.names)

    @cached_property
    def again(self) -> NDArray[np.intp]:
        """The pairs whose article has another spelling of the same value before them. There are few."""
        place = {key: at for at, key in enumerate(dict.fromkeys(self.keywords))}
        if len(place) == len(self.names):
            return np.empty(0, np.intp)
        keys = np.fromiter((place[key] for key in self.keywords), np.int64, len(self.names))
        pairs = self.articles.astype(np.int64) * len(place) + keys[self.values]
        first = np.zeros(len(pairs), bool)
        first[np.unique(pairs, return_index=True)[1]] = True
        return np.flatnonzero(~first)

    def starting(self, text: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The names of which a word begins with ``text``, folded, and those of which the first does, as places.

        Some come twice. Of a text longer than LONGEST_START, those that begin with so much of it.
        """
        starts, places, firsts = self._starts
        wanted = text[:LONGEST_START]
        own = slice(bisect_left(starts, wanted), bisect_right(starts, wanted + _LAST))
        return places[own], places[own][firsts[own]]

    @cached_property
    def _starts(self) -> tuple[list[str], NDArray[np.intp], Mask]:
        """The names from each of their words on, in order; the place of each; whether the name begins there."""
        found = sorted(
            (key[at : at + LONGEST_START], place, at == 0)
            for place, key in enumerate(self.keywords)
            for at in word_starts(key)
        )
        texts, places, firsts = zip(*found, strict=True) if found else ((), (), ())
        return list(texts), np.array(places, np.intp), np.array(firsts, bool)

    def having(self, wanted: Collection[str]) -> Mask:
        """Which articles have one of the values that are wanted."""
        return self._having(at for at, name in enumerate(self.names) if name in wanted)

    def keyed(self, wanted: Collection[str]) -> Mask:
        """Which articles have a value with one of these keywords."""
        return self._having(place for key in wanted for place in self._places.get(key, ()))

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for at, key in enumerate(self.keywords):
            if key:
                places.setdefault(key, []).append(at)
        return places

    def _having(self, places: Iterable[int]) -> Mask:
        mask = np.zeros(max(len(self.at) - 1, 0), bool)
        chosen = np.fromiter(places, np.intp)
        if len(chosen) == 1:
            mask[self.articles[np.flatnonzero(self.values == chosen[0])]] = True
        elif len(chosen):
            table = np.zeros(len(self.names), bool)
            table[chosen] = True
            mask[self.articles[np.flatnonzero(table.take(self.values))]] = True
        return mask
