"""django-haystack with its Whoosh backend, through its own search query set: articles as documents."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from importlib import import_module
from importlib.metadata import version
from operator import or_
from pathlib import Path
from typing import Any

from django.core.management import call_command

from benchmarks.corpus import Article
from benchmarks.measuring import size_of
from benchmarks.peers.base import Answer, Peer, Unsupported
from benchmarks.questions import PAGE, Question
from benchmarks.site.rows import change, fill, make_tables, set_up


class Haystack(Peer):
    """Its stop words are Whoosh's, which leave out some very common words."""

    unit = "articles"
    note = "leaves out Whoosh's stop words; Porter's stemmer as Whoosh has it"

    def __init__(self, place: Path, processes: int = 1) -> None:
        super().__init__(place, processes)
        set_up("haystack", place)
        # Models exist only now.
        models, query = import_module("benchmarks.site.haystack_site.models"), import_module("haystack.query")
        self._story, self._label = models.Story, models.Label
        self._set, self._clause = query.SearchQuerySet, query.SQ
        self._connection = import_module("haystack").connections["default"]

    def version(self) -> str:
        return version("django-haystack")

    def prepare(self, articles: Iterable[Article]) -> None:
        make_tables()
        fill(self._story, self._label, articles)

    def build(self, articles: Iterable[Article]) -> None:
        call_command("update_index", verbosity=0, batchsize=2_000)

    def open(self) -> None:
        self._connection.get_backend().setup()

    def ask(self, question: Question) -> Answer:
        found = self._found(question)
        hits = [result.pk for result in found[question.offset : question.offset + PAGE]]
        return Answer(found.count(), len(hits))

    def matching(self, question: Question) -> set[int]:
        return {int(pk) - 1 for pk in self._found(question).values_list("pk", flat=True)}

    def articles(self, question: Question) -> int:
        return self.ask(question).total

    def update(self, article: Article) -> None:
        row = change(self._story, self._label, article)
        self._connection.get_unified_index().get_index(self._story).update_object(row)

    def size(self) -> int:
        return size_of(self.place / "whoosh")

    def _found(self, question: Question) -> Any:
        if question.facets:
            raise Unsupported("Haystack's Whoosh backend has no facets")
        clause, words = self._clause, question.words
        found = self._set()
        if question.shape == "any":
            found = found.filter(reduce(or_, (clause(content=word) for word in words)))
        elif question.shape == "all":
            for word in words:
                found = found.filter(content=word)
        elif question.shape == "not":
            found = found.filter(content=words[0]).exclude(content=words[1])
        elif question.shape == "phrase":
            found = found.filter(content__exact=" ".join(words))
        else:
            found = found.filter(**{f"content__{'startswith' if question.shape == 'prefix' else 'fuzzy'}": words[0]})
        if question.start:
            start, end = (datetime.fromisoformat(day) for day in (question.start, question.end))
            found = found.filter(day__gte=start, day__lt=end)
        if question.tag:
            found = found.filter(tags=question.tag)
        return found.order_by("-day") if question.newest else found
