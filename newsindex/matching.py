"""Where the leaves of a query meet a text: the meaning of a match, and the spans to mark. Pure.

``readings(leaf, language)`` says what a leaf looks for, in one way or several; an engine that keeps postings looks the
slots up there, an engine that keeps texts calls ``occurrences``. Both mean the same, so what is marked is what matched.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import Final, TypeAlias

from newsindex.analysis import (
    CLUSTER,
    MAX_WORD,
    Token,
    edit_distance,
    edits_allowed,
    fold,
    has_marks,
    length,
    plain_terms,
    sought,
    stemming_language,
    tokens,
)
from newsindex.deadline import Deadline
from newsindex.languages import PARTICLES
from newsindex.query.nodes import Fuzzy, Leaf, Phrase, Prefix, Simple, Synonyms, Word
from newsindex.stopwords import STOP_WORDS, is_one_of

Span: TypeAlias = tuple[int, int]

_NEVER: Final = Deadline(None)
#: How many characters of one text are looked at for places to mark; ``newsindex.paragraphs`` makes none so long.
MOST_MARKED: Final = 100_000


@dataclass(frozen=True)
class Terms:
    """A token that has one of these terms."""

    terms: tuple[str, ...]

    def meets(self, token: Token) -> int:
        return sum(map(self.terms.__contains__, token.terms))


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


# How many positions a piece of text takes, and its tokens that are looked for.
_Inside: TypeAlias = tuple[int, Sequence[Token]]
# Signs around words that belong to none.
_SIGNS: Final = '.,;:!?()[]"“”„‘’«»…–—'
_ONE_OTHER: Final[_Inside] = (1, ())
# A page has some 1,500 different pieces, for which this takes 250 KB.
_MOST_KNOWN: Final = 4_000

_SHORTEST_NAME: Final = 3

Slot: TypeAlias = Terms | Starts | Near | Contains


@dataclass(frozen=True)
class Occurrence:
    """One place where a leaf matches.

    position: the first that it takes. count: how many terms meet there (what frequencies add up). words: where they
    need not stand in a row, the place of each.
    """

    position: int
    start: int
    end: int
    count: int
    words: tuple[Span, ...] = ()

    @property
    def marked(self) -> tuple[Span, ...]:
        """What to mark."""
        return self.words or ((self.start, self.end),)


def meant(leaf: Leaf, language: str) -> tuple[Simple, ...]:
    """What any of is looked for in texts of ``language``: ``leaf`` itself, or a word and then its synonyms there."""
    if not isinstance(leaf, Synonyms):
        return (leaf,)
    own = stemming_language(language)
    return (leaf.word, *(o.leaf for o in leaf.others if not o.language or stemming_language(o.language) == own))


@lru_cache(maxsize=4_096)
def slots(leaf: Simple, language: str) -> tuple[Slot, ...]:
    """What ``leaf`` looks for, at consecutive positions, in texts of ``language``.

    Empty where the leaf has nothing that could be found (only punctuation).
    """
    own = stemming_language(language)
    found = tokens(leaf.text, own)
    if not found:
        return ()
    marked = _is_marked(leaf)
    if isinstance(leaf, Prefix) and not any(token.pair for token in found):
        return (Starts(found[0].word),) if _is_one(found) else _sequence(found, own, marked)
    if isinstance(leaf, Fuzzy) and _is_one(found):
        edits = edits_allowed(found[0].word)
        return (Near(found[0].word, edits),) if edits else (_terms(found[0], own, marked),)
    if isinstance(leaf, Phrase):
        return _sequence(found, own, marked)
    if len(found) == 1 and found[0].pair:
        word = found[0].word
        return (Contains(word),) if len(leaf.text.strip()) == 1 and len(word) == 1 else (Terms((word,)),)
    return (_terms(found[0], own, marked),) if _is_one(found) else _sequence(found, own, marked)


@lru_cache(maxsize=4_096)
def readings(leaf: Simple, language: str) -> tuple[tuple[Slot, ...], ...]:
    """What ``leaf`` looks for in texts of ``language``, in each way in which it may be written there.

    The first is ``slots``. A compound is found by its parts in a row as well: well-known by "well known". So is a
    Korean noun without the particle behind it, and a Japanese word without the mark that makes its last vowel long.
    An occurrence counts once for each reading: what is written as it was typed counts more. Empty where ``slots`` is.
    """
    first = slots(leaf, language)
    if not first or not isinstance(leaf, Word):
        return (first,) if first else ()
    found = [first]
    own = stemming_language(language)
    typed = tokens(leaf.text, own)
    if len(first) == 1 and _has_parts(typed):
        found.append(_sequence(typed, own, _is_marked(leaf)))
    elif len(typed) == 2 and typed[0].position == typed[1].position and len(typed[1].word) >= _SHORTEST_NAME:
        # A word with the sign of C# behind it; C alone is something else.
        found.append((_terms(typed[1], own, _is_marked(leaf)),))
    shorter = _without_ending(leaf.text)
    if shorter:
        found.append(slots(replace(leaf, text=shorter), language))
    return tuple(dict.fromkeys(each for each in found if each))


def slop_of(leaf: Leaf) -> int:
    """How far what a leaf looks for may be out of place, in positions."""
    return max(leaf.slop, 0) if isinstance(leaf, Phrase) else 0


def repeats(looked_for: Sequence[Slot]) -> tuple[int | None, ...]:
    """For each slot, the number of the next one that looks for the same."""
    following: dict[Slot, int] = {}
    out: list[int | None] = []
    for number in reversed(range(len(looked_for))):
        out.append(following.get(looked_for[number]))
        following[looked_for[number]] = number
    return tuple(reversed(out))


def occurrences(looked_for: Sequence[Slot], found: Sequence[Token], slop: int = 0) -> list[Occurrence]:
    """The places in ``found`` (tokens in order of position) where the slots stand one after another, or nearly so.

    One slot: each token that meets it. Several: each first position from which all of them follow.

    Several with slop: slot number i is met by a token at some position p[i]; those that look for the same are met at
    different ones. max(p[i] - i) - min(p[i] - i) is what the choice costs: nothing for a row, one for each other word
    in a row, two for neighbours in the other order. What costs at most ``slop`` matches. Of all choices, those count
    whose stretch from min(p[i] - i) to max(p[i] - i) has no smaller one of another choice inside, one for each stretch.

    The cost is that of Lucene's sloppy phrases; the stretches are the minimal intervals of Clarke, Cormack, Burkowski
    1995, "An algebra for structured text search and a framework for its implementation".
    """
    if not looked_for:
        return []
    if slop and len(looked_for) > 1:
        return _near_each_other(looked_for, found, slop)
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


def spans(
    leaves: Iterable[Leaf], text: str, language: str, field: str = "text", deadline: Deadline = _NEVER
) -> tuple[Span, ...]:
    """What to mark in ``text``, a text of ``language`` that stands in ``field`` ("text", "title", "summary").

    Half open, sorted, not overlapping, in code points of ``text``; none behind ``MOST_MARKED``. A function word of the
    text's language is marked where it was asked for in a phrase, or beside nothing else. Raises OutOfTime.
    """
    asked = tuple(leaf for leaf in telling(leaves, language) if leaf.field in ("", field))
    return _marker(asked, language).spans(text[:MOST_MARKED], deadline) if asked else ()


def telling(leaves: Iterable[Leaf], language: str) -> Sequence[Leaf]:
    """``leaves`` without words that are function words in texts of ``language``; all where there are no others.

    A word in capitals is none: IT, WHO.
    """
    every = tuple(leaves)
    own = stemming_language(language)
    if own not in STOP_WORDS:
        return every
    telling = [
        leaf
        for leaf in every
        if not isinstance(leaf, Word) or not is_one_of(own, leaf.text) or (len(leaf.text) > 1 and leaf.text.isupper())
    ]
    return telling or every


def query_words(leaf: Leaf) -> tuple[str, ...]:
    """The folded words of a leaf, for notes and corrections."""
    return tuple(token.word for token in tokens(leaf.text, "")) or (fold(leaf.text),)


@lru_cache(maxsize=4_096)
def _is_near(word: str, other: str, edits: int) -> bool:
    # A long text has the same words again and again.
    return edit_distance(word, other, edits) <= edits


class _Marker:
    """Finds the same leaves in many texts of one language.

    ``occurrences`` needs no tokens but those that meet a slot. What stands between two spaces mostly has none, and
    comes again and again in the texts of a page: what is in it is kept.
    """

    def __init__(self, leaves: Iterable[Leaf], language: str) -> None:
        self._language = stemming_language(language)
        simple = (each for leaf in leaves for each in meant(leaf, language))
        asked = ((found, slop_of(leaf)) for leaf in simple for found in readings(leaf, language))
        self._wanted = list(dict.fromkeys(asked))
        wanted = list(chain.from_iterable(found for found, _ in self._wanted))
        self._terms = frozenset(term for slot in wanted if isinstance(slot, Terms) for term in slot.terms)
        self._others = [slot for slot in wanted if not isinstance(slot, Terms)]
        # All pieces that were looked into, and of those what ``_told_apart`` gives.
        self._memo: tuple[set[str], dict[str, _Inside]] = (set(), {})

    def spans(self, text: str, deadline: Deadline) -> tuple[Span, ...]:
        found = self._tokens(text) if self._wanted else []
        if not found:
            return ()
        marked: list[Span] = []
        for looked_for, slop in self._wanted:
            deadline.check()
            places = [span for place in occurrences(looked_for, found, slop) for span in place.marked]
            only = looked_for[0]
            # One character is found by the pairs that have it, and its neighbours were not asked for.
            marked += _characters(text, places, only.char) if isinstance(only, Contains) else places
        return tuple(_merged(marked))

    def _tokens(self, text: str) -> list[Token]:
        """Those of ``tokens(text, language)`` that meet a slot."""
        # No token goes over a space.
        pieces = text.split(" ")
        told = self._told_apart(set(pieces))
        out: list[Token] = []
        position = offset = done = 0
        for at in [at for at, piece in enumerate(pieces) if piece in told]:
            position += at - done
            offset += sum(map(len, pieces[done:at])) + at - done
            size, met = told[pieces[at]]
            out += [
                Token(t.terms, t.word, t.position + position, t.start + offset, t.end + offset, t.pair) for t in met
            ]
            position += size
            offset += len(pieces[at]) + 1
            done = at + 1
        return out

    def _told_apart(self, pieces: set[str]) -> Mapping[str, _Inside]:
        """At least those of the pieces that are not just one word that is not looked for, and what is in them."""
        if len(self._memo[0]) >= _MOST_KNOWN:
            # Another thread may be reading the old ones.
            self._memo = (set(), {})
        known, told = self._memo
        new = pieces.difference(known)
        others = self._other_words(new)
        unkept: dict[str, _Inside] = {}
        for piece in new:
            inside = _ONE_OTHER if piece in others else self._looked_into(piece)
            keeps = len(piece) <= MAX_WORD and len(known) < _MOST_KNOWN
            if inside is not _ONE_OTHER:
                (told if keeps else unkept)[piece] = inside
            if keeps:
                known.add(piece)
        return {**told, **unkept} if unkept else told

    def _other_words(self, pieces: Iterable[str]) -> set[str]:
        """Those of the pieces that are one word of ASCII with signs around it, and not looked for."""
        bare = ((piece, piece.strip(_SIGNS)) for piece in pieces)
        plain = [(piece, w.lower()) for piece, w in bare if w.isascii() and w.isalnum() and len(w) <= MAX_WORD]
        # All at once: what they are found by is not remembered, as texts have more words than a memo should.
        found = plain_terms([word for _, word in plain], self._language)
        return {piece for (piece, word), term in zip(plain, found, strict=True) if self._is_other(word, term)}

    def _is_other(self, word: str, term: str) -> bool:
        if term in self._terms:
            return False
        return not self._others or not self._meets_other(Token((term,), word, 0, 0, len(word)))

    def _meets_other(self, token: Token) -> bool:
        return any(slot.meets(token) for slot in self._others)

    def _looked_into(self, piece: str) -> _Inside:
        found = tokens(piece, self._language)
        met = [t for t in found if not self._terms.isdisjoint(t.terms) or self._meets_other(t)]
        return (length(found), met) if met or len(found) != 1 else _ONE_OTHER


# A page has texts of a few languages, and a process answers a few pages at a time.
_marker = lru_cache(maxsize=8)(_Marker)


def _is_one(found: Sequence[Token]) -> bool:
    """Whether the tokens are one word: a single one, or a whole followed by just its parts."""
    return len(found) == 1 or (
        found[1].position == found[0].position and found[0].end >= found[-1].end and not found[0].pair
    )


def _sequence(found: Sequence[Token], language: str, marked: bool) -> tuple[Slot, ...]:
    """A slot for each position: the part where a whole and its first part stand together."""
    last_at: dict[int, Token] = {token.position: token for token in found}
    return tuple(_terms(token, language, marked) for _, token in sorted(last_at.items()))


def _terms(token: Token, language: str, marked: bool) -> Terms:
    return Terms(sought(token.terms, language, marked))


def _is_marked(leaf: Simple) -> bool:
    """Whether a leaf is of a query whose letters have the marks that they should have."""
    return (isinstance(leaf, Word) and leaf.marked) or has_marks(leaf.text)


def _has_parts(found: Sequence[Token]) -> bool:
    """Whether the tokens are a whole with parts that mean something: those of 2.7.1 do not."""
    word = found[0].word
    return found[-1].position > found[0].position and not ("." in word and word.replace(".", "").isdigit())


def _without_ending(text: str) -> str:
    """``text`` without a Korean particle or a last long vowel of Japanese; "" where it has none, or little else."""
    if text.endswith("\u30fc"):
        shorter = text.rstrip("\u30fc")
        return shorter if len(shorter) > 2 and all("\u30a1" <= char <= "\u30fe" for char in shorter[-3:]) else ""
    if text and "\uac00" <= text[-1] <= "\ud7a3":
        for particle in PARTICLES:
            # A noun of one syllable would be found everywhere.
            if text.endswith(particle) and len(text) > len(particle) + 1:
                return text[: -len(particle)]
    return ""


def _meeting(slot: Slot, here: Iterable[Token]) -> list[Token]:
    return [token for token in here if slot.meets(token)]


def _near_each_other(looked_for: Sequence[Slot], found: Sequence[Token], slop: int) -> list[Occurrence]:
    places = [_places(slot, found) for slot in looked_for]
    if not all(places):
        return []
    positions = [list(own) for own in places]
    following = repeats(looked_for)
    out: list[Occurrence] = []
    latest = -len(looked_for)
    for end in sorted({position - step for step, own in enumerate(positions) for position in own}):
        chosen = _latest(positions, following, end)
        begin = min((position - step for step, position in enumerate(chosen)), default=latest)
        if begin > latest:
            latest = begin
            if end - begin <= slop:
                words = sorted(own[position] for own, position in zip(places, chosen, strict=True))
                out.append(Occurrence(min(chosen), words[0][0], max(last for _, last in words), 1, tuple(words)))
    return out


def _places(slot: Slot, found: Sequence[Token]) -> dict[int, Span]:
    """The place of what meets ``slot`` at each position, in order."""
    out: dict[int, Span] = {}
    for token in found:
        if slot.meets(token):
            start, end = out.get(token.position, (token.start, token.end))
            out[token.position] = min(start, token.start), max(end, token.end)
    return out


def _latest(positions: Sequence[Sequence[int]], following: Sequence[int | None], end: int) -> list[int]:
    """For each step its latest position up to that in a row which begins at ``end``; [] where one has none.

    Of those that look for the same, each takes an earlier one than the next: to swap two would cost no less.
    """
    chosen = [0] * len(positions)
    for step in reversed(range(len(positions))):
        after = following[step]
        bound = end + step if after is None else min(end + step, chosen[after] - 1)
        at = bisect_right(positions[step], bound)
        if not at:
            return []
        chosen[step] = positions[step][at - 1]
    return chosen


def _characters(text: str, pairs: Iterable[Span], char: str) -> Iterator[Span]:
    """Where ``char``, folded, stands in pairs of characters; a pair where only both together have it."""
    for start, end in pairs:
        clusters = CLUSTER.finditer(text, start, end)
        yield from [found.span() for found in clusters if char in fold(found.group())] or [(start, end)]


def _merged(places: list[Span]) -> Iterator[Span]:
    places = sorted(set(places))
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
