"""Totals, facets and the timeline count articles, exactly."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from newsindex.engines.base import FACETS, Engine, FacetCount, MonthCount
from newsindex.query.nodes import Everything
from tests.contract.asking import NOW, article, ask, day, index
from tests.contract.news import NEWS


def test_the_total_counts_articles_not_paragraphs_nor_hits_of_the_page(engine: Engine) -> None:
    index(engine, *NEWS)
    assert ask(engine, "bridge").total == 2
    assert ask(engine, "bridge", limit=1).total == 2
    assert ask(engine, "bridge", limit=0).total == 2
    assert ask(engine, "bridge", limit=0).hits == ()
    assert ask(engine, "bridge", offset=50).total == 2
    assert ask(engine, Everything()).total == 4


def test_facets_count_the_articles_that_match(engine: Engine) -> None:
    index(engine, *NEWS)
    page = ask(engine, "bridge", facets=FACETS)
    assert page.facets == {
        "tag": (FacetCount("Aldermouth", 2), FacetCount("Transport", 1), FacetCount("Weather", 1)),
        "author": (FacetCount("Ida Brandt", 2), FacetCount("Jon Marsh", 1)),
        "section": (FacetCount("Local", 1), FacetCount("Transport", 1)),
    }


def test_only_the_facets_that_were_asked_for(engine: Engine) -> None:
    index(engine, *NEWS)
    assert ask(engine, "bridge").facets == {}
    assert set(ask(engine, "bridge", facets=("section",)).facets) == {"section"}
    assert ask(engine, "unheard", facets=("tag",)).facets == {"tag": ()}


def test_a_facet_has_at_most_so_many_values_the_most_frequent_first(engine: Engine) -> None:
    index(engine, *NEWS)
    tags = ask(engine, Everything(), facets=("tag",), facet_limit=2).facets["tag"]
    assert tags == (FacetCount("Aldermouth", 3), FacetCount("Books", 1))


def test_spellings_of_one_value_are_one_value(engine: Engine) -> None:
    index(
        engine,
        article(1, "x", tags=("café", "Old  Town")),
        article(2, "x", tags=("CAFÉ", "Café", "old town")),
        article(3, "x", tags=("Café", "Old Town", "", "  ")),
        article(4, "x", section=" "),
    )
    page = ask(engine, Everything(), facets=FACETS)
    assert page.facets["tag"] == (FacetCount("Café", 3), FacetCount("Old  Town", 3))
    assert page.facets["section"] == ()


def test_the_timeline_counts_months_of_the_askers_clock(engine: Engine) -> None:
    index(
        engine,
        article(1, "x", published_at=datetime(2026, 2, 28, 23, 30, tzinfo=timezone.utc)),
        article(2, "x", published_at=datetime(2026, 3, 1, 0, 30, tzinfo=timezone.utc)),
        article(3, "x", published_at=datetime(2025, 12, 31, 23, 30, tzinfo=timezone.utc)),
        article(4, "x"),
    )
    there = ZoneInfo("Europe/Berlin")
    assert ask(engine, "x", timeline=True).timeline == (
        MonthCount("2025-12", 1),
        MonthCount("2026-02", 1),
        MonthCount("2026-03", 1),
    )
    assert ask(engine, "x", timeline=True, now=NOW.astimezone(there)).timeline == (
        MonthCount("2026-01", 1),
        MonthCount("2026-03", 2),
    )
    assert ask(engine, "x").timeline == ()


@pytest.mark.parametrize("zone", ["CET", "GB", "NZ", "EST5EDT", "EST", "ROC"])
def test_the_timeline_in_a_zone_that_is_called_after_no_city(engine: Engine, zone: str) -> None:
    there = ZoneInfo(zone)
    # The last minutes and the first of months in winter and summer.
    edges = [datetime(2026, month, 1, tzinfo=there) for month in (2, 6)]
    moments = [edge + timedelta(minutes=minutes) for edge in edges for minutes in (-30, 30)]
    index(engine, *(article(n, "x", published_at=moment) for n, moment in enumerate(moments)))
    now = datetime(2026, 7, 1, tzinfo=there)
    months = [entry.month for entry in ask(engine, "x", timeline=True, now=now).timeline]
    assert months == ["2026-01", "2026-02", "2026-05", "2026-06"]


def test_the_timeline_follows_summer_time(engine: Engine) -> None:
    """In Berlin the last hour of October is in winter time and that of June in summer time."""
    index(
        engine,
        article(1, "x", published_at=datetime(2025, 10, 31, 22, 30, tzinfo=timezone.utc)),
        article(2, "x", published_at=datetime(2025, 6, 30, 22, 30, tzinfo=timezone.utc)),
    )
    now = NOW.astimezone(ZoneInfo("Europe/Berlin"))
    months = [entry.month for entry in ask(engine, "x", timeline=True, now=now).timeline]
    assert months == ["2025-07", "2025-10"]


def test_the_ends_of_the_calendar_are_counted(engine: Engine) -> None:
    index(
        engine,
        article(1, "x", published_at=datetime(1, 1, 1, tzinfo=timezone.utc)),
        article(2, "x", published_at=datetime(1969, 12, 31, 23, tzinfo=timezone.utc)),
        article(3, "x", published_at=datetime(987, 6, 5, tzinfo=timezone.utc)),
    )
    months = [entry.month for entry in ask(engine, "x", timeline=True).timeline]
    assert months == ["0001-01", "0987-06", "1969-12"]
    west = NOW.astimezone(timezone(timedelta(hours=-5)))
    assert sum(entry.count for entry in ask(engine, "x", timeline=True, now=west).timeline) == 3


def test_what_is_beyond_the_calendar_in_utc_stands_at_its_end(engine: Engine) -> None:
    east, west = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
    early = article(1, "x", published_at=datetime(1, 1, 1, tzinfo=east), expires_at=datetime.max.replace(tzinfo=west))
    index(engine, early)
    page = ask(engine, "x", timeline=True)
    assert page.total == 1 and [entry.month for entry in page.timeline] == ["0001-01"]
    assert page.hits[0].published_at == datetime.min.replace(tzinfo=timezone.utc)
    assert engine.get(early.key) == early


def test_counts_follow_updates_and_deletes(engine: Engine) -> None:
    index(engine, *NEWS)
    index(engine, article("ferry", "Ferry", "No crossing any more.", tags=("History",), published_at=day(2020, 1, 1)))
    with engine.writer() as writer:
        writer.delete("news.story:flood")
    page = ask(engine, Everything(), facets=("tag",), timeline=True)
    assert page.total == 3
    assert [value.value for value in page.facets["tag"]] == ["Aldermouth", "Books", "Food", "History"]
    assert [entry.month for entry in page.timeline] == ["2020-01", "2025-11"]
    assert ask(engine, "bridge").total == 0
