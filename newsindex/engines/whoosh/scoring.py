"""Scores over arrays: ``newsindex.ranking`` for some articles exactly, and for all of them what it can be at most.

The exact score of an article takes all positions in it, to know which of its paragraphs is the best. What it can be at
most takes two numbers for each posting: how often the leaf stands in the article, and the most in one paragraph. So an
ordering works out the exact scores only of those that may come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.evaluation import Evaluation, Found
from newsindex.engines.whoosh.layout import UNDATED
from newsindex.engines.whoosh.runs import Places, Run, ranges
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.snapshots import Floats, Ints, Ordinals, Singles
from newsindex.ranking import DECIMALS, FIELDS, K1, PASSAGE_SHARE, RECENCY_SHARE, WEIGHT, B

#: The article takes the upper half of a 64-bit number, a position in it the lower.
_ARTICLE = 32


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
    """What scores depend on beside the articles. now: microseconds since 1970. leaves: where each occurs."""

    evaluation: Evaluation
    leaves: Sequence[Found]
    now: int
    recency: timedelta | None


def exact(question: Question, ordinals: Ordinals) -> Scores:
    """The scores of the articles with these ordinals, ascending ones."""
    articles = _Articles(question.evaluation, ordinals)
    total = np.zeros(len(ordinals))
    paragraphs = np.zeros(len(articles.paragraph_keys))
    for found in question.leaves:
        idf = found.idf
        tf, in_paragraphs = articles.weighed(found)
        total += idf * tf * (K1 + 1) / (K1 + tf)
        if in_paragraphs is not None:
            paragraphs += idf * in_paragraphs * (K1 + 1) / (K1 + in_paragraphs)
    score = total + PASSAGE_SHARE * articles.best(paragraphs)
    snapshot = question.evaluation.snapshot
    if snapshot.boost is not None:
        score = snapshot.boost[ordinals] * score
    if question.recency:
        score *= _recency(snapshot.published[ordinals], question.now, question.recency)
    return Scores(score.round(DECIMALS), paragraphs, articles.at)


def at_most(question: Question, ordinals: Ordinals | None = None) -> Singles:
    """A number for each of these articles, all unless some are named, that its score does not exceed unrounded.

    A paragraph counts as average at least, so that what stands in it n times adds no more than in an average one; and
    the best paragraph for all leaves is no better than the best for each of them together.
    """
    snapshot = question.evaluation.snapshot
    places = None if ordinals is None else _places(question.evaluation, ordinals)
    score = np.zeros(snapshot.articles if ordinals is None else len(ordinals), np.float32)
    for found in question.leaves:
        factor = found.idf * (K1 + 1)
        tf, most = (
            _everywhere(question.evaluation, found)
            if places is None
            else _at(question.evaluation, found, places, len(score))
        )
        score += _saturated(tf, factor)
        score += _saturated(most, factor * PASSAGE_SHARE)
    chosen = slice(None) if ordinals is None else ordinals
    if snapshot.boost is not None:
        score *= snapshot.boost[chosen]
    if question.recency:
        score *= _recency(snapshot.published[chosen], question.now, question.recency)
    # Each step above may have lost half of the last bit of a number in single precision.
    score *= np.float32(1 + 2.0**-23 * (2 * len(question.leaves) + 20))
    return score


def _everywhere(evaluation: Evaluation, found: Found) -> tuple[Singles, Singles]:
    """tf of ranking.py in each article, and the most that the leaf can stand in one paragraph of it."""
    most = np.zeros(evaluation.snapshot.articles, np.float32)
    for part, fields in zip(evaluation.snapshot.parts, found.runs, strict=True):
        own = most[part.own]
        for run in fields.get("text", ()):
            assert run.best is not None
            np.add.at(own, run.articles, run.best * np.float32(run.times))
    return found.tf, most


def _at(evaluation: Evaluation, found: Found, places: Sequence[_Part], size: int) -> tuple[Singles, Singles]:
    """The same in some articles. There are so few that each is looked up in the runs."""
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


class _Articles:
    """Some articles of a snapshot, and what is counted in them. Arrays are in the order of their ordinals.

    at: where the paragraphs
    of each article begin among those of all. paragraph_keys: where each paragraph begins, see _ARTICLE.
    """

    def __init__(self, evaluation: Evaluation, ordinals: Ordinals) -> None:
        self._view = view = evaluation.view
        self._size = len(ordinals)
        self._parts = _places(evaluation, ordinals)
        sizes = np.zeros(self._size, np.intp)
        starts: list[Array] = [np.empty(0, np.int64)]
        lengths: list[Array] = [np.empty(0, np.int64)]
        for part in self._parts:
            first = part.segment["first_paragraph"]
            begins = first[part.own].astype(np.intp)
            own = sizes[part.where]
            np.subtract(first[part.own + 1], begins, out=own, casting="unsafe")
            paragraphs = ranges(begins, own)
            starts.append(part.segment["paragraph_start"][paragraphs])
            lengths.append(part.segment["paragraph_length"][paragraphs])
        self.at: Places = np.concatenate([np.zeros(1, np.intp), sizes.cumsum()])
        self.paragraph_keys: Ints = (np.arange(self._size, dtype=np.int64) << _ARTICLE).repeat(sizes)
        self.paragraph_keys += np.concatenate(starts).astype(np.int64, copy=False)
        size = np.maximum(np.concatenate(lengths), view.average_paragraph)
        self._paragraph_norm = _norm("text", size, view.average_paragraph)
        self._norms: dict[str, Floats] = {}

    def weighed(self, found: Found) -> tuple[Floats, Floats | None]:
        """tf of ranking.py for each article, and for each paragraph; None where the leaf is in none of them."""
        tf = np.zeros(self._size)
        in_paragraphs: Floats | None = None
        for name in FIELDS:
            frequency: Floats | None = None
            keys: dict[int, list[Ints]] = {}
            for part in self._parts:
                for run in found.runs[part.number].get(name, ()):
                    if frequency is None:
                        frequency = np.zeros(self._size)
                    postings, places = run.among(part.own, part.segment.articles)
                    if len(postings):
                        places += part.where.start
                        self._count(run, postings, places, frequency, keys if name == "text" else None)
            if frequency is not None:
                tf += WEIGHT[name] * frequency / self._norm(name)
            if keys:
                in_paragraphs = WEIGHT["text"] * self._counted(keys) / self._paragraph_norm
        return tf, in_paragraphs

    def _count(
        self, run: Run, postings: Places, places: Places, frequency: Floats, keys: dict[int, list[Ints]] | None
    ) -> None:
        """Add up how often the run stands in each article, and collect where. places: of the articles of postings."""
        if keys is None:
            sizes = run.counts[postings].astype(np.intp)
        else:
            positions, sizes = run.positions_of(postings)
            found: Ints = (places << _ARTICLE).repeat(sizes)
            found += positions
            keys.setdefault(run.times, []).append(found)
        if run.ascending:
            frequency[places] += sizes * run.times
        else:
            np.add.at(frequency, places, (sizes * run.times).astype(np.float64))

    def best(self, paragraphs: Floats) -> Floats:
        """The score of the best paragraph of each article, 0 where it has none."""
        best = np.zeros(self._size)
        having = self.at[1:] > self.at[:-1]
        if having.any():
            best[having] = np.maximum.reduceat(paragraphs, self.at[:-1][having])
        return best

    def _counted(self, keys: dict[int, list[Ints]]) -> Floats:
        """How often something stands in each paragraph. keys: where it stands, by how much it counts."""
        counts = np.zeros(len(self.paragraph_keys))
        for times, found in keys.items():
            where = np.concatenate(found)
            where.sort()
            # There are fewer paragraphs than positions.
            before = where.searchsorted(self.paragraph_keys)
            counts[:-1] += times * (before[1:] - before[:-1])
            counts[-1] += times * (len(where) - before[-1])
        return counts

    def _norm(self, name: str) -> Floats:
        """What the frequencies in a field are divided by."""
        if name not in self._norms:
            lengths = np.concatenate(
                [np.empty(0, np.int64), *(part.segment[f"{name}_length"][part.own] for part in self._parts)]
            )
            self._norms[name] = _norm(name, lengths, self._view.average[name])
        return self._norms[name]


def _norm(name: str, lengths: Array, average: float) -> Floats:
    norm: Floats = 1 - B[name] + B[name] * lengths / average
    return norm


def _recency(published: Ints, now: int, recency: timedelta) -> Floats:
    """What to multiply scores with: more for the new, 1 for what is undated or still to come."""
    dated = (published != UNDATED) & (published <= now)
    age = now - np.where(dated, published, now)
    gain = RECENCY_SHARE * 0.5 ** (age / (recency / timedelta(microseconds=1)))
    return np.where(dated, 1 + gain, 1.0)
