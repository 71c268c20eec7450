"""Who sees what, and that nobody learns anything about the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from newsindex.engines.base import EVERYTHING, FACETS, PUBLIC, Document, Engine
from newsindex.query.nodes import Everything, Fuzzy, Node, Not, Or, Phrase, Prefix, Word
from tests.contract.asking import EVERYBODY, NOW, article, ask, day, index, matching, timeless
from tests.contract.news import NEWS

SECOND = timedelta(seconds=1)
SECRET = article(
    "secret",
    "Bridge sabotage suspected by the mayor",
    "The bridge was loosened on purpose, the mayor believes.\nA ferry captain was questioned about zirconium.",
    summary="Bridge bridge bridge.",
    tags=("Aldermouth", "ALDERMOUTH", "Sabotage"),
    authors=("Ida Brandt", "Nameless"),
    section="Investigations",
    published_at=day(2026, 5, 30),
)
HIDDEN = {
    "draft": replace(SECRET, audiences=frozenset()),
    "embargoed": replace(SECRET, published_at=NOW + SECOND),
    "expired": replace(SECRET, expires_at=NOW),
    "restricted": replace(SECRET, audiences=frozenset({"staff"})),
}
QUESTIONS: dict[str, dict[str, Any]] = {
    "a word": {"query": Word("bridge")},
    "several": {"query": Or((Word("bridge"), Word("ferry"), Phrase("the mayor")))},
    "a prefix": {"query": Prefix("sab")},
    "a fuzzy word": {"query": Fuzzy("brigde")},
    "an exclusion": {"query": Not(Word("bridge"))},
    "everything": {"query": Everything()},
    "newest": {"query": Everything(), "sort": "newest", "limit": 1},
    "a misspelling that only the hidden one would correct": {"query": Word("zirconum")},
    "a misspelling": {"query": Word("brigde")},
    "any": {"query": Or((Word("zirconium"), Word("bakery"))), "match": "any"},
    "recent": {"query": Word("bridge"), "recency": timedelta(days=30)},
}


def answers(
    engine: Engine, audiences: frozenset[str] = EVERYBODY, hidden: frozenset[str] = frozenset()
) -> list[object]:
    who: dict[str, Any] = {"audiences": audiences, "hidden": hidden}
    pages = [
        timeless(ask(engine, **{"facets": FACETS, "timeline": True, **who, **question}))
        for question in QUESTIONS.values()
    ]
    completed = [engine.suggest(text, now=NOW, **who) for text in ("b", "bri", "sab", "zir", "al")]
    related = [engine.related(key, now=NOW, **who) for key in ("news.story:flood", SECRET.key)]
    return [*pages, *completed, *related]


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_what_is_hidden_changes_no_answer(engine: Engine, hidden: Document) -> None:
    index(engine, *NEWS)
    before = answers(engine)
    index(engine, hidden)
    assert engine.get(hidden.key) == hidden
    assert answers(engine) == before


@pytest.mark.parametrize(
    "audiences", [EVERYBODY, frozenset({PUBLIC, "staff"}), EVERYTHING], ids=["all", "two", "admin"]
)
def test_what_the_request_hides_changes_no_answer(engine: Engine, audiences: frozenset[str]) -> None:
    others = [replace(SECRET, key=f"news.story:s{n}", audiences=frozenset({"staff"})) for n in range(3)]
    index(engine, *NEWS, *others)
    before = answers(engine, audiences)
    index(engine, SECRET)
    shown = answers(engine, audiences)
    assert shown != before
    assert answers(engine, audiences, frozenset({SECRET.key, "news.story:never"})) == before
    assert answers(engine, audiences) == shown


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_the_admin_sees_all_of_it(engine: Engine, hidden: Document) -> None:
    index(engine, *NEWS, hidden)
    assert "secret" in matching(engine, "zirconium", audiences=EVERYTHING)
    page = ask(engine, "bridge", audiences=EVERYTHING, facets=FACETS, timeline=True)
    assert page.total == 3
    assert "Investigations" in [value.value for value in page.facets["section"]]
    assert ask(engine, "zirconum", audiences=EVERYTHING).suggestion == "zirconium"


def test_an_audience_is_enough(engine: Engine) -> None:
    index(
        engine,
        article(1, "one", audiences=frozenset({PUBLIC})),
        article(2, "two", audiences=frozenset({"members", "staff"})),
        article(3, "three", audiences=frozenset({"staff"})),
        article(4, "four", audiences=frozenset()),
    )
    assert matching(engine, Everything()) == {"1"}
    assert matching(engine, Everything(), audiences=frozenset({"members"})) == {"2"}
    assert matching(engine, Everything(), audiences=frozenset({PUBLIC, "staff"})) == {"1", "2", "3"}
    assert matching(engine, Everything(), audiences=frozenset({"unheard of"})) == set()
    assert matching(engine, Everything(), audiences=frozenset()) == set()
    assert matching(engine, Everything(), audiences=EVERYTHING) == {"1", "2", "3", "4"}


def test_the_window_opens_and_closes_to_the_microsecond(engine: Engine) -> None:
    index(engine, article(1, "fleeting", published_at=NOW, expires_at=NOW + SECOND))
    moment = timedelta(microseconds=1)
    assert matching(engine, "fleeting", now=NOW - moment) == set()
    assert matching(engine, "fleeting", now=NOW) == {"1"}
    assert matching(engine, "fleeting", now=NOW + SECOND - moment) == {"1"}
    assert matching(engine, "fleeting", now=NOW + SECOND) == set()
    assert matching(engine, "fleeting", now=NOW + SECOND, audiences=EVERYTHING) == {"1"}


def test_a_document_that_changes_its_audience_moves(engine: Engine) -> None:
    shown = article(1, "shown")
    index(engine, shown)
    index(engine, replace(shown, audiences=frozenset()))
    assert matching(engine, "shown") == set()
    index(engine, shown)
    assert matching(engine, "shown") == {"1"}


@pytest.mark.parametrize("query", [Word("bridge"), Phrase("old bridge"), Prefix("bri"), Fuzzy("brigde")])
def test_scores_count_only_what_the_asker_sees(engine: Engine, query: Node) -> None:
    """The public's scores stay beside any number of hidden articles, and are others for who sees those too."""
    index(engine, *NEWS)
    alone = [hit.score for hit in ask(engine, query).hits]
    others = [replace(SECRET, key=f"news.story:s{n}", audiences=frozenset({"staff"})) for n in range(5)]
    index(engine, *others)
    assert [hit.score for hit in ask(engine, query).hits] == alone
    mixed = {hit.key: hit.score for hit in ask(engine, query, audiences=frozenset({PUBLIC, "staff"})).hits}
    assert [mixed[hit.key] for hit in ask(engine, query).hits] != alone
