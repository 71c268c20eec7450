"""An explanation in words and numbers, for pages: what ``engines.explanation`` says, in the language of the moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.template.defaultfilters import floatformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from newsindex.engines.base import Explanation, LeafPart, PassagePart, Placed

FIELDS: Final = {"title": _("title"), "summary": _("summary"), "tags": _("tags"), "text": _("text")}


@dataclass(frozen=True)
class ShownPlace:
    """Where a leaf stands. sizes: how long the field is, against the average."""

    label: str
    frequency: float
    forms: tuple[str, ...]
    sizes: str


@dataclass(frozen=True)
class ShownLeaf:
    """A row of the table; ``places`` and the numbers of ``LeafPart``."""

    text: str
    articles: int
    idf: float
    weight: float
    places: tuple[ShownPlace, ...]
    tf: float
    score: float


@dataclass(frozen=True)
class ShownPassage:
    label: str
    words: str


@dataclass(frozen=True)
class Shown:
    """An explanation for a template. sums: rows of a label, a detail or "", and a number, the score last."""

    matches: bool
    lacks: tuple[str, ...]
    score: float
    leaves: tuple[ShownLeaf, ...]
    sums: tuple[tuple[str, str, str], ...]
    passages: tuple[ShownPassage, ...]


def shown(explanation: Explanation) -> Shown:
    """``explanation`` as ``includes/explanation.html`` takes it."""
    return Shown(
        matches=explanation.matches,
        lacks=explanation.lacks,
        score=explanation.score,
        leaves=tuple(_leaf(leaf) for leaf in explanation.leaves),
        sums=tuple(_sums(explanation)),
        passages=tuple(_passage(passage) for passage in explanation.passages),
    )


def _leaf(leaf: LeafPart) -> ShownLeaf:
    places = tuple(_place(place) for place in leaf.places)
    return ShownLeaf(leaf.text, leaf.articles, leaf.idf, leaf.weight, places, leaf.tf, leaf.score)


def _place(place: Placed) -> ShownPlace:
    sizes = gettext("(%(words)s words, average %(average)s)") % {
        "words": _number(place.length, 0),
        "average": _number(place.average, 1),
    }
    return ShownPlace(str(FIELDS[place.name]), place.frequency, place.forms, sizes)


def _passage(passage: PassagePart) -> ShownPassage:
    words = ", ".join(f"{word.text} {_number(word.score)}" for word in passage.words)
    label = gettext("Paragraph %(number)s") % {"number": _number(passage.number, 0)}
    return ShownPassage(f"{label}: {_number(passage.score)}", words)


def _sums(explanation: Explanation) -> Iterator[tuple[str, str, str]]:
    yield gettext("All words"), "", _number(explanation.words)
    if explanation.passages:
        share = {"share": _number(100 * explanation.passage_share, 0), "points": _number(explanation.passages[0].score)}
        yield (
            gettext("Best paragraph"),
            gettext("%(share)s%% of %(points)s") % share,
            f"+ {_number(explanation.passage)}",
        )
    for label, detail, factor in (
        (gettext("Boost"), "", explanation.boost),
        (gettext("Completeness"), gettext("for what it lacks"), explanation.completeness),
        (gettext("Recency"), gettext("for a new article"), explanation.newness),
    ):
        if factor != 1:
            yield label, detail, f"× {_number(factor)}"
    yield gettext("Score"), "", _number(explanation.score)


def _number(value: Any, places: int = 3) -> str:
    # As templates write numbers: rounded, where number_format cuts off.
    return f"{floatformat(value, places)}"
