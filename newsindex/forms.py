"""The search form: whatever stands in the address becomes clean parameters and notes about what was mended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache, partial
from typing import Any, Final
from urllib.parse import quote

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from newsindex.analysis import keyword
from newsindex.engines.base import Sort
from newsindex.query import DEFAULT_LIMITS

#: What ``sort`` may be, and what it is called.
SORTS: Final[tuple[tuple[Sort, Any], ...]] = (
    ("relevance", _("Relevance")),
    ("newest", _("Newest first")),
    ("oldest", _("Oldest first")),
)
#: The parameters that may stand several times, by the name of a facet.
REPEATABLE: Final = {"tag": "tags", "author": "authors", "section": "sections"}
MAX_VALUES: Final = 10
MAX_VALUE_CHARACTERS: Final = 500


@dataclass(frozen=True)
class Parameters:
    """What is asked for, cleaned. after: from that day on; before: before that day. verbatim: in no other spelling."""

    q: str = ""
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    after: date | None = None
    before: date | None = None
    sort: Sort = "relevance"
    verbatim: bool = False

    @property
    def has_filters(self) -> bool:
        return bool(self.tags or self.authors or self.sections or self.after or self.before)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for: neither words nor filters."""
        return not self.q and not self.has_filters

    def query_string(self, page: int = 1, **changes: Any) -> str:
        """``?q=...`` with everything that is asked for but ``changes`` ("?" where that is nothing)."""
        return self._changed(changes, page)

    def _changed(self, changes: Mapping[str, Any], page: int = 1) -> str:
        encoded = dict(self._encoded)
        for attribute, value in changes.items():
            encoded[attribute] = _ENCODERS[attribute](value)
        if page > 1:
            encoded["page"] = f"page={page}"
        return "?" + "&".join(filter(None, encoded.values()))

    def with_value(self, facet: str, value: str) -> str:
        """The query string with ``value`` of ``facet`` added as a filter."""
        before, after = self._around[facet]
        return f"{before}{_pair(facet, value)}{after}"

    def without_value(self, facet: str, value: str) -> str:
        """The query string without the filter on ``value`` of ``facet``."""
        attribute = REPEATABLE[facet]
        kept = tuple(one for one in getattr(self, attribute) if keyword(one) != keyword(value))
        return self._changed({attribute: kept})

    def without_day(self, name: str) -> str:
        """The query string without the day ``after`` or ``before``."""
        return self._changed({name: None})

    def has_value(self, facet: str, value: str) -> bool:
        """Whether ``value`` of ``facet`` is filtered by."""
        active = self._keywords[facet]
        return bool(active) and keyword(value) in active

    # A page has a hundred links that differ in one parameter; the others are made ready once.

    @cached_property
    def _encoded(self) -> dict[str, str]:
        """What each attribute adds to a query string, in the order in which it does."""
        return {attribute: encoded(getattr(self, attribute)) for attribute, encoded in _ENCODERS.items()}

    @cached_property
    def _around(self) -> dict[str, tuple[str, str]]:
        """What stands before and after one more value of each facet in a query string."""
        pieces = list(self._encoded.items())
        places = {attribute: place for place, (attribute, _) in enumerate(pieces, 1)}
        return {
            facet: (
                "?" + "".join(f"{piece}&" for _, piece in pieces[: places[attribute]] if piece),
                "".join(f"&{piece}" for _, piece in pieces[places[attribute] :] if piece),
            )
            for facet, attribute in REPEATABLE.items()
        }

    @cached_property
    def _keywords(self) -> dict[str, frozenset[str]]:
        """The values that are filtered by, for comparison, by facet."""
        return {
            facet: frozenset(keyword(one) for one in getattr(self, attribute))
            for facet, attribute in REPEATABLE.items()
        }


def _pairs(name: str, values: Iterable[str]) -> str:
    return "&".join([_pair(name, value) for value in values])


@lru_cache(maxsize=2_048)
def _pair(name: str, value: str) -> str:
    # The values of facets come again on each page.
    return f"{name}={quote(value, safe='')}"


# How the value of each attribute of Parameters is written in a query string; "" where it asks for nothing.
_ENCODERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "q": lambda q: f"q={quote(q, safe='')}" if q else "",
    "tags": partial(_pairs, "tag"),
    "authors": partial(_pairs, "author"),
    "sections": partial(_pairs, "section"),
    "after": lambda day: f"after={day.isoformat()}" if day else "",
    "before": lambda day: f"before={day.isoformat()}" if day else "",
    "sort": lambda sort: f"sort={sort}" if sort != "relevance" else "",
    "verbatim": lambda verbatim: "verbatim=1" if verbatim else "",
}


