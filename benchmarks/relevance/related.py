"""How good related articles are: whether what is shown beside an article is about what the article is about.

``python -m benchmarks.relevance.related --corpora FOLDER``: the collection ``reuters21578``, whose editors gave each
story its topics. They are not indexed. An article is drawn, and of the first five articles that a method puts beside it
and that have topics at all, it is counted how many have one in common with it.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import ClassVar, Final

from benchmarks.relevance.collections import Collection, Text, collections
from newsindex.engines.base import EVERYTHING, Document, versioned
from newsindex.engines.whoosh.engine import WhooshEngine
from newsindex.paragraphs import from_plain

#: How many articles are asked about, how many are shown beside each, and how many a method may name.
ASKED: Final = 300
SHOWN: Final = 5
NAMED: Final = 20


class Method(ABC):
    """A way to name articles like another. texts: all there are, by their place."""

    label: ClassVar[str]

    def __init__(self, texts: Sequence[Text], place: Path) -> None:
        self.texts = texts
        self.place = place
        self.build()

    def build(self) -> None:  # noqa: B027
        """Index the texts."""

    @abstractmethod
    def like(self, number: int) -> list[int]:
        """The places of at most NAMED texts like the one at ``number``, best first, without it."""


class NewsIndex(Method):
    """``Engine.related``."""

    label = "newsindex"

    def build(self) -> None:
        self._engine = WhooshEngine(path=self.place)
        build = self._engine.rebuild()
        with build.writer() as writer:
            for number, text in enumerate(self.texts):
                writer.put(versioned(_document(number, text)))
        with build.exclusive():
            build.swap()

    def like(self, number: int) -> list[int]:
        now = datetime.now(timezone.utc)
        hits = self._engine.related(f"benchmark.text:{number}", now=now, audiences=EVERYTHING, limit=NAMED)
        return [int(hit.pk) for hit in hits]


class StockWhoosh(Method):
    """Whoosh's own ``more_like``, as it comes, with its StemmingAnalyzer."""

    label = "Whoosh 2.7.4, more_like"

    def build(self) -> None:
        from whoosh.analysis import StemmingAnalyzer
        from whoosh.fields import STORED, TEXT, Schema
        from whoosh.filedb.filestore import RamStorage

        schema = Schema(number=STORED, text=TEXT(analyzer=StemmingAnalyzer(), vector=None, stored=True))
        index = RamStorage().create_index(schema)
        writer = index.writer(limitmb=512)
        for number, text in enumerate(self.texts):
            writer.add_document(number=number, text=_flat(text))
        writer.commit()
        self._searcher = index.searcher()

    def like(self, number: int) -> list[int]:
        found = self._searcher.more_like(number, "text", top=NAMED + 1)
        return [hit["number"] for hit in found if hit["number"] != number]


class Cosine(Method):
    """tf-idf and the cosine, over the whole texts: no index, all articles are looked at."""

    label = "tf-idf cosine"

    def build(self) -> None:
        import numpy as np
        from scipy.sparse import csr_matrix, diags
        from whoosh.analysis import StemmingAnalyzer

        analyzer = StemmingAnalyzer()
        vocabulary: dict[str, int] = {}
        rows, columns = [], []
        for number, text in enumerate(self.texts):
            for token in analyzer(_flat(text)):
                rows.append(number)
                columns.append(vocabulary.setdefault(token.text, len(vocabulary)))
        counts = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(self.texts), len(vocabulary)))
        counts.sum_duplicates()
        having = np.bincount(counts.indices, minlength=len(vocabulary))
        counts.data = 1 + np.log(counts.data)
        weighed = counts @ diags(np.log(len(self.texts) / having))
        lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
        self._vectors = (diags(1 / np.maximum(lengths, 1e-9)) @ weighed).tocsr()

    def like(self, number: int) -> list[int]:
        scores = (self._vectors @ self._vectors[number].T).toarray().ravel()
        return [int(found) for found in (-scores).argsort()[: NAMED + 1] if found != number]


class Chance(Method):
    """Any articles."""

    label = "random"

    def like(self, number: int) -> list[int]:
        return random.Random(number).sample(range(len(self.texts)), NAMED)


METHODS: Final = (NewsIndex, StockWhoosh, Cosine, Chance)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True, help="Where the folder reuters21578 is.")
    parser.add_argument("--texts", type=int, help="Only so many, the oldest (all).")
    options = parser.parse_args()
    (collection,) = list(collections(options.corpora, frozenset({"reuters21578 topics"})))
    collection = replace(collection, texts=collection.texts[: options.texts])
    topics = topics_of(collection)
    asked = sorted(topics)
    random.Random(1).shuffle(asked)
    print("| method | share with a topic in common | the first one has | CPU, ms |\n|---|---|---|---|")
    for kind in METHODS:
        with tempfile.TemporaryDirectory() as place:
            method = kind(collection.texts, Path(place) / "index")
            began = time.process_time()
            share, first = measured(method, topics, asked[:ASKED])
            took = (time.process_time() - began) / len(asked[:ASKED]) * 1_000
            print(f"| {method.label} | {share:.3f} | {first:.3f} | {took:.1f} |", flush=True)


def topics_of(collection: Collection) -> dict[int, frozenset[str]]:
    """The topics of the texts that have any, by place."""
    places = {text.id: number for number, text in enumerate(collection.texts)}
    found: dict[int, set[str]] = defaultdict(set)
    for topic, texts in collection.judgments.items():
        for text, grade in texts.items():
            if grade > 0 and text in places:
                found[places[text]].add(topic)
    return {number: frozenset(own) for number, own in found.items()}


def measured(method: Method, topics: dict[int, frozenset[str]], asked: Sequence[int]) -> tuple[float, float]:
    """The share of what is shown that has a topic in common with what was asked about, and that of the first ones."""
    shared, shown, first = 0, 0, 0
    for number in asked:
        known = [found for found in method.like(number) if found in topics][:SHOWN]
        agreeing = [bool(topics[found] & topics[number]) for found in known]
        shown += len(agreeing)
        shared += sum(agreeing)
        first += bool(agreeing) and agreeing[0]
    return shared / max(1, shown), first / max(1, len(asked))


def _document(number: int, text: Text) -> Document:
    paragraphs = tuple(paragraph for part in text.paragraphs for paragraph in from_plain(part))
    return Document(f"benchmark.text:{number}", text.title, paragraphs, language=text.language)


def _flat(text: Text) -> str:
    return "\n\n".join([text.title, *text.paragraphs]).strip()


if __name__ == "__main__":
    main()
