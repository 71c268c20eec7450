"""The write path: enqueue what changed, drain it into the engines, rebuild, verify and repair an index.

A change is a PendingChange row in the transaction of the change itself. Whoever gets the engine's writer afterwards
drains all rows there are, from the objects as they are by then, and removes exactly the rows it has read, after the
engine's commit. So a rollback takes a change back, a crash loses none, and doing anything twice is harmless.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary, WeakSet

from django.db import DatabaseError, InterfaceError, connections, router, transaction
from django.db.models import F, Model, Q, QuerySet
from django.db.models.functions import Least
from django.utils import timezone

from newsindex import replicas
from newsindex.conf import conf
from newsindex.documents import Said, by_label, chunks, describe, say, say_keys, spelt
from newsindex.engines import engines, named
from newsindex.engines.base import Engine, Health, Kept, Notice, Purged, Rebuild, Stats, Writer
from newsindex.exceptions import (
    ConfigurationError,
    DocumentsRefused,
    EngineError,
    IndexDamaged,
    IndexNotBuilt,
    NewsIndexError,
    WriterBusy,
)
from newsindex.logs import get_logger, some
from newsindex.models import LONGEST_KEY, IndexRun, PendingChange
from newsindex.replicas import pending_databases as _pending_databases
from newsindex.runs import latest, note_drain
from newsindex.sources import Source, sources
from newsindex.tasks import background

logger = get_logger("newsindex")

#: How many pending rows are read, and objects loaded, at a time.
BATCH: Final = 200
#: How many pending rows are applied before the engine commits and they are removed.
COMMIT_AFTER: Final = 2_000
#: What whoever saves does at most for what is pending: so many rows, so many at a time, for so many seconds.
INLINE_ROWS: Final = 200
INLINE_BATCH: Final = 20
INLINE_SECONDS: Final = 1.0
#: A row that failed so often is left to ``update()`` and ``newsindex_update``; saving no longer retries it.
INLINE_ATTEMPTS: Final = 3
#: Seconds for which those who save leave an engine alone after it failed: at first, and, doubled each time, at most.
FIRST_HOLD: Final = 5.0
LONGEST_HOLD: Final = 300.0
#: How many failures a report names; it counts all.
MAX_NAMED: Final = 100

#: (key, what went wrong).
Failure: TypeAlias = tuple[str, str]
#: Called with (rows done, rows there were at the beginning).
Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What a drain did, in objects.

    indexed, deleted: put into and taken out of the index. failed: left pending because their source raised; failures
    names the first of them. busy: somebody else is draining. deferred: a transaction is open, so the drain follows
    its commit. error: why an engine could not take the changes, which stay pending; "" if it could.
    """

    indexed: int = 0
    deleted: int = 0
    failed: int = 0
    failures: tuple[Failure, ...] = ()
    busy: bool = False
    deferred: bool = False
    error: str = ""

    @property
    def ok(self) -> bool:
        return not (self.failed or self.error)

    @property
    def figures(self) -> dict[str, int]:
        return {"indexed": self.indexed, "deleted": self.deleted, "failed": self.failed}

    @property
    def trouble(self) -> str:
        """What went wrong, in a line; "" where nothing has."""
        return self.error or _first(self.failures)

    def __add__(self, other: Report) -> Report:
        return Report(
            self.indexed + other.indexed,
            self.deleted + other.deleted,
            self.failed + other.failed,
            (self.failures + other.failures)[:MAX_NAMED],
            self.busy or other.busy,
            self.deferred or other.deferred,
            "; ".join(error for error in (self.error, other.error) if error),
        )


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What a rebuild made. failed: objects that are not in it because their source raised. took: seconds.

    reused: how many of the articles one before it had written already, that was stopped or killed.
    """

    stats: Stats
    failed: int = 0
    failures: tuple[Failure, ...] = ()
    took: float = 0.0
    reused: int = 0

    @property
    def ok(self) -> bool:
        return not self.failed

    @property
    def figures(self) -> dict[str, int]:
        counted = {"articles": self.stats.articles, "paragraphs": self.stats.paragraphs, "failed": self.failed}
        return {**counted, "reused": self.reused} if self.reused else counted

    @property
    def trouble(self) -> str:
        return _first(self.failures)


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """How an index differs from the database, in keys.

    missing: not in the index. stale: different there. ghost: there, but no longer in the database. failed: could not
    be compared, their source raises, or pending and tried in vain. index_errors: what is wrong inside the index, or
    that it was made by another analysis of words. checked: the documents of the index, and those missing there. notes:
    what was begun and not finished, a purge or a rebuild.
    """

    engine: str
    checked: int = 0
    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    ghost: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    index_errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def drift(self) -> tuple[str, ...]:
        """Every key that ``repair`` would index again."""
        return self.missing + self.stale + self.ghost

    @property
    def ok(self) -> bool:
        return not (self.drift or self.failed or self.index_errors)

    @property
    def figures(self) -> dict[str, int]:
        return {
            "checked": self.checked,
            "missing": len(self.missing),
            "stale": len(self.stale),
            "ghost": len(self.ghost),
            "failed": len(self.failed),
            "damage": len(self.index_errors),
        }

    @property
    def trouble(self) -> str:
        return next(iter(self.index_errors), "") or next(iter(self.drift), "") or _first(self.failed)


def _first(failures: Sequence[Failure]) -> str:
    return ": ".join(failures[0]) if failures else ""


@dataclass(frozen=True, slots=True)
class Status:
    """What an operator wants to know of one engine. failed: pending changes that were tried in vain.

    oldest: since when the first of them is pending. objects: how many different ones are pending. runs: the newest of
    each kind of IndexRun. notices: what there is to know although searches are answered.
    """

    engine: str
    backend: str
    health: Health
    stats: Stats
    pending: int = 0
    failed: int = 0
    oldest: datetime | None = None
    runs: Mapping[str, IndexRun] = field(default_factory=dict)
    objects: int = 0
    notices: tuple[Notice, ...] = ()

    @property
    def asked(self) -> bool:
        """Whether this is the engine that is asked where none is named."""
        return self.engine == named(None)

    @property
    def lag(self) -> float:
        """Seconds since the oldest change that is pending; 0.0 where none is."""
        return max(0.0, (timezone.now() - self.oldest).total_seconds()) if self.oldest else 0.0


# Enqueueing.


class _Thread(threading.local):
    """What the current thread has to drain: databases with new rows, and how many ``deferred`` it is inside of."""

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self.deferred = 0


_thread = _Thread()


def enqueue(label: str, pks: Iterable[object], *, using: str | None = None, engine: str | None = None) -> None:
    """Note that the rows ``pks`` of the source ``label`` changed, for one engine or for all.

    The note is part of the current transaction of the database ``using``, or is made once more after it where that
    database has no table for it. With NEWSINDEX_UPDATE = "inline" the index is brought up to date after the commit.
    """
    database = _pending_database(using)
    if using is None or using == database or not _in_transaction(using):
        _note(label, pks, database, engine)
        return
    # Whoever drains before these rows are committed finds them as they were, and removes the note all the same.
    noted = list(pks)
    _insert(label, noted, database, engine)

    def note_again() -> None:
        _note(label, noted, database, engine)

    after_commit(note_again, using)


def after_commit(call: Callable[[], None], using: str) -> None:
    """Call after the commit of the current transaction of ``using``, at once where there is none.

    Never where autocommit is off: nothing tells when such a transaction ends, so what is pending stays so.
    """
    connection = connections[using]
    if connection.in_atomic_block or connection.get_autocommit():
        transaction.on_commit(call, using=using, robust=True)


@contextmanager
def deferred() -> Iterator[None]:
    """Hold inline updates of this thread back, and do them all at the end: for loading many objects."""
    _thread.deferred += 1
    try:
        yield
    finally:
        _thread.deferred -= 1
        if not _thread.deferred:
            for database in tuple(_thread.changed):
                _schedule(database, everything=True)


def _note(label: str, pks: Iterable[object], database: str, engine: str | None) -> None:
    if _insert(label, pks, database, engine) and conf.NEWSINDEX_UPDATE in ("inline", "task"):
        _schedule(database)


def _insert(label: str, pks: Iterable[object], database: str, engine: str | None, names: Sequence[str] = ()) -> int:
    """Write the rows for one engine or all, for these replicas of it or all; how many objects it were."""
    aliases = list(engines) if engine is None else [engine]
    readers = [(alias, name) for alias in aliases for name in names or replicas.noted_for(alias, database)]
    total = 0
    for chunk in chunks((spelt(label, pk) for pk in pks), BATCH):
        short = [pk for pk in chunk if len(pk) <= LONGEST_KEY]
        if len(short) < len(chunk):
            logger.error("Keys of %r that are longer than %s characters can't be noted.", label, LONGEST_KEY)
        PendingChange.objects.using(database).bulk_create(
            [
                PendingChange(engine=alias, replica=name, source=label, object_pk=pk)
                for alias, name in readers
                for pk in short
            ]
        )
        total += len(short)
    return total


def _schedule(database: str, *, after: str | None = None, everything: bool = False) -> None:
    """Drain ``database`` after the commit of the current transaction, there or in the database ``after``.

    everything: all that is pending, however long it takes.
    """
    # Every change registers, since a savepoint that is rolled back forgets what was registered in it; the first call
    # after the commit does the work and the others find it done.
    _thread.changed.add(database)

    def drain() -> None:
        _after_commit(database, everything)

    # A function and no partial: Django names what fails by its __qualname__.
    after_commit(drain, after or database)


def _after_commit(database: str, everything: bool) -> None:
    if _thread.deferred or not (everything or database in _thread.changed):
        return
    unfinished = _unfinished([database])
    if unfinished is not None:
        _schedule(database, after=unfinished, everything=everything)
        return
    _thread.changed.discard(database)
    if conf.NEWSINDEX_UPDATE == "task" and not everything:
        update_index.enqueue()
        return
    for alias in engines:
        if everything or not _is_held(engines[alias]):
            _drain(alias, database, inline=not everything)


def _pending_database(using: str | None) -> str:
    """Where the change of a row in ``using`` is noted: beside the row, where the table may be and is."""
    home = router.db_for_write(PendingChange)
    if using is None or using == home:
        return home
    return using if using in _pending_databases() else home


def _unfinished(databases: Iterable[str]) -> str | None:
    """The first of ``databases``, and of those that rows are loaded from, where a transaction is open."""
    everywhere = dict.fromkeys([*databases, *(router.db_for_write(source.model) for source in sources)])
    return next((database for database in everywhere if _in_transaction(database)), None)


def _in_transaction(database: str) -> bool:
    """Whether what is read from ``database`` now may still be rolled back."""
    connection = connections[database]
    if not connection.in_atomic_block:
        # With autocommit off there may be one at any time.
        return connection.connection is not None and not connection.autocommit
    try:
        # The transaction that a TestCase wraps around a test doesn't count, as for any durable block.
        with transaction.atomic(using=database, durable=True):
            return False
    except RuntimeError:
        return True


# Draining.


@background
def update_index() -> None:
    """Index what is pending, as a task. Who finds another one at work leaves it to that."""
    update()


def update(
    objects: QuerySet[Any] | Iterable[Model] | None = None,
    *,
    engine: str | None = None,
    wait: float = 0.0,
    retry: bool = True,
    stop: Callable[[], bool] | None = None,
) -> Report:
    """Index ``objects`` (a queryset or instances), and everything else that is pending, now.

    For what sends no signals: ``bulk_create``, ``QuerySet.update``, raw SQL. Inside a transaction the drain follows
    its commit, or is left to the next one where autocommit is off. wait: seconds to wait for another writer. retry:
    rows that failed often are tried too. stop: asked between batches whether to leave the rest pending. Raises
    ConfigurationError for a model without a source; troubles of the engine are logged and reported, and leave the
    changes pending.
    """
    if objects is not None:
        _insert_objects(objects, engine)
    databases = _pending_databases()
    unfinished = _unfinished(databases)
    if unfinished is not None:
        for database in databases:
            _schedule(database, after=unfinished, everything=True)
        return Report(deferred=True)
    report = Report()
    for database in databases:
        for alias in engines if engine is None else (engine,):
            report += _drain(alias, database, wait=wait, retry=retry, stop=stop)
            replicas.drop_lost(alias, database)
    return report


def maintain(*, engine: str | None = None) -> bool:
    """Let engines do what they leave to a quiet hour, such as merging large files; whether there was anything.

    May take a while; searches and changes go on meanwhile. Troubles of an engine are logged.
    """
    found = False
    for alias in engines if engine is None else (engine,):
        try:
            found |= engines[alias].maintain()
        except IndexNotBuilt:
            continue
        except EngineError as error:
            logger.warning("The engine %r could not be maintained: %s", alias, error)
    return found


def _insert_objects(objects: QuerySet[Any] | Iterable[Model], engine: str | None) -> None:
    if isinstance(objects, QuerySet):
        source = _source_of(objects.model)
        name = source.model._meta.pk.name
        found = objects.values_list(name, flat=True).iterator(chunk_size=BATCH)
        _insert(source.label, found, _pending_database(router.db_for_write(source.model)), engine)
        return
    for chunk in chunks(objects, BATCH):
        by_source: dict[str, list[Model]] = {}
        for obj in chunk:
            by_source.setdefault(_source_of(type(obj)).label, []).append(obj)
        for label, group in by_source.items():
            source = sources[label]
            pks = [getattr(obj, source.model._meta.pk.attname) for obj in group]
            _insert(label, pks, _pending_database(router.db_for_write(source.model)), engine)


def _source_of(model: type[Model]) -> Source[Any]:
    for ancestor in model.__mro__:
        if issubclass(ancestor, Model) and ancestor is not Model and not ancestor._meta.abstract:
            source = sources.for_model(ancestor)
            if source is not None:
                return source
    raise ConfigurationError(
        f"{model._meta.label} has no source: register one with @newsindex.sources.register({model.__name__})."
    )


def _drain(
    alias: str,
    database: str,
    *,
    wait: float = 0.0,
    inline: bool = False,
    retry: bool = True,
    stop: Callable[[], bool] | None = None,
) -> Report:
    """Drain one engine from one database, and note that it was done.

    inline: for somebody who waits for a save. That much is done and no more; the rest stays pending.
    """
    if not replicas.kept_here(alias):
        return Report()
    drain = _Drain(alias, database, inline, retry, stop)
    report = _guarded(drain, alias, database, wait)
    if drain.taken or report.error:
        note_drain(alias, drain.engine, ok=report.ok, figures=report.figures, message=report.trouble)
    return report


def _guarded(drain: _Drain, alias: str, database: str, wait: float) -> Report:
    """The fault boundary around the engine."""
    try:
        replicas.seen(alias, database)
        replicas.require_current(alias, database)
        drain.run(wait)
    except WriterBusy:
        return drain.report(busy=True)
    except IndexNotBuilt as error:
        # Said once: until somebody builds it, each save would say so.
        level = logging.DEBUG if drain.engine in _without_index else logging.WARNING
        _without_index.add(drain.engine)
        extra = {"event": "drain.no_index", "engine": alias}
        logger.log(level, "Changes stay pending, %r has no index for them: %s", alias, error, extra=extra)
        return drain.report(error=f"{alias}: {error}")
    except (EngineError, OSError) as error:
        extra = {"event": "drain.failed", "engine": alias}
        logger.exception("Changes stay pending, %r can't take them", alias, extra=extra)
        _hold(drain.engine)
        return drain.report(error=f"{alias}: {error}")
    _without_index.discard(drain.engine)
    if drain.taken:
        _holds.pop(drain.engine, None)
    return drain.report()


#: Engines of which this process has said that they have no index.
_without_index: WeakSet[Engine] = WeakSet()
#: Until when those who save leave a failed engine alone, and the seconds that this was: of this process, monotonic.
_holds: WeakKeyDictionary[Engine, tuple[float, float]] = WeakKeyDictionary()


def _hold(engine: Engine) -> None:
    _, seconds = _holds.get(engine, (0.0, FIRST_HOLD / 2))
    seconds = min(2 * seconds, LONGEST_HOLD)
    _holds[engine] = time.monotonic() + seconds, seconds


def _is_held(engine: Engine) -> bool:
    until, _ = _holds.get(engine, (0.0, 0.0))
    return time.monotonic() < until


#: (id, label, pk) of a pending row.
_Row: TypeAlias = tuple[int, str, str]


class _Drain:
    """One drain of the rows that one database has for one engine.

    A row counts an attempt before it is applied, and an error when its source raised. So a row with attempts and no
    error was begun and never finished: whoever tried it was killed, by that row perhaps.
    """

    def __init__(
        self, alias: str, database: str, inline: bool, retry: bool = True, stop: Callable[[], bool] | None = None
    ) -> None:
        self.alias = alias
        self.engine = engines[alias]
        self.inline = inline
        self.stop = stop
        self.rows = PendingChange.objects.using(database)
        self.pending = self.rows.of(alias)
        if inline or not retry:
            self.pending = self.pending.filter(attempts__lt=INLINE_ATTEMPTS)
        self.until = time.monotonic() + INLINE_SECONDS
        self.taken = 0
        self.begun: list[int] = []
        self.done: dict[str, list[int]] = {}
        self.tried: set[int] = set()
        self.counts = {"indexed": 0, "deleted": 0, "failed": 0}
        self.uncommitted = {"indexed": 0, "deleted": 0}
        self.failures: list[Failure] = []

    def run(self, wait: float) -> None:
        # Whoever came while the writer was held has left, so look again after it was let go.
        while not self._spent() and next(self._batches(), None):
            try:
                with self.engine.brief_writer() if self.inline else self.engine.writer(wait=wait) as writer:
                    for batch in self._batches():
                        self._begin(batch)
                        self._apply(batch, writer)
                        if self._spent() or sum(map(len, self.done.values())) >= COMMIT_AFTER:
                            break
                    self._commit(writer)
            except BaseException:
                self._give_back()
                raise

    def report(self, *, busy: bool = False, error: str = "") -> Report:
        counts = self.counts
        return Report(counts["indexed"], counts["deleted"], counts["failed"], tuple(self.failures), busy, error=error)

    def _spent(self) -> bool:
        if self.stop and self.stop():
            return True
        if not self.inline:
            return False
        return self.taken >= INLINE_ROWS or (self.taken > 0 and time.monotonic() >= self.until)

    def _batches(self) -> Iterator[list[_Row]]:
        """Pending rows, without those that failed in this drain.

        Always from the beginning: a row may become visible after one with a higher id. What was begun and never
        finished comes alone, when all else is committed.
        """
        doubtful: list[tuple[int, _Row]] = []
        alone = True
        for page in self._pages():
            batch: list[_Row] = []
            for row, label, pk, attempts, error in page:
                if attempts and not error:
                    doubtful = [min([*doubtful, (attempts, (row, label, pk))])]
                elif row not in self.tried:
                    batch.append((row, label, pk))
            if batch:
                alone = False
                yield batch
        if alone and doubtful:
            yield [doubtful[0][1]]

    def _pages(self) -> Iterator[list[tuple[int, str, str, int, str]]]:
        # Whoever saves takes the newest first, his own, and then of what an outage has left.
        order, beyond, size = ("-pk", "pk__lt", INLINE_BATCH) if self.inline else ("pk", "pk__gt", BATCH)
        fields = self.pending.order_by(order).values_list("pk", "source", "object_pk", "attempts", "error")
        page = list(fields[:size])
        while page:
            yield page
            page = list(fields.filter(**{beyond: page[-1][0]})[:size]) if len(page) == size else []

    def _begin(self, batch: list[_Row]) -> None:
        ids = [row for row, _, _ in batch]
        self.begun += ids
        self.taken += len(ids)
        self.rows.filter(pk__in=ids).update(attempts=Least(F("attempts") + 1, 1_000), error="")

    def _give_back(self) -> None:
        """Take back the attempts of rows that are not to blame. Whatever went wrong is raised, not what does here."""
        with suppress(DatabaseError, InterfaceError):
            for ids in chunks((row for row in self.begun if row not in self.tried), BATCH):
                self.rows.filter(pk__in=ids, attempts__gt=0).update(attempts=F("attempts") - 1)

    def _apply(self, batch: list[_Row], writer: Writer) -> None:
        found: dict[str, dict[str, list[int]]] = {}
        for row, label, pk in batch:
            found.setdefault(label, {}).setdefault(spelt(label, pk), []).append(row)
        for label, rows in found.items():
            for pk, said in say(label, rows):
                self._write(f"{label}:{pk}", said, rows[pk], writer)

    def _write(self, key: str, said: Said, rows: list[int], writer: Writer) -> None:
        error = said.error
        if said.document is not None:
            try:
                writer.put(said.document)
            except EngineError:
                raise
            except Exception as raised:  # a document that an engine can't digest must not stop all the others
                error = raised
            else:
                self.uncommitted["indexed"] += 1
        elif error is None:
            writer.delete(key)
            self.uncommitted["deleted"] += 1
        if error is None:
            self.done.setdefault(key, []).extend(rows)
        else:
            self._fail(key, error, rows)
            if not _may_stay(self.engine, said):
                writer.delete(key)

    def _fail(self, key: str, error: Exception, rows: list[int]) -> None:
        text = describe(error)
        logger.error("%r was not indexed: %s", key, text, exc_info=error, extra={"event": "row.failed", "key": key})
        self.tried.update(rows)
        self.counts["failed"] += 1
        self.failures += [(key, text)] if len(self.failures) < MAX_NAMED else []
        self.rows.filter(pk__in=rows).update(error=text)

    def _commit(self, writer: Writer) -> None:
        if not self.done:
            writer.commit()
        else:
            turn = replicas.turn(self.alias, _pending_databases())
            writer.serial = turn.serial
            try:
                writer.commit()
            except DocumentsRefused as error:
                self._refused(error)
            with transaction.atomic(using=self.rows.db):
                turn.note()
                _forget({self.rows.db: chain.from_iterable(self.done.values())})
        self.begun.clear()
        self.done.clear()
        for name, count in self.uncommitted.items():
            self.counts[name] += count
            self.uncommitted[name] = 0

    def _refused(self, error: DocumentsRefused) -> None:
        """Leave what the engine will not take pending, with the reason; it has all the rest."""
        for key in error.failures.keys() & self.done.keys():
            self._fail(key, EngineError(error.failures[key]), self.done.pop(key))
            self.uncommitted["indexed"] -= 1


def _may_stay(engine: Engine, said: Said) -> bool:
    """Whether the old document of a row that can't be indexed shows it to nobody who should not see it now."""
    if said.source is None or not said.public:
        return said.stays
    try:
        old = engine.get(said.source.key(said.obj))
        return (
            old is not None
            and old.audiences == frozenset(said.source.audiences(said.obj))
            and old.published_at == said.source.published_at(said.obj)
            and old.expires_at == said.source.expires_at(said.obj)
        )
    except EngineError:
        raise
    except Exception:  # logged already, with the row; in doubt it goes
        return False


