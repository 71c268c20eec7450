"""Tokens: what a word is, in many scripts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsindex.analysis import (
    _GROUPING,
    _INVISIBLE,
    _JOINER,
    _MARKS,
    _SIGNS,
    MAX_WORD,
    RUN,
    edit_distance,
    edits_allowed,
    fold,
    keyword,
    length,
    stemming_language,
    terms,
    tokens,
)
from newsindex.languages import treat_like


def seen(text: str, language: str = "") -> list[tuple[int, str, str]]:
    """(position, word, the text it covers) of each token."""
    return [(t.position, t.word, text[t.start : t.end]) for t in tokens(text, language)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two words", [(0, "two", "Two"), (1, "words", "words")]),
        ("", []),
        ("-- … !", []),
        ("U.S. exports", [(0, "us", "U.S"), (0, "u", "U"), (1, "s", "S"), (2, "exports", "exports")]),
        ("2.7.1", [(0, "2.7.1", "2.7.1"), (0, "2", "2"), (1, "7", "7"), (2, "1", "1")]),
        ("e-mail", [(0, "email", "e-mail"), (0, "e", "e"), (1, "mail", "mail")]),
        ("example.com", [(0, "example.com", "example.com"), (0, "example", "example"), (1, "com", "com")]),
        ("O’Reilly’s", [(0, "oreilly", "O’Reilly"), (0, "o", "O"), (1, "reilly", "Reilly")]),
        ("don't", [(0, "dont", "don't")]),
        ("the boys' room", [(0, "the", "the"), (1, "boys", "boys"), (2, "room", "room")]),
        ("l'école", [(0, "lecole", "l'école"), (0, "l", "l"), (1, "ecole", "école")]),
        ("東京都", [(0, "東京", "東京"), (1, "京都", "京都")]),
        ("京", [(0, "京", "京")]),
        ("iPhone東京", [(0, "iphone", "iPhone"), (1, "東", "東"), (1, "東京", "東京")]),
        ("東京2020年", [(0, "京", "京"), (0, "東京", "東京"), (1, "2020", "2020"), (2, "年", "年")]),
        ("नमस्ते", [(0, "नमस्ते", "नमस्ते")]),
        ("Straße", [(0, "strasse", "Straße")]),
        ("co\u00adop", [(0, "coop", "co\u00adop")]),
    ],
)
def test_words_and_where_they_stand(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert seen(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café", "CAFE"), ("cafe\u0301", "café"), ("İstanbul", "istanbul"), ("ΜΆΪΟΣ", "μαιος"), ("Ёлка", "елка"),
        ("ﬁnal", "final"), ("Ｗｉｄｅ", "wide"), ("Łódź", "lodz"), ("Ærø", "aero"), ("مُحَمَّد", "محمد"),
    ],
)  # fmt: skip
def test_folding_brings_together_what_readers_take_for_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(max_codepoint=0x530, categories=("Lu", "Ll", "Nd"))))
def test_letters_of_latin_greek_and_cyrillic_are_folded_one_by_one(word: str) -> None:
    assert fold(word) == "".join(map(fold, word))


def test_folding_keeps_letters_that_only_look_like_accented_ones() -> None:
    assert fold("новый") == "новый"
    assert fold("が") != fold("か")
    assert fold("हिन्दी") == "हिन्दी"


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "running", "runs"), ("de", "Häuser", "Haus"), ("fr", "écoles", "ecole"), ("es", "canciones", "canción"),
        ("ru", "новый", "новая"), ("en-GB", "stopped", "stop"), ("pt_BR", "livros", "livro"),
    ],
)  # fmt: skip
def test_inflected_forms_share_a_term(language: str, one: str, other: str) -> None:
    stems_in = stemming_language(language)
    assert set(terms(one, stems_in)) & set(terms(other, stems_in))


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=30),
    st.sampled_from(["", "en", "fr", "de", "el", "ru", "tr", "ar"]),
)
def test_a_word_without_accents_finds_the_word_with_them(text: str, language: str) -> None:
    for token in tokens(text, language):
        if not token.pair and "." not in token.word:
            assert token.terms[0] in terms(token.word, language)


@settings(max_examples=300)
@given(
    st.text(st.characters(exclude_categories=[]), max_size=80),
    st.sampled_from(["", "en", "de", "ja", "xx", "pt-BR"]),
)
def test_tokens_stand_in_order_inside_the_text(text: str, language: str) -> None:
    found = tokens(text, language)
    for before, after in zip(found, found[1:], strict=False):
        assert after.position - before.position in (0, 1)
        assert after.start >= before.start
    for token in found:
        assert 0 <= token.start < token.end <= len(text)
        assert token.terms and token.word
        assert len(set(token.terms)) == len(token.terms)
    assert length(found) == len({token.position for token in found})


@given(st.text(max_size=40), st.text(max_size=40))
def test_white_space_separates_words(one: str, other: str) -> None:
    apart = [t.word for t in tokens(one, "")] + [t.word for t in tokens(other, "")]
    assert [t.word for t in tokens(f"{one} {other}", "")] == apart


def test_a_word_of_a_megabyte_is_cut_and_cheap() -> None:
    found = tokens("a" * 1_000_000, "en")
    assert len(found) == 1
    assert found[0].end == 64


def test_keywords_are_compared_without_case_accents_and_extra_space() -> None:
    assert keyword("  Économie   LOCALE ") == keyword("economie locale")


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ("word", "word", 0),
        ("word", "wrod", 1),
        ("word", "wore", 1),
        ("word", "words", 1),
        ("abcd", "badc", 2),
        ("", "ab", 2),
    ],
)
def test_edit_distance(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b, 3) == distance


@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
def test_edit_distance_is_symmetric_and_bounded(a: str, b: str) -> None:
    exact = edit_distance(a, b, 10)
    assert edit_distance(b, a, 10) == exact
    assert edit_distance(a, b, 1) == min(exact, 2)
    assert abs(len(a) - len(b)) <= exact <= max(len(a), len(b))


def test_short_words_forgive_nothing_long_ones_two_edits() -> None:
    assert [edits_allowed(w) for w in ("ab", "abc", "abcdefg", "abcdefgh")] == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("one", "other"), [("\u200fשלום", "שלום"), ("zero\u200bwidth", "zero width"), ("a\x00b", "a b")]
)
def test_keywords_hold_nothing_that_a_query_can_not(one: str, other: str) -> None:
    assert keyword(one) == keyword(other)


@pytest.mark.parametrize("name", ["O\u2019Neill", "O\u02bcNeill", "O\u00b4Neill", "O`Neill", "o\uff07neill"])
def test_keywords_have_the_apostrophe_of_the_keyboard(name: str) -> None:
    assert keyword(name) == keyword("O'Neill")


def test_keywords_have_the_hyphen_of_the_keyboard() -> None:
    assert keyword("Jean\u2010Paul") == keyword("Jean\u2011Paul") == keyword("Jean-Paul") != keyword("Jean Paul")


@pytest.mark.parametrize("mark", ["\u0670", "\u064b", "\u0640", "\u05bc"])
def test_a_sign_without_its_letter_is_a_word(mark: str) -> None:
    assert fold(mark)
    assert [token.word for token in tokens(mark, "ar")] == [fold(mark)]


LETTER = rf"(?:[^\W_]|[{_MARKS}])"
INSIDE = rf"(?:[^\W_]|[{_MARKS}{_INVISIBLE}])"
#: A run, said as plainly as can be.
PLAIN_RUN = re.compile(rf"{LETTER}{INSIDE}*(?:(?:{_JOINER}|{_GROUPING}|{_SIGNS}){LETTER}{INSIDE}*)*(?:{_SIGNS})?")


@settings(deadline=None)
@given(
    st.text(
        st.sampled_from("ab109_+#\u00a0\u2009.-'’ \n\u0301\u00ad\u200d\u0947के京か\u3099\u1ce9\u1cd0é,")
        | st.characters(),
        max_size=40,
    )
)
def test_runs_are_words_and_the_joiners_between_them(text: str) -> None:
    assert [match.span() for match in RUN.finditer(text)] == [match.span() for match in PLAIN_RUN.finditer(text)]


@pytest.mark.parametrize("code", ["lb", "LB", "lb-LU", "lb_lu"])
def test_a_language_can_be_treated_like_another(code: str) -> None:
    assert stemming_language(code) == ""
    treat_like({"LB": "de", "nl": ""})
    try:
        assert (stemming_language(code), stemming_language("nl"), stemming_language("fr")) == ("de", "", "fr")
    finally:
        treat_like({})
    assert (stemming_language(code), stemming_language("nl")) == ("", "nl")


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("", "1,000,000", [(0, ("1000000",), "1,000,000")]),
        ("", "1,2", [(0, ("1.2",), "1,2"), (0, ("1",), "1"), (1, ("2",), "2")]),
        ("", "1,2,3", [(0, ("1",), "1"), (1, ("2",), "2"), (2, ("3",), "3")]),
        ("", "C++", [(0, ("c++",), "C++"), (0, ("c",), "C")]),
        ("", "a+b", [(0, ("a",), "a"), (1, ("b",), "b")]),
        ("fr", "l\u2019eau", [(0, ("eau", "leau"), "eau")]),
        ("", "l\u2019eau", [(0, ("leau",), "l\u2019eau"), (0, ("l",), "l"), (1, ("eau",), "eau")]),
        ("", "Müller", [(0, ("muller", "mueller"), "Müller")]),
        ("", "Steuer", [(0, ("steuer",), "Steuer")]),
        ("hu", "Müller", [(0, ("muller",), "Müller")]),
        ("vi", "Hoà", [(0, ("hoa\u0300", "=hoa"), "Hoà")]),
        ("vi", "ho\u0300a", [(0, ("hoa\u0300", "=hoa"), "ho\u0300a")]),
        ("vi", "Đường", [(0, ("đương\u0300", "=duong"), "Đường")]),
        ("vi", "Hoa", [(0, ("hoa",), "Hoa")]),
        ("ko", "1,000원", [(0, ("1000",), "1,000"), (1, ("원",), "원")]),
        ("ko", "제1,000호", [(0, ("제",), "제"), (1, ("1000",), "1,000"), (2, ("호",), "호")]),
        ("", "2.7.0rc1", [(0, ("2.7.0rc1",), "2.7.0rc1"), (0, ("2",), "2"), (1, ("7",), "7"), (2, ("0rc1",), "0rc1")]),
        ("", "1,000km", [(0, ("1",), "1"), (1, ("000km",), "000km")]),
        ("ko", "2.1가", [(0, ("2.1",), "2.1"), (0, ("2",), "2"), (1, ("1",), "1"), (2, ("가",), "가")]),
    ],
)
def test_what_words_are_found_by(language: str, text: str, expected: list[tuple[int, tuple[str, ...], str]]) -> None:
    assert [(t.position, t.terms, text[t.start : t.end]) for t in tokens(text, language)] == expected


@pytest.mark.parametrize("language", ["", "fr", "tr"])
@pytest.mark.parametrize(
    "text", ["l'" + "a" * 100_000, "1,1" * 30_000, "1.1" * 30_000, "a." * 30_000, "1,000" * 20_000]
)
def test_a_run_without_end_has_short_terms(text: str, language: str) -> None:
    assert all(len(term) <= 2 * MAX_WORD for token in tokens(text, language) for term in token.terms)
