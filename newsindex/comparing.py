"""The same queries asked of two engines, and how far their answers agree: before a site moves from one to the other."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.utils import timezone

from newsindex.searching import EVERYBODY, search

#: How many words of a title make the longest of the queries that are made of it.
_MOST_WORDS: Final = 6
_AROUND_WORDS: Final = ".,:;!?()[]\"'“”„‘’«»…–—-*~"


@dataclass(frozen=True)
class Answer:
    """What one engine says to a query.

    keys: of the first hits, in their order. way: "" where they have all the words, "closest" where they need not,
    and else the other spelling that they were found in. seconds: on the clock, for the hits with facets and timeline.
    """

    total: int
    keys: tuple[str, ...]
    way: str
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """What two engines say to one query."""

    query: str
    first: Answer
    second: Answer

    @property
    def overlap(self) -> float:
        """The share of the first hits that both have, 0 to 1; 1 where neither has any."""
        longest = max(len(self.first.keys), len(self.second.keys))
        return len({*self.first.keys} & {*self.second.keys}) / longest if longest else 1.0

    @property
    def same(self) -> bool:
        """Whether a visitor sees no difference: the same hits in the same order, total and way."""
        return replace(self.first, seconds=0) == replace(self.second, seconds=0)


def compare(
    queries: Iterable[str],
    first: str,
    second: str,
    *,
    limit: int = 10,
    audiences: Collection[str] = EVERYBODY,
    now: datetime | None = None,
) -> Iterator[Comparison]:
    """Ask both engines, named by their aliases, each of ``queries`` and look at the first ``limit`` hits.

    Both answer for the same ``now``. What is pending for one of them is not known to it: bring both level before.
    EngineError where one can't answer.
    """
    for query in queries:
        moment = timezone.now() if now is None else now
        yield Comparison(query, *(_answer(query, alias, limit, audiences, moment) for alias in (first, second)))


def own_queries(engine: str, articles: int, *, audiences: Collection[str] = EVERYBODY) -> Iterator[str]:
    """Queries made of the titles of the newest articles that ``audiences`` may see, where there is no log of real ones.

    Of each title: its beginning as it stands, its two longest words, its first two as a phrase, and the beginning of
    its longest word. None comes twice.
    """
    newest = search("", engine=engine, sort="newest", audiences=audiences, limit=articles, facets=(), timeline=False)
    seen: set[str] = set()
    for result in newest[:articles]:
        for query in _of_title(result.title.text):
            if query not in seen:
                seen.add(query)
                yield query


def _of_title(title: str) -> Iterator[str]:
    words = [word for part in title.split() if (word := part.strip(_AROUND_WORDS))]
    if not words:
        return
    yield " ".join(words[:_MOST_WORDS])
    longest = sorted(dict.fromkeys(words), key=len, reverse=True)
    if len(longest) > 1:
        yield " ".join(longest[:2])
        yield f'"{words[0]} {words[1]}"'
    if len(longest[0]) > 4:
        yield f"{longest[0][:4]}*"


def _answer(query: str, alias: str, limit: int, audiences: Collection[str], now: datetime) -> Answer:
    began = time.perf_counter()
    results = search(query, engine=alias, limit=limit, audiences=audiences, now=now)
    keys = tuple(result.key for result in results[:limit])
    total = results.count()
    seconds = time.perf_counter() - began
    way = results.suggestion if results.corrected else "closest" if results.relaxed else ""
    return Answer(total, keys, way, seconds)