# Rebuilding.


@dataclass(slots=True)
class _Tally:
    """written: what the new index has, reused of them. done: rows that were read."""

    written: int = 0
    reused: int = 0
    done: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)

    def fail(self, key: str, error: Exception) -> None:
        text = describe(error)
        logger.error("%r was not indexed: %s", key, text, exc_info=error, extra={"event": "row.failed", "key": key})
        self.failed += 1
        self.failures += [(key, text)] if len(self.failures) < MAX_NAMED else []

    @contextmanager
    def refusals(self) -> Iterator[set[str]]:
        """Documents that the engine will never take are left out; it has the others. Gives their keys in the end."""
        refused: set[str] = set()
        try:
            yield refused
        except DocumentsRefused as error:
            self.written -= len(error.failures)
            refused.update(error.failures)
            for key, text in error.failures.items():
                self.fail(key, EngineError(text))


def rebuild(
    *, engine: str | None = None, batch_size: int = 500, progress: Progress | None = None, fresh: bool = False
) -> RebuildReport:
    """Make a new index of everything beside the live one, then put it in its place in one step.

    The live one goes on answering and taking changes; what changed meanwhile is written again before the swap. Where
    one before was killed or interrupted, or its database went away, this goes on with what that has written: all rows
    are read, and those indexed that are not there as they are now. fresh: begin anew. An object whose source raises is
    left out and reported. Any other trouble leaves the live index as it is and is
    raised: WriterBusy where a rebuild is under way, IndexDamaged where the new index can't be read back,
    NewsIndexError inside a transaction, where the rows can't be read, and where all objects of a source failed.
    """
    if _unfinished(_pending_databases()) is not None:
        raise NewsIndexError(
            "rebuild() reads what is committed: call it outside of transaction.atomic(), with autocommit on."
        )
    started, engine = time.monotonic(), named(engine)
    new = engines[engine].rebuild(go_on=not fresh)
    tally = _Tally()
    try:
        token = replicas.register(engine, _pending_databases())
        covered = _pending_rows(engine)
        _write_everything(new, tally, batch_size, progress)
        stats = _validated(new, tally.written, tally.written)
        with new.exclusive():
            put, deleted = _write_touched(new, tally)
            if put or deleted:
                stats = _validated(new, tally.written - deleted, tally.written + put)
            turn = replicas.turn_of_rebuild(engine, token, _pending_databases())
            new.swap(turn.serial or 0)
    except (DatabaseError, InterfaceError) as error:
        new.leave()
        raise NewsIndexError(f"The database could not be read: {describe(error)}") from error
    except (KeyboardInterrupt, SystemExit):
        new.leave()
        raise
    except BaseException:
        new.abort()
        raise
    replicas.finish(engine, token)
    turn.note()
    if not tally.failed:
        _forget(covered)
    update(engine=engine)
    took = time.monotonic() - started
    return RebuildReport(stats, tally.failed, tuple(tally.failures), took, tally.reused)


