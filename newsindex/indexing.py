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
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

from django.db import InterfaceError, OperationalError, connections, router, transaction
from django.db.models import F, Model, QuerySet
from django.db.models.functions import Least

from newsindex.conf import conf
from newsindex.engines import DEFAULT_ALIAS, engines
from newsindex.engines.base import Document, Engine, Health, Rebuild, Stats, Writer
from newsindex.exceptions import (
    ConfigurationError,
    EngineError,
    IndexDamaged,
    IndexNotBuilt,
    NewsIndexError,
    WriterBusy,
)
from newsindex.models import PendingChange
from newsindex.sources import Source, sources

T = TypeVar("T")

logger = logging.getLogger("newsindex")

#: How many pending rows are read, and objects loaded, at a time.
BATCH: Final = 200
#: How many pending rows are applied before the engine commits and they are removed.
COMMIT_AFTER: Final = 2_000
#: A row that failed so often is left to ``update()`` and ``newsindex_update``; saving no longer retries it.
INLINE_ATTEMPTS: Final = 3
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
    """What a rebuild made. failed: objects that are not in it because their source raised. took: seconds."""

    stats: Stats
    failed: int = 0
    failures: tuple[Failure, ...] = ()
    took: float = 0.0


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """How an index differs from the database, in keys.

    missing: not in the index. stale: different there. ghost: there, but no longer in the database. failed: could not
    be compared, their source raised. index_errors: what is wrong inside the index. checked: the documents of the index,
    and those missing there.
    """

    engine: str = DEFAULT_ALIAS
    checked: int = 0
    missing: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    ghost: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    index_errors: tuple[str, ...] = ()

    @property
    def drift(self) -> tuple[str, ...]:
        """Every key that ``repair`` would index again."""
        return self.missing + self.stale + self.ghost

    @property
    def ok(self) -> bool:
        return not (self.drift or self.failed or self.index_errors)


@dataclass(frozen=True, slots=True)
class Status:
    """What an operator wants to know of one engine. failed: pending rows that were tried in vain."""

    engine: str
    backend: str
    health: Health
    stats: Stats
    pending: int = 0
    failed: int = 0
    oldest: datetime | None = None


# Enqueueing.


class _Thread(threading.local):
    """What the current thread has to drain: databases with new rows, and how many ``deferred`` it is inside of."""

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self.deferred = 0


_thread = _Thread()


def enqueue(label: str, pks: Iterable[object], *, using: str | None = None, engine: str | None = None) -> None:
    """Note that the rows ``pks`` of the source ``label`` changed, for one engine or for all.

    The note is part of the current transaction of the database ``using``; with NEWSINDEX_UPDATE = "inline" the index
    is brought up to date after its commit.
    """
    database = _pending_database(using)
    if _insert(label, pks, database, engine) and conf.NEWSINDEX_UPDATE == "inline":
        _schedule(database)


@contextmanager
def deferred() -> Iterator[None]:
    """Hold inline updates of this thread back, and do them once at the end: for loading many objects."""
    _thread.deferred += 1
    try:
        yield
    finally:
        _thread.deferred -= 1
        if not _thread.deferred:
            for database in tuple(_thread.changed):
                _schedule(database)


def _insert(label: str, pks: Iterable[object], database: str, engine: str | None) -> int:
    aliases = list(engines) if engine is None else [engine]
    total = 0
    for chunk in _chunks(pks, BATCH):
        PendingChange.objects.using(database).bulk_create(
            [PendingChange(engine=alias, source=label, object_pk=str(pk)) for alias in aliases for pk in chunk]
        )
        total += len(chunk)
    return total


def _schedule(database: str) -> None:
    # Every change registers, since a savepoint that is rolled back forgets what was registered in it; the first call
    # after the commit does the work and the others find it done.
    _thread.changed.add(database)

    def drain() -> None:
        _after_commit(database)

    # A function and no partial: Django names what fails by its __qualname__.
    transaction.on_commit(drain, using=database, robust=True)


