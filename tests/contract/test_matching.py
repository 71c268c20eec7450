"""Which articles a query finds."""

from __future__ import annotations

from datetime import date, timedelta, timezone

import pytest

from newsindex.engines.base import Engine, Filters
from newsindex.query.nodes import (
    And,
    Everything,
    Fuzzy,
    Keyword,
    Not,
    Or,
    Phrase,
    Prefix,
    Published,
    Word,
)
from tests.contract.asking import article, ask, day, found, index, marked_words, matching
from tests.contract.news import NEWS


@pytest.fixture(autouse=True)
def news(engine: Engine) -> None:
    index(engine, *NEWS)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("bridge", {"flood", "ferry"}),
        ("BRIDGES", {"flood", "ferry"}),
        ("forty pillars", {"flood"}),
        ("ferry bicycles", {"ferry"}),
        ("sports", {"flood"}),
        ("food", {"bakery"}),
        ("books cider", {"library"}),
        ("bridge dough", set()),
        ("unheard", set()),
        ("the", {"flood", "ferry", "bakery", "library"}),
        ("brandt", set()),
    ],
)
def test_every_word_is_wanted_anywhere_in_the_article(engine: Engine, query: str, expected: set[str]) -> None:
    assert matching(engine, query) == expected


def test_a_title_word_is_looked_for_in_the_title_only(engine: Engine) -> None:
    assert matching(engine, Word("ferry", field="title")) == {"ferry"}
    assert matching(engine, Word("bridge", field="title")) == set()
    assert matching(engine, Phrase("night ferry", field="title")) == {"ferry"}
    assert matching(engine, Prefix("ferr", field="title")) == {"ferry"}
    assert matching(engine, Fuzzy("fery", field="title")) == {"ferry"}


def test_a_phrase_stands_in_order_and_together(engine: Engine) -> None:
    assert matching(engine, Phrase("burst its banks")) == {"flood"}
    assert matching(engine, Phrase("bursting its bank")) == {"flood"}
    assert matching(engine, Phrase("banks its burst")) == set()
    assert matching(engine, Phrase("river burst banks")) == set()
    assert matching(engine, Phrase("morning")) == {"flood", "bakery"}


def test_a_phrase_with_slop_stands_near(engine: Engine) -> None:
    assert matching(engine, Phrase("river burst", slop=1)) == {"flood"}
    assert matching(engine, Phrase("bank burst", slop=2)) == set()
    assert matching(engine, Phrase("bank burst", slop=3)) == {"flood"}
    assert matching(engine, Phrase("ferry returns", "title", 1)) == {"ferry"}
    assert matching(engine, Phrase("ferry harbour", "title", 50)) == set()
    assert matching(engine, Phrase("morning", slop=5)) == {"flood", "bakery"}
    assert matching(engine, And((Word("bridge"), Not(Phrase("closed bridge", slop=5))))) == {"ferry"}
    assert matching(engine, Phrase("ferry unheard", slop=50)) == set()
    assert matching(engine, Phrase("ferry ferry", slop=50)) == set()


def test_however_much_slop_a_phrase_stays_in_its_text(engine: Engine) -> None:
    tags = ("dark brown", "", "old gold", "old gold", "x")
    lines = "\n".join(("blue yellow", "white", "!", "black"))
    index(
        engine,
        article("p", "red green", lines, summary="grey pink", tags=tags),
        article("q", "green red", "yellow blue black", tags=("gold dark",)),
    )
    for slop in (1, 2, 50, 10**15):
        more = {"q"} if slop > 1 else set()
        assert matching(engine, Phrase("blue yellow", slop=slop)) == {"p"} | more
        assert matching(engine, Phrase("old gold", slop=slop)) == {"p"}
        assert matching(engine, Phrase("gold dark", slop=slop)) == {"q"}
        for across in (
            "yellow white",
            "white black",
            "green grey",
            "pink dark",
            "brown old",
            "gold x",
            "gold old gold",
        ):
            assert matching(engine, Phrase(across, slop=slop)) == set(), across


def test_a_phrase_crosses_neither_paragraphs_nor_fields_nor_tags(engine: Engine) -> None:
    index(
        engine,
        article("p", "red green", "blue yellow\nwhite black", summary="grey pink", tags=("dark brown", "old gold")),
    )
    assert matching(engine, Phrase("blue yellow")) == {"p"}
    assert matching(engine, Phrase("dark brown")) == {"p"}
    for across in ("yellow white", "green grey", "pink dark", "brown old", "gold blue", "green blue"):
        assert matching(engine, Phrase(across)) == set(), across


def test_a_prefix_meets_the_word_as_written_not_its_stem(engine: Engine) -> None:
    assert matching(engine, Prefix("custom")) == {"bakery"}
    assert matching(engine, Prefix("CUSTOMERS")) == {"bakery"}
    assert matching(engine, Prefix("customersx")) == set()
    assert matching(engine, Prefix("tr")) == {"ferry"}


