"""What synonyms find, how they are ranked, and what of them is marked."""

from __future__ import annotations

import pytest

from newsindex.engines.base import Engine
from newsindex.query import Entry, Thesaurus, expanded, parse
from newsindex.query.nodes import Node, Other, Synonyms, Word
from newsindex.ranking import K1, PASSAGE_SHARE, SYNONYM
from tests.contract.asking import NOW, article, ask, day, found, index, marked_words, matching

THESAURUS = Thesaurus(
    [
        Entry(("car", "automobile", "motor vehicle")),
        Entry(("telly",), ("television",)),
        Entry(("united states", "usa")),
        Entry(("Bank",), ("Sparkasse",), "de"),
    ],
    "en",
)


def widened(text: str) -> Node:
    return expanded(parse(text).tree, THESAURUS).tree


def test_two_ways_and_one_way(engine: Engine) -> None:
    index(
        engine,
        article("car", "", "The cars stood still."),
        article("auto", "", "An automobile passed."),
        article("motor", "", "No motor vehicles here."),
        article("apart", "", "The vehicle has a motor."),
        article("telly", "", "On the telly."),
        article("television", "", "On television."),
    )
    for word in ("car", "cars", "Automobiles"):
        assert matching(engine, widened(word)) == {"car", "auto", "motor"}
    assert matching(engine, widened("motor vehicle")) == {"car", "auto", "motor", "apart"}
    assert matching(engine, widened("telly")) == {"telly", "television"}
    assert matching(engine, widened("television")) == {"television"}
    assert matching(engine, widened('"car"')) == {"car"}
    assert matching(engine, widened("automob*")) == {"auto"}


def test_several_words_are_met_by_one_and_one_by_several(engine: Engine) -> None:
    index(
        engine,
        article("both", "", "The states are united."),
        article("usa", "", "Made in the USA."),
        article("one", "", "United they stand."),
        article("election", "", "An election in the USA."),
    )
    assert matching(engine, widened("united states")) == {"both", "usa", "election"}
    assert matching(engine, widened("united states election")) == {"election"}
    assert matching(engine, widened("usa")) == {"usa", "election"}, "a phrase finds its words in a row"
    assert matching(engine, widened("united")) == {"both", "one"}


def test_what_is_excluded_is_excluded_with_its_synonyms(engine: Engine) -> None:
    index(
        engine,
        article("car", "", "A car in the street."),
        article("auto", "", "An automobile in the street."),
        article("usa", "", "A street in the USA."),
        article("street", "", "An empty street in united states."),
    )
    assert matching(engine, widened("street -car")) == {"usa", "street"}
    assert matching(engine, widened("street -(united states)")) == {"car", "auto"}


def test_the_field_stays(engine: Engine) -> None:
    index(engine, article("title", "The automobile", "Text."), article("text", "Title", "The automobile."))
    assert matching(engine, widened("title:car")) == {"title"}


def test_an_entry_of_a_language_finds_texts_in_it(engine: Engine) -> None:
    index(
        engine,
        article("de", "", "Die Sparkassen schließen.", language="de-AT"),
        article("en", "", "The Sparkasse is closed.", language="en"),
        article("none", "", "Sparkasse", language="tlh"),
    )
    assert matching(engine, widened("banken")) == {"de"}
    assert matching(engine, Synonyms(Word("x"), (Other(Word("sparkasse"), "ja"),))) == {"none"}


def test_the_word_itself_comes_first(engine: Engine) -> None:
    index(
        engine,
        article("auto", "", "automobile here", published_at=day(2026, 5, 2)),
        article("car", "", "car here", published_at=day(2026, 5, 1)),
        article("other", "", "nothing here"),
    )
    assert found(engine, widened("car")) == ["car", "auto"]
    assert found(engine, widened("automobile")) == ["auto", "car"]


def test_a_rare_synonym_does_not_dominate(engine: Engine) -> None:
    index(
        engine,
        *(article(n, "", "the car in the garage") for n in range(8)),
        article("rare", "", "the automobile in the garage"),
        *(article(n, "", "the bicycle in the garage") for n in range(20, 30)),
    )
    ranked = found(engine, widened("car garage"), limit=20)
    assert ranked[8] == "rare"


def test_who_has_a_synonym_lacks_nothing(engine: Engine) -> None:
    """The other synonyms, and the other words of a phrase, are not missed."""
    index(
        engine,
        article("usa", "", "usa election", published_at=day(2026, 5, 1)),
        article("lacks", "", "election election election", published_at=day(2026, 5, 2)),
    )
    page = ask(engine, widened("united states election"), match="any")
    assert [hit.pk for hit in page.hits] == ["usa", "lacks"]


def test_the_score_of_a_synonym(engine: Engine) -> None:
    index(engine, article(1, "", "automobile here"), article(2, "", "walrus sleeps"))
    (exact,) = ask(engine, "automobile").hits
    (hit,) = ask(engine, widened("car")).hits
    share = (SYNONYM * (K1 + 1) / (K1 + SYNONYM)) / ((K1 + 1) / (K1 + 1))
    assert hit.score == pytest.approx(exact.score * share, abs=1e-6)
    assert hit.paragraphs[0].score == pytest.approx(exact.score * share / (1 + PASSAGE_SHARE), abs=1e-6)


def test_synonyms_are_marked(engine: Engine) -> None:
    index(engine, article(1, "Automobiles and cars", "A motor vehicle, a motor, a vehicle.", summary="My automobile"))
    (hit,) = ask(engine, widened("car")).hits
    assert marked_words(hit.title) == ["Automobiles", "cars"]
    assert marked_words(hit.summary) == ["automobile"]
    assert marked_words(hit.paragraphs[0].marked) == ["motor vehicle"]


def test_words_with_synonyms_are_not_corrected_and_others_are(engine: Engine) -> None:
    index(engine, article(1, "", "walrus telling kettle"))
    assert ask(engine, widened("telly")).suggestion == ""
    index(engine, article(1, "", "automobile kettle"))
    assert ask(engine, widened("car ketle")).suggestion == "car kettle"


def test_the_hidden_are_neither_found_nor_counted(engine: Engine) -> None:
    index(
        engine,
        article("draft", "", "automobile", audiences=frozenset()),
        article("later", "", "automobile", published_at=NOW.replace(year=2030)),
        article("seen", "", "automobile car"),
        article("car", "", "car"),
    )
    scores = [hit.score for hit in ask(engine, widened("car")).hits]
    index(engine, *(article(n, "", "automobile", audiences=frozenset()) for n in range(9)))
    page = ask(engine, widened("car"))
    assert {hit.pk for hit in page.hits} == {"seen", "car"}
    assert page.total == 2
    assert [hit.score for hit in page.hits] == scores


def test_many_articles_are_ranked_like_few(engine: Engine) -> None:
    """More than are judged one by one: what a score can be at most counts synonyms, too."""
    words = ("car", "automobile", "motor vehicle", "car automobile", "motor vehicle motor vehicle car", "street")
    index(
        engine,
        *(article(n, words[n % 6] if n % 7 == 0 else "", f"{words[n % 6]} {'x ' * (n % 11)}") for n in range(900)),
    )
    walked: list[tuple[float, str]] = []
    for offset in range(0, 800, 50):
        page = ask(engine, widened("car"), offset=offset, limit=50)
        assert page.total == 750
        walked += [(hit.score, hit.pk) for hit in page.hits]
    assert len({pk for _score, pk in walked}) == 750
    assert [score for score, _pk in walked] == sorted((score for score, _pk in walked), reverse=True)