def _after_commit(database: str) -> None:
    if _thread.deferred or database not in _thread.changed:
        return
    _thread.changed.discard(database)
    for alias in engines:
        _drain(alias, database, patience=INLINE_ATTEMPTS)


def _pending_database(using: str | None) -> str:
    """Where the change of a row in ``using`` is noted: beside the row, where the routers let the table be there."""
    if using is not None and router.allow_migrate_model(using, PendingChange):
        return using
    return router.db_for_write(PendingChange)


def _pending_databases() -> list[str]:
    allowed = [alias for alias in connections if router.allow_migrate_model(alias, PendingChange)]
    if len(allowed) < 2:
        return allowed
    table = PendingChange._meta.db_table
    return [alias for alias in allowed if table in connections[alias].introspection.table_names()]


def _in_transaction(database: str) -> bool:
    """Whether what is read from ``database`` now may still be rolled back."""
    if not connections[database].in_atomic_block:
        return False
    try:
        # The transaction that a TestCase wraps around a test doesn't count, as for any durable block.
        with transaction.atomic(using=database, durable=True):
            return False
    except RuntimeError:
        return True


# Draining.


def update(
    objects: QuerySet[Any] | Iterable[Model] | None = None, *, engine: str | None = None, wait: float = 0.0
) -> Report:
    """Index ``objects`` (a queryset or instances), and everything else that is pending, now.

    For what sends no signals: ``bulk_create``, ``QuerySet.update``, raw SQL. Inside a transaction the drain follows
    its commit. wait: seconds to wait for another writer. Raises ConfigurationError for a model without a source;
    troubles of the engine are logged and reported, and leave the changes pending.
    """
    if objects is not None:
        _insert_objects(objects, engine)
    report = Report()
    for database in _pending_databases():
        if _in_transaction(database):
            _schedule(database)
            report += Report(deferred=True)
            continue
        for alias in engines if engine is None else (engine,):
            report += _drain(alias, database, wait=wait)
    return report


def _insert_objects(objects: QuerySet[Any] | Iterable[Model], engine: str | None) -> None:
    if isinstance(objects, QuerySet):
        source = _source_of(objects.model)
        name = source.model._meta.pk.name
        found = objects.values_list(name, flat=True).iterator(chunk_size=BATCH)
        _insert(source.label, found, _pending_database(router.db_for_write(source.model)), engine)
        return
    for chunk in _chunks(objects, BATCH):
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


def _drain(alias: str, database: str, *, wait: float = 0.0, patience: int | None = None) -> Report:
    """Drain one engine from one database; the fault boundary around the engine."""
    drain = _Drain(alias, database, patience)
    try:
        drain.run(wait)
    except WriterBusy:
        return drain.report(busy=True)
    except IndexNotBuilt as error:
        logger.warning("Changes stay pending, %r has no index yet: %s", alias, error)
        return drain.report(error=f"{alias}: {error}")
    except (EngineError, OSError) as error:
        logger.exception("Changes stay pending, %r can't take them", alias)
        return drain.report(error=f"{alias}: {error}")
    return drain.report()


