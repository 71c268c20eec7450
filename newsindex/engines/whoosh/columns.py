"""Columns: what is known of every article, and of the length of every paragraph, as arrays.

They are read once for a segment, which never changes, and joined for a snapshot. An article's number, its ordinal,
counts the heads in the order of documents.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from newsindex.analysis import keyword, stemming_language
from newsindex.engines.whoosh.records import ArticleRecord
from newsindex.exceptions import IndexDamaged
from newsindex.ranking import FIELDS

Ints = NDArray[np.int64]
Ordinals = NDArray[np.int32]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Number = TypeVar("Number", bound=np.generic)

#: Stand for no date: earlier than all for ``published``, later than all for ``expires``.
UNDATED: Final = np.iinfo(np.int64).min
NEVER: Final = np.iinfo(np.int64).max
#: What articles have any number of.
LABELS: Final = ("tag", "author", "section", "audience", "source")


@dataclass(frozen=True)
class Labels:
    """Which article has which values.

    names: the values, each once. articles, values: pairs of an ordinal and a place in ``names``, each pair once, in
    order of ordinals.
    """

    names: tuple[str, ...]
    articles: Ordinals
    values: Ordinals

    def having(self, wanted: Collection[str], size: int) -> Mask:
        """Which of ``size`` articles have one of the values that are wanted."""
        chosen = np.fromiter((name in wanted for name in self.names), bool, len(self.names))
        mask = np.zeros(size, bool)
        mask[self.articles[chosen[self.values]]] = True
        return mask

    def keyed(self) -> Labels:
        """The same by ``analysis.keyword``: spellings of one value made one, values without a keyword left out."""
        keys = [keyword(name) for name in self.names]
        names = tuple(dict.fromkeys(key for key in keys if key))
        place = {name: at for at, name in enumerate(names)}
        merged = np.fromiter((place.get(key, -1) for key in keys), np.int32, len(keys))[self.values]
        pairs = np.unique(np.stack([self.articles[merged >= 0], merged[merged >= 0]], axis=1), axis=0)
        return Labels(names, pairs[:, 0], pairs[:, 1])


@dataclass(frozen=True)
class Columns:
    """The columns of a segment or of a snapshot.

    heads: document number of each article. article_of: ordinal for each document. paragraph_length: positions, for
    each document, 0 for heads. lengths: by field, positions, for each article. published, expires: microseconds since
    1970. languages: all languages of ``stemming_language`` that occur.
    """

    keys: tuple[str, ...]
    versions: tuple[str, ...]
    titles: tuple[str, ...]
    heads: Ints
    article_of: Ordinals
    paragraph_length: Floats
    lengths: dict[str, Floats]
    published: Ints
    expires: Ints
    boost: Floats
    languages: frozenset[str]
    labels: dict[str, Labels]

    @property
    def articles(self) -> int:
        return len(self.keys)

    @property
    def documents(self) -> int:
        return len(self.article_of)


def read_columns(record_at: Callable[[int], ArticleRecord | None], documents: int) -> Columns:
    """The columns of a segment. record_at: the record of the head with a document number, None for a paragraph."""
    heads: list[int] = []
    records: list[ArticleRecord] = []
    at = 0
    while at < documents:
        record = record_at(at)
        if record is None or at + len(record.paragraphs) >= documents:
            raise IndexDamaged(f"Document {at} of {documents} is not the head of a whole article.")
        heads.append(at)
        records.append(record)
        at += 1 + len(record.paragraphs)
    return _columns(records, np.array(heads, np.int64), documents)


def _columns(records: Sequence[ArticleRecord], heads: Ints, documents: int) -> Columns:
    sizes = np.array([1 + len(record.paragraphs) for record in records], np.int64)
    paragraph_length = np.zeros(documents)
    for head, record in zip(heads.tolist(), records, strict=True):
        paragraph_length[head + 1 : head + 1 + len(record.paragraphs)] = [size for _, size in record.paragraphs]
    lengths = [(*record.lengths, sum(size for _, size in record.paragraphs)) for record in records]
    return Columns(
        keys=tuple(record.key for record in records),
        versions=tuple(record.version for record in records),
        titles=tuple(record.title for record in records),
        heads=heads,
        article_of=np.repeat(np.arange(len(records), dtype=np.int32), sizes),
        paragraph_length=paragraph_length,
        lengths={name: np.array([size[at] for size in lengths], float) for at, name in enumerate(FIELDS)},
        published=np.array([UNDATED if r.published is None else r.published for r in records], np.int64),
        expires=np.array([NEVER if r.expires is None else r.expires for r in records], np.int64),
        boost=np.array([record.boost for record in records], float),
        languages=frozenset(stemming_language(record.language) for record in records),
        labels=_labels(records),
    )


def _labels(records: Sequence[ArticleRecord]) -> dict[str, Labels]:
    return {
        "tag": labelled(record.tags for record in records),
        "author": labelled(record.authors for record in records),
        "section": labelled((record.section,) for record in records),
        "audience": labelled(record.audiences for record in records),
        "source": labelled((record.key.partition(":")[0],) for record in records),
    }


def labelled(values: Iterable[Sequence[str]]) -> Labels:
    """Labels from the values of each article."""
    names: dict[str, int] = {}
    articles: list[int] = []
    places: list[int] = []
    for ordinal, own in enumerate(values):
        for value in dict.fromkeys(own):
            articles.append(ordinal)
            places.append(names.setdefault(value, len(names)))
    return Labels(tuple(names), np.array(articles, np.int32), np.array(places, np.int32))


def joined(parts: Sequence[Columns]) -> Columns:
    """The columns of several segments as one: documents and ordinals count on from one to the next."""
    if len(parts) == 1:
        return parts[0]
    documents = _starts([part.documents for part in parts])
    articles = _starts([part.articles for part in parts])
    return Columns(
        keys=tuple(key for part in parts for key in part.keys),
        versions=tuple(version for part in parts for version in part.versions),
        titles=tuple(title for part in parts for title in part.titles),
        heads=_concatenated([p.heads + start for p, start in zip(parts, documents, strict=True)], np.int64),
        article_of=_concatenated([p.article_of + start for p, start in zip(parts, articles, strict=True)], np.int32),
        paragraph_length=_concatenated([part.paragraph_length for part in parts], np.float64),
        lengths={name: _concatenated([part.lengths[name] for part in parts], np.float64) for name in FIELDS},
        published=_concatenated([part.published for part in parts], np.int64),
        expires=_concatenated([part.expires for part in parts], np.int64),
        boost=_concatenated([part.boost for part in parts], np.float64),
        languages=frozenset(language for part in parts for language in part.languages),
        labels={kind: _joined_labels([part.labels[kind] for part in parts], articles) for kind in LABELS},
    )


def _joined_labels(parts: Sequence[Labels], starts: Sequence[int]) -> Labels:
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    place = {name: at for at, name in enumerate(names)}
    values = [np.array([place[name] for name in part.names], np.int32)[part.values] for part in parts]
    articles = [part.articles + start for part, start in zip(parts, starts, strict=True)]
    return Labels(names, _concatenated(articles, np.int32), _concatenated(values, np.int32))


def _starts(sizes: Sequence[int]) -> list[int]:
    return [sum(sizes[:at]) for at in range(len(sizes))]


def _concatenated(arrays: Sequence[NDArray[Number]], kind: type[Number]) -> NDArray[Number]:
    # The type is named for the case of no arrays.
    return np.concatenate([np.empty(0, kind), *arrays]).astype(kind, copy=False)
