"""Cursors stand for a place in the order, exactly."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsindex.engines.base import Sort
from newsindex.engines.paging import decode_cursor, encode_cursor, microseconds, place
from newsindex.exceptions import ContractError

sorts = st.sampled_from(["relevance", "newest", "oldest"])
dates = st.none() | st.datetimes(timezones=st.just(timezone.utc))


@given(sorts, st.floats(0, 1e12), dates, st.text(max_size=40))
def test_a_cursor_is_the_place_it_was_made_from(
    sort: Sort, score: float, published_at: datetime | None, key: str
) -> None:
    at = place(sort, score, published_at, key)
    cursor = encode_cursor(sort, at)
    assert cursor.isascii() and cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(sort, cursor) == at


@given(sorts, st.text(max_size=80) | st.text("abcdefAZ019-_", max_size=80))
def test_any_other_text_is_refused_or_a_place(sort: Sort, text: str) -> None:
    try:
        at = decode_cursor(sort, text)
    except ContractError as error:
        assert "cursor" in str(error)
    else:
        assert decode_cursor(sort, encode_cursor(sort, at)) == at


@pytest.mark.parametrize("score", ["nan", "inf", "-inf"])
def test_a_score_that_is_no_number_is_refused(score: str) -> None:
    cursor = encode_cursor("relevance", (float(score), 0, 0, "news.story:1"))
    with pytest.raises(ContractError):
        decode_cursor("relevance", cursor)


def test_a_date_beyond_any_calendar_is_refused() -> None:
    with pytest.raises(ContractError):
        decode_cursor("newest", encode_cursor("newest", (0.0, 0, 2**63, "news.story:1")))


def test_places_are_in_the_order_of_the_hits() -> None:
    old, new = datetime(2020, 1, 1, tzinfo=timezone.utc), datetime(2021, 1, 1, tzinfo=timezone.utc)
    assert place("relevance", 2.0, old, "b") < place("relevance", 1.0, new, "a")
    assert place("relevance", 1.0, new, "b") < place("relevance", 1.0, old, "a") < place("relevance", 1.0, None, "a")
    assert place("newest", 1.0, new, "b") < place("newest", 2.0, old, "a") < place("newest", 9.0, None, "a")
    assert place("oldest", 1.0, old, "b") < place("oldest", 2.0, new, "a") < place("oldest", 9.0, None, "a")
    assert place("newest", 1.0, new, "a") < place("newest", 1.0, new, "b")


def test_microseconds_are_exact() -> None:
    first, last = datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc)
    assert microseconds(datetime(1970, 1, 1, 0, 0, 1, 7, tzinfo=timezone.utc)) == 1_000_007
    assert microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone.utc)) == -1
    assert microseconds(first) == -62_135_596_800_000_000
    assert microseconds(last) == 253_402_300_799_999_999
