"""newsindex_triggers: make, remove or print the database triggers that note changes without signals."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from newsindex import triggers
from newsindex.exceptions import NewsIndexError


class Command(BaseCommand):
    help = (
        "Makes database triggers that note what sends no signals: raw SQL, other programs, update() of plain "
        "querysets. install: makes those that are missing or out of date. remove: removes all. sql: prints what "
        "install would do to a database without any. For PostgreSQL and SQLite."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=("install", "remove", "sql"))
        parser.add_argument(
            "--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections), help="Its alias (%(default)s)."
        )

    def handle(self, *args: Any, action: str, database: str, verbosity: int, **options: Any) -> None:
        try:
            triggers.require_vendor(database)
            said = getattr(self, f"_{action}")(database)
        except NewsIndexError as error:
            raise CommandError(str(error)) from error
        if verbosity or action == "sql":
            self.stdout.write(said)

    def _install(self, database: str) -> str:
        made, removed = triggers.install(database)
        there = len(triggers.installed(database))
        return f"{database}: {made} triggers made, {removed} removed, {there} there now"

    def _remove(self, database: str) -> str:
        return f"{database}: {triggers.remove(database)} triggers removed"

    def _sql(self, database: str) -> str:
        return "\n".join(f"{sql};" for trigger in triggers.wanted(database) for sql in trigger.statements)
