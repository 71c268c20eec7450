"""The closest matches of a query that no article matches whole: how much of it an article must have. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

#: What an article must have weighs at least this share of the rarest part that any has.
CLOSE: Final = 0.25


def rarity(found: int, articles: int) -> float:
    """The weight of a part of a query that ``found`` of the visible ``articles`` have: the idf of ``ranking``."""
    return math.log(1 + (articles - found + 0.5) / (found + 0.5))


def enough(weights: Iterable[float]) -> float:
    """The least sum of weights of an article that comes close. weights: of the parts that any candidate has."""
    return CLOSE * max(weights, default=0.0)
