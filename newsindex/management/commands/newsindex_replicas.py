"""newsindex_replicas: who keeps an index, and how far behind it is."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from newsindex import replicas
from newsindex.engines import engines, named


class Command(BaseCommand):
    help = (
        "Lists the replicas of an index: those for which changes are noted, when they were last heard of, and how many "
        "changes each has still to see. --drop forgets one that will not come back, or, without a name, the index of "
        "all hosts. What was forgotten answers nothing before it is built again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--engine",
            default=named(None),
            help="Its alias in NEWSINDEX (%(default)s); to drop, also one that is no longer there.",
        )
        parser.add_argument(
            "--drop", metavar="NAME", nargs="?", const="", help="Forget this replica and what is noted for it."
        )
        parser.add_argument("--json", action="store_true", help="Print a JSON list instead.")

    def handle(self, *args: Any, engine: str, drop: str | None, json: bool, **options: Any) -> None:
        if drop is not None:
            if not replicas.forget(engine, drop):
                raise CommandError(f"{engine!r} has no replica {drop!r}.")
            self.stdout.write(f"{drop or engine} is dropped; to come back it has to be built again.")
            return
        if engine not in engines:
            raise CommandError(f"NEWSINDEX has no engine {engine!r}; it has: {', '.join(engines)}.")
        found = replicas.standings(engine)
        if json:
            self.stdout.write(_as_json(found))
        elif not found:
            self.stdout.write(f"{engine} has no replicas.")
        for one in () if json else found:
            seen = timezone.localtime(one.seen) if timezone.is_aware(one.seen) else one.seen
            mine = "  (here)" if one.here else ""
            self.stdout.write(f"{one.name:<24} {one.pending:>8} pending  last seen {seen:%Y-%m-%d %H:%M}{mine}")


def _as_json(found: list[replicas.Standing]) -> str:
    return json.dumps(
        [{"name": one.name, "pending": one.pending, "seen": one.seen.isoformat(), "here": one.here} for one in found],
        indent=2,
    )
