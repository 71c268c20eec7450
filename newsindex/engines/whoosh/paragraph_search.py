"""Paragraphs as documents of their own: a query tree within one paragraph, scored by Whoosh's formula, over arrays.

The product ranks articles (evaluation.py, scoring.py). This is the plain search for paragraphs that Whoosh itself would
do over the same index, for comparing the two: stock.py lets Whoosh read the index, and both must find the same.

Whoosh scores each of its terms by itself: a stem of a language, or an unstemmed word where the query has a prefix or a
fuzzy word. A phrase scores what its words score in the paragraphs that have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.layout import stem_key, word_prefix
from newsindex.engines.whoosh.runs import ranges
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.slop import firsts
from newsindex.engines.whoosh.snapshots import Snapshot
from newsindex.engines.whoosh.vocabulary import forms_near, pairs_with
from newsindex.exceptions import ContractError
from newsindex.matching import Near, Slot, Starts, Terms, repeats, slop_of, slots
from newsindex.query.nodes import And, Fuzzy, Leaf, Node, Not, Or, Phrase, Prefix, Word

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
#: A term of Whoosh to the forms that are found by it in a segment.
Forms: TypeAlias = dict[bytes, Ints]


@dataclass(frozen=True)
class Formula:
    """How paragraphs are scored: BM25 with ``k1`` and ``b``, added up over the terms of the query.

    idf: from the numbers of documents that have each term, and the number of all documents. absent: what a paragraph
    gains by not having what stands under a Not.
    """

    k1: float
    b: float
    idf: Callable[[Ints, int], Floats]
    absent: float


def whoosh_idf(having: Ints, documents: int) -> Floats:
    """Whoosh's inverse document frequency."""
    found: Floats = np.log(documents / (having + 1)) + 1
    return found


#: Whoosh's BM25F as it comes.
WHOOSH: Final = Formula(k1=1.2, b=0.75, idf=whoosh_idf, absent=1.0)


def paragraphs_matching(snapshot: Snapshot, node: Node, formula: Formula = WHOOSH) -> tuple[Ints, Floats]:
    """The numbers of the live paragraphs that match by themselves, ascending, and their scores.

    node: of Word, Phrase, Prefix, Fuzzy, And, Or, Not; ContractError for anything else, which is said of articles.
    """
    search = _Search(snapshot, formula)
    matched = search.matched(node)
    numbers = np.flatnonzero(matched.mask & search.live)
    return numbers, matched.scores[numbers]


class Texts:
    """The texts of a segment's articles in one row, so that a place in the row is in one paragraph.

    heads: where each article begins. starts: where each paragraph begins, ascending.
    """

    def __init__(self, segment: Segment) -> None:
        first = _first(segment)
        start = segment["paragraph_start"].astype(np.int64)
        # A position between two texts is free, and the row keeps one after the last, too.
        ends = start + segment["paragraph_length"] + 1
        sizes = np.zeros(segment.articles, np.int64)
        having = first[1:] > first[:-1]
        sizes[having] = ends[first[1:][having] - 1]
        self.heads: Ints = np.cumsum(sizes) - sizes
        self.starts: Ints = start + np.repeat(self.heads, np.diff(first))

    def paragraphs(self, places: Ints) -> Ints:
        """The paragraphs at some places of the row."""
        found: Ints = np.searchsorted(self.starts, places, side="right") - 1
        return found


def occurrences(segment: Segment, field: str, forms: Ints) -> tuple[Ints, Ints, Ints]:
    """Each occurrence of some forms in a field: which of ``forms`` it is, its article, its position there."""
    at, places = segment[f"{field}_at"].astype(np.intp), segment[f"{field}_positions_at"].astype(np.intp)
    sizes = places[forms + 1] - places[forms]
    articles, counts, positions = (segment[f"{field}_{name}"] for name in ("articles", "counts", "positions"))
    postings = ranges(at[forms], at[forms + 1] - at[forms], len(forms) * len(articles))
    positions = positions[ranges(places[forms], sizes, len(forms) * len(positions))]
    articles = np.repeat(articles[postings], counts[postings])
    return np.repeat(np.arange(len(forms)), sizes), articles.astype(np.int64), positions.astype(np.int64)


def _joined(arrays: Iterable[Array]) -> Ints:
    """Arrays of whole numbers one after the other."""
    return np.concatenate([np.empty(0, np.int64), *(array.astype(np.int64) for array in arrays)])


def _first(segment: Segment) -> Ints:
    return segment["first_paragraph"].astype(np.int64)


def words_of(segment: Segment, forms: Iterable[int]) -> Forms:
    """Forms by their unstemmed word, spelt as forms begin."""
    found: dict[bytes, list[int]] = {}
    for form in forms:
        key = segment.forms[form]
        found.setdefault(key[: key.index(b"\0")], []).append(form)
    return {word: np.array(own, np.int64) for word, own in found.items()}


def terms_of(segment: Segment, slot: Slot, language: str) -> Forms:
    """The terms of Whoosh that meet a slot in texts of ``language``, with their forms in a segment."""
    if isinstance(slot, Terms):
        return {stem_key(term, language): segment.forms_of(term, language).astype(np.int64) for term in slot.terms}
    if isinstance(slot, Starts):
        return words_of(segment, range(*segment.forms_with(word_prefix(slot.prefix))))
    if isinstance(slot, Near):
        return words_of(segment, forms_near(segment, slot.word, slot.edits).tolist())
    return words_of(segment, pairs_with(segment, slot.char).tolist())


@dataclass(frozen=True)
class _Matched:
    """What a node matches. mask, scores: for each paragraph of the snapshot; the score is 0 where it does not match."""

    mask: Mask
    scores: Floats


