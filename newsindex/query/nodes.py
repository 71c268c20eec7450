"""The tree that a query becomes: small frozen nodes, the same for every engine.

Leaves (Word, Prefix, Fuzzy, Phrase, Synonyms) hold text as the visitor typed it; each engine analyses it with
``newsindex.analysis``. ``field`` is "" for anywhere (title, summary, tags, text) or "title".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal, TypeAlias

from newsindex.analysis import RUN, tokens

#: A relaxed query has at most so many parts: a text without spaces might have very many.
MOST_PARTS: Final = 128
#: What names a version: three numbers or four, and what a hyphen adds to them.
_VERSION: Final = re.compile(r"(?P<numbers>v?\d{1,3}(?:\.\d{1,3}){2,3})(?:-\w+)?", re.IGNORECASE)
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:\.\d{3})+")

LeafField: TypeAlias = Literal["", "title"]
KeywordField: TypeAlias = Literal["tag", "author", "section"]


@dataclass(frozen=True)
class Word:
    """One word, in any inflection.

    marked: other words of the query have marks (``analysis.has_marks``): one without means none.
    """

    text: str
    field: LeafField = ""
    marked: bool = False


@dataclass(frozen=True)
class Prefix:
    """Words that begin with ``text`` (accents and case folded, not stemmed)."""

    text: str
    field: LeafField = ""


@dataclass(frozen=True)
class Fuzzy:
    """Words at most ``analysis.edits_allowed(text)`` edits away from ``text``."""

    text: str
    field: LeafField = ""


@dataclass(frozen=True)
class Phrase:
    """The words of ``text`` next to each other, in order, inside one field or one paragraph.

    slop: how far its words may be out of place, 0 for not at all; see ``matching.occurrences``. A word that stands
    between them counts one, two neighbours in the other order count two.
    """

    text: str
    field: LeafField = ""
    slop: int = 0


@dataclass(frozen=True)
class Other:
    """Another way to say a word. leaf: what is looked for; language: only in texts of this one, "" in all."""

    leaf: Word | Phrase
    language: str = ""


@dataclass(frozen=True)
class Synonyms:
    """A word, or one of its synonyms: they count as one word, of which each synonym is a little less.

    A synonym of several words at once stands with each of them: an article that has it lacks none of them.
    """

    word: Word
    others: tuple[Other, ...]

    @property
    def text(self) -> str:
        """The word as the visitor typed it."""
        return self.word.text

    @property
    def field(self) -> LeafField:
        return self.word.field


@dataclass(frozen=True)
class Keyword:
    """Articles with a tag, author or section equal to ``value`` (case and accents folded)."""

    field: KeywordField
    value: str


@dataclass(frozen=True)
class Published:
    """Articles published on or after the day ``start`` and before the day ``end``; None is open.

    Days are days in the time zone of the request's ``now``.
    """

    start: date | None = None
    end: date | None = None


@dataclass(frozen=True)
class Not:
    child: Node


@dataclass(frozen=True)
class And:
    children: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    children: tuple[Node, ...]


@dataclass(frozen=True)
class Everything:
    """Every article that the asker may see: the query of an empty search box."""


#: What stands for itself, unlike Synonyms.
Simple: TypeAlias = Word | Prefix | Fuzzy | Phrase
Leaf: TypeAlias = Word | Prefix | Fuzzy | Phrase | Synonyms
Node: TypeAlias = Word | Prefix | Fuzzy | Phrase | Synonyms | Keyword | Published | Not | And | Or | Everything


def leaves(node: Node) -> Iterator[Leaf]:
    """The leaves that count for ranking and marking, in order, those under a Not left out."""
    if isinstance(node, Word | Prefix | Fuzzy | Phrase | Synonyms):
        yield node
    elif isinstance(node, And | Or):
        for child in node.children:
            yield from leaves(child)


def relaxed(node: Node) -> Node:
    """The tree for ``match="any"``: one of the wanted words is enough.

    What restricts (Not, Keyword, Published) goes on restricting.
    """
    parts = alternatives(node)
    if not parts:
        return node
    required = _restricting(node)
    return And((Or(parts), *required)) if required else Or(parts)


def alternatives(node: Node) -> tuple[Node, ...]:
    """The parts of which ``relaxed(node)`` wants any; empty where it is ``node`` itself.

    A word of a script without spaces (a whole question may be one) has parts of its own: its pairs of characters. So
    have words with nothing but a sign between them: "split/debenture" is a phrase only as long as that finds enough.
    With a version goes the series that it is of: what is about 3.2 comes close to 3.2.0.
    """
    children = node.children if isinstance(node, And) else (node,)
    restricting = _restricting(node)
    parts = tuple(part for child in children if child not in restricting for part in _parts(child))
    return parts[:MOST_PARTS] if len(parts) > 1 else ()


def with_marks(node: Node, marked: bool = True) -> Node:
    """``node`` as part of a query that has words with marks, or, with False, of one that has none."""
    if isinstance(node, And | Or):
        return replace(node, children=tuple(with_marks(child, marked) for child in node.children))
    if isinstance(node, Not):
        return Not(with_marks(node.child, marked))
    return replace(node, marked=marked) if isinstance(node, Word) else node


def _restricting(node: Node) -> tuple[Node, ...]:
    children = node.children if isinstance(node, And) else (node,)
    return tuple(child for child in children if isinstance(child, Not | Keyword | Published))


def _parts(node: Node) -> tuple[Node, ...]:
    """A child of a relaxed group: made lenient in the same way, or taken apart."""
    if isinstance(node, Word):
        return *_pairs(node), *_series(node)
    if isinstance(node, Synonyms):
        pairs = _pairs(node.word)
        return *(pairs if len(pairs) > 1 else ()), node, *_series(node.word)
    if isinstance(node, And):
        return (relaxed(node),)
    if isinstance(node, Or):
        return (replace(node, children=tuple(part for child in node.children for part in _group(child))),)
    return (node,)


def _group(node: Node) -> tuple[Node, ...]:
    """A child of a group of alternatives, which it stays."""
    return (relaxed(node),) if isinstance(node, And) else _parts(node)


def _pairs(word: Word) -> tuple[Word, ...]:
    """The pairs of characters in a word, and the words between them; the word itself where it has no pairs."""
    found = tokens(word.text, "")
    if len(found) < 2:
        return (word,)
    if not any(token.pair for token in found):
        return _joined(word)
    # A character that stands alone beside a word as well is in the pair that follows.
    following = (*(token.position for token in found[1:]), -1)
    told = [token for token, after in zip(found, following, strict=True) if not token.pair or token.position != after]
    texts = dict.fromkeys(word.text[token.start : token.end] for token in told)
    return tuple(Word(text, word.field) for text in list(texts)[:MOST_PARTS])


def _joined(word: Word) -> tuple[Word, ...]:
    """The words that a slash or the like joins; the word itself where one is a letter or figures: "24/7"."""
    texts = [run.group() for run in RUN.finditer(word.text)]
    if len(texts) < 2 or any(len(text) < 2 or not any(map(str.isalpha, text)) for text in texts):
        return (word,)
    return tuple(replace(word, text=text) for text in list(dict.fromkeys(texts))[:MOST_PARTS])


def _series(word: Word) -> Iterator[Synonyms]:
    """The series that a version is of, the narrowest first, each with what belongs to it; nothing for other words."""
    found = _VERSION.fullmatch(word.text)
    if not found or _THOUSANDS.fullmatch(word.text):
        return
    numbers = found["numbers"].split(".")
    within = [word]
    for count in range(len(numbers), 1, -1):
        series = replace(word, text=".".join(numbers[:count]))
        if series != word:
            yield Synonyms(series, tuple(map(Other, within)))
            within.append(series)
