"""PostgreSQL: a cluster of its own on a socket, started and stopped here; paragraphs as rows with a text vector."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.corpus import Article
from benchmarks.peers.base import Answer, Peer, Unsupported
from benchmarks.questions import PAGE, Question

_SETTINGS = {
    "listen_addresses": "''",
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "work_mem": "64MB",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
}
_SCHEMA = """
CREATE TEXT SEARCH DICTIONARY every_word (TEMPLATE = snowball, Language = english);
CREATE TEXT SEARCH CONFIGURATION news (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION news ALTER MAPPING FOR asciiword, word, hword_part, hword_asciipart, asciihword, hword
    WITH every_word;
CREATE TABLE document (id integer PRIMARY KEY, day date, section text, authors text);
CREATE TABLE tag (document integer, name text);
CREATE TABLE paragraph (document integer, number smallint, title text, body text, words tsvector GENERATED ALWAYS AS
    (setweight(to_tsvector('news', title), 'A') || to_tsvector('news', body)) STORED);
"""
_INDEXES = """
CREATE INDEX ON document (day);
CREATE INDEX ON tag (name, document);
CREATE INDEX ON tag (document);
CREATE INDEX ON paragraph (document);
CREATE INDEX ON paragraph USING gin (words) WITH (fastupdate = off);
"""
_SIZE = """
SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
# Users that may run the server where this process is root, which may not.
_USERS = ("postgres", "nobody")


class PostgreSQL(Peer):
    """Ranked by ``ts_rank``, which is no BM25. Its CPU time is that of the backend and of this process."""

    note = "ranked by ts_rank"
    _connection: psycopg.Connection[tuple[Any, ...]]

    def version(self) -> str:
        return str(psycopg.pq.version_pretty(self._connection.info.server_version))

    def prepare(self, articles: Iterable[Article]) -> None:
        self._initialise()
        self._start()
        self._connect()

    def build(self, articles: Iterable[Article]) -> None:
        execute = self._connection.execute
        execute(_SCHEMA)
        cursor = self._connection.cursor()
        kept: list[Article] = []
        # One COPY at a time, so the rows of the other tables wait.
        with cursor.copy("COPY paragraph (document, number, title, body) FROM STDIN") as copy:
            for article in articles:
                for row in _rows(article):
                    copy.write_row(row)
                kept.append(article._replace(paragraphs=[]))
        with cursor.copy("COPY document FROM STDIN") as copy:
            for one in kept:
                copy.write_row((one.number, one.day, one.section, ", ".join(one.authors)))
        with cursor.copy("COPY tag FROM STDIN") as copy:
            for one in kept:
                for tag in one.tags:
                    copy.write_row((one.number, tag))
        for statement in filter(str.strip, _INDEXES.split(";")):
            execute(statement)
        execute("VACUUM ANALYZE")
        execute("CHECKPOINT")

    def open(self) -> None:
        if "_server" not in self.__dict__:
            self._start()
        self._connect()

    def ask(self, question: Question) -> Answer:
        source, values = _source(question)
        order = "day DESC" if question.newest else "ts_rank(words, query) DESC"
        joined = source if "document ON" in source or not question.newest else source.replace("WHERE", _DOCUMENT)
        page = f"SELECT document, number FROM {joined} ORDER BY {order} LIMIT {PAGE} OFFSET {question.offset}"
        if "document ON" in joined:
            page = page.replace("SELECT document", "SELECT paragraph.document")
        hits = self._connection.execute(page, values).fetchall()
        total = self._connection.execute(f"SELECT count(*) FROM {source}", values).fetchone()
        facets: list[Any] = []
        if question.facets:
            facets = self._connection.execute(
                f"SELECT name, count(*) AS n FROM tag WHERE document IN (SELECT document FROM {source}) "
                f"GROUP BY name ORDER BY n DESC LIMIT 20",
                values,
            ).fetchall()
        return Answer(total[0] if total else 0, len(hits), len(facets))

    def matching(self, question: Question) -> set[int]:
        source, values = _source(question)
        rows = self._connection.execute(f"SELECT DISTINCT paragraph.document FROM {source}", values)
        return {row[0] for row in rows}

    def update(self, article: Article) -> None:
        with self._connection.transaction():
            execute = self._connection.execute
            for table, column in (("paragraph", "document"), ("tag", "document"), ("document", "id")):
                execute(f"DELETE FROM {table} WHERE {column} = %s", (article.number,))
            authors = ", ".join(article.authors)
            row = (article.number, article.day, article.section, authors)
            execute("INSERT INTO document VALUES (%s, %s, %s, %s)", row)
            cursor = self._connection.cursor()
            cursor.executemany("INSERT INTO tag VALUES (%s, %s)", [(article.number, tag) for tag in article.tags])
            insert = "INSERT INTO paragraph (document, number, title, body) VALUES (%s, %s, %s, %s)"
            cursor.executemany(insert, list(_rows(article)))

    def pids(self) -> Sequence[int]:
        return [self._backend]

    def size(self) -> int:
        row = self._connection.execute(_SIZE).fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        if "_connection" in self.__dict__:
            self._connection.close()
        if "_server" in self.__dict__:
            self._run("pg_ctl", "stop", "-D", self._data, "-m", "fast", "-w")

    @property
    def _data(self) -> Path:
        return self.place / "data"

    def _initialise(self) -> None:
        self.place.chmod(0o777)
        # The server's user has to reach its folder.
        self._run("initdb", "-D", self._data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-locale")

    def _start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        log = self.place / "server.log"
        self._run("pg_ctl", "start", "-D", self._data, "-w", "-l", log, "-o", f"-k {self.place} {options}")
        self._server = True

    def _connect(self) -> None:
        self._connection = psycopg.connect(host=str(self.place), user="bench", dbname="postgres", autocommit=True)
        self._backend = self._connection.info.backend_pid

    def _run(self, program: str, *arguments: object) -> None:
        user = _user()
        command = [_program(program), *map(str, arguments)]
        options: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        # A file and no pipe: the server keeps it open after pg_ctl is done.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(command, stdout=said, stderr=said, cwd="/", check=False, **options)
            said.seek(0)
            if done.returncode:
                raise RuntimeError(f"{program}: {said.read().strip()}")


_DOCUMENT = "JOIN document ON document.id = paragraph.document WHERE"


def _rows(article: Article) -> Iterable[tuple[int, int, str, str]]:
    title = article.title
    for number, text in enumerate(article.paragraphs or [""]):
        yield article.number, number, title, text
        title = ""


def _source(question: Question) -> tuple[str, tuple[str, ...]]:
    """What stands behind FROM, and its values."""
    joined = {"any": " | ", "all": " & ", "not": " & !", "phrase": " <-> ", "prefix": ""}.get(question.shape)
    if joined is None:
        raise Unsupported("PostgreSQL has no fuzzy search of words in texts")
    asked = joined.join(question.words) + (":*" if question.shape == "prefix" else "")
    tables, conditions, values = "", "words @@ query", [asked]
    if question.start:
        tables += " JOIN document ON document.id = paragraph.document"
        conditions += " AND day >= %s AND day < %s"
        values += [question.start, question.end]
    if question.tag:
        tables += " JOIN tag ON tag.document = paragraph.document"
        conditions += " AND tag.name = %s"
        values.append(question.tag)
    return f"to_tsquery('news', %s) query, paragraph{tables} WHERE {conditions}", tuple(values)


def _program(name: str) -> str:
    """Where a program of the server is: on the path, or where Debian puts it, the newest first."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    program = str(found[-1]) if found else shutil.which(name)
    if not program:
        raise FileNotFoundError(f"{name} of PostgreSQL is not installed")
    return program


def _user() -> pwd.struct_passwd | None:
    if os.geteuid():
        return None
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("there is no user but root to run PostgreSQL")
