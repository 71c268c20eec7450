"""What a results page offers beside its results: facets, active filters, orders, and the chart of months."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, date
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from newsindex.engines.base import FACETS, Facet, FacetCount, MonthCount
from newsindex.forms import REPEATABLE, SORTS, Parameters
from newsindex.query import parse, unparse

FACET_LABELS: Final[Mapping[Facet, Any]] = {"tag": _("Tags"), "author": _("Authors"), "section": _("Sections")}
FILTER_LABELS: Final[Mapping[Facet, Any]] = {"tag": _("Tag"), "author": _("Author"), "section": _("Section")}
#: Longer spans of time than this are charted by year.
MOST_MONTHS: Final = 48
MOST_YEARS: Final = 60

# The chart is drawn in these units, and scaled by the style sheet.
_BAR_STEP, _BAR_WIDTH, _CHART_HEIGHT, _LEAST_BAR = 10, 8, 100, 4


@dataclass(frozen=True)
class FacetChoice:
    """A value with its number of articles. url: the query string that adds it, or that takes it away if active."""

    value: str
    count: int
    active: bool
    url: str


@dataclass(frozen=True)
class FacetGroup:
    """The values of one facet. name: the URL parameter."""

    name: Facet
    label: Any
    choices: tuple[FacetChoice, ...]


@dataclass(frozen=True)
class ActiveFilter:
    """A filter that is on. url: the query string without it."""

    label: Any
    value: str
    url: str


@dataclass(frozen=True)
class SortChoice:
    value: str
    label: Any
    active: bool
    url: str


@dataclass(frozen=True)
class Bar:
    """A month or a year of the chart, with its place in the drawing. url: "" where it has no article."""

    label: str
    count: int
    url: str
    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Chart:
    """How many articles were published when. unit: "month" or "year". width, height: of the drawing."""

    bars: tuple[Bar, ...]
    unit: str
    width: int
    height: int = _CHART_HEIGHT
    bar_width: int = _BAR_WIDTH
    step: int = _BAR_STEP

    @property
    def counted(self) -> tuple[Bar, ...]:
        """The bars that stand for an article at least."""
        return tuple(bar for bar in self.bars if bar.count)

    @property
    def first(self) -> Bar:
        return self.bars[0]

    @property
    def last(self) -> Bar:
        return self.bars[-1]

    @property
    def summary(self) -> str:
        """The chart in a sentence, for those who don't see it."""
        top = max(self.bars, key=lambda bar: bar.count)
        return gettext("%(first)s to %(last)s; most in %(top)s: %(count)d.") % {
            "first": self.first.label,
            "last": self.last.label,
            "top": top.label,
            "count": top.count,
        }


def facet_groups(counts: Mapping[Facet, Sequence[FacetCount]], parameters: Parameters) -> tuple[FacetGroup, ...]:
    """The facets that have any value, each choice with its link."""
    groups = (
        FacetGroup(name, FACET_LABELS[name], tuple(_choices(name, counts.get(name, ()), parameters))) for name in FACETS
    )
    return tuple(group for group in groups if group.choices)


def _choices(name: Facet, counts: Iterable[FacetCount], parameters: Parameters) -> Iterable[FacetChoice]:
    for one in counts:
        active = parameters.has_value(name, one.value)
        url = parameters.without_value(name, one.value) if active else narrow_url(parameters, name, one.value)
        yield FacetChoice(one.value, one.count, active, url)


def narrow_url(parameters: Parameters, name: str, value: str) -> str:
    """The query string with ``value`` wanted too, on top of all that is wanted already."""
    if parameters.has_value(name, value):
        return parameters.query_string()
    if not getattr(parameters, REPEATABLE[name]) or '"' in value:
        return parameters.with_value(name, value)
    # Two values of one parameter mean either; the query language can say both.
    query = parse(parameters.q)
    # As it was understood: what was ignored, such as an open quote, must not swallow the addition.
    words = unparse(query.tree) if query.notes else parameters.q
    return parameters.query_string(q=f'{words} {name}:"{value}"'.strip())


def active_filters(parameters: Parameters) -> tuple[ActiveFilter, ...]:
    """The filters that are on, each with the link that takes it away."""
    chosen: dict[Facet, tuple[str, ...]] = {
        "section": parameters.sections,
        "tag": parameters.tags,
        "author": parameters.authors,
    }
    chips = [
        ActiveFilter(FILTER_LABELS[name], value, parameters.without_value(name, value))
        for name, values in chosen.items()
        for value in values
    ]
    for label, name in ((_("From"), "after"), (_("Before"), "before")):
        if day := getattr(parameters, name):
            chips.append(
                ActiveFilter(label, date_format(day, "DATE_FORMAT"), parameters.changed(**{name: None}).query_string())
            )
    return tuple(chips)


def sort_choices(parameters: Parameters) -> tuple[SortChoice, ...]:
    """The orders to choose from."""
    return tuple(
        SortChoice(value, label, value == parameters.sort, parameters.query_string(sort=value))
        for value, label in SORTS
    )


def chart(months: Sequence[MonthCount], parameters: Parameters) -> Chart | None:
    """The timeline as a chart, by month or, where the span is long, by year; None for fewer than two bars."""
    counts = {_month(one.month): one.count for one in months}
    if not counts:
        return None
    span = _months_between(min(counts), max(counts))
    unit = "month" if len(span) <= MOST_MONTHS else "year"
    if unit == "year":
        span, counts = _by_year(counts)
    if len(span) < 2:
        return None
    most = max(counts.values())
    bars = tuple(_bar(place, start, counts.get(start, 0), most, unit, parameters) for place, start in enumerate(span))
    return Chart(bars, unit, width=len(bars) * _BAR_STEP)


def _bar(place: int, start: date, count: int, most: int, unit: str, parameters: Parameters) -> Bar:
    height = max(_LEAST_BAR, round(_CHART_HEIGHT * count / most)) if count else 0
    last = start if unit == "month" else start.replace(month=12)
    # At the ends of the calendar there is no day to begin or to end with.
    after = start if start > date.min else None
    before = _next_month(last) if (last.year, last.month) < (MAXYEAR, 12) else None
    label = date_format(start, "YEAR_MONTH_FORMAT") if unit == "month" else str(start.year)
    url = parameters.query_string(after=after, before=before) if count else ""
    return Bar(label, count, url, place * _BAR_STEP + 1, _CHART_HEIGHT - height, height)


def _by_year(months: Mapping[date, int]) -> tuple[list[date], dict[date, int]]:
    """Every year of the span, those without articles too unless that makes too many."""
    counts: dict[date, int] = {}
    for month, count in months.items():
        year = date(month.year, 1, 1)
        counts[year] = counts.get(year, 0) + count
    first, last = min(counts).year, max(counts).year
    if last - first < MOST_YEARS:
        return [date(year, 1, 1) for year in range(first, last + 1)], counts
    return sorted(counts)[-MOST_YEARS:], counts


def _month(text: str) -> date:
    year, _dash, month = text.partition("-")
    return date(int(year), int(month), 1)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _months_between(first: date, last: date) -> list[date]:
    """The first days of the months from ``first`` to ``last``, at most one more than a chart shows."""
    span = [first]
    while span[-1] < last and len(span) <= MOST_MONTHS:
        span.append(_next_month(span[-1]))
    return span
