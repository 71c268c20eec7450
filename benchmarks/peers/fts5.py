"""SQLite FTS5: paragraphs as rows, Porter's stemmer, articles and their tags in tables beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from benchmarks.corpus import Article
from benchmarks.peers.base import Answer, Peer, Unsupported
from benchmarks.questions import PAGE, Question

# A paragraph's row is its article's number times this, plus its own: the cheapest way from one to the other.
_STEP = 256
_SCHEMA = """
CREATE TABLE document (id INTEGER PRIMARY KEY, day TEXT, section TEXT, authors TEXT);
CREATE TABLE tag (document INTEGER, name TEXT);
CREATE VIRTUAL TABLE paragraph USING fts5 (title, body, tokenize = 'porter unicode61');
"""
_INDEXES = """
CREATE INDEX document_day ON document (day);
CREATE INDEX tag_name ON tag (name, document);
CREATE INDEX tag_document ON tag (document, name);
"""


class FTS5(Peer):
    """The title is indexed once, with the first paragraph."""

    _connection: sqlite3.Connection

    def version(self) -> str:
        return sqlite3.sqlite_version

    def build(self, articles: Iterable[Article]) -> None:
        self._connect()
        self._connection.executescript(_SCHEMA)
        self._connection.execute("BEGIN")
        for article in articles:
            self._insert(article)
        self._connection.execute("COMMIT")
        self._connection.executescript(_INDEXES)
        self._connection.execute("ANALYZE")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def open(self) -> None:
        self._connect()

    def ask(self, question: Question) -> Answer:
        match, tables, conditions, values = _parts(question)
        where = " AND ".join(["paragraph MATCH ?", *conditions])
        order = "document.day DESC" if question.newest else "rank"
        if question.newest and "document" not in tables:
            tables += _DOCUMENT
        hits = self._connection.execute(
            f"SELECT paragraph.rowid, {'day' if question.newest else 'rank'} FROM paragraph {tables} WHERE {where} "
            f"ORDER BY {order} LIMIT {PAGE} OFFSET {question.offset}",
            (match, *values),
        ).fetchall()
        tables = _parts(question)[1]
        count = f"SELECT count(*) FROM paragraph {tables} WHERE {where}"
        total = self._connection.execute(count, (match, *values)).fetchone()[0]
        facets: list[tuple[str, int]] = []
        if question.facets:
            facets = self._connection.execute(
                f"SELECT name, count(*) AS n FROM tag WHERE document IN (SELECT rowid / {_STEP} FROM paragraph "
                f"WHERE paragraph MATCH ?) GROUP BY name ORDER BY n DESC LIMIT 20",
                (match,),
            ).fetchall()
        return Answer(total, len(hits), len(facets))

    def matching(self, question: Question) -> set[int]:
        match, tables, conditions, values = _parts(question)
        where = " AND ".join(["paragraph MATCH ?", *conditions])
        rows = self._connection.execute(
            f"SELECT paragraph.rowid FROM paragraph {tables} WHERE {where}", (match, *values)
        )
        return {row[0] // _STEP for row in rows}

    def update(self, article: Article) -> None:
        self._connection.execute("BEGIN")
        first = article.number * _STEP
        self._connection.execute("DELETE FROM paragraph WHERE rowid BETWEEN ? AND ?", (first, first + _STEP - 1))
        self._connection.execute("DELETE FROM tag WHERE document = ?", (article.number,))
        self._connection.execute("DELETE FROM document WHERE id = ?", (article.number,))
        self._insert(article)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        if "_connection" in self.__dict__:
            self._connection.close()

    def _connect(self) -> None:
        self._connection = sqlite3.connect(self.place / "index.sqlite3", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")

    def _insert(self, article: Article) -> None:
        execute, many = self._connection.execute, self._connection.executemany
        authors = ", ".join(article.authors)
        execute("INSERT INTO document VALUES (?, ?, ?, ?)", (article.number, article.day, article.section, authors))
        many("INSERT INTO tag VALUES (?, ?)", [(article.number, tag) for tag in article.tags])
        many("INSERT INTO paragraph (rowid, title, body) VALUES (?, ?, ?)", _rows(article))


_DOCUMENT = f" JOIN document ON document.id = paragraph.rowid / {_STEP}"


def _rows(article: Article) -> Iterator[tuple[int, str, str]]:
    title = article.title
    for number, text in enumerate(article.paragraphs or [""]):
        yield article.number * _STEP + number, title, text
        title = ""


def _parts(question: Question) -> tuple[str, str, list[str], list[str]]:
    """(what to match, joined tables, conditions, their values)."""
    words = [f'"{word}"' for word in question.words]
    if question.shape == "fuzzy":
        raise Unsupported("FTS5 has no fuzzy search")
    match = {
        "any": " OR ".join(words),
        "all": " AND ".join(words),
        "not": " NOT ".join(words),
        "phrase": '"' + " ".join(question.words) + '"',
        "prefix": words[0] + " *",
    }[question.shape]
    tables, conditions, values = "", [], []
    if question.start:
        tables += _DOCUMENT
        conditions.append("day >= ? AND day < ?")
        values += [question.start, question.end]
    if question.tag:
        tables += f" JOIN tag ON tag.document = paragraph.rowid / {_STEP}"
        conditions.append("tag.name = ?")
        values.append(question.tag)
    return match, tables, conditions, values
