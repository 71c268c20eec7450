"""What all engines are given: articles, kept as a file of JSON lines that is the same for all of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

#: The number of the newest day that an article can have is counted from here.
FIRST_DAY: Final = date(2016, 1, 1)
DAYS: Final = 3650


class Article(NamedTuple):
    """One article. number: from 0, without gaps. day: "YYYY-MM-DD". paragraphs: at most 255."""

    number: int
    title: str
    day: str
    section: str
    authors: list[str]
    tags: list[str]
    paragraphs: list[str]

    @property
    def date(self) -> date:
        return date.fromisoformat(self.day)


def write(path: Path, articles: Iterable[Article]) -> tuple[int, int]:
    """Write the articles to ``path``; returns how many there are, and how many paragraphs they have."""
    count = paragraphs = 0
    with path.open("w", encoding="utf-8") as file:
        for article in articles:
            file.write(json.dumps(article, ensure_ascii=False) + "\n")
            count += 1
            paragraphs += len(article.paragraphs)
    return count, paragraphs


def read(path: Path, replaced: Mapping[int, Article] | None = None) -> Iterator[Article]:
    """The articles of a file, those in ``replaced`` (by number) in place of their namesakes."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            article = Article(*json.loads(line))
            yield replaced.get(article.number, article) if replaced else article


def archive(folder: Path, names: Iterable[str]) -> Iterator[Article]:
    """The articles of real archives: folders with a ``documents.jsonl.gz`` of objects with id, title, text (paragraphs
    between blank lines), tags (list), date ("YYYY-MM-DD", or less) and lang.

    Sections and authors, which the archives don't have, are empty; a missing date becomes the first day.
    """
    number = 0
    for name in names:
        with gzip.open(folder / name / "documents.jsonl.gz", "rt", encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                paragraphs = [part for part in (piece.strip() for piece in row["text"].split("\n\n")) if part]
                tags = [str(tag) for tag in row.get("tags") or []]
                yield Article(number, row["title"], _day(row.get("date")), "", [], tags, paragraphs[:255])
                number += 1


def archives(folder: Path) -> list[str]:
    """The names of the archives in ``folder``."""
    return sorted(path.parent.name for path in folder.glob("*/documents.jsonl.gz"))


def _day(text: str | None) -> str:
    parts = (text or "").split("-")
    try:
        numbers = [int(part) for part in parts if part] + [1, 1]
        return date(*numbers[:3]).isoformat()
    except (TypeError, ValueError):
        return FIRST_DAY.isoformat()


def day_of(number: int) -> str:
    """The day with this number, counted from the first one."""
    return (FIRST_DAY + timedelta(days=number)).isoformat()
