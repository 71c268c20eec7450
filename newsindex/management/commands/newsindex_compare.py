"""newsindex_compare: the same queries on two engines, and how far their answers agree."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from newsindex.comparing import Answer, Comparison, compare, own_queries
from newsindex.engines.base import EVERYTHING
from newsindex.exceptions import EngineError
from newsindex.highlighting import terminal
from newsindex.logs import one_line
from newsindex.management.arguments import at_least_one, engine_alias, share
from newsindex.searching import EVERYBODY

#: Of how many articles queries are made where none are given.
ARTICLES = 50
#: How many of the queries with the least overlap are shown.
SHOWN = 10


class Command(BaseCommand):
    help = (
        "Asks two engines the same queries and says how far their answers agree: before a site moves from one to the "
        "other. Run newsindex_update before, so that both know the same."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("first", type=engine_alias, help="The alias of one engine in NEWSINDEX.")
        parser.add_argument("second", type=engine_alias, help="The alias of the other.")
        parser.add_argument(
            "--queries",
            metavar="FILE",
            help=f"A query a line, - for the input; without it, some are made of the {ARTICLES} newest titles.",
        )
        parser.add_argument("--limit", type=at_least_one, default=10, help="How many hits are compared (10).")
        parser.add_argument("--all", action="store_true", help="Also what visitors may not see: drafts, dates to come.")
        parser.add_argument("--least", type=share, help="Exit with 1 where the mean overlap is below this, 0 to 1.")
        parser.add_argument("--json", action="store_true", help="Print every query with both answers instead.")

    def handle(self, *args: Any, first: str, second: str, **options: Any) -> None:
        if first == second:
            raise CommandError(f"{first!r} was given twice; name two engines of NEWSINDEX.")
        audiences = EVERYTHING if options["all"] else EVERYBODY
        try:
            queries = _read(options["queries"]) or list(own_queries(first, ARTICLES, audiences=audiences))
            found = list(compare(queries, first, second, limit=options["limit"], audiences=audiences))
        except EngineError as error:
            raise CommandError(f"An engine can't answer: {one_line(str(error))}") from error
        if not found:
            raise CommandError("There is nothing to ask: no article is visible, and --queries named no query.")
        if options["json"]:
            self.stdout.write(json.dumps([_data(each) for each in found], indent=2))
        else:
            self.stdout.write("\n".join(_lines(found, first, second)))
        mean = statistics.mean(each.overlap for each in found)
        if options["least"] is not None and mean < options["least"]:
            raise CommandError(f"The mean overlap is {mean:.3f}, below {options['least']:g}.")


def _read(name: str | None) -> list[str]:
    if name is None:
        return []
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} can't be read as a file of queries, a line each in UTF-8: {error}") from error
    queries = [line.strip() for line in text.splitlines() if line.strip()]
    if not queries:
        raise CommandError(f"{name} has no query; write one a line.")
    return queries


def _lines(found: Sequence[Comparison], first: str, second: str) -> Iterator[str]:
    count = len(found)
    yield f"{count} queries" if count != 1 else "1 query"
    totals = sum(each.first.total == each.second.total for each in found)
    tops = sum(each.first.keys[:1] == each.second.keys[:1] for each in found)
    yield f"  the same answer           {_of(sum(each.same for each in found), count)}"
    yield f"  the same total            {_of(totals, count)}"
    yield f"  the same first hit        {_of(tops, count)}"
    yield f"  mean overlap of the hits  {statistics.mean(each.overlap for each in found):.3f}"
    for alias, answers in ((first, [each.first for each in found]), (second, [each.second for each in found])):
        yield f"  median time of {alias}: {statistics.median(answer.seconds for answer in answers) * 1000:.1f} ms"
    apart = sorted((each for each in found if not each.same), key=lambda each: each.overlap)
    if apart:
        yield "Least alike:"
    for each in apart[:SHOWN]:
        said = f"{first} {_said(each.first)}, {second} {_said(each.second)}"
        yield f"  {each.overlap:.2f}  {terminal(each.query, styled=False)}: {said}"


def _of(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.1%})"


def _said(answer: Answer) -> str:
    return f"{answer.total} found" + (f" ({answer.way})" if answer.way else "")


def _data(each: Comparison) -> dict[str, Any]:
    return {
        "query": each.query,
        "overlap": round(each.overlap, 6),
        "same": each.same,
        "answers": [
            {
                "total": answer.total,
                "keys": list(answer.keys),
                "way": answer.way,
                "ms": round(answer.seconds * 1000, 3),
            }
            for answer in (each.first, each.second)
        ],
    }
