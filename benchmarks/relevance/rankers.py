"""The engines, each as a function from a question to the best texts."""

from __future__ import annotations

import re
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, ClassVar, Final

from benchmarks.relevance.collections import Collection, Text
from newsindex.engines.base import EVERYTHING, Document, Engine, Match, SearchPage, SearchRequest, versioned
from newsindex.engines.closeness import few_results
from newsindex.engines.whoosh.engine import WhooshEngine
from newsindex.paragraphs import from_plain
from newsindex.query import parse
from newsindex.query.nodes import Node, alternatives

#: How deep a ranking goes.
DEPTH: Final = 100

Ranking = list[tuple[str, float]]

#: The languages that Snowball stems, by code.
SNOWBALL: Final = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
_WORDS: Final = re.compile(r"\w+")
# Thai, kana, Han, Hangul.
_UNSPACED: Final = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")


class Ranker(ABC):
    """An engine with one collection in it."""

    label: ClassVar[str]

    def __init__(self, collection: Collection, place: Path) -> None:
        self.collection = collection
        self.place = place

    @abstractmethod
    def build(self) -> None:
        """Index the texts."""

    @abstractmethod
    def rank(self, question: str, depth: int) -> Ranking:
        """The best texts, best first, at most ``depth``."""


class NewsIndex(Ranker):
    """newsindex as its search page asks it: all words, and the closest matches where few articles have them all."""

    label = "newsindex"

    def build(self) -> None:
        self._engine = self.engine()
        self._ids: dict[str, str] = {}
        build = self._engine.rebuild()
        with build.writer() as writer:
            for number, text in enumerate(self.collection.texts):
                key = f"benchmark.text:{number}"
                self._ids[key] = text.id
                writer.put(versioned(_document(key, text)))
        with build.exclusive():
            build.swap()

    def engine(self) -> Engine:
        """The engine that is asked, with nothing of this collection in it yet."""
        return WhooshEngine(path=self.place)

    def rank(self, question: str, depth: int) -> Ranking:
        query = parse(question).tree
        strict = self._ask(query, "all", depth)
        parts = alternatives(query)
        if not parts or strict.total >= few_results(parts):
            return self._ranking(strict)
        close = self._ask(query, "any", depth)
        return self._ranking(close if close.total > strict.total else strict)

    def _ask(self, query: Node, match: Match, depth: int) -> SearchPage:
        return self._engine.search(
            SearchRequest(
                query=query,
                now=datetime.now(timezone.utc),
                audiences=EVERYTHING,
                limit=depth,
                match=match,
                content=False,
                correct=False,
            )
        )

    def _ranking(self, page: SearchPage) -> Ranking:
        return [(self._ids[hit.key], hit.score) for hit in page.hits]


class Closest(NewsIndex):
    """newsindex asked for the closest matches at once."""

    label = "newsindex, closest"

    def rank(self, question: str, depth: int) -> Ranking:
        return self._ranking(self._ask(parse(question).tree, "any", depth))


class StockWhoosh(Ranker):
    """Whoosh as it comes: StemmingAnalyzer, BM25F, any of the question's words, one field of title and text."""

    label = "Whoosh 2.7.4"

    def build(self) -> None:
        from whoosh.analysis import StemmingAnalyzer
        from whoosh.fields import STORED, TEXT, Schema
        from whoosh.filedb.filestore import RamStorage

        self._analyzer = StemmingAnalyzer()
        index = RamStorage().create_index(Schema(id=STORED, text=TEXT(analyzer=self._analyzer)))
        writer = index.writer(limitmb=512)
        for text in self.collection.texts:
            writer.add_document(id=text.id, text=_flat(text))
        writer.commit()
        self._searcher = index.searcher()

    def rank(self, question: str, depth: int) -> Ranking:
        from whoosh.query import Or, Term

        words = [token.text for token in self._analyzer(question)]
        hits = self._searcher.search(Or([Term("text", word) for word in words]), limit=depth)
        return [(hit["id"], hit.score) for hit in hits]