class _Drain:
    """One drain of the rows that one database has for one engine."""

    def __init__(self, alias: str, database: str, patience: int | None) -> None:
        self.engine = engines[alias]
        rows = PendingChange.objects.using(database)
        self.rows = rows
        self.pending = rows.filter(engine=alias)
        if patience is not None:
            self.pending = self.pending.filter(attempts__lt=patience)
        self.done: list[int] = []
        self.tried: set[int] = set()
        self.counts = {"indexed": 0, "deleted": 0, "failed": 0}
        self.uncommitted = {"indexed": 0, "deleted": 0}
        self.failures: list[Failure] = []

    def run(self, wait: float) -> None:
        # Whoever came while the writer was held has left, so look again after it was let go.
        while next(self._batches(), None):
            with self.engine.writer(wait=wait) as writer:
                for batch in self._batches():
                    self._apply(batch, writer)
                    if len(self.done) >= COMMIT_AFTER:
                        break
                self._commit(writer)

    def report(self, *, busy: bool = False, error: str = "") -> Report:
        counts = self.counts
        return Report(counts["indexed"], counts["deleted"], counts["failed"], tuple(self.failures), busy, error=error)

    def _batches(self) -> Iterator[list[tuple[int, str, str]]]:
        """(id, label, pk) of pending rows by id, without those that failed in this drain.

        Always from the beginning: a row may become visible after one with a higher id.
        """
        after = 0
        fields = self.pending.order_by("pk").values_list("pk", "source", "object_pk")
        while rows := list(fields.filter(pk__gt=after)[:BATCH]):
            after = rows[-1][0]
            if fresh := [row for row in rows if row[0] not in self.tried]:
                yield fresh

    def _apply(self, batch: list[tuple[int, str, str]], writer: Writer) -> None:
        by_label: dict[str, dict[str, list[int]]] = {}
        for row, label, pk in batch:
            by_label.setdefault(label, {}).setdefault(pk, []).append(row)
        for label, rows in by_label.items():
            for pk, said in _say(label, rows):
                self._write(f"{label}:{pk}", said, rows[pk], writer)

    def _write(self, key: str, said: _Said, rows: list[int], writer: Writer) -> None:
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
            self.done += rows
        else:
            self._fail(key, error, rows)
            if not _may_stay(self.engine, said):
                writer.delete(key)

    def _fail(self, key: str, error: Exception, rows: list[int]) -> None:
        text = _describe(error)
        logger.error("%r was not indexed: %s", key, text, exc_info=error)
        self.tried.update(rows)
        self.counts["failed"] += 1
        self.failures += [(key, text)] if len(self.failures) < MAX_NAMED else []
        self.rows.filter(pk__in=rows).update(attempts=Least(F("attempts") + 1, 1_000), error=text)

    def _commit(self, writer: Writer) -> None:
        writer.commit()
        _forget({self.rows.db: self.done})
        self.done.clear()
        for name, count in self.uncommitted.items():
            self.counts[name] += count
            self.uncommitted[name] = 0


# From rows to documents.


@dataclass(frozen=True, slots=True)
class _Said:
    """What a source says of a row: a document, that it is gone (nothing), or an error."""

    document: Document | None = None
    error: Exception | None = None
    source: Source[Any] | None = None
    obj: Any = None
    public: bool = False


def _say(label: str, pks: Iterable[str]) -> Iterator[tuple[str, _Said]]:
    """Each of ``pks`` with what its source says of it now; nothing is known of an unknown source's rows."""
    pks = list(pks)
    source = sources.get(label)
    if source is None:
        yield from ((pk, _Said()) for pk in pks)
        return
    try:
        loaded = source.load(pks)
        public = source.public_pks(loaded)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # the fault boundary around a site's source; the error is logged and kept
        yield from ((pk, _Said(error=error)) for pk in pks)
        return
    for pk in pks:
        obj = loaded.get(pk)
        yield pk, _Said() if obj is None else _say_one(source, obj, pk in public)


def _say_one(source: Source[Any], obj: Any, public: bool) -> _Said:
    try:
        return _Said(source.document(obj, public=public), source=source, obj=obj, public=public)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # as above
        return _Said(error=error, source=source, obj=obj, public=public)


def _may_stay(engine: Engine, said: _Said) -> bool:
    """Whether the old document of a row that can't be indexed shows it to nobody who should not see it now."""
    if said.source is None or not said.public:
        return False
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


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\0", "")[:1_000]


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


# Rebuilding.


@dataclass(slots=True)
class _Tally:
    written: int = 0
    done: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)

    def fail(self, key: str, error: Exception) -> None:
        text = _describe(error)
        logger.error("%r was not indexed: %s", key, text, exc_info=error)
        self.failed += 1
        self.failures += [(key, text)] if len(self.failures) < MAX_NAMED else []


