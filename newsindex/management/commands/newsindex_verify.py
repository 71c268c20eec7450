"""newsindex_verify: compare the index with the database."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from newsindex import indexing, operations
from newsindex.engines import named
from newsindex.exceptions import IndexNotBuilt
from newsindex.logs import one_line, some
from newsindex.management.arguments import engine_alias
from newsindex.management.trouble import told


class Command(BaseCommand):
    help = (
        "Compares the index with the database and names what is missing in it, stale, or a ghost (in the index only). "
        "Exits with 1 if they differ; with --repair, if they still differ after it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--engine", type=engine_alias, default=named(None), help="Its alias in NEWSINDEX (%(default)s)."
        )
        parser.add_argument(
            "--repair",
            action="store_true",
            help="Index again what differs; make a new index where this one is damaged.",
        )

    def handle(self, *args: Any, engine: str, repair: bool, verbosity: int, **options: Any) -> None:
        with told():
            report = _verified(engine, repair)
            self._print(report, verbosity)
            if repair and (report.drift or report.index_errors):
                repaired = operations.repair(report)
                if repaired.error:
                    raise CommandError(f"Nothing was repaired: {repaired.error}")
                report = operations.verify(engine=engine)
                self.stdout.write("After the repair:")
                self._print(report, verbosity)
        if report.failed and not (report.drift or report.index_errors):
            raise CommandError("What failed stays pending: mend what its source raises, then run newsindex_update.")
        if not report.ok:
            advice = "newsindex_rebuild" if report.index_errors else "newsindex_verify --repair"
            raise CommandError(f"The index and the database differ: run {advice}.")

    def _print(self, report: indexing.VerifyReport, verbosity: int) -> None:
        for word in ("missing", "stale", "ghost"):
            for key in getattr(report, word):
                self.stdout.write(f"{word} {key}")
        for key, text in report.failed:
            self.stdout.write(f"failed {key}: {one_line(text)}")
        for text in report.index_errors:
            self.stdout.write(f"index {text}")
        for text in report.notes:
            self.stdout.write(f"note {text}")
        if verbosity:
            self.stdout.write(
                f"{report.engine}: {report.checked} checked, {len(report.missing)} missing, "
                f"{len(report.stale)} stale, {some(len(report.ghost), 'ghost')}, {len(report.failed)} failed"
            )


def _verified(engine: str, repair: bool) -> indexing.VerifyReport:
    try:
        return operations.verify(engine=engine)
    except IndexNotBuilt as error:
        if not repair:
            raise
        return indexing.VerifyReport(engine, index_errors=(str(error),))
