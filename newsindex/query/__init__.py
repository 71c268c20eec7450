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
    Other,
    Phrase,
    Prefix,
    Published,
    Synonyms,
    Word,
    leaves,
    relaxed,
)
from newsindex.query.notes import MESSAGES, Note
from newsindex.query.parser import Query, parse
from newsindex.query.rewriting import replace_words, unparse
from newsindex.query.synonyms import Entry, Thesaurus, expanded

__all__ = [
    "DEFAULT_LIMITS",
    "MESSAGES",
    "And",
    "Entry",
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
    "Other",
    "Phrase",
    "Prefix",
    "Published",
    "Query",
    "Synonyms",
    "Thesaurus",
    "Word",
    "expanded",
    "leaves",
    "parse",
    "relaxed",
    "replace_words",
    "unparse",
]
