"""Related articles: the query that stands for an article, made of its telling words and its tags. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from newsindex.analysis import stemming_language, tokens
from newsindex.engines.base import ArticleHit, Document, Marked
from newsindex.query.nodes import Leaf, Or, Phrase, Word

#: How many words stand for an article, and how many of its most frequent ones are weighed for it.
TELLING_WORDS: Final = 20
WEIGHED_WORDS: Final = 200
TELLING_TAGS: Final = 20


def related_query(document: Document, frequency: Callable[[Leaf], int], visible: int) -> Or | None:
    """The query for what is related to ``document``, or None where nothing stands for it.

    frequency: in how many visible articles a leaf occurs; visible: how many there are. A word tells something when
    another article has it too, but not more than half of them; the weight is the usual (1 + ln tf) * idf.
    """
    weighed = []
    for word, times in _words(document).most_common(WEIGHED_WORDS):
        n = frequency(Word(word))
        if 2 <= n <= max(2, visible / 2):
            idf = math.log(1 + (visible - n + 0.5) / (n + 0.5))
            weighed.append((-(1 + math.log(times)) * idf, word))
    words = [Word(word) for _, word in sorted(weighed)[:TELLING_WORDS]]
    tags = [Phrase(tag) for tag in dict.fromkeys(document.tags) if tokens(tag, "")][:TELLING_TAGS]
    return Or((*words, *tags)) if words or tags else None


def unmarked(hit: ArticleHit) -> ArticleHit:
    """``hit`` without marks and paragraphs: nobody typed the words that found it."""
    return replace(
        hit, title=Marked(hit.title.text), summary=Marked(hit.summary.text), paragraphs=(), matched_paragraphs=0
    )


def _words(document: Document) -> Counter[str]:
    """How often each word stands in title, summary and text, inflections counted with the first of them."""
    language = stemming_language(document.language)
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for text in (document.title, document.summary, *(paragraph.text for paragraph in document.paragraphs)):
        for token in tokens(text, language):
            if len(token.word) > 1:
                counts[first.setdefault(token.terms[0], token.word)] += 1
    return counts