def _pending_rows(alias: str) -> dict[str, array[int]]:
    """The ids of what is pending, by database: 8 bytes each."""
    return {
        database: array("q", rows.values_list("pk", flat=True).iterator(chunk_size=2_000))
        for database in _pending_databases()
        for rows in [PendingChange.objects.using(database).of(alias)]
    }


def _forget(rows: Mapping[str, Iterable[int]]) -> None:
    for database, ids in rows.items():
        for chunk in chunks(ids, BATCH):
            PendingChange.objects.using(database).filter(pk__in=chunk).delete()


def _write_everything(new: Rebuild, tally: _Tally, batch_size: int, progress: Progress | None) -> None:
    total = 0
    if progress:
        for source in sources:
            with _naming(source):
                total += source.queryset().count()
    with tally.refusals(), new.writer() as writer:
        for source in sources:
            written, failed = tally.written, tally.failed
            for pks in _listed(source, batch_size):
                _write_batch(source, pks, writer, tally, new.kept)
                with tally.refusals():
                    writer.flush()
                tally.done += len(pks)
                if progress:
                    progress(tally.done, total)
            # A single one may be ill; where several are, and none is well, it is the source that is broken.
            if tally.written == written and tally.failed > failed + 1:
                raise _none_indexed(f"objects of {source.label}", tally.failed - failed, tally.failures)
        for key in new.kept.others() if new.kept else ():
            writer.delete(key)
    if tally.failed and not tally.written:
        raise _none_indexed("objects", tally.failed, tally.failures)


