"""newsindex_update: index what is pending."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from newsindex import indexing, operations
from newsindex.logs import one_line, some
from newsindex.management.arguments import engine_alias, seconds
from newsindex.management.trouble import told
from newsindex.watching import Watch


class Command(BaseCommand):
    help = (
        "Indexes the changes that are pending, those that failed before too, and does what the admin asked for. "
        "For a cron job or timer, or with --watch for a supervisor. Exits with 1 if some could not be indexed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--engine", type=engine_alias, help="Its alias in NEWSINDEX (all).")
        parser.add_argument(
            "--wait", type=float, default=10.0, help="Seconds to wait for another writer (%(default)s)."
        )
        parser.add_argument(
            "--watch",
            action="store_true",
            help="Go on until SIGTERM or SIGINT, with a line at the beginning, for each drain, and at the end.",
        )
        parser.add_argument(
            "--interval", type=seconds, default=1.0, help="Seconds between two looks with --watch (%(default)s)."
        )

    def handle(self, *args: Any, engine: str | None, wait: float, verbosity: int, **options: Any) -> None:
        if options["watch"]:
            self._watch(engine, wait, options["interval"], verbosity)
        else:
            with told():
                self._once(engine, wait, verbosity)

    def _watch(self, engine: str | None, wait: float, interval: float, verbosity: int) -> None:
        stop = threading.Event()

        def end(number: int, frame: object) -> None:
            stop.set()
            # Whoever does not want to wait for the end of a batch says so a second time; nothing is lost by it.
            signal.signal(number, signal.SIG_DFL)

        def say(line: str) -> None:
            if verbosity:
                self.stdout.write(line)
                self.stdout.flush()

        before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            Watch(stop=stop, say=say, engine=engine, interval=interval, wait=wait).run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _once(self, engine: str | None, wait: float, verbosity: int) -> None:
        report = indexing.update(engine=engine, wait=wait)
        for key, text in report.failures:
            self.stderr.write(f"{key} stays pending: {one_line(text)}")
        if verbosity:
            self.stdout.write(f"{report.indexed} indexed, {report.deleted} deleted, {report.failed} failed")
        if report.busy:
            self.stdout.write("Another process is writing; it will take what is pending.")
        if indexing.maintain(engine=engine) and verbosity:
            self.stdout.write("Parts of the index were merged.")
        operations.perform_waiting(engine)
        if report.error:
            raise CommandError(report.error)
        if report.failed:
            raise CommandError(f"{some(report.failed, 'object')} could not be indexed: left pending.")
