"""The page of hits that was asked for, out of all that match.

By relevance, an article is judged exactly only if it may come first by what its score can be at most (scoring.at_most):
those that may, in the order of the best place they may have, until no other can come before the last hit of the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from newsindex.deadline import OutOfTime
from newsindex.engines.base import SearchRequest
from newsindex.engines.paging import Place, decode_cursor, encode_cursor
from newsindex.engines.whoosh.labels import Mask
from newsindex.engines.whoosh.ordering import Order
from newsindex.engines.whoosh.runs import Places
from newsindex.engines.whoosh.scoring import Question, Scores, at_most, exact, joined
from newsindex.engines.whoosh.snapshots import Floats, Ordinals, Singles
from newsindex.ranking import DECIMALS

#: Up to so many matching articles are judged without asking which of them may come first.
_FEW: Final = 128
#: How many more than twice those of the page are judged first, for one leaf and for each of several: nine pages out of
#: ten need no second look.
_FIRST_OF_ONE: Final = 8
_FIRST: Final = 32
#: Of those far from the beginning, half as many again as come before.
_MOST: Final = 500
#: In how many times as many as were judged an end is put to it, by judging all that can still come before the last.
_LAST: Final = 8
#: How many are judged at a time.
_CHUNK: Final = 4_096
#: Fewer matching articles than one in so many are looked up one by one.
_SPARSE: Final = 16
#: In how many rows the best are looked for.
_ROWS: Final = 64


class Hit(NamedTuple):
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
    if request.offset >= total or not request.limit:
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
    hits = _hits(question, order, places, judged)
    more = len(first) > end
    return Page(hits, encode_cursor(request.sort, order.place(places[-1])) if more and places else None)


def _first(order: Order, count: int, last: Place | None) -> Places:
    """The first ``count`` places in ``order``, or those after ``last``."""
    return order.first(count, None if last is None else order.after(last))


def _hits(question: Question, order: Order, places: list[int], judged: _Judged | None) -> list[Hit]:
    if not places:
        return []
    if judged is None:
        judged = _Judged(question)
        ordinals = order.ordinals[places]
        judged.judge(np.sort(ordinals))
        places = np.argsort(np.argsort(ordinals)).tolist()
    return judged.hits(places)


class _Judged:
    """The articles whose exact score is known."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._known: list[tuple[Ordinals, Scores]] = []

    def judge(self, ordinals: Ordinals) -> bool:
        """Work out the scores of some articles, ascending ones, unless known; whether there was time for it."""
        new = ordinals
        if self._known:
            unknown = np.ones(self.question.evaluation.snapshot.articles, bool)
            unknown[self._all[0]] = False
            new = new[unknown[new]]
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

    @property
    def _all(self) -> tuple[Ordinals, Scores]:
        """What is known, as one."""
        if len(self._known) > 1:
            ordinals, scores = zip(*self._known, strict=True)
            self._known = [(np.concatenate(ordinals), joined(scores))]
        return self._known[0]

    def order(self) -> Order:
        """What is known, in order of relevance."""
        ordinals, scores = self._all
        return Order.of(self.question.evaluation.snapshot, ordinals, "relevance", scores.articles)

    def hits(self, places: list[int]) -> list[Hit]:
        """The hits at some places of ``order().ordinals``."""
        known, scores = self._all
        at = np.array(places, np.intp)
        columns = (column[at].tolist() for column in (known, scores.articles, scores.at, scores.at[1:]))
        return [
            Hit(ordinal, score, scores.paragraphs[begin:end])
            for ordinal, score, begin, end in zip(*columns, strict=True)
        ]


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
        ordinals, most = None, at_most(question)
        # Nothing for what does not match. A copy by the mask would take ten times as long.
        most *= matched
    size = _first_size(wanted, len(question.leaves))
    while True:
        candidates, following = _most_promising(question, ordinals, most, matched, size, total)
        in_time = judged.judge(candidates)
        order = judged.order()
        first = _first(order, wanted, last)
        found = len(first) == wanted
        if not in_time or following is None or (found and order.place(int(first[-1])) < following):
            return order, first
        # No other score can be needed than those that may reach the last one known to be as good.
        enough = int(np.count_nonzero(most >= _least(-order.place(int(first[-1]))[0]))) if found else total
        size = min(max(enough, size + 1), size * (_LAST if found else 2), total)


def _first_size(wanted: int, leaves: int) -> int:
    """How many articles are judged first."""
    return wanted + min(wanted, _MOST) + (_FIRST_OF_ONE if leaves == 1 else _FIRST * min(leaves + 1, 4))


def _least(score: float) -> np.float32:
    """What a number is at least that is rounded to ``score`` or to more."""
    # Numbers that differ may be rounded to the same.
    least: np.float32 = np.nextafter(np.float32(score - 10.0**-DECIMALS), np.float32(-1))
    return least


def _most_promising(
    question: Question, ordinals: Ordinals | None, most: Singles, matched: Mask, size: int, total: int
) -> tuple[Ordinals, Place | None]:
    """About ``size`` articles with the best places that they may have, ascending, and a place that no other may come
    before.

    ordinals: of the articles that match, None for those of ``matched``. most: what scores can be, for each of
    ``ordinals`` or for all articles, then 0 for those that don't match. The place is None where there are no others.
    """
    if size >= total:
        return np.flatnonzero(matched) if ordinals is None else ordinals, None
    threshold = round(float(_threshold(most, size)), DECIMALS)
    least = _least(threshold)
    # What does not match is 0 as well.
    pool = ((most >= least) if least > 0 or ordinals is not None else matched).nonzero()[0]
    chosen = pool if ordinals is None else ordinals[pool]
    # Later than any that may have this score is the place after the undated.
    later = (-threshold, 2, 0, "")
    if len(pool) <= 2 * size:
        return chosen, later
    scores = most[pool].astype(np.float64).round(DECIMALS)
    above = scores >= threshold
    order = Order.of(question.evaluation.snapshot, chosen[above], "relevance", scores[above])
    first = order.first(size + 1)
    if len(first) <= size:
        # All that may have this score are among them.
        return chosen[above], later
    return np.sort(order.ordinals[first[:size]]), order.place(int(first[-1]))


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