def _none_indexed(what: str, failed: int, failures: Sequence[Failure]) -> NewsIndexError:
    key, text = failures[-1]
    return NewsIndexError(f"None of {failed} {what} could be indexed; {key}: {text}")


def _listed(source: Source[Any], size: int) -> Iterator[list[str]]:
    """``source.batches`` whose errors name the source."""
    with _naming(source):
        batches = source.batches(size)
    while True:
        with _naming(source):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


@contextmanager
def _naming(source: Source[Any]) -> Iterator[None]:
    try:
        yield
    except NewsIndexError:
        raise
    except Exception as error:  # the fault boundary around a site's source; nothing can go on without its rows
        raise NewsIndexError(f"The rows of {source.label} can't be listed: {describe(error)}") from error


def _write_batch(source: Source[Any], pks: Sequence[str], writer: Writer, tally: _Tally, kept: Kept | None) -> None:
    for pk, said in say(source.label, pks):
        error = said.error
        if said.document is not None:
            if kept is not None and kept.version(said.document.key) == said.document.version:
                tally.written += 1
                tally.reused += 1
                continue
            try:
                with tally.refusals():
                    writer.put(said.document)
            except EngineError:
                raise
            except Exception as raised:  # as in a drain
                error = raised
                if kept is not None:
                    writer.delete(said.document.key)
            else:
                tally.written += 1
        if error is not None:
            tally.fail(f"{source.label}:{pk}", error)


