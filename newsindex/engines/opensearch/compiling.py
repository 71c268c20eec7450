"""Our query tree as the cluster's Query DSL: what matches. Matching is the engine's, scoring is ``scoring.py``.

A word, a prefix and a fuzzy word are looked up among all terms of the article (the field ``has``), a phrase in each of
its texts. What a leaf looks for is that of ``newsindex.matching.readings``, once for each language of the index.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, Final, TypeAlias

from newsindex.analysis import keyword
from newsindex.engines.base import EVERYTHING as SEES_ALL
from newsindex.engines.base import Filters
from newsindex.engines.counting import midnight
from newsindex.engines.opensearch.documents import identity, pair, stem, term, written
from newsindex.engines.opensearch.schema import MOST_SLOP
from newsindex.engines.paging import microseconds
from newsindex.matching import Contains, Near, Slot, Starts, Terms, meant, readings, slop_of
from newsindex.query.nodes import And, Everything, Keyword, Leaf, Node, Not, Or, Published
from newsindex.ranking import SYNONYM

Query: TypeAlias = dict[str, Any]

ALL: Final[Query] = {"match_all": {}}
NONE: Final[Query] = {"match_none": {}}
#: All that has a key: what else lies in the index is no article.
ARTICLES: Final[Query] = {"exists": {"field": "key"}}
PARAGRAPHS: Final = "p.text"
#: The fields of texts, and where they lie in the cluster.
PLACES: Final = {"title": "title", "summary": "summary", "tags": "tags", "text": PARAGRAPHS}
#: A query holds at most 65,536 terms.
_MANY: Final = 60_000
#: Of the clauses that the cluster takes in a query, how many are used; visibility and filters need few.
MOST_CLAUSES: Final = 900
#: The score of intervals is n / (n + 1) for n of them.
_TIMES: Final = "params.share * Math.round(_score / Math.max(1.0 - _score, 1e-6))"
_WILD: Final = re.compile(r"([*?\\])")


@dataclass(frozen=True)
class Way:
    """One of the ways in which a leaf may stand in texts of a language. share: what an occurrence counts."""

    share: float
    slots: tuple[Slot, ...]
    slop: int


def ways(leaf: Leaf, language: str) -> Iterator[Way]:
    """All ways; one that comes twice counts twice."""
    for number, each in enumerate(meant(leaf, language)):
        for way in readings(each, language):
            yield Way(SYNONYM if number else 1.0, way, slop_of(each))


class Compiler:
    """Makes queries for an index whose articles are in ``languages`` (codes of ``stemming_language``)."""

    def __init__(self, languages: Iterable[str], zone: tzinfo | None) -> None:
        self.languages = sorted(set(languages)) or [""]
        self._zone = zone
        self._made: dict[Leaf, Query] = {}
        self._simple = False

    def simplify(self) -> None:
        """From now on a phrase is all of its words: for a query of more phrases than the cluster takes."""
        self._simple = True
        self._made.clear()

    def matching(self, node: Node) -> Query:
        """What matches ``node``, for a filter."""
        if isinstance(node, And):
            return every(self.matching(child) for child in node.children)
        if isinstance(node, Or):
            return some(self.matching(child) for child in node.children)
        if isinstance(node, Not):
            return opposite(self.matching(node.child))
        if isinstance(node, Keyword):
            value = keyword(node.value)
            return {"term": {node.field: term(value)}} if value else NONE
        if isinstance(node, Published):
            return self.published(node.start, node.end)
        if isinstance(node, Everything):
            return ALL
        return self.leaf(node)

    def leaf(self, leaf: Leaf) -> Query:
        """The articles in which ``leaf`` occurs."""
        if leaf not in self._made:
            single_tokens = alone(leaf.field or "has", leaf, self.languages, apart=True)
            self._made[leaf] = some([*single_tokens, *self._phrases(leaf)])
        return self._made[leaf]

    def _phrases(self, leaf: Leaf) -> Iterator[Query]:
        if self._simple:
            for own in _together(leaf, self.languages):
                yield every(terms(leaf.field or "has", here) for here in _places(own))
            return
        for name in [leaf.field] if leaf.field else PLACES:
            yield from (within(PLACES[name], query) for query in phrases(PLACES[name], leaf, self.languages))

    def published(self, start: date | None, end: date | None) -> Query:
        """The articles published on or after the day ``start`` and before the day ``end``."""
        bounds = {}
        if start is not None:
            bounds["gte"] = midnight(start, self._zone)
        if end is not None:
            bounds["lt"] = midnight(end, self._zone)
        return {"range": {"published": bounds}} if bounds else ALL

    def passing(self, filters: Filters) -> Query:
        """The articles that the filters let through."""
        chosen = [self.published(filters.start, filters.end)]
        for name, values in (("tag", filters.tags), ("author", filters.authors), ("section", filters.sections)):
            if values:
                chosen.append(terms(name, {term(keyword(value)) for value in values if keyword(value)}))
        if filters.sources:
            chosen.append(terms("source", set(map(term, filters.sources))))
        if filters.keys is not None:
            chosen.append(keys(filters.keys))
        return every(chosen)


def single(field: str, slot: Slot, language: str, rewrite: str = "constant_score") -> Query:
    """What has a token in ``field`` that meets ``slot``. rewrite: how the terms of a pattern count."""
    if isinstance(slot, Terms):
        return terms(field, {stem(one, language) for one in slot.terms})
    if isinstance(slot, Starts):
        return {"prefix": {field: {"value": "w:" + written(slot.prefix), "rewrite": rewrite}}}
    if isinstance(slot, Near):
        near = {"value": "w:" + written(slot.word), "fuzziness": slot.edits, "prefix_length": 2, "rewrite": rewrite}
        return {"fuzzy": {field: {**near, "max_expansions": 1024, "transpositions": True}}}
    assert isinstance(slot, Contains)
    return {"wildcard": {field: {"value": f"{pair('', language)}*{literal(slot.char)}*", "rewrite": rewrite}}}


def alone(
    field: str, leaf: Leaf, languages: Sequence[str], share: float | None = None, apart: bool = False
) -> list[Query]:
    """What has in ``field`` one of the single tokens that a leaf looks for: one clause for terms of all languages.

    share: of the ways that count; None for all. apart: for a field of the article; a word that is one in some languages
    only (l'eau is not) is looked for in articles of these.
    """
    found: set[str] = set()
    patterns: list[Query] = []
    words: dict[Slot, set[str]] = {}
    for language in languages:
        for way in ways(leaf, language):
            if len(way.slots) != 1 or share not in (None, way.share):
                continue
            (slot,) = way.slots
            if isinstance(slot, Terms):
                found.update(stem(one, language) for one in slot.terms)
            elif isinstance(slot, Contains):
                patterns.append(single(field, slot, language))
            else:
                words.setdefault(slot, set()).add(language)
    for slot, own in words.items():
        query = single(field, slot, "")
        everywhere = not apart or len(own) == len(languages)
        patterns.append(query if everywhere else every([query, {"terms": {"language": sorted(own)}}]))
    return [*([terms(field, found)] if found else []), *_distinct(patterns)]


def phrases(field: str, leaf: Leaf, languages: Iterable[str]) -> list[Query]:
    """What has tokens in ``field`` that meet the slots of a leaf one after another, or nearly so, in any language.

    Where that takes fewer clauses, one query for all languages: no article has terms of two of them.
    """
    return _fewest(_phrase, field, leaf, languages)


def counted_phrases(field: str, leaf: Leaf, languages: Iterable[str]) -> list[Query]:
    """The same, with how often as score, a synonym in part."""
    return _fewest(_counted_phrase, field, leaf, languages)


def _fewest(
    made: Callable[[str, Mapping[str, Way]], Query], field: str, leaf: Leaf, languages: Iterable[str]
) -> list[Query]:
    together = _together(leaf, languages)
    apart = [made(field, {language: way}) for own in together for language, way in own.items()]
    joined = [made(field, own) for own in together]
    return min(apart, joined, key=lambda queries: sum(map(clauses, queries)))


def _together(leaf: Leaf, languages: Iterable[str]) -> list[Mapping[str, Way]]:
    """The ways of several words, by language: those together that differ in nothing but words.

    Of each language there is one; where it has several, the first of each go together, then the second, and so on.
    """
    together: dict[tuple[float, int, int, int], dict[str, Way]] = {}
    for language in languages:
        seen: Counter[tuple[float, int, int]] = Counter()
        for way in ways(leaf, language):
            if len(way.slots) > 1:
                shape = (way.share, way.slop, len(way.slots))
                together.setdefault((*shape, seen[shape]), {})[language] = way
                seen[shape] += 1
    return list(together.values())


def _places(own: Mapping[str, Way]) -> list[set[str]]:
    """The terms that are looked for at each position."""
    places: list[set[str]] = [set() for way in list(own.values())[:1] for _ in way.slots]
    for language, way in own.items():
        for here, slot in zip(places, way.slots, strict=True):
            here.update(stem(one, language) for one in (slot.terms if isinstance(slot, Terms) else ()))
    return places


def _stream(own: Mapping[str, Way]) -> str:
    return " ".join("|".join(sorted(here)) for here in _places(own))


def _phrase(field: str, own: Mapping[str, Way]) -> Query:
    slop = next(iter(own.values())).slop
    return {"match_phrase": {field: {"query": _stream(own), "slop": min(slop, MOST_SLOP)}}}


def _counted_phrase(field: str, own: Mapping[str, Way]) -> Query:
    first = next(iter(own.values()))
    if first.slop:
        # The score of a phrase is the sum of those of its terms.
        query = _phrase(field, own)
        query["match_phrase"][field]["boost"] = first.share / len(first.slots)
        return query
    row = {"intervals": {field: {"match": {"query": _stream(own), "mode": "ordered", "max_gaps": 0}}}}
    return {"script_score": {"query": row, "script": {"source": _TIMES, "params": {"share": first.share}}}}


def clauses(query: Query) -> int:
    """How many clauses the cluster counts in a query, of the 1,024 that it takes."""
    kind, inner = next(iter(query.items()))
    if kind == "bool":
        return sum(clauses(part) for parts in inner.values() if isinstance(parts, list) for part in parts)
    if kind in ("nested", "script_score", "function_score"):
        return clauses(inner["query"])
    if kind == "constant_score":
        return clauses(inner["filter"])
    if kind == "match_phrase":
        (said,) = inner.values()
        return len(said["query"].split()) if "|" in said["query"] else 1
    if kind == "intervals":
        (said,) = inner.values()
        return len(re.split("[ |]", said["match"]["query"]))
    if kind in ("prefix", "fuzzy", "wildcard"):
        (said,) = inner.values()
        return int(said["rewrite"].rpartition("_")[2]) if said["rewrite"].startswith("top_terms_") else 1
    return 1


def within(field: str, query: Query, score_mode: str = "none") -> Query:
    """``query``, that asks for ``field``, as a query for articles."""
    if field != PARAGRAPHS or query == NONE:
        return query
    return {"nested": {"path": "p", "query": query, "score_mode": score_mode}}


def visible(now: datetime, audiences: frozenset[str], hidden: frozenset[str]) -> Query:
    """The articles that who has these audiences may see at ``now``."""
    seen: list[Query] = [ARTICLES]
    if audiences != SEES_ALL:
        at = microseconds(now)
        seen = [
            terms("audiences", set(map(term, audiences))),
            {"range": {"from": {"lte": at}}},
            {"range": {"until": {"gt": at}}},
        ]
    return every([*seen, *([opposite(keys(hidden))] if hidden else [])])


def keys(wanted: Iterable[str]) -> Query:
    """The articles with these keys."""
    ids = sorted({identity(key) for key in wanted})
    return some({"ids": {"values": ids[first : first + _MANY]}} for first in range(0, len(ids), _MANY))


def terms(field: str, values: Iterable[str]) -> Query:
    """What has one of the values; nothing where there are none."""
    ordered = sorted(values)
    parts = [ordered[first : first + _MANY] for first in range(0, len(ordered), _MANY)]
    return some({"term": {field: part[0]}} if len(part) == 1 else {"terms": {field: part}} for part in parts)


def every(queries: Iterable[Query]) -> Query:
    """What all of the queries match: as flat as it goes, for the cluster bounds the depth."""
    wanted: list[Query] = []
    unwanted: list[Query] = []
    for query in _distinct(queries):
        if query == NONE:
            return NONE
        inner = query.get("bool")
        if inner is not None and inner.keys() <= {"filter", "must_not"}:
            wanted += inner.get("filter", ())
            unwanted += inner.get("must_not", ())
        elif query != ALL:
            wanted.append(query)
    wanted, unwanted = list(_distinct(wanted)), list(_distinct(unwanted))
    if not unwanted and len(wanted) < 2:
        return wanted[0] if wanted else ALL
    return {"bool": {**({"filter": wanted} if wanted else {}), **({"must_not": unwanted} if unwanted else {})}}


def some(queries: Iterable[Query]) -> Query:
    """What any of the queries matches."""
    parts: list[Query] = []
    for query in queries:
        inner = query.get("bool")
        parts += inner["should"] if inner is not None and inner.keys() == {"should"} else [query]
    parts = [query for query in _distinct(parts) if query != NONE]
    if ALL in parts:
        return ALL
    return {"bool": {"should": parts}} if len(parts) > 1 else parts[0] if parts else NONE


def opposite(query: Query) -> Query:
    """What ``query`` does not match."""
    if query in (ALL, NONE):
        return NONE if query == ALL else ALL
    inner = query.get("bool")
    if inner is not None and inner.keys() == {"must_not"}:
        return some(inner["must_not"])
    return {"bool": {"must_not": [query]}}


def _distinct(queries: Iterable[Query]) -> Iterable[Query]:
    return {repr(query): query for query in queries}.values()


def literal(text: str) -> str:
    """``text`` in a pattern of the cluster, as it is."""
    return _WILD.sub(lambda match: "\\" + match.group(), text)
