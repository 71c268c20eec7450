"""Whoosh's own reader over our segments, through its codec interface: for a look from a shell, and for comparing.

``stock_reader(snapshot)`` gives an IndexReader for ``whoosh.searching.Searcher``, and any query of Whoosh finds:

    searcher = Searcher(stock_reader(snapshot))
    searcher.search(Or([Term("text", "en:run"), Prefix("text_words", "runn")]), limit=None)

What documents and terms there are is said in schema.py. Statistics are Whoosh's: deleted documents count until they
are merged away. Whoosh can't write: articles are written through the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final, NoReturn, TypeAlias

import numpy as np
from whoosh.codec import base
from whoosh.matching import LeafMatcher, ReadTooFar
from whoosh.reading import EmptyReader, IndexReader, MultiReader, SegmentReader, TermInfo, TermNotFound

from newsindex.engines.whoosh.layout import word_prefix
from newsindex.engines.whoosh.paragraph_search import Ints, Mask, Texts, occurrences
from newsindex.engines.whoosh.schema import SCHEMA, words_field
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.snapshots import Snapshot
from newsindex.exceptions import EngineError
from newsindex.ranking import FIELDS

Term: TypeAlias = tuple[str, bytes]
#: Whoosh's fields to the fields of a segment, in the order in which Whoosh wants terms.
SOURCE: Final = dict(sorted((name, field) for field in FIELDS for name in (field, words_field(field))))
#: How many posting lists a segment remembers: Whoosh asks for one several times in a search.
_REMEMBERED: Final = 512


def stock_reader(snapshot: Snapshot) -> IndexReader:
    """Whoosh's reader of all segments of a snapshot, without the articles that are deleted in it."""
    readers = []
    for part in snapshot.parts:
        live = snapshot.live[part.first_article : part.first_article + part.segment.articles]
        readers.append(SegmentReader(None, SCHEMA, ArraySegment(part.segment, ~live)))
    return MultiReader(readers) if readers else EmptyReader(SCHEMA)


def _refused(*_: object, **__: object) -> NoReturn:
    raise EngineError(
        "Whoosh can read this index, not write it: put and delete articles through WhooshEngine.writer()."
    )


class ArrayCodec(base.Codec):  # type: ignore[misc]
    """The codec of our segments, for reading."""

    per_document_writer = _refused
    field_writer = _refused
    postings_writer = _refused
    new_segment = _refused

    def terms_reader(self, storage: Any, segment: ArraySegment) -> ArrayTerms:
        return ArrayTerms(segment.segment, segment.documents)

    def per_document_reader(self, storage: Any, segment: ArraySegment) -> ArrayDocuments:
        return ArrayDocuments(segment)

    def postings_reader(
        self, dbfile: Any, terminfo: Any, format_: Any, term: Term | None = None, scorer: Any = None
    ) -> NoReturn:
        raise EngineError("The postings of this index are not in a file of Whoosh: ask the terms reader for a matcher.")


