"""Our query tree as the cluster's Query DSL: what matches. Matching is the engine's, scoring is ``scoring.py``.

A word, a prefix and a fuzzy word are looked up among all terms of the article (the field ``has``), a phrase in each of
its texts. What a leaf looks for is that of ``newsindex.matching.slots``, once for each language of the index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, tzinfo
from typing import Any, Final, TypeAlias

from newsindex.analysis import keyword
from newsindex.engines.base import EVERYTHING as SEES_ALL
from newsindex.engines.base import Filters
from newsindex.engines.counting import midnight
from newsindex.engines.opensearch.documents import identity, stem, term, written
from newsindex.engines.opensearch.schema import MOST_SLOP
from newsindex.engines.paging import microseconds
from newsindex.matching import Contains, Near, Slot, Starts, Terms, slop_of, slots
from newsindex.query.nodes import And, Everything, Keyword, Leaf, Node, Not, Or, Published

Query: TypeAlias = dict[str, Any]

ALL: Final[Query] = {"match_all": {}}
NONE: Final[Query] = {"match_none": {}}
PARAGRAPHS: Final = "p.text"
#: The fields of texts, and where they lie in the cluster.
PLACES: Final = {"title": "title", "summary": "summary", "tags": "tags", "text": PARAGRAPHS}
#: A query holds at most 65,536 terms.
_MANY: Final = 60_000
#: Of the clauses that the cluster takes in a query, how many are used; visibility and filters need few.
MOST_CLAUSES: Final = 900
_WILD: Final = re.compile(r"([*?\\])")


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
            self._made[leaf] = some([*self._single(leaf), *self._phrases(leaf)])
        return self._made[leaf]

    def _single(self, leaf: Leaf) -> Iterator[Query]:
        for language in self.languages:
            looked_for = slots(leaf, language)
            if len(looked_for) == 1:
                yield single(leaf.field or "has", looked_for[0], language)

    def _phrases(self, leaf: Leaf) -> Iterator[Query]:
        if self._simple:
            yield from (
                every(terms(leaf.field or "has", here) for here in places)
                for places in _sequences(leaf, self.languages)
            )
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
    return {"wildcard": {field: {"value": f"p:*{_WILD.sub(_escaped, slot.char)}*", "rewrite": rewrite}}}


def phrases(field: str, leaf: Leaf, languages: Iterable[str]) -> list[Query]:
    """What has tokens in ``field`` that meet the slots of a leaf one after another, or nearly so, in any language.

    Where that takes fewer clauses, one query for all languages: no article has terms of two of them.
    """
    languages = list(languages)
    made = [_phrase(field, places, slop_of(leaf)) for one in languages for places in _sequences(leaf, [one])]
    joined = [_phrase(field, places, slop_of(leaf)) for places in _sequences(leaf, languages)]
    return min(list(_distinct(made)), joined, key=lambda queries: sum(map(clauses, queries)))


def _sequences(leaf: Leaf, languages: Iterable[str]) -> list[list[set[str]]]:
    """The terms that a leaf of several words looks for at each position, of all languages that have as many."""
    joined: dict[int, list[set[str]]] = {}
    for language in languages:
        looked_for = slots(leaf, language)
        if len(looked_for) > 1:
            places = joined.setdefault(len(looked_for), [set() for _ in looked_for])
            for here, slot in zip(places, looked_for, strict=True):
                here.update(stem(one, language) for one in (slot.terms if isinstance(slot, Terms) else ()))
    return list(joined.values())


def _stream(places: Iterable[Iterable[str]]) -> str:
    return " ".join("|".join(sorted(here)) for here in places)


def _phrase(field: str, places: Iterable[Iterable[str]], slop: int) -> Query:
    return {"match_phrase": {field: {"query": _stream(places), "slop": min(slop, MOST_SLOP)}}}


def clauses(query: Query) -> int:
    """How many clauses the cluster counts in a query, of the 1,024 that it takes."""
    kind, inner = next(iter(query.items()))
    if kind == "bool":
        return sum(clauses(part) for parts in inner.values() for part in parts)
    if kind in ("nested", "script_score", "function_score"):
        return clauses(inner["query"])
    if kind == "constant_score":
        return clauses(inner["filter"])
    if kind == "match_phrase":
        (said,) = inner.values()
        return len(said["query"].split()) if "|" in said["query"] else 1
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
    seen: list[Query] = []
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


def _escaped(match: re.Match[str]) -> str:
    return "\\" + match.group()
