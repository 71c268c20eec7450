"""Phrases with slop: where words stand near each other, from the positions of each. ``matching.occurrences`` says what
that means; this is the same over arrays.

All positions of some articles are one row of numbers, in which articles are so far apart that nothing near reaches from
one to the next. Step number i at position p would have the phrase begin at p - i: what is near is that the beginnings
of all steps are at most ``slop`` apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from newsindex.engines.whoosh.arrays import smallest_type
from newsindex.engines.whoosh.runs import Places, Run, ranges
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.snapshots import Ints

#: How many positions are looked at together, those of all steps.
_BLOCK: Final = 500_000
#: The number of an article takes the bits from this one on, its positions those below, with one to spare.
_ARTICLE: Final = 33
_POSITIONS: Final = (1 << _ARTICLE) - 1
#: Where a step has more than so many times the places of the rarest, those that are near are sought out.
_MANY: Final = 1
#: No text is longer, so a larger slop means the same.
_MOST: Final = 1 << 31
#: Before all that there is, and still a number when slop is taken away.
_NEVER: Final = -(1 << 61)


def near(
    segment: Segment,
    field: str,
    met: Sequence[Sequence[Run]],
    following: Sequence[int | None],
    slop: int,
    check: Callable[[], None],
) -> list[Run]:
    """Where steps stand near each other: one run, or none.

    met: the ascending runs of each step, any of which will do. following: of ``matching.repeats``. check: is called now
    and then, and may raise.
    """
    articles = _common(segment, met)
    owners, found = [np.empty(0, np.intp)], [np.empty(0, np.int64)]
    for block in _blocks(segment, articles, met):
        check()
        begins = [_begins(segment, block, runs, step) for step, runs in enumerate(met)]
        begins, rarest = _closest(begins, min(slop, _MOST))
        if len(rarest):
            starts = _starts(segment, field, block, _ascending([rarest >> _ARTICLE]))
            places = firsts(begins, starts, following, slop)
            owners.append(block[places >> _ARTICLE])
            found.append(places & _POSITIONS)
    own = np.concatenate(owners)
    if not len(own):
        return []
    first_of = np.flatnonzero(np.diff(own, prepend=-1))
    counts = np.diff(first_of, append=len(own))
    return [Run(own[first_of].astype(np.uint32), counts, counts, np.concatenate(found))]


def firsts(begins: Sequence[Ints], starts: Ints, following: Sequence[int | None], slop: int) -> Ints:
    """The first place that each match takes, ascending.

    begins: for each step, the places at which it is met, less its number; ascending. Of steps that look for the same
    the same places. starts: the place at which each text begins, ascending; no match goes from one into the next.
    following: of ``matching.repeats``.
    """
    slop = min(slop, _MOST)
    # So far apart, the texts are out of reach of each other.
    apart = slop + len(begins)
    widened = [own + apart * _text(starts, own + step) for step, own in enumerate(begins)]
    places = _matches(widened, following, slop)
    return places - apart * _text(starts + apart * np.arange(len(starts)), places)


def _text(starts: Ints, places: Ints) -> Ints:
    """The numbers of the texts at some ascending places, -1 before the first."""
    found: Ints
    if len(places) < len(starts):
        found = starts.searchsorted(places, side="right") - 1
    else:
        sizes = np.diff(places.searchsorted(starts), prepend=0, append=len(places))
        found = np.arange(-1, len(starts)).repeat(sizes)
    return found


def _matches(begins: Sequence[Ints], following: Sequence[int | None], slop: int) -> Ints:
    """The first place that each match takes, wherever the texts end."""
    sizes = [len(own) for own in begins]
    if not all(sizes):
        return np.empty(0, np.int64)
    every = np.concatenate(begins)
    # Finds what is ascending already, and only merges.
    order = every.argsort(kind="stable")
    ends = every[order]
    steps = np.arange(len(begins), dtype=smallest_type(len(begins))).repeat(sizes)[order]
    numbers = np.concatenate([np.arange(size) for size in sizes])[order]
    earliest = np.full(len(ends), -_NEVER)
    first = earliest.copy()
    chosen: dict[int, Places] = {}
    for step in reversed(range(len(begins))):
        # For each end, the last place of the step that is not beyond it, by its number.
        last = np.maximum.accumulate(np.where(steps == step, numbers, -1))
        after = following[step]
        if after is not None:
            np.minimum(last, chosen.pop(after) - 1, out=last)
        if step in following:
            chosen[step] = last
        own = np.where(last < 0, _NEVER, begins[step].take(last, mode="clip"))
        np.minimum(earliest, own, out=earliest)
        np.minimum(first, own + step, out=first)
    once = np.append(ends[1:] > ends[:-1], True)
    ends, earliest, first = ends[once], earliest[once], first[once]
    # Where a match could begin no later for an earlier end, its stretch has a smaller one inside.
    smallest = np.diff(earliest, prepend=2 * _NEVER) > 0
    found: Ints = first[smallest & (ends - earliest <= slop)]
    return found


def _closest(begins: Sequence[Ints], slop: int) -> tuple[list[Ints], Ints]:
    """Less of places that are many: those near to one of the rarest step which has some of each step near to it.

    And the places of the rarest step, of which each match has one.
    """
    rarest = min(range(len(begins)), key=lambda step: len(begins[step]))
    kept = begins[rarest]
    for own in begins:
        first, end = _around(own, kept - slop, kept + slop)
        kept = kept[first < end]
    out = list(begins)
    for step, own in enumerate(begins):
        if len(own) > _MANY * len(kept):
            # The same for each step: those that look for the same need the same places.
            first, end = _around(own, kept - slop - step, kept + slop + len(begins) - step)
            edges = np.zeros(len(own) + 1, np.int64)
            np.add.at(edges, first, 1)
            np.add.at(edges, end, -1)
            out[step] = own[edges.cumsum()[:-1] > 0]
    return out, kept + rarest


def _around(places: Ints, first: Ints, last: Ints) -> tuple[Places, Places]:
    """For each stretch, the number of the first of the places inside and the one after that of the last."""
    return places.searchsorted(first), places.searchsorted(last, side="right")


def _begins(segment: Segment, articles: Places, runs: Sequence[Run], step: int) -> Ints:
    """Where the phrase would begin for each place in some articles at which a step is met, ascending."""
    found = []
    for run in runs:
        postings, places = run.among(articles, segment.articles)
        positions, sizes = run.positions_of(postings)
        found.append((places.astype(np.int64) << _ARTICLE).repeat(sizes) + positions.astype(np.int64) - step)
    return _ascending(found)


def _ascending(found: Sequence[Ints]) -> Ints:
    """Ascending numbers put together, each once."""
    every = np.concatenate(found)
    if len(found) > 1:
        every.sort(kind="stable")
    return every[np.append(every[1:] > every[:-1], True)] if len(every) else every


def _starts(segment: Segment, field: str, articles: Places, places: Ints) -> Ints:
    """Where the texts of some articles begin. places: numbers in ``articles``, ascending."""
    heads = places << _ARTICLE
    if field == "text":
        first, starts = segment["first_paragraph"], segment["paragraph_start"]
    elif field == "tags":
        first, starts = segment.tag_starts
    else:
        return heads
    own = articles[places]
    numbers = first[own].astype(np.intp)
    sizes = first[own + 1].astype(np.intp) - numbers
    return heads.repeat(sizes) + starts[ranges(numbers, sizes, len(starts))].astype(np.int64)


def _common(segment: Segment, met: Sequence[Sequence[Run]]) -> Places:
    """The articles in which each step is met, ascending."""
    articles: Places | None = None
    for runs in sorted(met, key=lambda runs: sum(map(len, runs))):
        there = np.zeros(segment.articles if articles is None else len(articles), bool)
        for run in runs:
            there[run.articles if articles is None else run.among(articles, segment.articles)[1]] = True
        articles = np.flatnonzero(there) if articles is None else articles[there]
    assert articles is not None
    return articles


def _blocks(segment: Segment, articles: Places, met: Sequence[Sequence[Run]]) -> Iterator[Places]:
    """The articles in blocks that have about _BLOCK positions together, or are one long one."""
    sizes = np.zeros(len(articles), np.int64)
    for run in (run for runs in met for run in runs):
        postings, places = run.among(articles, segment.articles)
        sizes[places] += run.counts[postings]
    ends = sizes.cumsum()
    first = 0
    while first < len(articles):
        before = int(ends[first - 1]) if first else 0
        end = max(int(ends.searchsorted(before + _BLOCK, side="right")), first + 1)
        yield articles[first:end]
        first = end
