"""newsindex_rebuild: make the index anew."""

from __future__ import annotations

import time
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from newsindex import operations, replicas
from newsindex.engines import engines, named
from newsindex.indexing import RebuildReport
from newsindex.logs import some
from newsindex.management.arguments import at_least_one, engine_alias
from newsindex.management.durations import in_words
from newsindex.management.trouble import told
from newsindex.pace import Pace

#: Seconds between two lines of progress, where there is no terminal for a bar.
LINE_AFTER: Final = 10.0


class Command(BaseCommand):
    help = (
        "Makes a new index of everything and puts it in the place of the old one, which answers searches until then. "
        "One that was killed or interrupted is gone on with. Exits with 1 if objects had to be left out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--engine", type=engine_alias, default=named(None), help="Its alias in NEWSINDEX (%(default)s)."
        )
        parser.add_argument("--batch-size", type=at_least_one, default=500, help="Rows read at a time (%(default)s).")
        parser.add_argument(
            "--if-needed",
            action="store_true",
            help="Do nothing where there is an index that changes are noted for, made by today's analysis of words.",
        )
        parser.add_argument(
            "--fresh", action="store_true", help="Begin anew, whatever a rebuild that was killed has left."
        )

    def handle(self, *args: Any, engine: str, if_needed: bool, verbosity: int, **options: Any) -> None:
        if if_needed and not replicas.needed(engine):
            if verbosity:
                self.stdout.write(f"{engine}: there is an index; newsindex_update brings it up to date.")
            return
        if verbosity and not options["fresh"] and _was_left(engine):
            self._say(f"{engine}: a rebuild was left unfinished; this one goes on with it (--fresh begins anew).")
        with told():
            report = self._rebuild(engine, verbosity, options["batch_size"], options["fresh"])
        for key, text in report.failures:
            self.stderr.write(f"{key} was left out: {text}")
        if verbosity:
            stats = report.stats
            reused = f", {report.reused} of them written before" if report.reused else ""
            self.stdout.write(
                f"{engine}: {some(stats.articles, 'article')}{reused}, {some(stats.paragraphs, 'paragraph')} "
                f"in {report.took:.1f} s"
            )
        if report.failed:
            raise CommandError(f"{some(report.failed, 'object')} left out: see above.")

    def _rebuild(self, engine: str, verbosity: int, batch_size: int, fresh: bool) -> RebuildReport:
        """With a bar in a terminal; elsewhere with a line now and then."""
        in_terminal, pace = self.stderr.isatty(), Pace()
        due = time.monotonic() + LINE_AFTER
        with tqdm(unit=" rows", disable=verbosity < 1 or not in_terminal) as bar:

            def advance(done: int, total: int) -> None:
                nonlocal due
                bar.total = total
                bar.update(done - bar.n)
                remaining = pace.remaining(done, total)
                if verbosity and not in_terminal and time.monotonic() >= due:
                    due = time.monotonic() + LINE_AFTER
                    left = "" if remaining is None else f", about {in_words(remaining)} left"
                    self._say(f"{engine}: {done} of {some(total, 'row')}{left}")

            return operations.rebuild(engine=engine, batch_size=batch_size, progress=advance, fresh=fresh)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _was_left(engine: str) -> bool:
    return any(notice.kind == "rebuild" for notice in engines[engine].notices())