class Documents:
    """The documents that Whoosh sees in a segment: each article's head, then its paragraphs."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.count = segment.articles + segment.paragraphs
        first = segment["first_paragraph"].astype(np.int64)
        #: The document number of each article's head, and of each paragraph.
        self.heads: Ints = first[:-1] + np.arange(segment.articles)
        self.paragraphs: Ints = (
            np.arange(segment.paragraphs) + np.repeat(np.arange(segment.articles), np.diff(first)) + 1
        )
        self._lengths: dict[str, Ints] = {}

    @cached_property
    def texts(self) -> Texts:
        return Texts(self.segment)

    def lengths(self, field: str) -> Ints:
        """For each document, how many positions it has in a field of the segment."""
        if field not in self._lengths:
            self._lengths[field] = self._counted(field)
        return self._lengths[field]

    def _counted(self, field: str) -> Ints:
        found = np.zeros(self.count, np.int64)
        if field == "text":
            found[self.paragraphs] = self.segment["paragraph_length"]
        else:
            found[self.heads] = self.segment[f"{field}_length"]
        return found

    def of(self, articles: Mask) -> Mask:
        """Which documents belong to some articles."""
        first = self.segment["first_paragraph"].astype(np.int64)
        found: Mask = np.repeat(articles, np.diff(first) + 1)
        return found

    def place(self, number: int) -> tuple[int, int | None]:
        """The article of a document, and its paragraph, None for a head."""
        article = int(np.searchsorted(self.heads, number, side="right")) - 1
        return article, None if number == self.heads[article] else number - article - 1


class ArraySegment(base.Segment):  # type: ignore[misc]
    """A segment as Whoosh knows it. deleted: a mask over its articles."""

    def __init__(self, segment: Segment, deleted: Mask) -> None:
        super().__init__("newsindex")
        self.segid = segment.id
        self.segment = segment
        self.documents = Documents(segment)
        self._deleted = frozenset(np.flatnonzero(self.documents.of(deleted)).tolist())

    def codec(self) -> ArrayCodec:
        return ArrayCodec()

    def doc_count_all(self) -> int:
        return self.documents.count

    def deleted_count(self) -> int:
        return len(self._deleted)

    def deleted_docs(self) -> frozenset[int]:
        return self._deleted

    def is_deleted(self, docnum: int) -> bool:
        return docnum in self._deleted

    def should_assemble(self) -> bool:
        return False

    delete_document = _refused
    set_doc_count = _refused


class ArrayDocuments(base.PerDocumentReader):  # type: ignore[misc]
    """What Whoosh asks about documents."""

    def __init__(self, segment: ArraySegment) -> None:
        self._segment = segment
        self._documents = segment.documents

    def doc_count(self) -> int:
        return self._segment.doc_count()  # type: ignore[no-any-return]

    def doc_count_all(self) -> int:
        return self._documents.count

    def has_deletions(self) -> bool:
        return self._segment.deleted_count() > 0

    def is_deleted(self, docnum: int) -> bool:
        return self._segment.is_deleted(docnum)

    def deleted_docs(self) -> frozenset[int]:
        return self._segment.deleted_docs()

    def doc_field_length(self, docnum: int, fieldname: str, default: int = 0) -> int:
        return int(self._lengths(fieldname)[docnum]) or default

    def field_length(self, fieldname: str) -> int:
        return int(self._lengths(fieldname).sum())

    def min_field_length(self, fieldname: str) -> int:
        return int(self._lengths(fieldname).min(initial=0))

    def max_field_length(self, fieldname: str) -> int:
        return int(self._lengths(fieldname).max(initial=0))

    def stored_fields(self, docnum: int) -> dict[str, Any]:
        """Of a head its key and ArticleRecord, of a paragraph number, anchor, kind and text."""
        segment = self._segment.segment
        article, number = self._documents.place(docnum)
        if number is None:
            return {"key": segment.key(article), "record": segment.record(article)}
        found = segment.paragraph(number)
        return {"number": found.number, "anchor": found.anchor, "kind": found.kind, "text": found.text}

    def _lengths(self, fieldname: str) -> Ints:
        source = SOURCE.get(fieldname)
        return self._documents.lengths(source) if source else np.zeros(self._documents.count, np.int64)


@dataclass(frozen=True)
class Postings:
    """The postings of a term of Whoosh.

    documents: ascending, each once. positions: of all, those of document i are positions[ends[i - 1]:ends[i]],
    ascending. shortest, longest: lengths of its documents.
    """

    documents: Ints
    ends: Ints
    positions: Ints
    shortest: int
    longest: int

    @cached_property
    def counts(self) -> Ints:
        return np.diff(self.ends, prepend=0)


class ArrayTerms(base.TermsReader):  # type: ignore[misc]
    """The terms of a segment for Whoosh, and their postings. Terms come by field, then in order of bytes."""

    def __init__(self, segment: Segment, documents: Documents) -> None:
        self._segment = segment
        self._documents = documents
        self.postings = lru_cache(maxsize=_REMEMBERED)(self._postings)

    def __contains__(self, term: Term) -> bool:
        return len(self._forms(*term)) > 0

    def indexed_field_names(self) -> list[str]:
        return [field for field in SOURCE if self.following(field, b"") is not None]

    def terms(self) -> Iterator[Term]:
        return self.terms_from(next(iter(SOURCE)), b"")

    def terms_from(self, fieldname: str, prefix: bytes) -> Iterator[Term]:
        """The terms from one on, of this field and those after it."""
        for field in SOURCE:
            if field >= fieldname:
                term = self.following(field, prefix if field == fieldname else b"")
                while term is not None:
                    yield field, term
                    term = self.following(field, _after(term))

    def items(self) -> Iterator[tuple[Term, TermInfo]]:
        return self.items_from(next(iter(SOURCE)), b"")

    def items_from(self, fieldname: str, prefix: bytes) -> Iterator[tuple[Term, TermInfo]]:
        return ((term, self.term_info(*term)) for term in self.terms_from(fieldname, prefix))

    def cursor(self, fieldname: str, fieldobj: Any) -> ArrayCursor:
        return ArrayCursor(self, fieldname, fieldobj)

    def term_info(self, fieldname: str, text: bytes) -> TermInfo:
        found = self.postings(fieldname, text)
        return TermInfo(
            weight=float(found.counts.sum()),
            df=len(found.documents),
            minlength=found.shortest,
            maxlength=found.longest,
            maxweight=float(found.counts.max()),
            minid=int(found.documents[0]),
            maxid=int(found.documents[-1]),
        )

    def frequency(self, fieldname: str, text: bytes) -> float:
        return float(self.postings(fieldname, text).counts.sum()) if (fieldname, text) in self else 0.0

    def doc_frequency(self, fieldname: str, text: bytes) -> int:
        return len(self.postings(fieldname, text).documents) if (fieldname, text) in self else 0

    def matcher(self, fieldname: str, text: bytes, format_: Any, scorer: Any = None) -> ArrayMatcher:
        return ArrayMatcher((fieldname, text), self.postings(fieldname, text), format_, scorer)

    def following(self, fieldname: str, term: bytes) -> bytes | None:
        """The first term of a field that is not before ``term``."""
        words = fieldname != SOURCE[fieldname]
        strings = self._segment.forms if words else self._segment.stems
        while True:
            if words and b"\0" in term:
                # No word has a NUL, and in the key of a form it ends the word; no UTF-8 has the byte FF.
                term = term[: term.index(b"\0")] + b"\0\xff"
            number = strings.place(term)
            if number == len(strings):
                return None
            found = strings[number].partition(b"\0")[0] if words else strings[number]
            if (fieldname, found) in self:
                return found
            term = _after(found)

    def _forms(self, fieldname: str, term: bytes) -> Ints:
        """The forms of a term that stand in the field, ascending."""
        source = SOURCE.get(fieldname)
        if source is None:
            return np.empty(0, np.int64)
        if source == fieldname:
            found = self._segment.forms_found_by(term).astype(np.int64)
        else:
            found = np.arange(*self._segment.forms_with(term + b"\0"))
        at = self._segment[f"{source}_at"]
        # The dictionary is that of all fields.
        return found[at[found + 1] > at[found]]

    def _postings(self, fieldname: str, term: bytes) -> Postings:
        forms = self._forms(fieldname, term)
        if not len(forms):
            raise TermNotFound(f"No term {fieldname}:{term!r}")
        _, articles, positions = occurrences(self._segment, SOURCE[fieldname], forms)
        if SOURCE[fieldname] == "text":
            texts = self._documents.texts
            places = texts.heads[articles] + positions
            paragraphs = texts.paragraphs(places)
            documents, positions = self._documents.paragraphs[paragraphs], places - texts.starts[paragraphs]
        else:
            documents = self._documents.heads[articles]
        order = np.lexsort((positions, documents))
        found, counts = np.unique(documents, return_counts=True)
        lengths = self._documents.lengths(SOURCE[fieldname])[found]
        return Postings(found, np.cumsum(counts), positions[order], int(lengths.min()), int(lengths.max()))


def _after(term: bytes) -> bytes:
    """What comes right after a term, before all others."""
    return term + b"\0"


class ArrayCursor(base.FieldCursor):  # type: ignore[misc]
    """Goes through the terms of a field, and through the words alone in a field that has pairs too."""

    def __init__(self, terms: ArrayTerms, fieldname: str, field: Any) -> None:
        self._terms = terms
        self._fieldname = fieldname
        self._field = field
        self._start = b"" if fieldname == SOURCE[fieldname] else word_prefix("")
        self.first()

    def first(self) -> str | None:
        return self.find(self._start)

    def find(self, string: str | bytes) -> str | None:
        self._term = self._terms.following(self._fieldname, self._field.to_bytes(string))
        return self.text()

    def next(self) -> str | None:
        if self._term is not None:
            self.find(_after(self._term))
        return self.text()

    def text(self) -> str | None:
        return None if self._term is None else self._field.from_bytes(self._term)

    def term(self) -> str | None:
        return self.text()

    def term_info(self) -> TermInfo | None:
        return None if self._term is None else self._terms.term_info(self._fieldname, self._term)

    def is_valid(self) -> bool:
        return self._term is not None


class ArrayMatcher(LeafMatcher):  # type: ignore[misc]
    """The postings of one term, one after the other; for Whoosh's bounds on scores they are a single block."""

    def __init__(self, term: Term, postings: Postings, format_: Any, scorer: Any, at: int = 0) -> None:
        self._term = term
        self._postings = postings
        self._at = at
        self.format = format_
        self.scorer = scorer

    def copy(self) -> ArrayMatcher:
        return ArrayMatcher(self._term, self._postings, self.format, self.scorer, self._at)

    def reset(self) -> None:
        self._at = 0

    def is_active(self) -> bool:
        return self._at < len(self._postings.documents)

    def id(self) -> int:
        return int(self._postings.documents[self._at])

    def weight(self) -> float:
        return float(self._postings.counts[self._at])

    def value(self) -> bytes:
        first = self._postings.ends[self._at - 1] if self._at else 0
        return self._postings.positions[first : self._postings.ends[self._at]].astype("<u4").tobytes()

    def next(self) -> bool:
        """One on. Whether another block begins: at the end only."""
        self._check()
        self._at += 1
        return not self.is_active()

    def skip_to(self, id: int) -> None:
        self._check()
        self._at = max(self._at, int(np.searchsorted(self._postings.documents, id)))

    def skip_to_quality(self, minquality: float) -> int:
        """To the end, where no score can be above ``minquality``. The number of blocks left behind."""
        if self.block_quality() > minquality:
            return 0
        self._at = len(self._postings.documents)
        return 1

    def block_min_length(self) -> int:
        return self._postings.shortest

    def block_max_length(self) -> int:
        return self._postings.longest

    def block_max_weight(self) -> float:
        return float(self._postings.counts.max())

    def _check(self) -> None:
        if not self.is_active():
            raise ReadTooFar
