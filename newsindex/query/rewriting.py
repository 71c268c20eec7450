"""From a tree back to text, and to the same tree with other words: for corrections and links. Pure.

These functions call themselves on children: the depth of a tree that ``parse`` made is bounded by ``Limits``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from newsindex.analysis import fold, tokens
from newsindex.query.lexer import CURLY, is_sourced
from newsindex.query.nodes import (
    And,
    Everything,
    Fuzzy,
    Keyword,
    Node,
    Not,
    Or,
    Phrase,
    Prefix,
    Published,
    Synonyms,
    Word,
)
from newsindex.query.operands import is_punctuation


def unparse(node: Node) -> str:
    """The query text of a tree that ``parse`` made; parsed again, it gives the same tree.

    It may be longer than the text that was typed, since a field before a group is written at each of its words.
    """
    if isinstance(node, And):
        parts = [unparse(child) for child in node.children if not isinstance(child, Everything)]
        if is_sourced(" ".join(parts)):
            # In parentheses what is excluded can't be taken for a headline's source.
            parts = [f"-({part[1:]})" if part.startswith("-") else part for part in parts]
        return " ".join(parts)
    if isinstance(node, Or):
        return " OR ".join(_operand(child) for child in node.children)
    if isinstance(node, Not):
        return "-" + (f"({unparse(node.child)})" if isinstance(node.child, Or) else _operand(node.child))
    if isinstance(node, Keyword):
        return f"{node.field}:{_quoted_if_needed(node.value)}"
    if isinstance(node, Published):
        return _days(node)
    if isinstance(node, Everything):
        return ""
    if isinstance(node, Synonyms):
        return unparse(node.word)
    return f"{node.field}:{_leaf(node)}" if node.field else _leaf(node)


def replace_words(node: Node, replacements: Mapping[str, str]) -> Node:
    """``node`` with words replaced, in Word and Phrase, outside of what is excluded.

    replacements: from folded words (``analysis.fold``, or ``analysis.Token.word``) to what to write instead.
    """
    if isinstance(node, And | Or):
        return replace(node, children=tuple(replace_words(child, replacements) for child in node.children))
    if isinstance(node, Word | Phrase):
        return replace(node, text=_replaced(node.text, replacements))
    return node


def _operand(node: Node) -> str:
    """``node`` where OR or a minus binds tighter than the space between its words."""
    text = unparse(node)
    only_one_excluded = isinstance(node, And) and len(node.children) == 2 and node.children[0] == Everything()
    several = isinstance(node, And) and not only_one_excluded
    return f"({text})" if several else text


def _leaf(node: Word | Prefix | Fuzzy | Phrase) -> str:
    if isinstance(node, Phrase):
        return _quoted(node.text) + (f"~{node.slop}" if node.slop else "")
    return node.text + ("*" if isinstance(node, Prefix) else "~" if isinstance(node, Fuzzy) else "")


def _quoted(text: str) -> str:
    # A text with straight quotation marks stood between curly ones, and has none of these.
    return f"“{text}”" if '"' in text else f'"{text}"'


def _quoted_if_needed(value: str) -> str:
    plain = not any(char.isspace() or char in '"()' or char in CURLY for char in value)
    return value if plain and value[-1:] not in ",;*" and not is_punctuation(value) else _quoted(value)


def _days(node: Published) -> str:
    if node.start and node.end:
        for size in (10, 7, 4):
            if _end_of(node.start, size) == node.end:
                return f"on:{node.start.isoformat()[:size]}"
    after = f"after:{_shortest(node.start)}" if node.start else ""
    before = f"before:{_shortest(node.end)}" if node.end else ""
    return f"({after} {before})" if after and before else after or before


def _end_of(start: date, size: int) -> date | None:
    """The day after the day (10 characters of its ISO form), month (7) or year (4) that begins with ``start``."""
    if size == 10:
        return start + timedelta(days=1)
    if start.day != 1 or (size == 4 and start.month != 1):
        return None
    if size == 7 and start.month < 12:
        return start.replace(month=start.month + 1)
    return date(start.year + 1, 1, 1)


def _shortest(day: date) -> str:
    return day.isoformat()[: 10 if day.day > 1 else 7 if day.month > 1 else 4]


def _replaced(text: str, replacements: Mapping[str, str]) -> str:
    whole = replacements.get(fold(text))
    if whole is not None:
        return whole
    out: list[str] = []
    done = 0
    for token in tokens(text, ""):
        # A whole comes before its parts: where it was replaced, they are gone.
        if token.start >= done and token.word in replacements and not token.pair:
            out += (text[done : token.start], replacements[token.word])
            done = token.end
    return "".join((*out, text[done:]))
