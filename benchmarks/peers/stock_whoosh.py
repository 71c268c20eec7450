"""Whoosh 2.7.4 as it comes: paragraphs as documents, several fields, its StemmingAnalyzer with Snowball's stemmer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from importlib.metadata import version

import Stemmer
from whoosh import fields, index, query, sorting
from whoosh.analysis import StemmingAnalyzer
from whoosh.qparser import MultifieldParser
from whoosh.searching import Searcher

from benchmarks.corpus import Article
from benchmarks.peers.base import Answer, Peer
from benchmarks.questions import PAGE, Question

_FIELDS = ("title", "body")
_STEMMER = Stemmer.Stemmer("english")


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The stem of a word; Whoosh's own stemmer leaves "runn" of "running"."""
    stemmed: str = _STEMMER.stemWord(word)
    return stemmed


def _schema() -> fields.Schema:
    words = StemmingAnalyzer(stoplist=None, minsize=1, stemfn=stem, cachesize=None)
    return fields.Schema(
        title=fields.TEXT(analyzer=words, stored=True),
        body=fields.TEXT(analyzer=words, stored=True),
        article=fields.NUMERIC(stored=True, sortable=True),
        day=fields.DATETIME(stored=True, sortable=True),
        tag=fields.KEYWORD(stored=True, commas=True),
        section=fields.ID(stored=True),
        author=fields.KEYWORD(stored=True, commas=True),
    )


class StockWhoosh(Peer):
    """The title is indexed once, with the first paragraph."""

    def version(self) -> str:
        return version("Whoosh")

    def build(self, articles: Iterable[Article]) -> None:
        folder = self.place / "index"
        folder.mkdir()
        # With the default of 128 MB it spills to the disk, which takes longer.
        writer = index.create_in(folder, _schema()).writer(limitmb=512)
        for article in articles:
            _add(writer, article)
        writer.commit()

    def open(self) -> None:
        self._index = index.open_dir(self.place / "index")
        self._searcher: Searcher = self._index.searcher()

    def ask(self, question: Question) -> Answer:
        options = {"sortedby": "day", "reverse": True} if question.newest else {}
        asked = _query(question, self._index.schema)
        wanted = question.offset + PAGE
        found = self._searcher.search(asked, limit=wanted, filter=_filter(question), **options)
        total = len(found)
        hits = [hit["article"] for hit in found[question.offset : wanted]]
        facets = 0
        if question.facets:
            by_tag = sorting.FieldFacet("tag", allow_overlap=True, maptype=sorting.Count)
            groups = self._searcher.search(asked, limit=1, groupedby=by_tag).groups()
            facets = len(sorted(groups, key=groups.get, reverse=True)[:20])
        return Answer(total, len(hits), facets)

    def matching(self, question: Question) -> set[int]:
        asked, restriction = _query(question, self._index.schema), _filter(question)
        both = query.And([asked, restriction]) if restriction else asked
        column = self._searcher.reader().column_reader("article")
        return {column[number] for number in self._searcher.docs_for_query(both)}

    def update(self, article: Article) -> None:
        self._index = index.open_dir(self.place / "index")
        writer = self._index.writer()
        writer.delete_by_term("article", article.number)
        _add(writer, article)
        writer.commit()

    def segments(self) -> int:
        return len(index.open_dir(self.place / "index")._segments())

    def close(self) -> None:
        if "_searcher" in self.__dict__:
            self._searcher.close()


def _add(writer: index.IndexWriter, article: Article) -> None:
    day = datetime.fromisoformat(article.day)
    title = article.title
    for text in article.paragraphs or [""]:
        writer.add_document(
            title=title,
            body=text,
            article=article.number,
            day=day,
            tag=",".join(article.tags),
            section=article.section,
            author=",".join(article.authors),
        )
        title = ""


def _query(question: Question, schema: fields.Schema) -> query.Query:
    if question.shape == "phrase":
        return MultifieldParser(_FIELDS, schema).parse('"' + " ".join(question.words) + '"')
    words = [_word(question, word) for word in question.words]
    if question.shape == "all":
        return query.And(words)
    if question.shape == "not":
        return query.AndNot(words[0], query.Or(words[1:]))
    return words[0] if len(words) == 1 else query.Or([part for word in words for part in word.subqueries])


def _word(question: Question, word: str) -> query.Or:
    if question.shape == "prefix":
        return query.Or([query.Prefix(name, word) for name in _FIELDS])
    if question.shape == "fuzzy":
        return query.Or([query.FuzzyTerm(name, word, maxdist=1, prefixlength=0) for name in _FIELDS])
    return query.Or([query.Term(name, stem(word)) for name in _FIELDS])


def _filter(question: Question) -> query.Query | None:
    parts: list[query.Query] = []
    if question.start:
        start, end = (datetime.fromisoformat(day) for day in (question.start, question.end))
        parts.append(query.DateRange("day", start, end, startexcl=False, endexcl=True))
    if question.tag:
        parts.append(query.Term("tag", question.tag))
    return query.And(parts) if parts else None
