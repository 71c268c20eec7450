"""Plain functions that make what a test needs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from newsindex.engines.base import Document, versioned
from newsindex.models import Article
from newsindex.paragraphs import from_plain

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)


def make_document(pk: object = 1, title: str = "", text: str = "", **fields: Any) -> Document:
    """A document of the source ``tests.thing``, its text cut as plain text."""
    fields.setdefault("language", "en")
    return versioned(Document(key=f"tests.thing:{pk}", title=title, paragraphs=from_plain(text), **fields))


def make_article(title: str = "A title", body: str = "", tags: Iterable[str] = (), **fields: Any) -> Article:
    """A saved article, published unless said otherwise."""
    fields.setdefault("slug", f"article-{Article.objects.count() + 1}")
    fields.setdefault("status", Article.Status.PUBLISHED)
    article = Article.objects.create(title=title, body=body, **fields)
    if tags:
        article.tags.add(*tags)
    return article
