"""Tokens to postings: which articles have which form, and where. One sort, then differences between neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.whoosh.arrays import Array, smallest, smallest_type
from newsindex.engines.whoosh.lexicon import Numbers, Tokens, differences
from newsindex.exceptions import EngineError

#: So many tokens are inverted at a time: what they need fits into the caches.
_PIECE: Final = 1 << 17
_POSITION: Final = np.uint64(0xFFFFFFFF)
_FORM: Final = np.uint64(32)


class FieldTokens:
    """The tokens of one field of all articles of a segment, collected in their order."""

    def __init__(self) -> None:
        #: The tokens and, of each piece, where its positions begin.
        self._pieces: list[tuple[NDArray[np.uint32], NDArray[np.uint32]]] = []
        self._lengths: list[NDArray[np.uint32]] = []
        self._end = 0

    def append(self, tokens: Tokens) -> None:
        """The next texts of the field."""
        end = self._end + int(tokens.lengths.sum()) + len(tokens.lengths)
        if end > int(_POSITION):
            raise EngineError("A segment has room for 4 thousand million words.")
        self._pieces.append((tokens.forms, (tokens.positions + self._end).astype(np.uint32)))
        self._lengths.append(tokens.lengths.astype(np.uint32))
        self._end = end

    def __iter__(self) -> Iterator[NDArray[np.uint32]]:
        """The forms of the tokens, piece by piece."""
        return (forms for forms, _ in self._pieces)

    @property
    def lengths(self) -> Numbers:
        """The length of each text in positions."""
        return np.concatenate([np.empty(0, np.int64), *self._lengths])

    def keys(self, ranks: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """The tokens as (rank of the form << 32 | position), in order. Gives the tokens away."""
        keys = np.empty(sum(len(forms) for forms, _ in self._pieces), np.uint64)
        end = len(keys)
        while self._pieces:
            forms, positions = self._pieces.pop()
            piece = keys[end - len(forms) : end]
            np.left_shift(ranks[forms], _FORM, out=piece, dtype=np.uint64)
            piece |= positions
            end -= len(forms)
        keys.sort()
        return keys


@dataclass(frozen=True, slots=True)
class Places:
    """Where the texts of a field stand.

    text_at: where the positions of each text begin, as in Tokens. articles: to which article it belongs. base: where
    the positions of the first text of this article begin. Each has one value for each text.
    """

    at: Numbers
    articles: NDArray[np.uint32]
    base: Numbers


def places(lengths: Numbers, texts: Numbers) -> Places:
    """The places of the texts of a field. lengths: of each text. texts: how many each article has."""
    sizes = lengths + 1
    at = sizes.cumsum() - sizes
    articles = np.repeat(np.arange(len(texts), dtype=np.uint32), texts)
    firsts = np.repeat(np.cumsum(texts) - texts, texts)
    return Places(at, articles, at[firsts])


def lengths_of_articles(lengths: Numbers, texts: Numbers) -> Numbers:
    """The length of the field in each article. lengths, texts: as for ``places``."""
    ends = np.concatenate((np.zeros(1, np.int64), lengths.cumsum()))
    return differences(ends[texts.cumsum()])


def postings(
    field: str, keys: NDArray[np.uint64], forms: int, kind: np.dtype[Any], where: Places, lengths: Numbers
) -> Iterator[tuple[str, Array]]:
    """The arrays of a field by the names of layout.py.

    keys: of ``FieldTokens.keys``. forms: how many there are. kind: the type for the numbers of articles.
    """
    if not len(keys):
        yield from _nothing(field, forms, kind)
        return
    borders = _borders(keys, forms)
    text_of = np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths + 1)
    pieces = [_inverted(keys, piece, where, text_of, field == "text") for piece in _pieces(borders)]
    at = np.concatenate([np.zeros(1, np.int64), *(piece.counts_of_forms for piece in pieces)]).cumsum()
    yield f"{field}_at", smallest(at)
    yield f"{field}_articles", np.concatenate([np.empty(0, kind), *(piece.articles for piece in pieces)], dtype=kind)
    yield f"{field}_counts", _joined([piece.counts for piece in pieces])
    yield f"{field}_positions_at", smallest(borders)
    yield f"{field}_positions", _joined([piece.positions for piece in pieces])
    if field == "text":
        yield "text_best", _joined([piece.best for piece in pieces])


def _nothing(field: str, forms: int, kind: np.dtype[Any]) -> Iterator[tuple[str, Array]]:
    """The arrays of a field without any token, as many articles have no summary."""
    for name in ("at", "positions_at"):
        yield f"{field}_{name}", np.zeros(forms + 1, np.uint8)
    yield f"{field}_articles", np.empty(0, kind)
    for name in ("counts", "positions", *(("best",) if field == "text" else ())):
        yield f"{field}_{name}", np.empty(0, np.uint8)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The postings of some forms that follow each other. counts_of_forms: postings of each form."""

    counts_of_forms: Numbers
    articles: NDArray[np.uint32]
    counts: Array
    positions: Array
    best: Array


def _borders(keys: NDArray[np.uint64], forms: int) -> Numbers:
    """Where the tokens of each form begin, and the end of the last."""
    own = (keys >> _FORM).astype(np.uint32)
    firsts = np.concatenate((np.zeros(1, np.int64), np.flatnonzero(own[1:] != own[:-1]) + 1))
    counts = np.zeros(forms + 1, np.int64)
    counts[own[firsts] + 1] = _sizes(firsts, len(keys))
    return np.cumsum(counts)


def _pieces(borders: Numbers) -> Iterator[Numbers]:
    """``borders`` in parts of about _PIECE tokens, each with the border after its last form."""
    first = 0
    while first < len(borders) - 1:
        end = int(np.searchsorted(borders, borders[first] + _PIECE, side="right"))
        end = min(max(end, first + 2), len(borders))
        yield borders[first:end]
        first = end - 1


def _inverted(
    keys: NDArray[np.uint64], borders: Numbers, where: Places, text_of: NDArray[np.uint32], best: bool
) -> _Piece:
    """The postings of the tokens between ``borders``. text_of: the text that a position belongs to."""
    positions = (keys[borders[0] : borders[-1]] & _POSITION).astype(np.int64)
    borders = borders - borders[0]
    texts = text_of[positions]
    articles = where.articles[texts]
    begins = np.empty(len(articles), bool)
    begins[1:] = articles[1:] != articles[:-1]
    begins[borders[:-1][borders[:-1] < borders[-1]]] = True
    firsts = np.flatnonzero(begins)
    most = np.empty(0, np.int64)
    if best:
        inner = begins.copy()
        inner[1:] |= texts[1:] != texts[:-1]
        paragraphs = np.flatnonzero(inner)
        most = np.maximum.reduceat(_sizes(paragraphs, len(texts)), np.flatnonzero(begins[paragraphs]))
    return _Piece(
        differences(firsts.searchsorted(borders[1:])),
        articles[firsts],
        smallest(_sizes(firsts, len(texts))),
        smallest(positions - where.base[texts]),
        smallest(most),
    )


def _sizes(firsts: Numbers, end: int) -> Numbers:
    sizes = -firsts
    sizes[:-1] += firsts[1:]
    sizes[-1:] += end
    return sizes


def _joined(parts: Sequence[Array]) -> Array:
    """Numbers of the smallest types, in the smallest type."""
    return np.concatenate([np.empty(0, smallest_type(0)), *parts])
