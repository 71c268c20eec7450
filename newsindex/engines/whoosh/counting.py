"""Facets and the timeline of the matching articles, counted over columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.base import Facet, FacetCount, MonthCount
from newsindex.engines.counting import facet, midnight, timeline
from newsindex.engines.whoosh.labels import Labels, Mask
from newsindex.engines.whoosh.layout import UNDATED
from newsindex.engines.whoosh.snapshots import Ints, Ordinals, Part, Snapshot

#: Of more months than this, it is looked at which of them have articles.
_MANY_MONTHS: Final = 1_000


@dataclass(frozen=True)
class Values:
    """The values of a facet in all segments of a snapshot.

    names: as they are spelt, each once. keywords: of those, each once, without "". keys: for each name the place of its
    keyword, or the number of keywords for none. parts: with the labels of each and the place of each of its names.
    """

    names: list[str]
    keywords: list[str]
    keys: Ordinals
    parts: list[tuple[Part, Labels, Ordinals]]


@dataclass(frozen=True)
class Counts:
    """In how many articles each name of ``values`` stands, and each keyword."""

    values: Values
    by_name: Ints
    by_keyword: Ints

    def spellings(self, keywords: NDArray[np.intp]) -> dict[str, dict[str, int]]:
        """For some keywords, how many articles have each spelling; those that none has are left out."""
        wanted = np.zeros(len(self.values.keywords) + 1, bool)
        wanted[keywords] = True
        found: dict[str, dict[str, int]] = {}
        for at in np.flatnonzero(wanted[self.values.keys] & (self.by_name > 0)).tolist():
            own = found.setdefault(self.values.keywords[self.values.keys[at]], {})
            own[self.values.names[at]] = int(self.by_name[at])
        return found


def facet_counts(snapshot: Snapshot, kind: Facet, matched: Mask, limit: int) -> tuple[FacetCount, ...]:
    """The values of the matched articles, at most ``limit``."""
    counts = counted(snapshot, kind, matched)
    there = np.flatnonzero(counts.by_keyword)
    if 0 < limit < len(there):
        # Only those with at least as many as the last of them; there may be several with as many as that.
        own = counts.by_keyword[there]
        there = there[own >= np.partition(own, len(own) - limit)[len(own) - limit]]
    words = counts.values.keywords
    by_keyword = {words[at]: int(counts.by_keyword[at]) for at in there.tolist()}
    return facet(by_keyword, counts.spellings(there), limit) if limit > 0 else ()


def counted(snapshot: Snapshot, kind: str, matched: Mask) -> Counts:
    """The values of the matched articles."""
    values: Values = snapshot.remembered((kind, "values"), lambda: _values(snapshot, kind))
    by_name = np.zeros(len(values.names), np.int64)
    again = np.zeros(len(values.names), np.int64)
    for part, labels, place in values.parts:
        own = matched[part.own]
        # Numbers of pairs, as a mask of many would take three times as long.
        by_name[place] += _tally(labels, np.flatnonzero(own.take(labels.articles)))
        if len(labels.again):
            again[place] += _tally(labels, labels.again[own[labels.articles[labels.again]]])
    # An article counts once for a keyword, however many spellings of it it has.
    by_keyword = np.zeros(len(values.keywords) + 1, np.int64)
    np.add.at(by_keyword, values.keys, by_name - again)
    return Counts(values, by_name, by_keyword[:-1])


def month_counts(snapshot: Snapshot, matched: Mask, zone: tzinfo | None) -> tuple[MonthCount, ...]:
    """The matched articles by month on the clocks of ``zone``."""
    months, month_of = snapshot.remembered((zone, "months"), lambda: _months_of(snapshot, zone))
    counts = np.bincount(month_of.take(np.flatnonzero(matched)), minlength=len(months) + 1)
    return timeline({f"{m.year:04}-{m.month:02}": int(counts[at]) for at, m in enumerate(months)})


def _tally(labels: Labels, pairs: Ordinals) -> Ints:
    """How many of some pairs of an article and a value have each value."""
    return np.bincount(labels.values.take(pairs), minlength=len(labels.names))


def _values(snapshot: Snapshot, kind: str) -> Values:
    names: dict[str, int] = {}
    keywords: dict[str, int] = {}
    keyword_of: dict[int, int] = {}
    parts = []
    for part, labels in snapshot.labels(kind):
        places = [names.setdefault(name, len(names)) for name in labels.names]
        for place, key in zip(places, labels.keywords, strict=True):
            keyword_of[place] = keywords.setdefault(key, len(keywords)) if key else -1
        parts.append((part, labels, np.array(places, np.intp)))
    keys = np.array([keyword_of[place] for place in range(len(names))], np.intp)
    keys[keys < 0] = len(keywords)
    return Values(list(names), list(keywords), keys, parts)


def _months_of(snapshot: Snapshot, zone: tzinfo | None) -> tuple[list[date], NDArray[np.uint16]]:
    """The months that articles may belong to, and the place of its month for each; one more for those undated."""
    published = snapshot.published
    dated = published != UNDATED
    months = list(_months(published[dated]))
    begins = np.array([midnight(month, zone) for month in months], np.int64)
    # What would be in the year 0 there counts for the first month of the calendar.
    month_of = np.maximum(np.searchsorted(begins, published, side="right") - 1, 0)
    month_of[~dated] = len(months)
    return months, month_of.astype(np.uint32 if len(months) > 60_000 else np.uint16)


def _months(published: Ints) -> Iterator[date]:
    """The first days of all months that these may belong to in any zone, in order; maybe of others between them."""
    if not len(published):
        return
    first, last = (_month(np.array([at])) for at in (published.min(), published.max()))
    months = np.arange(first[0] - 1, last[0] + 2)
    if len(months) > _MANY_MONTHS:
        by_utc = np.unique(_month(published))
        months = np.unique(np.concatenate([by_utc - 1, by_utc, by_utc + 1]))
    for month in months.tolist():
        if 1 <= month // 12 + 1970 <= 9999:
            yield date(month // 12 + 1970, month % 12 + 1, 1)


def _month(published: Ints) -> Ints:
    """Months since 1970 in UTC."""
    return published.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
