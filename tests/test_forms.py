"""The search form: any address becomes clean parameters."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from newsindex.forms import MAX_VALUES, REPEATABLE, Parameters, SearchForm, page_number
from newsindex.query import DEFAULT_LIMITS


def read(query: str) -> tuple[Parameters, list[str]]:
    form = SearchForm(QueryDict(query))
    return form.parameters, form.notes


def test_everything_that_can_be_asked() -> None:
    parameters, notes = read(
        "q=+rain++sun+&tag=a&tag=A&tag=b&author=Ada+Moor&section=x&after=2024-11&before=2026&sort=oldest&page=3&x=y"
    )
    assert notes == []
    assert parameters == Parameters(
        q="rain  sun",
        tags=("a", "b"),
        authors=("Ada Moor",),
        sections=("x",),
        after=date(2024, 11, 1),
        before=date(2026, 1, 1),
        sort="oldest",
    )
    assert read(parameters.query_string()[1:]) == (parameters, [])


def test_nothing_asked() -> None:
    for query in ("", "q=", "q=%20%00", "tag=&author=%20", "page=2&sort=newest"):
        parameters, notes = read(query)
        assert parameters.is_empty and notes == []
    assert Parameters().query_string() == "?"


def test_what_is_too_long_is_cut_and_said() -> None:
    limit = DEFAULT_LIMITS.max_characters
    assert read("q=" + "x" * limit)[1] == []
    parameters, notes = read("q=" + "x" * (limit + 1))
    assert len(parameters.q) == limit
    assert notes == ["Only the first 2000 characters of the query were used."]
    parameters, notes = read("&".join(f"tag={number}" for number in range(MAX_VALUES + 1)))
    assert len(parameters.tags) == MAX_VALUES
    assert notes == ["Tags: only the first 10 filters were used."]
    assert read("tag=" + "x" * 1_000)[0].tags == ("x" * 500,)


def test_a_note_shows_only_the_beginning_of_a_bad_value() -> None:
    _, notes = read("after=" + "9" * 500)
    assert len(notes) == 1 and len(notes[0]) < 120


def test_filters_are_added_and_taken_away() -> None:
    parameters = Parameters(q="rain", tags=("Über",))
    assert parameters.has_value("tag", "uber")
    assert parameters.without_value("tag", "uber") == "?q=rain"
    assert parameters.with_value("author", "A & B") == "?q=rain&tag=%C3%9Cber&author=A%20%26%20B"
    assert parameters.query_string(page=2) == "?q=rain&tag=%C3%9Cber&page=2"


some_text = st.text(st.sampled_from("ab &=?%+/#é京"), max_size=4)
some_values = st.lists(some_text, max_size=2).map(tuple)


@settings(deadline=None)
@given(
    st.builds(
        Parameters,
        q=some_text, tags=some_values, authors=some_values, sections=some_values,
        after=st.none() | st.dates(), before=st.none() | st.dates(), sort=st.sampled_from(["relevance", "oldest"]),
    ),
    st.sampled_from(["tag", "author", "section"]),
    some_text,
    st.integers(1, 3),
)  # fmt: skip
def test_a_changed_query_string_is_that_of_the_changed_parameters(
    asked: Parameters, facet: str, value: str, page: int
) -> None:
    attribute = REPEATABLE[facet]
    changes: list[dict[str, Any]] = [{"q": value}, {"after": None}, {"sort": "newest"}, {attribute: (value,)}]
    for change in changes:
        assert asked.query_string(page, **change) == replace(asked, **change).query_string(page)
    more: dict[str, Any] = {attribute: (*getattr(asked, attribute), value)}
    assert asked.with_value(facet, value) == replace(asked, **more).query_string()
    pairs = [("q", asked.q)] if asked.q else []
    for name, values in (("tag", asked.tags), ("author", asked.authors), ("section", asked.sections)):
        pairs += [(name, one) for one in values]
    pairs += [("after", asked.after.isoformat())] if asked.after else []
    pairs += [("before", asked.before.isoformat())] if asked.before else []
    pairs += [("sort", asked.sort)] if asked.sort != "relevance" else []
    assert asked.query_string() == "?" + urlencode(pairs, quote_via=quote)


def test_page_numbers() -> None:
    assert page_number(None) == page_number("") == page_number("1") == (1, "")
    assert page_number("7") == (7, "")
    for text in ("0", "-3", "abc", "1.5", "9" * 5_000):
        number, note = page_number(text)
        assert number == 1 and note


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*SearchForm.base_fields, "page"]), st.text(max_size=30))))
def test_any_address_can_be_asked_again(pairs: list[tuple[str, str]]) -> None:
    data = QueryDict(mutable=True)
    for name, value in pairs:
        data.appendlist(name, value)
    parameters = SearchForm(data).parameters
    again = SearchForm(QueryDict(parameters.query_string()[1:]))
    assert again.parameters == parameters
    assert again.notes == []
