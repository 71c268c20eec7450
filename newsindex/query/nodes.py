"""The tree that a query becomes: small frozen nodes, the same for every engine.

Leaves (Word, Prefix, Fuzzy, Phrase) hold text as the visitor typed it; each engine analyses it with
``newsindex.analysis``. ``field`` is "" for anywhere (title, summary, tags, text) or "title".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, TypeAlias

LeafField: TypeAlias = Literal["", "title"]
KeywordField: TypeAlias = Literal["tag", "author", "section"]


@dataclass(frozen=True)
class Word:
    """One word, in any inflection."""

    text: str
    field: LeafField = ""


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


Leaf: TypeAlias = Word | Prefix | Fuzzy | Phrase
Node: TypeAlias = Word | Prefix | Fuzzy | Phrase | Keyword | Published | Not | And | Or | Everything


def leaves(node: Node) -> Iterator[Leaf]:
    """The leaves that count for ranking and marking, in order, those under a Not left out."""
    if isinstance(node, Word | Prefix | Fuzzy | Phrase):
        yield node
    elif isinstance(node, And | Or):
        for child in node.children:
            yield from leaves(child)


def relaxed(node: Node) -> Node:
    """The tree for ``match="any"``: one of the wanted words is enough.

    What restricts (Not, Keyword, Published) goes on restricting.
    """
    parts = alternatives(node)
    if not (parts and isinstance(node, And)):
        return node
    required = tuple(child for child in node.children if isinstance(child, Not | Keyword | Published))
    return And((Or(parts), *required)) if required else Or(parts)


def alternatives(node: Node) -> tuple[Node, ...]:
    """The parts of which ``relaxed(node)`` wants any; empty where it is ``node`` itself."""
    if not isinstance(node, And):
        return ()
    wanted = tuple(child for child in node.children if not isinstance(child, Not | Keyword | Published))
    return tuple(replace_and_by_or(child) for child in wanted) if len(wanted) > 1 else ()


def replace_and_by_or(node: Node) -> Node:
    """A nested group, made lenient in the same way."""
    if isinstance(node, And):
        return relaxed(node)
    if isinstance(node, Or):
        return replace(node, children=tuple(replace_and_by_or(child) for child in node.children))
    return node
