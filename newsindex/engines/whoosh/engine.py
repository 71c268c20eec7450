"""WhooshEngine: the embedded engine. An index in a directory, no server, any number of reading processes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from newsindex.engines.base import (
    ArticleHit,
    Document,
    Engine,
    Health,
    Problem,
    Rebuild,
    SearchPage,
    SearchRequest,
    Stats,
    Suggestion,
    Writer,
)
from newsindex.engines.completion import Typed, completions
from newsindex.engines.correction import replacements
from newsindex.engines.paging import microseconds
from newsindex.engines.relatedness import related_query, unmarked
from newsindex.engines.whoosh import completion
from newsindex.engines.whoosh.columns import Mask
from newsindex.engines.whoosh.counting import facet_counts, month_counts
from newsindex.engines.whoosh.evaluation import Evaluation
from newsindex.engines.whoosh.generations import Generations, Pointer
from newsindex.engines.whoosh.lookup import Deadline, Lookup, OutOfTime
from newsindex.engines.whoosh.ordering import page
from newsindex.engines.whoosh.passages import article_hit
from newsindex.engines.whoosh.postings import ByteCache
from newsindex.engines.whoosh.rebuild import WhooshRebuild, statistics
from newsindex.engines.whoosh.scoring import scored
from newsindex.engines.whoosh.segments import Snapshot
from newsindex.engines.whoosh.store import Store
from newsindex.engines.whoosh.verification import place_problems, problems
from newsindex.engines.whoosh.writer import WhooshWriter
from newsindex.exceptions import EngineError, IndexNotBuilt
from newsindex.query import replace_words, unparse
from newsindex.query.nodes import leaves, relaxed

_MEGABYTE = 1024 * 1024


class WhooshEngine(Engine):
    """Searches and changes the index in a directory.

    path: a directory of its own, not served to anybody; it is made, closed to others, when it is first built.
    postings_cache_mb: how much memory a process gives to posting lists that it has read. writer_mb: how much a writer
    gives to postings before it puts them on the disk; it takes about as much again for the rest.
    """

    def __init__(self, *, path: str | os.PathLike[str], postings_cache_mb: int = 64, writer_mb: int = 128) -> None:
        if not isinstance(path, str | os.PathLike) or not str(path):
            raise TypeError(f"WhooshEngine: path must be the path of a directory, not {path!r}.")
        for name, value in (("postings_cache_mb", postings_cache_mb), ("writer_mb", writer_mb)):
            if not isinstance(value, int) or value < 1:
                raise TypeError(f"WhooshEngine: {name} must be a whole number of megabytes from 1, not {value!r}.")
        self.path = Path(path)
        self._cache_bytes = postings_cache_mb * _MEGABYTE
        self._writer_mb = writer_mb
        self._generations = Generations(self.path)
        self._forget()

    # Reading

    def search(self, request: SearchRequest) -> SearchPage:
        began = time.perf_counter()
        tree = relaxed(request.query) if request.match == "any" else request.query
        evaluation = self._evaluation(request.now, request.audiences, request.timeout)
        snapshot = evaluation.snapshot
        matched = evaluation.matching(tree) & evaluation.passing(request.filters)
        ordinals = np.flatnonzero(matched)
        wanted = tuple(leaves(tree))
        scores = scored(evaluation, ordinals, wanted, microseconds(request.now), request.recency)
        found = page(snapshot, ordinals, scores.articles, request)
        hits = []
        for at in found.hits:
            ordinal, score = int(ordinals[at]), float(scores.articles[at])
            if request.content:
                best = request.paragraphs_per_article
                hits.append(article_hit(snapshot, ordinal, score, scores.paragraphs, wanted, best))
            else:
                hits.append(ArticleHit(snapshot.columns.keys[ordinal], score))
        suggestion = "" if len(ordinals) or request.match == "any" else self._correction(evaluation, request)
        return SearchPage(
            hits=tuple(hits),
            total=len(ordinals),
            facets={kind: facet_counts(snapshot, kind, matched, request.facet_limit) for kind in request.facets},
            timeline=month_counts(snapshot, matched, request.now.tzinfo) if request.timeline else (),
            suggestion=suggestion,
            partial=evaluation.partial,
            took=time.perf_counter() - began,
            next_cursor=found.next_cursor,
        )

    def suggest(self, text: str, *, now: datetime, audiences: frozenset[str], limit: int = 8) -> tuple[Suggestion, ...]:
        evaluation = self._evaluation(now, audiences)
        typed = Typed(text)
        titles = list(completion.titles(evaluation, typed))
        tags = list(completion.tags(evaluation, typed))
        # Words come last: there is no need to look for them where titles and tags fill the list. Those that are also
        # a title or a tag are not shown twice, hence the double.
        words = (
            completion.words(evaluation, typed.text, 2 * limit + 1, self._cache) if typed.is_word and limit > 0 else ()
        )
        return completions(typed, titles, tags, words, limit)

    def related(self, key: str, *, now: datetime, audiences: frozenset[str], limit: int = 5) -> tuple[ArticleHit, ...]:
        evaluation = self._evaluation(now, audiences)
        ordinal = evaluation.snapshot.find(key)
        # Whoever may not see an article learns nothing from what it is like.
        if ordinal is None or not evaluation.view.seen[ordinal]:
            return ()
        document = evaluation.snapshot.document(ordinal)
        query = related_query(document, lambda leaf: evaluation.found(leaf).count, evaluation.view.articles)
        if query is None:
            return ()
        found = self.search(SearchRequest(query, now, audiences, limit=max(limit, 0) + 1, paragraphs_per_article=0))
        return tuple(unmarked(hit) for hit in found.hits if hit.key != key)[: max(limit, 0)]

    def get(self, key: str) -> Document | None:
        snapshot = self._snapshot()
        ordinal = snapshot.find(key)
        return None if ordinal is None else snapshot.document(ordinal)

    def scan(self) -> Iterator[tuple[str, str]]:
        snapshot = self._snapshot()
        columns = snapshot.columns
        return ((columns.keys[ordinal], columns.versions[ordinal]) for ordinal in snapshot.ordinals())

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

    def rebuild(self) -> Rebuild:
        try:
            self._generations.prepare()
        except OSError as error:
            raise EngineError(f"The index can't be made in {self.path}: {error}") from error
        lock = self._generations.rebuild_lock()
        lock.acquire(0.0, f"Another rebuild of the index in {self.path} is under way.")
        return WhooshRebuild(self._generations, lock, self._cache, self._writer_mb)

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

    def verify(self) -> Sequence[str]:
        return problems(self._store(self._generations.live()))

    def check(self) -> list[Problem]:
        return place_problems(self.path)

    def close(self) -> None:
        self._forget()

    # The current snapshot

    def _forget(self) -> None:
        """Begin anew, in this process: files are closed when nobody reads from them any more."""
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._cache = ByteCache(self._cache_bytes)
        self._current: tuple[str, Store] | None = None

    def _store(self, pointer: Pointer) -> Store:
        # After a fork, locks may be held by threads that exist in the parent only.
        if self._process != os.getpid():
            self._forget()
        with self._lock:
            if self._current is None or self._current[0] != pointer.generation:
                self._cache.clear()
                store = Store(self._generations.directory(pointer.generation), self._cache)
                self._current = (pointer.generation, store)
            return self._current[1]

    def _snapshot(self) -> Snapshot:
        return self._store(self._generations.live()).snapshot()

    def _evaluation(self, now: datetime, audiences: frozenset[str], seconds: float | None = None) -> Evaluation:
        snapshot = self._snapshot()
        view = snapshot.view(microseconds(now), audiences)
        return Evaluation(snapshot, view, now.tzinfo, Lookup(self._cache, Deadline(seconds)))

    def _correction(self, evaluation: Evaluation, request: SearchRequest) -> str:
        """The query with its unknown words replaced, where that finds something."""
        try:
            mapping = replacements(
                request.query,
                lambda leaf: bool(evaluation.found(leaf).count),
                lambda word: completion.candidates(evaluation, word, self._cache),
            )
        except OutOfTime:
            evaluation.partial = True
            return ""
        if not mapping:
            return ""
        corrected = replace_words(request.query, mapping)
        found: Mask = evaluation.matching(corrected) & evaluation.passing(request.filters)
        return unparse(corrected) if found.any() else ""


__all__ = ["WhooshEngine"]
