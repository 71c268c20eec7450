"""newsindex_search: search as a visitor does, in the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from newsindex.engines import named
from newsindex.engines.base import EVERYTHING, Explanation, LeafPart, Marked
from newsindex.engines.counting import local
from newsindex.exceptions import EngineError
from newsindex.forms import Parameters
from newsindex.highlighting import excerpt, terminal
from newsindex.logs import some
from newsindex.management.arguments import at_least_one, engine_alias
from newsindex.searching import EVERYBODY, Result, closeness_message, correction_message, note_messages, search
from newsindex.views import BoundedPaginator, Found, SearchMixin, search_data


class Command(BaseCommand):
    help = "Shows the articles that a visitor finds, each with its best paragraphs, the matches in bold."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("query", nargs="*", metavar="QUERY", help="The query; put -word after --.")
        parser.add_argument("--page", type=at_least_one, default=1, help="The page to show (1).")
        parser.add_argument("--limit", type=at_least_one, default=10, help="How many articles a page has (10).")
        parser.add_argument("--all", action="store_true", help="Also what visitors may not see: drafts, dates to come.")
        parser.add_argument("--verbatim", action="store_true", help="In no other spelling where nothing is found.")
        parser.add_argument(
            "--engine", type=engine_alias, default=named(None), help="Its alias in NEWSINDEX (%(default)s)."
        )
        parser.add_argument("--explain", action="store_true", help="Say why each article ranks where it does.")
        parser.add_argument("--key", help="Say it of this article alone, found or not: app_label.model:pk.")
        parser.add_argument("--json", action="store_true", help="Print what the JSON page answers instead.")

    def handle(self, *args: Any, query: list[str], **options: Any) -> None:
        text = " ".join(query)
        try:
            found = _find(text, options)
            if options["key"]:
                lines = _explained(found, options["key"])
            elif options["json"]:
                lines = [json.dumps(search_data(found), indent=2)]
            else:
                styled = self.stdout.isatty() and not options["no_color"]
                lines = list(_lines(found, styled or options["force_color"], options["explain"]))
        except EngineError as error:
            raise CommandError(f"The engine {options['engine']!r} can't answer: {error}") from error
        self.stdout.write("\n".join(lines))


def _find(text: str, options: dict[str, Any]) -> Found:
    limit, page = options["limit"], options["page"]
    results = search(
        text,
        engine=options["engine"],
        audiences=EVERYTHING if options["all"] else EVERYBODY,
        offset=(page - 1) * limit,
        limit=limit,
        follow=not options["verbatim"],
    )
    paginator = BoundedPaginator(results, limit, max(SearchMixin.max_depth, limit))
    return Found(Parameters(q=text), results, paginator.get_page(page), note_messages(results.notes))


def _lines(found: Found, styled: bool, explain: bool) -> Iterator[str]:
    results, page = found.results, found.page
    yield from (f"Note: {note}" for note in found.notes)
    if results.corrected:
        yield correction_message(results)
    elif results.suggestion:
        yield f"Did you mean: {results.suggestion}"
    if results.relaxed:
        yield closeness_message(results)
    if page is None or not page.object_list:
        yield "Nothing found."
        return
    noun = "article" if found.total == 1 else "articles"
    yield f"{found.total} {noun}, page {page.number} of {page.paginator.num_pages}, {results.took * 1000:.1f} ms"
    for place, result in enumerate(page, page.start_index()):
        yield ""
        yield from _article(place, result, styled)
        explanation = results.explain(result.key) if explain else None
        if explanation is not None:
            yield from (f"     {line}" for line in _tree(explanation))


def _article(place: int, result: Result, styled: bool) -> Iterator[str]:
    zone = timezone.get_current_timezone()
    date = local(result.published_at, zone).date().isoformat() if result.published_at else ""
    recommended = "Recommended" if result.pinned else ""
    about = "  ".join(part for part in (recommended, date, result.section, ", ".join(result.tags)) if part)
    yield f"{place:>3}. {_shown(result.title, styled)}"
    yield from (f"     {line}" for line in (terminal(about, styled=False), result.url) if line)
    for paragraph in result.paragraphs:
        yield f"     [{paragraph.number}] {_shown(excerpt(paragraph.marked), styled)}"
    if result.more_paragraphs:
        yield f"     {result.more_paragraphs} more"


def _explained(found: Found, key: str) -> list[str]:
    explanation = found.results.explain(key)
    if explanation is None:
        raise CommandError(
            f"There is no article {key!r} that visitors may see; --all is for others. A key looks like blog.post:1."
        )
    return [terminal(explanation.title, styled=False), *_tree(explanation)]


def _tree(explanation: Explanation) -> Iterator[str]:
    """What an explanation says, a line for each part, indented below what it is a part of."""
    yield f"score {explanation.score:.6f}" + ("" if explanation.matches else ", but it is not found")
    if explanation.lacks:
        yield terminal("  lacks: " + ", ".join(explanation.lacks), styled=False)
    for factor, name in (
        (explanation.boost, "boost"),
        (explanation.completeness, "completeness"),
        (explanation.newness, "recency"),
    ):
        if factor != 1:
            yield f"  × {factor:.6f} {name}"
    yield f"  {explanation.words:.6f} words"
    for leaf in explanation.leaves:
        yield from (f"    {terminal(line, styled=False)}" for line in _leaf(leaf, explanation.articles))
    if explanation.passages:
        best = explanation.passages[0]
        yield f"  {explanation.passage:.6f} best paragraph: {explanation.passage_share:g} × {best.score:.6f}"
    for passage in explanation.passages:
        words = ", ".join(f"{word.text} {word.score:.6f} ({word.frequency:g} times)" for word in passage.words)
        yield f"    [{passage.number}] {passage.score:.6f} = " + terminal(words, styled=False)


def _leaf(leaf: LeafPart, articles: int) -> Iterator[str]:
    weight = "" if leaf.weight == 1 else f" × {leaf.weight:g} as a function word"
    found = f"in {leaf.articles} of {some(articles, 'article')}"
    yield f"{leaf.score:.6f} {leaf.text}: idf {leaf.idf:.6f}{weight}, {found}; tf {leaf.tf:.6f}"
    for place in leaf.places:
        forms = ", ".join(place.forms)
        size = f"length {place.length}, average {place.average:.1f}"
        yield f"  {place.tf:.6f} {place.name}: {place.frequency:g} times ({forms}), {size}"


def _shown(marked: Marked, styled: bool) -> str:
    return terminal(marked, styled=styled)