def _write_touched(new: Rebuild, tally: _Tally) -> tuple[int, int]:
    """Write what changed in the live index since the rebuild began; how many were put and deleted."""
    touched = new.touched()
    put = deleted = 0
    if not touched:
        return put, deleted
    stale: set[str] = set()
    with tally.refusals() as refused, new.writer() as writer:
        for key, said in say_keys(touched, BATCH):
            if said.document is not None:
                with tally.refusals() as early:
                    writer.put(said.document)
                stale |= early
                put += 1
                continue
            if said.error is not None:
                tally.fail(key, said.error)
            writer.delete(key)
            deleted += 1
    if stale := stale | refused:
        # What was written of them before is no longer so.
        with new.writer() as writer:
            for key in stale:
                writer.delete(key)
    return put, deleted


def _validated(new: Rebuild, least: int, most: int) -> Stats:
    stats = new.validate()
    if not least <= stats.articles <= most:
        raise IndexDamaged(
            f"The new index holds {some(stats.articles, 'article')} where {least} to {most} were written; "
            "the live one was left as it is."
        )
    return stats


# Verifying.


def verify(*, engine: str | None = None, progress: Progress | None = None) -> VerifyReport:
    """Compare what an engine holds with the database.

    What is pending is no difference, unless it was tried in vain. An index that is damaged is not compared. Memory: 8
    bytes a document, and the keys that differ. Raises IndexNotBuilt where there is none, NewsIndexError where the rows
    can't be listed.
    """
    engine = named(engine)
    notices = engines[engine].notices()
    notes = tuple(notice.message for notice in notices if notice.kind != "analysis")
    outdated = tuple(notice.message for notice in notices if notice.kind == "analysis")
    try:
        errors = tuple(engines[engine].verify()) or _foreign(engine) or outdated
        report = VerifyReport(engine, index_errors=errors, notes=notes)
        return report if report.index_errors else _compared(report, progress)
    except IndexDamaged as error:
        return VerifyReport(engine, index_errors=(str(error),), notes=notes)


