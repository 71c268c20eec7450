"""modelsearch (Wagtail's search) on SQLite, through its own query sets: articles as documents in FTS5."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from django.core.management import call_command
from django.db import OperationalError, connection

from benchmarks.corpus import Article
from benchmarks.peers.base import Answer, Peer, Unsupported
from benchmarks.questions import PAGE, Question
from benchmarks.site.rows import change, fill, make_tables, set_up

#: Seconds after which a question is given up: some take SQLite many minutes at 200,000 paragraphs.
PATIENCE: Final = 30.0
#: How many instructions SQLite carries out between two looks at the clock: a few milliseconds.
_INSTRUCTIONS: Final = 100_000


class ModelSearch(Peer):
    """Its index lies in the site's database, so the size is that of the database with the articles in it."""

    unit = "articles"
    note = "does not stem; its size has the articles' rows in it"

    def __init__(self, place: Path, processes: int = 1) -> None:
        super().__init__(place, processes)
        set_up("modelsearch", place)
        # Models exist only now.
        models = import_module("benchmarks.site.modelsearch_site.models")
        self._story, self._label = models.Story, models.Label
        self._query, self._index = import_module("modelsearch.query"), import_module("modelsearch.index")

    def version(self) -> str:
        return version("modelsearch")

    def prepare(self, articles: Iterable[Article]) -> None:
        make_tables()
        fill(self._story, self._label, articles)

    def build(self, articles: Iterable[Article]) -> None:
        call_command("rebuild_modelsearch_index", verbosity=0)
        # Without statistics SQLite goes through all articles for each of the hits.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def open(self) -> None:
        self._story.objects.exists()

    def ask(self, question: Question) -> Answer:
        found = self._found(question)
        with _patience():
            hits = list(found[question.offset : question.offset + PAGE])
            return Answer(found.count(), len(hits))

    def matching(self, question: Question) -> set[int]:
        with _patience():
            return {story.pk - 1 for story in self._found(question)}

    def articles(self, question: Question) -> int:
        with _patience():
            return int(self._found(question).count())

    def update(self, article: Article) -> None:
        self._index.insert_or_update_object(change(self._story, self._label, article))

    def _found(self, question: Question) -> Any:
        if question.facets:
            raise Unsupported("modelsearch counts values of the model's own columns only, no tags")
        rows: Any = self._story.objects.all()
        if question.start:
            start, end = (
                datetime.fromisoformat(day).replace(tzinfo=timezone.utc) for day in (question.start, question.end)
            )
            rows = rows.filter(day__gte=start, day__lt=end)
        if question.tag:
            rows = rows.filter(labels__name=question.tag)
        if question.shape == "fuzzy":
            raise Unsupported("modelsearch on SQLite has no fuzzy search")
        if question.shape == "prefix":
            raise Unsupported("modelsearch completes words only in fields that are indexed once more for it")
        if question.newest:
            rows = rows.order_by("-day")
        return rows.search(self._asked(question), order_by_relevance=not question.newest)

    def _asked(self, question: Question) -> Any:
        text, query = " ".join(question.words), self._query
        if question.shape == "phrase":
            return query.Phrase(text)
        if question.shape == "not":
            return query.PlainText(question.words[0]) & ~query.PlainText(question.words[1])
        return query.PlainText(text, operator="and" if question.shape == "all" else "or")


@contextmanager
def _patience() -> Iterator[None]:
    """Unsupported where SQLite takes longer than PATIENCE for what is done meanwhile."""
    end = time.perf_counter() + PATIENCE
    connection.connection.set_progress_handler(lambda: time.perf_counter() > end, _INSTRUCTIONS)
    try:
        yield
    except OperationalError as error:
        if time.perf_counter() > end:
            raise Unsupported(f"no answer within {PATIENCE:.0f} seconds") from error
        raise
    finally:
        connection.connection.set_progress_handler(None, 0)
