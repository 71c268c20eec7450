"""Facets and the timeline of the matching articles, counted over columns."""

from __future__ import annotations

from datetime import date, tzinfo

import numpy as np

from newsindex.analysis import keyword
from newsindex.engines.base import Facet, FacetCount, MonthCount
from newsindex.engines.counting import facet, midnight, timeline
from newsindex.engines.whoosh.columns import UNDATED, Ints, Labels, Mask
from newsindex.engines.whoosh.segments import Snapshot


def facet_counts(snapshot: Snapshot, kind: Facet, matched: Mask, limit: int) -> tuple[FacetCount, ...]:
    """The values of the matched articles, at most ``limit``."""
    counts = counted(snapshot.keyed[kind], matched)
    spellings: dict[str, dict[str, int]] = {}
    for name, count in counted(snapshot.columns.labels[kind], matched).items():
        spellings.setdefault(keyword(name), {})[name] = count
    return facet(counts, spellings, limit)


def counted(labels: Labels, matched: Mask) -> dict[str, int]:
    """In how many of the matched articles each value stands, those in none left out."""
    counts = np.bincount(labels.values[matched[labels.articles]], minlength=len(labels.names))
    return {labels.names[at]: int(counts[at]) for at in np.flatnonzero(counts)}


def month_counts(snapshot: Snapshot, matched: Mask, zone: tzinfo | None) -> tuple[MonthCount, ...]:
    """The matched articles by month on the clocks of ``zone``."""
    published = snapshot.columns.published[matched]
    published = published[published != UNDATED]
    if not len(published):
        return ()
    months = _months(published)
    begins = np.array([midnight(month, zone) for month in months], np.int64)
    # What would be in the year 0 there counts for the first month of the calendar.
    month_of = np.maximum(np.searchsorted(begins, published, side="right") - 1, 0)
    counts = np.bincount(month_of, minlength=len(months))
    return timeline({f"{m.year:04}-{m.month:02}": int(count) for m, count in zip(months, counts, strict=True)})


def _months(published: Ints) -> list[date]:
    """The first days of all months that these may belong to in any zone, in order."""
    by_utc = np.unique(published.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64))
    near = np.unique(np.concatenate([by_utc - 1, by_utc, by_utc + 1]))
    days = [(int(month) // 12 + 1970, int(month) % 12 + 1) for month in near]
    return [date(year, month, 1) for year, month in days if 1 <= year <= 9999]
