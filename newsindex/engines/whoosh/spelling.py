"""What corrections are made of, over arrays: the words of visible articles near a word, and how they are spelt.

Near words are found by going through the dictionary of each segment (see vocabulary.py): two bytes and a number a word,
a millisecond for some hundred thousand. There is no other structure for it, so it takes no memory and no time to build.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from newsindex.analysis import tokens
from newsindex.engines.base import Filters
from newsindex.engines.correction import SPELT_IN, Visible
from newsindex.engines.spelling import Candidate, beginning, bound
from newsindex.engines.whoosh.evaluation import Evaluation
from newsindex.engines.whoosh.layout import form_terms, form_word, word_prefix
from newsindex.engines.whoosh.ordering import Order
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.snapshots import Part
from newsindex.engines.whoosh.vocabulary import near
from newsindex.query.nodes import Leaf, Node
from newsindex.ranking import FIELDS

Articles = NDArray[np.intp]


class Words(Visible):
    """The words that one asker may see, for one request. May raise OutOfTime."""

    def __init__(self, evaluation: Evaluation, filters: Filters) -> None:
        self._evaluation = evaluation
        self._passing = evaluation.passing(filters)
        self._standing: dict[str, tuple[int, frozenset[str]]] = {}

    def articles(self, leaf: Leaf) -> int:
        return self._evaluation.found(leaf).count

    def matching(self, node: Node) -> int:
        return int(np.count_nonzero(self._evaluation.matching(node) & self._passing))

    def standing(self, word: str) -> tuple[int, frozenset[str]]:
        known = self._standing.get(word)
        if known is None:
            total, languages = 0, set[str]()
            for part in self._evaluation.snapshot.parts:
                self._evaluation.deadline.check()
                found, own = self._having(part, word)
                total += len(found)
                languages |= own
            known = self._standing[word] = total, frozenset(languages)
        return known

    def near(self, word: str, edits: int) -> Iterator[Candidate]:
        begin = beginning(word, edits)
        found: dict[str, tuple[int, int]] = {}
        for part in self._evaluation.snapshot.parts:
            self._evaluation.deadline.check()
            segment = part.segment
            forms, distances = near(segment, word, edits, begin)
            counts = sum(
                segment[f"{field}_at"][forms + 1].astype(np.int64) - segment[f"{field}_at"][forms] for field in FIELDS
            )
            for form, distance, count in zip(
                forms.tolist(), distances.tolist(), np.atleast_1d(counts).tolist(), strict=True
            ):
                other = form_word(segment.forms[form])
                found[other] = distance, found.get(other, (0, 0))[1] + count
        ordered = sorted((bound(distance, count), other) for other, (distance, count) in found.items())
        return (Candidate(other, *found[other]) for _, other in ordered)

    def texts(self, word: str) -> Iterator[tuple[str, bool]]:
        snapshot = self._evaluation.snapshot
        having = [part.first_article + self._having(part, word)[0] for part in snapshot.parts]
        ordinals = np.concatenate([np.empty(0, np.intp), *having])
        order = Order.of(snapshot, ordinals, "newest")
        for ordinal in ordinals[order.first(SPELT_IN)].tolist():
            segment, article = snapshot.place(ordinal)
            yield _first_text(segment, article, word)

    def _having(self, part: Part, word: str) -> tuple[Articles, set[str]]:
        """The visible articles of a segment in which ``word`` stands, ascending, and their stemming languages."""
        segment, view = part.segment, self._evaluation.view
        seen = view.seen[part.own]
        found: list[Articles] = []
        languages: set[str] = set()
        for form in range(*segment.forms_with(word_prefix(word) + b"\0")):
            for field in FIELDS:
                postings = segment.field(field)
                first, end = postings.at[form], postings.at[form + 1]
                if first == end:
                    continue
                articles = segment.file.part(postings.articles, first, end).astype(np.intp)
                if not view.everything:
                    articles = articles[seen[articles]]
                if len(articles):
                    found.append(articles)
                    languages.add(form_terms(segment.forms[form])[0])
        if not found:
            return np.empty(0, np.intp), languages
        return found[0] if len(found) == 1 else np.unique(np.concatenate(found)), languages


def _first_text(segment: Segment, article: int, word: str) -> tuple[str, bool]:
    """The text that ``Visible.texts`` means, and whether it is no paragraph."""
    begins = [
        int(postings.positions[postings.counts[:at].sum(dtype=np.intp)])
        for form in range(*segment.forms_with(word_prefix(word) + b"\0"))
        if (at := _at((postings := segment.postings("text", form)).articles, article)) is not None
    ]
    if begins:
        first, end = segment.paragraphs_of(article)
        paragraph = bisect_right(segment["paragraph_start"][first:end].tolist(), min(begins)) - 1
        return segment.paragraph(first + paragraph).text, False
    record = segment.record(article)
    for text in (record.summary, record.title, *record.tags):
        if any(token.word == word and not token.pair for token in tokens(text, "")):
            return text, True
    return "", True


def _at(articles: NDArray[np.uint32], article: int) -> int | None:
    at = int(np.searchsorted(articles, article))
    return at if at < len(articles) and articles[at] == article else None
