"""Posting lists: the small interface that evaluation is written against, and Whoosh's own postings behind it.

Whoosh keeps the postings of a term in blocks of 128, each a compressed pickle. A list is decoded as a whole, once, and
kept as arrays for as long as the cache has room.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from whoosh.reading import TermNotFound

from newsindex.engines.whoosh.schema import SCHEMA
from newsindex.engines.whoosh.storage import reading

Docs = NDArray[np.uint32]
Counts = NDArray[np.uint32]
Value = TypeVar("Value", bound="Sized")


class Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PostingList:
    """Where a term stands in a segment.

    docs: document numbers, ascending, each once. counts: how often in each. positions: of all documents, one after
    the other; empty for fields that keep none.
    """

    docs: Docs
    counts: Counts
    positions: NDArray[np.uint32]

    @property
    def nbytes(self) -> int:
        return int(self.docs.nbytes + self.counts.nbytes + self.positions.nbytes)


class Postings(Protocol):
    """The postings of one segment, which never change. Any thread may ask; IndexDamaged where they can't be read."""

    def term(self, field: str, term: bytes) -> PostingList | None:
        """The postings of a term, None where it does not occur."""

    def terms_between(self, field: str, low: bytes, high: bytes) -> list[bytes]:
        """The terms from ``low`` to before ``high``, in the order of bytes."""

    def document_frequency(self, field: str, term: bytes) -> int:
        """In how many documents a term stands, those deleted since included."""


class ByteCache:
    """Keeps what was used last, up to ``limit`` bytes. Shared by threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._values: OrderedDict[Hashable, Sized] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any:
        """What was put under ``key``, None where it is gone."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: Hashable, value: Value) -> Value:
        with self._lock:
            if key in self._values:
                self._size -= self._weight(self._values.pop(key))
            self._values[key] = value
            self._size += self._weight(value)
            while self._size > self._limit:
                _, oldest = self._values.popitem(last=False)
                self._size -= self._weight(oldest)
        return value

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._size = 0

    @staticmethod
    def _weight(value: Sized) -> int:
        # An entry costs about so much beside its arrays.
        return value.nbytes + 600


class WhooshPostings:
    """The postings of a segment as Whoosh's codec reads them.

    lock: whoever reads from the segment holds it, because Whoosh's readers share the place in their file.
    """

    def __init__(self, segment: str, terms: Any, lock: threading.Lock, cache: ByteCache) -> None:
        self._segment = segment
        self._terms = terms
        self._lock = lock
        self._cache = cache

    def term(self, field: str, term: bytes) -> PostingList | None:
        key = (self._segment, field, term)
        cached = cast("PostingList | None", self._cache.get(key))
        if cached is not None:
            return cached
        with self._lock, reading(f"segment {self._segment}, postings of {field}"):
            try:
                matcher = self._terms.matcher(field, term, SCHEMA[field].format)
            except TermNotFound:
                return None
            found = _decoded(matcher)
        return self._cache.put(key, found)

    def terms_between(self, field: str, low: bytes, high: bytes) -> list[bytes]:
        found = []
        with self._lock, reading(f"segment {self._segment}, terms of {field}"):
            for name, term in self._terms.terms_from(field, low):
                if name != field or term >= high:
                    break
                found.append(term)
        return found

    def document_frequency(self, field: str, term: bytes) -> int:
        with self._lock, reading(f"segment {self._segment}, terms of {field}"):
            return int(self._terms.doc_frequency(field, term))


def _decoded(matcher: Any) -> PostingList:
    """All blocks of a Whoosh matcher at once. Its public methods would take three calls a posting."""
    docs: list[NDArray[np.uint32]] = []
    counts: list[NDArray[np.uint32]] = []
    positions: list[bytes] = []
    while matcher.is_active():
        matcher._read_data()
        steps, weights, values = matcher._data
        docs.append(np.cumsum(np.array(steps, np.uint32), dtype=np.uint32))
        if values:
            counts.append(np.fromiter(map(len, values), np.uint32, len(values)) // 4)
            positions.extend(values)
        else:
            counts.append(_frequencies(weights, len(steps)))
        matcher._next_block()
    return PostingList(_joined(docs), _joined(counts), np.frombuffer(b"".join(positions), "<u4"))


def _frequencies(weights: Any, size: int) -> NDArray[np.uint32]:
    """The weights of a block, which Whoosh shortens to one number, or none for 1, where all are equal."""
    return np.broadcast_to(np.array(1.0 if weights is None else weights, np.uint32), size)


def _joined(arrays: Sequence[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    return np.concatenate(arrays) if arrays else np.empty(0, np.uint32)
