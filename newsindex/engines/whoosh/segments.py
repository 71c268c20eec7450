"""A segment: some articles in one file that is written once. Whatever is asked is read in place."""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.base import Document
from newsindex.engines.whoosh.arrays import Array, ArrayFile, Directory, ascending
from newsindex.engines.whoosh.labels import Labels
from newsindex.engines.whoosh.layout import Strings, key_hash, stem_key
from newsindex.engines.whoosh.records import KINDS, ArticleRecord, decoded_article, document
from newsindex.engines.whoosh.storage import reading
from newsindex.exceptions import IndexDamaged
from newsindex.paragraphs import Paragraph

#: So many positions for each word of a tag would be no segment of ours: there is no memory to be taken for them.
MOST_PLACES: Final = 1_000


@dataclass(frozen=True, slots=True)
class PostingList:
    """Where a form stands in a field of a segment. See layout.py.

    articles: ascending, each once. counts: how often in each. positions: of all, one article after the other. best:
    the most in one paragraph of each, None but for "text".
    """

    articles: Array
    counts: Array
    positions: Array
    best: Array | None


@dataclass(frozen=True, slots=True)
class FieldPostings:
    """The postings of a field of a segment: where those of each form begin, and the names of the arrays that hold them.

    best: None but for "text".
    """

    at: memoryview
    positions_at: memoryview
    articles: str
    counts: str
    best: str | None
    positions: str