class FTS5(Ranker):
    """SQLite FTS5: Porter for English, trigrams for scripts without spaces, else unicode61; any of the words."""

    label = "SQLite FTS5"

    def build(self) -> None:
        language = self.collection.language[:2]
        self._trigrams = language in ("zh", "ja", "ko", "th")
        tokenizer = "porter unicode61" if language == "en" else "trigram" if self._trigrams else "unicode61"
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute(f"CREATE VIRTUAL TABLE text USING fts5 (body, tokenize = '{tokenizer}')")
        self._connection.executemany("INSERT INTO text VALUES (?)", [(_flat(text),) for text in self.collection.texts])

    def rank(self, question: str, depth: int) -> Ranking:
        words = _WORDS.findall(question)
        if self._trigrams:
            words = [word[at : at + 3] for word in words for at in range(max(1, len(word) - 2))]
        match = " OR ".join(f'"{word}"' for word in words)
        if not match:
            return []
        rows = self._connection.execute(
            "SELECT rowid, rank FROM text WHERE text MATCH ? ORDER BY rank LIMIT ?", (match, depth)
        )
        return [(self.collection.texts[row - 1].id, -rank) for row, rank in rows]


class Tantivy(Ranker):
    """tantivy's Python binding: en_stem, any of the words."""

    label = "tantivy"

    def build(self) -> None:
        import tantivy

        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("number", stored=True)
        builder.add_text_field("text", tokenizer_name="en_stem")
        self._index = tantivy.Index(builder.build())
        writer = self._index.writer(num_threads=1)
        for number, text in enumerate(self.collection.texts):
            writer.add_document(tantivy.Document(number=number, text=_flat(text)))
        writer.commit()
        self._index.reload()
        self._searcher = self._index.searcher()

    def rank(self, question: str, depth: int) -> Ranking:
        words = " ".join(_WORDS.findall(question)).lower()
        if not words:
            return []
        try:
            found = self._searcher.search(self._index.parse_query(words, ["text"]), depth).hits
        except ValueError:
            # Its analyzer drops words of more than 40 letters, and it is an error that none is left.
            return []
        texts = self.collection.texts
        return [(texts[self._searcher.doc(place)["number"][0]].id, score) for score, place in found]


class BM25S(Ranker):
    """bm25s with the Snowball stemmer of the language; English stop words where the text is English."""

    label = "bm25s"

    def build(self) -> None:
        import bm25s
        import Stemmer

        self._bm25s = bm25s
        language = self.collection.language[:2]
        name = SNOWBALL.get(language)
        self._stemmer: Callable[..., Any] | None = Stemmer.Stemmer(name) if name else None
        self._stopwords = "en" if language == "en" else None
        self._retriever = bm25s.BM25()
        self._retriever.index(self._tokens([_flat(text) for text in self.collection.texts]), show_progress=False)

    def rank(self, question: str, depth: int) -> Ranking:
        tokens = self._tokens([question])
        texts = self.collection.texts
        found, scores = self._retriever.retrieve(tokens, k=min(depth, len(texts)), show_progress=False)
        pairs = zip(found[0], scores[0], strict=True)
        return [(texts[number].id, float(score)) for number, score in pairs if score > 0]

    def _tokens(self, texts: list[str]) -> Any:
        return self._bm25s.tokenize(texts, stopwords=self._stopwords, stemmer=self._stemmer, show_progress=False)


class BM25SPairs(BM25S):
    """bm25s as above, with each run of a script without spaces taken apart into overlapping pairs beforehand."""

    label = "bm25s, pairs"

    def _tokens(self, texts: list[str]) -> Any:
        return super()._tokens([_UNSPACED.sub(_paired, text) for text in texts])


RANKERS: Final[dict[str, type[Ranker]]] = {
    "newsindex": NewsIndex,
    "closest": Closest,
    "whoosh": StockWhoosh,
    "fts5": FTS5,
    "tantivy": Tantivy,
    "bm25s": BM25S,
    "pairs": BM25SPairs,
}
#: Those of them that are newsindex.
OWN: Final = frozenset({"newsindex", "closest"})


def _document(key: str, text: Text) -> Document:
    paragraphs = tuple(paragraph for part in text.paragraphs for paragraph in from_plain(part))
    return Document(key=key, title=text.title, paragraphs=paragraphs, language=text.language.replace("_", "-"))


def _paired(run: re.Match[str]) -> str:
    text = run.group()
    return " " + " ".join(text[at : at + 2] for at in range(max(1, len(text) - 1))) + " "


def _flat(text: Text) -> str:
    return "\n\n".join([text.title, *text.paragraphs]).strip()
