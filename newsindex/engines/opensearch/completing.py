"""What completions are made of: words, names, titles and texts of visible articles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any, Final

from newsindex.engines.base import Facet
from newsindex.engines.completion import MOST_TEXTS, MOST_TITLES, Slot, Typed, is_common
from newsindex.engines.opensearch.compiling import ALL, Query, every, literal, opposite, some
from newsindex.engines.opensearch.correcting import has, having
from newsindex.engines.opensearch.counting import escaped, spellings
from newsindex.engines.opensearch.documents import SEPARATOR, pair, unwritten, written
from newsindex.engines.opensearch.view import View, document_of, head_of

#: On each shard the words of so many articles are counted, to complete one; then the first of them among all.
_LOOKED_AT: Final = 2_000
_SPARE: Final = 40
#: Names are told apart here where signs decide, so a few more are asked for.
_NAMES: Final = 100
_SHARD_SIZE: Final = 1_000


class Offered:
    """What ``completion.Visible`` wants, of what a view shows. When the time is up there is nothing more."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._counts: dict[str, int] = {}

    @cached_property
    def articles(self) -> int:
        return self._view.articles()

    def titles(self, typed: Typed, enough: int) -> Iterator[tuple[str, str, datetime | None]]:
        if not typed.slots:
            return
        fitting = every(self._titled("title", slot) for slot in typed.slots)
        begun = self._titled("title_first", typed.slots[0])
        for group in (every([fitting, begun]), every([fitting, opposite(begun)])):
            for hit in self._newest(group, MOST_TITLES, "head"):
                title, published_at = head_of(hit)
                yield title, str(hit["fields"]["key"][0]), published_at

    def labels(self, kind: Facet, typed: Typed, enough: int) -> Iterator[tuple[str, int]]:
        if self._view.over:
            return
        counts = self._named(kind, typed, enough)
        spelt = spellings(self._view, self._view.visible, {kind: list(counts)})
        yield from ((spelt.get((kind, name), name), count) for name, count in counts.items())

    def words(self, prefix: str, enough: int) -> Iterator[tuple[str, int]]:
        if self._view.over:
            return
        begin, articles = written(prefix), self.articles
        size = enough + _SPARE
        found = {"terms": {"field": "words", "include": f"{escaped(begin)}.*", "size": size, "shard_size": _SHARD_SIZE}}
        aggs = {"some": {"sampler": {"shard_size": _LOOKED_AT}, "aggs": {"n": found}}}
        matching = every([self._view.visible, {"prefix": {"has": {"value": having(prefix)}}}])
        answer = self._view.ask({"size": 0, "track_total_hits": _LOOKED_AT + 1, "query": matching, "aggs": aggs})
        buckets = answer["aggregations"]["some"]["n"]["buckets"]
        counts = {unwritten(str(each["key"])): int(each["doc_count"]) for each in buckets}
        if answer["hits"]["total"]["value"] > _LOOKED_AT and not self._view.over:
            counts = self._counted(list(counts))
        # Common words took places of others.
        yield from ((word, count) for word, count in counts.items() if count and not is_common(count, articles))

    def is_common(self, word: str) -> bool:
        if word not in self._counts:
            self._counts |= {word: 0} if self._view.over else self._counted([word])
        return is_common(self._counts[word], self.articles)

    def texts(self, words: Sequence[str], most: int) -> Iterator[list[str]]:
        wanted = every({"term": {"has": having(word)}} for word in words)
        for hit in self._newest(wanted, most, "doc"):
            document = document_of(hit)
            paragraphs = (paragraph.text for paragraph in document.paragraphs)
            # In the order of ``completion.READ``.
            texts = (document.title, *paragraphs, document.summary, *document.tags)
            found = (text for text in texts if has(text, words[-1], document.language))
            yield list(islice(found, MOST_TEXTS))

    def together(self, before: Sequence[str], words: Sequence[str]) -> list[int]:
        if self._view.over or not words:
            return [0] * len(words)
        among = every({"term": {"has": having(word)}} for word in before)
        return self._view.counts([{"term": {"has": having(word)}} for word in words], among)

    def _newest(self, query: Query, size: int, source: str) -> Sequence[Mapping[str, Any]]:
        return [] if self._view.over else self._view.newest(query, size, source)

    def _counted(self, words: Sequence[str]) -> dict[str, int]:
        queries = [{"term": {"has": having(word)}} for word in words]
        return dict(zip(words, self._view.counts(queries), strict=True)) if words else {}

    def _titled(self, field: str, slot: Slot) -> Query:
        """The articles that have a word in the title, or first in it."""
        if not slot.pair:
            return _beginning(field, having(slot.word), slot.whole)
        languages = self._view.compiler.languages
        if len(slot.word) > 1:
            return some(_beginning(field, pair(slot.word, language), False) for language in languages)
        patterns = (f"{pair('', language)}*{literal(slot.word)}*" for language in languages)
        return some({"wildcard": {field: {"value": pattern}}} for pattern in patterns)

    def _named(self, kind: Facet, typed: Typed, enough: int) -> dict[str, int]:
        """Keywords of names that fit, with the number of articles that have them."""
        size = max(4 * enough, _NAMES)
        if not typed.text:
            terms = {"terms": {"field": kind, "size": size, "shard_size": _SHARD_SIZE}}
            asked: dict[str, Any] = {"all": {"filter": ALL, "aggs": {"n": terms}}}
        else:
            asked = {place: _names(f"{kind}_starts", place, typed.text, size) for place in "01"}
        body = {"size": 0, "track_total_hits": False, "query": self._view.visible, "aggs": asked}
        answer = self._view.ask(body)["aggregations"]
        found: dict[str, int] = {}
        for place in asked:
            for bucket in answer[place]["n"]["buckets"]:
                name = str(bucket["key"]).rpartition(SEPARATOR)[2]
                found[name] = max(found.get(name, 0), int(bucket["doc_count"]))
        return found


def _names(field: str, place: str, text: str, size: int) -> dict[str, Any]:
    fitting = {"prefix": {field: {"value": place + text}}}
    include = f"{place}{escaped(text)}.*"
    terms = {"field": field, "include": include, "size": size, "shard_size": max(_SHARD_SIZE, size)}
    return {"filter": fitting, "aggs": {"n": {"terms": terms}}}


def _beginning(field: str, value: str, whole: bool) -> Query:
    return {"term": {field: value}} if whole else {"prefix": {field: {"value": value}}}
