"""Strange and large things, in queries and in documents, are answered like any other."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from newsindex.engines.base import FACETS, Document, Engine, Filters, versioned
from newsindex.paragraphs import Paragraph
from newsindex.query import parse
from newsindex.query.nodes import And, Everything, Fuzzy, Keyword, Node, Not, Or, Phrase, Prefix, Word
from tests.contract.asking import NOW, article, ask, day, index, marked_words, matching
from tests.contract.news import WORLD

STRANGE = (
    "", " ", "\x00", "\ud800", "a\x00b", "*", "'", '"', "\\", "%", "_", "w:bridge", "p:京", "en:bridg", ":", "\uffff",
    "\U0010ffff", "\u202ebridge", "x" * 10_000, "🚲", "ﬀ", "İ", "ß", "１２３", "٣", "../../etc/passwd",
    "bridge\n\nbridge", "\u0301", "a\u0301" * 200, "京" * 500, "a-b" * 300, "1.2.3.4.5.6.7.8.9",
)  # fmt: skip


@pytest.mark.parametrize("text", STRANGE, ids=range(len(STRANGE)))
def test_any_text_in_a_query_is_answered(engine: Engine, text: str) -> None:
    index(engine, *WORLD)
    leaves: tuple[Node, ...] = (Word(text), Phrase(text), Prefix(text), Fuzzy(text), Word(text, field="title"))
    for node in (*leaves, Keyword("tag", text), Or(leaves), And(leaves), Not(Phrase(text))):
        page = ask(engine, node, facets=FACETS, timeline=True)
        assert page.total >= len(page.hits)
    ask(engine, Everything(), filters=Filters(tags=(text,), authors=(text,), sources=(text,), keys=(text,)))
    engine.suggest(text, now=NOW, audiences=frozenset({"public", text}))
    assert engine.related(text, now=NOW, audiences=frozenset({"public"})) == ()
    assert engine.get(text) is None


@pytest.mark.parametrize("text", [text for text in STRANGE if "\ud800" not in text], ids=lambda text: repr(text[:12]))
def test_any_text_in_a_document_is_kept(engine: Engine, text: str) -> None:
    strange = versioned(
        Document(
            key="news.story:strange",
            title=text,
            summary=text,
            paragraphs=(Paragraph(1, text, "paragraph", text), Paragraph(2, "p-2", "paragraph", "kettle")),
            tags=(text,),
            authors=(text,),
            section=text,
            url=text,
            language=text[:20],
            audiences=frozenset({"public", text}) - {"*"},
        )
    )
    index(engine, *WORLD, strange)
    assert engine.get(strange.key) == strange
    (hit,) = ask(engine, "kettle", facets=FACETS).hits
    assert hit.title.text == text
    assert matching(engine, Everything()) == {"strange", *(document.key.partition(":")[2] for document in WORLD)}


def test_everything_a_parser_lets_through_is_answered(engine: Engine) -> None:
    index(engine, *WORLD)
    phrases = " ".join(f'"the bridge {n} times"' for n in range(64))
    for text in (
        *("a " * 1000, "b* " * 50, "bridge~ " * 50, '"the the" ' * 50, "(" * 5000, "-x " * 500, "a OR " * 500),
        *(phrases, phrases.replace('" ', '"~9 ')),
    ):
        tree = parse(text).tree
        assert ask(engine, tree, match="all").total >= 0
        assert ask(engine, tree, match="any").total >= 0


def test_deep_trees(engine: Engine) -> None:
    index(engine, *WORLD)
    node: Node = Word("bridge")
    for _ in range(40):
        node = Not(Not(And((Or((node, Word("unheard"))), Everything()))))
    assert matching(engine, node) == {"flood", "ferry"}


def test_a_large_article(engine: Engine) -> None:
    text = "\n".join(f"Line {n} of the long report mentions kettle{n % 7} and walrus." for n in range(3000))
    index(engine, *WORLD, article("large", "A long report", text))
    (hit,) = ask(engine, "kettle3 walrus", paragraphs_per_article=2).hits
    assert hit.matched_paragraphs == 3000
    assert len(hit.paragraphs) == 2
    assert marked_words(hit.paragraphs[0].marked) == ["kettle3", "walrus"]
    stored = engine.get("news.story:large")
    assert stored is not None and len(stored.paragraphs) == 3000


def test_a_very_long_word_is_cut_not_lost(engine: Engine) -> None:
    index(engine, article("blob", "", "before " + "x" * 100_000 + " after"))
    assert matching(engine, "before after") == {"blob"}
    assert matching(engine, Phrase("before after")) == set()
    assert matching(engine, Word("x" * 100_000)) == {"blob"}


def test_many_values_of_a_facet(engine: Engine) -> None:
    index(engine, article(1, "kettle", tags=tuple(f"tag {n}" for n in range(500))), article(2, "kettle"))
    page = ask(engine, "kettle", facets=("tag",), facet_limit=20)
    assert len(page.facets["tag"]) == 20
    assert len(ask(engine, "kettle", facets=("tag",), facet_limit=10_000).facets["tag"]) == 500
    assert ask(engine, "kettle", facets=("tag",), facet_limit=0).facets["tag"] == ()


def test_dates_at_the_ends_of_the_calendar(engine: Engine) -> None:
    index(engine, article(1, "kettle", published_at=day(1, 1, 1)), article(2, "kettle", expires_at=day(9999, 12, 31)))
    for hours in (-23, 0, 23):
        now = NOW.astimezone(timezone(timedelta(hours=hours)))
        assert ask(engine, "kettle", timeline=True, now=now, recency=timedelta(days=1)).total == 2


def test_tiny_and_huge_recency_and_boost(engine: Engine) -> None:
    index(
        engine,
        article(1, "kettle", published_at=day(1, 1, 1), boost=1e-9),
        article(2, "kettle", published_at=NOW, boost=1e9),
    )
    for recency in (timedelta(microseconds=1), timedelta.max):
        assert [hit.pk for hit in ask(engine, "kettle", recency=recency).hits] == ["2", "1"]
