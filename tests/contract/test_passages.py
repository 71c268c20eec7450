"""The paragraphs that are shown for an article, and what is marked in them."""

from __future__ import annotations

import pytest

from newsindex.engines.base import ArticleHit, Engine
from newsindex.query.nodes import And, Everything, Fuzzy, Keyword, Not, Or, Phrase, Prefix, Word
from tests.contract.asking import article, ask, index, marked_words
from tests.contract.news import NEWS


@pytest.fixture(autouse=True)
def news(engine: Engine) -> None:
    index(engine, *NEWS)


def flood(engine: Engine, query: object, **fields: object) -> ArticleHit:
    """The hit for the story of the flood."""
    page = ask(engine, query, **fields)  # type: ignore[arg-type]
    return next(hit for hit in page.hits if hit.pk == "flood")


def test_the_paragraph_with_both_words_is_first(engine: Engine) -> None:
    hit = flood(engine, "mayor bridges")
    assert [paragraph.number for paragraph in hit.paragraphs] == [3, 2]
    best = hit.paragraphs[0]
    assert (best.anchor, best.kind) == ("p-3", "paragraph")
    assert marked_words(best.marked) == ["mayor", "bridge"]
    assert best.score > hit.paragraphs[1].score > 0


def test_marks_lie_on_the_inflected_words(engine: Engine) -> None:
    hit = flood(engine, "bursting family")
    assert marked_words(hit.title) == ["bursts"]
    assert marked_words(hit.summary) == ["families"]
    assert marked_words(hit.paragraphs[0].marked) == ["burst", "families"]


def test_a_phrase_is_marked_as_one(engine: Engine) -> None:
    hit = flood(engine, Phrase("its banks"))
    assert marked_words(hit.title) == ["its banks"]
    assert marked_words(hit.paragraphs[0].marked) == ["its banks"]
    assert [paragraph.number for paragraph in hit.paragraphs] == [1]


def test_of_a_phrase_with_slop_the_words_are_marked(engine: Engine) -> None:
    hit = flood(engine, Phrase("banks river", slop=9))
    assert marked_words(hit.title) == ["River", "banks"]
    assert marked_words(hit.paragraphs[0].marked) == ["river", "banks"]
    assert [paragraph.number for paragraph in hit.paragraphs] == [1]


def test_prefixes_and_fuzzy_words_mark_what_they_met(engine: Engine) -> None:
    assert marked_words(flood(engine, Prefix("sand")).paragraphs[0].marked) == ["sandbags"]
    assert marked_words(flood(engine, Fuzzy("pilars")).paragraphs[0].marked) == ["pillars"]


def test_words_of_a_title_search_are_marked_in_the_title_only(engine: Engine) -> None:
    hit = flood(engine, Word("banks", field="title"))
    assert marked_words(hit.title) == ["banks"]
    assert hit.paragraphs == ()
    assert hit.matched_paragraphs == 0


def test_excluded_words_are_not_marked(engine: Engine) -> None:
    hit = flood(engine, And((Word("bridge"), Not(Word("ferry")))))
    assert {word for paragraph in hit.paragraphs for word in marked_words(paragraph.marked)} == {"bridge"}
    hit = flood(engine, Or((Not(Word("pillars")), Word("bridge"))))
    assert all(marked_words(paragraph.marked) == ["bridge"] for paragraph in hit.paragraphs)


def test_a_query_without_words_shows_and_marks_nothing(engine: Engine) -> None:
    for query in (Everything(), Keyword("tag", "weather")):
        hit = flood(engine, query)
        assert (hit.paragraphs, hit.matched_paragraphs, hit.score) == ((), 0, 0.0)
        assert hit.title.text and hit.title.spans == ()


def test_a_match_in_title_or_tags_needs_no_paragraph(engine: Engine) -> None:
    hit = flood(engine, "weather")
    assert (hit.paragraphs, hit.matched_paragraphs) == ((), 0)
    assert hit.score > 0


@pytest.mark.parametrize("wanted", [0, 1, 2, 3, 100])
def test_as_many_paragraphs_as_asked_for(engine: Engine, wanted: int) -> None:
    hit = flood(engine, "the", paragraphs_per_article=wanted)
    assert len(hit.paragraphs) == min(wanted, 3)
    assert hit.matched_paragraphs == 3


def test_equal_paragraphs_are_in_the_order_of_the_text(engine: Engine) -> None:
    index(engine, article("same", "", "kettle one\nnothing here\nkettle two\nkettle six"))
    hit = ask(engine, "kettle").hits[0]
    assert [paragraph.number for paragraph in hit.paragraphs] == [1, 3, 4]


def test_the_short_paragraph_is_better_than_the_long_one(engine: Engine) -> None:
    index(engine, article("long", "", "A kettle " + "and many other things " * 10 + "\nA kettle."))
    hit = ask(engine, "kettle").hits[0]
    assert [paragraph.number for paragraph in hit.paragraphs] == [2, 1]


def test_marks_count_code_points(engine: Engine) -> None:
    index(engine, article("emoji", "🚲🚲 kettle", "𝔄𝔅 e\u0301clair 🏳️‍🌈 kettle’s 👩‍🚒 kettles"))
    hit = ask(engine, "kettle").hits[0]
    assert marked_words(hit.title) == ["kettle"]
    assert marked_words(hit.paragraphs[0].marked) == ["kettle", "kettles"]
    for marked in (hit.title, hit.paragraphs[0].marked):
        assert list(marked.spans) == sorted(marked.spans)
        assert all(0 <= start < end <= len(marked.text) for start, end in marked.spans)


def test_markup_in_a_text_is_text(engine: Engine) -> None:
    text = '<script>alert("kettle")</script> & <mark>kettle</mark>'
    index(engine, article("html", text, text))
    hit = ask(engine, "kettle").hits[0]
    assert hit.title.text == text
    assert hit.paragraphs[0].marked.text == text
    assert marked_words(hit.title) == ["kettle", "kettle"]


def test_overlapping_marks_are_one(engine: Engine) -> None:
    hit = flood(engine, And((Phrase("old bridge"), Word("bridge"), Prefix("old"))))
    marks = {paragraph.number: marked_words(paragraph.marked) for paragraph in hit.paragraphs}
    assert marks[2] == ["old bridge"]


def test_a_paragraph_keeps_its_kind_and_anchor(engine: Engine) -> None:
    hit = flood(engine, "sandbags")
    stored = engine.get(hit.key)
    assert stored is not None
    paragraph = stored.paragraphs[1]
    shown = hit.paragraphs[0]
    assert (shown.number, shown.anchor, shown.kind, shown.marked.text) == (
        paragraph.number,
        paragraph.anchor,
        paragraph.kind,
        paragraph.text,
    )


def test_a_heading_is_no_better_than_the_paragraph_that_says_more(engine: Engine) -> None:
    says_more = "The kettle of the harbour master boiled over, and so did the kettle of the pilot."
    index(engine, article("kitchen", "", f"Kettle\n{says_more}\n" + "and many other things " * 10))
    hit = ask(engine, "kettle").hits[0]
    assert [paragraph.number for paragraph in hit.paragraphs] == [2, 1]
