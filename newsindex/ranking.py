"""How an article is scored: the formula and its parameters, shared by the engines. Pure.

BM25F in its simple form (Robertson, Zaragoza, Taylor 2004, "Simple BM25 extension to multiple weighted fields";
Robertson and Zaragoza 2009, "The probabilistic relevance framework: BM25 and beyond"). For each leaf of the query:

    n      visible articles in which the leaf occurs, N all visible articles
    idf    ln(1 + (N - n + 0.5) / (n + 0.5))
    tf     sum over fields of WEIGHT[f] * frequency[f] / (1 - B[f] + B[f] * length[f] / average length[f])
    score  idf * tf * (K1 + 1) / (K1 + tf)

An article's score is its boost, times the sum over its leaves plus PASSAGE_SHARE times the score of its best paragraph,
times 1 - LACKING * (the idf of the leaves that it lacks / the idf of all that occur anywhere). A paragraph's score is
the same sum with one field, the length of the paragraph against the average paragraph, a shorter one counting as
average: a heading is no better passage than what stands under it. The field "text" is all paragraphs of the article
together. The frequency of ``Synonyms`` is that of the word plus SYNONYM times those of its synonyms, and n counts the
articles that have any of them: so a rare synonym weighs no more than its word.

An article is an exact match where each leaf stands in its title, and the title is no longer than they are together.
Nothing that a site adds to the evidence buries it: its boost is the largest of any visible article, if that is more
than its own; and where recency is asked for, scores are multiplied with

    LEVELS[1 if exact, -1 if it lacks a leaf that occurs anywhere, else 0]
    * (1 + RECENCY_SHARE * 0.5 ** (age / recency))

without the last factor where it has no date, or one in the future. So being new never puts an article before an exact
match, or one that has all leaves, behind which it stood otherwise; among those of a level it does.

A leaf that is typed twice counts twice; a function word beside other words counts ``stopwords.SHARE`` of it. Among the
closest matches a run of characters without spaces is asked for by its pairs, which overlap, and would count as so many
words: beside anything else, each of them counts PAIR_SHARE.

Sources of the parameters: K1 and B of the text lie where Robertson and Zaragoza 2009 find most collections served well
(K1 1.2 to 2, B 0.5 to 0.8); the idf is that of Lucene's BM25, which never falls below 0. WEIGHT of the title,
PASSAGE_SHARE, LACKING and ``stopwords.SHARE`` were chosen by sweeps over judged collections, and checked since on half
of the questions, kept for choosing (docs/ranking.md): no other value of one of them that was tried changes the mean
over 14 collections by 0.002.

Statistics are taken over the articles that the asker may see, so a score tells nothing about hidden ones.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final

from newsindex.analysis import length, tokens
from newsindex.matching import query_words
from newsindex.query.nodes import Leaf, Node, Synonyms, Word
from newsindex.stopwords import shares

FIELDS: Final = ("title", "summary", "tags", "text")
WEIGHT: Final = {"title": 5.0, "summary": 1.5, "tags": 2.0, "text": 1.0}
B: Final = {"title": 0.5, "summary": 0.5, "tags": 0.3, "text": 0.7}
K1: Final = 1.5
#: How much of the best paragraph's score is added to its article's.
PASSAGE_SHARE: Final = 0.35
#: What an occurrence of a synonym counts beside one of the word itself; a sum of quarters is exact on every engine.
SYNONYM: Final = 0.75
#: How much of its score an article would lose that lacked everything: who has all words stands before who repeats one.
LACKING: Final = 1 / 3
#: What a pair of a longer run counts beside other leaves.
PAIR_SHARE: Final = 0.4
#: How much of its score the newest article gains where recency is asked for.
RECENCY_SHARE: Final = 0.25
#: What an article's level multiplies its score with where recency is asked for: the most that one of a lower level can
#: gain by being new is the least that one of the next has.
LEVELS: Final = {-1: 1 / (1 + RECENCY_SHARE), 0: 1.0, 1: 1 + RECENCY_SHARE}
#: Scores are rounded to so many decimals before they are compared, so that ties are ties on every engine.
DECIMALS: Final = 6
#: The leaves that may be function words.
_WORDS: Final = (Word, Synonyms)


def asked_length(leaves: Sequence[Leaf]) -> int:
    """How many positions the leaves take together: no title of an exact match is longer. 0 for no leaves."""
    return sum(_length(leaf.text) for leaf in leaves)


@lru_cache(maxsize=4_096)
def _length(text: str) -> int:
    return length(tokens(text, ""))


def weighed(name: str, frequency: float, size: float, average: float) -> float:
    """What a leaf that stands ``frequency`` times in a field of this length adds to tf. average: of the field."""
    return WEIGHT[name] * frequency / (1 - B[name] + B[name] * size / average)


def saturated(tf: float) -> float:
    """What idf is multiplied with."""
    return tf * (K1 + 1) / (K1 + tf)


def kept(lacked: float, occurring: float) -> float:
    """What a score is multiplied with. lacked: the idf of the leaves that the article lacks; occurring: of all."""
    return 1 - LACKING * lacked / occurring if lacked else 1.0


def newness(age: timedelta, recency: timedelta) -> float:
    """What a score is multiplied with where recency is asked for, and the article was published so long ago."""
    left: float = 0.5 ** (age / recency)
    return 1 + RECENCY_SHARE * left


def leaf_weights(leaves: Sequence[Node]) -> list[float]:
    """What each idf is multiplied with: 1, or less for function words among others and for pairs of characters."""
    if len(leaves) < 2:
        return [1.0] * len(leaves)
    words = {number: _said(leaf) for number, leaf in enumerate(leaves) if isinstance(leaf, _WORDS)}
    weights = [1.0] * len(leaves)
    # Where all words are function words, what counts may be a phrase beside them: still they count fully.
    for number, share in zip(words, shares(list(words.values())), strict=True):
        weights[number] = share
    pairs = [isinstance(leaf, _WORDS) and _is_pair(_word(leaf).text) for leaf in leaves]
    if any(pairs) and not all(pairs):
        for number in _overlapping(leaves, pairs):
            weights[number] *= PAIR_SHARE
    return weights


def _overlapping(leaves: Sequence[Node], pairs: Sequence[bool]) -> set[int]:
    """Which of the leaves are pairs that begin or end with what a pair beside them has, too."""
    found: set[int] = set()
    for number in range(1, len(leaves)):
        before, leaf = leaves[number - 1], leaves[number]
        if not (pairs[number - 1] and pairs[number] and isinstance(before, _WORDS) and isinstance(leaf, _WORDS)):
            continue
        one, other = _word(before).text, _word(leaf).text
        if any(one.endswith(other[:shared]) for shared in range(1, len(other))):
            found.update((number - 1, number))
    return found


@lru_cache(maxsize=4_096)
def _is_pair(text: str) -> bool:
    found = tokens(text, "")
    return len(found) == 1 and found[0].pair


def _word(leaf: Word | Synonyms) -> Word:
    return leaf.word if isinstance(leaf, Synonyms) else leaf


@lru_cache(maxsize=4_096)
def _said(leaf: Word | Synonyms) -> str:
    """What tells whether a word is a function word: it is folded, or has its marks where the query has any."""
    word = _word(leaf)
    return unicodedata.normalize("NFC", word.text).lower() if word.marked else query_words(leaf)[0]
