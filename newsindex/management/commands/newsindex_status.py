"""newsindex_status: how the engines are."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from newsindex import indexing
from newsindex.engines import engines, named
from newsindex.logs import one_line, some
from newsindex.management.arguments import engine_alias
from newsindex.management.durations import in_words
from newsindex.models import IndexRun
from newsindex.monitoring import is_late, measured, status_data


class Command(BaseCommand):
    help = "Shows of each engine whether it answers, what it holds, and what is pending. Exits with 1 if one can't."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--engine", type=engine_alias, help="Its alias in NEWSINDEX (all).")
        parser.add_argument("--json", action="store_true", help="Print a JSON list instead.")

    def handle(self, *args: Any, engine: str | None, json: bool, **options: Any) -> None:
        try:
            found = [indexing.status(engine=alias) for alias in (engines if engine is None else [engine])]
        except DatabaseError as error:
            raise CommandError(f"The database can't be asked what is pending: {one_line(str(error))}") from error
        self.stdout.write(_as_json(found) if json else "\n".join(line for one in found for line in _lines(one)))
        ill = [one.engine for one in found if not one.health.ok]
        if ill:
            raise CommandError(f"Searches are not answered by: {', '.join(ill)}. {_advice(ill)}")


def _advice(ill: list[str]) -> str:
    commands = ["newsindex_rebuild" + ("" if alias == named(None) else f" --engine {alias}") for alias in ill]
    return f"If the index was never built or is damaged, run {', '.join(commands)}."


def _size(size: int) -> str:
    number, unit = measured(size)
    return f"{number:.1f} {unit}"


def _lines(status: indexing.Status) -> list[str]:
    stats = status.stats
    built = timezone.localtime(stats.built_at).isoformat(" ", "seconds") if stats.built_at else "never"
    return [
        f"{status.engine} ({status.backend})",
        f"  health      {'ok' if status.health.ok else status.health.message}",
        *_asked(status),
        f"  generation  {stats.generation or '-'}",
        f"  built       {built}",
        f"  articles    {stats.articles}",
        f"  paragraphs  {stats.paragraphs}",
        f"  segments    {stats.segments}",
        f"  size        {_size(stats.size)}",
        f"  pending     {_pending(status)}{' LATE' if is_late(status.lag) else ''}",
        *(f"  note        {one_line(notice.message)}" for notice in status.notices),
        *(f"  {kind:<11} {_said(run)}" for kind, run in status.runs.items()),
    ]


def _asked(status: indexing.Status) -> list[str]:
    """Whether searches go to this one; nothing where there is no other."""
    if len(list(engines)) == 1:
        return []
    return [f"  searches    {'come here' if status.asked else 'go to another engine'}"]


def _pending(status: indexing.Status) -> str:
    """An object that was saved several times is pending as often, and is indexed once."""
    objects = f", of {some(status.objects, 'object')}" if status.objects < status.pending else ""
    since = f", the oldest since {timezone.localtime(status.oldest):%Y-%m-%d %H:%M}" if status.oldest else ""
    return f"{status.pending} ({status.failed} failed{objects}{since})"


def _said(run: IndexRun) -> str:
    """The newest run of a kind, in a line."""
    figures = ", ".join(f"{count} {name}" for name, count in run.shown_figures.items())
    message = one_line(run.message) if run.message else ""
    share = f"{run.progress} of {run.total}" if run.is_open and run.total else ""
    share += f", {in_words(run.remaining)} left" if run.remaining is not None else ""
    outcome = "no sign of life" if run.is_silent else str(run.outcome)
    since = timezone.localtime(run.finished or run.started).isoformat(" ", "seconds")
    return "; ".join(part for part in (f"{since} {outcome}", share, figures, message) if part)


def _as_json(found: list[indexing.Status]) -> str:
    return json.dumps([status_data(status) for status in found], indent=2)