class QueryField(forms.CharField):
    """Words to search for; never an error: what no text can hold becomes a space."""

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        return "".join(" " if _is_unfit(char) else char for char in text).strip()


class ValuesField(forms.Field):
    """Several values of one parameter, each once."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> tuple[str, ...]:
        by_keyword: dict[str, str] = {}
        for one in value or ():
            text = " ".join("".join(" " if _is_unfit(char) else char for char in str(one)).split())
            if text:
                by_keyword.setdefault(keyword(text[:MAX_VALUE_CHARACTERS]), text[:MAX_VALUE_CHARACTERS])
        return tuple(by_keyword.values())


class DayField(forms.DateField):
    """A day; a month or a year means its first day."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    input_formats = ("%Y-%m-%d", "%Y-%m", "%Y")


class SearchForm(forms.Form):
    """The search page's parameters. Unknown ones are ignored, bad ones are left out and named in ``notes``."""

    q = QueryField(label=_("Search for"), required=False, widget=forms.TextInput(attrs={"type": "search"}))
    tag = ValuesField(label=_("Tags"), required=False)
    author = ValuesField(label=_("Authors"), required=False)
    section = ValuesField(label=_("Sections"), required=False)
    after = DayField(label=_("From"), required=False)
    before = DayField(label=_("Before"), required=False)
    sort = forms.ChoiceField(label=_("Sort by"), required=False, choices=SORTS)
    verbatim = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data if data is not None else {}, **kwargs)
        self._notes: list[str] = []

    @property
    def notes(self) -> list[str]:
        """What was left out of the parameters, for the visitor."""
        unusable = {
            "after": gettext("“%(value)s” is not a date, so the beginning was left open."),
            "before": gettext("“%(value)s” is not a date, so the end was left open."),
            "sort": gettext("There is no order “%(value)s”; the results are sorted by relevance."),
        }
        bad = [name for name in unusable if name in self.errors]
        return [unusable[name] % {"value": self._shown(name)} for name in bad] + self._notes

    @property
    def parameters(self) -> Parameters:
        """What is asked for, as far as it can be used."""
        self.is_valid()
        clean = self.cleaned_data
        return Parameters(
            q=clean.get("q") or "",
            tags=clean.get("tag") or (),
            authors=clean.get("author") or (),
            sections=clean.get("section") or (),
            after=clean.get("after"),
            before=clean.get("before"),
            sort=clean.get("sort") or "relevance",
            verbatim=bool(clean.get("verbatim")),
        )

    def full_clean(self) -> None:
        self._notes = []
        super().full_clean()

    def clean_q(self) -> str:
        text: str = self.cleaned_data["q"]
        if len(text) > DEFAULT_LIMITS.max_characters:
            self._notes.append(
                ngettext(
                    "Only the first %(count)d character of the query was used.",
                    "Only the first %(count)d characters of the query were used.",
                    DEFAULT_LIMITS.max_characters,
                )
                % {"count": DEFAULT_LIMITS.max_characters}
            )
        return text[: DEFAULT_LIMITS.max_characters].strip()

    def clean(self) -> dict[str, Any]:
        clean = self.cleaned_data
        for name in REPEATABLE:
            if len(clean.get(name) or ()) > MAX_VALUES:
                clean[name] = clean[name][:MAX_VALUES]
                self._notes.append(
                    gettext("%(name)s: only the first %(count)d filters were used.")
                    % {"name": self.fields[name].label, "count": MAX_VALUES}
                )
        after, before = clean.get("after"), clean.get("before")
        if after and before and after >= before:
            clean["before"] = None
            self._notes.append(gettext("The end is not after the beginning, so the end was left open."))
        return clean

    def _shown(self, name: str) -> str:
        value = "".join(" " if _is_unfit(char) else char for char in str(self.data.get(name, "")))
        return value if len(value) <= 40 else value[:39] + "…"


def page_number(text: str | None) -> tuple[int, str]:
    """The number of a page as it stands in the address, at least 1, and a note where it was mended."""
    if not text:
        return 1, ""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number > 0:
        return number, ""
    return 1, gettext("There is no such page; this is the first one.")


def _is_unfit(char: str) -> bool:
    """Whether a character is a control character or half of a surrogate pair."""
    return char < " " or "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\udfff"
