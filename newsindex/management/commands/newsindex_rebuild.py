"""newsindex_rebuild: make the index anew."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from newsindex import operations, replicas
from newsindex.engines import DEFAULT_ALIAS
from newsindex.exceptions import NewsIndexError
from newsindex.management.arguments import at_least_one, engine_alias


class Command(BaseCommand):
    help = (
        "Makes a new index of everything and puts it in the place of the old one, which answers searches until then. "
        "Exits with 1 if objects had to be left out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--engine", type=engine_alias, default=DEFAULT_ALIAS, help="Its alias in NEWSINDEX (%(default)s)."
        )
        parser.add_argument("--batch-size", type=at_least_one, default=500, help="Rows read at a time (%(default)s).")
        parser.add_argument(
            "--if-needed", action="store_true", help="Do nothing where there is an index that changes are noted for."
        )

    def handle(self, *args: Any, engine: str, batch_size: int, if_needed: bool, verbosity: int, **options: Any) -> None:
        if if_needed and replicas.usable(engine):
            if verbosity:
                self.stdout.write(f"{engine}: there is an index; newsindex_update brings it up to date.")
            return
        try:
            with tqdm(unit=" rows", disable=self._silent(verbosity)) as bar:

                def advance(done: int, total: int) -> None:
                    bar.total = total
                    bar.update(done - bar.n)

                report = operations.rebuild(engine=engine, batch_size=batch_size, progress=advance)
        except NewsIndexError as error:
            raise CommandError(str(error)) from error
        for key, text in report.failures:
            self.stderr.write(f"{key} was left out: {text}")
        if verbosity:
            stats = report.stats
            self.stdout.write(
                f"{engine}: {stats.articles} articles, {stats.paragraphs} paragraphs in {report.took:.1f} s"
            )
        if report.failed:
            raise CommandError(f"{report.failed} objects were left out.")

    def _silent(self, verbosity: int) -> bool:
        return verbosity < 1 or not self.stderr.isatty()
