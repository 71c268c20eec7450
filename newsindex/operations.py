"""What an operator does to an index, on the record: rebuild, verify, repair, purge; at once or when there is time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from newsindex import indexing, runs
from newsindex.engines import engines, named
from newsindex.exceptions import NewsIndexError
from newsindex.indexing import Progress, PurgeReport, RebuildReport, Report, VerifyReport
from newsindex.logs import get_logger
from newsindex.models import IndexRun
from newsindex.runs import Kind, Recorder, recorded
from newsindex.sources import sources
from newsindex.tasks import background, has_workers

logger = get_logger("newsindex")

#: With at most so many rows a page may do what it is asked for: that takes seconds.
SMALL: Final = 1_000


def rebuild(
    *,
    engine: str | None = None,
    batch_size: int = 500,
    progress: Progress | None = None,
    run: IndexRun | None = None,
    fresh: bool = False,
) -> RebuildReport:
    """``indexing.rebuild``, on the record. run: the one that was asked for."""
    engine = named(engine)
    with recorded(Kind.REBUILD, engine, run) as record:
        progress = _both(record, progress)
        report = indexing.rebuild(engine=engine, batch_size=batch_size, progress=progress, fresh=fresh)
        record.done(report)
        runs.end_the_dead(record.run)
    return report


def verify(*, engine: str | None = None, run: IndexRun | None = None) -> VerifyReport:
    """``indexing.verify``, on the record."""
    engine = named(engine)
    with recorded(Kind.VERIFY, engine, run) as record:
        report = indexing.verify(engine=engine, progress=record.progress)
        record.done(report)
    return report


def repair(report: VerifyReport, *, run: IndexRun | None = None) -> Report:
    """``indexing.repair``, on the record."""
    with recorded(Kind.REPAIR, report.engine, run) as record:
        repaired = indexing.repair(report)
        record.done(repaired)
    return repaired


def purge(
    keys: Iterable[str] = (), *, hidden: bool = False, engine: str | None = None, wait: float = 0.0
) -> list[PurgeReport]:
    """``indexing.purge``, on the record of each engine."""
    keys = list(keys)
    reports = []
    for alias in engines if engine is None else (engine,):
        with recorded(Kind.PURGE, alias) as record:
            (report,) = indexing.purge(keys, hidden=hidden, engine=alias, wait=wait)
            record.done(report)
        reports.append(report)
    return reports


def ask(kind: str, engine: str) -> tuple[IndexRun, bool]:
    """Have a rebuild, a verification or a repair done, and whether this is what got it going.

    It becomes a task where there are workers for tasks. Otherwise it is done at once where the site is small, and waits
    for ``newsindex_update`` where it is not: a process of a web server is no place for minutes of work.
    """
    run, new = runs.ask(kind, engine)
    if new and has_workers():
        try:
            perform_run.enqueue(run.pk)
        except Exception:  # the fault boundary around the site's backend; newsindex_update performs it as well
            logger.exception("The %s of %r was not enqueued", kind, engine, extra={"event": "task.failed"})
    elif new and _is_small():
        perform(run.pk)
        run.refresh_from_db()
    return run, new


@background
def perform_run(pk: int) -> None:
    """Do what was asked for, as a task."""
    perform(pk)


def perform(pk: int) -> bool:
    """Do what was asked for; whether it was still to be done. What goes wrong is on the record."""
    run = runs.claim(pk)
    if run is None:
        return False
    # The record of the run has said it, here and in the log.
    with suppress(NewsIndexError):
        _PERFORMED[run.kind](run)
    return True


def perform_waiting(engine: str | None = None) -> int:
    """Do whatever somebody has asked for and waits for; how much there was."""
    return sum(perform(pk) for pk in runs.waiting(engine))


def _rebuild(run: IndexRun) -> None:
    rebuild(engine=run.engine, run=run)


def _verify(run: IndexRun) -> None:
    verify(engine=run.engine, run=run)


def _repair(run: IndexRun) -> None:
    with recorded(Kind.REPAIR, run.engine, run) as record:
        record.done(indexing.repair(verify(engine=run.engine)))


_PERFORMED: Final[dict[str, Callable[[IndexRun], None]]] = {
    Kind.REBUILD: _rebuild,
    Kind.VERIFY: _verify,
    Kind.REPAIR: _repair,
}
#: What can be asked for.
KINDS: Final = tuple(_PERFORMED)


def _both(record: Recorder, progress: Progress | None) -> Progress:
    def tell(done: int, total: int) -> None:
        record.progress(done, total)
        if progress:
            progress(done, total)

    return tell


def _is_small() -> bool:
    try:
        return sum(source.queryset().count() for source in sources) <= SMALL
    except Exception:  # the fault boundary around a site's sources; the run itself says what is wrong with one
        logger.exception("The rows of the sources can't be counted", extra={"event": "source.failed"})
        return False
