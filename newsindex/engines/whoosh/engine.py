"""WhooshEngine: the embedded engine. An index in a directory, no server, any number of reading processes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np

from newsindex.deadline import Deadline, OutOfTime
from newsindex.engines.base import (
    SUGGESTION_KINDS,
    ArticleHit,
    Document,
    Engine,
    Explanation,
    Health,
    Notice,
    Problem,
    Purged,
    Rebuild,
    SearchPage,
    SearchRequest,
    Stats,
    Suggestion,
    SuggestionKind,
    Writer,
)
from newsindex.engines.completion import Typed, completions
from newsindex.engines.correction import correction, is_looked_at
from newsindex.engines.explanation import Counts, asked_tree, explanation
from newsindex.engines.paging import microseconds
from newsindex.engines.relatedness import like_request
from newsindex.engines.whoosh import completion
from newsindex.engines.whoosh.counting import facet_counts, month_counts
from newsindex.engines.whoosh.evaluation import Evaluation
from newsindex.engines.whoosh.generations import Generations, Pointer
from newsindex.engines.whoosh.labels import Mask
from newsindex.engines.whoosh.likeness import like
from newsindex.engines.whoosh.notices import noticed, notices
from newsindex.engines.whoosh.passages import article_hit
from newsindex.engines.whoosh.purging import purge
from newsindex.engines.whoosh.rebuild import EXCLUSIVE_WAIT, WhooshRebuild, statistics
from newsindex.engines.whoosh.scoring import Question
from newsindex.engines.whoosh.selection import page
from newsindex.engines.whoosh.snapshots import Snapshot
from newsindex.engines.whoosh.spelling import Words
from newsindex.engines.whoosh.storage import reading
from newsindex.engines.whoosh.store import Store
from newsindex.engines.whoosh.upkeep import maintain
from newsindex.engines.whoosh.verification import place_problems, problems
from newsindex.engines.whoosh.writer import WhooshWriter
from newsindex.exceptions import EngineError, IndexNotBuilt
from newsindex.query.nodes import alternatives, leaves
from newsindex.ranking import asked_length


class WhooshEngine(Engine):
    """Searches and changes the index in a directory.

    path: a directory of its own, not served to anybody; it is made, closed to others, when it is first built.
    writer_mb: how many megabytes of documents a writer keeps before it puts them on the disk; it takes some three times
    as much for a moment. processes: how many processes a rebuild uses beside this one, where 1 means this one alone.
    """

    supports_like = True
    supports_explain = True

    def __init__(self, *, path: str | os.PathLike[str], writer_mb: int = 128, processes: int = 1) -> None:
        if not isinstance(path, str | os.PathLike) or not str(path) or "\0" in str(path):
            raise TypeError(f"WhooshEngine: path must be the path of a directory, not {path!r}.")
        if not isinstance(writer_mb, int) or writer_mb < 1:
            raise TypeError(f"WhooshEngine: writer_mb must be a whole number of megabytes from 1, not {writer_mb!r}.")
        if not isinstance(processes, int) or processes < 1:
            raise TypeError(f"WhooshEngine: processes must be a whole number from 1, not {processes!r}.")
        self.path = Path(path)
        self._writer_mb = writer_mb
        self._processes = processes
        self._forget()

    # Reading

    # What a damaged segment says may be refused by any step.
    @reading("a search")
    def search(self, request: SearchRequest) -> SearchPage:
        began = time.perf_counter()
        tree = asked_tree(request)
        evaluation = self._evaluation(request.now, request.audiences, request.hidden, request.timeout)
        snapshot = evaluation.snapshot
        matched = _matched(evaluation, request)
        total = int(np.count_nonzero(matched))
        wanted = tuple(leaves(tree))
        occurring = evaluation.occurring(wanted)
        question = Question(evaluation, *occurring, microseconds(request.now), request.recency, asked_length(wanted))
        found = page(question, matched, total, request)
        best = request.paragraphs_per_article
        if request.content:
            hits = tuple(article_hit(evaluation, hit, wanted, best) for hit in found.hits)
        else:
            keys = snapshot.keys([hit.ordinal for hit in found.hits])
            hits = tuple(map(ArticleHit, keys, [hit.score for hit in found.hits]))
        return SearchPage(
            hits=hits,
            total=total,
            facets={kind: facet_counts(snapshot, kind, matched, request.facet_limit) for kind in request.facets},
            timeline=month_counts(snapshot, matched, request.now.tzinfo) if request.timeline else (),
            suggestion=self._correction(evaluation, request, total),
            partial=evaluation.partial,
            took=time.perf_counter() - began,
            next_cursor=found.next_cursor,
        )

    @reading("a completion")
    def suggest(
        self,
        text: str,
        *,
        now: datetime,
        audiences: frozenset[str],
        hidden: frozenset[str] = frozenset(),
        limit: int = 8,
        kinds: Collection[SuggestionKind] = SUGGESTION_KINDS,
        timeout: float | None = None,
    ) -> tuple[Suggestion, ...]:
        evaluation = self._evaluation(now, audiences, hidden, timeout)
        return completions(Typed(text), completion.Offered(evaluation), limit, kinds)

    @reading("related articles")
    def related(
        self,
        key: str,
        *,
        now: datetime,
        audiences: frozenset[str],
        hidden: frozenset[str] = frozenset(),
        limit: int = 5,
        timeout: float | None = None,
    ) -> tuple[ArticleHit, ...]:
        snapshot = self._snapshot()
        ordinal = snapshot.find(key)
        # Whoever may not see an article learns nothing from what it is like.
        if ordinal is None or not snapshot.view(microseconds(now), audiences, hidden).seen[ordinal]:
            return ()
        document = snapshot.document(ordinal)
        return self.like(document, now=now, audiences=audiences, hidden=hidden, limit=limit, timeout=timeout)

    @reading("articles like a text")
    def like(
        self,
        document: Document,
        *,
        now: datetime,
        audiences: frozenset[str],
        hidden: frozenset[str] = frozenset(),
        limit: int = 5,
        timeout: float | None = None,
        paragraphs: int = 0,
    ) -> tuple[ArticleHit, ...]:
        request = like_request(now, audiences, hidden, limit, paragraphs)
        try:
            return like(self._evaluation(now, audiences, hidden, timeout), document, request, limit)
        except OutOfTime:
            return ()

    @reading("an explanation")
    def explain(self, request: SearchRequest, key: str) -> Explanation | None:
        evaluation = self._evaluation(request.now, request.audiences, request.hidden, None)
        view, ordinal = evaluation.view, evaluation.snapshot.find(key)
        if ordinal is None or not view.seen[ordinal]:
            return None
        counts = Counts(
            view.articles,
            lambda leaf: evaluation.found(leaf).count,
            view.average,
            view.average_paragraph,
            Question(evaluation, (), (), 0, None, 0).largest_boost,
        )
        return explanation(
            evaluation.snapshot.document(ordinal),
            request,
            counts,
            matches=bool(_matched(evaluation, request)[ordinal]),
            meets=lambda node: bool(evaluation.matching(node)[ordinal]),
        )

    def get(self, key: str) -> Document | None:
        snapshot = self._snapshot()
        ordinal = snapshot.find(key)
        return None if ordinal is None else snapshot.document(ordinal)

    def scan(self) -> Iterator[tuple[str, str]]:
        snapshot = self._snapshot()
        places = (snapshot.place(ordinal) for ordinal in snapshot.ordinals().tolist())
        return ((segment.key(article), segment.record(article).version) for segment, article in places)

    # Writing

    def writer(self, *, wait: float = 0.0) -> Writer:
        self._generations.live()
        lock = self._generations.write_lock()
        lock.acquire(wait, f"Another writer of the index in {self.path} is open; waited {wait} seconds.")
        try:
            # Only now: a rebuild swaps under this lock.
            store = self._store(self._generations.live())
            return WhooshWriter(store, self._writer_mb, self._generations.touch, lock.release)
        except BaseException:
            lock.release()
            raise

    def rebuild(self, *, go_on: bool = False) -> Rebuild:
        try:
            self._generations.prepare()
        except OSError as error:
            raise EngineError(f"The index can't be made in {self.path}: {error}") from error
        lock = self._generations.rebuild_lock()
        lock.acquire(0.0, f"Another rebuild of the index in {self.path} is under way.")
        return WhooshRebuild(self._generations, lock, self._writer_mb, self._processes, go_on)

    def maintain(self) -> bool:
        pointer = self._generations.live()
        return maintain(self._store(pointer), partial(self._exclusive, pointer.generation))

    def purge(self, keys: Collection[str], *, wait: float = 0.0) -> Purged:
        return purge(self._generations, self._store, keys, wait)

    @contextmanager
    def _exclusive(self, generation: str) -> Iterator[bool]:
        """Hold the writer's lock; whether this generation is still the live one."""
        lock = self._generations.write_lock()
        lock.acquire(EXCLUSIVE_WAIT, f"A writer was open for {EXCLUSIVE_WAIT:.0f} seconds.")
        try:
            yield self._generations.live().generation == generation
        finally:
            lock.release()

    # Looking after it

    def stats(self) -> Stats:
        try:
            pointer = self._generations.live()
        except IndexNotBuilt:
            return Stats()
        return replace(statistics(self._store(pointer), pointer.generation), built_at=pointer.built_at)

    def health(self) -> Health:
        try:
            self._snapshot()
        except EngineError as error:
            return Health(ok=False, message=str(error))
        return Health(ok=True)

    def token(self) -> str:
        return self._generations.token()

    def set_token(self, token: str) -> None:
        try:
            self._generations.set_token(token)
        except OSError as error:
            raise EngineError(f"The index in {self.path} can't be marked: {error}") from error

    def serial(self) -> int | None:
        return self._store(self._generations.live()).manifest().serial

    def verify(self) -> Sequence[str]:
        return problems(self._generations.directory(self._generations.live().generation))

    def notices(self) -> Sequence[Notice]:
        return notices(self._generations)

    def check(self) -> list[Problem]:
        found = place_problems(self.path)
        # What this process may not use has one cause and one remedy, whatever else could be said of it.
        if any(problem.id == "newsindex.E011" for problem in found):
            return found
        return [*found, *noticed(self._generations)]

    def close(self) -> None:
        self._forget()

    # The current snapshot

    def _forget(self) -> None:
        """Begin anew, in this process: files are closed when nobody reads from them any more."""
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._known = Generations(self.path)
        self._current: tuple[str, Store] | None = None

    @property
    def _generations(self) -> Generations:
        # After a fork, locks may be held by threads that exist in the parent only.
        if self._process != os.getpid():
            self._forget()
        return self._known

    def _store(self, pointer: Pointer) -> Store:
        with self._lock:
            if self._current is None or self._current[0] != pointer.generation:
                store = Store(self._generations.directory(pointer.generation))
                self._current = (pointer.generation, store)
            return self._current[1]

    def _snapshot(self) -> Snapshot:
        return self._store(self._generations.live()).snapshot()

    def _evaluation(
        self, now: datetime, audiences: frozenset[str], hidden: frozenset[str], seconds: float | None
    ) -> Evaluation:
        snapshot = self._snapshot()
        view = snapshot.view(microseconds(now), audiences, hidden)
        return Evaluation(snapshot, view, now.tzinfo, Deadline(seconds))

    def _correction(self, evaluation: Evaluation, request: SearchRequest, total: int) -> str:
        if evaluation.partial or not is_looked_at(request, total):
            return ""
        try:
            return correction(request.query, total, Words(evaluation, request.filters), request.match)
        except OutOfTime:
            evaluation.partial = True
            return ""


def _matched(evaluation: Evaluation, request: SearchRequest) -> Mask:
    """All hits."""
    matched, passing = evaluation.matching(asked_tree(request)), evaluation.passing(request.filters)
    if passing is not evaluation.view.seen:
        matched = matched & passing
    return evaluation.closest(alternatives(request.query), matched) if request.match == "any" else matched


__all__ = ["WhooshEngine"]
