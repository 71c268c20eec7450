"""What one asker sees of one index at one moment, and the requests about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from newsindex.deadline import Deadline
from newsindex.engines.base import Document
from newsindex.engines.opensearch.compiling import Compiler, Query, every, visible
from newsindex.engines.opensearch.compiling import keys as keys_query
from newsindex.engines.opensearch.connection import Answer, Connection
from newsindex.engines.opensearch.documents import headed, restored
from newsindex.engines.opensearch.scoring import Statistics
from newsindex.exceptions import IndexDamaged
from newsindex.query.nodes import Leaf, Node
from newsindex.ranking import FIELDS

NEWEST: Final[list[Any]] = [{"undated": "asc"}, {"from": "desc"}, {"key": "asc"}]
#: In one request at most so many are counted.
_COUNTED: Final = 500


@dataclass(frozen=True)
class Live:
    """The index that answers. languages: of its articles, codes of ``stemming_language``."""

    index: str
    generation: str
    built_at: str
    languages: frozenset[str]


class View:
    """Asks about the articles that who has these audiences may see now. partial: whether an answer was cut short."""

    def __init__(
        self,
        connection: Connection,
        live: Live,
        now: datetime,
        audiences: frozenset[str],
        hidden: frozenset[str],
        timeout: float | None,
    ) -> None:
        self._connection = connection
        self.live = live
        self.now = now
        self.visible = visible(now, audiences, hidden)
        self.compiler = Compiler(live.languages, now.tzinfo)
        self.deadline = Deadline(timeout)
        self.partial = False

    def ask(self, body: Mapping[str, Any]) -> Answer:
        """Send a search. What took too long, or a shard did not answer, is noted in ``partial``."""
        left = self.deadline.left
        limits = {} if left is None else {"timeout": f"{max(int(left * 1000), 1)}ms"}
        # The cluster stops by itself at the limit; a little later it counts as away.
        wait = None if left is None else left + 0.5
        answer = self._connection.ask("POST", f"/{self.live.index}/_search", {**body, **limits}, timeout=wait)
        if answer.get("timed_out") or incomplete(answer):
            self.partial = True
        return answer

    @property
    def over(self) -> bool:
        """Whether the time is up; noted in ``partial``."""
        self.partial |= self.deadline.passed
        return self.deadline.passed

    def newest(self, query: Query, size: int, source: str) -> Sequence[Mapping[str, Any]]:
        """The newest visible articles that match, those undated last, with their keys. source: "doc" or "head"."""
        body = {
            "size": size,
            "track_total_hits": False,
            "query": {"bool": {"filter": [every([self.visible, query])]}},
            "sort": NEWEST,
            "_source": [source],
            "docvalue_fields": ["key"],
        }
        hits: Sequence[Mapping[str, Any]] = self.ask(body)["hits"]["hits"]
        return hits

    def articles(self) -> int:
        """How many there are."""
        total: int = self.ask({"size": 0, "track_total_hits": True, "query": self.visible})["hits"]["total"]["value"]
        return total

    def document(self, key: str) -> Document | None:
        """The document of ``key``, where it may be seen."""
        body = {
            "size": 1,
            "query": {"bool": {"filter": [every([self.visible, keys_query([key])])]}},
            "_source": ["doc"],
        }
        hits = self.ask(body)["hits"]["hits"]
        return document_of(hits[0]) if hits else None

    def counts(self, queries: Sequence[Query], among: Query | None = None) -> list[int]:
        """How many visible articles match each of the queries. among: only of those that match this."""
        out: list[int] = []
        within = self.visible if among is None else every([self.visible, among])
        for first in range(0, len(queries), _COUNTED):
            chunk = queries[first : first + _COUNTED]
            body = {"size": 0, "query": within, "track_total_hits": False, "aggs": {"n": counting(chunk)}}
            out += counted(self.ask(body)["aggregations"]["n"], len(chunk))
        return out

    def statistics(
        self, wanted: Sequence[Leaf], parts: Sequence[Node] = (), keys: Query | None = None
    ) -> tuple[Statistics, list[int], list[int]]:
        """What scores are made of; for each part how many articles match it, and how many of ``keys``."""
        leaves = list(dict.fromkeys(wanted))
        queries = [self.compiler.leaf(leaf) for leaf in leaves]
        alternatives = [self.compiler.matching(part) for part in parts]
        aggs: dict[str, Any] = {name: {"sum": {"field": f"size_{name}"}} for name in FIELDS}
        aggs["paragraphs"] = {"sum": {"field": "paragraphs"}}
        aggs["boost"] = {"max": {"field": "boost"}}
        if queries:
            aggs["leaves"] = counting(queries)
        if alternatives:
            aggs["parts"] = counting(alternatives)
            aggs["among"] = {"filter": keys, "aggs": {"n": counting(alternatives)}}
        answer = self.ask({"size": 0, "track_total_hits": True, "query": self.visible, "aggs": aggs})
        found = answer["aggregations"]
        articles = answer["hits"]["total"]["value"]
        statistics = Statistics(
            articles=articles,
            average={name: _average(found[name]["value"], articles) for name in FIELDS},
            average_paragraph=_average(found["text"]["value"], found["paragraphs"]["value"]),
            largest_boost=found["boost"]["value"] or 1.0,
            found=dict(zip(leaves, counted(found["leaves"], len(leaves)) if leaves else (), strict=True)),
        )
        if not alternatives:
            return statistics, [], []
        return statistics, counted(found["parts"], len(parts)), counted(found["among"]["n"], len(parts))


def incomplete(answer: Answer) -> bool:
    """Whether shards have no part in the answer; those of which no copy is there are not among the failed ones."""
    shards = answer["_shards"]
    return bool(shards.get("failed")) or int(shards["successful"]) < int(shards["total"])


def counting(queries: Sequence[Query]) -> dict[str, Any]:
    """The aggregation that counts what matches each of the queries."""
    return {"filters": {"filters": {str(number): query for number, query in enumerate(queries)}}}


def counted(found: Answer, size: int) -> list[int]:
    """What ``counting`` counted."""
    return [int(found["buckets"][str(number)]["doc_count"]) for number in range(size)]


def document_of(hit: Mapping[str, Any]) -> Document:
    """The document of a hit, or of the answer to a get."""
    try:
        return restored(hit["_source"]["doc"])
    except (KeyError, ValueError, TypeError) as error:
        raise IndexDamaged(f"OpenSearch: the document {hit.get('_id')!r} can't be read: {error}") from error


def head_of(hit: Mapping[str, Any]) -> tuple[str, datetime | None]:
    """The title and the date of a hit."""
    try:
        return headed(hit["_source"]["head"])
    except (KeyError, ValueError, TypeError) as error:
        raise IndexDamaged(f"OpenSearch: the title of {hit.get('_id')!r} can't be read: {error}") from error


def _average(total: float, number: float) -> float:
    return (total / number if number else 0.0) or 1.0
