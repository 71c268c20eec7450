"""Did you mean, and completions while typing."""

from __future__ import annotations

import pytest

from newsindex.engines.base import Engine, Filters
from newsindex.query.nodes import And, Fuzzy, Keyword, Not, Or, Phrase, Prefix, Word
from tests.contract.asking import EVERYBODY, NOW, article, ask, index
from tests.contract.news import NEWS

pytestmark = pytest.mark.needs("supports_suggest")


def complete(engine: Engine, text: str, limit: int = 8) -> list[tuple[str, str]]:
    return [(s.kind, s.text) for s in engine.suggest(text, now=NOW, audiences=EVERYBODY, limit=limit)]


@pytest.mark.parametrize(
    ("query", "suggestion"),
    [
        ("brigde", "bridge"),
        ("Brigde", "bridge"),
        ("mayor brigde", "mayor bridge"),
        ("volumteers sandbgs", "volunteers sandbags"),
        ("bridge", ""),
        ("bridge dough", ""),
        ("zzzzzzz", ""),
        ("bridge zzzzzzz", ""),
        ("dough brigde", ""),
        ("xy", ""),
        ("20266", ""),
        ("volumteers sandbgs brigde", "volunteers sandbags bridge"),
        ("volumteers sandbgs brigde mayro", ""),
    ],
)
def test_unknown_words_are_corrected_where_that_finds_something(engine: Engine, query: str, suggestion: str) -> None:
    index(engine, *NEWS, article("year", "", "In 2026"))
    assert ask(engine, query).suggestion == suggestion


def test_the_rest_of_the_query_stays(engine: Engine) -> None:
    index(engine, *NEWS)
    tree = And((Word("brigde"), Phrase("forty families"), Keyword("tag", "Weather"), Not(Word("ferry"))))
    assert ask(engine, tree).suggestion == 'bridge "forty families" tag:Weather -ferry'


def test_other_kinds_of_leaves_are_left_alone(engine: Engine) -> None:
    index(engine, *NEWS)
    for leaf in (Phrase("brigde"), Prefix("brigde"), Fuzzy("xxxxxxx")):
        assert ask(engine, leaf).suggestion == ""
        assert ask(engine, And((leaf, Word("sandbgs")))).suggestion == ""


def test_nearest_then_most_frequent_then_alphabetical(engine: Engine) -> None:
    index(
        engine,
        article(1, "", "carter cartel"),
        article(2, "", "cartel"),
        article(3, "", "canter"),
        article(4, "", "masks"),
        article(5, "", "tasks"),
    )
    assert ask(engine, "carten").suggestion == "cartel"
    assert ask(engine, "carterx").suggestion == "carter"
    assert ask(engine, "basks").suggestion == "masks"


def test_a_query_that_finds_something_is_not_corrected(engine: Engine) -> None:
    index(engine, *NEWS)
    assert ask(engine, Or((Word("brigde"), Word("dough")))).suggestion == ""


def test_no_correction_is_looked_for_where_none_is_shown(engine: Engine) -> None:
    index(engine, *NEWS)
    assert ask(engine, "brigde").suggestion == "bridge"
    assert ask(engine, "brigde", correct=False).suggestion == ""


def test_a_correction_must_pass_the_filters(engine: Engine) -> None:
    index(engine, *NEWS)
    assert ask(engine, "brigde", filters=Filters(sections=("Local",))).suggestion == "bridge"
    assert ask(engine, "brigde", filters=Filters(sections=("Culture",))).suggestion == ""


def test_a_title_word_is_corrected_to_one_that_is_found_there(engine: Engine) -> None:
    index(engine, *NEWS)
    assert ask(engine, Word("fery", field="title")).suggestion == "title:ferry"
    assert ask(engine, Word("brigde", field="title")).suggestion == ""


def test_a_visible_word_is_never_corrected(engine: Engine) -> None:
    """Not even where it finds nothing: it stands in a text, and only its neighbour in a title."""
    index(engine, *NEWS, article("fridge", "Fridge repaired"))
    assert ask(engine, Word("fridgex", field="title")).suggestion == "title:fridge"
    assert ask(engine, Word("bridge", field="title")).suggestion == ""


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("RIVER", ("title", "River bursts its banks at Aldermouth")),
        ("  bursts   its ", ("title", "River bursts its banks at Aldermouth")),
        ("alder", ("tag", "Aldermouth")),
        ("volun", ("word", "volunteers")),
        ('"sandb', ("word", '"sandbags"')),
    ],
)
def test_what_is_typed_may_begin_any_word(engine: Engine, typed: str, expected: tuple[str, str]) -> None:
    index(engine, *NEWS)
    assert expected in complete(engine, typed)


@pytest.mark.parametrize("typed", ["", "   ", "!", "ver", "iver bursts", "zzz", "*", "(", "\x00", "a" * 10_000])
def test_what_begins_nothing_completes_nothing(engine: Engine, typed: str) -> None:
    index(engine, *NEWS)
    assert complete(engine, typed) == []
