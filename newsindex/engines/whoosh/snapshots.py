"""Snapshots: the segments of one commit without what was deleted, as one row of articles that never changes.

An article's number in the row is its ordinal. Columns are joined when they are first asked for; nothing is copied
where there is one segment.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.base import EVERYTHING, Document
from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.labels import Labels, Mask
from newsindex.engines.whoosh.layout import NEVER, UNDATED
from newsindex.engines.whoosh.runs import Run
from newsindex.engines.whoosh.segments import Segment
from newsindex.query.nodes import Word
from newsindex.ranking import FIELDS, WEIGHT, B

Ints = NDArray[np.int64]
Ordinals = NDArray[np.intp]
Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

#: How many views (an asker and a stretch of time) a snapshot remembers.
VIEWS: Final = 8
#: How many words: some kilobytes each.
WORDS: Final = 128

#: The C library of Linux gives large pieces of memory back to the system as soon as they are free; to get them again,
#: page by page, takes a third of a search's time. It keeps pieces up to the size of the largest that was freed.
np.empty(1 << 24, np.uint8)


@dataclass(frozen=True)
class Part:
    """A segment inside a snapshot, and where its articles and paragraphs begin there.

    deleted: the articles of the segment that are no longer in it, ascending; None for none.
    """

    segment: Segment
    first_article: int
    first_paragraph: int
    deleted: Array | None = None

    @property
    def own(self) -> slice:
        """The ordinals of its articles."""
        return slice(self.first_article, self.first_article + self.segment.articles)

    def has(self, article: int) -> bool:
        """Whether an article of the segment is still there."""
        if self.deleted is None or not len(self.deleted):
            return True
        at = int(np.searchsorted(self.deleted, article))
        return at == len(self.deleted) or int(self.deleted[at]) != article


@dataclass(frozen=True)
class View:
    """What an asker may see of a snapshot from one moment to another, with the statistics that ranking.py counts with.

    hidden: ordinals that count as not there. since, until: microseconds since 1970, half open. seen: for each ordinal.
    everything: whether all are. articles: how many are. average, average_paragraph: lengths in positions, 1 for none.
    weights: for each field and ordinal, what one occurrence adds to tf, rounded to single precision. known: what others
    have worked out for it.
    """

    audiences: frozenset[str]
    hidden: frozenset[int]
    since: int
    until: int
    seen: Mask
    everything: bool
    articles: int
    average: dict[str, float]
    average_paragraph: float
    weights: dict[str, Singles] = field(repr=False)
    known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def holds(self, now: int, audiences: frozenset[str], hidden: frozenset[int]) -> bool:
        """Whether a member of ``audiences`` sees just this at ``now``."""
        return self.audiences == audiences and self.hidden == hidden and self.since <= now < self.until


class Snapshot:
    """The articles of one commit. Shared by threads and requests."""

    def __init__(self, number: int, segments: Sequence[Segment], deleted: Sequence[Array | None]) -> None:
        """number: of the commit. deleted: for each segment, its articles that are deleted, ascending."""
        self.number = number
        self.parts: list[Part] = []
        self.articles = paragraphs = 0
        for segment, gone in zip(segments, deleted, strict=True):
            self.parts.append(Part(segment, self.articles, paragraphs, gone))
            self.articles += segment.articles
            paragraphs += segment.paragraphs
        self._firsts = [part.first_article for part in self.parts]
        self._views: tuple[View, ...] = ()
        self._hidden: dict[frozenset[str], frozenset[int]] = {}
        self._remembered: dict[Any, Any] = {}
        #: Where the words stand that were asked for last, by part and field.
        self.runs: dict[Word, list[dict[str, list[Run]]]] = {}
        self._lock = threading.Lock()

    # Articles

    def find(self, key: str) -> int | None:
        """The ordinal of the live article with this key."""
        for part in self.parts:
            own = part.segment.find(key)
            if own is not None and part.has(own):
                return part.first_article + own
        return None

    def place(self, ordinal: int) -> tuple[Segment, int]:
        """The segment of an article, and its number there."""
        at = bisect_right(self._firsts, ordinal) - 1
        return self.parts[at].segment, ordinal - self._firsts[at]

    def key(self, ordinal: int) -> str:
        segment, article = self.place(ordinal)
        return segment.key(article)

    def keys(self, ordinals: Sequence[int]) -> list[str]:
        """The keys of some articles."""
        if len(self.parts) == 1:
            return self.parts[0].segment.keys(ordinals)
        return [self.key(ordinal) for ordinal in ordinals]

    def document(self, ordinal: int) -> Document:
        """The whole Document of an article."""
        segment, article = self.place(ordinal)
        return segment.document(article)

    def split(self, ordinals: Array) -> list[tuple[int, Part, slice]]:
        """The parts that have some of ``ordinals``, ascending ones, each with its number and where those stand."""
        if len(self.parts) == 1 and len(ordinals):
            return [(0, self.parts[0], slice(0, len(ordinals)))]
        bounds = [*ordinals.searchsorted(self._firsts).tolist(), len(ordinals)]
        return [
            (number, part, slice(first, end))
            for number, (part, first, end) in enumerate(zip(self.parts, bounds, bounds[1:], strict=False))
            if end > first
        ]

    def ordinals(self) -> Ordinals:
        """Of the live articles."""
        return np.flatnonzero(self.live)

    def paragraphs(self) -> int:
        """How many paragraphs the live articles have."""
        return self._paragraphs_of(self.live, not any(_any(part.deleted) for part in self.parts))

    # Columns

    @cached_property
    def live(self) -> Mask:
        """Which articles are not deleted."""
        mask = np.ones(self.articles, bool)
        for part in self.parts:
            if _any(part.deleted):
                mask[part.own][part.deleted] = False
        return mask

    @cached_property
    def published(self) -> Ints:
        """Microseconds since 1970, UNDATED for none."""
        return self.column("published", np.int64)

    @cached_property
    def newest(self) -> Ordinals:
        """The ordinals by date, the newest first, those undated last; equal ones in no order."""
        return self.published.argsort(kind="stable")[::-1]

    @cached_property
    def expires(self) -> Ints:
        """Microseconds since 1970, NEVER for none."""
        return self.column("expires", np.int64)

    @cached_property
    def boost(self) -> Floats | None:
        """None where all are 1."""
        if all(bool(np.all(part.segment["boost"] == 1.0)) for part in self.parts):
            return None
        return self.column("boost", np.float64)

    def column(self, name: str, kind: type[Any]) -> NDArray[Any]:
        """A column of all articles."""
        columns = [part.segment[name] for part in self.parts]
        if len(columns) == 1:
            return columns[0].astype(kind, copy=False)
        # The type is named for the case of no segments.
        return np.concatenate([np.empty(0, kind), *columns]).astype(kind, copy=False)

    def labels(self, kind: str) -> list[tuple[Part, Labels]]:
        """The values of a kind of layout.LABELS, segment by segment."""
        return [(part, part.segment.labels(kind)) for part in self.parts]

    def labelled(self, kind: str, wanted: Collection[str], keyed: bool) -> Mask:
        """The articles with one of the values that are wanted. keyed: whether those are keywords."""
        mask = np.zeros(self.articles, bool)
        for part, labels in self.labels(kind):
            mask[part.own] = labels.keyed(wanted) if keyed else labels.having(wanted)
        return mask

    def remembered(self, what: Any, made: Any) -> Any:
        """What ``made()`` gives, worked out once for each ``what``, of which the latest few are kept."""
        found = self._remembered.get(what)
        if found is None:
            found = made()
            with self._lock:
                while len(self._remembered) >= VIEWS:
                    del self._remembered[next(iter(self._remembered))]
                self._remembered[what] = found
        return found

    def keep_runs(self, word: Word, runs: list[dict[str, list[Run]]]) -> None:
        """Remember where a word stands, if that takes no memory to speak of: what lies in the files is only named."""
        if all(run.is_in_file for fields in runs for own in fields.values() for run in own):
            with self._lock:
                while len(self.runs) >= WORDS:
                    del self.runs[next(iter(self.runs))]
                self.runs[word] = runs

    # Views

    def view(self, now: int, audiences: frozenset[str], hidden: frozenset[str] = frozenset()) -> View:
        """What a member of ``audiences`` sees at ``now``, microseconds since 1970. hidden: keys not to be seen."""
        there = self._there(hidden) if hidden else frozenset()
        for known in self._views:
            if known.holds(now, audiences, there):
                return known
        made = self._viewed(now, audiences, there)
        with self._lock:
            self._views = (made, *self._views)[:VIEWS]
        return made

    def _there(self, keys: frozenset[str]) -> frozenset[int]:
        """The ordinals of those of ``keys`` that are here: of what is hidden, most may be new. Remembered."""
        found = self._hidden.get(keys)
        if found is None:
            found = frozenset(ordinal for key in keys if (ordinal := self.find(key)) is not None)
            with self._lock:
                self._hidden = {**dict(list(self._hidden.items())[1 - VIEWS :]), keys: found}
        return found

    def _viewed(self, now: int, audiences: frozenset[str], hidden: frozenset[int]) -> View:
        if audiences == EVERYTHING:
            seen, since, until = self.live, UNDATED, NEVER
        else:
            allowed = self.labelled("audience", audiences, keyed=False)
            seen = self.live & allowed & (self.published <= now) & (now < self.expires)
            since, until = self._turns(now)
        if hidden:
            seen = seen.copy()
            seen[list(hidden)] = False
        everything = bool(seen.all())
        articles = self.articles if everything else int(np.count_nonzero(seen))
        total = {name: self._total(name, seen, everything) for name in FIELDS}
        paragraphs = self._paragraphs_of(seen, everything)
        average = {name: (total[name] / articles if articles else 0.0) or 1.0 for name in FIELDS}
        return View(
            audiences=audiences,
            hidden=hidden,
            since=since,
            until=until,
            seen=seen,
            everything=everything,
            articles=articles,
            average=average,
            average_paragraph=(total["text"] / paragraphs if paragraphs else 0.0) or 1.0,
            weights={name: self._weights(name, average[name]) for name in FIELDS},
        )

    def _turns(self, now: int) -> tuple[int, int]:
        """The last moment up to ``now`` and the first after it at which an article comes or goes."""
        since, until = UNDATED, NEVER
        for moments in (self.published, self.expires):
            past = moments <= now
            since = max(since, int(moments.max(initial=UNDATED, where=past)))
            until = min(until, int(moments.min(initial=NEVER, where=~past)))
        return since, until

    def _total(self, name: str, seen: Mask, everything: bool) -> int:
        """The length of a field in all articles that are seen together."""
        total = 0
        for part in self.parts:
            lengths = part.segment[f"{name}_length"]
            total += int((lengths if everything else lengths[seen[part.own]]).sum(dtype=np.int64))
        return total

    def _paragraphs_of(self, seen: Mask, everything: bool) -> int:
        if everything:
            return sum(part.segment.paragraphs for part in self.parts)
        return sum(
            int(np.diff(part.segment["first_paragraph"])[seen[part.own]].sum(dtype=np.int64)) for part in self.parts
        )

    def _weights(self, name: str, average: float) -> Singles:
        weights = np.empty(self.articles, np.float32)
        for part in self.parts:
            lengths = part.segment[f"{name}_length"]
            weights[part.own] = WEIGHT[name] / (1 - B[name] + B[name] / average * lengths)
        return weights


def _any(deleted: Array | None) -> bool:
    return deleted is not None and len(deleted) > 0
