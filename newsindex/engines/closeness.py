"""The closest matches of a query that no article, or few, match whole: when they are better, and how close. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from newsindex.analysis import fold
from newsindex.query.nodes import Node, Word
from newsindex.stopwords import is_function_word

#: What an article must have weighs at least this share of the rarest part that any has.
CLOSE: Final = 0.1
# With so many parts a query often asks for more than an article has; then fewer results than this are few.
_MANY_PARTS: Final = 3
_FEW_RESULTS: Final = 20


def few_results(parts: Sequence[Node]) -> int:
    """With fewer articles that have all of these ``query.nodes.alternatives``, the closest ones are a better answer.

    Function words of any language are no parts: "the old ferry" asks for two things.
    """
    many = sum(not (isinstance(part, Word) and is_function_word(fold(part.text))) for part in parts) >= _MANY_PARTS
    return _FEW_RESULTS if many else 1


def rarity(found: int, articles: int) -> float:
    """The weight of a part of a query that ``found`` of the visible ``articles`` have: the idf of ``ranking``."""
    return math.log(1 + (articles - found + 0.5) / (found + 0.5))


def enough(weights: Iterable[float]) -> float:
    """The least sum of weights of an article that comes close. weights: of the parts that any candidate has."""
    return CLOSE * max(weights, default=0.0)
