"""Related articles: the words and tags that stand for an article or a text, and which of those found are shown. Pure.

A word tells what a text is about when it is frequent there and rare elsewhere; it weighs (1 + ln tf) * the root
of idf, after Salton and Buckley 1988, "Term-weighting approaches in automatic text retrieval"; the root was chosen by
a measurement (docs/benchmarks/related.md). Function words, and numbers that are no year, never count.

Of the articles that have any of the words and tags, the ``POOL`` with most of them, by weight, are scored by
``ranking``, with the weights in the place of the idf and a mild gain for the new. Both engines take the same steps.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeVar

from newsindex.analysis import RUN, keyword, run_tokens, stemming_language, tokens
from newsindex.engines.base import ArticleHit, Document, Marked, SearchRequest
from newsindex.engines.closeness import rarity
from newsindex.query.nodes import Everything, Leaf, Or, Phrase, Word
from newsindex.stopwords import STOP_WORDS, is_function_word

T = TypeVar("T")

#: How many words stand for an article, and how many are weighed for it: to weigh one is to look it up in the index.
TELLING_WORDS: Final = 20
WEIGHED_WORDS: Final = 32
TELLING_TAGS: Final = 8
#: So many articles are few.
FEW: Final = 10
#: How many articles, those that have most of what is telling, are scored.
POOL: Final = 64
#: A word of the title, or of the summary, counts as so many in the text; a tag weighs as much as so many words.
TITLE_TIMES: Final = 3
SUMMARY_TIMES: Final = 2
TAG_TIMES: Final = 3.0
#: At this age an article has lost half of the quarter that a new one gains.
RECENCY: Final = timedelta(days=365)
#: What an article in another language counts.
FOREIGN: Final = 0.5
#: Texts that have so many of their runs of words in common are nearly the same.
NEARLY_SAME: Final = 0.5
_RUN: Final = 3
#: How much of a text is looked at: what it is about is said by then.
_READ: Final = 12_000
_COMPARED: Final = 2_000
#: Longer words are seldom more telling for that.
_LONG: Final = 10
# Words, and the characters of scripts without spaces one by one.
_PIECE: Final = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff\uac00-\ud7a3]|[^\W_]+")
_YEAR: Final = re.compile(r"(?:1[5-9]|20)\d\d")


def candidate_leaves(document: Document) -> dict[Leaf, float]:
    """What may stand for ``document``, with how much it stands there: its tags and its most frequent, longest words."""
    words = sorted((-_prominence(word, times), word, times) for word, times in _words(document).items())
    found: dict[Leaf, float] = {Word(word): 1 + math.log(times) for _, word, times in words[:WEIGHED_WORDS]}
    tags = {keyword(tag): tag for tag in reversed(document.tags) if tokens(tag, "")}
    found.update({Phrase(tags[key]): TAG_TIMES for key in sorted(tags)[:TELLING_TAGS]})
    return found


def telling(leaves: Iterable[tuple[Leaf, float, int]], visible: int, known: int) -> dict[Leaf, float]:
    """The leaves that stand for a document, with their weights.

    leaves: each with how much it stands there and in how many visible articles. visible: how many there are. known: 1
    where the document is one of them. A leaf tells something when another article has it too, but not more than half
    of them, or few. It weighs the root of its idf: what two texts are both about is seldom the rarest of their words.
    """
    weighed = [
        (prominence * math.sqrt(rarity(n, visible)), leaf)
        for leaf, prominence, n in leaves
        if known < n <= max(FEW, visible / 2)
    ]
    words = sorted((row for row in weighed if isinstance(row[1], Word)), key=lambda row: (-row[0], row[1].text))
    tags = [row for row in weighed if not isinstance(row[1], Word)]
    return {leaf: weight for weight, leaf in (*words[:TELLING_WORDS], *tags)}


def related_query(document: Document, frequency: Callable[[Leaf], int], visible: int) -> Or | None:
    """The query for what is related to ``document``, for an engine without weights; None for nothing.

    frequency: in how many visible articles a leaf occurs. visible: how many there are, ``document`` among them.
    """
    leaves = candidate_leaves(document)
    found = telling(((leaf, leaves[leaf], frequency(leaf)) for leaf in leaves), visible, known=1)
    return Or(tuple(found)) if found else None


def like_request(
    now: datetime, audiences: frozenset[str], hidden: frozenset[str], limit: int, paragraphs: int
) -> SearchRequest:
    """Who asks, and for how many hits, so that ``chosen`` may leave some out."""
    return SearchRequest(
        Everything(),
        now,
        audiences,
        limit=min(2 * max(limit, 0) + 4, POOL),
        paragraphs_per_article=paragraphs,
        recency=RECENCY,
        correct=False,
        hidden=hidden,
    )


def chosen(
    document: Document, hits: Iterable[ArticleHit], content: Callable[[ArticleHit], Iterable[str]], limit: int
) -> tuple[ArticleHit, ...]:
    """The best ``limit`` of ``hits``: its own language before others, and none that says nearly the same as another.

    content: what is ``said_in`` a hit, asked for as seldom as possible.
    """
    ordered = sorted(hits, key=lambda hit: -hit.score * (1.0 if same_language(document, hit) else FOREIGN))
    return tuple(islice(_different(_runs_of(said_in(document)), ordered, content), max(limit, 0)))


def same_language(document: Document, hit: ArticleHit) -> bool:
    """Whether both are in one language, as far as is known."""
    own, other = _base(document.language), _base(hit.language)
    return not own or not other or own == other


def unmarked(hit: ArticleHit) -> ArticleHit:
    """``hit`` without marks: nobody typed the words that found it."""
    paragraphs = tuple(replace(each, marked=Marked(each.marked.text)) for each in hit.paragraphs)
    return replace(hit, title=Marked(hit.title.text), summary=Marked(hit.summary.text), paragraphs=paragraphs)


def _different(
    own: frozenset[tuple[str, ...]], hits: Sequence[ArticleHit], content: Callable[[ArticleHit], Iterable[str]]
) -> Iterator[ArticleHit]:
    seen = [own]
    for hit in hits:
        runs = _runs_of(content(hit))
        if not any(_alike(runs, other) for other in seen):
            seen.append(runs)
            yield hit


def _alike(some: frozenset[T], others: frozenset[T]) -> bool:
    common = len(some & others)
    together = len(some) + len(others) - common
    return together > 0 and common >= NEARLY_SAME * together


def said_in(document: Document) -> Iterator[str]:
    """What a document says: title, summary, paragraphs."""
    yield from (document.title, document.summary)
    yield from (paragraph.text for paragraph in document.paragraphs)


def _runs_of(said: Iterable[str]) -> frozenset[tuple[str, ...]]:
    """The runs of words at the beginning of texts."""
    beginning: list[str] = []
    left = _COMPARED
    for text in said:
        beginning.append(text)
        left -= len(text) + 1
        if left <= 0:
            break
    words = _PIECE.findall(" ".join(beginning)[:_COMPARED].casefold())
    return frozenset(zip(*(words[first:] for first in range(_RUN)), strict=False)) or frozenset({tuple(words)})


def _words(document: Document) -> Counter[str]:
    """How often each word that is no function word stands in a document, inflections counted with the first of them."""
    language = stemming_language(document.language)
    stop = STOP_WORDS.get(_base(document.language))
    runs: dict[str, int] = {}
    for text, times in _texts(document):
        for run in RUN.findall(text):
            runs[run] = runs.get(run, 0) + times
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for run, times in runs.items():
        for token in run_tokens(run, language):
            word = token.word
            if word.isdigit() and not _YEAR.fullmatch(word):
                continue
            if len(word) > 1 and not (word in stop if stop is not None else is_function_word(word)):
                counts[first.setdefault(token.terms[0], word)] += times
    return counts


def _texts(document: Document) -> Iterator[tuple[str, int]]:
    """The texts of a document with what their words count, up to a bound."""
    yield document.title[:_READ], TITLE_TIMES
    yield document.summary[:_READ], SUMMARY_TIMES
    left = _READ
    for paragraph in document.paragraphs:
        yield paragraph.text[:left], 1
        left -= len(paragraph.text)
        if left <= 0:
            return


def _prominence(word: str, times: int) -> float:
    """Which words to weigh at all: long words are rare words."""
    return (1 + math.log(times)) * min(len(word), _LONG)


def _base(language: str) -> str:
    return language.lower().replace("_", "-").partition("-")[0]
