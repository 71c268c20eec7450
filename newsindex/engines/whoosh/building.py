"""Documents to the file of a segment."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence, Sized
from itertools import chain, repeat
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newsindex.analysis import stemming_language
from newsindex.engines.base import Document
from newsindex.engines.whoosh.arrays import Array, ArrayWriter, smallest
from newsindex.engines.whoosh.inversion import FieldTokens, lengths_of_articles, places, postings
from newsindex.engines.whoosh.layout import LABELS, NEVER, UNDATED, key_hash, numbers
from newsindex.engines.whoosh.lexicon import Lexicon, Names, Numbers, joined
from newsindex.engines.whoosh.records import KINDS, encoded_article, number
from newsindex.exceptions import ContractError
from newsindex.ranking import FIELDS

#: So many bytes of texts are cut at a time: what they need fits into the caches.
_BATCH: Final = 1 << 19
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


class SegmentBuilder:
    """Collects documents and writes segments of them. No two of them have the same key at a time."""

    def __init__(self, lexicon: Lexicon) -> None:
        """lexicon: serves one builder at a time, and many one after the other."""
        self._lexicon = lexicon
        self._rows: dict[str, Row] = {}
        #: Of what is buffered, in bytes of UTF-8: what a builder needs goes by the bytes in any script.
        self.characters = 0
        self.paragraphs = 0

    @property
    def articles(self) -> int:
        return len(self._rows)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def add(self, document: Document) -> None:
        """Take a document. Raises as ``prepared`` does, and has changed nothing then."""
        self.add_row(prepared(document))

    def add_row(self, row: Row) -> None:
        if row.key in self._rows:
            raise ValueError(f"{row.key} is buffered; remove it first.")
        self._rows[row.key] = row
        self.characters += row.size
        self.paragraphs += len(row.text)

    def remove(self, key: str) -> bool:
        """Drop a document; False where it was not there."""
        row = self._rows.pop(key, None)
        if row is not None:
            self.characters -= row.size
            self.paragraphs -= len(row.text)
        return row is not None

    def take(self) -> list[Row]:
        """What was added, in that order. The builder is empty then."""
        rows = list(self._rows.values())
        self._rows = {}
        self.characters = self.paragraphs = 0
        return rows

    def build(self, path: Path) -> None:
        """Write what was added, in that order, to a new file, and be empty, whatever happens. OSError."""
        rows = deque(self.take())
        writer = ArrayWriter(path)
        try:
            _Build(writer, self._lexicon, rows).run()
        except BaseException:
            writer.abort()
            raise
        finally:
            self._lexicon.forget()


class _Build:
    """The writing of one segment: rows are taken away as they are read."""

    def __init__(self, writer: ArrayWriter, lexicon: Lexicon, rows: deque[Row]) -> None:
        self._writer = writer
        self._lexicon = lexicon
        self._rows = rows
        self._tokens = {field: FieldTokens() for field in FIELDS}
        #: How many texts of each field the articles have.
        self._counts: dict[str, list[int]] = {field: [] for field in FIELDS}
        self._heads: list[Row] = []
        self._sizes = np.empty(0, np.int64)

    def run(self) -> None:
        self._texts()
        self._articles()
        self._labels()
        self._paragraphs()
        languages = sorted({row.language for row in self._heads})
        meta = {"articles": len(self._heads), "paragraphs": len(self._sizes), "languages": languages}
        for field in ("title", "summary", "tags"):
            self._take(field, self._heads)
        self._heads.clear()
        used, ranks = self._ranked()
        self._dictionary(used, ranks)
        for field in FIELDS:
            self._postings(field, ranks, len(used))
        self._writer.close(meta)

    def _texts(self) -> None:
        """Write the texts, keep their tokens, and the rest of the rows."""
        self._writer.reserve("paragraph", "u1", sum(row.text_size for row in self._rows))
        sizes = []
        while self._rows:
            batch: list[Row] = []
            size = 0
            while self._rows and size < _BATCH:
                batch.append(self._rows.popleft())
                size += batch[-1].text_size
            self._take("text", batch)
            data, own = joined([text for row in batch for text in row.text])
            self._writer.append("paragraph", np.frombuffer(data, np.uint8))
            sizes.append(own)
            self._heads += [row._replace(text=()) for row in batch]
        self._sizes = np.concatenate([np.empty(0, np.int64), *sizes])

    def _take(self, field: str, rows: Sequence[Row]) -> None:
        """Keep the tokens of a field of the next rows."""
        own: list[tuple[str, ...]] = [getattr(row, field) for row in rows]
        counts = [len(texts) for texts in own]
        languages = chain(*(repeat(row.language, count) for row, count in zip(rows, counts, strict=True)))
        self._tokens[field].append(self._lexicon.tokens(list(chain(*own)), list(languages)))
        self._counts[field] += counts

    def _articles(self) -> None:
        rows, writer = self._heads, self._writer
        self._strings("key", [row.key.encode(errors="surrogatepass") for row in rows])
        hashes = numbers([key_hash(row.key) for row in rows], "u8")
        order = np.argsort(hashes, kind="stable")
        writer.add("key_hash", hashes[order])
        writer.add("key_order", smallest(order))
        self._strings("record", [row.record for row in rows])
        writer.add("published", numbers([row.published for row in rows], "i8"))
        writer.add("expires", numbers([row.expires for row in rows], "i8"))
        writer.add("boost", np.array([row.boost for row in rows], np.float64))
        writer.add("first_paragraph", _places(numbers(self._counts["text"], "i8")))

    def _labels(self) -> None:
        for at, kind in enumerate(LABELS):
            own = [row.labels[at] for row in self._heads]
            names = sorted(set(chain(*own)))
            place = {name: at for at, name in enumerate(names)}
            self._strings(f"{kind}_names", [name.encode(errors="surrogatepass") for name in names])
            self._writer.add(f"{kind}_at", _places(_sizes(own)))
            self._writer.add(f"{kind}_values", smallest(numbers(list(map(place.__getitem__, chain(*own))), "i8")))

    def _paragraphs(self) -> None:
        rows, writer = self._heads, self._writer
        writer.add("paragraph_at", _places(self._sizes))
        data, sizes = joined(list(chain(*(row.anchors for row in rows))))
        writer.add("anchor", np.frombuffer(data, np.uint8))
        writer.add("anchor_at", _places(sizes))
        writer.add("paragraph_number", smallest(numbers(list(chain(*(row.numbers for row in rows))), "i8")))
        writer.add("paragraph_kind", smallest(np.frombuffer(b"".join([row.kinds for row in rows]), np.uint8)))

    def _ranked(self) -> tuple[Numbers, NDArray[np.uint32]]:
        """The forms of the segment in the order of their keys, and the place of each known form in this order."""
        known = len(self._lexicon.forms)
        mask = np.zeros(known, bool)
        for forms in chain(*self._tokens.values()):
            mask[forms] = True
        used = self._lexicon.forms.ordered(np.flatnonzero(mask))
        # Only the places of forms that are used are ever read.
        ranks = np.empty(known, np.uint32)
        ranks[used] = np.arange(len(used), dtype=np.uint32)
        return used, ranks

    def _dictionary(self, used: Numbers, ranks: NDArray[np.uint32]) -> None:
        lexicon = self._lexicon
        self._names("form", lexicon.forms, used)
        sizes, letters = lexicon.words()
        self._writer.add("form_size", smallest(sizes[used]))
        self._writer.add("form_letters", letters[used])
        others = _marked(used, len(lexicon.forms))[lexicon.other_forms.values]
        forms = np.concatenate((used, lexicon.other_forms.values[others]))
        stems = np.concatenate((lexicon.stem.values[used], lexicon.other_stems.values[others])).astype(np.int64)
        ordered = lexicon.stems.ordered(np.flatnonzero(_marked(stems, len(lexicon.stems))))
        self._names("stem", lexicon.stems, ordered)
        places_of_stems = np.empty(len(lexicon.stems), np.int64)
        places_of_stems[ordered] = np.arange(len(ordered))
        pairs = np.sort(places_of_stems[stems] << 32 | ranks[forms])
        self._writer.add("stem_forms_at", _places(np.bincount(pairs >> 32, minlength=len(ordered))))
        self._writer.add("stem_forms", smallest(pairs & 0xFFFFFFFF))

    def _postings(self, field: str, ranks: NDArray[np.uint32], forms: int) -> None:
        tokens, texts = self._tokens.pop(field), np.array(self._counts.pop(field), np.int64)
        lengths = tokens.lengths
        where = places(lengths, texts)
        self._writer.add(f"{field}_length", smallest(lengths_of_articles(lengths, texts)))
        if field == "text":
            self._writer.add("paragraph_start", smallest(where.at - where.base))
            self._writer.add("paragraph_length", smallest(lengths))
        for name, values in postings(field, tokens.keys(ranks), forms, where, lengths):
            self._writer.add(name, values)

    def _names(self, name: str, known: Names, used: Numbers) -> None:
        self._writer.add(name, np.frombuffer(b"".join([known.names[number] for number in used.tolist()]), np.uint8))
        self._writer.add(f"{name}_at", _places(known.sizes[used]))

    def _strings(self, name: str, values: list[bytes]) -> None:
        self._writer.add(name, np.frombuffer(b"".join(values), np.uint8))
        self._writer.add(f"{name}_at", _places(_sizes(values)))


def _places(sizes: Array) -> Array:
    """Where each begins of things of these sizes, and where the last ends."""
    return smallest(np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64))))


def _sizes(values: Sequence[Sized]) -> Numbers:
    return np.fromiter(map(len, values), np.int64, len(values))


def _marked(places: Numbers, size: int) -> NDArray[np.bool_]:
    mask = np.zeros(size, bool)
    mask[places] = True
    return mask
