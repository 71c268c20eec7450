"""Completions, corrections and related articles, from what the asker sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from newsindex.analysis import edit_distance, edits_allowed
from newsindex.engines.base import Document, SearchRequest, Suggestion
from newsindex.engines.completion import Typed, completions
from newsindex.engines.correction import replacements
from newsindex.engines.opensearch.compiling import Query, every, single
from newsindex.engines.opensearch.counting import escaped, spellings
from newsindex.engines.opensearch.documents import SEPARATOR, written
from newsindex.engines.opensearch.view import View, document_of
from newsindex.engines.relatedness import related_query
from newsindex.matching import Near
from newsindex.query import replace_words, unparse
from newsindex.query.nodes import Leaf, Or

#: On each shard the words of so many articles are counted, to complete one.
_LOOKED_AT: Final = 2_000
_WORDS: Final = 200
#: The words of so many articles, those with the nearest first, are candidates for a correction.
_NEAREST: Final = 100
_MOST_CANDIDATES: Final = 100


def suggest(view: View, typed: Typed, limit: int) -> tuple[Suggestion, ...]:
    """At most ``limit`` completions of what was typed."""
    if not typed.text or limit < 1:
        return ()
    titles = _titles(view, typed, limit)
    tags, words = _tags_and_words(view, typed, limit)
    spelt = spellings(view, view.visible, {"tag": list(tags)})
    return completions(
        typed,
        titles=titles,
        tags=((spelt.get(("tag", tag), tag), count) for tag, count in tags.items()),
        words=words.items(),
        limit=limit,
    )


def _titles(view: View, typed: Typed, limit: int) -> list[tuple[str, str, Any]]:
    body = {
        "size": min(limit, 100),
        "track_total_hits": False,
        "query": {
            "bool": {
                "filter": [every([view.visible, {"prefix": {"title_starts": {"value": typed.text}}}])],
                "should": [{"constant_score": {"filter": {"prefix": {"title_begins": {"value": typed.text}}}}}],
            }
        },
        "sort": [{"_score": "desc"}, {"undated": "asc"}, {"from": "desc"}, {"key": "asc"}],
        "_source": ["doc"],
    }
    found = map(document_of, view.ask(body)["hits"]["hits"])
    return [(document.title, document.key, document.published_at) for document in found]


def _tags_and_words(view: View, typed: Typed, limit: int) -> tuple[dict[str, int], dict[str, int]]:
    """Keywords of tags and folded words that fit, with the number of articles that have them."""
    beginning = escaped(typed.text)
    aggs: dict[str, Any] = {}
    for place in "01":
        # A tag may begin so at several of its words.
        terms = {"field": "tag_starts", "include": f"{place}{beginning}.*", "size": 4 * limit, "shard_size": 1_000}
        fitting = {"prefix": {"tag_starts": {"value": place + typed.text}}}
        aggs[place] = {"filter": fitting, "aggs": {"n": {"terms": terms}}}
    word = written(typed.text)
    if typed.is_word:
        terms = {"field": "words", "include": f"{escaped(word)}.*", "size": limit + _WORDS, "shard_size": 1_000}
        sample = {"sampler": {"shard_size": _LOOKED_AT}, "aggs": {"n": {"terms": terms}}}
        aggs["words"] = {"filter": {"prefix": {"has": {"value": f"w:{word}"}}}, "aggs": {"some": sample}}
    body = {"size": 0, "track_total_hits": False, "query": view.visible, "aggs": aggs}
    found = view.ask(body)["aggregations"]
    tags: dict[str, int] = {}
    for place in "01":
        for bucket in found[place]["n"]["buckets"]:
            tag = bucket["key"].rpartition(SEPARATOR)[2]
            tags[tag] = max(tags.get(tag, 0), bucket["doc_count"])
    words = {b["key"]: b["doc_count"] for b in found["words"]["some"]["n"]["buckets"]} if typed.is_word else {}
    return tags, words


def correction(view: View, request: SearchRequest, found: Mapping[Leaf, int]) -> str:
    """The query with its unknown words replaced by visible ones, where that finds something."""
    mapping = replacements(request.query, lambda leaf: bool(found.get(leaf)), lambda word: candidates(view, word))
    if not mapping:
        return ""
    corrected = replace_words(request.query, mapping)
    compiler = view.compiler
    query = every([compiler.matching(corrected), compiler.passing(request.filters)])
    return unparse(corrected) if view.counts([query])[0] else ""


def candidates(view: View, word: str) -> Iterable[tuple[str, int]]:
    """Visible words near to ``word``, with the number of visible articles that they stand in."""
    allowed = edits_allowed(word)
    near: dict[str, int] = {}
    # The exact word, then one edit, then two: what many articles have shall not hide what is nearer.
    for edits in range(allowed + 1):
        for other in _near_words(view, word, edits):
            near.setdefault(other, edit_distance(word, other, allowed))
    chosen = sorted((distance, other) for other, distance in near.items() if distance <= allowed)[:_MOST_CANDIDATES]
    words = [other for _, other in chosen]
    return list(zip(words, view.counts([_has(other) for other in words]), strict=True)) if words else []


def _near_words(view: View, word: str, edits: int) -> set[str]:
    wanted = single("has", Near(word, edits), "") if edits else _has(word)
    body = {
        "size": _NEAREST,
        "track_total_hits": False,
        "query": {"bool": {"filter": [every([view.visible, wanted])]}},
        "_source": False,
        "docvalue_fields": ["words"],
    }
    hits = view.ask(body)["hits"]["hits"]
    return {str(other) for hit in hits for other in hit.get("fields", {}).get("words", ())}


def _has(word: str) -> Query:
    return {"term": {"has": "w:" + written(word)}}


def query_for(view: View, document: Document) -> Or | None:
    """The query for what is related to ``document``."""
    asked: list[Leaf] = []

    def remember(leaf: Leaf) -> int:
        asked.append(leaf)
        return 0

    # Asked twice: once to learn which words there are, once with the counts of all of them.
    related_query(document, remember, 0)
    if not asked and not document.tags:
        return None
    statistics, _, _ = view.statistics(asked)
    return related_query(document, statistics.found.__getitem__, statistics.articles)
