"""Scores over arrays: ``newsindex.ranking`` for all matching articles at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from newsindex.engines.whoosh.columns import UNDATED, Floats, Ints
from newsindex.engines.whoosh.evaluation import Evaluation, Found
from newsindex.query.nodes import Leaf
from newsindex.ranking import DECIMALS, FIELDS, K1, PASSAGE_SHARE, RECENCY_SHARE, WEIGHT, B


@dataclass(frozen=True)
class Scores:
    """articles: rounded, one for each of the ordinals asked for. paragraphs: for each document of the snapshot, 0 where
    no leaf occurs."""

    articles: Floats
    paragraphs: Floats


def scored(
    evaluation: Evaluation, ordinals: Ints, leaves: Sequence[Leaf], now: int, recency: timedelta | None
) -> Scores:
    """The scores of the articles with these ordinals. now: microseconds since 1970."""
    occurring = evaluation.occurring(leaves)
    total = np.zeros(len(ordinals))
    for _, found in occurring:
        total += _leaf_scores(evaluation, ordinals, found)
    paragraphs = paragraph_scores(evaluation, [found for _, found in occurring])
    columns = evaluation.snapshot.columns
    score = columns.boost[ordinals] * (total + PASSAGE_SHARE * _best(evaluation, ordinals, paragraphs))
    if recency:
        score *= _recency(columns.published[ordinals], now, recency)
    return Scores(np.round(score, DECIMALS), paragraphs)


def paragraph_scores(evaluation: Evaluation, occurring: Sequence[Found]) -> Floats:
    """The score of each document of the snapshot as a paragraph."""
    view, columns = evaluation.view, evaluation.snapshot.columns
    scores = np.zeros(columns.documents)
    for found in occurring:
        if "text" in found.fields:
            docs, counts = found.fields["text"]
            size = np.maximum(columns.paragraph_length[docs], view.average_paragraph)
            tf = _weighed("text", counts, size, view.average_paragraph)
            scores[docs] += _idf(evaluation, found) * tf * (K1 + 1) / (K1 + tf)
    return scores


def _leaf_scores(evaluation: Evaluation, ordinals: Ints, found: Found) -> Floats:
    columns, view = evaluation.snapshot.columns, evaluation.view
    tf = np.zeros(len(ordinals))
    for name in FIELDS:
        if name in found.fields:
            docs, counts = found.fields[name]
            frequency = np.bincount(columns.article_of[docs], weights=counts, minlength=columns.articles)[ordinals]
            tf += _weighed(name, frequency, columns.lengths[name][ordinals], view.average[name])
    return _idf(evaluation, found) * tf * (K1 + 1) / (K1 + tf)


def _idf(evaluation: Evaluation, found: Found) -> float:
    n = found.count
    return math.log(1 + (evaluation.view.articles - n + 0.5) / (n + 0.5))


def _weighed(name: str, frequency: Floats, size: Floats, average: float) -> Floats:
    return WEIGHT[name] * frequency / (1 - B[name] + B[name] * size / average)


def _best(evaluation: Evaluation, ordinals: Ints, paragraphs: Floats) -> Floats:
    """The score of the best paragraph of each article; a head has none of its own."""
    heads = evaluation.snapshot.columns.heads
    return np.maximum.reduceat(paragraphs, heads)[ordinals] if len(heads) else np.zeros(0)


def _recency(published: Ints, now: int, recency: timedelta) -> Floats:
    """What to multiply scores with: more for the new, 1 for what is undated or still to come."""
    dated = (published != UNDATED) & (published <= now)
    age = now - np.where(dated, published, now)
    gain = RECENCY_SHARE * 0.5 ** (age / (recency / timedelta(microseconds=1)))
    return np.where(dated, 1 + gain, 1.0)
