"""What the index offers to complete words with: words, names, titles and texts of visible articles.

Each offers what comes first in the order of engines/completion.py, and stops when nothing that is left can come before
that. What it costs does not grow with how many names, titles or following words fit.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final, TypeVar

import numpy as np

from newsindex.analysis import keyword, tokens
from newsindex.deadline import OutOfTime
from newsindex.engines.base import Facet
from newsindex.engines.completion import MOST_TEXTS, MOST_TITLES, Slot, Typed, is_common
from newsindex.engines.counting import spelling
from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.counting import Counts, counted
from newsindex.engines.whoosh.evaluation import Evaluation, Found
from newsindex.engines.whoosh.labels import LONGEST_START, Mask
from newsindex.engines.whoosh.layout import form_word, word_prefix
from newsindex.engines.whoosh.lookup import Forms, Looked, Range
from newsindex.engines.whoosh.ordering import Order
from newsindex.engines.whoosh.records import moment
from newsindex.engines.whoosh.runs import Places
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.snapshots import Ints
from newsindex.engines.whoosh.vocabulary import pairs_with
from newsindex.matching import Near, Starts
from newsindex.ranking import FIELDS

T = TypeVar("T")

#: How many words of a segment are looked at first; then four times as many each time.
_FIRST = 64
_MORE = 4
#: Among so many of the newest articles is looked first. So few are put in order without arrays.
_LATEST: Final = 4_096
_FEW: Final = 64
#: Where not one of so many articles is visible, those are counted that are.
_MOSTLY: Final = 2
#: Of beginnings of so many letters, which many words have, the words are remembered for whoever asks next.
_REMEMBERED_LETTERS: Final = 2
#: How much of this kind a view remembers.
_MOST_REMEMBERED: Final = 1_000


class Offered:
    """What ``completion.Visible`` wants, of what an evaluation sees. When the time is up there is nothing more."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._view = evaluation.view
        self.articles = evaluation.view.articles

    def titles(self, typed: Typed, enough: int) -> Iterator[tuple[str, str, datetime | None]]:
        return self._evaluation.in_time(titles(self._evaluation, typed, enough))

    def labels(self, kind: Facet, typed: Typed, enough: int) -> Iterator[tuple[str, int]]:
        return self._evaluation.in_time(labels(self._evaluation, kind, typed, enough))

    def words(self, prefix: str, enough: int) -> list[tuple[str, int]]:
        def found() -> list[tuple[str, int]]:
            return list(words(self._evaluation, prefix, enough, rare=True))

        try:
            if len(prefix) > _REMEMBERED_LETTERS:
                return found()
            return self._remembered(("words", prefix, enough), found)
        except OutOfTime:
            return []

    def is_common(self, word: str) -> bool:
        try:
            return self._remembered(("common", word), lambda: _is_common(self._evaluation, word))
        except OutOfTime:
            return False

    def texts(self, words: Sequence[str], most: int) -> Iterator[list[str]]:
        return self._evaluation.in_time(texts(self._evaluation, words, most))

    def together(self, before: Sequence[str], words: Sequence[str]) -> list[int]:
        counts = list(self._evaluation.in_time(together(self._evaluation, before, words)))
        return counts + [0] * (len(words) - len(counts))

    def _remembered(self, what: object, made: Callable[[], T]) -> T:
        """What is the same as long as the view is."""
        known = self._view.known
        if what not in known:
            found = made()
            if len(known) >= _MOST_REMEMBERED:
                known.clear()
            known[what] = found
        remembered: T = known[what]
        return remembered


def titles(evaluation: Evaluation, typed: Typed, enough: int) -> Iterator[tuple[str, str, datetime | None]]:
    """As ``completion.Visible.titles``. Raises OutOfTime."""
    fitting = evaluation.view.seen
    for slot in typed.slots:
        fitting = fitting & _titled(evaluation, slot)
    if not typed.slots or not fitting.any():
        return
    groups: tuple[Mask, ...] = (fitting,)
    if np.count_nonzero(fitting) > MOST_TITLES:
        begun = _titled(evaluation, typed.slots[0], first=True) & fitting
        groups = (begun, fitting & ~begun)
    missing = enough
    for group, best in zip(groups, (0, 1), strict=False):
        # The same title counts once.
        found: set[str] = set()
        for title, key, published in _newest(evaluation, group, MOST_TITLES):
            if len(found) >= missing:
                break
            yield title, key, published
            place = typed.place(title)
            if place is not None and place <= best:
                found.add(keyword(title))
        missing -= len(found)


