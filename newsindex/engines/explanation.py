"""Why an article ranks where it does: the score of ``ranking`` part by part, and what of a query it lacks. Pure.

An engine says what it counts with (``Counts``); what stands in the article is counted anew from its document, as the
memory engine does it. So the parts add up to the score that the engine gives, or the engine is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from newsindex.analysis import Token, length, tokens
from newsindex.engines.base import Document, Explanation, LeafPart, PassagePart, PassageWord, Placed, SearchRequest
from newsindex.engines.closeness import rarity
from newsindex.matching import Occurrence, meant, occurrences, readings, slop_of
from newsindex.query import unparse
from newsindex.query.nodes import And, Everything, Leaf, Node, Or, alternatives, leaves, relaxed
from newsindex.ranking import (
    DECIMALS,
    FIELDS,
    LEVELS,
    PASSAGE_SHARE,
    SYNONYM,
    asked_length,
    kept,
    leaf_weights,
    newness,
    saturated,
    weighed,
)

#: How many of an article's paragraphs are explained, and how many of the forms that a leaf was met by are named.
PASSAGES: Final = 3
FORMS: Final = 5


@dataclass(frozen=True)
class Counts:
    """What an engine counts with, over the articles that the asker may see.

    articles: how many there are. having: in how many a leaf occurs. average: length of each field, in positions.
    largest_boost: of any of them.
    """

    articles: int
    having: Callable[[Leaf], int]
    average: Mapping[str, float]
    average_paragraph: float
    largest_boost: float


def asked_tree(request: SearchRequest) -> Node:
    """What ``request`` looks for."""
    return relaxed(request.query) if request.match == "any" else request.query


def explanation(
    document: Document, request: SearchRequest, counts: Counts, matches: bool, meets: Callable[[Node], bool]
) -> Explanation:
    """Why ``document`` has its score. matches: whether it is a hit; meets: whether a part of the query is met by it."""
    article = _Article(document)
    wanted = tuple(leaves(asked_tree(request)))
    parts = [
        _leaf_part(article, leaf, weight, counts) for leaf, weight in zip(wanted, leaf_weights(wanted), strict=True)
    ]
    passages = _passages(article, wanted, parts, counts)
    words = sum(part.score for part in parts)
    best = passages[0].score if passages else 0.0
    occurring = [part for part in parts if part.articles]
    whole = kept(sum(p.worth for p in occurring if not p.places), sum(p.worth for p in occurring))
    exact = _is_exact(article, wanted, parts)
    boost = counts.largest_boost if exact else document.boost
    new = _newness(document.published_at, request, 1 if exact else -1 if whole < 1 else 0)
    return Explanation(
        key=document.key,
        title=document.title,
        matches=matches,
        lacks=tuple(dict.fromkeys(unparse(node) for node in _unmet(request, meets))),
        score=round(boost * (words + PASSAGE_SHARE * best) * whole * new, DECIMALS),
        articles=counts.articles,
        leaves=tuple(parts),
        words=words,
        passages=tuple(passages[:PASSAGES]),
        passage_share=PASSAGE_SHARE,
        boost=boost,
        completeness=whole,
        newness=new,
    )


class _Article:
    """The tokens of a document. texts: for each field, its texts with their tokens."""

    def __init__(self, document: Document) -> None:
        self.document = document
        written: dict[str, Iterable[str]] = {
            "title": (document.title,),
            "summary": (document.summary,),
            "tags": document.tags,
            "text": (paragraph.text for paragraph in document.paragraphs),
        }
        self.texts: dict[str, list[tuple[str, list[Token]]]] = {
            name: [(text, tokens(text, document.language)) for text in written[name]] for name in FIELDS
        }

    def length(self, name: str) -> int:
        return sum(length(found) for _, found in self.texts[name])

    def met(self, leaf: Leaf, name: str) -> Iterator[tuple[str, list[tuple[float, Occurrence]]]]:
        """Each text of a field, and where the leaf stands in it, with what counts once there, and less of a synonym."""
        language = self.document.language
        ways = [
            (SYNONYM if number else 1, way, slop_of(each))
            for number, each in enumerate(meant(leaf, language))
            if each.field in ("", name)
            for way in readings(each, language)
        ]
        for text, found in self.texts[name]:
            yield text, [(share, place) for share, way, slop in ways for place in occurrences(way, found, slop)]


def _is_exact(article: _Article, wanted: Sequence[Leaf], parts: Sequence[LeafPart]) -> bool:
    """Whether the title is what is asked for, and nothing else."""
    titled = all(any(placed.name == "title" for placed in part.places) for part in parts)
    return bool(parts) and titled and article.length("title") <= asked_length(wanted)


def _leaf_part(article: _Article, leaf: Leaf, weight: float, counts: Counts) -> LeafPart:
    n = counts.having(leaf)
    idf = rarity(n, counts.articles)
    found = [_placed(article, leaf, name, counts.average[name]) for name in FIELDS]
    tf = sum(placed.tf for placed in found)
    return LeafPart(
        text=unparse(leaf),
        articles=n,
        idf=idf,
        weight=weight,
        places=tuple(placed for placed in found if placed.frequency),
        tf=tf,
        score=weight * idf * saturated(tf),
    )


def _placed(article: _Article, leaf: Leaf, name: str, average: float) -> Placed:
    frequency, forms = 0.0, Counter[str]()
    for text, places in article.met(leaf, name):
        frequency += sum(share * place.count for share, place in places)
        forms.update(text[place.start : place.end] for _, place in places)
    size = article.length(name)
    named = tuple(form for form, _ in forms.most_common(FORMS))
    return Placed(name, frequency, named, size, average, weighed(name, frequency, size, average))


def _passages(
    article: _Article, wanted: Sequence[Leaf], parts: Sequence[LeafPart], counts: Counts
) -> list[PassagePart]:
    """The paragraphs in which any leaf occurs, best first."""
    average = counts.average_paragraph
    words: list[list[PassageWord]] = [[] for _ in article.texts["text"]]
    for leaf, part in zip(wanted, parts, strict=True):
        for number, (_, places) in enumerate(article.met(leaf, "text")):
            if frequency := sum(share * place.count for share, place in places):
                size = max(length(article.texts["text"][number][1]), average)
                score = part.worth * saturated(weighed("text", frequency, size, average))
                words[number].append(PassageWord(part.text, frequency, score))
    found = [
        PassagePart(paragraph.number, paragraph.anchor, sum(word.score for word in own), tuple(own))
        for paragraph, own in zip(article.document.paragraphs, words, strict=True)
        if own
    ]
    return sorted(found, key=lambda passage: (-round(passage.score, DECIMALS), passage.number))


def _newness(published_at: datetime | None, request: SearchRequest, level: int) -> float:
    if not request.recency:
        return 1.0
    if published_at is None or published_at > request.now:
        return LEVELS[level]
    return LEVELS[level] * newness(request.now - published_at, request.recency)


def _unmet(request: SearchRequest, meets: Callable[[Node], bool]) -> Iterator[Node]:
    """The parts of the query that the article does not have, and what it has that is excluded."""
    if request.match == "any":
        yield from (part for part in alternatives(request.query) if not meets(part))
    yield from _lacking(asked_tree(request), meets, request.match == "any")


def _lacking(node: Node, meets: Callable[[Node], bool], said: bool) -> Iterator[Node]:
    """said: what is an alternative was told of already."""
    if isinstance(node, Everything) or meets(node):
        return
    if isinstance(node, And):
        for child in node.children:
            yield from _lacking(child, meets, said)
    elif not (said and isinstance(node, Or)):
        yield node
