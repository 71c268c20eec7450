"""Leaves to posting lists: in which documents of a segment a leaf occurs, and how often.

It means what ``matching.occurrences`` means: one slot is met by tokens, several by tokens one after another.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.whoosh.analysis import stem_term, word_term
from newsindex.engines.whoosh.postings import ByteCache, Counts, Docs, PostingList
from newsindex.engines.whoosh.schema import words_field
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.vocabulary import pairs_with, vocabulary, words_between
from newsindex.matching import Contains, Near, Slot, Starts, Terms, slots
from newsindex.query.nodes import Leaf

#: How many posting lists are read between two looks at the clock.
_BETWEEN_LOOKS = 64
#: Positions take the lower half of a 64-bit number, the document the upper.
_DOCUMENT = 32


class OutOfTime(Exception):
    """The time of a request is up."""


class Deadline:
    """When a request has to stop. seconds: from now, None for never."""

    def __init__(self, seconds: float | None) -> None:
        self._until = None if seconds is None else time.monotonic() + seconds

    def check(self) -> None:
        """Raise OutOfTime when it is."""
        if self._until is not None and time.monotonic() > self._until:
            raise OutOfTime


@dataclass(frozen=True, slots=True)
class Occurring:
    """Where something occurs. docs: ascending, each once. counts: how often in each."""

    docs: Docs
    counts: Counts

    @property
    def nbytes(self) -> int:
        return int(self.docs.nbytes + self.counts.nbytes)


NOWHERE = Occurring(np.empty(0, np.uint32), np.empty(0, np.uint32))


class Lookup:
    """Looks leaves up in segments, and remembers what was found."""

    def __init__(self, cache: ByteCache, deadline: Deadline) -> None:
        self._cache = cache
        self._deadline = deadline

    def leaf(self, segment: Segment, field: str, leaf: Leaf) -> Occurring:
        """Where ``leaf`` occurs in ``field`` of ``segment``, by its document numbers."""
        found = []
        words: set[Slot] = set()
        for language in sorted(segment.columns.languages):
            looked_for = slots(leaf, language)
            if looked_for and all(isinstance(slot, Terms) for slot in looked_for):
                found.append(self._stems(segment, field, language, cast("tuple[Terms, ...]", looked_for)))
            else:
                # Unstemmed words mean the same in each language.
                words.update(looked_for)
        found += [self.word(segment, field, slot) for slot in words]
        return combined(found)

    def word(self, segment: Segment, field: str, slot: Slot) -> Occurring:
        """Where a slot that means unstemmed words is met."""
        key = (segment.id, field, slot)
        cached: Occurring | None = self._cache.get(key)
        if cached is None:
            lists = self._read(segment, words_field(field), self._terms(segment, words_field(field), slot))
            cached = self._cache.put(key, combined([Occurring(found.docs, found.counts) for found in lists]))
        return cached

    def _terms(self, segment: Segment, field: str, slot: Slot) -> list[bytes]:
        if isinstance(slot, Starts):
            return words_between(segment.postings, field, slot.prefix)
        if isinstance(slot, Near) and not slot.edits:
            return [word_term(slot.word)]
        if isinstance(slot, Near):
            near = vocabulary(segment.id, segment.postings, field, self._cache).near(slot.word, slot.edits)
            return [word_term(word) for word in near]
        assert isinstance(slot, Contains)
        return pairs_with(segment.postings, field, slot.char)

    def _stems(self, segment: Segment, field: str, language: str, looked_for: tuple[Terms, ...]) -> Occurring:
        key = (segment.id, field, language, looked_for)
        cached: Occurring | None = self._cache.get(key)
        if cached is None:
            met = [
                self._read(segment, field, [stem_term(term, language) for term in slot.terms]) for slot in looked_for
            ]
            one = [Occurring(found.docs, found.counts) for found in met[0]]
            cached = self._cache.put(key, combined(one) if len(met) == 1 else in_a_row(met))
        return cached

    def _read(self, segment: Segment, field: str, terms: Iterable[bytes]) -> list[PostingList]:
        found = []
        for at, term in enumerate(terms):
            if at % _BETWEEN_LOOKS == 0:
                self._deadline.check()
            postings = segment.postings.term(field, term)
            if postings is not None:
                found.append(postings)
        return found


def combined(found: Sequence[Occurring]) -> Occurring:
    """Several as one, what they count in the same document added up."""
    found = [each for each in found if len(each.docs)]
    if len(found) < 2:
        return found[0] if found else NOWHERE
    docs = np.concatenate([each.docs for each in found])
    order = np.argsort(docs, kind="stable")
    docs = docs[order]
    first = np.flatnonzero(np.diff(docs, prepend=np.uint32(docs[0] + 1)))
    counts = np.concatenate([each.counts for each in found])[order]
    return Occurring(docs[first], np.add.reduceat(counts, first, dtype=np.uint32))


def in_a_row(met: Sequence[Sequence[PostingList]]) -> Occurring:
    """Where terms stand at consecutive positions. met: the posting lists for each step, any of which will do."""
    docs: NDArray[np.uint32] | None = None
    for lists in met:
        own = combined([Occurring(found.docs, found.counts) for found in lists]).docs
        docs = own if docs is None else docs[_among(docs, own)]
        if not len(docs):
            return NOWHERE
    assert docs is not None
    places: NDArray[np.int64] | None = None
    for step, lists in enumerate(met):
        own_places = np.unique(np.concatenate([_places(found, docs, step) for found in lists]))
        places = own_places if places is None else places[_among(places, own_places)]
    assert places is not None
    found_in, counts = np.unique(places >> _DOCUMENT, return_counts=True)
    return Occurring(found_in.astype(np.uint32), counts.astype(np.uint32))


def _places(found: PostingList, docs: Docs, step: int) -> NDArray[np.int64]:
    """Where something would begin whose part number ``step`` is met here, in ``docs`` only."""
    wanted = np.repeat(_among(found.docs, docs), found.counts)
    begins = found.positions[wanted].astype(np.int64) - step
    documents = np.repeat(found.docs, found.counts)[wanted].astype(np.int64)
    return ((documents << _DOCUMENT) | begins)[begins >= 0]


def _among(values: NDArray[np.generic], sorted_values: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which of ``values`` are among ``sorted_values``."""
    if not len(sorted_values):
        return np.zeros(len(values), bool)
    at = np.searchsorted(sorted_values, values)
    at[at == len(sorted_values)] = 0
    return cast("NDArray[np.bool_]", sorted_values[at] == values)