def labels(evaluation: Evaluation, kind: Facet, typed: Typed, enough: int) -> Iterator[tuple[str, int]]:
    """As ``completion.Visible.labels``. Raises OutOfTime."""
    known = evaluation.view.known
    counts: Counts | None = known.get(("names", kind))
    if counts is None:
        counts = known["names", kind] = counted(evaluation.snapshot, kind, evaluation.view.seen)
    values = counts.values
    evaluation.deadline.check()
    starting = [(names, own.starting(typed.text)) for _, own, names in values.parts]
    if not any(len(all_of_them) for _, (all_of_them, _) in starting):
        return
    fitting = np.zeros(len(values.keywords) + 1, bool)
    begun = np.zeros_like(fitting)
    for names, found in starting:
        for marks, places in zip((fitting, begun), found, strict=True):
            marks[values.keys[names[places]]] = True
    places = np.flatnonzero(fitting[:-1] & (counts.by_keyword > 0))
    if len(places) > enough and typed.is_exact(LONGEST_START):
        places = _best_names(counts, places, begun[places], enough)
    by_name = {values.keywords[at]: int(counts.by_keyword[at]) for at in places.tolist()}
    yield from ((spelling(written), by_name[name]) for name, written in counts.spellings(places).items())


def _best_names(counts: Counts, places: Places, begun: Mask, enough: int) -> Places:
    """The first ``enough`` of some names: those that begin so, then the most frequent, then by keyword."""
    # Counts are far below this.
    worth = counts.by_keyword[places] + np.where(begun, 1 << 40, 0)
    least = np.partition(worth, len(worth) - enough)[len(worth) - enough]
    sure, tied = places[worth > least], places[worth == least]
    by_keyword = sorted(tied.tolist(), key=counts.values.keywords.__getitem__)
    return np.concatenate([sure, np.array(by_keyword[: enough - len(sure)], np.intp)])


def together(evaluation: Evaluation, before: Sequence[str], words: Sequence[str]) -> Iterator[int]:
    """As ``completion.Visible.together``. Raises OutOfTime."""
    mask = _having(evaluation, before)
    for word in words:
        yield int(np.count_nonzero(_marked(evaluation, evaluation.found_exactly(word)) & mask))


def _having(evaluation: Evaluation, words: Sequence[str]) -> Mask:
    """The visible articles that have all of these words."""
    mask = evaluation.view.seen
    for word in dict.fromkeys(words):
        mask = _marked(evaluation, evaluation.found_exactly(word)) & mask
    return mask


def texts(evaluation: Evaluation, words: Sequence[str], most: int) -> Iterator[list[str]]:
    """As ``completion.Visible.texts``. Raises OutOfTime."""
    mask = _having(evaluation, words)
    newest = _first(evaluation, mask, most)
    where = _places(evaluation, evaluation.found_exactly(words[-1]), newest)
    for ordinal in newest:
        yield list(islice(_texts_at(evaluation, ordinal, words[-1], where[ordinal]), MOST_TEXTS))


def _places(evaluation: Evaluation, found: Found, ordinals: Sequence[int]) -> dict[int, dict[str, list[Array]]]:
    """For some articles, the fields in which something was found, and its positions there."""
    places: dict[int, dict[str, list[Array]]] = {ordinal: {} for ordinal in ordinals}
    chosen = np.array(sorted(ordinals), np.intp)
    for number, part, where in evaluation.snapshot.split(chosen):
        own = chosen[where] - part.first_article
        for name, run in ((name, run) for name, runs in found.runs[number].items() for run in runs):
            postings, at = run.among(own, part.segment.articles)
            positions, sizes = run.positions_of(postings)
            begin = 0
            for place, size in zip(at.tolist(), sizes.tolist(), strict=True):
                fields = places[int(own[place]) + part.first_article]
                fields.setdefault(name, []).append(positions[begin : begin + size])
                begin += size
    return places


