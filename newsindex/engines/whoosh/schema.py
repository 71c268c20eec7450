"""The Whoosh schema: which fields an index has, and in which form their terms are written.

Whoosh sees two kinds of documents. An article is a head, which has title, summary, tags and the stored record of the
article, followed by its paragraphs, which have text and the stored record of a paragraph. They lie next to each other
in one segment, and stay so when segments are merged.

Each text has two fields: ``text`` holds the stems of its tokens with their positions, ``text_words`` the unstemmed
words with their frequencies only, for prefixes and fuzzy words.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from whoosh import fields, formats
from whoosh.codec import default_codec

from newsindex.ranking import FIELDS

#: Changes with whatever makes older indexes unreadable: fields, stored records, the analysis of text.
INDEX_FORMAT: Final = 1
#: The stored fields: the record of an article on its head, that of a paragraph on the paragraph.
ARTICLE: Final = "article"
PARAGRAPH: Final = "paragraph"

#: What Whoosh writes for a term of a document: (term, frequency, weight, value).
Item: TypeAlias = tuple[bytes, int, float, bytes]


def words_field(field: str) -> str:
    """The field that holds the unstemmed words of ``field``."""
    return f"{field}_words"


class PreparedField(fields.FieldType):  # type: ignore[misc]
    """A field whose value is a list of items that are ready to be written.

    Lengths are not scorable for Whoosh: it would count the terms, and ranking counts positions.
    """

    def __init__(self, format: formats.Format) -> None:
        super().__init__(format, None, scorable=False, stored=False)

    def index(self, value: list[Item], **kwargs: Any) -> list[Item]:
        return value


def _schema() -> fields.Schema:
    schema = fields.Schema()
    schema.add(ARTICLE, fields.STORED())
    schema.add(PARAGRAPH, fields.STORED())
    for field in FIELDS:
        # A value of any size: the positions.
        schema.add(field, PreparedField(formats.Format()))
        # No value: the frequency is the weight.
        schema.add(words_field(field), PreparedField(formats.Existence()))
    return schema


def codec() -> Any:
    """Whoosh's own codec, told not to look for lengths, which it would do in the file system for each posting."""
    made = default_codec()
    made.length_stats = False
    return made


SCHEMA: Final = _schema()
