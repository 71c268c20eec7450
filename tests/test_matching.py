"""Matching: what a leaf looks for, and the spans that are marked."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsindex.analysis import CLUSTER, Token, fold, tokens
from newsindex.deadline import Deadline, OutOfTime
from newsindex.matching import MOST_MARKED, Contains, Slot, occurrences, readings, slop_of, slots, spans, telling
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
        (Word("都"), ["都"]),
        (Word("!!"), []),
        (Phrase("run shoe"), ["running shoes"]),
        (Phrase("shoes running"), []),
        (Phrase("u.s. e-mail"), ["U.S. e-mail"]),
        (Phrase("shoes running", slop=1), []),
        (Phrase("shoes running", slop=2), ["running", "shoes"]),
        (Phrase("about running shoes", slop=1), ["about", "running", "shoes"]),
        (Phrase("u.s. shoes", slop=3), []),
        (Phrase("u.s. shoes", slop=4), ["U", "S", "shoes"]),
        (Phrase("東京 都庁", slop=1), ["東京", "都庁"]),
        (Phrase("shoes", slop=9), ["shoes"]),
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


def sloppy(text: str) -> Phrase:
    return Phrase(text, slop=3)


LEAVES = st.builds(
    lambda make, text: make(text),
    st.sampled_from([Word, Prefix, Fuzzy, Phrase, sloppy]),
    st.text(max_size=12) | st.sampled_from(["run", "U.S.", "e-mail", "東京", "a b", "l'école"]),
)


@given(st.lists(LEAVES, max_size=4), st.text(max_size=60), st.sampled_from(["", "en", "fr", "ja"]))
def test_spans_are_sorted_apart_and_inside(leaves: list[Leaf], text: str, language: str) -> None:
    end = 0
    for start, stop in spans(leaves, text, language):
        assert end <= start < stop <= len(text)
        end = stop


def having(slot: Slot, text: str, pair: tuple[int, int]) -> list[tuple[int, int]]:
    """The characters of a pair that meet a slot for one of them; the pair where none does, or for any other slot."""
    if not isinstance(slot, Contains):
        return [pair]
    clusters = [match.span() for match in CLUSTER.finditer(text, *pair)]
    return [(start, end) for start, end in clusters if slot.char in fold(text[start:end])] or [pair]


def defined_spans(leaves: list[Leaf], text: str, language: str) -> tuple[tuple[int, int], ...]:
    """What ``spans`` means: the places of the leaves among all tokens of the text, joined where they overlap.

    Of a pair of characters that is found by one of them, only that one.
    """
    found = tokens(text, language)
    places = sorted(
        {
            own
            for leaf in telling(leaves, language)
            for looked_for in readings(leaf, language)
            for occurrence in occurrences(looked_for, found, slop_of(leaf))
            for span in occurrence.marked
            for own in having(looked_for[0], text, span)
        }
    )
    out: list[tuple[int, int]] = []
    for start, end in places:
        if out and start < out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return tuple(out)


WORDS = [
    "run",
    "running",
    "runs,",
    "U.S.",
    "us",
    "e-mail",
    "mail",
    "e",
    "東京都",
    "京",
    "l'école",
    "2.7.1",
    "Élève’s).",
    "7",
]
GAPS = [" ", ", ", "-", ".", "'", "_", "\u00ad", "\u0301", "", "\n"]
PIECES = st.lists(st.sampled_from(WORDS) | st.sampled_from(GAPS) | st.text(max_size=4), max_size=30).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.lists(LEAVES, max_size=4), PIECES, st.sampled_from(["", "en", "fr", "ja"]), st.data())
def test_spans_are_those_of_the_occurrences(leaves: list[Leaf], text: str, language: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    piece = text[start : start + data.draw(st.integers(1, 12))]
    leaves = [*leaves, data.draw(st.sampled_from([Word, Prefix, Fuzzy, Phrase, sloppy]))(piece)]
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


# Phrases with slop


@pytest.mark.parametrize(
    ("text", "query", "slop", "count"),
    [
        ("market report", "market report", 1, 1),
        ("market day report", "market report", 0, 0),
        ("market day report", "market report", 1, 1),
        ("market day x report", "market report", 1, 0),
        ("report market", "market report", 1, 0),
        ("report market", "market report", 2, 1),
        ("report x market", "market report", 2, 0),
        ("report x market", "market report", 3, 1),
        ("a x b y c", "a b c", 1, 0),
        ("a x b y c", "a b c", 2, 1),
        ("c b a", "a b c", 3, 0),
        ("c b a", "a b c", 4, 1),
        # A word that is wanted twice has to be there twice.
        ("bye", "bye bye", 50, 0),
        ("bye x bye", "bye bye", 1, 1),
        ("bye x bye", "bye bye", 0, 0),
        ("be not to or to be", "to be or not to be", 4, 1),
        # What has a closer match inside is not counted.
        ("market market report", "market report", 5, 1),
        ("market report market report", "market report", 5, 2),
        ("market report market", "market report", 5, 1),
        ("report market x report", "market report", 5, 2),
        ("the the the", "the the", 5, 2),
    ],
)
def test_what_is_near_and_how_often(text: str, query: str, slop: int, count: int) -> None:
    leaf = Phrase(query, slop=slop)
    assert sum(o.count for o in occurrences(slots(leaf, ""), tokens(text, ""), slop)) == count


def defined_stretches(looked_for: tuple[Slot, ...], found: list[Token], slop: int) -> set[tuple[int, int]]:
    """Of all choices of positions that cost at most ``slop``, the stretches that have no smaller one inside."""
    every: set[tuple[int, int]] = set()
    for choice in product(*([t.position for t in found if slot.meets(t)] for slot in looked_for)):
        if len(set(zip(looked_for, choice, strict=True))) == len(choice):
            begins = [position - step for step, position in enumerate(choice)]
            every.add((min(begins), max(begins)))
    near = {each for each in every if each[1] - each[0] <= slop}
    return {each for each in near if not any(o != each and each[0] <= o[0] and o[1] <= each[1] for o in near)}


NEAR = st.lists(st.sampled_from(["a", "b", "c", "x", "e-mail", "mail", "Ä-b", "東京都", "京"]), max_size=9).map(
    " ".join
)


@settings(max_examples=300, deadline=None)
@given(NEAR, NEAR.map(lambda text: " ".join(text.split()[:4])), st.sampled_from([1, 2, 3, 4, 6, 50]))
def test_what_is_near_is_that_of_all_choices(text: str, query: str, slop: int) -> None:
    leaf, found = Phrase(query, slop=slop), tokens(text, "")
    looked_for = slots(leaf, "")
    if len(looked_for) < 2:
        return
    got = occurrences(looked_for, found, slop)
    assert len(got) == len(defined_stretches(looked_for, found, slop))
    positions = [occurrence.position for occurrence in got]
    assert positions == sorted(positions)
    # Each word of a match is marked, and it meets one of the words that are looked for.
    for occurrence in got:
        assert len(occurrence.words) == len(looked_for)
        assert (occurrence.start, occurrence.end) == (occurrence.words[0][0], max(end for _, end in occurrence.words))
        for span in occurrence.words:
            assert any((t.start, t.end) == span and slot.meets(t) for t in found for slot in looked_for)


@settings(max_examples=100, deadline=None)
@given(NEAR, NEAR.map(lambda text: " ".join(text.split()[:3])))
def test_slop_only_adds(text: str, query: str) -> None:
    found = tokens(text, "")
    matches = [bool(occurrences(slots(Phrase(query), ""), found, slop)) for slop in range(8)]
    assert matches == sorted(matches)


def test_marking_what_is_near_in_a_text_without_end_is_bounded() -> None:
    text = "tide " * (MOST_MARKED // 5)
    assert len(spans([Phrase("tide " * 16, slop=50)], text, "en")) == MOST_MARKED // 5


def test_marking_ends_when_the_time_is_up() -> None:
    with pytest.raises(OutOfTime):
        spans([Word("storm")], "A storm.", "en", deadline=Deadline(-1))
    assert spans([Word("storm"), Word("storm")], "A storm.", "en", deadline=Deadline(60)) == ((2, 7),)
