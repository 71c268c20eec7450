"""The query language: ``parse`` makes a tree and notes of what a visitor typed. Pure, bounded, never raises."""

from newsindex.query.limits import DEFAULT_LIMITS, Limits
from newsindex.query.nodes import (
    And,
    Everything,
    Fuzzy,
    Keyword,
    KeywordField,
    Leaf,
    LeafField,
    Node,
    Not,
    Or,
    Phrase,
    Prefix,
    Published,
    Word,
    leaves,
    relaxed,
)
from newsindex.query.notes import MESSAGES, Note
from newsindex.query.parser import Query, parse
from newsindex.query.rewriting import replace_words, unparse

__all__ = [
    "DEFAULT_LIMITS",
    "MESSAGES",
    "And",
    "Everything",
    "Fuzzy",
    "Keyword",
    "KeywordField",
    "Leaf",
    "LeafField",
    "Limits",
    "Node",
    "Not",
    "Note",
    "Or",
    "Phrase",
    "Prefix",
    "Published",
    "Query",
    "Word",
    "leaves",
    "parse",
    "relaxed",
    "replace_words",
    "unparse",
]
