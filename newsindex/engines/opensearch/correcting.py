"""What corrections are made of: the words of visible articles near a word, and how they are spelt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from newsindex.analysis import edit_distance, tokens
from newsindex.engines.base import Document, Filters
from newsindex.engines.correction import SPELT_IN, Visible
from newsindex.engines.opensearch.compiling import Query, every, opposite, single, some, terms
from newsindex.engines.opensearch.counting import escaped
from newsindex.engines.opensearch.documents import unwritten, written
from newsindex.engines.opensearch.view import View, document_of
from newsindex.engines.spelling import Candidate, beginning, bound
from newsindex.matching import Near
from newsindex.query.nodes import Leaf, Node

#: More edits than this are no fuzzy query of the cluster.
_FUZZY: Final = 2
#: On each shard the words of so many articles are read at once, and so often; each time of those that have none of the
#: words that are found already. So a word may be missed that stands in none without another one that is as near.
_READ: Final = 500
_ROUNDS: Final = 8
_WORDS: Final = 10_000
#: Words are counted so many at once.
_COUNTED: Final = 200
_MOST_LANGUAGES: Final = 100
_STATES: Final = 100_000


class Words(Visible):
    """The words that one asker may see, for one request. found: in how many articles some leaves occur."""

    def __init__(self, view: View, filters: Filters, found: Mapping[Leaf, int]) -> None:
        self._view = view
        self._found = dict(found)
        self._passing = view.compiler.passing(filters)
        self._standing: dict[str, tuple[int, frozenset[str]]] = {}

    def articles(self, leaf: Leaf) -> int:
        if leaf not in self._found:
            self._found[leaf] = self._view.counts([self._view.compiler.leaf(leaf)])[0]
        return self._found[leaf]

    def matching(self, node: Node) -> int:
        return self._view.counts([every([self._view.compiler.matching(node), self._passing])])[0]

    def standing(self, word: str) -> tuple[int, frozenset[str]]:
        if word not in self._standing:
            # Who asks of a word that is unknown asks of its halves next.
            halves = [half for at in range(2, len(word) - 1) for half in (word[:at], word[at:])]
            self._learn([one for one in dict.fromkeys((word, *halves)) if one not in self._standing])
        return self._standing[word]

    def near(self, word: str, edits: int) -> Iterator[Candidate]:
        begin = beginning(word, edits)
        distances: dict[str, int] = {}
        wanted = [single("has", Near(word, tried), "") for tried in range(min(edits, _FUZZY), 0, -1)]
        if edits > _FUZZY:
            wanted = [_nearly(word)]
        if not self._read(wanted[0], word, edits, begin, distances):
            # What many articles have shall not hide what few have, least of all what is nearer.
            for query in reversed(wanted):
                for _ in range(_ROUNDS):
                    before = len(distances)
                    others = opposite(terms("has", map(having, distances)))
                    if self._read(every([query, others]), word, edits, begin, distances) or len(distances) == before:
                        break
        self._learn([other for other in distances if other not in self._standing])
        found = [Candidate(other, distance, self._standing[other][0]) for other, distance in distances.items()]
        return iter(sorted(found, key=lambda candidate: (bound(candidate.edits, candidate.at_most), candidate.word)))

    def texts(self, word: str) -> Iterator[tuple[str, bool]]:
        for hit in self._view.newest({"term": {"has": having(word)}}, SPELT_IN, source="doc"):
            yield first_text(document_of(hit), word)

    def _read(self, query: Query, word: str, edits: int, begin: str, distances: dict[str, int]) -> bool:
        """Look for words near to ``word`` in visible articles that match; whether all of those were looked at."""
        sizes = f".{{{max(len(word) - edits, 1)},{len(word) + edits}}}"
        found = {"terms": {"field": "words", "include": sizes, "size": _WORDS}}
        aggs = {"some": {"sampler": {"shard_size": _READ}, "aggs": {"n": found}}}
        matching = every([self._view.visible, query])
        answer = self._view.ask({"size": 0, "track_total_hits": _READ + 1, "query": matching, "aggs": aggs})
        own = answer["aggregations"]["some"]["n"]
        for bucket in own["buckets"]:
            other = unwritten(str(bucket["key"]))
            if other.startswith(begin) and (distance := edit_distance(word, other, edits)) <= edits:
                distances[other] = distance
        return bool(answer["hits"]["total"]["value"] <= _READ and not own["sum_other_doc_count"])

    def _learn(self, words: Sequence[str]) -> None:
        languages = {"of": {"terms": {"field": "language", "size": _MOST_LANGUAGES}}}
        for first in range(0, len(words), _COUNTED):
            chunk = words[first : first + _COUNTED]
            filters = {str(number): {"term": {"has": having(word)}} for number, word in enumerate(chunk)}
            aggs: dict[str, Any] = {"n": {"filters": {"filters": filters}, "aggs": languages}}
            body = {"size": 0, "track_total_hits": False, "query": self._view.visible, "aggs": aggs}
            found = self._view.ask(body)["aggregations"]["n"]["buckets"]
            for number, word in enumerate(chunk):
                bucket = found[str(number)]
                own = frozenset(str(each["key"]) for each in bucket["of"]["buckets"])
                self._standing[word] = int(bucket["doc_count"]), own


def having(word: str) -> str:
    """The term for a word as written, folded."""
    return "w:" + written(word)


def first_text(document: Document, word: str) -> tuple[str, bool]:
    """The text that ``correction.Visible.texts`` means, and whether it is no paragraph."""
    for paragraph in document.paragraphs:
        if has(paragraph.text, word, document.language):
            return paragraph.text, False
    for text in (document.summary, document.title, *document.tags):
        if has(text, word, document.language):
            return text, True
    return "", True


def has(text: str, word: str, language: str) -> bool:
    """Whether a folded word stands in a text."""
    return any(token.word == word and not token.pair for token in tokens(text, language))


def _nearly(word: str) -> Query:
    """What has a word three edits away from a long one that begins with the same letter, and some others.

    One of the halves has one edit at most, unless two letters are swapped where they meet: then that is done first.
    """
    middle = len(word) // 2
    swapped = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    parts = []
    for text in dict.fromkeys((word, swapped)):
        first = "w:" + escaped(text[0])
        parts += [f"{first}({_one_edit(text[1:middle])}).*", f"{first}.*({_one_edit(text[middle:])})"]
    return some({"regexp": {"has": {"value": part, "max_determinized_states": _STATES}}} for part in parts)


def _one_edit(text: str) -> str:
    """A regular expression for ``text``, what is one edit away, and some others."""
    signs = [escaped(sign) for sign in text]
    ways = ["".join(signs[:at]) + ".{0,3}" + "".join(signs[at + 2 :]) for at in range(max(len(signs) - 1, 1))]
    return "|".join(ways)
