"""What the index offers to complete and to correct words with: titles, tags and words of visible articles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from newsindex.analysis import edits_allowed, keyword, tokens
from newsindex.engines.completion import Typed
from newsindex.engines.counting import spelling
from newsindex.engines.whoosh.analysis import spelt
from newsindex.engines.whoosh.columns import Mask
from newsindex.engines.whoosh.counting import counted
from newsindex.engines.whoosh.evaluation import Evaluation
from newsindex.engines.whoosh.postings import ByteCache
from newsindex.engines.whoosh.records import moment
from newsindex.engines.whoosh.schema import words_field
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.vocabulary import vocabulary, words_between
from newsindex.matching import Near, Starts
from newsindex.ranking import FIELDS


@dataclass(frozen=True)
class Frequencies:
    """Words with the number of documents they stand in at most."""

    words: dict[str, int]

    @property
    def nbytes(self) -> int:
        return 150 * len(self.words)


def titles(evaluation: Evaluation, typed: Typed) -> Iterator[tuple[str, str, datetime | None]]:
    """(title, key, published_at) of the visible articles whose title may fit what was typed."""
    snapshot = evaluation.snapshot
    for ordinal in np.flatnonzero(_title_candidates(evaluation, typed)).tolist():
        published = moment(snapshot.published(ordinal))
        yield snapshot.columns.titles[ordinal], snapshot.columns.keys[ordinal], published


def tags(evaluation: Evaluation, typed: Typed) -> Iterator[tuple[str, int]]:
    """(spelling, number of articles) of the visible tags that fit what was typed."""
    snapshot, seen = evaluation.snapshot, evaluation.view.seen
    spellings: dict[str, dict[str, int]] = {}
    for name, count in counted(snapshot.columns.labels["tag"], seen).items():
        if typed.place(name) is not None:
            spellings.setdefault(keyword(name), {})[name] = count
    counts = counted(snapshot.keyed["tag"], seen) if spellings else {}
    return ((spelling(written), counts[tag]) for tag, written in spellings.items())


def words(evaluation: Evaluation, prefix: str, enough: int, cache: ByteCache) -> Iterator[tuple[str, int]]:
    """(word, number of visible articles) of the ``enough`` most frequent words that begin with ``prefix``, or more."""
    at_most: Counter[str] = Counter()
    for part in evaluation.snapshot.parts:
        for field in FIELDS:
            at_most.update(_frequencies(part.segment, words_field(field), prefix, cache).words)
    best: list[int] = []
    for word, bound in at_most.most_common():
        # Every word after this one stands in fewer articles than all that were found.
        if len(best) >= enough and bound < sorted(best, reverse=True)[enough - 1]:
            return
        count = evaluation.found_word(Near(word, 0)).count
        if count:
            best.append(count)
            yield word, count


def candidates(evaluation: Evaluation, word: str, cache: ByteCache) -> Iterator[tuple[str, int]]:
    """(word, number of visible articles) of the words near ``word``."""
    near: set[str] = set()
    for part in evaluation.snapshot.parts:
        for field in FIELDS:
            own = vocabulary(part.segment.id, part.segment.postings, words_field(field), cache)
            near.update(own.near(word, edits_allowed(word)))
    for each in sorted(near):
        count = evaluation.found_word(Near(each, 0)).count
        if count:
            yield each, count


def _title_candidates(evaluation: Evaluation, typed: Typed) -> Mask:
    """The visible articles with a word in the title that begins like a typed one; all where words have no beginning."""
    if not typed.text:
        return np.zeros_like(evaluation.view.seen)
    found = tokens(typed.text, "")
    if not found or any(token.pair for token in found):
        return evaluation.view.seen
    mask = np.zeros_like(evaluation.view.seen)
    for word in dict.fromkeys(token.word for token in found):
        mask |= evaluation.found_word(Starts(word), ("title",)).articles
    return mask


def _frequencies(segment: Segment, field: str, prefix: str, cache: ByteCache) -> Frequencies:
    key = (segment.id, field, prefix, "frequencies")
    known: Frequencies | None = cache.get(key)
    if known is None:
        read = segment.postings.document_frequency
        terms = words_between(segment.postings, field, prefix)
        known = cache.put(key, Frequencies({spelt(term): read(field, term) for term in terms}))
    return known
