"""A small segment: for one article, calling numpy for each field and column takes longer than all there is to do.

So all fields are inverted together, and short columns are lists. What comes out is what building.py writes of the
same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from itertools import accumulate, chain
from struct import pack
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.whoosh.arrays import ArrayWriter, packed, smallest
from newsindex.engines.whoosh.dictionary import places_of, ranked, write_dictionary
from newsindex.engines.whoosh.layout import LABELS, article_type, key_hash
from newsindex.engines.whoosh.lexicon import Lexicon, Numbers
from newsindex.engines.whoosh.rows import Row
from newsindex.ranking import FIELDS

#: Rows of so many bytes together make a small segment: some 30 paragraphs.
SMALL: Final = 1 << 14


def small_segment(writer: ArrayWriter, lexicon: Lexicon, rows: Sequence[Row]) -> None:
    """Write the segment of some rows. OSError where the system refuses."""
    found = _Texts(lexicon, rows)
    _articles(writer, rows)
    _labels(writer, rows)
    _paragraphs(writer, rows, found)
    used, ranks = ranked(lexicon, [found.tokens.forms])
    write_dictionary(writer, lexicon, used, ranks)
    for at, field in enumerate(FIELDS):
        _lengths(writer, field, found, at, len(rows))
    _postings(writer, found, ranks, len(used), len(rows))
    paragraphs = sum(len(row.text) for row in rows)
    writer.close({"articles": len(rows), "paragraphs": paragraphs, "languages": sorted({row.language for row in rows})})


class _Texts:
    """The texts of all fields, one field after the other, and the words in them.

    lengths: of each text in positions. starts: where the positions of each begin, counted on through all fields with
    one free position after each text. owners: for each text, the number of its field times the number of articles plus
    that of its article. bases: for each text, where the first of its owner begins.
    """

    def __init__(self, lexicon: Lexicon, rows: Sequence[Row]) -> None:
        texts: list[str] = []
        languages: list[str] = []
        self.owners: list[int] = []
        for at, field in enumerate(FIELDS):
            for article, row in enumerate(rows, at * len(rows)):
                own: tuple[str, ...] = getattr(row, field)
                texts += own
                languages += [row.language] * len(own)
                self.owners += [article] * len(own)
        self.tokens = lexicon.tokens(texts, languages)
        self.lengths: list[int] = self.tokens.lengths.tolist()
        self.starts = list(accumulate((length + 1 for length in self.lengths), initial=0))
        firsts: dict[int, int] = {}
        self.bases = [firsts.setdefault(*each) for each in zip(self.owners, self.starts, strict=False)]

    def of_field(self, field: int, articles: int) -> slice:
        """The texts of a field."""
        owners = self.owners
        first = next((at for at, owner in enumerate(owners) if owner >= field * articles), len(owners))
        end = next((at for at, owner in enumerate(owners) if owner >= (field + 1) * articles), len(owners))
        return slice(first, end)


def _articles(writer: ArrayWriter, rows: Sequence[Row]) -> None:
    _strings(writer, "key", [row.key.encode(errors="surrogatepass") for row in rows])
    hashes = sorted((key_hash(row.key), at) for at, row in enumerate(rows))
    writer.put("key_hash", "<u8", pack(f"<{len(rows)}Q", *(hashed for hashed, _ in hashes)))
    _numbers(writer, "key_order", [at for _, at in hashes])
    _strings(writer, "record", [row.record for row in rows])
    writer.put("published", "<i8", pack(f"<{len(rows)}q", *(row.published for row in rows)))
    writer.put("expires", "<i8", pack(f"<{len(rows)}q", *(row.expires for row in rows)))
    writer.put("boost", "<f8", pack(f"<{len(rows)}d", *(row.boost for row in rows)))
    _places(writer, "first_paragraph", [row.text for row in rows])


def _labels(writer: ArrayWriter, rows: Sequence[Row]) -> None:
    for at, kind in enumerate(LABELS):
        own = [row.labels[at] for row in rows]
        names = sorted(set(chain(*own)))
        place = {name: number for number, name in enumerate(names)}
        _strings(writer, f"{kind}_names", [name.encode(errors="surrogatepass") for name in names])
        _places(writer, f"{kind}_at", own)
        _numbers(writer, f"{kind}_values", [place[name] for name in chain(*own)])


def _paragraphs(writer: ArrayWriter, rows: Sequence[Row], found: _Texts) -> None:
    _strings(writer, "paragraph", [text.encode(errors="surrogatepass") for row in rows for text in row.text])
    _strings(writer, "anchor", [anchor.encode() for row in rows for anchor in row.anchors])
    _numbers(writer, "paragraph_number", [number for row in rows for number in row.numbers])
    _numbers(writer, "paragraph_kind", list(chain(*(row.kinds for row in rows))))
    own = found.of_field(FIELDS.index("text"), len(rows))
    starts = zip(found.starts[own], found.bases[own], strict=True)
    _numbers(writer, "paragraph_start", [start - base for start, base in starts])
    _numbers(writer, "paragraph_length", found.lengths[own])


def _lengths(writer: ArrayWriter, field: str, found: _Texts, number: int, articles: int) -> None:
    lengths = [0] * articles
    own = found.of_field(number, articles)
    for owner, length in zip(found.owners[own], found.lengths[own], strict=True):
        lengths[owner - number * articles] += length
    _numbers(writer, f"{field}_length", lengths)


def _postings(writer: ArrayWriter, found: _Texts, ranks: NDArray[np.uint32], forms: int, articles: int) -> None:
    """Write the postings of all fields."""
    keys = ranks[found.tokens.forms].astype(np.int64) << 32 | found.tokens.positions
    keys.sort()
    form, positions = keys >> 32, keys & 0xFFFFFFFF
    lengths = found.tokens.lengths
    text = np.arange(len(lengths)).repeat(lengths + 1)[positions]
    owner = np.array(found.owners, np.int64)[text]
    positions -= np.array(found.bases, np.int64)[text]
    begins, inside = _changing(form, owner), _changing(form, text)
    kind = article_type(articles)
    for number, name in enumerate(FIELDS):
        own = ((owner >= number * articles) & (owner < (number + 1) * articles)).nonzero()[0]
        firsts = begins[own].nonzero()[0]
        writer.add(f"{name}_at", places_of(np.bincount(form[own[firsts]], minlength=forms)))
        writer.add(f"{name}_articles", (owner[own[firsts]] - number * articles).astype(kind))
        writer.add(f"{name}_counts", smallest(_until(firsts, len(own))))
        writer.add(f"{name}_positions_at", places_of(np.bincount(form[own], minlength=forms)))
        writer.add(f"{name}_positions", smallest(positions[own]))
        if name == "text":
            texts = inside[own].nonzero()[0]
            best = _until(texts, len(own))
            if len(best):
                best = np.maximum.reduceat(best, begins[own[texts]].nonzero()[0])
            writer.add("text_best", smallest(best))


def _changing(form: Numbers, other: Numbers) -> NDArray[np.bool_]:
    """Where the form is another than before, or the other thing."""
    new = np.ones(len(form), bool)
    new[1:] = (form[1:] != form[:-1]) | (other[1:] != other[:-1])
    return new


def _until(firsts: Numbers, end: int) -> Numbers:
    """How much lies from each place to the next, and from the last to the end."""
    sizes = -firsts
    sizes[:-1] += firsts[1:]
    sizes[-1:] += end
    return sizes


def _strings(writer: ArrayWriter, name: str, values: Sequence[bytes]) -> None:
    writer.put(name, "|u1", b"".join(values))
    _places(writer, f"{name}_at", values)


def _places(writer: ArrayWriter, name: str, things: Iterable[Sized]) -> None:
    """Where each of some things begins, and where the last ends."""
    places = list(accumulate(map(len, things), initial=0))
    writer.put(name, *packed(places, places[-1]))


def _numbers(writer: ArrayWriter, name: str, values: Sequence[int]) -> None:
    writer.put(name, *packed(values, max(values, default=0)))
