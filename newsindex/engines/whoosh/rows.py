"""Rows: documents as segments are made of them, plain values only."""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import Final, NamedTuple

from newsindex.analysis import stemming_language
from newsindex.engines.base import Document
from newsindex.engines.whoosh.layout import NEVER, UNDATED
from newsindex.engines.whoosh.records import KINDS, encoded_article, number
from newsindex.exceptions import ContractError

_PARTS: Final = attrgetter("text", "anchor", "number", "kind")
_KIND_NUMBERS: Final[dict[str, int]] = {kind: at for at, kind in enumerate(KINDS)}


class Row(NamedTuple):
    """A document, checked and ready for a segment; plain values only. texts, anchors, ...: of the paragraphs.

    size: bytes of its strings, about. text_size: bytes of its paragraphs. labels: for each of LABELS its values in
    order.
    """

    key: str
    size: int
    text_size: int
    record: bytes
    published: int
    expires: int
    boost: float
    language: str
    labels: tuple[tuple[str, ...], ...]
    title: tuple[str, ...]
    summary: tuple[str, ...]
    tags: tuple[str, ...]
    text: tuple[str, ...]
    anchors: tuple[str, ...]
    numbers: tuple[int, ...]
    kinds: bytes


def prepared(document: Document) -> Row:
    """The row of a document. ContractError, TypeError or ValueError where it has what can't be in an index."""
    texts, anchors, places, kinds = (
        zip(*map(_PARTS, document.paragraphs), strict=True) if document.paragraphs else [()] * 4
    )
    "".join(anchors).encode()
    if places and not 0 <= min(places) <= max(places) < 1 << 32:
        raise ContractError(f"{document.key}: paragraphs are numbered from 1 on, not {min(places)} to {max(places)}.")
    unknown = set(kinds) - _KIND_NUMBERS.keys()
    if unknown:
        raise ContractError(f"{document.key}: a paragraph is one of {', '.join(KINDS)}, not {unknown.pop()!r}.")
    record = encoded_article(document)
    text_size = _size("".join(texts))
    labels = (document.tags, document.authors, (document.section,), document.audiences, (document.source,))
    # What is no string fails here, before it can get into the index.
    strings = "".join(
        (document.title, document.summary, document.version, document.url, document.language, *chain(*labels))
    )
    return Row(
        document.key,
        len(record) + text_size + _size(strings),
        text_size,
        record,
        number(document.published_at, UNDATED),
        number(document.expires_at, NEVER),
        float(document.boost),
        stemming_language(document.language),
        tuple([tuple(sorted(set(values))) for values in labels]),
        (document.title,),
        (document.summary,),
        tuple(document.tags),
        texts,
        anchors,
        places,
        bytes(map(_KIND_NUMBERS.__getitem__, kinds)),
    )


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))
