"""Scores over arrays: ``newsindex.ranking`` for some articles exactly, and for all of them what it can be at most.

The exact score of an article takes all positions in it, to know which of its paragraphs is the best. What it can be at
most takes two numbers for each posting: how often the leaf stands in the article, and the most in one paragraph. So an
ordering works out the exact scores only of those that may come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import accumulate
from typing import Final

import numpy as np

from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.evaluation import Evaluation, Found
from newsindex.engines.whoosh.labels import Mask
from newsindex.engines.whoosh.layout import UNDATED
from newsindex.engines.whoosh.runs import Places, Run, ranges
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.snapshots import Floats, Ints, Ordinals, Singles
from newsindex.ranking import DECIMALS, FIELDS, K1, LACKING, LEVELS, PASSAGE_SHARE, RECENCY_SHARE, WEIGHT, B

#: The article takes the upper half of a 64-bit number, a position in it the lower.
_ARTICLE = 32
#: How many numbers are worked out at a time, for some leaves together.
_TOGETHER = 200_000
#: Where less than one article in _WIDE is asked for, or one for _LONG postings, each is looked for.
_WIDE = 256
_LONG = 4
_NOTHING: Final[Mask] = np.zeros(0, bool)


@dataclass(frozen=True)
class Scores:
    """The scores of some articles, rounded, and those of their paragraphs, not rounded.

    The paragraphs of article number i of them are paragraphs[at[i]:at[i + 1]], 0 where no leaf occurs.
    """

    articles: Floats
    paragraphs: Floats
    at: Places

    def of_paragraphs(self, number: int) -> Floats:
        return self.paragraphs[self.at[number] : self.at[number + 1]]


@dataclass(frozen=True)
class Question:
    """What scores depend on beside the articles.

    leaves: where each occurs; idfs: what that is worth. now: microseconds since 1970. asked_length: how many positions
    the leaves take together.
    """

    evaluation: Evaluation
    leaves: Sequence[Found]
    idfs: Sequence[float]
    now: int
    recency: timedelta | None
    asked_length: int

    @cached_property
    def lackable(self) -> Sequence[float]:
        """What an article lacks that has not one of the leaves: nothing where no article has it."""
        return [idf if found.count else 0.0 for found, idf in zip(self.leaves, self.idfs, strict=True)]

    @cached_property
    def titled(self) -> Mask:
        """The exact matches of ``newsindex.ranking``, visible or not."""
        snapshot = self.evaluation.snapshot
        mask = np.full(snapshot.articles, bool(self.leaves))
        for found in self.leaves:
            own = np.zeros_like(mask)
            for part, fields in zip(snapshot.parts, found.runs, strict=True):
                for run in fields.get("title", ()):
                    own[part.own][run.articles] = True
            mask &= own
            if not mask.any():
                return mask
        for part in snapshot.parts:
            mask[part.own] &= part.segment["title_length"] <= self.asked_length
        return mask

    @cached_property
    def largest_boost(self) -> float:
        """Of all visible articles."""
        snapshot, view = self.evaluation.snapshot, self.evaluation.view
        return 1.0 if snapshot.boost is None else float(snapshot.boost.max(initial=0.0, where=view.seen))

    def boosts(self, chosen: Ordinals | slice) -> Floats | None:
        """The boosts of some articles, None for 1 each."""
        boost = self.evaluation.snapshot.boost
        return None if boost is None else np.where(self.titled[chosen], self.largest_boost, boost[chosen])

    def gains(self, chosen: Ordinals | slice, lacking: Mask) -> Floats:
        """What to multiply scores with where recency is asked for. lacking: whether an article lacks a leaf."""
        assert self.recency is not None
        published = self.evaluation.snapshot.published[chosen]
        level = np.where(self.titled[chosen], LEVELS[1], np.where(lacking, LEVELS[-1], LEVELS[0]))
        gains: Floats = level * _recency(published, self.now, self.recency)
        return gains


def joined(scores: Sequence[Scores]) -> Scores:
    """The scores of some articles and then those of others."""
    ends = np.cumsum([each.at[-1] for each in scores])
    return Scores(
        np.concatenate([each.articles for each in scores]),
        np.concatenate([each.paragraphs for each in scores]),
        np.concatenate([scores[0].at, *(each.at[1:] + end for each, end in zip(scores[1:], ends, strict=False))]),
    )


def exact(question: Question, ordinals: Ordinals) -> Scores:
    """The scores of the articles with these ordinals, ascending ones."""
    articles = _Articles(question.evaluation, ordinals)
    sums: Floats | None = None
    lacked: Floats | None = None
    together = _TOGETHER // (articles.columns + 1) + 1
    for first in range(0, len(question.leaves), together):
        tf = articles.weighed(question.leaves[first : first + together])
        if len(question.leaves) > 1:
            # What lacks the only one has no score.
            for row, lackable in zip(tf[:, : len(ordinals)], question.lackable[first:], strict=False):
                without = np.where(row > 0, 0.0, lackable)
                lacked = without if lacked is None else np.add(lacked, without, out=lacked)
        # The steps of ranking.py one by one, so that the numbers are those of other engines.
        scores = np.array(question.idfs[first : first + together])[:, None] * tf
        scores *= K1 + 1
        tf += K1
        scores /= tf
        for row in scores:
            sums = row if sums is None else np.add(sums, row, out=sums)
    if sums is None:
        sums = np.zeros(articles.columns)
    paragraphs = sums[len(ordinals) :]
    score = sums[: len(ordinals)] + PASSAGE_SHARE * articles.best(paragraphs)
    boosts = question.boosts(ordinals)
    if boosts is not None:
        score = boosts * score
    if lacked is not None and lacked.any():
        score *= 1 - LACKING * lacked / sum(question.lackable)
    if question.recency:
        score *= question.gains(ordinals, np.zeros(len(ordinals), bool) if lacked is None else lacked > 0)
    return Scores(score.round(DECIMALS), paragraphs, articles.at)


def at_most(question: Question, ordinals: Ordinals | None = None) -> Singles:
    """A number for each of these articles, all unless some are named, that its score does not exceed unrounded.

    A paragraph counts as average at least, so that what stands in it n times adds no more than in an average one; and
    the best paragraph for all leaves is no better than the best for each of them together.
    """
    snapshot = question.evaluation.snapshot
    score = np.zeros(snapshot.articles if ordinals is None else len(ordinals), np.float32)
    lacked = np.zeros(len(score), np.float32)
    several = len(question.leaves) > 1
    places: list[_Part] | None = None
    for found, idf, lackable in zip(question.leaves, question.idfs, question.lackable, strict=True):
        factor = idf * (K1 + 1)
        if ordinals is None:
            tf, most = found.tf, found.most
        elif found.is_weighed or len(ordinals) * _WIDE > max(found.postings * _WIDE // _LONG, snapshot.articles):
            # Less work than to look for each in the runs.
            tf, most = found.at(ordinals)
        else:
            places = places or _places(question.evaluation, ordinals)
            tf, most = _at(question.evaluation, found, places, len(score))
        score += _saturated(tf, factor)
        score += _saturated(most, factor * PASSAGE_SHARE)
        if several and lackable:
            # Only where it is lacked; ``where=`` takes ten times as long.
            lacked += (tf == 0) * np.float32(lackable)
    chosen = slice(None) if ordinals is None else ordinals
    boosts = question.boosts(chosen)
    if boosts is not None:
        score *= boosts
    lacking = lacked > 0 if question.recency else _NOTHING
    if several and any(question.lackable):
        lacked *= np.float32(-LACKING / sum(question.lackable))
        lacked += 1
        score *= lacked
    if question.recency:
        score *= question.gains(chosen, lacking)
    # Each step above may have lost half of the last bit of a number in single precision.
    score *= np.float32(1 + 2.0**-23 * (4 * len(question.leaves) + 30))
    return score


def _at(evaluation: Evaluation, found: Found, places: Sequence[_Part], size: int) -> tuple[Singles, Singles]:
    """Found.tf and Found.most in some articles. There are so few that each is looked up in the runs."""
    tf, most = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for part in places:
        for name, runs in found.runs[part.number].items():
            weights = evaluation.view.weights[name][part.ordinals]
            for run in runs:
                postings, at = run.among(part.own, part.segment.articles)
                added = weights[at] * run.counts[postings] * np.float32(run.times)
                np.add.at(tf, at + part.where.start, added.astype(np.float32, copy=False))
                if name == "text" and run.best is not None:
                    np.add.at(most, at + part.where.start, run.best[postings] * np.float32(run.times))
    return tf, most


def _saturated(tf: Singles, factor: float) -> Singles:
    """factor * tf / (K1 + tf)"""
    out = tf + np.float32(K1)
    np.divide(tf, out, out=out)
    out *= np.float32(factor)
    return out


@dataclass(frozen=True)
class _Part:
    """Some articles of one segment. number: of the part in the snapshot. where: their place among the articles asked
    for, by ``ordinals``; own: their numbers in the segment."""

    number: int
    segment: Segment
    where: slice
    ordinals: Ordinals
    own: Places


def _places(evaluation: Evaluation, ordinals: Ordinals) -> list[_Part]:
    """The articles with these ordinals, ascending ones, by segment."""
    return [
        _Part(number, part.segment, where, ordinals[where], ordinals[where] - part.first_article)
        for number, part, where in evaluation.snapshot.split(ordinals)
    ]


@dataclass
class _Counted:
    """How often leaves stand in a field of some articles, collected run by run.

    size: how many articles. For each run that has any of them: the leaf; the run; the articles of its postings; how
    often it stands there; where the positions of each begin in its own, if those are wanted.
    """

    size: int
    leaves: list[int] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    places: list[Array] = field(default_factory=list)
    counts: list[Array] = field(default_factory=list)
    begins: list[Array] = field(default_factory=list)

    def add(self, leaf: int, run: Run, part: _Part, with_positions: bool) -> None:
        """Add the postings of a run in the articles of a part."""
        postings, places = run.among(part.own, part.segment.articles)
        if not len(postings):
            return
        if part.where.start:
            places += part.where.start
        counts = run.counts[postings]
        self.leaves.append(leaf)
        self.runs.append(run)
        self.places.append(places)
        self.counts.append(counts)
        if with_positions:
            self.begins.append(run.begins_of(postings, counts))

    def in_articles(self, leaves: int) -> Array:
        """How often each leaf stands in each article, a row for each."""
        return self._summed(_joined(self.places), _joined(self.counts), self.counts, leaves, self.size)

    def in_paragraphs(self, leaves: int, paragraphs: Ints) -> Array:
        """How often each leaf stands in each paragraph, a row for each. paragraphs: where each begins, see _ARTICLE."""
        sizes = _joined(self.counts).astype(np.intp, copy=False)
        where = ranges(_joined(self.begins), sizes, sum(len(run.positions) for run in self.runs))
        keys: Ints = (_joined(self.places) << _ARTICLE).repeat(sizes)
        if len(self.runs) == 1:
            positions = [self.runs[0].positions.take(where)]
        else:
            edges = np.add.accumulate(sizes)[[end - 1 for end in accumulate(map(len, self.counts))]].tolist()
            positions = [
                run.positions.take(where[first:end])
                for run, first, end in zip(self.runs, [0, *edges], edges, strict=False)
            ]
        keys += _joined(positions)
        # What is found is the paragraph after.
        found: Places = paragraphs.searchsorted(keys, side="right") - 1
        return self._summed(found, None, positions, leaves, len(paragraphs))

    def _summed(self, places: Array, counts: Array | None, pieces: Sequence[Array], leaves: int, size: int) -> Array:
        """For each leaf and place the sum of the counts, None for 1 each. pieces: as long as what each run has."""
        if leaves > 1:
            places = places + (np.array(self.leaves) * size).repeat([len(piece) for piece in pieces])
        if any(run.times != 1 for run in self.runs):
            times = np.array([run.times for run in self.runs]).repeat([len(piece) for piece in pieces])
            counts = times if counts is None else times * counts
        found = np.bincount(places, counts, leaves * size)
        return found.reshape(leaves, size)


class _Articles:
    """Some articles of a snapshot, and what is counted in them. Arrays are in the order of their ordinals.

    at: where the paragraphs of each article begin among those of all. columns: how many articles and paragraphs.
    """

    def __init__(self, evaluation: Evaluation, ordinals: Ordinals) -> None:
        self._view = view = evaluation.view
        self._size = len(ordinals)
        self._parts = _places(evaluation, ordinals)
        self.at: Places = np.zeros(self._size + 1, np.intp)
        starts, lengths, sizes = [], [], []
        for part in self._parts:
            column = part.segment["first_paragraph"]
            begins = column[part.own].astype(np.intp)
            sizes.append(column[part.own + 1] - begins)
            own = part.segment["paragraph_start"]
            paragraphs = ranges(begins, sizes[-1], len(own))
            starts.append(own[paragraphs])
            lengths.append(part.segment["paragraph_length"][paragraphs])
        having = _joined(sizes)
        np.add.accumulate(having, out=self.at[1:])
        self.columns = self._size + int(self.at[-1])
        self._empty = np.count_nonzero(having) < self._size
        #: Where each paragraph begins, see _ARTICLE.
        self._paragraph_keys: Ints = (np.arange(self._size) << _ARTICLE).repeat(having)
        self._paragraph_keys += _joined(starts)
        size = np.maximum(_joined(lengths), view.average_paragraph)
        self._paragraph_norm = _norm("text", size, view.average_paragraph)

    def weighed(self, leaves: Sequence[Found]) -> Floats:
        """tf of ranking.py in each article, then in each paragraph: a row for each leaf."""
        tf = np.zeros((len(leaves), self.columns))
        in_articles, in_paragraphs = tf[:, : self._size], tf[:, self._size :]
        for name, counted in self._counted(leaves).items():
            if counted.places:
                frequency = counted.in_articles(len(leaves)) * WEIGHT[name]
                frequency /= self._norm(name)
                in_articles += frequency
            if counted.begins:
                frequency = counted.in_paragraphs(len(leaves), self._paragraph_keys)
                np.divide(frequency * WEIGHT["text"], self._paragraph_norm, out=in_paragraphs)
        return tf

    def _counted(self, leaves: Sequence[Found]) -> dict[str, _Counted]:
        """By field, in the order of FIELDS."""
        found: dict[str, _Counted] = {}
        for name in FIELDS:
            for leaf, where in enumerate(leaves):
                for part in self._parts:
                    for run in where.runs[part.number].get(name, ()):
                        if name not in found:
                            found[name] = _Counted(self._size)
                        found[name].add(leaf, run, part, name == "text")
        return found

    def best(self, paragraphs: Floats) -> Floats:
        """The score of the best paragraph of each article, 0 where it has none."""
        if not self._empty and self._size:
            found: Floats = np.maximum.reduceat(paragraphs, self.at[:-1])
            return found
        best = np.zeros(self._size)
        having = self.at[1:] > self.at[:-1]
        if having.any():
            best[having] = np.maximum.reduceat(paragraphs, self.at[:-1][having])
        return best

    def _norm(self, name: str) -> Floats:
        """What the frequencies in a field are divided by."""
        lengths = _joined([part.segment[f"{name}_length"][part.own] for part in self._parts])
        return _norm(name, lengths, self._view.average[name])


def _joined(arrays: Sequence[Array]) -> Array:
    """Arrays one after the other; of one, that one."""
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.empty(0, np.intp)


def _norm(name: str, lengths: Array, average: float) -> Floats:
    norm: Floats = 1 - B[name] + B[name] * lengths / average
    return norm


def _recency(published: Ints, now: int, recency: timedelta) -> Floats:
    """What to multiply scores with: more for the new, 1 for what is undated or still to come."""
    dated = (published != UNDATED) & (published <= now)
    age = now - np.where(dated, published, now)
    gain = RECENCY_SHARE * 0.5 ** (age / (recency / timedelta(microseconds=1)))
    return np.where(dated, 1 + gain, 1.0)
