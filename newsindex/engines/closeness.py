"""The closest matches of a query that no article, or few, match whole: when they are better, and how close. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from newsindex.analysis import fold, tokens
from newsindex.query.nodes import Node, Synonyms, Word
from newsindex.stopwords import is_function_word

#: What an article must have weighs at least this share of the rarest part that any has.
CLOSE: Final = 0.1
# The more a query asks for, the more often the best answer lacks a part of it, and long articles have all by chance.
# For so many words or more, so many results are few: what is seen of them is two pages, five or ten.
_FEW_OF_WORDS: Final = ((4, 100), (3, 50))
# So many parts that are pairs of characters, or so many with function words: not just two words that are both meant.
_MANY_PAIRS: Final = 3
_A_SENTENCE: Final = 4
_FEW_OF_OTHERS: Final = 20


def few_results(parts: Sequence[Node]) -> int:
    """With fewer articles that have all of these ``query.nodes.alternatives``, the closest ones are a better answer.

    Function words of any language are no words: "the old ferry" asks for two. Two pairs of characters are about one,
    and a version is one, whatever series it is of.
    """
    telling = [
        part
        for part in parts
        if not (isinstance(part, Word) and is_function_word(fold(part.text)) or _is_said_before(part, parts))
    ]
    pairs = sum(isinstance(part, Word) and any(token.pair for token in tokens(part.text, "")) for part in telling)
    words = len(telling) - pairs // 2
    for least, few in _FEW_OF_WORDS:
        if words >= least:
            return few
    many = len(telling) >= _MANY_PAIRS or (len(telling) == 2 and len(parts) >= _A_SENTENCE)
    return _FEW_OF_OTHERS if many else 1


def _is_said_before(part: Node, parts: Sequence[Node]) -> bool:
    """Whether it stands for another of the parts as well: the series of a version."""
    return isinstance(part, Synonyms) and any(other.leaf in parts for other in part.others)


def rarity(found: int, articles: int) -> float:
    """The weight of a part of a query that ``found`` of the visible ``articles`` have: the idf of ``ranking``."""
    return math.log(1 + (articles - found + 0.5) / (found + 0.5))


def enough(weights: Iterable[float]) -> float:
    """The least sum of weights of an article that comes close. weights: of the parts that any candidate has."""
    return CLOSE * max(weights, default=0.0)
