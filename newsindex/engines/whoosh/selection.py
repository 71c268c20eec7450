"""The page of hits that was asked for, out of all that match.

By relevance, an article is judged exactly only if it may come first by what its score can be at most (scoring.at_most):
those that may, in the order of the best place they may have, until no other can come before the last hit of the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from newsindex.deadline import OutOfTime
from newsindex.engines.base import SearchRequest
from newsindex.engines.paging import Place, decode_cursor, encode_cursor
from newsindex.engines.whoosh.labels import Mask
from newsindex.engines.whoosh.ordering import Order
from newsindex.engines.whoosh.runs import Places
from newsindex.engines.whoosh.scoring import Question, Scores, at_most, exact
from newsindex.engines.whoosh.snapshots import Floats, Ordinals, Singles
from newsindex.ranking import DECIMALS

#: Up to so many matching articles are judged without asking which of them may come first.
_FEW: Final = 128
#: How many more than twice those of the page are judged first for each leaf: nine pages out of ten need no second look.
_FIRST: Final = 32
#: Each look takes in twice as many as the one before, but where there are more than this, only half as many again.
_MOST: Final = 1_000
#: How many are judged at a time.
_CHUNK: Final = 4_096
#: Fewer matching articles than one in so many are looked up one by one.
_SPARSE: Final = 8
#: In how many rows the best are looked for.
_ROWS: Final = 64


@dataclass(frozen=True)
class Hit:
    """An article of the page. score: rounded. paragraphs: the scores of all of its paragraphs, not rounded."""

    ordinal: int
    score: float
    paragraphs: Floats


@dataclass(frozen=True)
class Page:
    """next_cursor: None at the end."""

    hits: list[Hit]
    next_cursor: str | None


def page(question: Question, matched: Mask, total: int, request: SearchRequest) -> Page:
    """The page of ``request`` among the ``total`` matched articles."""
    last = None if request.cursor is None else decode_cursor(request.sort, request.cursor)
    end = request.offset + request.limit
    if not total or not request.limit:
        return Page([], None)
    # One more than the page tells whether there is another page.
    if request.sort == "relevance" and question.leaves:
        judged = _Judged(question)
        order, first = _best(judged, matched, total, end + 1, last)
    else:
        judged = None
        order = Order.of(question.evaluation.snapshot, np.flatnonzero(matched), request.sort)
        first = _first(order, end + 1, last)
    places = first[request.offset : end].tolist()
    hits = _hits(question, [int(order.ordinals[at]) for at in places], judged)
    more = len(first) > end
    return Page(hits, encode_cursor(request.sort, order.place(places[-1])) if more and places else None)


def _first(order: Order, count: int, last: Place | None) -> Places:
    """The first ``count`` places in ``order``, or those after ``last``."""
    return order.first(count, None if last is None else order.after(last))


def _hits(question: Question, ordinals: list[int], judged: _Judged | None) -> list[Hit]:
    if judged is None:
        judged = _Judged(question)
        judged.judge(np.array(sorted(ordinals), np.intp))
    return judged.hits(ordinals)


class _Judged:
    """The articles whose exact score is known."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._known: list[tuple[Ordinals, Scores]] = []

    def judge(self, ordinals: Ordinals) -> bool:
        """Work out the scores of some articles, ascending ones, unless known; whether there was time for it."""
        new = ordinals
        for known, _ in self._known:
            new = np.setdiff1d(new, known, assume_unique=True)
        for first in range(0, len(new), _CHUNK):
            if self._known:
                try:
                    self.question.evaluation.deadline.check()
                except OutOfTime:
                    self.question.evaluation.partial = True
                    return False
            chunk = new[first : first + _CHUNK]
            self._known.append((chunk, exact(self.question, chunk)))
        return True

    def order(self) -> Order:
        """What is known, in order of relevance."""
        ordinals = np.concatenate([known for known, _ in self._known])
        scores = np.concatenate([scores.articles for _, scores in self._known])
        return Order.of(self.question.evaluation.snapshot, ordinals, "relevance", scores)

    def hits(self, ordinals: list[int]) -> list[Hit]:
        """Those judged articles as hits."""
        found: dict[int, Hit] = {}
        for known, scores in self._known:
            at = known.searchsorted(ordinals).clip(max=len(known) - 1)
            for ordinal, same, place in zip(ordinals, known[at].tolist(), at.tolist(), strict=True):
                if ordinal == same:
                    found[ordinal] = Hit(ordinal, float(scores.articles[place]), scores.of_paragraphs(place))
        return [found[ordinal] for ordinal in ordinals]


