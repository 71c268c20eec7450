"""The score of ``newsindex.ranking``: written as a query for the cluster to order by, and worked out exactly for hits.

In the cluster the score of a term is how often it stands in a field (see ``schema.py``); scripts make BM25F of it with
the statistics of what the asker sees. Scores of the cluster have 24 bits, and a prefix of very many words counts its
first ones only: so the order comes from there, and each hit is scored again here, from its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from newsindex.analysis import Token, length, tokens
from newsindex.engines.base import Document
from newsindex.engines.closeness import rarity
from newsindex.engines.opensearch.compiling import (
    MOST_CLAUSES,
    NONE,
    PLACES,
    Compiler,
    Query,
    alone,
    clauses,
    counted_phrases,
    every,
    opposite,
    phrases,
    single,
    some,
    ways,
    within,
)
from newsindex.engines.opensearch.documents import stem
from newsindex.engines.paging import microseconds
from newsindex.matching import Near, Slot, Starts, Terms, occurrences
from newsindex.query.nodes import Leaf
from newsindex.ranking import (
    DECIMALS,
    FIELDS,
    K1,
    LACKING,
    LEVELS,
    PASSAGE_SHARE,
    RECENCY_SHARE,
    WEIGHT,
    B,
    asked_length,
    kept,
    leaf_weights,
    newness,
    saturated,
    weighed,
)

#: How many terms of a pattern are counted one by one, where the clauses suffice; None: not even single terms are.
_EXPANDED: Final = (64, 16, 8, None)

_FIELD: Final = "_score * params.w / (1 - params.b + params.b * doc[params.f].value / params.a)"
_LEAF: Final = "params.i * _score * (params.k + 1) / (params.k + _score)"
_PASSAGE: Final = (
    "double t = _score / (1 - params.b + params.b * Math.max(doc['p.size'].value, params.a) / params.a);"
    "return params.i * t * (params.k + 1) / (params.k + t);"
)
_ARTICLE: Final = (
    "double s = _score;"
    "if (params.half > 0 && doc['undated'].value == 0) { double age = params.now - doc['published'].value;"
    "if (age >= 0) { s *= 1 + params.share * Math.pow(0.5, age / params.half); } }"
    "return s;"
)
_BOOST: Final = "params.level * doc['boost'].value"


@dataclass(frozen=True)
class Statistics:
    """What is counted over the articles that the asker sees.

    average: of each field's length; average_paragraph: of a paragraph's. largest_boost: of any article. found: articles
    in which each leaf occurs.
    """

    articles: int
    average: Mapping[str, float]
    average_paragraph: float
    largest_boost: float
    found: Mapping[Leaf, int]


class Scoring:
    """Scores for the leaves of one query. recency: as in the request; now: when it is asked.

    weights: of the leaves, in the place of what they are worth in a query; then no title is an exact match.
    """

    def __init__(
        self,
        wanted: Sequence[Leaf],
        statistics: Statistics,
        now: datetime,
        recency: timedelta | None,
        weights: Sequence[float] | None = None,
    ) -> None:
        self._wanted = wanted
        self._statistics = statistics
        self._now = now
        self._recency = recency
        self._idfs = weights or [
            weight * rarity(statistics.found[leaf], statistics.articles)
            for weight, leaf in zip(leaf_weights(wanted), wanted, strict=True)
        ]
        self._exact_length = 0 if weights else asked_length(wanted)
        self._occurring = [number for number, leaf in enumerate(wanted) if statistics.found[leaf]]
        self._whole = sum(self._idfs[number] for number in self._occurring)

    # In the cluster

    def query(self, matching: Query, compiler: Compiler) -> Query:
        """``matching`` with scores, as exact as the cluster takes it."""
        if not self._whole:
            return {"bool": {"filter": [matching]}}
        # Leaves that are typed twice are scored once, with twice the weight.
        weights: dict[Leaf, float] = {}
        for number in self._occurring:
            leaf = self._wanted[number]
            weights[leaf] = weights.get(leaf, 0.0) + self._idfs[number]
        for expanded in _EXPANDED:
            scored = self._scored(matching, weights, compiler, expanded)
            if clauses(scored) <= MOST_CLAUSES:
                break
        else:
            scored = {"constant_score": {"filter": matching}}
        functions = [
            {"filter": compiler.leaf(leaf), "weight": max(LACKING * idf / self._whole, 1e-30)}
            for leaf, idf in weights.items()
        ]
        covered = {
            "function_score": {
                "query": scored,
                "functions": [{"weight": 1 - LACKING}, *functions],
                "score_mode": "sum",
                "boost_mode": "multiply",
            }
        }
        half = self._recency / timedelta(microseconds=1) if self._recency else 0.0
        params = {"now": float(microseconds(self._now)), "half": half, "share": RECENCY_SHARE}
        return {
            "function_score": {
                "query": scripted(covered, _ARTICLE, params),
                "functions": self._boosts(compiler),
                # An article has the level of the first that it meets.
                "score_mode": "first",
                "boost_mode": "multiply",
            }
        }

    def _boosts(self, compiler: Compiler) -> list[dict[str, Any]]:
        """What scores are multiplied with at the end: boosts, and levels where recency is asked for."""
        exact, whole = (LEVELS[1], LEVELS[0]) if self._recency else (1.0, 1.0)
        out: list[dict[str, Any]] = []
        if self._exact_length and len(self._occurring) == len(self._wanted):
            titled = [_titled(leaf, compiler.languages) for leaf in dict.fromkeys(self._wanted)]
            short = {"range": {"size_title": {"lte": self._exact_length}}}
            query = every([short, *titled])
            if query != NONE:
                out.append({"filter": query, "weight": exact * self._statistics.largest_boost})
        if self._recency:
            lacking = opposite(every(compiler.leaf(self._wanted[number]) for number in self._occurring))
            out.append({"filter": lacking, **_boosted(LEVELS[-1])})
        return [*out, _boosted(whole)]

    def _scored(
        self, matching: Query, weights: Mapping[Leaf, float], compiler: Compiler, expanded: int | None
    ) -> Query:
        """The sum over the leaves, and the share of the best paragraph."""
        articles = [self._leaf_query(leaf, idf, compiler, expanded) for leaf, idf in weights.items()]
        passages = [self._passage_query(leaf, idf, compiler, expanded) for leaf, idf in weights.items()]
        inside = {"bool": {"should": [query for query in passages if query]}}
        best = [within_paragraphs(inside, "max", PASSAGE_SHARE)] if any(passages) else []
        return {"bool": {"filter": [matching], "should": [*articles, *best]}}

    def _leaf_query(self, leaf: Leaf, idf: float, compiler: Compiler, expanded: int | None) -> Query:
        average = self._statistics.average
        fields = [
            scripted(
                within(PLACES[name], frequency, "sum"),
                _FIELD,
                {"w": WEIGHT[name], "b": B[name], "f": f"size_{name}", "a": average[name]},
            )
            for name in FIELDS
            if leaf.field in ("", name)
            and (frequency := _frequency(PLACES[name], leaf, compiler.languages, expanded)) != NONE
        ]
        return scripted({"bool": {"should": fields}}, _LEAF, {"i": idf, "k": K1})

    def _passage_query(self, leaf: Leaf, idf: float, compiler: Compiler, expanded: int | None) -> Query | None:
        if leaf.field not in ("", "text"):
            return None
        frequency = _frequency(PLACES["text"], leaf, compiler.languages, expanded)
        params = {"i": idf, "k": K1, "b": B["text"], "a": self._statistics.average_paragraph}
        return None if frequency == NONE else scripted(frequency, _PASSAGE, params)

    # Here

    def exact(self, document: Document) -> Scored:
        """The score of an article that matches, and of its paragraphs."""
        texts = _texts(document)
        lengths = {name: sum(map(length, texts[name])) for name in FIELDS}
        average = self._statistics.average
        exact = 0 < self._exact_length >= lengths["title"]
        passages: dict[int, float] = {}
        total = lacked = 0.0
        for number, leaf in enumerate(self._wanted):
            counts = _counts(leaf, document.language, texts)
            idf = self._idfs[number]
            tf = sum(weighed(name, sum(counts[name]), lengths[name], average[name]) for name in FIELDS)
            total += idf * saturated(tf)
            exact = exact and any(counts["title"])
            if not any(map(any, counts.values())) and self._statistics.found[leaf]:
                lacked += idf
            for index, count in enumerate(counts["text"]):
                if count:
                    passages[index] = passages.get(index, 0.0) + self._passage(idf, count, texts["text"][index])
        share = kept(lacked, self._whole)
        boost = self._statistics.largest_boost if exact else document.boost
        score = boost * (total + PASSAGE_SHARE * max(passages.values(), default=0.0)) * share
        if self._recency:
            score *= LEVELS[1 if exact else -1 if share < 1 else 0]
            if document.published_at and document.published_at <= self._now:
                score *= newness(self._now - document.published_at, self._recency)
        return Scored(round(score, DECIMALS), sorted((i, s) for i, s in passages.items() if s))

    def _passage(self, idf: float, count: float, found: Sequence[Token]) -> float:
        average = self._statistics.average_paragraph
        return idf * saturated(weighed("text", count, max(length(found), average), average))


@dataclass(frozen=True)
class Scored:
    """score: of the article. passages: (index, score) of the paragraphs in which a leaf occurs."""

    score: float
    passages: Sequence[tuple[int, float]]


def _texts(document: Document) -> dict[str, list[list[Token]]]:
    written = {
        "title": (document.title,),
        "summary": (document.summary,),
        "tags": document.tags,
        "text": tuple(paragraph.text for paragraph in document.paragraphs),
    }
    return {name: [tokens(text, document.language) for text in written[name]] for name in FIELDS}


def _counts(leaf: Leaf, language: str, texts: Mapping[str, Sequence[Sequence[Token]]]) -> dict[str, list[float]]:
    wanted = list(ways(leaf, language))

    def times(found: Sequence[Token]) -> float:
        return sum(way.share * sum(o.count for o in occurrences(way.slots, found, way.slop)) for way in wanted)

    return {name: [times(found) if leaf.field in ("", name) else 0.0 for found in texts[name]] for name in FIELDS}


def _frequency(field: str, leaf: Leaf, languages: Sequence[str], expanded: int | None) -> Query:
    """How often ``leaf`` occurs in ``field``, as a score. expanded: see ``_EXPANDED``."""
    parts = counted_phrases(field, leaf, languages)
    if expanded is None:
        for share in {way.share: None for language in languages for way in ways(leaf, language)}:
            found = some(alone(field, leaf, languages, share))
            if found != NONE:
                parts.append({"constant_score": {"filter": found, "boost": share}})
        return {"bool": {"should": parts}} if parts else NONE
    shares: dict[str, float] = {}
    patterns: dict[tuple[Slot, str], float] = {}
    for language in languages:
        for way in ways(leaf, language):
            if len(way.slots) != 1:
                continue
            (slot,) = way.slots
            if isinstance(slot, Terms):
                for one in slot.terms:
                    own = stem(one, language)
                    shares[own] = shares.get(own, 0.0) + way.share
            else:
                # Words as written are the same in all languages; none of these is a synonym.
                if isinstance(slot, Starts | Near):
                    patterns[slot, ""] = way.share
                else:
                    patterns[slot, language] = patterns.get((slot, language), 0.0) + way.share
    parts += ({"term": {field: {"value": own, "boost": share}}} for own, share in shares.items())
    for (slot, language), share in patterns.items():
        pattern = single(field, slot, language, f"top_terms_{expanded}")
        parts.append(pattern if share == 1 else {"bool": {"should": [pattern], "boost": share}})
    return {"bool": {"should": parts}} if len(parts) > 1 else parts[0] if parts else NONE


def _titled(leaf: Leaf, languages: Sequence[str]) -> Query:
    """The articles in whose title a leaf occurs."""
    return some([*alone("title", leaf, languages), *phrases("title", leaf, languages)])


def _boosted(level: float) -> dict[str, Any]:
    return {"script_score": {"script": {"source": _BOOST, "params": {"level": level}}}}


def within_paragraphs(query: Query, score_mode: str, boost: float) -> Query:
    return {"nested": {"path": "p", "query": query, "score_mode": score_mode, "boost": boost}}


def scripted(query: Query, source: str, params: Mapping[str, Any]) -> Query:
    """``query`` with the score that a script makes of its own."""
    return {"script_score": {"query": query, "script": {"source": source, "params": params}}}
