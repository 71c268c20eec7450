"""Segments and snapshots: what a search reads from, which never changes under it.

A segment is a file that Whoosh wrote once. A snapshot is the segments of one commit, without what was deleted since
they were written, seen as one row of documents.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from newsindex.engines.base import EVERYTHING, Document
from newsindex.engines.whoosh.columns import UNDATED, Columns, Ints, Labels, Mask, Ordinals, joined, read_columns
from newsindex.engines.whoosh.postings import ByteCache, Postings, WhooshPostings
from newsindex.engines.whoosh.records import (
    ArticleRecord,
    decoded_article,
    decoded_paragraph,
    document,
)
from newsindex.engines.whoosh.schema import ARTICLE, PARAGRAPH
from newsindex.engines.whoosh.storage import DurableStorage, open_segment, reading
from newsindex.exceptions import IndexDamaged
from newsindex.paragraphs import Paragraph
from newsindex.ranking import FIELDS

#: How many views (an asker and a stretch of time) a snapshot remembers.
VIEWS = 16


class Segment:
    """One segment. Any thread may read from it; IndexDamaged where it can't be read."""

    postings: Postings

    def __init__(self, storage: DurableStorage, made: Any, cache: ByteCache) -> None:
        """made: Whoosh's segment, from the table of contents."""
        self.id: str = made.segment_id()
        self._lock = threading.Lock()
        with reading(f"segment {self.id}"):
            files = open_segment(storage, made.make_filename(made.COMPOUND_EXT))
            terms = made.codec().terms_reader(files, made)
            self._documents = made.codec().per_document_reader(files, made)
            self.postings = WhooshPostings(self.id, terms, self._lock, cache)
            self.columns = read_columns(self._record, made.doc_count_all())
        self.ordinals = {key: ordinal for ordinal, key in enumerate(self.columns.keys)}

    def article(self, doc: int) -> ArticleRecord:
        """The record of the head with this document number."""
        record = self._record(doc)
        if record is None:
            raise IndexDamaged(f"Document {doc} of segment {self.id} is no article.")
        return record

    def paragraph(self, doc: int) -> Paragraph:
        """The paragraph with this document number."""
        stored = self._stored(doc)
        with reading(f"segment {self.id}, document {doc}"):
            return decoded_paragraph(stored[PARAGRAPH])

    def _record(self, doc: int) -> ArticleRecord | None:
        data = self._stored(doc).get(ARTICLE)
        with reading(f"segment {self.id}, document {doc}"):
            return None if data is None else decoded_article(data)

    def _stored(self, doc: int) -> dict[str, Any]:
        with self._lock, reading(f"segment {self.id}, document {doc}"):
            stored: dict[str, Any] = self._documents.stored_fields(doc)
            return stored


@dataclass(frozen=True)
class View:
    """What an asker may see of a snapshot, with the statistics over it that ranking.py counts with.

    seen: for each ordinal. articles: how many. average, average_paragraph: lengths in positions, 1 for none.
    """

    seen: Mask
    articles: int
    average: dict[str, float]
    average_paragraph: float


@dataclass(frozen=True)
class Part:
    """A segment inside a snapshot, and where its documents and ordinals begin there."""

    segment: Segment
    first_document: int
    first_article: int


class Snapshot:
    """The articles of one commit. Shared by threads and requests."""

    def __init__(self, number: int, segments: Sequence[Segment], deleted: Sequence[Sequence[int]]) -> None:
        """number: of the commit. deleted: for each segment, the document numbers that are deleted."""
        self.number = number
        self.columns: Columns = joined([segment.columns for segment in segments])
        self.parts: list[Part] = []
        self.live: Mask = np.ones(self.columns.articles, bool)
        documents = articles = 0
        for segment, gone in zip(segments, deleted, strict=True):
            self.parts.append(Part(segment, documents, articles))
            if gone:
                self.live[articles + segment.columns.article_of[np.array(gone, np.int64)]] = False
            documents += segment.columns.documents
            articles += segment.columns.articles
        self._views: dict[tuple[frozenset[str], int], View] = {}
        self._lock = threading.Lock()

    def find(self, key: str) -> int | None:
        """The ordinal of the live article with this key."""
        for part in self.parts:
            own = part.segment.ordinals.get(key)
            if own is not None and self.live[part.first_article + own]:
                return part.first_article + own
        return None

    def place(self, ordinal: int) -> tuple[Segment, int]:
        """The segment of an article, and the number of its head there."""
        part = self.parts[bisect_right(self.parts, ordinal, key=lambda part: part.first_article) - 1]
        return part.segment, int(part.segment.columns.heads[ordinal - part.first_article])

    def documents_of(self, ordinal: int) -> tuple[int, int]:
        """The document numbers of an article in this snapshot: its head, and the end of its paragraphs."""
        heads = self.columns.heads
        end = heads[ordinal + 1] if ordinal + 1 < len(heads) else self.columns.documents
        return int(heads[ordinal]), int(end)

    def document(self, ordinal: int) -> Document:
        """The whole Document of an article."""
        segment, head = self.place(ordinal)
        record = segment.article(head)
        return document(record, [segment.paragraph(head + 1 + at) for at in range(len(record.paragraphs))])

    @cached_property
    def keyed(self) -> dict[str, Labels]:
        """Tags, authors and sections by ``analysis.keyword``."""
        return {kind: self.columns.labels[kind].keyed() for kind in ("tag", "author", "section")}

    @cached_property
    def _turns(self) -> Ints:
        """The moments at which an article comes or goes: between two of them, everybody sees the same."""
        return np.unique(np.concatenate([self.columns.published, self.columns.expires]))

    def view(self, now: int, audiences: frozenset[str]) -> View:
        """What a member of ``audiences`` sees at ``now``, microseconds since 1970."""
        unrestricted = audiences == EVERYTHING
        turn = 0 if unrestricted else int(np.searchsorted(self._turns, now, side="right"))
        found = self._views.get((audiences, turn))
        if found is None:
            found = self._viewed(self.live if unrestricted else self._seen(now, audiences))
            with self._lock:
                while len(self._views) >= VIEWS:
                    del self._views[next(iter(self._views))]
                self._views[audiences, turn] = found
        return found

    def _seen(self, now: int, audiences: frozenset[str]) -> Mask:
        columns = self.columns
        allowed = columns.labels["audience"].having(audiences, columns.articles)
        return self.live & allowed & (columns.published <= now) & (now < columns.expires)

    def _viewed(self, seen: Mask) -> View:
        columns, articles = self.columns, int(np.count_nonzero(seen))
        total = {name: float(columns.lengths[name][seen].sum()) for name in FIELDS}
        paragraphs = int(np.count_nonzero(seen[columns.article_of])) - articles
        return View(
            seen=seen,
            articles=articles,
            average={name: (total[name] / articles if articles else 0.0) or 1.0 for name in FIELDS},
            average_paragraph=(total["text"] / paragraphs if paragraphs else 0.0) or 1.0,
        )

    def published(self, ordinal: int) -> int | None:
        """When an article was published, microseconds since 1970, or None."""
        at = int(self.columns.published[ordinal])
        return None if at == UNDATED else at

    def paragraphs(self) -> int:
        """How many paragraphs the live articles have."""
        return int(np.count_nonzero(self.live[self.columns.article_of]) - np.count_nonzero(self.live))

    def ordinals(self) -> Ordinals:
        """Of the live articles."""
        return np.flatnonzero(self.live).astype(np.int32)