def rebuild(*, engine: str = DEFAULT_ALIAS, batch_size: int = 500, progress: Progress | None = None) -> RebuildReport:
    """Make a new index of everything beside the live one, then put it in its place in one step.

    The live one goes on answering and taking changes; what changed meanwhile is written again before the swap. An
    object whose source raises is left out and reported. Any other trouble leaves the live index as it is and is
    raised: WriterBusy where a rebuild is under way, IndexDamaged where the new index can't be read back,
    NewsIndexError inside a transaction and where every single object failed.
    """
    if any(_in_transaction(database) for database in _pending_databases()):
        raise NewsIndexError("rebuild() reads what is committed: call it outside of transaction.atomic().")
    started = time.monotonic()
    covered = _pending_rows(engine)
    new = engines[engine].rebuild()
    tally = _Tally()
    try:
        _write_everything(new, tally, batch_size, progress)
        stats = _validated(new, tally.written, tally.written)
        with new.exclusive():
            put, deleted = _write_touched(new, tally)
            if put or deleted:
                stats = _validated(new, tally.written - deleted, tally.written + put)
            new.swap()
    except BaseException:
        new.abort()
        raise
    if not tally.failed:
        _forget(covered)
    update(engine=engine)
    return RebuildReport(stats, tally.failed, tuple(tally.failures), time.monotonic() - started)


def _pending_rows(alias: str) -> dict[str, array[int]]:
    """The ids of what is pending, by database: 8 bytes each."""
    return {
        database: array("q", rows.values_list("pk", flat=True).iterator(chunk_size=2_000))
        for database in _pending_databases()
        for rows in [PendingChange.objects.using(database).filter(engine=alias)]
    }


def _forget(rows: Mapping[str, Iterable[int]]) -> None:
    for database, ids in rows.items():
        for chunk in _chunks(ids, BATCH):
            PendingChange.objects.using(database).filter(pk__in=chunk).delete()


def _write_everything(new: Rebuild, tally: _Tally, batch_size: int, progress: Progress | None) -> None:
    total = sum(source.queryset().count() for source in sources) if progress else 0
    with new.writer() as writer:
        for source in sources:
            for batch in source.batches(batch_size):
                _write_batch(source, batch, writer, tally)
                writer.flush()
                tally.done += len(batch)
                if progress:
                    progress(tally.done, total)
    if tally.failed and not tally.written:
        key, text = tally.failures[0]
        raise NewsIndexError(f"None of {tally.failed} objects could be indexed; {key}: {text}")


def _write_batch(source: Source[Any], batch: Sequence[Any], writer: Writer, tally: _Tally) -> None:
    public = source.public_pks(str(obj.pk) for obj in batch)
    for obj in batch:
        said = _say_one(source, obj, str(obj.pk) in public)
        if said.error is not None or said.document is None:
            tally.fail(source.key(obj), said.error or NewsIndexError("the source made no document"))
            continue
        writer.put(said.document)
        tally.written += 1


def _write_touched(new: Rebuild, tally: _Tally) -> tuple[int, int]:
    """Write what changed in the live index since the rebuild began; how many were put and deleted."""
    touched = new.touched()
    put = deleted = 0
    if not touched:
        return put, deleted
    with new.writer() as writer:
        for key, said in _say_keys(touched):
            if said.document is not None:
                writer.put(said.document)
                put += 1
                continue
            if said.error is not None:
                tally.fail(key, said.error)
            writer.delete(key)
            deleted += 1
    return put, deleted


def _validated(new: Rebuild, least: int, most: int) -> Stats:
    stats = new.validate()
    if not least <= stats.articles <= most:
        raise IndexDamaged(
            f"The new index holds {stats.articles} articles where {least} to {most} were written; "
            "the live one was left as it is."
        )
    return stats


