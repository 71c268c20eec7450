"""newsindex_purge: withdrawn text leaves the files of the index at once."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from newsindex import indexing, operations
from newsindex.logs import some
from newsindex.management.arguments import engine_alias
from newsindex.management.trouble import told
from newsindex.sources import sources


def key(value: str) -> str:
    """The key of an object: ``app_label.model:pk``, of a registered source."""
    label, colon, pk = value.partition(":")
    if not (label and colon and pk):
        raise ArgumentTypeError(f"must look like newsindex.article:12, not {value!r}.")
    if label not in sources:
        known = ", ".join(source.label for source in sources)
        raise ArgumentTypeError(f"{label!r} is not searched; these are: {known}.")
    return value


class Command(BaseCommand):
    help = (
        "Removes from the files of the index, at once, all text that was deleted or replaced, for removals that law "
        "demands; first it indexes what is pending. An index kept for going back loses what the one in use does not "
        "hold. Searches and saves go on meanwhile. Exits with 1 if anything named has to stay, or if the purge did not "
        "come to its end: run it again, it begins where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "keys",
            nargs="*",
            type=key,
            metavar="KEY",
            help="An object, such as newsindex.article:12, that shall not be in the index even for the admin.",
        )
        parser.add_argument(
            "--hidden",
            action="store_true",
            help="All objects that no visitor will see: drafts, and what has expired.",
        )
        parser.add_argument("--engine", type=engine_alias, help="Its alias in NEWSINDEX (all).")
        parser.add_argument(
            "--wait", type=float, default=600.0, help="Seconds to wait for writers and rebuilds (%(default)s)."
        )

    def handle(self, *args: Any, keys: list[str], hidden: bool, verbosity: int, **options: Any) -> None:
        with told():
            reports = operations.purge(keys, hidden=hidden, engine=options["engine"], wait=options["wait"])
        for report in reports:
            self._print(report, verbosity)
        if errors := [report.error for report in reports if report.error]:
            raise CommandError("; ".join(errors))
        if not all(report.ok for report in reports):
            raise CommandError("Not everything is gone: see above.")

    def _print(self, report: indexing.PurgeReport, verbosity: int) -> None:
        for shown in report.shown:
            self.stderr.write(f"{shown} stays: visitors may see it. Unpublish or delete it first.")
        for failed, text in report.failed:
            self.stderr.write(f"{failed} stays: {text}")
        if report.pending:
            self.stderr.write(
                f"{report.engine}: {some(report.pending, 'change')} pending; what is replaced by it stays."
            )
        if verbosity and not report.error:
            purged = report.purged
            self.stdout.write(
                f"{report.engine}: {some(purged.documents, 'document')} taken out, "
                f"{some(purged.segments, 'file')} written anew, "
                f"unfinished or unreadable indexes removed: {purged.generations}"
            )
