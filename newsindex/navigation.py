"""What a results page offers beside its results: facets, active filters, orders, and the chart of months."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, date
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.utils import dateformat
from django.utils.formats import date_format, get_format
from django.utils.translation import get_language, gettext, ngettext, npgettext
from django.utils.translation import gettext_lazy as _

from newsindex.engines.base import FACETS, Facet, FacetCount, MonthCount
from newsindex.forms import REPEATABLE, SORTS, Parameters
from newsindex.highlighting import escaped, number_writer
from newsindex.query import parse, unparse
from newsindex.searching import Result

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

    @property
    def rows(self) -> list[tuple[object, ...]]:
        """The choices, escaped for a loop: value, count, what is counted ("article" or "articles"), active, url."""
        language = get_language()
        return escaped((one.value, one.count, _noun(one.count, language), one.active, one.url) for one in self.choices)


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
    def rows(self) -> list[tuple[object, ...]]:
        """The same, escaped for a loop: url, label, count, both in words, left of the column, and x, y, height."""
        language, written = get_language(), number_writer()
        rows = []
        for bar in self.counted:
            words = _bar_words(bar.count, language) % {"label": bar.label, "number": written(bar.count)}
            # A drawing knows no thousands separators.
            rows.append((bar.url, bar.label, bar.count, words, str(bar.x - 1), str(bar.x), str(bar.y), str(bar.height)))
        return escaped(rows)

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
    return parameters.query_string(q=f'{_understood(parameters.q)} {name}:"{value}"'.strip())


class Narrowed(NamedTuple):
    """The links from a result to narrower searches: rows of a name and the link, escaped for a loop."""

    section: list[tuple[object, ...]]
    authors: list[tuple[object, ...]]
    tags: list[tuple[object, ...]]


def narrowed(parameters: Parameters, hit: Result, page: str = "") -> Narrowed:
    """The links for the section, the authors and the tags of ``hit``. page: the address of the search, if elsewhere."""

    def links(name: str, values: Iterable[str]) -> list[tuple[object, ...]]:
        return escaped((value, page + narrow_url(parameters, name, value)) for value in values)

    return Narrowed(
        links("section", (hit.section,) if hit.section else ()), links("author", hit.authors), links("tag", hit.tags)
    )


@lru_cache(maxsize=16)
def _understood(text: str) -> str:
    """``text`` without what was ignored of it, such as an open quote, which must not swallow what is added."""
    # The page that asks for it asks for each of its links.
    query = parse(text)
    return unparse(query.tree) if query.notes else text


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
            chips.append(ActiveFilter(label, date_format(day, "DATE_FORMAT"), parameters.without_day(name)))
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
    label = _label_maker(unit)
    bars = tuple(
        _bar(place, start, counts.get(start, 0), most, unit, label(start), parameters)
        for place, start in enumerate(span)
    )
    return Chart(bars, unit, width=len(bars) * _BAR_STEP)


def _label_maker(unit: str) -> Callable[[date], str]:
    """How months or years are named."""
    if unit == "year":
        return lambda start: str(start.year)
    form, language = get_format("YEAR_MONTH_FORMAT"), get_language()
    return lambda start: _month_label(start, form, language)


def _bar(place: int, start: date, count: int, most: int, unit: str, label: str, parameters: Parameters) -> Bar:
    height = max(_LEAST_BAR, round(_CHART_HEIGHT * count / most)) if count else 0
    last = start if unit == "month" else start.replace(month=12)
    # At the ends of the calendar there is no day to begin or to end with.
    after = start if start > date.min else None
    before = _next_month(last) if (last.year, last.month) < (MAXYEAR, 12) else None
    url = parameters.query_string(after=after, before=before) if count else ""
    return Bar(label, count, url, place * _BAR_STEP + 1, _CHART_HEIGHT - height, height)


@lru_cache(maxsize=1_024)
def _month_label(month: date, form: str, language: str | None) -> str:
    """``month`` in the words of ``language``, the one of the moment, by which labels are told apart here."""
    return dateformat.format(month, form)


@lru_cache(maxsize=1_024)
def _bar_words(count: int, language: str | None) -> str:
    """What a bar with so many articles says, in the language of the moment; its label and the number go in."""
    return ngettext("%(label)s: %(number)s article", "%(label)s: %(number)s articles", count)


@lru_cache(maxsize=1_024)
def _noun(count: int, language: str | None) -> str:
    """What is counted, in the language of the moment."""
    return npgettext("after a number", "article", "articles", count)


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