class Segment:
    """One segment. Shared by threads. Its methods raise IndexDamaged where what they read makes no sense."""

    def __init__(self, path: Path | str, written: Directory | None = None) -> None:
        """IndexDamaged where the file can't be read; the cause is FileNotFoundError where it is gone.

        written: as for ArrayFile.
        """
        self.id = os.path.basename(path)
        self.file = ArrayFile(path, written)
        self._boundary = reading(f"segment {self.id}")
        with self._boundary:
            self.articles = int(self.file.meta["articles"])
            self.paragraphs = int(self.file.meta["paragraphs"])
            self.languages: tuple[str, ...] = tuple(self.file.meta["languages"])
            self.forms = Strings(self.file, "form")
            self.stems = Strings(self.file, "stem")
            self._keys = Strings(self.file, "key")
            self._records = Strings(self.file, "record")
            self._texts = Strings(self.file, "paragraph")
            self._anchors = Strings(self.file, "anchor")

    def __getitem__(self, name: str) -> Array:
        """An array of the file, by the names of layout.py."""
        return self.file[name]

    def find(self, key: str) -> int | None:
        """The article with this key, deleted or not; of several the last."""
        hashes, hashed = self._hashes, key_hash(key)
        # Python's own search: for one value, numpy's takes longer to be called.
        first = bisect_left(hashes, hashed)
        if first == len(hashes) or hashes[first] != hashed:
            return None
        with self._boundary:
            order = self.file["key_order"][first : bisect_right(hashes, hashed, first)]
            return max((int(at) for at in order if self.key(int(at)) == key), default=None)

    @cached_property
    def _hashes(self) -> memoryview:
        return memoryview(self.file["key_hash"])

    def key(self, article: int) -> str:
        """The key of an article."""
        try:
            return self._keys[article].decode(errors="surrogatepass")
        except (IndexError, ValueError) as error:
            # Asked for each article of a list, so not through the slower boundary of the other methods.
            raise damaged(self, f"the key of article {article} can't be read ({error}).") from error

    def record(self, article: int) -> ArticleRecord:
        with self._boundary:
            return decoded_article(self._records[article])

    def paragraphs_of(self, article: int) -> tuple[int, int]:
        """The numbers of the first of its paragraphs and of the one after the last."""
        first = self.file["first_paragraph"]
        return int(first[article]), int(first[article + 1])

    def paragraph(self, number: int) -> Paragraph:
        with self._boundary:
            return Paragraph(
                int(self.file["paragraph_number"][number]),
                self._anchors[number].decode(),
                KINDS[self.file["paragraph_kind"][number]],
                self._texts[number].decode(errors="surrogatepass"),
            )

    def text(self, number: int) -> str:
        """The text of a paragraph."""
        try:
            return self._texts[number].decode(errors="surrogatepass")
        except (IndexError, ValueError) as error:
            # As in ``key``.
            raise damaged(self, f"the text of paragraph {number} can't be read ({error}).") from error

    def document(self, article: int) -> Document:
        """The whole Document of an article."""
        with self._boundary:
            return document(
                self.key(article),
                self.record(article),
                int(self.file["published"][article]),
                int(self.file["expires"][article]),
                float(self.file["boost"][article]),
                [self.paragraph(number) for number in range(*self.paragraphs_of(article))],
            )

    def labels(self, kind: str) -> Labels:
        """The values of a kind of LABELS."""
        found: Labels | None = self._labels.get(kind)
        if found is None:
            with self._boundary:
                spelt = Strings(self.file, f"{kind}_names")
                names = tuple(spelt[number].decode(errors="surrogatepass") for number in range(len(spelt)))
                at = ascending(self.file[f"{kind}_at"], f"{kind}_at")
                found = self._labels[kind] = Labels(names, at, self.file[f"{kind}_values"])
        return found

    @cached_property
    def _labels(self) -> dict[str, Labels]:
        return {}

    @cached_property
    def tag_starts(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The positions at which the tags of each article begin: those of article a are [1][[0][a]:[0][a + 1]].

        They are not in the file: a position that is free is taken by no form.
        """
        with self._boundary:
            positions = self["tags_positions"].astype(np.intp)
            counts = self["tags_counts"]
            if int(counts.sum()) != len(positions):
                raise ValueError("its tags have other positions than they count")
            articles = self["tags_articles"].repeat(counts)
            sizes = np.zeros(self.articles, np.intp)
            np.maximum.at(sizes, articles, positions + 1)
            if int(sizes.sum()) > MOST_PLACES * (len(positions) + MOST_PLACES):
                raise ValueError("its tags have positions far beyond their words")
            # One place before each article stays free, too.
            heads = (sizes + 1).cumsum() - sizes
            taken = np.zeros(int(sizes.sum()) + self.articles + 1, bool)
            taken[heads[articles] + positions] = True
            starts = np.flatnonzero(taken[1:] > taken[:-1]) + 1
            at = np.append(starts.searchsorted(heads), len(starts))
            return at, starts - heads.repeat(np.diff(at))

    def field(self, name: str) -> FieldPostings:
        """The postings of a field of FIELDS."""
        found: FieldPostings | None = self._fields.get(name)
        if found is None:
            with self._boundary:
                found = self._fields[name] = FieldPostings(
                    memoryview(ascending(self.file[f"{name}_at"], f"{name}_at")),
                    memoryview(ascending(self.file[f"{name}_positions_at"], f"{name}_positions_at")),
                    f"{name}_articles",
                    f"{name}_counts",
                    "text_best" if name == "text" else None,
                    f"{name}_positions",
                )
        return found

    @cached_property
    def _fields(self) -> dict[str, FieldPostings]:
        return {}

    def keys(self, articles: Iterable[int]) -> list[str]:
        """The keys of some articles, at less cost than one by one."""
        try:
            return [key.decode(errors="surrogatepass") for key in self._keys.some(articles)]
        except (IndexError, ValueError) as error:
            raise damaged(self, f"the keys of its articles can't be read ({error}).") from error

    def forms_of(self, stem: str, language: str) -> NDArray[np.uint32]:
        """The forms that are found by a stem of a language, ascending."""
        return self.forms_found_by(stem_key(stem, language))

    def forms_found_by(self, stem: bytes) -> NDArray[np.uint32]:
        """The forms that are found by a stem, spelt as ``stem_key`` does, ascending."""
        with self._boundary:
            at = self.stems.find(stem)
            if at is None:
                return np.empty(0, np.uint32)
            first, end = self.file["stem_forms_at"][at : at + 2]
            return cast("NDArray[np.uint32]", self.file["stem_forms"][first:end].astype(np.uint32))

    def forms_with(self, prefix: bytes) -> tuple[int, int]:
        """The first form whose key begins with ``prefix``, and the one after the last."""
        with self._boundary:
            return self.forms.place(prefix), self.forms.place(prefix + b"\xff")

    def postings(self, field: str, form: int) -> PostingList:
        """Where a form stands in a field."""
        file = self.file
        with self._boundary:
            first, end = (int(at) for at in file[f"{field}_at"][form : form + 2])
            begin, stop = (int(at) for at in file[f"{field}_positions_at"][form : form + 2])
            return PostingList(
                file.part(f"{field}_articles", first, end),
                file.part(f"{field}_counts", first, end),
                file.part(f"{field}_positions", begin, stop),
                file.part("text_best", first, end) if field == "text" else None,
            )


def damaged(segment: Segment, what: str) -> IndexDamaged:
    """What to raise where a segment contradicts itself."""
    return IndexDamaged(f"Segment {segment.id}: {what} Make a new index with: manage.py newsindex_rebuild")
