"""newsindex, through its engine: no Django settings, no database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path

import newsindex
from benchmarks.corpus import Article
from benchmarks.peers.base import Answer, Peer
from benchmarks.questions import PAGE, Question
from benchmarks.site.rows import set_up
from newsindex.engines.base import PUBLIC, Document, Filters, SearchRequest
from newsindex.engines.whoosh import WhooshEngine
from newsindex.paragraphs import Paragraph
from newsindex.query.nodes import And, Fuzzy, Leaf, Node, Not, Or, Phrase, Prefix, Word

# After the last article of any archive: none is embargoed.
_NOW = datetime(2100, 1, 1, tzinfo=timezone.utc)
_EVERYBODY = frozenset({PUBLIC})
_ALL = 10_000_000


def document(article: Article) -> Document:
    """The article as newsindex takes it."""
    return Document(
        key=f"news.article:{article.number}",
        title=article.title,
        paragraphs=tuple(
            Paragraph(number, f"p-{number}", "paragraph", text) for number, text in enumerate(article.paragraphs, 1)
        ),
        version=article.day,
        tags=tuple(article.tags),
        authors=tuple(article.authors),
        section=article.section,
        published_at=_midnight(article.day),
        language="en",
    )


class NewsIndex(Peer):
    """``content``: with the titles, the best paragraphs and the places to mark, as the results page needs them."""

    unit = "articles"
    content = False

    def __init__(self, place: Path, processes: int = 1) -> None:
        super().__init__(place, processes)
        options = {"processes": processes} if processes > 1 else {}
        self._engine = WhooshEngine(path=place / "index", **options)

    def version(self) -> str:
        return newsindex.__version__

    def build(self, articles: Iterable[Article]) -> None:
        rebuild = self._engine.rebuild()
        try:
            with rebuild.writer() as writer:
                for article in articles:
                    writer.put(document(article))
            with rebuild.exclusive():
                rebuild.swap()
        except BaseException:
            rebuild.abort()
            raise

    def open(self) -> None:
        health = self._engine.health()
        if not health.ok:
            raise RuntimeError(health.message)

    def ask(self, question: Question) -> Answer:
        page = self._engine.search(_request(question, self.content))
        return Answer(page.total, len(page.hits), len(page.facets.get("tag", ())))

    def articles(self, question: Question) -> int:
        return self.ask(question).total

    def matching(self, question: Question) -> set[int]:
        request = _request(question, False, limit=_ALL)
        return {int(hit.pk) for hit in self._engine.search(request).hits}

    def update(self, article: Article) -> None:
        with self._engine.writer() as writer:
            writer.put(document(article))

    def segments(self) -> int:
        return self._engine.stats().segments

    def tidy(self) -> None:
        # Engines of before this method have none.
        maintain = getattr(self._engine, "maintain", None)
        while maintain is not None and maintain():
            pass

    def close(self) -> None:
        self._engine.close()


class NewsIndexPage(NewsIndex):
    """The same index, with what the results page shows, in a process that has loaded Django and newsindex's app."""

    content = True

    def __init__(self, place: Path, processes: int = 1) -> None:
        super().__init__(place, processes)
        set_up("newsindex", place)


def _request(question: Question, content: bool, limit: int = PAGE) -> SearchRequest:
    days = question.days or (None, None)
    filters = Filters(tags=(question.tag,) if question.tag else (), start=days[0], end=days[1])
    return SearchRequest(
        _tree(question),
        _NOW,
        _EVERYBODY,
        filters=filters,
        sort="newest" if question.newest else "relevance",
        offset=0 if limit == _ALL else question.offset,
        limit=limit,
        facets=("tag",) if question.facets else (),
        content=content,
    )


def _tree(question: Question) -> Node:
    kinds: dict[str, type[Leaf]] = {"prefix": Prefix, "fuzzy": Fuzzy}
    if question.shape == "phrase":
        return Phrase(" ".join(question.words))
    parts: tuple[Node, ...] = tuple(kinds.get(question.shape, Word)(word) for word in question.words)
    if question.shape == "not":
        return And((parts[0], *(Not(part) for part in parts[1:])))
    if len(parts) == 1:
        return parts[0]
    return And(parts) if question.shape == "all" else Or(parts)


@lru_cache(maxsize=5_000)
def _midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=timezone.utc)