def _texts_at(evaluation: Evaluation, ordinal: int, word: str, where: dict[str, list[Array]]) -> Iterator[str]:
    """The texts of an article that have a word, in the order of ``completion.READ``. where: as in ``_places``."""
    segment, article = evaluation.snapshot.place(ordinal)
    if "title" in where:
        yield segment.record(article).title
    if "text" in where:
        first, end = segment.paragraphs_of(article)
        positions = where["text"][0] if len(where["text"]) == 1 else np.sort(np.concatenate(where["text"]))
        numbers = segment["paragraph_start"][first:end].searchsorted(positions, side="right")
        yield from (segment.text(first + number - 1) for number in dict.fromkeys(numbers.tolist()))
    if "summary" in where:
        yield segment.record(article).summary
    if "tags" in where:
        yield from (tag for tag in segment.record(article).tags if _has(tag, word))


def _has(text: str, word: str) -> bool:
    return any(token.word == word and not token.pair for token in tokens(text, ""))


def words(evaluation: Evaluation, prefix: str, enough: int, rare: bool = False) -> Iterator[tuple[str, int]]:
    """(word, number of visible articles) of the ``enough`` most frequent words that begin with ``prefix``, or more.

    rare: none that ``is_common``.
    """
    found: list[tuple[int, str]] = []
    asked: set[str] = set()
    size = min(_FIRST, _MORE * enough)
    while True:
        known, others = _frequent(evaluation, prefix, size)
        for at_most, word in known:
            if at_most < others or (len(found) >= enough and found[enough - 1] < (-at_most, word)):
                break
            if word not in asked:
                asked.add(word)
                count = _count(evaluation, word)
                if count and not (rare and is_common(count, evaluation.view.articles)):
                    insort(found, (-count, word))
                    yield word, count
        if not others or (len(found) >= enough and -found[enough - 1][0] > others):
            return
        size *= _MORE


def _is_common(evaluation: Evaluation, word: str) -> bool:
    """Whether a word ``is_common`` among the visible articles."""
    articles = evaluation.view.articles
    # It stands in no more articles than it has postings: for most words that is enough.
    at_most = 0
    for part in evaluation.snapshot.parts:
        first, end = part.segment.forms_with(word_prefix(word) + b"\0")
        for postings in (part.segment.field(name) for name in FIELDS):
            at_most += postings.at[end] - postings.at[first]
    return is_common(at_most, articles) and is_common(_count(evaluation, word), articles)


def _count(evaluation: Evaluation, word: str) -> int:
    """In how many visible articles a word stands."""
    mask = _marked(evaluation, evaluation.found_exactly(word))
    return int(np.count_nonzero(mask & evaluation.view.seen))


def _marked(evaluation: Evaluation, found: Found) -> Mask:
    """The articles, visible or not, in which something was found: at less cost than with its weights."""
    mask = np.zeros(evaluation.snapshot.articles, bool)
    for part, fields in zip(evaluation.snapshot.parts, found.runs, strict=True):
        own = mask[part.own]
        for run in (run for runs in fields.values() for run in runs):
            own[run.articles] = True
    return mask


def _newest(evaluation: Evaluation, group: Mask, most: int) -> Iterator[tuple[str, str, datetime | None]]:
    """(title, key, published_at) of some articles, at most so many, the newest first, those undated last."""
    for ordinal in _first(evaluation, group, most):
        segment, article = evaluation.snapshot.place(ordinal)
        yield segment.record(article).title, segment.key(article), moment(int(segment["published"][article]))


def _first(evaluation: Evaluation, group: Mask, most: int) -> list[int]:
    """The ordinals of the newest of some articles."""
    snapshot = evaluation.snapshot
    newest = snapshot.newest[:_LATEST]
    chosen = newest[group[newest]]
    published = snapshot.published
    if len(chosen) > most and published[chosen[most - 1]] > published[newest[-1]]:
        dates = published[chosen]
        chosen = chosen[: most + int(np.count_nonzero(dates[most:] == dates[most - 1]))]
    else:
        chosen = np.flatnonzero(group)
    if len(chosen) > _FEW:
        order = Order.of(snapshot, chosen, "newest")
        found: list[int] = order.ordinals[order.first(most)].tolist()
        return found
    moments = published[chosen].tolist()
    # Keys are read only where they decide.
    tied = Counter(moments)
    places = zip(moments, chosen.tolist(), strict=True)
    ranked = sorted((-at, snapshot.key(ordinal) if tied[at] > 1 else "", ordinal) for at, ordinal in places)
    return [ordinal for *_, ordinal in ranked[:most]]


