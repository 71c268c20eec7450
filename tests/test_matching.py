"""Matching: what a leaf looks for, and the spans that are marked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsindex.analysis import tokens
from newsindex.matching import MOST_MARKED, occurrences, slots, spans
from newsindex.query.nodes import Fuzzy, Leaf, Phrase, Prefix, Word

TEXT = "The U.S. e-mail about running shoes: 東京都庁 is e-mailed. Élève’s 2.7.1 beats 2.7"


def marked(leaf: Leaf, text: str = TEXT, language: str = "en") -> list[str]:
    return [text[start:end] for start, end in spans([leaf], text, language)]


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (Word("run"), ["running"]),
        (Word("US"), ["U.S"]),
        (Word("U.S."), ["U.S"]),
        (Word("email"), ["e-mail", "e-mailed"]),
        (Word("e-mail"), ["e-mail", "e-mailed"]),
        (Word("eleve"), ["Élève"]),
        (Word("2.7"), ["2.7"]),
        (Word("東京都"), ["東京都"]),
        (Word("都"), ["京都庁"]),
        (Word("!!"), []),
        (Phrase("run shoe"), ["running shoes"]),
        (Phrase("shoes running"), []),
        (Phrase("u.s. e-mail"), ["U.S. e-mail"]),
        (Prefix("sho"), ["shoes"]),
        (Prefix("e-mai"), ["e-mail", "e-mailed"]),
        (Prefix("runn"), ["running"]),
        (Fuzzy("shose"), ["shoes"]),
        (Fuzzy("runing"), ["running"]),
        (Fuzzy("is"), ["is"]),
    ],
)
def test_what_is_marked(leaf: Leaf, expected: list[str]) -> None:
    assert marked(leaf) == expected


def test_a_leaf_of_the_title_marks_nothing_in_the_text() -> None:
    leaf = Word("shoes", field="title")
    assert spans([leaf], TEXT, "en", "text") == ()
    assert spans([leaf], TEXT, "en", "title") != ()


def test_the_language_of_the_text_decides_the_inflection() -> None:
    assert marked(Word("Haus"), "Die Häuser am Markt", "de") == ["Häuser"]
    assert marked(Word("Haus"), "Die Häuser am Markt", "en") == []


def test_overlapping_places_become_one_span() -> None:
    text = "city council meeting"
    both = [Phrase("city council"), Phrase("council meeting")]
    assert spans(both, text, "en") == ((0, len(text)),)


def test_neighbouring_words_are_marked_apart() -> None:
    assert len(spans([Word("city"), Word("council")], "city council", "en")) == 2


LEAVES = st.builds(
    lambda make, text: make(text),
    st.sampled_from([Word, Prefix, Fuzzy, Phrase]),
    st.text(max_size=12) | st.sampled_from(["run", "U.S.", "e-mail", "東京", "a b", "l'école"]),
)


@given(st.lists(LEAVES, max_size=4), st.text(max_size=60), st.sampled_from(["", "en", "fr", "ja"]))
def test_spans_are_sorted_apart_and_inside(leaves: list[Leaf], text: str, language: str) -> None:
    end = 0
    for start, stop in spans(leaves, text, language):
        assert end <= start < stop <= len(text)
        end = stop


def defined_spans(leaves: list[Leaf], text: str, language: str) -> tuple[tuple[int, int], ...]:
    """What ``spans`` means: the places of the leaves among all tokens of the text, joined where they overlap."""
    found = tokens(text, language)
    places = sorted((o.start, o.end) for leaf in leaves for o in occurrences(slots(leaf, language), found))
    out: list[tuple[int, int]] = []
    for start, end in places:
        if out and start < out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return tuple(out)


WORDS = [
    "run", "running", "runs", "U.S.", "us", "e-mail", "mail", "e", "東京都", "京",
    "l'école", "ecole", "2.7.1", "7", "Élève’s",
]  # fmt: skip
GAPS = [" ", ", ", "-", ".", "'", "_", "\u00ad", "\u0301", "", "\n"]
PIECES = st.lists(st.sampled_from(WORDS) | st.sampled_from(GAPS) | st.text(max_size=4), max_size=30).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.lists(LEAVES, max_size=4), PIECES, st.sampled_from(["", "en", "fr", "ja"]), st.data())
def test_spans_are_those_of_the_occurrences(leaves: list[Leaf], text: str, language: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    piece = text[start : start + data.draw(st.integers(1, 12))]
    leaves = [*leaves, data.draw(st.sampled_from([Word, Prefix, Fuzzy, Phrase]))(piece)]
    assert spans(leaves, text, language) == defined_spans(leaves, text, language)


def test_more_different_words_than_are_remembered_are_all_looked_at() -> None:
    text = " ".join(f"w{number} tide" for number in range(3_000))
    assert spans([Word("tide"), Prefix("w29")], text, "en") == defined_spans([Word("tide"), Prefix("w29")], text, "en")


@given(st.text(max_size=40), st.sampled_from(["", "en", "de", "ja"]))
def test_every_token_is_found_by_its_own_text(text: str, language: str) -> None:
    found = tokens(text, language)
    for token in found:
        if token.pair:
            continue
        looked_for = slots(Word(text[token.start : token.end]), language)
        assert any(o.start <= token.start and token.end <= o.end for o in occurrences(looked_for, found))


def test_marking_a_text_without_end_is_bounded() -> None:
    assert spans([Word("tide")], "tide " * (MOST_MARKED // 5 + 1_000), "en")[-1] == (MOST_MARKED - 5, MOST_MARKED - 1)
