"""What comes first, and the scores of newsindex.ranking worked out by hand."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from newsindex.engines.base import Engine
from newsindex.exceptions import ContractError
from newsindex.query.nodes import And, Not, Or, Phrase, Word
from newsindex.ranking import K1, LACKING, PASSAGE_SHARE, RECENCY_SHARE
from tests.contract.asking import NOW, article, ask, found, index


def test_a_title_weighs_more_than_a_summary_than_the_text(engine: Engine) -> None:
    filler = "one two three four"
    index(
        engine,
        article("text", filler, f"kettle {filler}", summary=filler, tags=(filler,)),
        article("title", f"kettle {filler}", filler, summary=filler, tags=(filler,)),
        article("summary", filler, filler, summary=f"kettle {filler}", tags=(filler,)),
        article("none", filler, filler, summary=filler, tags=(filler,)),
    )
    ranked = found(engine, "kettle")
    assert ranked.index("title") < ranked.index("summary")
    assert set(ranked) == {"title", "summary", "text"}


def test_a_rare_word_weighs_more(engine: Engine) -> None:
    index(
        engine,
        *(article(n, "", "harbour and pier and more") for n in range(8)),
        article("rare", "", "walrus and pier and more"),
        article("common", "", "harbour and boat and more"),
    )
    assert found(engine, Or((Word("harbour"), Word("walrus"))))[0] == "rare"


def test_a_long_run_of_characters_is_no_handful_of_words(engine: Engine) -> None:
    """Of "Ruby 3.4.2 リリース" the closest is what has the number, not what repeats that something is out."""
    index(
        engine,
        *(article(f"out {n}", "", "Ruby のリリース。", language="ja") for n in range(6)),
        *(article(f"else {n}", "", "橋が閉じた。", language="ja") for n in range(14)),
        article("wanted", "", "Ruby 3.4.2 が出た。", language="ja"),
    )
    assert found(engine, And((Word("Ruby"), Word("3.4.2"), Word("リリース"))), match="any")[0] == "wanted"


def test_words_in_one_paragraph_beat_words_far_apart(engine: Engine) -> None:
    index(
        engine,
        article("apart", "", "walrus in the water\nnothing to see here\nkettle on the fire"),
        article("close", "", "walrus with a kettle\nnothing to see here\nwater on the fire in the"),
    )
    assert found(engine, "walrus kettle") == ["close", "apart"]


def test_the_score_of_one_word_in_one_paragraph(engine: Engine) -> None:
    """Two articles, one word in a text and a paragraph of average length: everything but idf cancels out."""
    index(engine, article(1, "", "kettle boils"), article(2, "", "walrus sleeps"))
    (hit,) = ask(engine, "kettle").hits
    idf = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    one = idf * (K1 + 1) / (K1 + 1)
    assert hit.score == pytest.approx(one + PASSAGE_SHARE * one, abs=1e-6)
    assert hit.paragraphs[0].score == pytest.approx(one, abs=1e-6)


def test_the_score_of_a_title_and_a_tag(engine: Engine) -> None:
    """tf = 5 / (0.5 + 0.5 * 2 / 1) for a title of two words where the average is one, and 2 for a tag."""
    index(engine, article(1, "kettle boils", tags=("kettle",)), article(2, "", tags=("walrus",)))
    (hit,) = ask(engine, "kettle").hits
    idf = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    tf = 5 / 1.5 + 2
    assert hit.score == pytest.approx(idf * tf * (K1 + 1) / (K1 + tf), abs=1e-6)


def test_a_boost_multiplies(engine: Engine) -> None:
    index(engine, article(1, "", "kettle"), article(2, "", "kettle", boost=2.5), article(3, "", "kettle", boost=0.5))
    scores = {hit.pk: hit.score for hit in ask(engine, "kettle").hits}
    assert found(engine, "kettle") == ["2", "1", "3"]
    assert scores["2"] == pytest.approx(2.5 * scores["1"], abs=2e-6)
    assert scores["3"] == pytest.approx(0.5 * scores["1"], abs=2e-6)


def test_a_word_typed_twice_counts_twice(engine: Engine) -> None:
    index(engine, article(1, "", "kettle"), article(2, "", "walrus"))
    once, twice = ask(engine, "kettle").hits[0].score, ask(engine, "kettle kettle").hits[0].score
    assert twice == pytest.approx(2 * once, abs=2e-6)


def test_excluded_words_add_nothing(engine: Engine) -> None:
    index(engine, article(1, "", "kettle"), article(2, "", "walrus"))
    plain = ask(engine, "kettle").hits[0].score
    assert ask(engine, And((Word("kettle"), Not(Word("walrus"))))).hits[0].score == plain
    # What occurs nowhere is not lacking.
    assert ask(engine, Or((Word("kettle"), Word("unicorn")))).hits[0].score == plain


def test_an_article_loses_by_what_it_lacks(engine: Engine) -> None:
    index(engine, article(1, "", "kettle"), article(2, "", "walrus"))
    plain = ask(engine, "kettle").hits[0].score
    both = {hit.pk: hit.score for hit in ask(engine, Or((Word("kettle"), Word("walrus")))).hits}
    assert both["1"] == both["2"] == pytest.approx(plain * (1 - LACKING / 2), abs=1e-6)


def test_what_has_all_words_comes_before_what_repeats_one(engine: Engine) -> None:
    filler = "one two three four five six seven"
    index(
        engine,
        article("both", "", f"walrus {filler} kettle {filler}"),
        article("often", "Walrus", f"walrus {filler} walrus {filler}"),
        article("other", "", f"kettle {filler} {filler}"),
        article("none", filler, filler),
    )
    assert found(engine, "kettle walrus", match="any")[0] == "both"


def test_function_words_beside_other_words_count_less(engine: Engine) -> None:
    index(
        engine,
        article("asked", "", "What is the how of it, and what are the whys."),
        article("wanted", "", "Kettles and lanterns."),
        *(article(n, "", "Boats.") for n in range(6)),
    )
    assert found(engine, "what are the kettles", match="any") == ["wanted", "asked"]
    # Nothing else is asked for.
    assert found(engine, "what are the") == ["asked"]


def test_the_new_gains_where_recency_is_asked_for(engine: Engine) -> None:
    month = timedelta(days=30)
    index(
        engine,
        article("now", "", "kettle", published_at=NOW),
        article("month", "", "kettle", published_at=NOW - month),
        article("undated", "", "kettle"),
        article("old", "", "kettle", published_at=NOW - 1000 * month),
    )
    plain = ask(engine, "kettle").hits[0].score
    scores = {hit.pk: hit.score for hit in ask(engine, "kettle", recency=month).hits}
    assert scores["now"] == pytest.approx(plain * (1 + RECENCY_SHARE), abs=1e-6)
    assert scores["month"] == pytest.approx(plain * (1 + RECENCY_SHARE / 2), abs=1e-6)
    assert scores["undated"] == plain
    assert scores["old"] == pytest.approx(plain, abs=1e-6)


def test_an_embargoed_article_gains_nothing_from_its_future(engine: Engine) -> None:
    index(engine, article(1, "", "kettle", published_at=NOW + timedelta(days=9)), article(2, "", "walrus"))
    everything = frozenset({"*"})
    plain = ask(engine, "kettle", audiences=everything).hits[0].score
    recent = ask(engine, "kettle", audiences=everything, recency=timedelta(days=1)).hits[0].score
    assert recent == plain


def test_a_phrase_counts_its_places(engine: Engine) -> None:
    index(
        engine,
        article("twice", "", "copper kettle and copper kettle"),
        article("once", "", "copper kettle and kettle copper"),
        article("never", "", "kettle and copper and kettle"),
    )
    assert found(engine, Phrase("copper kettle")) == ["twice", "once"]


def test_a_phrase_with_slop_counts_its_closest_places(engine: Engine) -> None:
    index(
        engine,
        article("twice", "", "copper kettle and tea and copper and kettle"),
        article("once", "", "copper kettle kettle kettle and tea and copper"),
        article("never", "", "kettle and tea and more tea and copper and"),
    )
    assert found(engine, Phrase("copper kettle", slop=3)) == ["twice", "once"]


def test_filters_change_no_score(engine: Engine) -> None:
    index(engine, article(1, "", "kettle", section="Home"), article(2, "", "kettle kettle"), article(3, "", "walrus"))
    scores = {hit.pk: hit.score for hit in ask(engine, "kettle").hits}
    from_home = ask(engine, And((Word("kettle"), Not(Word("walrus")))), sort="newest").hits
    assert {hit.pk: hit.score for hit in from_home} == scores


def test_a_boost_buries_no_exact_match(engine: Engine) -> None:
    index(
        engine,
        article("asked", "Harbour ferry", "It sails.", boost=0.5),
        article("same", "Harbour ferry", "It sails, it sails, and it sails again and again.", boost=0.5),
        article("boosted", "Harbour ferry times", "It leaves.", boost=2.0),
    )
    assert found(engine, "harbour ferry")[-1] == "boosted"
    # More than the title, or other words, are not what is asked for.
    assert found(engine, "ferry")[0] == "boosted"
    assert found(engine, "harbour ferry sails", match="any")[0] == "boosted"


def test_a_boost_of_what_is_hidden_says_nothing(engine: Engine) -> None:
    asked = article("asked", "Harbour ferry", boost=0.5)
    index(engine, asked, article("other", "", "Walrus."))
    plain = ask(engine, "harbour ferry").hits[0].score
    index(engine, article("hidden", "", "Walrus.", boost=100.0, audiences=frozenset({"members"})))
    assert ask(engine, "harbour ferry").hits[0].score == plain


def test_being_new_buries_no_exact_match(engine: Engine) -> None:
    year = timedelta(days=365)
    index(
        engine,
        article("asked", "Harbour ferry", "It sails.", published_at=NOW - 20 * year),
        article("new", "", "The harbour ferry, the harbour ferry.", published_at=NOW),
        article("newer", "", "A harbour ferry at last, at long last, by day and night.", published_at=NOW),
        article("older", "", "A harbour ferry at last, at long last, and at night.", published_at=NOW - year),
        *(article(number, "Walrus tusk", "Walrus.") for number in range(9)),
    )
    plain = found(engine, "harbour ferry")
    recent = found(engine, "harbour ferry", recency=year)
    assert plain[0] == recent[0] == "asked"
    assert recent.index("newer") < recent.index("older")


def test_nothing_gets_old_in_no_time(engine: Engine) -> None:
    with pytest.raises(ContractError, match=r"recency must be a time above zero, or None, not datetime.timedelta\(0\)"):
        found(engine, "harbour ferry", recency=timedelta(0))


def test_being_new_puts_nothing_before_what_has_more_of_the_words(engine: Engine) -> None:
    month = timedelta(days=30)
    text = "A kettle and a walrus in the boats, the boats and the boats."
    index(
        engine,
        article("both", "", text, published_at=NOW - 99 * month),
        article("one", "", "Kettle. " * 9, published_at=NOW),
        *(article(number, "Boat", "Boats and boats and boats and boats.") for number in range(9)),
    )
    scores = {hit.pk: hit.score for hit in ask(engine, "kettle walrus", match="any").hits}
    assert scores["one"] < scores["both"] < scores["one"] * (1 + RECENCY_SHARE)
    assert found(engine, "kettle walrus", match="any", recency=month) == ["both", "one"]
