"""A query tree to the articles that match it, over the segments of a snapshot.

A mask has a place for each ordinal. Everything here is about what one asker may see: the masks that come out hold
visible articles only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo
from functools import cached_property
from typing import Final, TypeVar

import numpy as np

from newsindex.analysis import keyword, stemming_language
from newsindex.deadline import Deadline, OutOfTime
from newsindex.engines.base import Filters
from newsindex.engines.closeness import enough, rarity
from newsindex.engines.counting import midnight
from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.labels import Mask
from newsindex.engines.whoosh.layout import UNDATED
from newsindex.engines.whoosh.lookup import Looked, forms_of_words, looked_for, runs
from newsindex.engines.whoosh.runs import Run
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.snapshots import Ordinals, Singles, Snapshot, View
from newsindex.matching import Near, Slot
from newsindex.query.nodes import (
    And,
    Everything,
    Fuzzy,
    Keyword,
    Leaf,
    Node,
    Not,
    Or,
    Phrase,
    Prefix,
    Published,
    Simple,
    Synonyms,
    Word,
)
from newsindex.ranking import FIELDS, SYNONYM, leaf_weights

T = TypeVar("T")

#: Above one posting for so many articles, a leaf is weighed at once instead of only marking its articles.
_DENSE: Final = 8
#: A number, and the halves of which it has two, the lower one first.
_WHOLE: Final = np.dtype("<u4")
_HALF: Final = np.dtype("<u2")
#: So many numbers below 256 add up to less than 65,536.
_MOST_PACKED: Final = 256
#: What is looked at first inside an And: what costs least.
_COST: Final = {Everything: 0, Published: 1, Keyword: 2, Word: 3, Prefix: 5, Fuzzy: 6, Phrase: 7}

#: For each part of a snapshot, the runs in each field; fields without any are left out.
Occurring = list[dict[str, list[Run]]]


class Found:
    """Where a leaf occurs. runs: for each part and field."""

    def __init__(self, snapshot: Snapshot, view: View, runs: Occurring) -> None:
        self.runs = runs
        self._snapshot = snapshot
        self._view = view

    @cached_property
    def postings(self) -> int:
        """How many postings the runs have together."""
        return sum(len(run.articles) for _, _, run in self._placed)

    @cached_property
    def articles(self) -> Mask:
        """The visible articles in which it occurs."""
        if self.postings * _DENSE <= self._snapshot.articles:
            return self.marked()
        if self._sums is None:
            return self._visible(self.tf > 0)
        return self._visible(self._sums > 0, self._others)

    def mark(self) -> Mask:
        """The same, for good, where few of them will be weighed or none."""
        if "articles" not in self.__dict__:
            self.articles = self.marked()
        return self.articles

    def marked(self) -> Mask:
        """The same, without weighing what will be weighed for few of them only."""
        return self._visible(np.zeros(self._snapshot.articles, bool), self._placed)

    def at(self, ordinals: Ordinals) -> tuple[Singles, Singles]:
        """``tf`` and ``most`` in some articles."""
        if self._sums is None or "tf" in self.__dict__:
            return self.tf[ordinals], self.most[ordinals]
        halves = self._sums[ordinals].view(_HALF)
        tf: Singles = halves[::2] * self._view.weights["text"][ordinals]
        if self._others:
            tf += self._added(np.zeros(self._snapshot.articles, np.float32))[ordinals]
        return tf, halves[1::2].astype(np.float32)

    @cached_property
    def tf(self) -> Singles:
        """ranking.py's tf in each article, visible or not, in single precision."""
        if self._sums is None:
            return self._added(np.zeros(self._snapshot.articles, np.float32))
        return self._added(self._sums.view(_HALF)[::2] * self._view.weights["text"])

    @property
    def is_weighed(self) -> bool:
        """Whether ``tf`` and ``most`` are known for all articles, as they are for most leaves in many of them."""
        return self.__dict__.get("_sums") is not None

    @cached_property
    def most(self) -> Singles:
        """The most that it stands in one paragraph of each article, or more."""
        if self._sums is not None:
            return self._sums.view(_HALF)[1::2].astype(np.float32)
        most = np.zeros(self._snapshot.articles, np.float32)
        for own, name, run in self._placed:
            if name == "text":
                assert run.best is not None
                np.add.at(most[own], run.articles, run.best * np.float32(run.times))
        return most

    @cached_property
    def _sums(self) -> Array | None:
        """How often it stands in the text of each article, in the lower half of a number, and ``most`` in the upper.

        None where that is not faster than posting by posting: for few of them, and where an article may have large
        numbers.
        """
        runs = [(own, run) for own, name, run in self._placed if name == "text"]
        if sum(len(run.articles) for _, run in runs) * _DENSE <= self._snapshot.articles:
            return None
        if not all(run.ascending and run.counts.dtype == np.uint8 and run.times == 1 for _, run in runs):
            return None
        if max(len(fields.get("text", ())) for fields in self.runs) > _MOST_PACKED:
            return None
        # To go through the postings takes longest: both numbers are added up at once, as the halves of one.
        sums = np.zeros(self._snapshot.articles, _WHOLE)
        for own, run in runs:
            assert run.best is not None
            both = run.best.astype(np.uint32)
            both <<= np.uint32(16)
            both |= run.counts
            np.add.at(sums[own], run.articles, both)
        return sums

    @cached_property
    def _placed(self) -> list[tuple[slice, str, Run]]:
        """All runs, each with the ordinals of its part and its field."""
        return [
            (part.own, name, run)
            for part, fields in zip(self._snapshot.parts, self.runs, strict=True)
            for name, found in fields.items()
            for run in found
        ]

    @cached_property
    def _others(self) -> list[tuple[slice, str, Run]]:
        """The runs that are not in ``_sums``."""
        return self._placed if self._sums is None else [each for each in self._placed if each[1] != "text"]

    def _added(self, tf: Singles) -> Singles:
        """``tf`` with what ``_others`` add to it."""
        for own, name, run in self._others:
            added = self._view.weights[name][own].take(run.articles)
            np.multiply(added, run.counts, out=added)
            np.add.at(tf[own], run.articles, added if run.times == 1 else added * np.float32(run.times))
        return tf

    def _visible(self, mask: Mask, runs: Iterable[tuple[slice, str, Run]] = ()) -> Mask:
        """The visible ones of ``mask`` and of the articles of some runs."""
        for own, _, run in runs:
            mask[own][run.articles] = True
        return mask if self._view.everything else np.logical_and(mask, self._view.seen, out=mask)

    @cached_property
    def count(self) -> int:
        """In how many visible articles it occurs."""
        return int(np.count_nonzero(self.articles))

    @property
    def idf(self) -> float:
        return math.log(1 + (self._view.articles - self.count + 0.5) / (self.count + 0.5))


