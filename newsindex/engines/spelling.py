"""How likely it is that one word was typed for another: what slips cost, and which words are worth a look. Pure.

The model is the noisy channel of Kernighan, Church and Gale (1990): the best candidate is frequent, and easily mistyped
so. A slip costs less the more often people make it: a letter doubled or not, two letters swapped, a vowel for another,
letters that sound alike, keys that lie side by side. Costs were chosen on half of the words of Wikipedia's list of
common misspellings and hold on the other half; benchmarks/spelling measures them.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

# In natural logarithms: a slip that costs 1 more is e times as rare.
_OTHER: Final = 3.3
_VOWEL: Final = 1.45
_KEY: Final = 2.9
_SOUND: Final = 2.0
_ADDED: Final = 3.0
_LEFT_OUT: Final = 2.85
_VOWEL_LEFT_OUT: Final = 2.3
_H_LEFT_OUT: Final = 1.4
_DOUBLE: Final = 1.3
_SWAPPED: Final = 2.0
#: What a slip in the first letter costs more: there, people look.
_FIRST: Final = 1.4
#: What each edit costs beside what it is.
EACH: Final = 0.9
#: A space too many or too few.
SPACE: Final = _DOUBLE + EACH
#: How much the frequency of a word counts.
FREQUENCY: Final = 0.45
#: A word is offered where its slips cost at most so much for each letter that was typed.
MOST_FOR_LETTER: Final = 1.2
#: No edit costs less.
_LEAST: Final = _DOUBLE + EACH
# Bounds are worked out in another way than what they bound.
_MARGIN: Final = 1e-6

#: Words of so many letters are looked for with this many edits; with three, only where fewer find nothing.
_TWO_EDITS_FROM: Final = 4
_THREE_EDITS_FROM: Final = 8
_LONGEST: Final = 32

_VOWELS: Final = frozenset("aeiouyаеиоуыэюяαεηιουω")
_ALIKE: Final = (
    "ck", "cs", "kq", "kg", "kh", "kx", "sz", "sx", "cx", "fv", "vw", "bp", "dt", "gj", "gh", "mn", "iy", "uw", "lr",
    "бп", "вф", "гк", "дт", "жш", "зс", "щш",
)  # fmt: skip
#: The rows of keys by the stemming language of the word that was meant; all others type as in English.
_QWERTY: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_KEYBOARDS: Final = {
    "de": ("qwertzuiopu", "asdfghjkloa", "yxcvbnm"),
    "hu": ("qwertzuiop", "asdfghjkl", "yxcvbnm"),
    "fr": ("azertyuiop", "qsdfghjklm", "wxcvbn"),
    "ru": ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
    "el": (";ςερτυθιοπ", "ασδφγηξκλ", "ζχψωβνμ"),
}
#: Beginnings of which the first letter is not heard.
_SILENT: Final = frozenset({"kn", "gn", "wr", "ps", "pn"})
#: How far each row stands to the right of the first, in keys.
_SHIFTS: Final = (0.0, 0.25, 0.75)

Pairs = frozenset[tuple[str, str]]


class Candidate(NamedTuple):
    """A word near another one. edits: how many, by ``analysis.edit_distance``. at_most: articles it stands in."""

    word: str
    edits: int
    at_most: int


class Scored(NamedTuple):
    """A candidate that is visible: less is better. cost: of its slips alone. articles: how many visible have it."""

    score: float
    word: str
    cost: float
    articles: int


def edits_tried(word: str) -> tuple[int, ...]:
    """With how many edits words near ``word`` are looked for, one after the other until some are found."""
    size = len(word)
    if not 3 <= size <= _LONGEST:
        return ()
    if size < _TWO_EDITS_FROM:
        return (1,)
    return (2,) if size < _THREE_EDITS_FROM else (2, 3)


def beginning(word: str, edits: int) -> str:
    """What a word ``edits`` away must begin with: with three edits elsewhere, nobody mistypes the first letter too."""
    return word[0] if edits > 2 else ""


def bound(edits: int, at_most: int) -> float:
    """No word so many edits away that stands in at most so many articles has a lower score."""
    return edits * _LEAST - FREQUENCY * math.log1p(at_most) - _MARGIN


def best(
    word: str,
    candidates: Iterable[Candidate],
    standing: Callable[[str], tuple[int, frozenset[str]]],
) -> Iterator[Scored]:
    """The visible candidates that may have been meant by ``word``, the best first, then by the alphabet.

    candidates: each word once, ordered by ``bound``. standing: in how many visible articles a word stands, and the
    stemming languages of those; asked of as few words as will do.
    """
    coming = iter(candidates)
    known: list[Scored] = []
    candidate = next(coming, None)
    while candidate is not None or known:
        if candidate is not None and (not known or bound(candidate.edits, candidate.at_most) <= known[0].score):
            articles, languages = standing(candidate.word)
            cost = slips(word, candidate.word, languages) + EACH * candidate.edits
            if articles and cost <= MOST_FOR_LETTER * len(word):
                heapq.heappush(known, Scored(cost - FREQUENCY * math.log1p(articles), candidate.word, cost, articles))
            candidate = next(coming, None)
        else:
            yield heapq.heappop(known)


def slips(typed: str, meant: str, languages: frozenset[str] = frozenset()) -> float:
    """What it costs to have typed ``typed`` for ``meant``: the cheapest way of letters put in, left out and changed.

    languages: where ``meant`` is used; they say which keys lie side by side.
    """
    keys = _keys(frozenset(language for language in languages if language in _KEYBOARDS) or frozenset({""}))
    before: list[float] = []
    previous = [0.0]
    left_out = [_left_out(meant, j) for j in range(1, len(meant) + 1)]
    for cost in left_out:
        previous.append(previous[-1] + cost)
    for i in range(1, len(typed) + 1):
        added = _added(typed, i, keys)
        current = [previous[0] + added]
        for j in range(1, len(meant) + 1):
            cost = previous[j - 1]
            if typed[i - 1] != meant[j - 1]:
                cost += _changed(typed[i - 1], meant[j - 1], i == j == 1, keys)
            cost = min(cost, previous[j] + added, current[j - 1] + left_out[j - 1])
            if i > 1 and j > 1 and typed[i - 1] == meant[j - 2] and typed[i - 2] == meant[j - 1]:
                cost = min(cost, before[j - 2] + _SWAPPED + (_FIRST if i == j == 2 else 0.0))
            current.append(cost)
        before, previous = previous, current
    return previous[-1]


def _changed(typed: str, meant: str, first: bool, keys: Pairs) -> float:
    cost = _OTHER
    if typed in _VOWELS and meant in _VOWELS:
        cost = _VOWEL
    elif (typed, meant) in _sounds():
        cost = _SOUND
    elif (typed, meant) in keys:
        cost = _KEY
    return cost + (_FIRST if first else 0.0)


def _added(typed: str, i: int, keys: Pairs) -> float:
    """For letter number ``i`` that is too much."""
    letter, around = typed[i - 1], (*typed[max(i - 2, 0) : i - 1], *typed[i : i + 1])
    cost = _ADDED
    if letter in around:
        cost = _DOUBLE
    elif any((letter, other) in keys for other in around):
        cost = _KEY
    return cost + (_FIRST if i == 1 else 0.0)


def _left_out(meant: str, j: int) -> float:
    """For letter number ``j`` that is missing."""
    letter, around = meant[j - 1], (*meant[max(j - 2, 0) : j - 1], *meant[j : j + 1])
    cost = _LEFT_OUT
    if letter in around:
        cost = _DOUBLE
    elif j == 1 and meant[:2] in _SILENT:
        return _H_LEFT_OUT
    elif letter == "h":
        cost = _H_LEFT_OUT
    elif letter in _VOWELS:
        cost = _VOWEL_LEFT_OUT
    return cost + (_FIRST if j == 1 else 0.0)


@lru_cache(maxsize=1)
def _sounds() -> Pairs:
    return frozenset((pair[at], pair[1 - at]) for pair in _ALIKE for at in (0, 1))


@lru_cache(maxsize=64)
def _keys(languages: frozenset[str]) -> Pairs:
    """The keys that lie side by side on the keyboards of these languages."""
    found: set[tuple[str, str]] = set()
    for language in languages:
        places = [
            (key, column + shift, row)
            for row, (keys, shift) in enumerate(zip(_KEYBOARDS.get(language, _QWERTY), _SHIFTS, strict=True))
            for column, key in enumerate(keys)
        ]
        found.update(
            (a, b) for a, x, y in places for b, u, v in places if a != b and abs(x - u) <= 1 and abs(y - v) <= 1
        )
    return frozenset(found)
