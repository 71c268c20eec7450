"""Articles like a document, which need not be in the index: its telling words looked up, and what has them ranked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from newsindex.engines.base import ArticleHit, Document, SearchRequest
from newsindex.engines.paging import microseconds
from newsindex.engines.relatedness import POOL, candidate_leaves, chosen, telling
from newsindex.engines.whoosh.evaluation import Evaluation
from newsindex.engines.whoosh.labels import Mask
from newsindex.engines.whoosh.ordering import Order
from newsindex.engines.whoosh.passages import article_hit
from newsindex.engines.whoosh.scoring import Question, exact
from newsindex.engines.whoosh.selection import Hit
from newsindex.engines.whoosh.snapshots import Floats, Ordinals
from newsindex.query.nodes import Leaf
from newsindex.ranking import DECIMALS


def like(evaluation: Evaluation, document: Document, request: SearchRequest, limit: int) -> tuple[ArticleHit, ...]:
    """The ``limit`` best. request: who asks and when, and how many paragraphs a hit brings. Raises OutOfTime."""
    snapshot, view = evaluation.snapshot, evaluation.view
    leaves = candidate_leaves(document)
    found = {leaf: evaluation.looked_up(leaf) for leaf in leaves}
    having = {leaf: found[leaf].mark() for leaf in leaves}
    own = snapshot.find(document.key)
    known = int(own is not None and bool(view.seen[own]))
    counted = ((leaf, leaves[leaf], int(np.count_nonzero(having[leaf]))) for leaf in leaves)
    weights = telling(counted, view.articles, known)
    evaluation.deadline.check()
    pool = _pool(evaluation, weights, having, own)
    now = microseconds(request.now)
    # Nobody asked for a title: none is as short as that.
    question = Question(evaluation, [found[leaf] for leaf in weights], list(weights.values()), now, request.recency, 0)
    hits, ordinals = [], {}
    for hit in _best(question, pool, request.limit):
        # Nobody typed the words that found it: nothing is marked.
        shown = article_hit(evaluation, hit, (), request.paragraphs_per_article)
        hits.append(shown)
        ordinals[shown.key] = hit.ordinal
    return chosen(document, hits, lambda hit: _said_in(evaluation, hit, ordinals[hit.key]), limit)


def _said_in(evaluation: Evaluation, hit: ArticleHit, ordinal: int) -> Iterator[str]:
    """As ``relatedness.said_in``."""
    yield from (hit.title.text, hit.summary.text)
    segment, article = evaluation.snapshot.place(ordinal)
    yield from map(segment.text, range(*segment.paragraphs_of(article)))


def _pool(
    evaluation: Evaluation, weights: Mapping[Leaf, float], having: Mapping[Leaf, Mask], own: int | None
) -> Ordinals:
    """The articles that have most of the leaves, by weight, ascending. own: the ordinal of what is left out."""
    mass: Floats = np.zeros(evaluation.snapshot.articles)
    for leaf, weight in weights.items():
        mass += weight * having[leaf]
    if own is not None:
        mass[own] = 0.0
    mass = mass.round(DECIMALS)
    least = np.partition(mass, -POOL)[-POOL] if len(mass) > POOL else 0.0
    ordinals = np.flatnonzero((mass >= least) & (mass > 0.0))
    order = Order.of(evaluation.snapshot, ordinals, "relevance", mass[ordinals])
    return np.sort(ordinals[order.first(POOL)])


def _best(question: Question, pool: Ordinals, limit: int) -> list[Hit]:
    """The best of the pool by their scores."""
    scores = exact(question, pool)
    order = Order.of(question.evaluation.snapshot, pool, "relevance", scores.articles)
    return [
        Hit(int(pool[at]), float(scores.articles[at]), scores.of_paragraphs(at)) for at in order.first(limit).tolist()
    ]
