"""newsindex_update: index what is pending."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from newsindex import indexing
from newsindex.management.arguments import engine_alias


class Command(BaseCommand):
    help = (
        "Indexes the changes that are pending, those that failed before too. For a cron job or timer where "
        'NEWSINDEX_UPDATE is "command". Exits with 1 if some could not be indexed.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--engine", type=engine_alias, help="Its alias in NEWSINDEX (all).")
        parser.add_argument(
            "--wait", type=float, default=10.0, help="Seconds to wait for another writer (%(default)s)."
        )

    def handle(self, *args: Any, engine: str | None, wait: float, verbosity: int, **options: Any) -> None:
        report = indexing.update(engine=engine, wait=wait)
        for key, text in report.failures:
            self.stderr.write(f"{key} stays pending: {text}")
        if verbosity:
            self.stdout.write(f"{report.indexed} indexed, {report.deleted} deleted, {report.failed} failed")
        if report.busy:
            self.stdout.write("Another process is writing; it will take what is pending.")
        if indexing.maintain(engine=engine) and verbosity:
            self.stdout.write("Parts of the index were merged.")
        if report.error:
            raise CommandError(report.error)
        if report.failed:
            raise CommandError(f"{report.failed} objects could not be indexed and stay pending.")
