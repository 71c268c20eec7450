"""What slips cost: the pure part of corrections."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsindex.analysis import edit_distance
from newsindex.engines.spelling import EACH, Candidate, best, bound, edits_tried, slips

ENGLISH = frozenset({"en"})
words = st.text(string.ascii_lowercase[:12], min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("typed", "likelier", "less_likely"),
    [
        ("recieve", "receive", "relieve"),
        ("acess", "access", "acres"),
        ("wierd", "weird", "fiord"),
        ("adress", "address", "undress"),
        ("seperate", "separate", "desperate"),
        ("hpuse", "house", "hoarse"),
        ("nife", "knife", "nine"),
    ],
)
def test_what_people_do_more_often_costs_less(typed: str, likelier: str, less_likely: str) -> None:
    assert slips(typed, likelier, ENGLISH) < slips(typed, less_likely, ENGLISH)


@pytest.mark.parametrize(
    ("language", "near", "far"),
    [
        ("en", "hauz haux", "hauz haut"),
        ("de", "hauz haut", "hauz haux"),
        ("fr", "auiz auie", "auiz auix"),
        ("ru", "мокт моет", "мокт мощт"),
    ],
)
def test_keyboards_by_language(language: str, near: str, far: str) -> None:
    assert slips(*near.split(), frozenset({language})) < slips(*far.split(), frozenset({language}))


def test_the_first_letter_costs_more() -> None:
    assert slips("bouse", "house", ENGLISH) > slips("houbse", "house", ENGLISH)
    assert slips("xnow", "know") > slips("knxw", "know")


@settings(deadline=None)
@given(words, words)
def test_no_edit_costs_less_than_the_bound_says(typed: str, meant: str) -> None:
    edits = edit_distance(typed, meant, 9)
    assert slips(typed, meant) + EACH * edits >= bound(edits, 0)
    assert (slips(typed, meant) == 0) == (typed == meant)


@settings(deadline=None)
@given(words, st.dictionaries(words, st.integers(0, 50), max_size=12))
def test_the_best_come_first_whatever_the_bounds_are(typed: str, articles: dict[str, int]) -> None:
    """What is known of words beforehand may be too high, and must not change the answer."""
    found = []
    for more in (0, 7):
        candidates = [Candidate(each, edit_distance(typed, each, 9), count + more) for each, count in articles.items()]
        candidates.sort(key=lambda candidate: bound(candidate.edits, candidate.at_most))
        found.append(list(best(typed, candidates, lambda word: (articles[word], ENGLISH))))
    assert found[0] == found[1] == sorted(found[0])
    assert all(each.articles for each in found[0])


def test_few_candidates_are_looked_at() -> None:
    asked = []

    def standing(word: str) -> tuple[int, frozenset[str]]:
        asked.append(word)
        return 1000, ENGLISH

    candidates = [Candidate("house", 1, 1000), *(Candidate(f"hous{n}", 2, 1) for n in range(500))]
    candidates.sort(key=lambda candidate: bound(candidate.edits, candidate.at_most))
    assert next(best("housee", candidates, standing)).word == "house"
    assert asked == ["house"]


@pytest.mark.parametrize(
    ("word", "edits"), [("ab", ()), ("abc", (1,)), ("abcd", (2,)), ("abcdefgh", (2, 3)), ("a" * 33, ())]
)
def test_how_far_words_are_looked_for(word: str, edits: tuple[int, ...]) -> None:
    assert edits_tried(word) == edits