@dataclass
class Evaluation:
    """The evaluation of one request over a snapshot. partial: whether the time was up and something was left out."""

    snapshot: Snapshot
    view: View
    zone: tzinfo | None
    deadline: Deadline
    partial: bool = False
    _found: dict[Leaf, Found] = field(default_factory=dict)
    _words: dict[str, Found] = field(default_factory=dict)

    def found(self, leaf: Leaf) -> Found:
        """Where ``leaf`` occurs; remembered. Raises OutOfTime."""
        if leaf not in self._found:
            self._found[leaf] = self._known(leaf) if isinstance(leaf, Word) else self.looked_up(leaf)
        return self._found[leaf]

    def _known(self, word: Word) -> Found:
        """As ``looked_up``, at less cost where somebody asked for the word before."""
        runs = self.snapshot.runs.get(word)
        if runs is not None:
            return Found(self.snapshot, self.view, runs)
        found = self.looked_up(word)
        self.snapshot.keep_runs(word, found.runs)
        return found

    def looked_up(self, leaf: Leaf) -> Found:
        """Where ``leaf`` occurs. Raises OutOfTime."""
        if isinstance(leaf, Synonyms):
            return self._any_meant(leaf)
        return self._looked_up(leaf)

    def _any_meant(self, leaf: Synonyms) -> Found:
        """Where a word or one of its synonyms occurs: the postings of all."""
        out: Occurring = [{name: [*own] for name, own in fields.items()} for fields in self.found(leaf.word).runs]
        for other in leaf.others:
            only = stemming_language(other.language)
            there = self._looked_up(other.leaf, only) if other.language else self.found(other.leaf)
            for fields, found in zip(out, there.runs, strict=True):
                for name, own in found.items():
                    fields.setdefault(name, []).extend(run.weighing(SYNONYM) for run in own)
        return Found(self.snapshot, self.view, out)

    def _looked_up(self, leaf: Simple, only: str | None = None) -> Found:
        names = [name for name in FIELDS if leaf.field in ("", name)]
        return self.found_in(names, lambda segment: looked_for(segment, leaf, only))

    def found_word(self, slot: Slot, names: Iterable[str] = FIELDS) -> Found:
        """Where a slot of unstemmed words is met, in the fields ``names``. Raises OutOfTime."""
        return self.found_in(names, lambda segment: forms_of_words(segment, slot))

    def found_exactly(self, word: str) -> Found:
        """Where a folded word stands, unstemmed; remembered. Raises OutOfTime."""
        if word not in self._words:
            self._words[word] = self.found_word(Near(word, 0))
        return self._words[word]

    def found_in(self, names: Iterable[str], look: Callable[[Segment], Sequence[Looked]]) -> Found:
        """Where forms stand in the fields ``names``. look: which forms of a segment. Raises OutOfTime."""
        found: Occurring = []
        for part in self.snapshot.parts:
            self.deadline.check()
            looked = look(part.segment)
            fields = {name: runs(part.segment, name, looked, self.deadline) for name in names} if looked else {}
            found.append({name: own for name, own in fields.items() if own})
        return Found(self.snapshot, self.view, found)

    def matching(self, node: Node, wanted: bool = True) -> Mask:
        """The visible articles that match: nobody may change the mask.

        wanted: False below an odd number of Nots. What there was no time for never adds an article: it occurs nowhere
        where it is wanted, and everywhere where it is not.
        """
        if isinstance(node, And):
            return self._all(node.children, wanted)
        if isinstance(node, Or):
            return self._any(node.children, wanted)
        if isinstance(node, Not):
            return self.view.seen & ~self.matching(node.child, not wanted)
        if isinstance(node, Keyword):
            return self._labelled(node.field, (node.value,))
        if isinstance(node, Published):
            return self._published(node.start, node.end)
        if isinstance(node, Everything):
            return self.view.seen
        try:
            found = self.found(node)
            # What is left out is not weighed.
            return found.articles if wanted else found.mark()
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
            mask = mask & self.snapshot.labelled("source", filters.sources, keyed=False)
        return mask if filters.keys is None else mask & self._keyed(filters.keys)

    def closest(self, parts: Sequence[Node], mask: Mask) -> Mask:
        """The articles of ``mask`` that have enough of ``parts``; all where there are none."""
        met = [self.matching(part) for part in parts]
        shares = leaf_weights(parts)
        weights = [
            share * rarity(int(np.count_nonzero(found)), self.view.articles)
            for share, found in zip(shares, met, strict=True)
        ]
        least = enough(weight for weight, found in zip(weights, met, strict=True) if (found & mask).any())
        mass = np.zeros(len(mask))
        for weight, found in zip(weights, met, strict=True):
            mass[found] += weight
        return mask & (mass >= least)

    def in_time(self, found: Iterable[T]) -> Iterator[T]:
        """``found`` as far as there is time."""
        try:
            for one in found:
                self.deadline.check()
                yield one
        except OutOfTime:
            return

    def occurring(self, leaves: Sequence[Leaf]) -> tuple[list[Found], list[float]]:
        """Where the leaves occur, and what that is worth; those left out for which there was no time."""
        where: list[Found] = []
        idfs: list[float] = []
        for leaf, weight in zip(leaves, leaf_weights(leaves), strict=True):
            try:
                where.append(self.found(leaf))
                idfs.append(weight * where[-1].idf)
            except OutOfTime:
                self.partial = True
        return where, idfs

    def _all(self, children: Sequence[Node], wanted: bool) -> Mask:
        out = self.view.seen
        for child in sorted(children, key=lambda child: _COST.get(type(child), 4)):
            mask = self.matching(child, wanted)
            out = mask if out is self.view.seen else out & mask
            if not out.any():
                break
        return out

    def _any(self, children: Sequence[Node], wanted: bool) -> Mask:
        out = np.zeros_like(self.view.seen)
        for child in children:
            out |= self.matching(child, wanted)
        return out

    def _labelled(self, kind: str, values: Iterable[str]) -> Mask:
        return self.view.seen & self.snapshot.labelled(kind, {keyword(value) for value in values}, keyed=True)

    def _published(self, start: date | None, end: date | None) -> Mask:
        published = self.snapshot.published
        mask = self.view.seen
        if start is not None:
            mask = mask & (published >= max(midnight(start, self.zone), UNDATED + 1))
        elif end is not None:
            mask = mask & (published != UNDATED)
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
