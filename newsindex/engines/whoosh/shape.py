"""Whether the arrays of a segment are as long as each other says: looked at whenever a segment is opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from newsindex.engines.whoosh.layout import LABELS, article_type
from newsindex.engines.whoosh.segments import Segment, damaged
from newsindex.ranking import FIELDS

#: Columns whose type is not "the smallest unsigned one".
_TYPES: Final = {
    "key_hash": "<u8", "published": "<i8", "expires": "<i8", "boost": "<f8", "form_letters": "<u4",
}  # fmt: skip
_ARTICLES: Final = frozenset(f"{field}_articles" for field in FIELDS)
#: Strings, and what there is one of for each.
STRINGS: Final = {
    "key": "articles", "record": "articles", "paragraph": "paragraphs", "anchor": "paragraphs",
    "form": "forms", "stem": "stems", **{f"{kind}_names": f"{kind}s" for kind in LABELS},
}  # fmt: skip
#: Columns of articles, of paragraphs and of forms.
ARTICLE_COLUMNS: Final = ("published", "expires", "boost", *(f"{field}_length" for field in FIELDS))
PARAGRAPH_COLUMNS: Final = ("paragraph_number", "paragraph_kind", "paragraph_start", "paragraph_length")
FORM_COLUMNS: Final = ("form_size", "form_letters")
#: Places: the array, what there is one of for each, and the arrays whose values they are places in.
PLACES: Final = (
    ("first_paragraph", "articles", ()),
    ("stem_forms_at", "stems", ("stem_forms",)),
    *((f"{name}_at", count, (name,)) for name, count in STRINGS.items()),
    *((f"{kind}_at", "articles", (f"{kind}_values",)) for kind in LABELS),
    *(
        (f"{field}_at", "forms", (f"{field}_articles", f"{field}_counts", *(["text_best"] if field == "text" else [])))
        for field in FIELDS
    ),
    *((f"{field}_positions_at", "forms", (f"{field}_positions",)) for field in FIELDS),
)
#: What may take more than 32 bits: places in what a segment may have very much of. No sum of smaller numbers goes
#: beyond 64 bits, which numpy does not look for before it takes memory and writes to it.
_LARGE: Final = frozenset(
    {*(f"{name}_at" for name in STRINGS), *(f"{field}_{name}" for field in FIELDS for name in ("at", "positions_at"))}
)
#: There are not so many stemmers, and a search looks for its words in each language.
_MOST_LANGUAGES: Final = 500


def check(segment: Segment) -> None:
    """Raise IndexDamaged where the arrays of a segment don't fit together.

    Reads their ends only. What lies between them is checked when it is read, and by ``verification``.
    """
    for what in _misfits(segment):
        raise damaged(segment, what)


def _misfits(segment: Segment) -> Iterator[str]:
    if len(segment.languages) > _MOST_LANGUAGES or not all(isinstance(each, str) for each in segment.languages):
        yield "what it has for languages are none."
    counts = {"articles": segment.articles, "paragraphs": segment.paragraphs}
    for name, count in STRINGS.items():
        counts.setdefault(count, len(segment.file.unchecked(f"{name}_at")) - 1)
    columns = {
        "articles": (*ARTICLE_COLUMNS, "key_hash", "key_order"),
        "paragraphs": PARAGRAPH_COLUMNS,
        "forms": FORM_COLUMNS,
    }
    for count, names in columns.items():
        for name in names:
            values = len(segment.file.unchecked(name))
            if values != counts[count]:
                yield f"its array {name} has {values} values in the place of {counts[count]}."
            yield from _mistyped(segment, name)
    for name, count, targets in PLACES:
        places = segment.file.unchecked(name)
        yield from _mistyped(segment, name)
        if len(places) != counts[count] + 1 or places[0]:
            yield f"its array {name} does not have the place of each of {counts[count]}."
            continue
        for target in targets:
            values = len(segment.file.unchecked(target))
            if places[-1] != values:
                yield f"its array {target} has {values} values in the place of {places[-1]}."
            yield from _mistyped(segment, target)
    if segment.file.unchecked("first_paragraph")[-1] != segment.paragraphs:
        yield "its articles do not have its paragraphs."


def _mistyped(segment: Segment, name: str) -> Iterator[str]:
    found = segment.file.unchecked(name).dtype
    expected = article_type(segment.articles).str if name in _ARTICLES else _TYPES.get(name)
    most = 1 if name in STRINGS else 8 if name in _LARGE else 4
    if found != np.dtype(expected) if expected else found.kind != "u" or found.itemsize > most:
        yield f"its array {name} has values of the type {found.str}."
