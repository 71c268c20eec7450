"""Each article is searched in its own language."""

from __future__ import annotations

import pytest

from newsindex.engines.base import Engine
from newsindex.query.nodes import Fuzzy, Phrase, Prefix, Word
from tests.contract.asking import article, ask, index, marked_words, matching
from tests.contract.news import WORLD


@pytest.fixture(autouse=True)
def world(engine: Engine) -> None:
    index(engine, *WORLD)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Brücken", {"bruecke"}),
        ("brucke", {"bruecke"}),
        ("BRÜCKE", {"bruecke"}),
        ("Fussgänger", {"bruecke"}),
        ("école", {"ecole"}),
        ("ECOLES", {"ecole"}),
        ("l'école", {"ecole"}),
        ("élève", {"ecole"}),
        ("cafe", {"ecole"}),
        ("図書館", {"toshokan"}),
        ("夜間", {"toshokan"}),
        ("京都", {"toshokan"}),
        ("京", {"toshokan"}),
        ("大阪", set()),
        ("पुस्तकालय", {"pustakalay"}),
        ("किताबें", {"pustakalay"}),
        ("моста", {"most"}),
        ("МОСТУ", {"most"}),
        ("елка", {"most"}),
        ("библиотека", set()),
        ("library", {"library"}),
        ("wend", {"flood", "bruecke"}),
    ],
)
def test_words_of_many_languages(engine: Engine, query: str, expected: set[str]) -> None:
    assert matching(engine, query) == expected


@pytest.mark.parametrize(
    ("language", "text", "query", "others"),
    [
        ("ja", "2024年の地震で負傷", "2024年", "2024に千年の都へ"),
        ("ja", "負傷者は30人と発表", "30人", "30の町に住む人々"),
        ("zh", "巴黎奥运会2024年开幕", '"2024年"', "今年二月"),
        ("zh", "巴黎奥运会2024年开幕", "会2024", "会议在2024召开"),
        ("ko", "오는 3월에 열린다", "3월", "3개, 오월에"),
        ("fr", "les choses d'autres gens", "dautres", "les choses"),
        ("it", "la commedia dell’arte", "dellarte", "la commedia"),
    ],
)
def test_one_character_beside_a_number_and_elisions_written_in_one(
    engine: Engine, language: str, text: str, query: str, others: str
) -> None:
    index(engine, article("one", text, language=language), article("other", others, language=language))
    assert matching(engine, query) == {"one"}


@pytest.mark.parametrize(
    ("query", "pk", "expected"),
    [
        ("straßenseite", "bruecke", ["Straßenseiten"]),
        ("ecole", "ecole", ["école"]),
        ("図書館", "toshokan", ["図書館"]),
        ("京", "toshokan", ["京"]),
        ("都 から", "toshokan", ["都", "から"]),
        ("мост", "most", ["мосту"]),
        ("किताबें", "pustakalay", ["किताबें"]),
    ],
)
def test_marks_in_many_languages(engine: Engine, query: str, pk: str, expected: list[str]) -> None:
    page = ask(engine, query)
    hit = next(hit for hit in page.hits if hit.pk == pk)
    assert marked_words(hit.paragraphs[0].marked) == expected


def test_phrases_prefixes_and_fuzzy_words(engine: Engine) -> None:
    assert matching(engine, Phrase("alten Brücken")) == {"bruecke"}
    assert matching(engine, Phrase("東京の図書館")) == {"toshokan"}
    assert matching(engine, Phrase("館図")) == set()
    assert matching(engine, Prefix("Burgermeist")) == {"bruecke"}
    assert matching(engine, Prefix("図書")) == {"toshokan"}
    assert matching(engine, Fuzzy("вилосипедом")) == {"most"}


def test_the_stem_of_one_language_finds_nothing_in_another(engine: Engine) -> None:
    """English "sing" and German "singen" have a stem in common in German only."""
    index(
        engine,
        article("en", "", "they sing", language="en"),
        article("de", "", "sie singen", language="de"),
        article("unknown", "", "sie singen", language="tlh"),
        article("none", "", "sie singen", language=""),
    )
    assert matching(engine, "singen") == {"de", "unknown", "none"}
    assert matching(engine, "sing") == {"en", "de"}
    assert matching(engine, "singing") == {"en"}


def test_a_regional_code_is_its_language(engine: Engine) -> None:
    index(engine, article("br", "", "as bibliotecas abertas", language="pt-BR"))
    assert matching(engine, "biblioteca") == {"br"}


def test_an_article_that_changes_its_language_is_searched_anew(engine: Engine) -> None:
    index(engine, article("x", "", "running kettles", language="en"))
    assert matching(engine, "kettle") == {"x"}
    index(engine, article("x", "", "running kettles", language=""))
    assert matching(engine, "kettle") == set()
    assert matching(engine, Word("kettles")) == {"x"}
