"""Phrases in few articles: where words stand one after another, without a row of marks for all positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.runs import Places, Run
from newsindex.engines.whoosh.segments import Segment

#: In more articles than this, phrases.py marks positions in the place of sorting them.
FEW_ARTICLES: Final = 1_000
#: The article takes the upper half of a 64-bit number, the position the lower.
_ARTICLE: Final = 32


def few_in_a_row(segment: Segment, articles: Places, met: Sequence[Sequence[Run]], steps: Sequence[int]) -> list[Run]:
    """Where steps stand at consecutive positions of some articles, ascending ones: one run, or none.

    met: the ascending runs of each step, any of which will do, in any order. steps: their numbers, in the same order.
    """
    own = articles.astype(np.uint32)
    begins: Array | None = None
    for runs, step in zip(met, steps, strict=True):
        # What would begin before its article comes to lie far behind the end of another, where no first step stands.
        keys = _keys(segment, own, runs) - step
        keys.sort()
        if begins is None:
            # A form may stand twice at a position, and forms of one stem at the same.
            begins = keys[_firsts(keys)]
        else:
            at = keys.searchsorted(begins)
            begins = begins[keys.take(at, mode="clip") == begins] if len(keys) else keys
        if not len(begins):
            return []
    assert begins is not None
    places = begins >> _ARTICLE
    first_of = _firsts(places)
    counts = np.empty_like(first_of)
    np.subtract(first_of[1:], first_of[:-1], out=counts[:-1])
    counts[-1] = len(begins) - first_of[-1]
    return [Run(own[places[first_of]], counts, counts, begins & ((1 << _ARTICLE) - 1))]


def _firsts(values: Array) -> Places:
    """Where each of some ascending values stands first. Functions of numpy do this, in several times the time."""
    new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return new.nonzero()[0]


def _keys(segment: Segment, articles: Array, runs: Sequence[Run]) -> Array:
    """Each position at which one of the runs stands in some articles, with the place of its article among them."""
    found = []
    for run in runs:
        postings, places = run.among(articles, segment.articles)
        if len(postings):
            positions, sizes = run.positions_of(postings)
            keys = (places << _ARTICLE).repeat(sizes)
            keys += positions
            found.append(keys)
    if len(found) == 1:
        return found[0]
    return np.concatenate(found) if found else np.empty(0, np.int64)
