"""A query tree to the articles that match it, over the arrays of a snapshot.

A mask has a place for each ordinal. Everything here is about what one asker may see: the masks that come out hold
visible articles only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, tzinfo

import numpy as np

from newsindex.analysis import keyword
from newsindex.engines.base import Filters
from newsindex.engines.counting import midnight
from newsindex.engines.whoosh.columns import UNDATED, Floats, Ints, Mask
from newsindex.engines.whoosh.lookup import NOWHERE, Lookup, Occurring, OutOfTime
from newsindex.engines.whoosh.segments import Snapshot, View
from newsindex.matching import Slot
from newsindex.query.nodes import And, Everything, Keyword, Leaf, Node, Not, Or, Published
from newsindex.ranking import FIELDS


@dataclass(frozen=True)
class Found:
    """Where a leaf occurs. fields: by field, the snapshot's document numbers and counts. articles: visible ones."""

    fields: dict[str, tuple[Ints, Floats]]
    articles: Mask

    @property
    def count(self) -> int:
        return int(np.count_nonzero(self.articles))


@dataclass
class Evaluation:
    """The evaluation of one request over a snapshot. partial: whether the time was up and something was left out."""

    snapshot: Snapshot
    view: View
    zone: tzinfo | None
    lookup: Lookup
    partial: bool = False
    _found: dict[Leaf, Found] = field(default_factory=dict)

    def found(self, leaf: Leaf) -> Found:
        """Where ``leaf`` occurs. Raises OutOfTime."""
        if leaf not in self._found:
            names = [name for name in FIELDS if leaf.field in ("", name)]
            self._found[leaf] = self._in_fields(names, lambda part, name: self.lookup.leaf(part.segment, name, leaf))
        return self._found[leaf]

    def found_word(self, slot: Slot, names: Iterable[str] = FIELDS) -> Found:
        """Where a slot of unstemmed words is met, in the fields ``names``. Raises OutOfTime."""
        return self._in_fields(names, lambda part, name: self.lookup.word(part.segment, name, slot))

    def matching(self, node: Node, wanted: bool = True) -> Mask:
        """The visible articles that match.

        wanted: False below an odd number of Nots. What there was no time for never adds an article: it occurs nowhere
        where it is wanted, and everywhere where it is not.
        """
        if isinstance(node, And):
            return self._all(self.matching(child, wanted) for child in node.children)
        if isinstance(node, Or):
            return self._any(self.matching(child, wanted) for child in node.children)
        if isinstance(node, Not):
            return self.view.seen & ~self.matching(node.child, not wanted)
        if isinstance(node, Keyword):
            return self._labelled(node.field, (node.value,))
        if isinstance(node, Published):
            return self._published(node.start, node.end)
        if isinstance(node, Everything):
            return self.view.seen
        try:
            return self.found(node).articles
        except OutOfTime:
            self.partial = True
            return np.zeros_like(self.view.seen) if wanted else self.view.seen

    def passing(self, filters: Filters) -> Mask:
        """The visible articles that the filters let through."""
        mask = self._published(filters.start, filters.end)
        for kind, values in (("tag", filters.tags), ("author", filters.authors), ("section", filters.sections)):
            if values:
                mask = mask & self._labelled(kind, values)
        if filters.sources:
            mask = mask & self.snapshot.columns.labels["source"].having(filters.sources, len(mask))
        return mask if filters.keys is None else mask & self._keyed(filters.keys)

    def occurring(self, leaves: Iterable[Leaf]) -> list[tuple[Leaf, Found]]:
        """The leaves with where they occur, those left out for which there was no time."""
        out = []
        for leaf in leaves:
            try:
                out.append((leaf, self.found(leaf)))
            except OutOfTime:
                self.partial = True
        return out

    def _in_fields(self, names: Iterable[str], look_up: Callable[..., Occurring]) -> Found:
        fields = {}
        mask = np.zeros_like(self.view.seen)
        for name in names:
            docs, counts = self._joined([look_up(part, name) for part in self.snapshot.parts])
            if len(docs):
                fields[name] = (docs, counts)
                mask[self.snapshot.columns.article_of[docs]] = True
        return Found(fields, mask & self.view.seen)

    def _joined(self, found: list[Occurring]) -> tuple[Ints, Floats]:
        """What was found in each segment, in the document numbers of the snapshot."""
        parts = self.snapshot.parts
        docs = [
            each.docs.astype(np.int64) + part.first_document
            for part, each in zip(parts, found, strict=True)
            if each is not NOWHERE
        ]
        counts = [each.counts.astype(float) for each in found if each is not NOWHERE]
        if not docs:
            return np.empty(0, np.int64), np.empty(0)
        return np.concatenate(docs), np.concatenate(counts)

    def _all(self, masks: Iterable[Mask]) -> Mask:
        out = self.view.seen
        for mask in masks:
            out = out & mask
        return out

    def _any(self, masks: Iterable[Mask]) -> Mask:
        out = np.zeros_like(self.view.seen)
        for mask in masks:
            out = out | mask
        return out

    def _labelled(self, kind: str, values: tuple[str, ...]) -> Mask:
        wanted = {keyword(value) for value in values}
        return self.view.seen & self.snapshot.keyed[kind].having(wanted, len(self.view.seen))

    def _published(self, start: date | None, end: date | None) -> Mask:
        published = self.snapshot.columns.published
        mask = self.view.seen
        if start is not None or end is not None:
            mask = mask & (published != UNDATED)
        if start is not None:
            mask = mask & (published >= midnight(start, self.zone))
        if end is not None:
            mask = mask & (published < midnight(end, self.zone))
        return mask

    def _keyed(self, keys: tuple[str, ...]) -> Mask:
        mask = np.zeros_like(self.view.seen)
        for key in keys:
            ordinal = self.snapshot.find(key)
            if ordinal is not None:
                mask[ordinal] = True
        return mask
