"""Tokens to the terms of the index: how stems and words are spelt there, and what is written for a text."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from newsindex.analysis import length, tokens
from newsindex.engines.whoosh.schema import Item


@dataclass(frozen=True)
class AnalysedText:
    """What Whoosh writes for the texts of a field. length: positions, as ranking counts them."""

    stems: list[Item]
    words: list[Item]
    length: int


def stem_term(stem: str, language: str) -> bytes:
    """A stem of a language, apart from those of the other languages. No language code has a colon."""
    return f"{language}:{stem}".encode(errors="surrogatepass")


def word_term(word: str) -> bytes:
    """A folded word."""
    return b"w" + word.encode(errors="surrogatepass")


def pair_term(pair: str) -> bytes:
    """Two characters of a script without spaces."""
    return b"p" + pair.encode(errors="surrogatepass")


def spelt(term: bytes) -> str:
    """The word or the pair of a term."""
    return term[1:].decode(errors="surrogatepass")


def following(prefix: bytes) -> bytes:
    """The first term after all terms that begin with ``prefix``, in the order of bytes, which is that of UTF-8."""
    return prefix + b"\xff"


def analysed(texts: Iterable[str], language: str) -> AnalysedText:
    """The terms of ``texts``, texts of one field that no phrase may cross. language: of ``stemming_language``."""
    positions: dict[str, list[int]] = {}
    words: Counter[tuple[str, bool]] = Counter()
    start = total = 0
    for text in texts:
        found = tokens(text, language)
        for token in found:
            words[token.word, token.pair] += 1
            for term in token.terms:
                positions.setdefault(term, []).append(start + token.position)
        total += length(found)
        # The free position keeps the last word of one text and the first of the next from standing side by side.
        start += length(found) + 1
    return AnalysedText(
        stems=[(stem_term(stem, language), 1, 1.0, packed(places)) for stem, places in positions.items()],
        words=[
            (pair_term(word) if pair else word_term(word), 1, float(count), b"")
            for (word, pair), count in words.items()
        ],
        length=total,
    )


def packed(positions: list[int]) -> bytes:
    """Positions as little-endian 32-bit numbers, which ``postings`` reads without a loop."""
    return struct.pack(f"<{len(positions)}I", *positions)
