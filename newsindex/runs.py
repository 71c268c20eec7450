"""The record of what was done to an index: rows of IndexRun, for the admin and for monitors.

A record is never worth what it records: where it can't be written, that is logged, and the work goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Final, Protocol
from weakref import WeakKeyDictionary

from django.db import DatabaseError, InterfaceError, connections, router, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from newsindex.conf import conf
from newsindex.engines.base import Engine
from newsindex.logs import get_logger
from newsindex.models import IndexRun
from newsindex.pace import Pace

logger = get_logger("newsindex")

Kind = IndexRun.Kind
Outcome = IndexRun.Outcome

#: How many runs of each kind are kept for an engine.
KEPT: Final = 20
#: Seconds between two notes of progress.
PACE: Final = 1.0
#: Seconds between two notes of a drain, as long as they say that all is well.
DRAIN_PACE: Final = 5.0
LONGEST_MESSAGE: Final = 1_000


class Reported(Protocol):
    """What the functions of ``indexing`` return."""

    @property
    def ok(self) -> bool: ...

    @property
    def figures(self) -> dict[str, int]: ...

    @property
    def trouble(self) -> str: ...


class Recorder:
    """Writes down how a run goes."""

    def __init__(self, run: IndexRun) -> None:
        self.run = run
        self._noted = time.monotonic()
        self._pace = Pace()

    def progress(self, done: int, total: int) -> None:
        """To be called as often as one likes: with (rows done, rows there are)."""
        remaining = self._pace.remaining(done, total)
        if time.monotonic() >= self._noted + PACE or not self.run.total:
            self._noted = time.monotonic()
            figures = {} if remaining is None else {IndexRun.REMAINING: round(remaining, 1)}
            self._write(progress=min(done, total), total=total, seen=timezone.now(), figures=figures)

    def done(self, report: Reported) -> None:
        outcome = Outcome.DONE if report.ok else Outcome.PROBLEMS
        self._end(outcome, report.figures, report.trouble)

    def failed(self, message: str) -> None:
        self._end(Outcome.FAILED, {}, message)

    def _end(self, outcome: str, figures: Mapping[str, int], message: str) -> None:
        now = timezone.now()
        if outcome == Outcome.DONE:
            self.run.progress = self.run.total
        self._write(
            outcome=outcome,
            figures=dict(figures),
            message=message[:LONGEST_MESSAGE],
            progress=self.run.progress,
            finished=now,
            seen=now,
        )
        extra = {
            "event": f"{self.run.kind}.{outcome}",
            "engine": self.run.engine,
            "seconds": (now - self.run.started).total_seconds(),
            **{f"count_{name}": count for name, count in figures.items()},
        }
        said = ", ".join(f"{count} {name}" for name, count in figures.items()) or message
        level = {Outcome.DONE: logging.INFO, Outcome.PROBLEMS: logging.WARNING}.get(Outcome(outcome), logging.ERROR)
        logger.log(level, "The %s of %r ended: %s: %s", self.run.kind, self.run.engine, outcome, said, extra=extra)

    def _write(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self.run, name, value)
        if self.run.pk is not None:
            with _harmless():
                _rows().filter(pk=self.run.pk).update(**values)


@contextmanager
def recorded(kind: str, engine: str, run: IndexRun | None = None) -> Iterator[Recorder]:
    """Record what is done inside as a run, or as ``run``, which was asked for. Whatever is raised is noted too."""
    if run is None:
        run = IndexRun(engine=engine, kind=kind, outcome=Outcome.RUNNING)
        with _harmless():
            run.save(force_insert=True, using=_database())
            _forget_old(engine, kind)
    recorder = Recorder(run)
    logger.info("The %s of %r begins.", kind, engine, extra={"event": f"{kind}.begins", "engine": engine})
    try:
        yield recorder
    except BaseException as error:
        # Also for whoever stops the process: the row would go on saying that it runs.
        recorder.failed(f"{type(error).__name__}: {error}".replace("\0", ""))
        raise


def ask(kind: str, engine: str) -> tuple[IndexRun, bool]:
    """A run that waits for somebody to perform it, and whether it is new: what is asked for twice is done once."""
    for run in _rows().filter(engine=engine, kind=kind, outcome__in=(Outcome.WAITING, Outcome.RUNNING)).order_by("-pk"):
        if run.is_open:
            return run, False
    run = IndexRun(engine=engine, kind=kind, outcome=Outcome.WAITING)
    run.save(force_insert=True, using=_database())
    return run, True


def claim(pk: int) -> IndexRun | None:
    """The run, now running; None where it waits no more."""
    now = timezone.now()
    waiting = _rows().filter(pk=pk, outcome=Outcome.WAITING)
    return _rows().get(pk=pk) if waiting.update(outcome=Outcome.RUNNING, started=now, seen=now) else None


def end_the_dead(run: IndexRun) -> None:
    """Where rebuilds exclude each other, none can run that gave its last sign of life before this one, which is done.

    Hosts that keep an index each rebuild at the same time.
    """
    if conf.replica(run.engine) is not None:
        return
    dead = {"outcome": Outcome.FAILED, "finished": F("seen"), "message": "Its process was ended."}
    with _harmless():
        _rows().filter(engine=run.engine, kind=run.kind, outcome=Outcome.RUNNING, seen__lt=run.started).update(**dead)


def waiting(engine: str | None = None) -> list[int]:
    """The keys of the runs that somebody has asked for, the first one first."""
    rows = _rows().filter(outcome=Outcome.WAITING)
    rows = rows if engine is None else rows.filter(engine=engine)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def latest(engine: str) -> dict[str, IndexRun]:
    """The newest run of each kind that there was for an engine."""
    found: dict[str, IndexRun] = {}
    for kind in Kind.values:
        with _harmless():
            for run in _rows().filter(engine=engine, kind=kind).order_by("-pk")[:1]:
                found[kind] = run
    return found


def history(engine: str, limit: int) -> list[IndexRun]:
    """The newest runs of an engine, drains aside."""
    return list(_rows().filter(engine=engine).exclude(kind=Kind.DRAIN).order_by("-pk")[:limit])


#: When a drain of an engine was last noted by this process (monotonic), and whether it went well.
_drains: WeakKeyDictionary[Engine, tuple[float, bool]] = WeakKeyDictionary()


def note_drain(alias: str, engine: Engine, *, ok: bool, figures: Mapping[str, int], message: str) -> None:
    """Note a drain in the one row for all drains of an engine: now and then, and whenever its outcome changes."""
    noted, before = _drains.get(engine, (-DRAIN_PACE, ok))
    if ok == before and time.monotonic() < noted + DRAIN_PACE:
        return
    _drains[engine] = time.monotonic(), ok
    now = timezone.now()
    values: dict[str, object] = {
        "outcome": Outcome.DONE if ok else Outcome.PROBLEMS,
        "started": now,
        "seen": now,
        "finished": now,
        "figures": dict(figures),
        "message": message[:LONGEST_MESSAGE],
    }
    with _harmless():
        if not _rows().filter(engine=alias, kind=Kind.DRAIN).update(**values):
            IndexRun(engine=alias, kind=Kind.DRAIN, **values).save(force_insert=True, using=_database())


def _rows() -> QuerySet[IndexRun]:
    return IndexRun.objects.using(_database())


def _database() -> str:
    return router.db_for_write(IndexRun)


def _forget_old(engine: str, kind: str) -> None:
    runs = _rows().filter(engine=engine, kind=kind)
    for last in runs.order_by("-pk").values_list("pk", flat=True)[KEPT : KEPT + 1]:
        runs.filter(pk__lte=last).exclude(outcome=Outcome.WAITING).delete()


@contextmanager
def _harmless() -> Iterator[None]:
    """Where the record can't be written, that spoils neither the work nor a transaction around it."""
    database = _database()
    inside = connections[database].in_atomic_block
    try:
        with transaction.atomic(using=database) if inside else nullcontext():
            yield
    except (DatabaseError, InterfaceError) as error:
        logger.warning("A run of the index was not recorded: %s", error, extra={"event": "record.failed"})
