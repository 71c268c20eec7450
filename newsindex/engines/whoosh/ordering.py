"""The order of hits over arrays: which come first, and which after a place, without ordering all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from newsindex.engines.base import Sort
from newsindex.engines.paging import Place
from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.labels import Mask
from newsindex.engines.whoosh.layout import UNDATED
from newsindex.engines.whoosh.runs import Places
from newsindex.engines.whoosh.snapshots import Floats, Ints, Ordinals, Snapshot

#: Up to so many keys are compared as strings; of more, eight bytes at a time.
_FEW_KEYS: Final = 200
_STRIP: Final = 8
#: Up to so many scores are sorted, of which most have no other like them.
_FEW_SCORES: Final = 8_192


@dataclass(frozen=True)
class Order:
    """The parts of ``paging.Place`` of some articles as arrays, compared one after the other, the keys last.

    Most scores decide alone: what comes after them is looked up when it is asked for.
    """

    snapshot: Snapshot
    ordinals: Ordinals
    score: Floats | None
    oldest_first: bool

    @classmethod
    def of(cls, snapshot: Snapshot, ordinals: Ordinals, sort: Sort, scores: Floats | None = None) -> Order:
        """scores: rounded; None where they count for nothing."""
        score = -scores if scores is not None and sort == "relevance" else None
        return cls(snapshot, ordinals, score, sort == "oldest")

    @cached_property
    def published(self) -> Ints:
        return self.snapshot.published[self.ordinals]

    @cached_property
    def undated(self) -> Mask:
        undated: Mask = self.published == UNDATED
        return undated

    @cached_property
    def date(self) -> Ints:
        dates = np.where(self.undated, 0, self.published)
        return dates if self.oldest_first else -dates

    def place(self, at: int) -> Place:
        """Where one of them stands."""
        score = 0.0 if self.score is None else float(self.score[at])
        published = int(self.snapshot.published[self.ordinals[at]])
        undated = published == UNDATED
        date = 0 if undated else published if self.oldest_first else -published
        return (score, int(undated), date, self._key(at))

    def after(self, last: Place) -> Places:
        """The places after ``last``."""
        beyond = np.zeros(len(self.ordinals), bool)
        equal = np.ones(len(self.ordinals), bool)
        for values, value in zip(self._columns(), last[:3], strict=True):
            if values is None:
                if value > 0.0:
                    return np.empty(0, np.intp)
                beyond |= value < 0.0
                continue
            beyond |= equal & (values > value)
            equal &= values == value
        tied = np.flatnonzero(equal & ~beyond)
        beyond[tied[_keys_after(self.snapshot, self.ordinals[tied], last[3])]] = True
        return np.flatnonzero(beyond)

    def first(self, count: int, among: Places | None = None) -> Places:
        """The first ``count`` of the places ``among``, or of all, in order."""
        if self.score is not None and among is None and 0 < len(self.ordinals) <= _FEW_SCORES:
            by_score = self.score.argsort()
            scores = self.score[by_score[: count + 1]]
            if not (scores[1:] == scores[:-1]).any():
                return by_score[:count]
            end = int(self.score.searchsorted(scores[:count][-1], side="right", sorter=by_score))
            if end <= 2 * count:
                return self._sorted(by_score[:end])[:count]
        tied = np.arange(len(self.ordinals)) if among is None else among
        sure: list[Array] = []
        missing = count
        for values in self._columns():
            if missing >= len(tied) or missing <= 0:
                break
            if values is not None:
                own = values[tied]
                threshold = np.partition(own, missing - 1)[missing - 1]
                sure.append(tied[own < threshold])
                tied = tied[own == threshold]
                missing -= len(sure[-1])
        if missing < len(tied):
            tied = tied[_first_keys(self.snapshot, self.ordinals[tied], missing)]
        return self._sorted(np.concatenate([*sure, tied]))

    def _columns(self) -> Iterator[Array | None]:
        yield self.score
        yield self.undated
        yield self.date

    def _sorted(self, places: Places) -> Places:
        """The places in order. Keys are read only where all else is equal."""
        columns = [values[places] for values in self._columns() if values is not None]
        order = np.lexsort(columns[::-1])
        places = places[order]
        equal = np.ones(max(len(places) - 1, 0), bool)
        for values in columns:
            own = values[order]
            equal &= own[1:] == own[:-1]
        if equal.any():
            # Each stretch of equal ones begins after a place where the next one differs, and so it ends.
            edges = np.flatnonzero(np.diff(equal, prepend=False, append=False))
            for first, last in edges.reshape(-1, 2).tolist():
                places[first : last + 1] = sorted(places[first : last + 1].tolist(), key=self._key)
        return places

    def _key(self, at: int) -> str:
        return self.snapshot.key(int(self.ordinals[at]))


def _first_keys(snapshot: Snapshot, ordinals: Ordinals, count: int) -> Places:
    """The places of the articles whose keys are the first ``count``, in no order."""
    sure: list[Places] = []
    tied = np.arange(len(ordinals))
    offset = 0
    while count > 0 and len(tied) > max(count, _FEW_KEYS):
        strips, longest = _strips(snapshot, ordinals[tied], offset)
        if offset > longest:
            break
        threshold = np.partition(strips, count - 1)[count - 1]
        sure.append(tied[strips < threshold])
        tied = tied[strips == threshold]
        count -= len(sure[-1])
        offset += _STRIP
    rest = sorted(tied.tolist(), key=lambda at: snapshot.key(int(ordinals[at])))[: max(count, 0)]
    return np.concatenate([*sure, np.array(rest, np.intp)])


def _keys_after(snapshot: Snapshot, ordinals: Ordinals, key: str) -> Mask:
    """Which articles have a key after ``key``."""
    after = np.zeros(len(ordinals), bool)
    tied = np.arange(len(ordinals))
    spelt = key.encode(errors="surrogatepass")
    offset = 0
    while len(tied) > _FEW_KEYS and offset <= len(spelt):
        strips, _ = _strips(snapshot, ordinals[tied], offset)
        own = int.from_bytes(spelt[offset : offset + _STRIP].ljust(_STRIP, b"\0"), "big")
        after[tied[strips > np.uint64(own)]] = True
        tied = tied[strips == np.uint64(own)]
        offset += _STRIP
    for at in tied.tolist():
        after[at] = snapshot.key(int(ordinals[at])) > key
    return after


def _strips(snapshot: Snapshot, ordinals: Ordinals, offset: int) -> tuple[Array, int]:
    """Eight bytes of each key from ``offset`` on, NULs after the end, as numbers of their order; the longest key.

    UTF-8 has the order of code points.
    """
    strips = np.zeros(len(ordinals), np.uint64)
    longest = 0
    order = np.argsort(ordinals, kind="stable")
    for _, part, where in snapshot.split(ordinals[order]):
        own = ordinals[order[where]] - part.first_article
        data, at = part.segment["key"], part.segment["key_at"]
        begins, ends = at[own].astype(np.intp), at[own + 1].astype(np.intp)
        longest = max(longest, int((ends - begins).max()))
        found = np.zeros(len(own), np.uint64)
        for byte in range(_STRIP):
            places = begins + (offset + byte)
            there = places < ends
            letters = np.where(there, data.take(places, mode="clip"), 0).astype(np.uint64)
            found = (found << np.uint64(8)) | letters
        strips[order[where]] = found
    return strips, longest
