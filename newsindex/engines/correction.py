"""Did you mean: which words of a query that found nothing are replaced by which visible words. Pure.

The engine that asks makes sure of two things: what it offers as candidates stands in articles that the asker may
see, and the corrected query matches at least one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from newsindex.analysis import edit_distance, edits_allowed, fold, tokens
from newsindex.query.nodes import Leaf, Node, Word, leaves

#: With more unknown words than this the query is no misspelling, and looking for each costs too much.
MAX_CORRECTED: Final = 3


def unknown_words(tree: Node, occurs: Callable[[Leaf], bool]) -> dict[str, str]:
    """The words of ``tree`` that might be misspelt, as ``{fold(text of the leaf): word to compare}``.

    occurs: whether a leaf occurs in any visible article. Numbers, words under three characters, and scripts without
    spaces are left as they are.
    """
    unknown: dict[str, str] = {}
    for leaf in leaves(tree):
        if not isinstance(leaf, Word):
            continue
        found = tokens(leaf.text, "")
        if not found or found[0].pair or found[0].end < found[-1].end:
            continue
        word = found[0].word
        if not word.isdigit() and edits_allowed(word) and not occurs(leaf):
            unknown[fold(leaf.text)] = word
    return unknown


def best_candidate(word: str, candidates: Iterable[tuple[str, int]]) -> str:
    """The candidate nearest to ``word``, or "" where none is near or ``word`` itself is among them.

    candidates: (folded word, number of visible articles it stands in), among them all within ``edits_allowed(word)``.
    Of equally near ones the more frequent, then the first in the alphabet.
    """
    allowed = edits_allowed(word)
    ranked = []
    for candidate, articles in candidates:
        distance = edit_distance(word, candidate, allowed)
        if distance == 0:
            return ""
        if distance <= allowed:
            ranked.append((distance, -articles, candidate))
    return min(ranked)[2] if ranked else ""


def replacements(
    tree: Node, occurs: Callable[[Leaf], bool], candidates: Callable[[str], Iterable[tuple[str, int]]]
) -> dict[str, str]:
    """What to give to ``query.replace_words``: ``{folded text: visible word}``, empty where nothing helps.

    Also empty with more than MAX_CORRECTED unknown words.

    candidates: for a folded word, what ``best_candidate`` chooses from.
    """
    chosen: dict[str, str] = {}
    unknown = unknown_words(tree, occurs)
    if len(unknown) > MAX_CORRECTED:
        return chosen
    for text, word in unknown.items():
        if better := best_candidate(word, candidates(word)):
            chosen[text] = better
    return chosen
