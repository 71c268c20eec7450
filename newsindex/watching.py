"""The process that keeps an index level: it drains what is pending, for as long as it is let."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from newsindex import indexing, operations
from newsindex.exceptions import NewsIndexError
from newsindex.indexing import Report
from newsindex.logs import get_logger

logger = get_logger("newsindex")

#: The longest pause after failures, in seconds. It begins with the interval and doubles.
LONGEST_PAUSE: Final = 60.0
#: Seconds between two tries of rows that failed often.
RETRY_AFTER: Final = 300.0
#: Seconds without a change after which the engine may merge what has come in small parts; and seconds since the first
#: change after which it does so where there is no such pause.
QUIET: Final = 60.0
BUSY: Final = 900.0


class Watch:
    """Looks for changes every ``interval`` seconds until ``stop`` is set.

    say: is given a line at the beginning, for each drain, and at the end.
    """

    def __init__(
        self,
        *,
        stop: threading.Event,
        say: Callable[[str], None],
        engine: str | None = None,
        interval: float = 1.0,
        wait: float = 10.0,
    ) -> None:
        self.stop = stop
        self.say = say
        self.engine = engine
        self.interval = interval
        self.wait = wait
        self.pause = interval
        self._retried = -RETRY_AFTER
        # The first change since the engine was let merge, and the last one.
        self._changes: tuple[float, float] | None = (time.monotonic(),) * 2

    def run(self) -> None:
        """Returns when ``stop`` is set. A drain that is under way commits what it has done; the rest stays pending."""
        which = "all engines" if self.engine is None else self.engine
        self.say(f"Watching {which}, a look every {self.interval:g} s.")
        try:
            self._run()
        finally:
            self.say("The watch has ended; what is pending stays so.")

    def _run(self) -> None:
        while not self.stop.is_set():
            well = self.turn()
            self.pause = self.interval if well else min(2 * self.pause, max(LONGEST_PAUSE, self.interval))
            self.stop.wait(self.pause)

    def turn(self) -> bool:
        """Do what there is to do now; whether it went well. Trouble is logged, once a turn."""
        try:
            close_old_connections()
            report = self._drain()
            # A rebuild that somebody asked for may be just what the engine lacks.
            operations.perform_waiting(self.engine)
            if not report.error:
                self._maintain()
        except (DatabaseError, InterfaceError) as error:
            extra = {"event": "watch.no_database", "seconds": self.pause}
            logger.error("The database can't be asked, once more in %.0f s: %s", 2 * self.pause, error, extra=extra)
            # What is broken stays broken: the next turn begins with connections of its own.
            connections.close_all()
            return False
        except NewsIndexError as error:
            logger.error("The index can't be watched: %s", error, extra={"event": "watch.failed"})
            return False
        return not report.error

    def _drain(self) -> Report:
        now = time.monotonic()
        retry = now >= self._retried + RETRY_AFTER
        report = indexing.update(engine=self.engine, wait=self.wait, retry=retry, stop=self.stop.is_set)
        if retry:
            self._retried = now
        done = report.indexed + report.deleted
        if done:
            last = time.monotonic()
            self._changes = self._changes[0] if self._changes else last, last
        if done or report.failed:
            took = time.monotonic() - now
            self.say(f"{report.indexed} indexed, {report.deleted} deleted, {report.failed} failed in {took:.2f} s")
        return report

    def _maintain(self) -> None:
        if self._changes is None or self.stop.is_set():
            return
        first, last = self._changes
        if time.monotonic() >= min(last + QUIET, first + BUSY):
            self._changes = None
            if indexing.maintain(engine=self.engine):
                self.say("Parts of the index were merged.")
