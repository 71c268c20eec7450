"""The stored records: what a segment keeps of a Document beside its columns, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from newsindex.engines.base import Document
from newsindex.engines.paging import EPOCH, microseconds
from newsindex.engines.whoosh.layout import NEVER, UNDATED
from newsindex.paragraphs import Kind, Paragraph

#: The kinds of paragraphs, by the numbers that stand for them. New ones go to the end.
KINDS: Final[tuple[Kind, ...]] = ("paragraph", "heading", "quote", "list_item", "caption", "code")


@dataclass(frozen=True, slots=True)
class ArticleRecord:
    """What is stored of an article as it was put."""

    version: str
    title: str
    summary: str
    tags: tuple[str, ...]
    authors: tuple[str, ...]
    section: str
    language: str
    audiences: tuple[str, ...]
    url: str


def encoded_article(document: Document) -> bytes:
    """The record of an article."""
    values = (
        document.version, document.title, document.summary, document.tags, document.authors, document.section,
        document.language, sorted(document.audiences), document.url,
    )  # fmt: skip
    return json.dumps(values, separators=(",", ":")).encode()


def decoded_article(data: bytes) -> ArticleRecord:
    """The record of an article from its stored form. ValueError or TypeError where it is none."""
    version, title, summary, tags, authors, section, language, audiences, url = json.loads(data)
    return ArticleRecord(
        version, title, summary, tuple(tags), tuple(authors), section, language, tuple(audiences), url
    )  # fmt: skip


def document(
    key: str, record: ArticleRecord, published: int, expires: int, boost: float, paragraphs: Sequence[Paragraph]
) -> Document:
    """The Document that was put; its moments are in UTC. published, expires: as in the columns."""
    return Document(
        key=key,
        title=record.title,
        paragraphs=tuple(paragraphs),
        version=record.version,
        summary=record.summary,
        tags=record.tags,
        authors=record.authors,
        section=record.section,
        published_at=moment(published),
        expires_at=moment(expires),
        language=record.language,
        audiences=frozenset(record.audiences),
        url=record.url,
        boost=boost,
    )


def moment(at: int) -> datetime | None:
    """A date of the columns as a datetime in UTC, None where it stands for none."""
    return None if at in (UNDATED, NEVER) else EPOCH + timedelta(microseconds=at)


def number(at: datetime | None, missing: int) -> int:
    """A moment as the columns have it. missing: UNDATED or NEVER."""
    return missing if at is None else microseconds(at)
