"""Two engines asked the same: how far their answers agree, and newsindex_compare."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from newsindex import indexing
from newsindex.comparing import Answer, Comparison, compare, own_queries
from newsindex.engines import engines
from newsindex.engines.base import EVERYTHING
from newsindex.models import Article
from tests.conftest import MEMORY, WHOOSH
from tests.factories import make_article
from tests.test_commands import run

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=timezone.utc)


@pytest.fixture
def both(settings: Any, tmp_path: Path) -> None:
    """A Whoosh engine and one in memory, which know the same five articles and a draft."""
    settings.NEWSINDEX = {
        "default": {"BACKEND": WHOOSH, "OPTIONS": {"path": tmp_path / "index"}},
        "next": {"BACKEND": MEMORY},
    }
    engines.close_all()
    for number in range(5):
        make_article(
            f"Ferry {number} reaches the harbour",
            "The storm is over.",
            slug=f"a{number}",
            published_at=NOW + timedelta(days=number),
        )
    make_article("Secret ferry", "A draft.", slug="secret", status="draft")
    for alias in ("default", "next"):
        indexing.rebuild(engine=alias)


def forget(slug: str) -> None:
    """Take an article out of one of the engines."""
    with engines["next"].writer() as writer:
        writer.delete(f"newsindex.article:{Article.objects.get(slug=slug).pk}")


def answer(*keys: str, total: int = 0, way: str = "") -> Answer:
    return Answer(total or len(keys), keys, way, 0.0)


@pytest.mark.parametrize(
    ("first", "second", "overlap", "same"),
    [
        (answer(), answer(), 1.0, True),
        (answer("a", "b"), answer("a", "b"), 1.0, True),
        (answer("a", "b"), answer("b", "a"), 1.0, False),
        (answer("a", "b"), answer("a", "c"), 0.5, False),
        (answer("a"), answer("a", "b", "c", "d"), 0.25, False),
        (answer("a"), answer(), 0.0, False),
        (answer("a"), answer("a", total=2), 1.0, False),
        (answer("a"), answer("a", way="closest"), 1.0, False),
    ],
)
def test_how_far_two_answers_agree(first: Answer, second: Answer, overlap: float, same: bool) -> None:
    found = Comparison("ferry", first, second)
    assert (found.overlap, found.same) == (overlap, same)


@pytest.mark.usefixtures("both")
def test_engines_that_know_the_same_answer_the_same() -> None:
    queries = ["ferry", "harbour storm", "feryr", "ferry zeppelin", '"reaches the harbour"', "nothing", "ha*"]
    found = list(compare(queries, "default", "next", limit=3))
    assert [each.query for each in found] == queries
    assert all(each.same for each in found)
    assert [each.first.way for each in found] == ["", "", "ferry", "closest", "", "", ""]
    assert (found[0].first.total, len(found[0].first.keys)) == (5, 3)


@pytest.mark.usefixtures("both")
def test_a_difference_is_seen() -> None:
    forget("a0")
    (found,) = compare(["ferry"], "default", "next")
    assert (found.first.total, found.second.total, found.overlap, found.same) == (5, 4, 0.8, False)


@pytest.mark.usefixtures("both")
def test_queries_are_made_of_what_may_be_seen() -> None:
    queries = list(own_queries("default", 2))
    assert queries == [
        *["Ferry 4 reaches the harbour", "reaches harbour", '"Ferry 4"', "reac*"],
        *["Ferry 3 reaches the harbour", '"Ferry 3"'],
    ]
    assert not any("Secret" in query for query in own_queries("default", 100))
    assert any("Secret" in query for query in own_queries("default", 100, audiences=EVERYTHING))


@pytest.mark.usefixtures("both")
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, _, error = run("newsindex_compare", "default", "next")
    assert not error
    assert out.startswith("12 queries\n  the same answer           12 (100.0%)\n")
    assert "mean overlap of the hits  1.000" in out and "Least alike" not in out
    file = tmp_path / "queries"
    file.write_text("ferry\n\n  harbour\x1b[2J storm \n", encoding="utf-8")
    forget("a0")
    out, _, error = run("newsindex_compare", "default", "next", "--queries", file, "--least", "0.9")
    assert "2 queries" in out and "0.80  ferry: default 5 found, next 4 found" in out and "\x1b" not in out
    assert error == "The mean overlap is 0.800, below 0.9."
    monkeypatch.setattr("sys.stdin", io.StringIO("ferry\n"))
    out, _, error = run("newsindex_compare", "default", "next", "--queries", "-", "--json", "--limit", "2")
    (found,) = json.loads(out)
    assert (found["query"], found["same"], [one["total"] for one in found["answers"]]) == ("ferry", False, [5, 4])
    assert all(len(one["keys"]) == 2 for one in found["answers"])


@pytest.mark.usefixtures("both")
def test_wrong_use_of_the_command_is_named(tmp_path: Path) -> None:
    assert "'default' was given twice" in run("newsindex_compare", "default", "default")[2]
    assert "NEWSINDEX has no engine 'cluster'" in run("newsindex_compare", "default", "cluster")[2]
    assert "from 0 to 1, not '2'" in run("newsindex_compare", "default", "next", "--least", "2")[2]
    assert "can't be read" in run("newsindex_compare", "default", "next", "--queries", tmp_path / "none")[2]
    (tmp_path / "empty").write_text("\n \n")
    assert "has no query" in run("newsindex_compare", "default", "next", "--queries", tmp_path / "empty")[2]
    engines["next"].rebuild().swap()
    engines["default"].rebuild().swap()
    assert "There is nothing to ask" in run("newsindex_compare", "default", "next")[2]


@pytest.mark.usefixtures("both")
def test_an_engine_that_was_not_built_is_an_error(settings: Any, tmp_path: Path) -> None:
    settings.NEWSINDEX["next"] = {"BACKEND": WHOOSH, "OPTIONS": {"path": tmp_path / "other"}}
    engines.close_all()
    indexing.rebuild(engine="default")
    assert "An engine can't answer" in run("newsindex_compare", "default", "next")[2]
