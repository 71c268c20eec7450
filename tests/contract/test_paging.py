"""The order of the hits, and walking through them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsindex.engines.base import Engine, Sort
from newsindex.exceptions import ContractError
from newsindex.query.nodes import Everything
from tests.contract.asking import NOW, article, ask, day, found, index
from tests.contract.news import NEWS

SORTS: tuple[Sort, ...] = ("relevance", "newest", "oldest")


def test_by_date_undated_last_then_by_key(engine: Engine) -> None:
    index(
        engine,
        article("d", "x"),
        article("c", "x", published_at=day(2026, 1, 2)),
        article("b", "x", published_at=day(2026, 1, 3)),
        article("a", "x", published_at=day(2026, 1, 2)),
        article("e", "x"),
    )
    assert found(engine, Everything(), sort="newest") == ["b", "a", "c", "d", "e"]
    assert found(engine, Everything(), sort="oldest") == ["a", "c", "b", "d", "e"]
    assert found(engine, "x", sort="relevance") == ["b", "a", "c", "d", "e"]


def test_dates_differ_by_microseconds(engine: Engine) -> None:
    first = day(2026, 1, 2)
    index(
        engine, article("b", "x", published_at=first), article("a", "x", published_at=first - timedelta(microseconds=1))
    )
    assert found(engine, "x", sort="newest") == ["b", "a"]


def test_keys_are_ordered_as_text(engine: Engine) -> None:
    index(engine, *(article(pk, "x") for pk in ("10", "9", "é", "z", "Z")))
    assert found(engine, "x") == ["10", "9", "Z", "z", "é"]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("step", [1, 3, 7])
def test_a_walk_meets_each_article_once(engine: Engine, sort: Sort, step: int) -> None:
    index(engine, *(article(n, "x " * (1 + n % 3), published_at=day(2026, 1, 1 + n % 4)) for n in range(10)))
    whole = found(engine, "x", sort=sort, limit=100)
    assert len(set(whole)) == 10
    walked = []
    for offset in range(0, 10, step):
        walked += found(engine, "x", sort=sort, offset=offset, limit=step)
    assert walked == whole


@pytest.mark.needs("supports_cursor")
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("step", [1, 3, 10])
def test_a_walk_by_cursor_is_the_same_walk(engine: Engine, sort: Sort, step: int) -> None:
    documents = [article(n, "x " * (1 + n % 3), published_at=day(2026, 1, 1 + n % 4)) for n in range(9)]
    index(engine, *documents, article("Ünï|code", "x"))
    whole = found(engine, "x", sort=sort, limit=100)
    walked: list[str] = []
    cursor: str | None = None
    for _ in range(100):
        page = ask(engine, "x", sort=sort, limit=step, cursor=cursor)
        assert page.total == 10
        walked += [hit.pk for hit in page.hits]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert walked == whole


@pytest.mark.needs("supports_cursor")
def test_articles_that_come_or_go_disturb_no_cursor(engine: Engine) -> None:
    index(engine, *(article(n, "x", published_at=day(2026, 1, n)) for n in (2, 4, 6, 8)))
    first = ask(engine, "x", sort="newest", limit=2)
    assert [hit.pk for hit in first.hits] == ["8", "6"]
    index(engine, article(9, "x", published_at=day(2026, 1, 9)))
    with engine.writer() as writer:
        writer.delete("news.story:6")
    rest = ask(engine, "x", sort="newest", limit=9, cursor=first.next_cursor)
    assert [hit.pk for hit in rest.hits] == ["4", "2"]
    assert rest.next_cursor is None


@pytest.mark.needs("supports_cursor")
@pytest.mark.parametrize(
    "cursor", ["", "x", "AAAA", "é", "cmVsZXZhbmNl", "bmFufDB8MHx4", "=" * 9, "A" * 10_000, "\ud800"]
)
def test_a_broken_cursor_is_refused(engine: Engine, cursor: str) -> None:
    index(engine, *NEWS)
    with pytest.raises(ContractError, match="cursor"):
        ask(engine, "bridge", cursor=cursor)


@pytest.mark.needs("supports_cursor")
def test_a_cursor_belongs_to_its_order(engine: Engine) -> None:
    index(engine, *NEWS)
    cursor = ask(engine, "bridge", sort="newest", limit=1).next_cursor
    assert cursor
    with pytest.raises(ContractError, match="cursor"):
        ask(engine, "bridge", sort="oldest", limit=1, cursor=cursor)


def test_pages_beyond_the_end_are_empty(engine: Engine) -> None:
    index(engine, *NEWS)
    for offset in (2, 10, 10**9, 10**30):
        page = ask(engine, "bridge", offset=offset)
        assert (page.hits, page.total, page.next_cursor) == ((), 2, None)
    assert len(ask(engine, "bridge", limit=10**9).hits) == 2
    assert ask(engine, "bridge", limit=2).next_cursor is None


def test_a_hit_says_what_it_is(engine: Engine) -> None:
    index(engine, *NEWS)
    hit = ask(engine, "sandbags").hits[0]
    assert (hit.key, hit.source, hit.pk) == ("news.story:flood", "news.story", "flood")
    assert hit.title.text == "River bursts its banks at Aldermouth"
    assert hit.summary.text == "Forty families spent the night in the sports hall."
    assert hit.tags == ("Weather", "Aldermouth")
    assert hit.authors == ("Ida Brandt",)
    assert (hit.section, hit.language, hit.url) == ("Local", "en", "/stories/flood/")
    assert hit.published_at == day(2026, 5, 3)


def test_without_content_a_hit_is_a_key_and_a_score(engine: Engine) -> None:
    index(engine, *NEWS)
    full, bare = ask(engine, "bridge"), ask(engine, "bridge", content=False)
    assert [(hit.key, hit.score) for hit in bare.hits] == [(hit.key, hit.score) for hit in full.hits]
    hit = bare.hits[0]
    assert (hit.title.text, hit.summary.text, hit.paragraphs, hit.tags, hit.authors) == ("", "", (), (), ())
    assert (hit.section, hit.url, hit.published_at) == ("", "", None)


def test_the_answer_says_how_long_it_took(engine: Engine) -> None:
    index(engine, *NEWS)
    page = ask(engine, "bridge", timeout=60.0, now=NOW)
    assert page.took >= 0
    assert page.partial is False