def test_a_fuzzy_word_forgives_by_its_length(engine: Engine) -> None:
    assert matching(engine, Fuzzy("brigde")) == {"flood", "ferry"}
    assert matching(engine, Fuzzy("brdige")) == {"flood", "ferry"}
    assert matching(engine, Fuzzy("bridgexx")) == {"flood", "ferry"}
    assert matching(engine, Fuzzy("brxxge")) == set()
    assert matching(engine, Fuzzy("volumteirs")) == {"flood"}


def test_and_or_not(engine: Engine) -> None:
    bridge, ferry, bakery = Word("bridge"), Word("ferry"), Word("bakery")
    assert matching(engine, Or((ferry, bakery))) == {"ferry", "bakery"}
    assert matching(engine, And((bridge, Not(ferry)))) == {"flood"}
    assert matching(engine, And((Everything(), Not(bridge)))) == {"bakery", "library"}
    assert matching(engine, Not(Not(bridge))) == {"flood", "ferry"}
    assert matching(engine, And((Or((bridge, bakery)), Not(And((bridge, ferry)))))) == {"flood", "bakery"}
    assert matching(engine, Or((Not(bridge), ferry))) == {"bakery", "library", "ferry"}


def test_keywords_are_compared_whole_and_folded(engine: Engine) -> None:
    assert matching(engine, Keyword("tag", "ALDERMOUTH")) == {"flood", "ferry", "bakery"}
    assert matching(engine, Keyword("tag", "alder")) == set()
    assert matching(engine, Keyword("author", " ida  brandt")) == {"flood", "ferry"}
    assert matching(engine, Keyword("author", "ida")) == set()
    assert matching(engine, Keyword("section", "local")) == {"flood", "bakery"}
    assert matching(engine, And((Keyword("section", "local"), Word("bridge")))) == {"flood"}
    assert matching(engine, Not(Keyword("tag", "aldermouth"))) == {"library"}


def test_nothing_is_tagged_with_nothing(engine: Engine) -> None:
    index(engine, article("odd", "Odd", tags=("", " "), authors=("",), section=" "))
    assert matching(engine, Everything(), filters=Filters(tags=("",))) == set()
    assert matching(engine, Everything(), filters=Filters(authors=(" ",))) == set()
    assert matching(engine, Everything(), filters=Filters(sections=("",))) == set()
    assert matching(engine, Keyword("tag", "")) == set()
    assert matching(engine, Keyword("section", " ")) == set()


def test_published_counts_days_and_leaves_undated_out(engine: Engine) -> None:
    assert matching(engine, Published(start=date(2026, 4, 17))) == {"flood", "ferry"}
    assert matching(engine, Published(end=date(2026, 4, 17))) == {"bakery"}
    assert matching(engine, Published(date(2026, 4, 17), date(2026, 4, 18))) == {"ferry"}
    assert matching(engine, Published(date(2026, 4, 18), date(2026, 4, 17))) == set()
    assert matching(engine, Not(Published(start=date(2026, 1, 1)))) == {"bakery", "library"}


def test_days_begin_where_the_asker_is(engine: Engine) -> None:
    index(engine, article("late", "Late", "", published_at=day(2026, 5, 10, hour=23)))
    east = timezone(timedelta(hours=2))
    tenth, eleventh = Published(date(2026, 5, 10), date(2026, 5, 11)), Published(date(2026, 5, 11))
    assert matching(engine, tenth) == {"late"}
    assert matching(engine, tenth, now=day(2026, 6, 1).astimezone(east)) == set()
    assert matching(engine, eleventh, now=day(2026, 6, 1).astimezone(east)) == {"late"}


def test_the_first_and_last_day_of_the_calendar(engine: Engine) -> None:
    dated = {"flood", "ferry", "bakery"}
    for hours in (-12, 14):
        now = day(2026, 6, 1).astimezone(timezone(timedelta(hours=hours)))
        assert matching(engine, Published(start=date.min), now=now) == dated
        assert matching(engine, Published(end=date.max), now=now) == dated
        assert matching(engine, Published(start=date.max), now=now) == set()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), {"flood", "ferry", "bakery", "library"}),
        (Filters(tags=("weather", "FOOD")), {"flood", "bakery"}),
        (Filters(tags=("aldermouth",), sections=("Local",)), {"flood", "bakery"}),
        (Filters(authors=("jon marsh",)), {"ferry", "bakery"}),
        (Filters(start=date(2026, 1, 1)), {"flood", "ferry"}),
        (Filters(start=date(2026, 1, 1), end=date(2026, 5, 1)), {"ferry"}),
        (Filters(sources=("news.story",)), {"flood", "ferry", "bakery", "library"}),
        (Filters(sources=("news.note",)), set()),
        (Filters(keys=("news.story:flood", "news.story:nobody")), {"flood"}),
        (Filters(keys=()), set()),
        (Filters(tags=("no such tag",)), set()),
    ],
)
def test_filters_are_choices_that_must_all_hold(engine: Engine, filters: Filters, expected: set[str]) -> None:
    assert matching(engine, Everything(), filters=filters) == expected
    assert ask(engine, Everything(), filters=filters).total == len(expected)