def _foreign(engine: str) -> tuple[str, ...]:
    """What is wrong with an index that is sound, but that of another database, or an older copy than it or newer."""
    try:
        replicas.require_current(engine, router.db_for_write(PendingChange), known_for=0.0)
    except IndexNotBuilt as error:
        return (str(error),)
    return ()


def _compared(report: VerifyReport, progress: Progress | None) -> VerifyReport:
    target = engines[report.engine]
    seen = array("Q")
    suspects: list[str] = []
    total = target.stats().articles if progress else 0
    for chunk in chunks(target.scan(), BATCH):
        versions = dict(chunk)
        seen.extend(_digest(key) for key in versions)
        suspects += [key for key, said in say_keys(versions, BATCH) if _differs(said, versions[key])]
        if progress:
            progress(len(seen), total)
    seen = array("Q", sorted(seen))
    suspects += [key for key in _keys_in_database() if not _contains(seen, _digest(key))]
    return _confirmed(report, target, suspects, indexed=len(seen))


def repair(report: VerifyReport) -> Report:
    """Index again what ``verify`` found missing, stale and ghost; everything where the index itself is damaged.

    Raises what ``rebuild`` raises.
    """
    if report.index_errors:
        made = rebuild(engine=report.engine)
        return Report(indexed=made.stats.articles, failed=made.failed, failures=made.failures)
    for label, pks in by_label(report.drift).items():
        source = sources.get(label)
        using = router.db_for_write(source.model) if source else None
        _insert(label, pks, _pending_database(using), report.engine, [conf.replica(report.engine) or ""])
    return update(engine=report.engine)


