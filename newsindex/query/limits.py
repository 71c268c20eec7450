"""How much of a query is read: the bounds on its size, depth and cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Limits:
    """What exceeds a limit is cut or made simpler, and a note says so; it is never an error.

    max_characters: code points of the text that are read at all.
    max_units: words, phrases, keywords and dates together.
    max_phrase_words: positions of one phrase, as ``analysis.tokens`` counts them.
    max_exclusions: how often "-" may exclude something.
    max_depth: levels of parentheses.
    max_prefixes, max_fuzzies: ``word*`` and ``word~``, each of which an engine expands; the rest are plain words.
    max_word_characters: code points of one word.
    max_slop: the number after a phrase.
    """

    max_characters: int = 2_000
    max_units: int = 128
    max_phrase_words: int = 16
    max_exclusions: int = 8
    max_depth: int = 10
    max_prefixes: int = 4
    max_fuzzies: int = 4
    max_word_characters: int = 64
    max_slop: int = 50


DEFAULT_LIMITS: Final = Limits()