def test_any_of_the_words_when_asked_so(engine: Engine) -> None:
    assert matching(engine, "bridge dough", match="any") == {"flood", "ferry", "bakery"}
    tree = And((Word("bridge"), Word("dough"), Not(Word("ferry"))))
    assert matching(engine, tree, match="any") == {"flood", "bakery"}
    tree = And((Word("bridge"), Word("dough"), Keyword("section", "Local")))
    assert matching(engine, tree, match="any") == {"flood", "bakery"}


def test_the_closest_have_more_than_a_common_word(engine: Engine) -> None:
    index(
        engine,
        *(article(f"common {n}", "News of the day", "News.") for n in range(100)),
        *(article(f"some {n}", "", "A lantern.") for n in range(3)),
        article("rare", "", "A lightship."),
        article("old", "", "News of a lightship.", section="Old"),
    )
    assert matching(engine, "news lightship unicorn", match="any") == {"rare", "old"}
    assert matching(engine, "news lantern lightship", match="any") == {"rare", "old", "some 0", "some 1", "some 2"}
    # Where nothing rarer is known, or passes the filters, the common word will do.
    assert len(matching(engine, "news unicorn", match="any")) == 101
    filters = Filters(keys=("news.story:common 1", "news.story:some 2"))
    assert matching(engine, "news lightship", match="any", filters=filters) == {"common 1"}
    # Who says OR means it.
    assert len(matching(engine, Or((Word("news"), Word("lightship"))), match="any")) == 102


def test_of_the_closest_matches_a_version_is_looked_for_with_its_series(engine: Engine) -> None:
    index(
        engine,
        article("exact", "", "Kettle 3.2.0 is out, the first Kettle 3.2."),
        article("series", "", "What is new in Kettle 3.2?"),
        article("other", "", "What is new in Kettle 3.4?"),
        article("preview", "", "Kettle 3.2.0-rc1 boils."),
        *(article(f"news {n}", "", "A kettle.") for n in range(20)),
    )
    assert matching(engine, "3.2.0") == {"exact", "preview"}
    assert found(engine, "3.2.0 whistle", match="any")[-1] == "series"
    assert matching(engine, "3.2.0 whistle", match="any") == {"exact", "preview", "series"}
    assert matching(engine, "3.2.0-rc7", match="any") == {"exact", "preview", "series"}
    assert matching(engine, "V3.2.9-rc1 whistle", match="any") == {"exact", "series"}
    # What has no dots enough, or groups of three figures, is a number like any other.
    assert matching(engine, "3.9 whistle", match="any") == set()
    assert matching(engine, "3.200.000 whistle", match="any") == set()
    (hit,) = (hit for hit in ask(engine, "3.2.0 whistle", match="any").hits if hit.pk == "series")
    assert marked_words(hit.paragraphs[0].marked) == ["3.2"]


def test_of_the_closest_matches_words_joined_by_a_sign_are_looked_for_one_by_one(engine: Engine) -> None:
    index(engine, article("near", "", "A split/debenture sale."), article("far", "", "Debentures before the split."))
    index(engine, article("figures", "", "Open 24 days."), article("hyphen", "", "The gas."))
    assert matching(engine, "split/debenture") == {"near"}
    assert matching(engine, "split/debenture unicorn", match="any") == {"near", "far"}
    assert matching(engine, "split/split unicorn", match="any") == {"near", "far"}
    assert matching(engine, "24/7 gas-oil unicorn", match="any") == set()


@pytest.mark.parametrize("text", ["", "!!!", "…", " ", "-"])
def test_a_leaf_without_a_word_matches_nothing(engine: Engine, text: str) -> None:
    for leaf in (Word(text), Phrase(text), Prefix(text), Fuzzy(text)):
        assert matching(engine, leaf) == set()
        assert matching(engine, Or((leaf, Word("ferry")))) == {"ferry"}
        assert matching(engine, And((Word("ferry"), Not(leaf)))) == {"ferry"}


def test_joined_words_are_found_whole_and_in_parts(engine: Engine) -> None:
    index(engine, article("e", "E-mail from the U.S.", "Version 2.7.1 of O'Reilly's well-known tool is out."))
    for query in ("email", "e-mail", "mail", "u.s.", "us", "2.7.1", "7", "o'reilly", "reilly", "oreilly", "known"):
        assert "e" in matching(engine, query), query
    assert matching(engine, Phrase("well known tool")) == {"e"}
    assert matching(engine, Phrase("well-known tool")) == {"e"}


def test_sources_share_one_index(engine: Engine) -> None:
    index(engine, article(0, "A note about the bridge", key="news.note:flood"))
    assert sorted(hit.key for hit in ask(engine, "bridge").hits) == [
        "news.note:flood",
        "news.story:ferry",
        "news.story:flood",
    ]
    assert found(engine, "bridge", filters=Filters(sources=("news.note",))) == ["flood"]