def _best(judged: _Judged, matched: Mask, total: int, wanted: int, last: Place | None) -> tuple[Order, Places]:
    """The order of enough articles, and the places in it of the first ``wanted`` after ``last``."""
    if total <= max(_FEW, wanted):
        judged.judge(np.flatnonzero(matched))
        order = judged.order()
        return order, _first(order, wanted, last)
    question = judged.question
    if total * _SPARSE < len(matched):
        ordinals = np.flatnonzero(matched)
        most = at_most(question, ordinals)
    else:
        ordinals, most = None, _below_zero(at_most(question), ~matched)
    for size in _sizes(2 * wanted + _FIRST * min(len(question.leaves) + 1, 4), total):
        candidates, following = _most_promising(question, ordinals, most, size, total)
        in_time = judged.judge(np.sort(candidates))
        order = judged.order()
        first = _first(order, wanted, last)
        if not in_time or following is None or (len(first) == wanted and order.place(int(first[-1])) < following):
            break
    return order, first


def _below_zero(most: Singles, those: Mask) -> Singles:
    """``most`` itself, with those made negative. A copy by the mask would take ten times as long."""
    sign = those.astype(np.float32)
    sign *= -2
    sign += 1
    most += np.finfo(np.float32).tiny
    most *= sign
    return most


def _sizes(size: int, total: int) -> Iterator[int]:
    while size < total:
        yield size
        size += min(size, max(size // 2, _MOST))
    yield total


def _most_promising(
    question: Question, ordinals: Ordinals | None, most: Singles, size: int, total: int
) -> tuple[Ordinals, Place | None]:
    """The ``size`` articles with the best places that they may have, and a place that no other may come before.

    ordinals: of the articles that match, None for all. most: what their scores can be, below 0 for those that don't
    match. The place is None where there are no others.
    """
    if size >= total:
        return np.flatnonzero(most >= 0) if ordinals is None else ordinals, None
    threshold = round(float(_threshold(most, size)), DECIMALS)
    # Numbers that differ may be rounded to the same; but what does not match stays out.
    least = np.nextafter(np.float32(threshold - 10.0**-DECIMALS), np.float32(-1))
    pool = np.flatnonzero(most >= max(least, np.float32(0)))
    scores = most[pool].astype(np.float64).round(DECIMALS)
    chosen = scores >= threshold
    pool = pool[chosen] if ordinals is None else ordinals[pool[chosen]]
    order = Order.of(question.evaluation.snapshot, pool, "relevance", scores[chosen])
    first = order.first(size + 1)
    if len(first) <= size:
        # All that may have this score are among them; later than any of those is the place after the undated.
        return pool, (-threshold, 2, 0, "")
    return pool[first[:size]], order.place(int(first[-1]))


def _threshold(most: Singles, size: int) -> np.float32:
    """A number that at least ``size`` of ``most`` reach, and not many more."""
    columns = len(most) // _ROWS
    if columns > 2 * size:
        # Several times faster than a partition of all: each column that has one that reaches it counts for one.
        tallest = most[: columns * _ROWS].reshape(_ROWS, columns).max(axis=0)
        found: np.float32 = np.partition(tallest, columns - size)[columns - size]
        if found >= 0:
            return found
    found = np.partition(most, len(most) - size)[len(most) - size]
    return found
