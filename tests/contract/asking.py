"""Short ways to make an engine, fill it and ask it, for the contract suite."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from newsindex.engines.base import PUBLIC, Document, Engine, SearchPage, SearchRequest, versioned
from newsindex.engines.memory import MemoryEngine
from newsindex.engines.whoosh import WhooshEngine
from newsindex.paragraphs import Paragraph
from newsindex.query.nodes import And, Everything, Node, Word
from tests.cluster.shared import empty_engine, give_back
from tests.conftest import build_empty

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)
EVERYBODY = frozenset({PUBLIC})


def make_engine(name: str, path: Path) -> Engine:
    """An engine with an empty live generation."""
    if name == "memory":
        return MemoryEngine()
    if name == "opensearch":
        return empty_engine(build_empty)
    engine = WhooshEngine(path=path)
    build_empty(engine)
    return engine


def discard(engine: Engine) -> None:
    """Close an engine that this test uses no more."""
    if type(engine).__name__ == "OpenSearchEngine":
        give_back(engine)
    else:
        engine.close()


def article(pk: object, title: str = "", text: str = "", **fields: Any) -> Document:
    """A document of the source ``news.story``, a paragraph a line, in English unless said otherwise."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    paragraphs = tuple(Paragraph(n, f"p-{n}", "paragraph", line) for n, line in enumerate(lines, 1))
    fields.setdefault("language", "en")
    fields.setdefault("key", f"news.story:{pk}")
    return versioned(Document(title=title, paragraphs=paragraphs, **fields))


def day(year: int, month: int, number: int, hour: int = 9) -> datetime:
    return datetime(year, month, number, hour, tzinfo=timezone.utc)


def index(engine: Engine, *documents: Document) -> None:
    """Put the documents, in one commit."""
    with engine.writer() as writer:
        for document in documents:
            writer.put(document)


def all_of(text: str) -> Node:
    """All of the words of ``text``, as a plain query."""
    words = tuple(Word(word) for word in text.split())
    return words[0] if len(words) == 1 else And(words) if words else Everything()


def request(query: str | Node, **fields: Any) -> SearchRequest:
    """What the public asks at NOW, unless said otherwise."""
    tree = all_of(query) if isinstance(query, str) else query
    return SearchRequest(tree, **{"now": NOW, "audiences": EVERYBODY, **fields})


def ask(engine: Engine, query: str | Node, **fields: Any) -> SearchPage:
    return engine.search(request(query, **fields))


def found(engine: Engine, query: str | Node, **fields: Any) -> list[str]:
    """The primary keys of the hits, in order."""
    return [hit.pk for hit in ask(engine, query, **fields).hits]


def matching(engine: Engine, query: str | Node, **fields: Any) -> set[str]:
    """The primary keys of all that match, in no order."""
    return set(found(engine, query, limit=1000, **fields))


def timeless(page: SearchPage) -> SearchPage:
    """``page`` without the time it took, for comparison."""
    return replace(page, took=0.0)


def marked_words(marked: Any) -> list[str]:
    """The pieces of a text that are marked."""
    return [marked.text[start:end] for start, end in marked.spans]
