"""Phrases: where words stand one after another, from the positions of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from newsindex.engines.whoosh.arrays import Array, smallest_type
from newsindex.engines.whoosh.few_phrases import FEW_ARTICLES, few_in_a_row
from newsindex.engines.whoosh.runs import Places, Run
from newsindex.engines.whoosh.segments import Segment

#: How many positions are looked at together, with a byte for each.
_BLOCK: Final = 2_000_000
#: Fewer articles than one in so many are looked up in a list; for more, all of the list is marked.
_SPARSE: Final = 16


def in_a_row(segment: Segment, field: str, met: Sequence[Sequence[Run]], check: Callable[[], None]) -> list[Run]:
    """Where steps stand at consecutive positions: one run, or none.

    met: the ascending runs of each step, any of which will do. check: is called now and then, and may raise.
    """
    order = sorted(range(len(met)), key=lambda step: sum(map(len, met[step])))
    articles = _common(segment, [met[step] for step in order])
    if not len(articles):
        return []
    if len(articles) <= FEW_ARTICLES:
        return few_in_a_row(segment, articles, [met[step] for step in order], order)
    # As many places after each article as there are steps keep what begins in one from going on in the next.
    extents = _extents(segment, field, articles, met) + len(met)
    blocks = list(_blocks(extents))
    marks = _Marks(max(int(extents[first:end].sum()) for first, end in blocks), len(met))
    edges = np.append(articles[[first for first, _ in blocks]], articles[-1] + 1)
    steps = [(step, [_Stretches(run, edges) for run in met[step]]) for step in order]
    found: list[tuple[Places, Array]] = []
    for number, (first, end) in enumerate(blocks):
        check()
        block = _Block(marks, articles[first:end], extents[first:end], int(edges[number + 1]))
        found.append(block.rows(steps, number))
    owners = np.concatenate([own for own, _ in found])
    if not len(owners):
        return []
    first_of = np.flatnonzero(np.diff(owners, prepend=-1))
    counts = np.diff(first_of, append=len(owners))
    return [Run(owners[first_of].astype(np.uint32), counts, counts, np.concatenate([at for _, at in found]))]


class _Stretches:
    """A run cut into the postings of each block. edges: the first article of each, and one after the last."""

    def __init__(self, run: Run, edges: Places) -> None:
        self.run = run
        self._edges = np.searchsorted(run.articles, edges.astype(run.articles.dtype)).tolist()

    def postings(self, block: int) -> tuple[int, int]:
        """The number of the first posting of a block, and that of the one after the last."""
        return self._edges[block], self._edges[block + 1]

    def positions(self, first: int, end: int) -> Array:
        begins = self.run.begins
        if first == end:
            return self.run.positions[:0]
        return self.run.positions[int(begins[first]) : int(begins[end]) if end < len(begins) else None]


class _Marks:
    """A row of marks. Each block has numbers of its own, so that nothing of the one before needs to be wiped off."""

    def __init__(self, widest: int, steps: int) -> None:
        """widest: the most places that the articles of a block take."""
        self.steps = steps
        self.row = np.zeros(widest + steps + 1, smallest_type(steps + 1))
        self._most = 256**self.row.itemsize - 1
        self._next = 0

    def numbers(self) -> int:
        """The first of as many new numbers as there are steps, less one: what stands for no step."""
        if self._next + self.steps > self._most:
            self.row.fill(0)
            self._next = 0
        first = self._next
        self._next += self.steps
        return first


class _Block:
    """The positions of some articles as one row of marks: how many steps are met by what begins at each.

    All other articles share the end of the row, of which nothing is kept: to go there is cheaper than to be left out.
    Their first positions may mark free places before it, but no row of theirs begins there.
    """

    def __init__(self, marks: _Marks, articles: Places, extents: Places, next_article: int) -> None:
        """extents: how many places each article takes. next_article: the first of the next block."""
        self._marks = marks.row
        self._unmet = marks.numbers()
        self._articles = articles
        ends = marks.steps + np.cumsum(extents)
        self._begins: Places = ends - extents
        self._end = int(ends[-1])
        self._row_of = np.full(next_article - int(articles[0]), self._end, np.int32)
        self._row_of[articles - articles[0]] = self._begins

    def rows(self, steps: Sequence[tuple[int, Sequence[_Stretches]]], block: int) -> tuple[Places, Array]:
        """The article and the position of each place where all steps stand in a row, in order.

        steps: their numbers, in any order, with their runs. block: the number of this one.
        """
        hits: list[Places] = []
        for level, (step, stretches) in enumerate(steps, self._unmet):
            hits = [self._going_on(self._places(each, block, step), level) for each in stretches]
            for places in hits:
                self._marks[places] = level + 1
        found = hits[0]
        if len(hits) > 1:
            found = np.concatenate(hits)
            found.sort()
        # A form may stand twice at a position, and forms of one stem at the same.
        found = found[np.append(found[1:] > found[:-1], True)] if len(found) else found
        own = self._begins.searchsorted(found, side="right") - 1
        return self._articles[own], found - self._begins[own]

    def _going_on(self, places: Places, level: int) -> Places:
        """Those of the places at which all steps before this one are met."""
        if level == self._unmet:
            return np.minimum(places, self._end, out=places)
        places = places[self._marks.take(places, mode="clip") == level]
        return places[places < self._end]

    def _places(self, stretches: _Stretches, block: int, step: int) -> Places:
        """Where something would begin whose step is met by a run."""
        first, end = stretches.postings(block)
        rows = self._row_of.take(stretches.run.articles[first:end] - np.uint32(self._articles[0]))
        if 2 * int(np.count_nonzero(rows == self._end)) > len(rows):
            inside = (rows != self._end).nonzero()[0]
            positions, sizes = stretches.run.positions_of(first + inside)
            rows = rows[inside]
        else:
            positions, sizes = stretches.positions(first, end), stretches.run.counts[first:end]
            if int(sizes.sum(dtype=np.int64)) != len(positions):
                raise IndexError(f"{len(positions)} positions are not those of {len(sizes)} postings")
        rows -= step
        places = rows.repeat(sizes)
        # In half of the size, into which all fit, this takes half of the time.
        np.add(places, positions, out=places, casting="unsafe")
        return places.astype(np.intp)


def _common(segment: Segment, met: Sequence[Sequence[Run]]) -> Places:
    """The articles in which each step is met. met: the rarest first."""
    if not all(met):
        return np.empty(0, np.intp)
    articles: Places | None = None
    for runs in met:
        if articles is not None and len(articles) * _SPARSE < sum(map(len, runs)):
            there = np.zeros(len(articles), bool)
            for run in runs:
                there[run.among(articles, segment.articles)[1]] = True
            articles = articles[there]
        elif articles is None and len(runs) == 1:
            articles = runs[0].articles.astype(np.intp)
        else:
            mask = np.zeros(segment.articles, bool)
            for run in runs:
                mask[run.articles.astype(np.intp)] = True
            articles = np.flatnonzero(mask) if articles is None else articles[mask[articles]]
        if not len(articles):
            break
    assert articles is not None
    return articles


def _extents(segment: Segment, field: str, articles: Places, met: Sequence[Sequence[Run]]) -> Places:
    """How many positions the field takes in each article, or more."""
    if field == "text":
        last = segment["first_paragraph"][articles + 1].astype(np.intp) - 1
        return segment["paragraph_start"][last].astype(np.intp) + segment["paragraph_length"][last]
    most = max(int(run.positions.max()) for runs in met for run in runs)
    return np.full(len(articles), most + 1, np.intp)


def _blocks(extents: Places) -> Iterator[tuple[int, int]]:
    """Stretches of articles that have about _BLOCK positions together, or are one long one."""
    ends = np.cumsum(extents)
    first = 0
    while first < len(extents):
        before = int(ends[first - 1]) if first else 0
        end = max(int(np.searchsorted(ends, before + _BLOCK, side="right")), first + 1)
        yield first, end
        first = end
