"""Leaves to postings: in which articles of a segment a leaf occurs, how often, and where.

It means what ``matching.occurrences`` means: one slot is met by tokens, several by tokens one after another. A slot
stands for forms, and the postings of forms are not put together here: they stay as they lie in the file, as runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from newsindex.deadline import Deadline
from newsindex.engines.whoosh.layout import form_terms, word_prefix
from newsindex.engines.whoosh.phrases import in_a_row
from newsindex.engines.whoosh.runs import Run, ranges
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.slop import near
from newsindex.engines.whoosh.vocabulary import forms_near, pairs_with
from newsindex.matching import Contains, Near, Slot, Starts, Terms, readings, repeats, slop_of
from newsindex.query.nodes import Simple

#: The postings of up to so many forms are one run each; of more, they are copied into one.
_FEW_FORMS: Final = 12
#: So are fewer postings than this, but for very few forms.
_VERY_FEW_FORMS: Final = 4
_FEW_POSTINGS: Final = 2_048


@dataclass(frozen=True)
class Forms:
    """Forms of a segment, ascending, each once. times: how much an occurrence of them counts."""

    numbers: NDArray[np.intp]
    times: int = 1


@dataclass(frozen=True)
class Range:
    """The forms from ``first`` to before ``end``."""

    first: int
    end: int


@dataclass(frozen=True)
class Row:
    """Forms that have to stand one after the other, any of each step; with slop, near each other.

    following: of ``matching.repeats``.
    """

    steps: tuple[tuple[Forms, ...], ...]
    following: tuple[int | None, ...]
    slop: int


Looked = Forms | Range | Row


def looked_for(segment: Segment, leaf: Simple, only: str | None = None) -> list[Looked]:
    """The forms of a segment that a leaf means. only: in texts of this stemming language."""
    found: list[Looked] = []
    words: dict[Slot, set[str]] = {}
    for language in segment.languages:
        if only not in (None, language):
            continue
        for wanted in readings(leaf, language):
            if len(wanted) > 1:
                # Only stems come in a row.
                steps = tuple(tuple(forms_of(segment, language, cast(Terms, slot))) for slot in wanted)
                if all(steps):
                    found.append(Row(steps, repeats(wanted), slop_of(leaf)))
            elif isinstance(wanted[0], Terms):
                found += forms_of(segment, language, wanted[0])
            else:
                words.setdefault(wanted[0], set()).add(language)
    for slot, languages in words.items():
        # Unstemmed words mean the same in each language, as long as each takes the leaf for one word: l'eau is not.
        everywhere = len(languages) == len(segment.languages)
        unstemmed = forms_of_words(segment, slot)
        found += unstemmed if everywhere else [_in_languages(segment, each, languages) for each in unstemmed]
    return found


def _in_languages(segment: Segment, looked: Looked, languages: Collection[str]) -> Forms:
    """Those of some forms that stand in texts of these languages."""
    assert not isinstance(looked, Row)
    numbers = range(looked.first, looked.end) if isinstance(looked, Range) else looked.numbers.tolist()
    own = (form for form in numbers if form_terms(segment.forms[form])[0] in languages)
    return Forms(np.fromiter(own, np.intp))


def forms_of(segment: Segment, language: str, slot: Terms) -> list[Forms]:
    """The forms found by the terms of ``slot``, those found by several of them apart."""
    found = [forms for term in slot.terms if len(forms := segment.forms_of(term, language))]
    if len(found) < 2:
        return [Forms(forms.astype(np.intp)) for forms in found]
    forms, times = np.unique(np.concatenate(found), return_counts=True)
    return [Forms(forms[times == count].astype(np.intp), count) for count in np.unique(times).tolist()]


def forms_of_words(segment: Segment, slot: Slot) -> list[Looked]:
    """The forms whose words meet a slot that means unstemmed words."""
    if isinstance(slot, Starts):
        return [Range(*segment.forms_with(word_prefix(slot.prefix)))]
    if isinstance(slot, Near) and not slot.edits:
        return [Range(*segment.forms_with(word_prefix(slot.word) + b"\0"))]
    if isinstance(slot, Near):
        return [Forms(forms_near(segment, slot.word, slot.edits))]
    assert isinstance(slot, Contains)
    return [Forms(pairs_with(segment, slot.char))]


def runs(segment: Segment, field: str, looked: Iterable[Looked], deadline: Deadline) -> list[Run]:
    """The postings in ``field`` of what is looked for."""
    found: list[Run] = []
    for each in looked:
        if isinstance(each, Row):
            found += _row(segment, field, each, deadline)
        elif isinstance(each, Range):
            found += _range(segment, field, each.first, each.end, each.end - each.first == 1)
        else:
            found += _of_forms(segment, field, each)
    return found


def _row(segment: Segment, field: str, row: Row, deadline: Deadline) -> list[Run]:
    met = [_steps(segment, field, step) for step in row.steps]
    if row.slop:
        return near(segment, field, met, row.following, row.slop, deadline.check)
    return in_a_row(segment, field, met, deadline.check)


def _steps(segment: Segment, field: str, step: Sequence[Forms]) -> list[Run]:
    """The postings of each form apart. In a row it does not matter how much they count."""
    return [run for forms in step for form in forms.numbers.tolist() for run in _one(segment, field, form)]


def _of_forms(segment: Segment, field: str, forms: Forms) -> list[Run]:
    numbers = forms.numbers
    if len(numbers) <= _FEW_FORMS:
        at = segment.field(field).at
        there = [form for form in numbers.tolist() if at[form] < at[form + 1]]
        if len(there) <= _VERY_FEW_FORMS or sum(at[form + 1] - at[form] for form in there) > _FEW_POSTINGS:
            return [run for form in there for run in _one(segment, field, form, forms.times)]
        numbers = np.array(there, np.intp)
    postings = segment.field(field)
    starts = segment[f"{field}_at"]
    begins = starts[numbers].astype(np.intp)
    sizes = starts[numbers + 1] - begins
    chosen = ranges(begins, sizes, len(segment.file.unchecked(f"{field}_articles")))
    if not len(chosen):
        return []
    file, ends = segment.file, begins + sizes
    positions_at = segment[f"{field}_positions_at"]
    return [
        Run(
            file.parts(postings.articles, begins, ends)[chosen],
            file.parts(postings.counts, begins, ends)[chosen],
            None if postings.best is None else file.parts(postings.best, begins, ends)[chosen],
            file.parts(postings.positions, positions_at[numbers], positions_at[numbers + 1]),
            forms.times,
            ascending=False,
            lists=(sizes, positions_at[numbers].astype(np.intp)),
        )
    ]


def _one(segment: Segment, field: str, form: int, times: int = 1) -> list[Run]:
    return _range(segment, field, form, form + 1, True, times)


def _range(segment: Segment, field: str, first: int, end: int, ascending: bool, times: int = 1) -> list[Run]:
    """The postings of adjacent forms, which lie next to each other."""
    postings = segment.field(field)
    begin, stop = postings.at[first], postings.at[end]
    if begin == stop:
        return []
    file = segment.file
    return [
        Run(
            file.part(postings.articles, begin, stop),
            file.part(postings.counts, begin, stop),
            None if postings.best is None else file.part(postings.best, begin, stop),
            file.part(postings.positions, postings.positions_at[first], postings.positions_at[end]),
            times,
            ascending,
        )
    ]
