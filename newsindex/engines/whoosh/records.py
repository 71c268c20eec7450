"""The stored records: what an article's head and its paragraphs keep of the Document, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from newsindex.engines.base import Document
from newsindex.engines.paging import EPOCH, microseconds
from newsindex.paragraphs import Kind, Paragraph


@dataclass(frozen=True, slots=True)
class ArticleRecord:
    """What a head keeps.

    published, expires: microseconds since 1970 or None. lengths: positions of title, summary and tags. paragraphs:
    (number, length in positions) of the paragraphs, in their order.
    """

    key: str
    version: str
    title: str
    summary: str
    tags: tuple[str, ...]
    authors: tuple[str, ...]
    section: str
    published: int | None
    expires: int | None
    language: str
    audiences: tuple[str, ...]
    url: str
    boost: float
    lengths: tuple[int, int, int]
    paragraphs: tuple[tuple[int, int], ...]


def encoded_article(document: Document, lengths: tuple[int, int, int], paragraph_lengths: Sequence[int]) -> bytes:
    """The record of a head. lengths: as in ArticleRecord; paragraph_lengths: one for each paragraph."""
    values = [
        document.key, document.version, document.title, document.summary, document.tags, document.authors,
        document.section, _number(document.published_at), _number(document.expires_at), document.language,
        sorted(document.audiences), document.url, document.boost, lengths,
        [(p.number, size) for p, size in zip(document.paragraphs, paragraph_lengths, strict=True)],
    ]  # fmt: skip
    return json.dumps(values, separators=(",", ":")).encode()


def decoded_article(data: bytes) -> ArticleRecord:
    """The record of a head from its stored form."""
    (
        key, version, title, summary, tags, authors, section, published, expires, language, audiences, url, boost,
        lengths, paragraphs,
    ) = json.loads(data)  # fmt: skip
    return ArticleRecord(
        key, version, title, summary, tuple(tags), tuple(authors), section, published, expires, language,
        tuple(audiences), url, boost, tuple(lengths), tuple(map(tuple, paragraphs)),
    )  # fmt: skip


def encoded_paragraph(paragraph: Paragraph) -> bytes:
    """The record of a paragraph."""
    values = (paragraph.number, paragraph.anchor, paragraph.kind, paragraph.text)
    return json.dumps(values, separators=(",", ":")).encode()


def decoded_paragraph(data: bytes) -> Paragraph:
    """The paragraph from its stored form."""
    number, anchor, kind, text = json.loads(data)
    return Paragraph(number, anchor, cast("Kind", kind), text)


def document(record: ArticleRecord, paragraphs: Sequence[Paragraph]) -> Document:
    """The Document that the records were made of; its moments are in UTC."""
    return Document(
        key=record.key,
        title=record.title,
        paragraphs=tuple(paragraphs),
        version=record.version,
        summary=record.summary,
        tags=record.tags,
        authors=record.authors,
        section=record.section,
        published_at=moment(record.published),
        expires_at=moment(record.expires),
        language=record.language,
        audiences=frozenset(record.audiences),
        url=record.url,
        boost=record.boost,
    )


def moment(at: int | None) -> datetime | None:
    """Microseconds since 1970 as a datetime in UTC."""
    return None if at is None else EPOCH + timedelta(microseconds=at)


def _number(at: datetime | None) -> int | None:
    return None if at is None else microseconds(at)
