"""Each other engine and the memory engine give the same answers to random questions about random articles.

A few examples each time; the environment variable NEWSINDEX_PARITY says how many instead.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from newsindex.engines.base import (
    EVERYTHING,
    FACETS,
    ArticleHit,
    Document,
    Engine,
    Filters,
    SearchPage,
    SearchRequest,
    versioned,
)
from newsindex.paragraphs import Paragraph
from newsindex.query.nodes import (
    And,
    Everything,
    Fuzzy,
    Keyword,
    Node,
    Not,
    Or,
    Other,
    Phrase,
    Prefix,
    Published,
    Synonyms,
    Word,
)
from tests.contract.asking import EVERYBODY, NOW, discard, make_engine

EXAMPLES = int(os.environ.get("NEWSINDEX_PARITY", "20"))
OTHERS = ("whoosh", "opensearch")
WORDS = (
    "bridge", "Bridges", "bridged", "brigde", "ferry", "ferries", "the", "e-mail", "2.7.1", "U.S.", "café", "cafe",
    "école", "l’école", "ecoles", "Straße", "Strasse", "naïve", "мост", "моста", "東京", "東京都", "京", "図書館",
    "किताबें", "किताब", "x", "well-known", "known", "O'Reilly", "!", "2026", "2025", "a-b-c-d-e",
)  # fmt: skip
TAGS = ("Weather", "weather", "WEATHER", "Old Town", "old  town", "Café", "cafe", "bridge", "", " ", "x")
LANGUAGES = ("en", "en-GB", "de", "fr-CA", "ru", "ja", "hi", "", "tlh")
PUBLIC_ONLY = frozenset({"public"})
AUDIENCES = (*[PUBLIC_ONLY] * 5, frozenset({"public", "staff"}), frozenset({"members"}), frozenset())
BERLIN = ZoneInfo("Europe/Berlin")
DATES = (
    None, None, NOW, NOW - timedelta(microseconds=1), NOW - timedelta(days=1), NOW - timedelta(days=62, hours=11),
    NOW - timedelta(days=31, hours=13), NOW + timedelta(microseconds=1), NOW + timedelta(days=40),
    NOW.replace(year=2025, month=10, day=31, hour=23), NOW.replace(year=2026, month=3, day=31, hour=22),
    NOW.replace(year=1),
)  # fmt: skip
DAYS = (date(2025, 10, 31), date(2025, 11, 1), date(2026, 3, 31), date(2026, 4, 1), date(2026, 6, 1), date(2026, 6, 2))

# Few words in one example, so that queries and articles have some in common.
pool = st.shared(st.lists(st.sampled_from(WORDS), min_size=3, max_size=7, unique=True), key="pool")
word = pool.flatmap(st.sampled_from)
texts = st.tuples(st.lists(word, min_size=1, max_size=8), st.sampled_from([" ", " ", " ", ", ", ". ", "-"])).map(
    lambda drawn: drawn[1].join(drawn[0])
)
tags = st.lists(st.sampled_from(TAGS), max_size=3).map(tuple)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    paragraphs = draw(st.lists(texts | texts | st.just(""), max_size=4))
    return versioned(
        Document(
            key=f"{draw(st.sampled_from(['a.b', 'a.c']))}:{draw(st.integers(0, 6))}",
            title=draw(texts | st.just("")),
            summary=draw(texts | st.just("")),
            paragraphs=tuple(Paragraph(n, f"p-{n}", "paragraph", text) for n, text in enumerate(paragraphs, 1)),
            tags=draw(tags),
            authors=draw(tags),
            section=draw(st.sampled_from(TAGS)),
            published_at=draw(st.sampled_from(DATES)),
            expires_at=draw(st.none() | st.none() | st.none() | st.sampled_from(DATES)),
            language=draw(st.sampled_from(LANGUAGES)),
            audiences=draw(st.sampled_from(AUDIENCES)),
            boost=draw(st.sampled_from([1.0, 1.0, 2.5, 0.1])),
        )
    )


commits = st.lists(
    st.lists(st.one_of(*[documents()] * 5, st.integers(0, 6)), min_size=5, max_size=10),
    min_size=1,
    max_size=3,
)
fields = st.sampled_from(["", "", "", "title"])
single = st.one_of(word, word, word, st.sampled_from((*WORDS, "bri", "caf", "東", "fer", "eco")))
phrases = st.lists(word, min_size=1, max_size=3).map(" ".join)
slops = st.sampled_from([0, 0, 0, 1, 2, 3, 5, 50])
misspelt = word.flatmap(lambda text: st.sampled_from([text + "x", text[1:], text[:-2] + text[-1:], "x" + text]))


@st.composite
def synonyms(draw: st.DrawFn) -> Synonyms:
    field = draw(fields)
    other = st.builds(
        Other,
        st.builds(Word, single, st.just(field)) | st.builds(Phrase, phrases, st.just(field)),
        st.sampled_from(("", "", *LANGUAGES)),
    )
    others = draw(st.lists(other, min_size=1, max_size=3))
    return Synonyms(Word(draw(single), field), tuple(others))


leaves: st.SearchStrategy[Node] = st.one_of(
    st.builds(Word, single, fields),
    st.builds(Word, single, fields),
    st.builds(Prefix, single, fields),
    st.builds(Fuzzy, single, fields),
    st.builds(Phrase, phrases, fields, slops),
    synonyms(),
)
restrictions: st.SearchStrategy[Node] = st.one_of(
    st.builds(Keyword, st.sampled_from(FACETS), st.sampled_from(TAGS)),
    st.builds(Published, st.none() | st.sampled_from(DAYS), st.none() | st.sampled_from(DAYS)),
    st.just(Everything()),
)
trees: st.SearchStrategy[Node] = st.recursive(
    st.one_of(*[leaves] * 6, restrictions),
    lambda nodes: st.one_of(
        st.lists(nodes, min_size=2, max_size=4).map(lambda children: Or(tuple(children))),
        st.lists(nodes, min_size=2, max_size=4).map(lambda children: Or(tuple(children))),
        st.lists(nodes, min_size=2, max_size=2).map(lambda children: And(tuple(children))),
        nodes.map(Not),
    ),
    max_leaves=6,
)
filters = st.builds(
    Filters,
    tags=tags.map(lambda values: values[:1]),
    authors=st.just(()) | tags,
    start=st.none() | st.sampled_from(DAYS),
    end=st.none() | st.none() | st.sampled_from(DAYS),
    sources=st.sampled_from([(), (), (), ("a.b",), ("a.c", "z.z")]),
    keys=st.sampled_from([None, None, None, (), ("a.b:1", "a.c:2", "a.c:3")]),
)
audiences = st.sampled_from(
    [
        EVERYBODY,
        EVERYBODY,
        EVERYBODY,
        EVERYBODY,
        EVERYTHING,
        EVERYTHING,
        frozenset({"members"}),
        frozenset({"public", "staff"}),
        frozenset(),
    ]
)
zones = st.sampled_from([timezone.utc, BERLIN, ZoneInfo("America/New_York"), timezone(timedelta(hours=14))])
requests = st.builds(
    SearchRequest,
    trees,
    zones.map(NOW.astimezone),
    audiences,
    filters=st.one_of(*[st.just(Filters())] * 4, filters),
    sort=st.sampled_from(["relevance", "relevance", "newest", "oldest"]),
    offset=st.sampled_from([0, 0, 0, 1, 5]),
    limit=st.sampled_from([100, 10, 3, 1, 0]),
    paragraphs_per_article=st.sampled_from([0, 1, 3]),
    facets=st.sampled_from([(), FACETS]),
    facet_limit=st.sampled_from([1, 20]),
    timeline=st.booleans(),
    match=st.sampled_from(["all", "all", "any"]),
    recency=st.sampled_from([None, None, timedelta(days=30)]),
    content=st.sampled_from([True, True, True, False]),
)


@contextmanager
def pair(other: str) -> Iterator[tuple[Engine, Engine]]:
    """Both engines, empty; afterwards each must find nothing wrong with itself."""
    with tempfile.TemporaryDirectory() as place:
        both = make_engine("memory", Path(place)), make_engine(other, Path(place) / "index")
        try:
            yield both
            assert [list(engine.verify()) for engine in both] == [[], []]
        finally:
            for engine in both:
                discard(engine)


def write(engine: Engine, changes: list[Document | int]) -> None:
    with engine.writer() as writer:
        for change in changes:
            if isinstance(change, Document):
                writer.put(change)
            else:
                writer.delete(f"a.b:{change}")


def without_scores(hit: ArticleHit) -> tuple[Any, ...]:
    paragraphs = [(p.number, p.anchor, p.kind, p.marked) for p in hit.paragraphs]
    return (
        hit.key, hit.title, hit.summary, paragraphs, hit.matched_paragraphs, hit.tags, hit.authors, hit.section,
        hit.published_at, hit.language, hit.url,
    )  # fmt: skip


def scores(page: SearchPage) -> list[float]:
    return [score for hit in page.hits for score in (hit.score, *(p.score for p in hit.paragraphs))]


def assert_same(memory: SearchPage, whoosh: SearchPage) -> None:
    assert [without_scores(hit) for hit in whoosh.hits] == [without_scores(hit) for hit in memory.hits]
    assert scores(whoosh) == pytest.approx(scores(memory), abs=1e-6, rel=1e-9)
    assert whoosh.total == memory.total
    assert whoosh.facets == memory.facets
    assert whoosh.timeline == memory.timeline
    assert whoosh.suggestion == memory.suggestion
    assert (whoosh.next_cursor is None) == (memory.next_cursor is None)
    assert whoosh.partial is False


def walk(engine: Engine, request: SearchRequest) -> list[str]:
    """The keys of all hits, by cursor."""
    keys: list[str] = []
    cursor: str | None = None
    while True:
        page = engine.search(
            SearchRequest(
                request.query, request.now, request.audiences, sort=request.sort, limit=2, cursor=cursor, content=False
            )
        )
        keys += [hit.key for hit in page.hits]
        cursor = page.next_cursor
        if cursor is None:
            return keys


@pytest.mark.parametrize("other", OTHERS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(commits, st.lists(requests, min_size=5, max_size=10))
def test_searches(other: str, batches: list[list[Document | int]], asked: list[SearchRequest]) -> None:
    with pair(other) as (memory, whoosh):
        for changes in batches:
            for engine in (memory, whoosh):
                write(engine, changes)
            assert dict(whoosh.scan()) == dict(memory.scan())
            for request in asked:
                page = memory.search(request)
                event(f"{min(page.total, 3)} articles found")
                assert_same(page, whoosh.search(request))
                assert walk(whoosh, request) == walk(memory, request)


@pytest.mark.parametrize("other", OTHERS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(commits, st.lists(single, min_size=1, max_size=5), st.lists(misspelt, min_size=3, max_size=6), audiences)
def test_suggestions_and_related(
    other: str, batches: list[list[Document | int]], typed: list[str], wrong: list[str], who: frozenset[str]
) -> None:
    with pair(other) as (memory, whoosh):
        for changes in batches:
            for engine in (memory, whoosh):
                write(engine, changes)
        for text in typed:
            assert whoosh.suggest(text, now=NOW, audiences=who) == memory.suggest(text, now=NOW, audiences=who)
        for query in (*map(Word, wrong), And((Word(wrong[0]), Word(wrong[1])))):
            request = SearchRequest(query, NOW, who)
            expected = memory.search(request).suggestion
            event(f"suggestion: {bool(expected)}")
            assert whoosh.search(request).suggestion == expected
        for key, _ in memory.scan():
            assert whoosh.get(key) == memory.get(key)
            related = [
                [without_scores(hit) for hit in engine.related(key, now=NOW, audiences=who)]
                for engine in (memory, whoosh)
            ]
            assert related[0] == related[1]
