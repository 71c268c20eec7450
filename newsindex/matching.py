"""Where the leaves of a query meet a text: the meaning of a match, and the spans to mark. Pure.

``slots(leaf, language)`` says what a leaf looks for; an engine that keeps postings looks the slots up there,
an engine that keeps texts calls ``occurrences``. Both mean the same, so what is marked is what matched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from newsindex.analysis import Token, edit_distance, edits_allowed, fold, stemming_language, tokens
from newsindex.query.nodes import Fuzzy, Leaf, Phrase, Prefix

Span: TypeAlias = tuple[int, int]

#: How many characters of one text are looked at for places to mark; ``newsindex.paragraphs`` makes none so long.
MOST_MARKED: Final = 100_000


@dataclass(frozen=True)
class Terms:
    """A token that has one of these terms."""

    terms: tuple[str, ...]

    def meets(self, token: Token) -> int:
        return sum(term in self.terms for term in token.terms)


@dataclass(frozen=True)
class Starts:
    """A token whose word begins so."""

    prefix: str

    def meets(self, token: Token) -> int:
        return not token.pair and token.word.startswith(self.prefix)


@dataclass(frozen=True)
class Near:
    """A token whose word is at most ``edits`` edits away."""

    word: str
    edits: int

    def meets(self, token: Token) -> int:
        return not token.pair and _is_near(token.word, self.word, self.edits)


@dataclass(frozen=True)
class Contains:
    """A pair that has this one character of a script without spaces."""

    char: str

    def meets(self, token: Token) -> int:
        return token.pair and self.char in token.word


Slot: TypeAlias = Terms | Starts | Near | Contains


@dataclass(frozen=True)
class Occurrence:
    """One place where a leaf matches. ``count``: how many terms meet there (what frequencies add up)."""

    position: int
    start: int
    end: int
    count: int


@lru_cache(maxsize=4_096)
def slots(leaf: Leaf, language: str) -> tuple[Slot, ...]:
    """What ``leaf`` looks for, at consecutive positions, in texts of ``language``.

    Empty where the leaf has nothing that could be found (only punctuation).
    """
    found = tokens(leaf.text, stemming_language(language))
    if not found:
        return ()
    if isinstance(leaf, Prefix) and not any(token.pair for token in found):
        return (Starts(found[0].word),) if _is_one(found) else _sequence(found)
    if isinstance(leaf, Fuzzy) and _is_one(found):
        edits = edits_allowed(found[0].word)
        return (Near(found[0].word, edits),) if edits else (Terms(found[0].terms),)
    if isinstance(leaf, Phrase):
        return _sequence(found)
    if len(found) == 1 and found[0].pair:
        word = found[0].word
        return (Contains(word),) if len(leaf.text.strip()) == 1 and len(word) == 1 else (Terms((word,)),)
    return (Terms(found[0].terms),) if _is_one(found) else _sequence(found)


def occurrences(looked_for: Sequence[Slot], found: Sequence[Token]) -> list[Occurrence]:
    """The places in ``found`` (tokens in order of position) where the slots stand one after another.

    One slot: each token that meets it. Several: each first position from which all of them follow.
    """
    if not looked_for:
        return []
    first = looked_for[0]
    if len(looked_for) == 1:
        return [
            Occurrence(token.position, token.start, token.end, count)
            for token in found
            if (count := first.meets(token))
        ]
    at: dict[int, list[Token]] = {}
    for token in found:
        at.setdefault(token.position, []).append(token)
    out = []
    for position, here in at.items():
        places = [_meeting(slot, at.get(position + step, ())) for step, slot in enumerate(looked_for)]
        if here and all(places):
            start = min(token.start for token in places[0])
            out.append(Occurrence(position, start, max(token.end for token in places[-1]), 1))
    return out


def spans(leaves: Iterable[Leaf], text: str, language: str, field: str = "text") -> tuple[Span, ...]:
    """What to mark in ``text``, a text of ``language`` that stands in ``field`` ("text", "title", "summary").

    Half open, sorted, not overlapping, in code points of ``text``; none behind ``MOST_MARKED``.
    """
    found: list[Token] | None = None
    places: list[Span] = []
    for leaf in leaves:
        if leaf.field not in ("", field):
            continue
        if found is None:
            found = tokens(text[:MOST_MARKED], stemming_language(language))
        places += [(o.start, o.end) for o in occurrences(slots(leaf, language), found)]
    return tuple(_merged(places))


def query_words(leaf: Leaf) -> tuple[str, ...]:
    """The folded words of a leaf, for notes and corrections."""
    return tuple(token.word for token in tokens(leaf.text, "")) or (fold(leaf.text),)


@lru_cache(maxsize=16_384)
def _is_near(word: str, other: str, edits: int) -> bool:
    # A long text has the same words again and again.
    return edit_distance(word, other, edits) <= edits


def _is_one(found: Sequence[Token]) -> bool:
    """Whether the tokens are one word: a single one, or a whole followed by just its parts."""
    return len(found) == 1 or (
        found[1].position == found[0].position and found[0].end >= found[-1].end and not found[0].pair
    )


def _sequence(found: Sequence[Token]) -> tuple[Slot, ...]:
    """A slot for each position: the part where a whole and its first part stand together."""
    last_at: dict[int, Token] = {token.position: token for token in found}
    return tuple(Terms(token.terms) for _, token in sorted(last_at.items()))


def _meeting(slot: Slot, here: Iterable[Token]) -> list[Token]:
    return [token for token in here if slot.meets(token)]


def _merged(places: list[Span]) -> Iterator[Span]:
    places.sort()
    current: Span | None = None
    for start, end in places:
        if current and start < current[1]:
            current = (current[0], max(current[1], end))
        else:
            if current:
                yield current
            current = (start, end)
    if current:
        yield current
