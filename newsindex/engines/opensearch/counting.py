"""Facets and the timeline of a search, counted by the cluster, exactly."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from newsindex.engines.base import Facet, FacetCount, MonthCount
from newsindex.engines.counting import spelling, timeline
from newsindex.engines.opensearch.compiling import Query
from newsindex.engines.opensearch.documents import SEPARATOR
from newsindex.engines.opensearch.view import View

#: Each shard tells at least so many of its most frequent values: with fewer in it, its counts are exact.
_TOLD: Final = 1_000
_MOST_TOLD: Final = 65_000
#: A pattern of values to count, in characters, and how many patterns go in one request.
_PATTERN: Final = 800
_PATTERNS: Final = 50
#: What is called by a name here and is a distance from UTC there, and what has another name.
_NO_NAMES: Final = frozenset({"UTC", "EST", "HST", "MST", "Factory", "localtime"})
_OTHER_NAMES: Final = {"ROC": "Asia/Taipei"}
_SPECIAL: Final = re.compile(r'([.?+*|{}\[\]()"\\#@&<>~^$\-])')


def facet_aggregations(facets: Sequence[Facet], limit: int) -> dict[str, Any]:
    """What to ask beside a search for its facets, at most ``limit`` values each."""
    size = min(max(limit, 0), _MOST_TOLD)
    return {f"facet_{name}": most_frequent(name, size, _TOLD) for name in facets} if size else {}


def most_frequent(name: str, size: int, told: int) -> dict[str, Any]:
    """The values of a field that most articles have, then by the alphabet."""
    return {"terms": {"field": name, "size": size, "shard_size": min(max(told, 2 * size), _MOST_TOLD)}}


def facets(
    view: View, matching: Query, asked: Sequence[Facet], limit: int, found: Mapping[str, Any]
) -> dict[Facet, tuple[FacetCount, ...]]:
    """The facets of what matches, from what ``facet_aggregations`` found."""
    counted: dict[Facet, dict[str, int]] = {}
    for name in asked:
        answer = found.get(f"facet_{name}")
        if answer and answer["doc_count_error_upper_bound"]:
            aggs = {"again": most_frequent(name, min(limit, _MOST_TOLD), _MOST_TOLD)}
            answer = view.ask({"size": 0, "query": matching, "track_total_hits": False, "aggs": aggs})["aggregations"][
                "again"
            ]
        counted[name] = {bucket["key"]: bucket["doc_count"] for bucket in answer["buckets"]} if answer else {}
    spelt = spellings(view, matching, counted)
    return {
        name: tuple(FacetCount(spelt.get((name, key), key), count) for key, count in counts.items())
        for name, counts in counted.items()
    }


def spellings(view: View, matching: Query, wanted: Mapping[Facet, Iterable[str]]) -> dict[tuple[Facet, str], str]:
    """How most of the articles that match spell each of the keywords of ``wanted``."""
    asked = [(name, pattern) for name, keys in wanted.items() for pattern in _patterns(keys)]
    written: dict[tuple[Facet, str], Counter[str]] = {}
    for first in range(0, len(asked), _PATTERNS):
        aggs = {
            str(number): {"terms": {"field": f"{name}_spelt", "include": pattern, "size": _MOST_TOLD}}
            for number, (name, pattern) in enumerate(asked[first : first + _PATTERNS])
        }
        found = view.ask({"size": 0, "query": matching, "track_total_hits": False, "aggs": aggs})["aggregations"]
        for number, (name, _) in enumerate(asked[first : first + _PATTERNS]):
            for bucket in found[str(number)]["buckets"]:
                key, _, value = bucket["key"].partition(SEPARATOR)
                written.setdefault((name, key), Counter())[value] += bucket["doc_count"]
    return {place: spelling(values) for place, values in written.items()}


def _patterns(keys: Iterable[str]) -> Iterator[str]:
    """Regular expressions for the spellings of these keywords, none of them too long for the cluster."""
    parts: list[str] = []
    size = 0
    for key in keys:
        part = escaped(key)
        if parts and size + len(part) > _PATTERN:
            yield f"({'|'.join(parts)}){SEPARATOR}.*"
            parts, size = [], 0
        parts.append(part)
        size += len(part) + 1
    if parts:
        yield f"({'|'.join(parts)}){SEPARATOR}.*"


def escaped(text: str) -> str:
    """``text`` in a regular expression of the cluster, as it is."""
    return _SPECIAL.sub(r"\\\1", text)


def timeline_aggregation(now: datetime) -> dict[str, Any]:
    """What to ask beside a search for its timeline, in the time zone of ``now``."""
    histogram: dict[str, Any] = {"field": "day", "calendar_interval": "month", "min_doc_count": 1}
    name = _zone_name(now)
    if name:
        histogram["time_zone"] = name
    elif shift := _shift(now):
        histogram["offset"] = f"{-shift}s"
    return {"timeline": {"date_histogram": histogram}}


def months(now: datetime, found: Mapping[str, Any]) -> tuple[MonthCount, ...]:
    """The timeline, from what ``timeline_aggregation`` found."""
    counts: Counter[str] = Counter()
    zone = now.tzinfo if _zone_name(now) else timezone.utc
    shift = 0 if _zone_name(now) else _shift(now)
    for bucket in found["timeline"]["buckets"]:
        counts[_month(int(bucket["key"]) // 1000 + shift, zone)] += bucket["doc_count"]
    return timeline(counts)


def _zone_name(now: datetime) -> str:
    """The name of the time zone, "" where it is a distance from UTC."""
    key = str(getattr(now.tzinfo, "key", None) or "")
    return "" if key in _NO_NAMES else _OTHER_NAMES.get(key, key)


def _shift(now: datetime) -> int:
    """Seconds that the asker's clock is ahead of UTC."""
    return int((now.utcoffset() or timedelta()).total_seconds())


def _month(second: int, zone: Any) -> str:
    try:
        # The middle of the month: its first second may be in the hour that a clock is put back by.
        there = (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=second, days=14)).astimezone(zone)
    except OverflowError:
        return "0001-01" if second < 0 else "9999-12"
    return f"{there.year:04}-{there.month:02}"
