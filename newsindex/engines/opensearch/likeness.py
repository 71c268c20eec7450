"""Articles like a document, which need not be in the index: its telling words counted, and what has them ranked."""

from __future__ import annotations

from newsindex.engines.base import ArticleHit, Document, SearchRequest
from newsindex.engines.opensearch.answering import ORDERS, article_hit
from newsindex.engines.opensearch.compiling import NONE, Query, every, keys, opposite
from newsindex.engines.opensearch.scoring import Scoring
from newsindex.engines.opensearch.view import View, document_of
from newsindex.engines.paging import place
from newsindex.engines.relatedness import POOL, candidate_leaves, chosen, said_in, telling, unmarked


def like(view: View, document: Document, request: SearchRequest, limit: int) -> tuple[ArticleHit, ...]:
    """The ``limit`` best. request: who asks and when, and how many paragraphs a hit brings."""
    leaves = candidate_leaves(document)
    if not leaves or not request.limit:
        return ()
    statistics, _, _ = view.statistics(list(leaves))
    known = view.counts([keys([document.key])])[0]
    counted = ((leaf, leaves[leaf], statistics.found[leaf]) for leaf in leaves)
    weights = telling(counted, statistics.articles, known)
    functions = [
        {"filter": query, "weight": weight}
        for leaf, weight in weights.items()
        if (query := view.compiler.leaf(leaf)) != NONE
    ]
    if not functions or view.over:
        return ()
    pool = [str(hit["fields"]["key"][0]) for hit in view.ask(_pool(view, document.key, functions))["hits"]["hits"]]
    if not pool or view.over:
        return ()
    scoring = Scoring(tuple(weights), statistics, request.now, request.recency, list(weights.values()))
    body = {
        "query": scoring.query(every([view.visible, keys(pool)]), view.compiler),
        "size": request.limit,
        "sort": ORDERS["relevance"],
        "track_total_hits": False,
        "_source": ["doc"],
    }
    found = [document_of(hit) for hit in view.ask(body)["hits"]["hits"]]
    scored = [(each, scoring.exact(each)) for each in found]
    scored.sort(key=lambda each: place("relevance", each[1].score, each[0].published_at, each[0].key))
    shown = [unmarked(article_hit(view, each, own, (), request.paragraphs_per_article)) for each, own in scored]
    documents = {each.key: each for each in found}
    return chosen(document, shown, lambda hit: said_in(documents[hit.key]), limit)


def _pool(view: View, own: str, functions: list[dict[str, object]]) -> dict[str, object]:
    """What has most of the leaves, by weight. own: the key of what is left out."""
    having: Query = {"bool": {"should": [function["filter"] for function in functions], "minimum_should_match": 1}}
    matching = {"bool": {"filter": [every([view.visible, opposite(keys([own]))]), having]}}
    return {
        "query": {
            "function_score": {
                "query": matching,
                "functions": functions,
                "score_mode": "sum",
                "boost_mode": "replace",
            }  # fmt: skip
        },
        "size": POOL,
        "sort": ORDERS["relevance"],
        "track_total_hits": False,
        "_source": False,
        "docvalue_fields": ["key"],
    }