def _titled(evaluation: Evaluation, slot: Slot, first: bool = False) -> Mask:
    """The articles whose title has a word; first: as its first one."""
    if slot.pair:
        found = evaluation.found_in(("title",), partial(_pairs_like, slot.word))
    else:
        found = evaluation.found_word(Near(slot.word, 0) if slot.whole else Starts(slot.word), ("title",))
    mask = np.zeros_like(evaluation.view.seen)
    for part, fields in zip(evaluation.snapshot.parts, found.runs, strict=True):
        for run in fields.get("title", ()):
            articles = run.articles
            mask[part.own][articles[run.positions[run.begins] == 0] if first else articles] = True
    return mask


def _pairs_like(pair: str, segment: Segment) -> list[Looked]:
    """The pairs that begin like this one, which may be typed in part only; for one character, all that have it."""
    if len(pair) == 1:
        return [Forms(pairs_with(segment, pair))]
    return [Range(*segment.forms_with(word_prefix(pair, pair=True)))]


def _frequent(evaluation: Evaluation, prefix: str, size: int) -> tuple[list[tuple[int, str]], int]:
    """(number of articles at most, word) of words with ``prefix``, the most frequent first, then by the alphabet.

    Each segment names about ``size`` of its words. The number is the most that any other word can have, 0 where all
    are here.
    """
    view = evaluation.view
    # Where most is hidden, what counts all says little.
    hidden = view.articles * _MOSTLY < evaluation.snapshot.articles
    named = []
    for part in evaluation.snapshot.parts:
        evaluation.deadline.check()
        named.append(_frequent_in(part.segment, prefix, size, view.seen[part.own] if hidden else None))
    others = sum(least for _, least in named)
    at_most: Counter[str] = Counter()
    for own, least in named:
        at_most.update({word: count - least for word, count in own.items()})
    known = [(extra + others, word) for word, extra in at_most.items() if extra + others]
    return sorted(known, key=lambda found: (-found[0], found[1])), others


def _frequent_in(segment: Segment, prefix: str, size: int, seen: Mask | None) -> tuple[dict[str, int], int]:
    """Words of a segment with the number of articles they stand in at most, and what no other word exceeds.

    seen: the articles that count; None for all.
    """
    first, end = segment.forms_with(word_prefix(prefix))
    if first == end:
        return {}, 0
    forms = sum(_postings_in(segment, field, first, end, seen) for field in FIELDS)
    # The forms of a word stand together. Other words with just its letters may be taken for it, which does no harm.
    sizes, letters = segment["form_size"][first:end], segment["form_letters"][first:end]
    begins = np.flatnonzero(np.r_[True, (sizes[1:] != sizes[:-1]) | (letters[1:] != letters[:-1])])
    counts = np.add.reduceat(forms, begins)
    ends = np.append(begins[1:], end - first)
    least = 0
    chosen = np.arange(len(begins))
    if len(counts) > size:
        least = int(np.partition(counts, len(counts) - size)[len(counts) - size])
        chosen = np.flatnonzero(counts >= least)[: 4 * size] if least else np.flatnonzero(counts)
    words: dict[str, int] = {}
    for group in chosen.tolist():
        for form in range(int(begins[group]), int(ends[group])):
            words[form_word(segment.forms[first + form])] = int(counts[group])
    return words, least


def _postings_in(segment: Segment, field: str, first: int, end: int, seen: Mask | None) -> Ints:
    """How many postings each form from ``first`` to before ``end`` has, in the articles that count."""
    at = segment[f"{field}_at"][first : end + 1].astype(np.int64)
    if seen is None:
        return np.diff(at)
    articles = segment.file.part(f"{field}_articles", int(at[0]), int(at[-1]))
    before = np.concatenate([[0], seen.take(articles).cumsum(dtype=np.int64)])
    counts: Ints = np.diff(before[at - at[0]])
    return counts
