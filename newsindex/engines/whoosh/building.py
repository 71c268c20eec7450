"""Documents to the file of a segment."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence, Sized
from itertools import chain, repeat
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.base import Document
from newsindex.engines.whoosh.arrays import ArrayWriter, Directory, smallest
from newsindex.engines.whoosh.dictionary import places_of, ranked, write_dictionary
from newsindex.engines.whoosh.inversion import FieldTokens, lengths_of_articles, places, postings
from newsindex.engines.whoosh.layout import LABELS, article_type, key_hash, numbers
from newsindex.engines.whoosh.lexicon import Lexicon, Numbers, joined
from newsindex.engines.whoosh.rows import Row, prepared
from newsindex.engines.whoosh.small import SMALL, small_segment
from newsindex.ranking import FIELDS

#: So many bytes of texts are cut at a time: what they need fits into the caches.
_BATCH: Final = 1 << 19


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

    def build(self, path: Path | str, *, whole: bool = False) -> Directory:
        """Write what was added, in that order, to a new file. Where that fails, the builder is empty. OSError.

        whole: all of it, however much memory that takes. Otherwise texts of very many different words are left for the
        next segment, and the builder is not empty.
        """
        small = self.characters <= SMALL
        rows = deque(self.take())
        writer = ArrayWriter(path)
        try:
            if small:
                return small_segment(writer, self._lexicon, list(rows))
            written = _Build(writer, self._lexicon, rows, whole).run()
            for row in rows:
                self.add_row(row)
            return written
        except BaseException:
            writer.abort()
            raise
        finally:
            self._lexicon.forget()


class _Build:
    """The writing of one segment: rows are taken away as they are read, all of them or until the lexicon is full."""

    def __init__(self, writer: ArrayWriter, lexicon: Lexicon, rows: deque[Row], whole: bool) -> None:
        self._writer = writer
        self._whole = whole
        self._lexicon = lexicon
        self._rows = rows
        self._tokens = {field: FieldTokens() for field in FIELDS}
        #: How many texts of each field the articles have.
        self._counts: dict[str, list[int]] = {field: [] for field in FIELDS}
        self._heads: list[Row] = []
        self._sizes = np.empty(0, np.int64)

    def run(self) -> Directory:
        self._texts()
        self._articles()
        self._labels()
        self._paragraphs()
        languages = sorted({row.language for row in self._heads})
        meta = {"articles": len(self._heads), "paragraphs": len(self._sizes), "languages": languages}
        for field in ("title", "summary", "tags"):
            self._take(field, self._heads)
        self._heads.clear()
        used, ranks = ranked(self._lexicon, chain(*self._tokens.values()))
        write_dictionary(self._writer, self._lexicon, used, ranks)
        for field in FIELDS:
            self._postings(field, ranks, len(used))
        return self._writer.close(meta)

    def _texts(self) -> None:
        """Write the texts, keep their tokens, and the rest of the rows."""
        self._writer.reserve("paragraph", "u1", sum(row.text_size for row in self._rows))
        sizes: list[NDArray[np.int64]] = []
        while self._rows and (self._whole or not sizes or not self._lexicon.is_full):
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
        self._writer.end("paragraph")
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
        writer.add("first_paragraph", places_of(numbers(self._counts["text"], "i8")))

    def _labels(self) -> None:
        for at, kind in enumerate(LABELS):
            own = [row.labels[at] for row in self._heads]
            names = sorted(set(chain(*own)))
            place = {name: at for at, name in enumerate(names)}
            self._strings(f"{kind}_names", [name.encode(errors="surrogatepass") for name in names])
            self._writer.add(f"{kind}_at", places_of(_sizes(own)))
            self._writer.add(f"{kind}_values", smallest(numbers(list(map(place.__getitem__, chain(*own))), "i8")))

    def _paragraphs(self) -> None:
        rows, writer = self._heads, self._writer
        writer.add("paragraph_at", places_of(self._sizes))
        data, sizes = joined(list(chain(*(row.anchors for row in rows))))
        writer.add("anchor", np.frombuffer(data, np.uint8))
        writer.add("anchor_at", places_of(sizes))
        writer.add("paragraph_number", smallest(numbers(list(chain(*(row.numbers for row in rows))), "i8")))
        writer.add("paragraph_kind", smallest(np.frombuffer(b"".join([row.kinds for row in rows]), np.uint8)))

    def _postings(self, field: str, ranks: NDArray[np.uint32], forms: int) -> None:
        tokens, texts = self._tokens.pop(field), np.array(self._counts.pop(field), np.int64)
        lengths = tokens.lengths
        where = places(lengths, texts)
        self._writer.add(f"{field}_length", smallest(lengths_of_articles(lengths, texts)))
        if field == "text":
            self._writer.add("paragraph_start", smallest(where.at - where.base))
            self._writer.add("paragraph_length", smallest(lengths))
        kind = article_type(len(texts))
        for name, values in postings(field, tokens.keys(ranks), forms, kind, where, lengths):
            self._writer.add(name, values)

    def _strings(self, name: str, values: list[bytes]) -> None:
        self._writer.add(name, np.frombuffer(b"".join(values), np.uint8))
        self._writer.add(f"{name}_at", places_of(_sizes(values)))


def _sizes(values: Sequence[Sized]) -> Numbers:
    return np.fromiter(map(len, values), np.int64, len(values))