@dataclass(frozen=True)
class _Rows:
    """Where terms occur: for each term and each paragraph that has it, one row. counts: how often."""

    terms: Ints
    paragraphs: Ints
    counts: Ints


class _Search:
    """One search over a snapshot."""

    def __init__(self, snapshot: Snapshot, formula: Formula) -> None:
        self._formula = formula
        self._parts = [(part, Texts(part.segment)) for part in snapshot.parts]
        segments = [part.segment for part in snapshot.parts]
        self._lengths = _joined(segment["paragraph_length"] for segment in segments)
        self.live: Mask = np.repeat(snapshot.live, _joined(np.diff(_first(segment)) for segment in segments))
        # Whoosh counts every document until it is merged away, and an article's head is one.
        self._documents = len(snapshot.live) + len(self.live)
        self._average = float(self._lengths.sum()) / (self._documents or 1) or 1.0

    def matched(self, node: Node) -> _Matched:
        """What a node matches, deleted paragraphs among it."""
        if isinstance(node, Word | Phrase | Prefix | Fuzzy):
            return self._leaf(node)
        if isinstance(node, Not):
            mask = ~self.matched(node.child).mask
            return _Matched(mask, np.where(mask, self._formula.absent, 0.0))
        if not isinstance(node, And | Or):
            raise ContractError(f"{node!r} is said of articles: no paragraph matches it by itself.")
        found = [self.matched(child) for child in node.children]
        join = np.logical_and if isinstance(node, And) else np.logical_or
        mask = join.reduce([each.mask for each in found])
        scores: Floats = np.add.reduce([each.scores for each in found])
        return _Matched(mask, mask * scores)

    def _leaf(self, leaf: Leaf) -> _Matched:
        if leaf.field:
            raise ContractError(f"{leaf!r} looks in {leaf.field}, which paragraphs don't have.")
        mask, scores = np.zeros(len(self.live), bool), np.zeros(len(self.live))
        for met in self._steps(leaf, mask):
            scores += self._scores(met)
        return _Matched(mask, mask * scores)

    def _steps(self, leaf: Leaf, mask: Mask) -> list[list[Forms]]:
        """Set ``mask`` where a leaf matches; for each of its slots, the terms that meet it in each part."""
        steps: list[list[Forms]] = []
        for number, (part, texts) in enumerate(self._parts):
            for looked_for, language in _alternatives(leaf, part.segment.languages):
                met = [terms_of(part.segment, slot, language) for slot in looked_for]
                for at, terms in enumerate(met):
                    if at == len(steps):
                        steps.append([{} for _ in self._parts])
                    steps[at][number] |= terms
                near = repeats(looked_for), slop_of(leaf)
                mask[part.first_paragraph + in_a_row(part.segment, texts, met, *near)] = True
        return steps

    def _scores(self, met: Sequence[Forms]) -> Floats:
        """For each paragraph, the score of the terms in it. met: the terms in each part."""
        number = {term: at for at, term in enumerate(sorted(set().union(*met)))}
        rows = [
            _rows(part.segment, texts, part.first_paragraph, terms, number)
            for (part, texts), terms in zip(self._parts, met, strict=True)
        ]
        terms = _joined(each.terms for each in rows)
        paragraphs = _joined(each.paragraphs for each in rows)
        counts = _joined(each.counts for each in rows)
        formula = self._formula
        idf = formula.idf(np.bincount(terms, minlength=len(number)), self._documents)
        spread = 1 - formula.b + formula.b * self._lengths[paragraphs] / self._average
        scores = np.zeros(len(self.live))
        np.add.at(scores, paragraphs, idf[terms] * counts * (formula.k1 + 1) / (counts + formula.k1 * spread))
        return scores


def _alternatives(leaf: Leaf, languages: Sequence[str]) -> list[tuple[tuple[Slot, ...], str]]:
    """What a leaf looks for in each language, each once: unstemmed words mean the same in all of them."""
    found: dict[tuple[Slot, ...], str] = {}
    stems = []
    for language in languages:
        looked_for = slots(leaf, language)
        if all(isinstance(slot, Terms) for slot in looked_for):
            stems.append((looked_for, language))
        else:
            found.setdefault(looked_for, "")
    return [*(each for each in stems if each[0]), *found.items()]


def in_a_row(segment: Segment, texts: Texts, met: Sequence[Forms], following: Sequence[int | None], slop: int) -> Ints:
    """The paragraphs of a segment in which terms stand at consecutive positions, or near each other.

    met: for each step, any will do. following: of ``matching.repeats``.
    """
    begins: list[Ints] = []
    for step, terms in enumerate(met):
        forms = _joined(terms.values())
        _, articles, positions = occurrences(segment, "text", forms)
        begins.append(np.unique(texts.heads[articles] + positions - step))
    if slop and len(met) > 1:
        found = firsts(begins, texts.starts, following, slop)
    else:
        # No row of words goes from one text into another: the position between them is free.
        found = reduce(lambda some, own: np.intersect1d(some, own, assume_unique=True), begins)
    return np.unique(texts.paragraphs(found))


def _rows(segment: Segment, texts: Texts, first: int, terms: Forms, number: dict[bytes, int]) -> _Rows:
    """The rows of a part. first: its first paragraph in the snapshot. number: of each term."""
    forms = _joined(terms.values())
    owners = np.repeat(
        np.array([number[term] for term in terms], np.int64), np.array([len(own) for own in terms.values()], np.int64)
    )
    which, articles, positions = occurrences(segment, "text", forms)
    paragraphs = texts.paragraphs(texts.heads[articles] + positions)
    keys, counts = np.unique(owners[which] * (segment.paragraphs + 1) + paragraphs, return_counts=True)
    owner, paragraph = np.divmod(keys, segment.paragraphs + 1)
    return _Rows(owner, paragraph + first, counts)
