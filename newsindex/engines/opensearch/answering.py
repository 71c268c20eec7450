"""One search: two requests for the page, one more for the spelling of facets, others only where nothing was found."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from newsindex.deadline import OutOfTime
from newsindex.engines.base import ArticleHit, Document, Explanation, Marked, ParagraphHit, SearchPage, SearchRequest
from newsindex.engines.closeness import enough, rarity
from newsindex.engines.correction import correction, is_looked_at
from newsindex.engines.explanation import Counts, asked_tree, explanation
from newsindex.engines.opensearch.compiling import ALL, MOST_CLAUSES, NONE, Query, clauses, every
from newsindex.engines.opensearch.compiling import keys as keys_query
from newsindex.engines.opensearch.correcting import Words
from newsindex.engines.opensearch.counting import facet_aggregations, facets, months, timeline_aggregation
from newsindex.engines.opensearch.documents import BEGINNING
from newsindex.engines.opensearch.schema import MOST_RESULTS
from newsindex.engines.opensearch.scoring import Scored, Scoring
from newsindex.engines.opensearch.view import NEWEST, View, document_of
from newsindex.engines.paging import Place, decode_cursor, encode_cursor, place
from newsindex.matching import spans
from newsindex.query.nodes import Leaf, Node, alternatives, leaves
from newsindex.ranking import DECIMALS, leaf_weights

#: More hits without content than this keep the score that the cluster gives, of some seven digits.
MOST_EXACT: Final = 200
#: Hits of one request: with their documents, and without.
_WITH_CONTENT: Final = 200
_BARE: Final = 5_000
ORDERS: Final[dict[str, list[Any]]] = {
    "relevance": [{"_score": "desc"}, *NEWEST],
    "newest": NEWEST,
    "oldest": [{"undated": "asc"}, {"from": "asc"}, {"key": "asc"}],
}


class Search:
    """A request and how far its answer is."""

    def __init__(self, view: View, request: SearchRequest) -> None:
        self._view = view
        self._request = request
        self._after = self._cursor()
        tree = asked_tree(request)
        self._wanted = tuple(leaves(tree))
        compiler = view.compiler
        keys = every([compiler.matching(tree), compiler.passing(request.filters)])
        if clauses(keys) > MOST_CLAUSES:
            compiler.simplify()
            keys = every([compiler.matching(tree), compiler.passing(request.filters)])
        parts = alternatives(request.query) if request.match == "any" else ()
        self._statistics, met, among = view.statistics(self._wanted, parts, keys)
        self._scoring = Scoring(self._wanted, self._statistics, request.now, request.recency)
        close = [self._close(parts, met, among)] if parts else []
        self._matching = every([view.visible, keys, *close])
        self._exact = request.content or min(request.limit, MOST_RESULTS) <= MOST_EXACT

    def answer(self) -> SearchPage:
        began = time.perf_counter()
        request, view = self._request, self._view
        first = self._first()
        total: int = first["hits"]["total"]["value"]
        found = list(self._hits(first, total))
        shown = found[: request.limit]
        more = len(found) > request.limit > 0
        cursor = encode_cursor(request.sort, self._place(shown[-1]["sort"])) if shown and more else None
        aggregations = first.get("aggregations", {})
        words = Words(view, request.filters, self._statistics.found)
        few = is_looked_at(request, total) and not view.partial
        page = SearchPage(
            hits=tuple(self._shown(shown)),
            total=total,
            facets=facets(view, self._matching, request.facets, request.facet_limit, aggregations),
            timeline=months(request.now, aggregations) if request.timeline else (),
            suggestion=correction(request.query, total, words, request.match) if few else "",
            partial=view.partial,
            took=time.perf_counter() - began,
            next_cursor=cursor,
        )
        return page

    def explanation(self, document: Document) -> Explanation:
        """Why ``document``, which the asker may see, is or is not a hit."""
        statistics, view = self._statistics, self._view
        counts = Counts(
            statistics.articles,
            statistics.found.__getitem__,
            statistics.average,
            statistics.average_paragraph,
            statistics.largest_boost,
        )

        def meets(query: Query) -> bool:
            return bool(view.counts([every([keys_query([document.key]), query])])[0])

        return explanation(
            document,
            self._request,
            counts,
            matches=meets(self._matching),
            meets=lambda node: meets(view.compiler.matching(node)),
        )

    def _close(self, parts: Sequence[Node], met: Sequence[int], among: Sequence[int]) -> Query:
        """What has enough of the parts."""
        articles = self._statistics.articles
        weights = [share * rarity(n, articles) for share, n in zip(leaf_weights(parts), met, strict=True)]
        least = enough(weight for weight, n in zip(weights, among, strict=True) if n)
        if least <= 0:
            return ALL
        functions = [
            {"filter": query, "weight": weight}
            for part, weight in zip(parts, weights, strict=True)
            if weight > 0 and (query := self._view.compiler.matching(part)) != NONE
        ]
        return {
            "function_score": {
                # What has none of the parts is left out by the tree already.
                "query": ALL,
                "functions": functions,
                "score_mode": "sum",
                "boost_mode": "replace",
                # Scores have 24 bits.
                "min_score": least * (1 - 1e-6),
            }
        }

    # The order, and places in it

    def _cursor(self) -> list[Any] | None:
        if self._request.cursor is None:
            return None
        score, undated, at, key = decode_cursor(self._request.sort, self._request.cursor)
        begun = BEGINNING if undated else at if self._request.sort == "oldest" else -at
        return [*([-score] if self._request.sort == "relevance" else []), undated, begun, key]

    def _place(self, values: Sequence[Any]) -> Place:
        *score, undated, begun, key = values
        at = 0 if undated else begun if self._request.sort == "oldest" else -begun
        return (-float(score[0]) if score else 0.0, int(undated), int(at), str(key))

    # The requests

    def _body(self, size: int, *, content: bool) -> dict[str, Any]:
        by_score = self._request.sort == "relevance" or not self._exact
        scored = by_score and bool(self._wanted)
        query = self._scoring.query(self._matching, self._view.compiler) if scored else filtered(self._matching)
        return {
            "query": query,
            "size": size,
            "sort": ORDERS[self._request.sort],
            "track_scores": scored,
            "track_total_hits": False,
            **({"_source": ["doc"]} if content else {"_source": False, "docvalue_fields": ["key"]}),
        }

    def _first(self) -> dict[str, Any]:
        """The first request, with all that is counted."""
        request = self._request
        body = self._body(self._size(0) if self._reachable() else 0, content=self._exact)
        body["track_total_hits"] = True
        aggs = facet_aggregations(request.facets, request.facet_limit)
        if request.timeline:
            aggs |= timeline_aggregation(request.now)
        if aggs:
            body["aggs"] = aggs
        if self._after is not None:
            body["search_after"] = self._after
            # Totals and counts are of all pages: what comes after a cursor does not restrict them.
        elif self._reachable():
            body["from"] = request.offset
        if not body["size"]:
            body.pop("search_after", None)
            body.pop("from", None)
            body["query"] = filtered(self._matching)
            body["track_scores"] = False
            body["sort"] = ["_doc"]
        return self._view.ask(body)

    def _size(self, fetched: int) -> int:
        """How many hits to ask for: one more than wanted, so that it is known whether there is a page after."""
        at_once = _WITH_CONTENT if self._exact else _BARE
        wanted = self._request.limit + 1 if self._request.limit else 0
        return max(min(wanted - fetched, at_once), 0)

    def _reachable(self) -> bool:
        """Whether the page begins where the cluster goes at once."""
        return self._request.offset + _BARE < MOST_RESULTS

    def _hits(self, first: Mapping[str, Any], total: int) -> Iterator[Mapping[str, Any]]:
        """The hits of the page, and one more, in the order of the cluster."""
        limit = self._request.limit
        hits = first["hits"]["hits"]
        if not self._reachable():
            if not limit or self._request.offset >= total:
                return
            after = self._walked()
            hits = self._next(after, 0) if after else []
        fetched = 0
        while hits:
            yield from hits
            fetched += len(hits)
            hits = self._next(hits[-1]["sort"], fetched)

    def _next(self, after: Sequence[Any], fetched: int) -> Sequence[Mapping[str, Any]]:
        size = self._size(fetched)
        if not size or self._view.deadline.passed:
            self._view.partial |= bool(size)
            return []
        found = self._view.ask({**self._body(size, content=self._exact), "search_after": list(after)})
        hits: Sequence[Mapping[str, Any]] = found["hits"]["hits"]
        return hits

    def _walked(self) -> Sequence[Any] | None:
        """The place before the page, where it begins deeper than the cluster goes at once; None beyond the end."""
        left = self._request.offset
        after: Sequence[Any] | None = None
        while left:
            if self._view.deadline.passed:
                self._view.partial = True
                return None
            body = {**self._body(min(left, _BARE), content=False), **({"search_after": after} if after else {})}
            hits = self._view.ask(body)["hits"]["hits"]
            if len(hits) < min(left, _BARE):
                return None
            left -= len(hits)
            after = hits[-1]["sort"]
        return after

    # What is shown

    def _shown(self, hits: Sequence[Mapping[str, Any]]) -> list[ArticleHit]:
        request = self._request
        if not self._exact:
            return [ArticleHit(str(hit["fields"]["key"][0]), round(hit["_score"] or 0.0, DECIMALS)) for hit in hits]
        documents = [document_of(hit) for hit in hits]
        scored = [(document, self._scoring.exact(document)) for document in documents]
        scored.sort(key=lambda pair: place(request.sort, pair[1].score, pair[0].published_at, pair[0].key))
        if not request.content:
            return [ArticleHit(document.key, found.score) for document, found in scored]
        each = request.paragraphs_per_article
        return [article_hit(self._view, document, found, self._wanted, each) for document, found in scored]


def article_hit(view: View, document: Document, found: Scored, asked: Sequence[Leaf], paragraphs: int) -> ArticleHit:
    """A hit as it is shown, with marks for the leaves ``asked`` for."""

    def marked(text: str, name: str) -> Marked:
        try:
            return Marked(text, spans(asked, text, document.language, name, view.deadline))
        except OutOfTime:
            view.partial = True
            return Marked(text)

    best = sorted(found.passages, key=lambda passage: (-round(passage[1], DECIMALS), passage[0]))
    shown = []
    for index, score in best[:paragraphs]:
        own = document.paragraphs[index]
        shown.append(ParagraphHit(own.number, own.anchor, own.kind, round(score, DECIMALS), marked(own.text, "text")))
    return ArticleHit(
        key=document.key,
        score=found.score,
        title=marked(document.title, "title"),
        summary=marked(document.summary, "summary"),
        paragraphs=tuple(shown),
        matched_paragraphs=len(best),
        tags=document.tags,
        authors=document.authors,
        section=document.section,
        published_at=document.published_at,
        language=document.language,
        url=document.url,
    )


def filtered(query: Query) -> Query:
    """``query`` without scores."""
    return {"bool": {"filter": [query]}}