def _differs(said: Said, version: str | None) -> bool:
    """Whether the index, which has ``version`` of a row (None: has none), is not what the source says."""
    if said.error is not None:
        return True
    return (said.document.version if said.document else None) != version


def _confirmed(report: VerifyReport, engine: Engine, suspects: list[str], *, indexed: int) -> VerifyReport:
    """``report`` with those suspects that differ at a second look: some changed while we were reading."""
    missing: list[str] = []
    stale: list[str] = []
    ghost: list[str] = []
    failed: list[Failure] = []
    for chunk in chunks(suspects, BATCH):
        pending = _pending_keys(report.engine, chunk)
        failed += [(key, text) for key, text in pending.items() if text]
        for key, said in say_keys((key for key in chunk if key not in pending), BATCH):
            found = engine.get(key)
            if said.error is not None:
                failed.append((key, describe(said.error)))
            elif not _differs(said, found.version if found else None):
                continue
            elif found is None:
                missing.append(key)
            else:
                (ghost if said.document is None else stale).append(key)
    checked = indexed + len(missing)
    return replace(
        report,
        checked=checked,
        missing=tuple(missing),
        stale=tuple(stale),
        ghost=tuple(ghost),
        failed=tuple(failed),
    )


def _pending_keys(alias: str, keys: Sequence[str]) -> dict[str, str]:
    """Those of ``keys`` that are pending, with what went wrong; "" while nothing has."""
    wanted = set(keys)
    pks = {key.partition(":")[2] for key in keys}
    found: dict[str, str] = {}
    for database in _pending_databases():
        rows = PendingChange.objects.using(database).of(alias).filter(object_pk__in=pks)
        for label, pk, attempts, error in rows.values_list("source", "object_pk", "attempts", "error"):
            key = f"{label}:{pk}"
            if key in wanted:
                unfinished = f"begun {attempts} times, never finished" if attempts > 1 else ""
                found[key] = error or found.get(key) or unfinished
    return found


def _keys_in_database() -> Iterator[str]:
    for source in sources:
        for pks in _listed(source, 2_000):
            yield from (f"{source.label}:{pk}" for pk in pks)


