"""Facets and the timeline: how matching articles are counted, and the days and months they belong to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, tzinfo

from newsindex.analysis import keyword
from newsindex.engines.base import FacetCount, MonthCount
from newsindex.engines.paging import microseconds


def local(moment: datetime, zone: tzinfo | None) -> datetime:
    """An aware ``moment`` on the clocks of ``zone``; as it is where it would leave the years 1 to 9999."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def month_of(moment: datetime, zone: tzinfo | None) -> str:
    """The month of an aware ``moment`` on the clocks of ``zone``, such as "2024-11"."""
    there = local(moment, zone)
    return f"{there.year:04}-{there.month:02}"


def midnight(day: date, zone: tzinfo | None) -> int:
    """When ``day`` begins on the clocks of ``zone``, in microseconds since 1970."""
    return microseconds(datetime.combine(day, time.min, zone))


def within_days(published_at: datetime | None, start: date | None, end: date | None, zone: tzinfo | None) -> bool:
    """Whether ``published_at`` is on or after the day ``start`` and before the day ``end``.

    None is open; what is undated is within no bounds, but nothing is asked of it where both are open.
    """
    if start is None and end is None:
        return True
    if published_at is None:
        return False
    at = microseconds(published_at)
    return (start is None or midnight(start, zone) <= at) and (end is None or at < midnight(end, zone))


def timeline(counts: Mapping[str, int]) -> tuple[MonthCount, ...]:
    """Articles by month ("2024-11") as a timeline, oldest first."""
    return tuple(MonthCount(month, count) for month, count in sorted(counts.items()) if count)


def tally(articles: Iterable[Iterable[str]]) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """Count the values of each article: by ``keyword``, each once, and the spellings of each keyword."""
    counts: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    for values in articles:
        written = {value for value in values if keyword(value)}
        counts.update({keyword(value) for value in written})
        for value in written:
            spellings.setdefault(keyword(value), Counter())[value] += 1
    return counts, spellings


def spelling(written: Mapping[str, int]) -> str:
    """The spelling that most articles use; of several, the first in the alphabet."""
    return min(written, key=lambda value: (-written[value], value))


def facet(counts: Mapping[str, int], spellings: Mapping[str, Mapping[str, int]], limit: int) -> tuple[FacetCount, ...]:
    """At most ``limit`` values of a facet from what ``tally`` counts, most frequent first, then by keyword."""
    ordered = sorted((key for key in counts if counts[key]), key=lambda key: (-counts[key], key))
    return tuple(FacetCount(spelling(spellings[key]), counts[key]) for key in ordered[: max(limit, 0)])
