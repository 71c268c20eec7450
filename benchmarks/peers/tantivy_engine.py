"""tantivy, through its Python binding: paragraphs as documents, English stems."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from importlib.metadata import version

import Stemmer
import tantivy
from tantivy import FieldType, Index, Occur, Query, SchemaBuilder

from benchmarks.corpus import FIRST_DAY, Article
from benchmarks.peers.base import Answer, Peer
from benchmarks.questions import PAGE, Question

_FIELDS = ("title", "body")
_TAG_COUNTS = {"tags": {"terms": {"field": "tag", "size": 20}}}


class Tantivy(Peer):
    """One indexing thread, merged to as few segments as its policy wants. The title is indexed once."""

    def version(self) -> str:
        return version("tantivy")

    def build(self, articles: Iterable[Article]) -> None:
        self._open(new=True)
        writer = self._index.writer(heap_size=256_000_000, num_threads=1)
        for article in articles:
            self._add(writer, article)
        writer.commit()
        writer.wait_merging_threads()

    def open(self) -> None:
        self._open()
        self._searcher = self._index.searcher()

    def ask(self, question: Question) -> Answer:
        query = self._query(question)
        order = "day" if question.newest else None
        found = self._searcher.search(query, PAGE, count=True, order_by_field=order, offset=question.offset)
        self._searcher.fast_field_values("article", [address for _, address in found.hits])
        facets = 0
        if question.facets:
            facets = len(self._searcher.aggregate(query, _TAG_COUNTS)["tags"]["buckets"])
        return Answer(found.count, len(found.hits), facets)

    def matching(self, question: Question) -> set[int]:
        found = self._searcher.search(self._query(question), max(self._searcher.num_docs, 1), count=False)
        values = self._searcher.fast_field_values("article", [address for _, address in found.hits])
        return {int(value) for value in values if value is not None}

    def update(self, article: Article) -> None:
        writer = self.__dict__.get("_writer")
        if writer is None:
            self._open()
            writer = self._writer = self._index.writer(heap_size=64_000_000, num_threads=1)
        writer.delete_documents_by_term("article", article.number)
        self._add(writer, article)
        writer.commit()

    def segments(self) -> int:
        self._index.reload()
        return int(self._index.searcher().num_segments)

    def _open(self, new: bool = False) -> None:
        schema = SchemaBuilder()
        for name in _FIELDS:
            schema.add_text_field(name, stored=True, tokenizer_name="en_stem")
        schema.add_text_field("tag", stored=True, fast=True, tokenizer_name="raw", index_option="basic")
        schema.add_text_field("section", stored=True, tokenizer_name="raw", index_option="basic")
        schema.add_text_field("author", stored=True, tokenizer_name="raw", index_option="basic")
        schema.add_unsigned_field("article", stored=True, indexed=True, fast=True)
        schema.add_date_field("day", stored=True, indexed=True, fast=True)
        self._schema = schema.build()
        folder = self.place / "index"
        folder.mkdir(exist_ok=True)
        self._index = Index(self._schema, path=str(folder), reuse=not new)
        self._stem = Stemmer.Stemmer("english").stemWord

    def _add(self, writer: tantivy.IndexWriter, article: Article) -> None:
        day = _moment(article.day)
        title = article.title
        for text in article.paragraphs or [""]:
            document = tantivy.Document()
            document.add_text("title", title)
            document.add_text("body", text)
            for tag in article.tags:
                document.add_text("tag", tag)
            for author in article.authors:
                document.add_text("author", author)
            document.add_text("section", article.section)
            document.add_unsigned("article", article.number)
            document.add_date("day", day)
            writer.add_document(document)
            title = ""

    def _query(self, question: Question) -> Query:
        words = [self._word(question, word) for word in question.words]
        if question.shape == "phrase":
            stems: list[str | tuple[int, str]] = [self._stem(word) for word in question.words]
            query = _either([Query.phrase_query(self._schema, name, stems) for name in _FIELDS])
        elif question.shape == "all":
            query = Query.boolean_query([(Occur.Must, word) for word in words])
        elif question.shape == "not":
            query = Query.boolean_query([(Occur.Must, words[0]), *((Occur.MustNot, word) for word in words[1:])])
        else:
            query = _either(words)
        restrictions = self._restrictions(question)
        if restrictions:
            query = Query.boolean_query([(Occur.Must, query), *((Occur.Must, one) for one in restrictions)])
        return query

    def _word(self, question: Question, word: str) -> Query:
        if question.shape == "prefix":
            # No edits, but any ending: faster than its regular expressions; its phrase prefix stops at 50 words.
            return _either([Query.fuzzy_term_query(self._schema, name, word, 0, True, True) for name in _FIELDS])
        if question.shape == "fuzzy":
            return _either([Query.fuzzy_term_query(self._schema, name, word, 1, True) for name in _FIELDS])
        return _either([Query.term_query(self._schema, name, self._stem(word), "freq") for name in _FIELDS])

    def _restrictions(self, question: Question) -> list[Query]:
        out = []
        if question.start:
            start, end = _moment(question.start), _moment(question.end)
            days = Query.range_query(self._schema, "day", FieldType.Date, start, end, True, False)
            out.append(Query.const_score_query(days, 0.0))
        if question.tag:
            out.append(Query.const_score_query(Query.term_query(self._schema, "tag", question.tag, "basic"), 0.0))
        return out


def _either(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


_MOMENTS = {
    (FIRST_DAY + timedelta(days=number)).isoformat(): datetime(2016, 1, 1, tzinfo=timezone.utc) + timedelta(days=number)
    for number in range(4_100)
}


def _moment(day: str) -> datetime:
    return _MOMENTS.get(day) or datetime.fromisoformat(day).replace(tzinfo=timezone.utc)