def _say_keys(keys: Iterable[str]) -> Iterator[tuple[str, _Said]]:
    for chunk in _chunks(keys, BATCH):
        by_label: dict[str, list[str]] = {}
        for key in chunk:
            label, _, pk = key.partition(":")
            by_label.setdefault(label, []).append(pk)
        for label, pks in by_label.items():
            for pk, said in _say(label, pks):
                yield f"{label}:{pk}", said


# Verifying.


def verify(*, engine: str = DEFAULT_ALIAS) -> VerifyReport:
    """Compare what an engine holds with the database.

    What is pending is no difference. Memory: 8 bytes a document, and the keys that differ. Raises EngineError where
    the index can't be read.
    """
    target = engines[engine]
    report = VerifyReport(engine, index_errors=tuple(target.verify()))
    seen = array("Q")
    suspects: list[str] = []
    for chunk in _chunks(target.scan(), BATCH):
        versions = dict(chunk)
        seen.extend(_digest(key) for key in versions)
        suspects += [key for key, said in _say_keys(versions) if _differs(said, versions[key])]
    seen = array("Q", sorted(seen))
    suspects += [key for key in _keys_in_database() if not _contains(seen, _digest(key))]
    return _confirmed(report, target, suspects, indexed=len(seen))


def repair(report: VerifyReport) -> Report:
    """Index again what ``verify`` found missing, stale and ghost."""
    by_label: dict[str, list[str]] = {}
    for key in report.drift:
        label, _, pk = key.partition(":")
        by_label.setdefault(label, []).append(pk)
    for label, pks in by_label.items():
        source = sources.get(label)
        using = router.db_for_write(source.model) if source else None
        _insert(label, pks, _pending_database(using), report.engine)
    return update(engine=report.engine)


def _differs(said: _Said, version: str | None) -> bool:
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
    for chunk in _chunks(suspects, BATCH):
        pending = _pending_keys(report.engine, chunk)
        for key, said in _say_keys(key for key in chunk if key not in pending):
            found = engine.get(key)
            if said.error is not None:
                failed.append((key, _describe(said.error)))
            elif not _differs(said, found.version if found else None):
                continue
            elif found is None:
                missing.append(key)
            else:
                (ghost if said.document is None else stale).append(key)
    checked = indexed + len(missing)
    return VerifyReport(
        report.engine, checked, tuple(missing), tuple(stale), tuple(ghost), tuple(failed), report.index_errors
    )


def _pending_keys(alias: str, keys: Sequence[str]) -> set[str]:
    pks = {key.partition(":")[2] for key in keys}
    found: set[str] = set()
    for database in _pending_databases():
        rows = PendingChange.objects.using(database).filter(engine=alias, object_pk__in=pks)
        found.update(f"{label}:{pk}" for label, pk in rows.values_list("source", "object_pk"))
    return found


def _keys_in_database() -> Iterator[str]:
    for source in sources:
        rows = source.queryset().using(router.db_for_write(source.model))
        pks = rows.order_by("pk").values_list("pk", flat=True)
        yield from (f"{source.label}:{pk}" for pk in pks.iterator(chunk_size=2_000))


def _digest(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")


def _contains(ordered: array[int], digest: int) -> bool:
    place = bisect_left(ordered, digest)
    return place < len(ordered) and ordered[place] == digest


# Status.


def status(*, engine: str = DEFAULT_ALIAS) -> Status:
    """How an engine is, what it holds and what it has still to see. Never raises for a broken index."""
    target = engines[engine]
    health = target.health()
    try:
        stats = target.stats()
    except EngineError as error:
        stats, health = Stats(), Health(False, health.message or str(error))
    pending = failed = 0
    oldest: list[datetime] = []
    for database in _pending_databases():
        rows = PendingChange.objects.using(database).filter(engine=engine)
        pending += rows.count()
        failed += rows.filter(attempts__gt=0).count()
        oldest += rows.order_by("pk").values_list("created", flat=True)[:1]
    kind = type(target)
    backend = f"{kind.__module__}.{kind.__qualname__}"
    return Status(engine, backend, health, stats, pending, failed, min(oldest, default=None))
