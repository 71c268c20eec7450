"""The Whoosh schema: what Whoosh sees when it reads an index through stock.py.

Whoosh sees two kinds of documents. An article is a head, which has title, summary and tags, followed by its paragraphs,
which have text. Each text has two fields: ``text`` holds the stems of its tokens, spelt as in ``layout.stem_key``,
``text_words`` the folded words, unstemmed. Both have positions, and lengths in positions.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from whoosh import fields, formats

from newsindex.engines.whoosh.layout import word_prefix
from newsindex.ranking import FIELDS

#: What is stored of an article with its head, and of a paragraph; beside them, ``text`` is stored.
HEAD: Final = ("key", "record")
PARAGRAPH: Final = ("number", "anchor", "kind")


def words_field(field: str) -> str:
    """The field that holds the unstemmed words of ``field``."""
    return f"{field}_words"


class Positions(formats.Format):  # type: ignore[misc]
    """The value of a posting: its positions, little-endian 32-bit numbers."""

    def decode_positions(self, value: bytes) -> list[int]:
        positions: list[int] = np.frombuffer(value, "<u4").tolist()
        return positions

    def decode_frequency(self, value: bytes) -> int:
        return len(value) // 4

    def decode_weight(self, value: bytes) -> float:
        return float(self.decode_frequency(value))


class StemsField(fields.FieldType):  # type: ignore[misc]
    """A field of stems. Queries name them as they are spelt, "en:run"; bytes stand for themselves."""

    def __init__(self) -> None:
        super().__init__(Positions(), None, scorable=True)

    def to_bytes(self, value: Any) -> bytes:
        return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")

    def from_bytes(self, term: bytes) -> str:
        return term.decode(errors="surrogatepass")


class WordsField(StemsField):
    """A field of folded words. Queries name them as they are; pairs can be asked for as bytes, ``word_prefix``."""

    def to_bytes(self, value: Any) -> bytes:
        return value if isinstance(value, bytes) else word_prefix(str(value))

    def from_bytes(self, term: bytes) -> str:
        return super().from_bytes(term[1:])


def _schema() -> fields.Schema:
    schema = fields.Schema()
    for name in (*HEAD, *PARAGRAPH):
        schema.add(name, fields.STORED())
    for field in FIELDS:
        schema.add(field, StemsField())
        schema.add(words_field(field), WordsField())
    return schema


SCHEMA: Final = _schema()
