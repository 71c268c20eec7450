"""The order of matching articles and the page of them that was asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from newsindex.engines.base import SearchRequest
from newsindex.engines.paging import Place, decode_cursor, encode_cursor
from newsindex.engines.whoosh.columns import UNDATED, Floats, Ints, Mask
from newsindex.engines.whoosh.segments import Snapshot


@dataclass(frozen=True)
class Page:
    """hits: places in the arrays given, in order. next_cursor: None at the end."""

    hits: list[int]
    next_cursor: str | None


def page(snapshot: Snapshot, ordinals: Ints, scores: Floats, request: SearchRequest) -> Page:
    """The page of ``request`` among the articles with these ordinals and rounded scores."""
    order = _Order(snapshot, ordinals, scores, request)
    last = None if request.cursor is None else decode_cursor(request.sort, request.cursor)
    rest = order.after(last) if last else np.arange(len(ordinals))
    end = request.offset + request.limit
    first = order.first(rest, end)
    hits = first[request.offset : end]
    more = end < len(rest) and hits
    return Page(hits, encode_cursor(request.sort, order.place(hits[-1])) if more else None)


class _Order:
    """The parts of ``paging.Place`` as arrays, compared one after the other; keys only where all else is equal."""

    def __init__(self, snapshot: Snapshot, ordinals: Ints, scores: Floats, request: SearchRequest) -> None:
        self._keys = snapshot.columns.keys
        self._ordinals = ordinals
        published = snapshot.columns.published[ordinals]
        undated = published == UNDATED
        dates = np.where(undated, 0, published)
        self._score = -scores if request.sort == "relevance" else np.zeros(len(ordinals))
        self._undated = undated.astype(np.int8)
        self._date = dates if request.sort == "oldest" else -dates

    def place(self, at: int) -> Place:
        key = self._keys[self._ordinals[at]]
        return (float(self._score[at]), int(self._undated[at]), int(self._date[at]), key)

    def after(self, last: Place) -> Ints:
        """The places after ``last``."""
        beyond: Mask = np.zeros(len(self._ordinals), bool)
        equal: Mask = np.ones(len(self._ordinals), bool)
        for values, value in ((self._score, last[0]), (self._undated, last[1]), (self._date, last[2])):
            beyond |= equal & (values > value)
            equal &= values == value
        for at in np.flatnonzero(equal):
            beyond[at] = self._keys[self._ordinals[at]] > last[3]
        return np.flatnonzero(beyond)

    def first(self, among: Ints, count: int) -> list[int]:
        """The first ``count`` of the places ``among``, in order."""
        if count <= 0 or not len(among):
            return []
        sure = np.empty(0, np.int64)
        tied = among
        for values in (self._score, self._undated, self._date):
            missing = count - len(sure)
            if missing >= len(tied):
                break
            own = values[tied]
            threshold = np.partition(own, missing - 1)[missing - 1]
            sure = np.concatenate([sure, tied[own < threshold]])
            tied = tied[own == threshold]
        candidates = np.concatenate([sure, tied]).tolist()
        return sorted(candidates, key=self.place)[:count]
