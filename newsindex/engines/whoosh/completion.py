"""What the index offers to complete words with: titles, tags and words of visible articles.

Each offers what comes first in the order of engines/completion.py, and stops when nothing that is left can come before
that.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import partial

import numpy as np

from newsindex.analysis import MAX_WORD, tokens
from newsindex.engines.completion import Typed
from newsindex.engines.counting import spelling
from newsindex.engines.whoosh.counting import counted
from newsindex.engines.whoosh.evaluation import Evaluation
from newsindex.engines.whoosh.labels import Mask
from newsindex.engines.whoosh.layout import form_word, word_prefix
from newsindex.engines.whoosh.lookup import Forms, Looked, Range
from newsindex.engines.whoosh.ordering import Order
from newsindex.engines.whoosh.records import moment
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.vocabulary import pairs_with
from newsindex.matching import Near, Starts
from newsindex.ranking import FIELDS

#: How many words of a segment, and how many titles, are looked at first; then four times as many each time.
_FIRST = 64
_MORE = 4
#: A word from here on is told apart from an ending such as the "ll" of "we'll", which is no word of its own.
_SHORTEST = 3


def titles(evaluation: Evaluation, typed: Typed, enough: int) -> Iterator[tuple[str, str, datetime | None]]:
    """(title, key, published_at) of the visible articles whose title fits what was typed, ``enough`` of them, or more.

    Those come first whose title may begin so, then all others, the newest of each first.
    """
    candidates, beginning = _title_candidates(evaluation, typed)
    missing = enough
    for group, counts in ((candidates & beginning, (0,)), (candidates & ~beginning, (0, 1))):
        for title, key, published in _newest(evaluation, group):
            if missing <= 0:
                return
            place = typed.place(title)
            if place is not None:
                yield title, key, published
                # What does not begin so after all comes after all that do.
                missing -= place in counts


def tags(evaluation: Evaluation, typed: Typed) -> Iterator[tuple[str, int]]:
    """(spelling, number of articles) of the visible tags that fit what was typed."""
    counts = counted(evaluation.snapshot, "tag", evaluation.view.seen)
    values = counts.values
    there = np.flatnonzero(counts.by_name).tolist()
    fitting = {int(values.keys[at]) for at in there if typed.place(values.names[at]) is not None}
    places = np.array(sorted(fitting - {len(values.keywords)}), np.intp)
    found = counts.spellings(places)
    by_keyword = {values.keywords[at]: int(counts.by_keyword[at]) for at in places.tolist()}
    return ((spelling(written), by_keyword[tag]) for tag, written in found.items())


def words(evaluation: Evaluation, prefix: str, enough: int) -> Iterator[tuple[str, int]]:
    """(word, number of visible articles) of the ``enough`` most frequent words that begin with ``prefix``, or more."""
    found: list[tuple[int, str]] = []
    asked: set[str] = set()
    size = _FIRST
    while True:
        known, others = _frequent(evaluation, prefix, size)
        for at_most, word in known:
            if at_most < others or (len(found) >= enough and found[enough - 1] < (-at_most, word)):
                break
            if word not in asked:
                asked.add(word)
                count = evaluation.found_word(Near(word, 0)).count
                if count:
                    insort(found, (-count, word))
                    yield word, count
        if not others or (len(found) >= enough and -found[enough - 1][0] > others):
            return
        size *= _MORE


def _newest(evaluation: Evaluation, group: Mask) -> Iterator[tuple[str, str, datetime | None]]:
    """(title, key, published_at) of some articles, the newest first, those undated last."""
    snapshot = evaluation.snapshot
    order = Order.of(snapshot, np.flatnonzero(group), "newest")
    begun, size = 0, _FIRST
    while begun < len(order.ordinals):
        for at in order.first(size)[begun:].tolist():
            segment, article = snapshot.place(int(order.ordinals[at]))
            published = moment(int(segment["published"][article]))
            yield segment.record(article).title, segment.key(article), published
        begun, size = size, size * _MORE


def _title_candidates(evaluation: Evaluation, typed: Typed) -> tuple[Mask, Mask]:
    """The visible articles whose title may fit what was typed, and those whose title may begin so."""
    seen = evaluation.view.seen
    found = tokens(typed.text, "") if typed.text else []
    if not found:
        nothing = np.zeros_like(seen) if not typed.text else seen
        return nothing, nothing
    pairs = [token.word for token in found if token.pair]
    if pairs:
        # Words have no beginning there, so every character may begin one.
        mask = seen
        for pair in pairs:
            mask = mask & evaluation.found_in(("title",), partial(_pairs_like, pair)).articles
        return mask, mask
    mask = np.zeros_like(seen)
    for word in dict.fromkeys(token.word for token in found):
        mask |= evaluation.found_word(Starts(word), ("title",)).articles
    # A word with a space after it stands in the title as it is, and the last one begins one.
    *whole, last = typed.text.split(" ")
    for word in whole:
        if _is_plain(word) and len(word) >= _SHORTEST:
            mask &= evaluation.found_word(Near(word, 0), ("title",)).articles
    if whole and _is_plain(last):
        mask &= evaluation.found_word(Starts(last), ("title",)).articles
    return mask, _at_the_beginning(evaluation, [token.word for token in found if token.position == 0])


def _is_plain(word: str) -> bool:
    return word.isascii() and word.isalnum() and len(word) <= MAX_WORD


def _pairs_like(pair: str, segment: Segment) -> list[Looked]:
    """The pairs that begin like this one, which may be typed in part only; for one character, all that have it."""
    if len(pair) == 1:
        return [Forms(pairs_with(segment, pair))]
    return [Range(*segment.forms_with(word_prefix(pair, pair=True)))]


def _at_the_beginning(evaluation: Evaluation, begun: list[str]) -> Mask:
    """The articles whose title begins with a word that begins with one of these."""
    mask = np.zeros_like(evaluation.view.seen)
    for word in begun:
        found = evaluation.found_word(Starts(word), ("title",))
        for part, fields in zip(evaluation.snapshot.parts, found.runs, strict=True):
            for run in fields.get("title", ()):
                mask[part.own][run.articles[run.positions[run.begins] == 0]] = True
    return mask


def _frequent(evaluation: Evaluation, prefix: str, size: int) -> tuple[list[tuple[int, str]], int]:
    """(number of articles at most, word) of words with ``prefix``, the most frequent first, then by the alphabet.

    Each segment names about ``size`` of its words. The number is the most that any other word can have, 0 where all
    are here.
    """
    named = [_frequent_in(part.segment, prefix, size) for part in evaluation.snapshot.parts]
    others = sum(least for _, least in named)
    at_most: Counter[str] = Counter()
    for own, least in named:
        at_most.update({word: count - least for word, count in own.items()})
    known = [(extra + others, word) for word, extra in at_most.items()]
    return sorted(known, key=lambda found: (-found[0], found[1])), others


def _frequent_in(segment: Segment, prefix: str, size: int) -> tuple[dict[str, int], int]:
    """Words of a segment with the number of articles they stand in at most, and what no other word exceeds."""
    first, end = segment.forms_with(word_prefix(prefix))
    if first == end:
        return {}, 0
    forms = sum(np.diff(segment[f"{field}_at"][first : end + 1].astype(np.int64)) for field in FIELDS)
    # The forms of a word stand together. Other words with just its letters may be taken for it, which does no harm.
    sizes, letters = segment["form_size"][first:end], segment["form_letters"][first:end]
    begins = np.flatnonzero(np.r_[True, (sizes[1:] != sizes[:-1]) | (letters[1:] != letters[:-1])])
    counts = np.add.reduceat(forms, begins)
    ends = np.append(begins[1:], end - first)
    least = 0
    chosen = np.arange(len(begins))
    if len(counts) > size:
        least = int(np.partition(counts, len(counts) - size)[len(counts) - size])
        chosen = np.flatnonzero(counts >= least)[: 4 * size]
    words: dict[str, int] = {}
    for group in chosen.tolist():
        for form in range(int(begins[group]), int(ends[group])):
            words[form_word(segment.forms[first + form])] = int(counts[group])
    return words, least
