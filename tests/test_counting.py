"""Days and months on the asker's clock, and how values are counted."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from newsindex.engines.base import FacetCount
from newsindex.engines.counting import facet, midnight, month_of, tally, within_days
from newsindex.engines.paging import microseconds

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        (datetime(2026, 3, 31, 21, 59, tzinfo=timezone.utc), "2026-03"),
        (datetime(2026, 3, 31, 22, 0, tzinfo=timezone.utc), "2026-04"),
        (datetime(2025, 10, 31, 22, 59, tzinfo=timezone.utc), "2025-10"),
        (datetime(2025, 10, 31, 23, 0, tzinfo=timezone.utc), "2025-11"),
        (datetime(9999, 12, 31, 23, 30, tzinfo=timezone.utc), "9999-12"),
    ],
)
def test_a_month_begins_at_midnight_there(moment: datetime, month: str) -> None:
    assert month_of(moment, BERLIN) == month


def test_the_first_moment_has_a_month_west_of_greenwich() -> None:
    assert month_of(datetime.min.replace(tzinfo=timezone.utc), timezone(timedelta(hours=-8))) == "0001-01"


@pytest.mark.parametrize("zone", [BERLIN, ZoneInfo("America/Santiago"), ZoneInfo("Pacific/Apia"), timezone.utc])
def test_each_moment_is_within_the_day_its_clock_shows(zone: ZoneInfo) -> None:
    """Over two years in steps of 30 minutes, days without a midnight or with two of them included."""
    moment = datetime(2024, 1, 1, tzinfo=timezone.utc)
    for _ in range(2 * 365 * 48):
        today = moment.astimezone(zone).date()
        assert within_days(moment, today, today + timedelta(days=1), zone)
        moment += timedelta(minutes=30)


def test_a_day_of_23_hours() -> None:
    spring = midnight(date(2026, 3, 30), BERLIN) - midnight(date(2026, 3, 29), BERLIN)
    assert spring == 23 * 3600 * 1_000_000


def test_open_days_ask_nothing() -> None:
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert within_days(None, None, None, BERLIN)
    assert not within_days(None, date.min, None, BERLIN)
    assert not within_days(None, None, date.max, BERLIN)
    assert within_days(now, date.min, date.max, BERLIN)
    assert midnight(date.max, BERLIN) > microseconds(now) > midnight(date.min, BERLIN)


def test_an_article_counts_once_for_a_value_however_it_is_spelt() -> None:
    counts, spellings = tally([("Sea", "sea", "SEA"), ("sea",), ("", " ", "Sun")])
    assert counts == {"sea": 2, "sun": 1}
    assert facet(counts, spellings, 10) == (FacetCount("sea", 2), FacetCount("Sun", 1))
    assert facet(counts, spellings, 1) == (FacetCount("sea", 2),)
    assert facet(counts, spellings, 0) == ()
    assert facet(*tally([("Sea", "Sea", "Sea"), ("sea",), ("sea",)]), 9) == (FacetCount("sea", 3),)
