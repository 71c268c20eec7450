"""Judged collections: texts, questions, and which texts answer them.

A collection is a folder with ``documents.jsonl.gz`` (an object a line with id, title, text with a blank line between
paragraphs, tags, date, lang), ``queries.tsv.gz`` (id, text) and ``qrels.tsv.gz`` (question, document or
``document#paragraph``, grade).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

#: Of a collection with more questions, so many are drawn unless another number is asked for.
MOST_QUESTIONS: Final = 1_500
#: Known-item collections: the question is the headline of the text, which therefore is not indexed.
HEADLINES: Final = frozenset({"opensuse_news", "rust_blog", "ruby_news", "lctt_zh", "reuters21578"})


class Text(NamedTuple):
    """What is ranked. ``title`` is "" where the questions are the titles."""

    id: str
    title: str
    paragraphs: list[str]
    tags: list[str]
    day: str
    language: str


@dataclass(frozen=True)
class Collection:
    """texts, questions (id -> text) and judgments (question -> text -> grade).

    judged: where given, other texts are taken out of a ranking before it is measured.
    """

    name: str
    texts: list[Text]
    questions: dict[str, str]
    judgments: dict[str, dict[str, int]]
    judged: frozenset[str] = field(default=frozenset())

    @property
    def language(self) -> str:
        return self.texts[0].language


def collections(folder: Path, wanted: frozenset[str] = frozenset(), most: int = MOST_QUESTIONS) -> Iterator[Collection]:
    """All collections below ``folder``, or those whose name, or the name of whose folder, is ``wanted``.

    most: how many questions each has at most.
    """
    for name, path in folders(folder):
        if _is_among(name, wanted):
            yield _collection(name, path, "", most)
        if (path / "queries_topics.tsv.gz").exists() and (not wanted or f"{name} topics" in wanted):
            yield _collection(f"{name} topics", path, "_topics", most)


def _collection(name: str, folder: Path, task: str, most: int) -> Collection:
    judgments: dict[str, dict[str, int]] = defaultdict(dict)
    for question, text, grade in _table(folder / f"qrels{task}.tsv.gz"):
        judgments[question][text] = int(grade)
    questions = {row[0]: row[1] for row in _table(folder / f"queries{task}.tsv.gz") if row[0] in judgments}
    headlines = not task and name.partition("/")[0] in HEADLINES
    by_paragraph = any("#" in text for texts in judgments.values() for text in texts)
    rows = _rows(folder / "documents.jsonl.gz")
    texts = [text for row in rows for text in (_pieces(row) if by_paragraph else [_whole(row, headlines)])]
    judged = frozenset(row[0] for row in _table(folder / "judged_topics.txt.gz")) if task else frozenset()
    drawn = _drawn(questions, most)
    return Collection(name, texts, {key: questions[key] for key in drawn}, dict(judgments), judged)


def folders(folder: Path, wanted: frozenset[str] = frozenset()) -> Iterator[tuple[str, Path]]:
    """The name and the folder of each collection, or of those that are ``wanted``."""
    for path in sorted(folder.rglob("queries.tsv.gz")):
        name = path.parent.relative_to(folder).as_posix()
        if _is_among(name, wanted):
            yield name, path.parent


def _is_among(name: str, wanted: frozenset[str]) -> bool:
    return not wanted or name in wanted or name.partition("/")[0] in wanted


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    """The documents of a collection as they are in its file."""
    return _rows(folder / "documents.jsonl.gz")


def judged_paragraphs(folder: Path) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """The questions by id, and (question, document, text of the paragraph) of each judgment of a paragraph."""
    questions = {row[0]: row[1] for row in _table(folder / "queries.tsv.gz")}
    texts = {row["id"]: _split(row["text"]) for row in documents(folder)}
    judgments = []
    for question, judged, _ in _table(folder / "qrels.tsv.gz"):
        name, _, number = judged.partition("#")
        if number:
            judgments.append((question, name, texts[name][int(number)]))
    return questions, judgments


def is_held_out(question: str) -> bool:
    """Whether no parameter is chosen by looking at the question with this id: half of them, by a hash of it."""
    return hashlib.sha256(question.encode()).digest()[0] % 2 == 1


def _drawn(questions: dict[str, str], most: int) -> list[str]:
    names = sorted(questions)
    random.Random(1).shuffle(names)
    return names[:most]


def _whole(row: dict[str, Any], headlines: bool) -> Text:
    title = "" if headlines else row["title"]
    return Text(row["id"], title, _split(row["text"]), _tags(row), row.get("date") or "", row.get("lang") or "")


def _pieces(row: dict[str, Any]) -> Iterator[Text]:
    """Each paragraph as a text of its own, without the title."""
    for number, paragraph in enumerate(_split(row["text"])):
        yield Text(f"{row['id']}#{number}", "", [paragraph], [], "", row.get("lang") or "")


def _tags(row: dict[str, Any]) -> list[str]:
    return [str(tag) for tag in row.get("tags") or []]


def _split(text: str) -> list[str]:
    return [part for part in (piece.strip() for piece in text.split("\n\n")) if part]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _table(path: Path) -> Iterator[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield line.rstrip("\n").split("\t")