def _digest(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")


def _contains(ordered: array[int], digest: int) -> bool:
    place = bisect_left(ordered, digest)
    return place < len(ordered) and ordered[place] == digest


# Purging.


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What a purge of one engine did.

    shown: keys that stay, since visitors may see them now or later. failed: keys that stay, since their source raises.
    pending: how many changes the index has still to see; what they replace may still be in it. error: why the engine
    did not come to the end, which the next purge does; "" if it did.
    """

    engine: str
    purged: Purged = Purged()
    shown: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    pending: int = 0
    error: str = ""

    @property
    def ok(self) -> bool:
        return not (self.shown or self.failed or self.pending or self.error)

    @property
    def figures(self) -> dict[str, int]:
        purged = self.purged
        return {
            "purged": purged.documents,
            "files": purged.segments,
            "removed": purged.generations,
            "stayed": len(self.shown) + len(self.failed),
        }

    @property
    def trouble(self) -> str:
        stays = f"{self.shown[0]} stays: visitors may see it." if self.shown else ""
        pending = f"{some(self.pending, 'change')} pending; what is replaced by it stays." if self.pending else ""
        return self.error or _first(self.failed) or stays or pending


def purge(
    keys: Iterable[str] = (), *, hidden: bool = False, engine: str | None = None, wait: float = 0.0
) -> list[PurgeReport]:
    """Leave nothing in the files of the index of what was deleted or replaced there: for removals that law demands.

    keys: ``app_label.model:pk`` of objects that shall not even be in it for the admin, such as drafts. hidden: all such
    objects, drafts and expired ones. They come back with their next save, or a rebuild, unless their rows are deleted
    or changed before. wait: seconds to wait for other writers, a rebuild among them. Raises NewsIndexError inside a
    transaction. Harmless when called again.
    """
    if _unfinished(_pending_databases()) is not None:
        raise NewsIndexError("purge() takes out what is committed: call it outside of transaction.atomic().")
    wanted = tuple(f"{label}:{spelt(label, pk)}" for label, _, pk in (key.partition(":") for key in keys))
    return [_purge(alias, wanted, hidden, wait) for alias in (engines if engine is None else (engine,))]


def _purge(alias: str, wanted: Sequence[str], hidden: bool, wait: float) -> PurgeReport:
    target = engines[alias]
    shown: list[str] = []
    failed: list[Failure] = []
    chosen: set[str] = set()
    try:
        update(engine=alias, wait=wait)
        for key, said in say_keys(wanted, BATCH):
            if said.error is not None:
                failed.append((key, describe(said.error)))
            elif _will_be_shown(said):
                shown.append(key)
            else:
                chosen.add(key)
        if hidden:
            chosen.update(_hidden_in(target, failed))
        purged = target.purge(chosen, wait=wait)
    except IndexNotBuilt:
        return PurgeReport(alias, shown=tuple(shown), failed=tuple(failed))
    except (EngineError, OSError) as error:
        logger.warning("The purge of %r did not come to its end: %s", alias, error)
        return PurgeReport(alias, shown=tuple(shown), failed=tuple(failed), error=f"{alias}: {error}")
    _count_purge(alias, wait)
    # What was published in the meantime has been taken out as well.
    back = by_label(key for key, said in say_keys(sorted(purged.keys), BATCH) if _will_be_shown(said))
    for label, pks in back.items():
        _insert(label, pks, _pending_database(router.db_for_write(sources[label].model)), alias)
    update(engine=alias, wait=wait)
    return PurgeReport(alias, purged, tuple(shown), tuple(failed), status(engine=alias).pending)


def _count_purge(alias: str, wait: float) -> None:
    """Make an index of before the purge known as an older copy, should somebody put it back."""
    try:
        with engines[alias].writer(wait=wait) as writer:
            turn = replicas.turn(alias, _pending_databases())
            writer.serial = turn.serial
        turn.note()
    except (EngineError, OSError) as error:
        logger.warning("A copy of %r of before the purge will not be known as one: %s", alias, error)


def _hidden_in(engine: Engine, failed: list[Failure]) -> Iterator[str]:
    """The keys of the index whose objects no visitor may see, now or later; ``failed`` gets those that can't be told.

    A row that is loaded and not public is hidden, whatever else its source can't say of it.
    """
    for chunk in chunks(engine.scan(), BATCH):
        for key, said in say_keys((key for key, _ in chunk), BATCH):
            if said.error is not None and (said.public or said.obj is None):
                failed.append((key, describe(said.error)))
            elif not _will_be_shown(said):
                yield key


def _will_be_shown(said: Said) -> bool:
    """Whether an object is for any visitor, now or at its time."""
    document = said.document
    if document is None or not document.audiences:
        return False
    return document.expires_at is None or document.expires_at > timezone.now()


# Status.


def status(*, engine: str | None = None) -> Status:
    """How an engine is, what it holds and what it has still to see. Never raises for a broken index."""
    engine = named(engine)
    target = engines[engine]
    health = replicas.health(engine)
    try:
        stats = target.stats()
    except EngineError as error:
        stats, health = Stats(), Health(False, health.message or str(error))
    pending = failed = objects = 0
    oldest: list[datetime] = []
    for database in _pending_databases():
        rows = PendingChange.objects.using(database).of(engine)
        objects += rows.order_by().values("source", "object_pk").distinct().count()
        pending += rows.count()
        failed += rows.filter(Q(attempts__gt=1) | ~Q(error="")).count()
        oldest += rows.order_by("pk").values_list("created", flat=True)[:1]
    kind = type(target)
    backend = f"{kind.__module__}.{kind.__qualname__}"
    since = min(oldest, default=None)
    return Status(
        engine, backend, health, stats, pending, failed, since, latest(engine), objects, tuple(target.notices())
    )


def lag(*, engine: str | None = None) -> float:
    """Seconds since the oldest change that is pending for an engine or any; 0.0 where none is. One look each."""
    oldest: list[datetime] = []
    for database in _pending_databases():
        for alias in engines if engine is None else (engine,):
            rows = PendingChange.objects.using(database).of(alias).order_by("pk")
            oldest += rows.values_list("created", flat=True)[:1]
    return max(0.0, (timezone.now() - min(oldest)).total_seconds()) if oldest else 0.0
