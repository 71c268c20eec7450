"""Two engines in NEWSINDEX, and NEWSINDEX_ENGINE that says which of them is asked where none is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from newsindex import checks, indexing, operations, searching
from newsindex.engines import engines, named
from newsindex.exceptions import IndexNotBuilt
from newsindex.models import Article, PendingChange
from newsindex.testing import search_index
from newsindex.views import SearchView
from tests.conftest import MEMORY, WHOOSH, build_empty
from tests.factories import make_article
from tests.test_commands import run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def both(settings: Any) -> list[Article]:
    """Two engines; only the second has the articles, though nothing is pending for the first."""
    settings.NEWSINDEX = {"default": {"BACKEND": MEMORY}, "second": {"BACKEND": MEMORY}}
    for alias in engines:
        build_empty(engines[alias])
    articles = [make_article(f"Lighthouse {n}", "The lighthouse of the harbour.", slug=f"a{n}") for n in range(2)]
    with engines["default"].writer() as writer:
        for article in articles:
            writer.delete(key(article))
    return articles


def key(article: Article) -> str:
    return f"newsindex.article:{article.pk}"


def of_tag(article: Article) -> str:
    template = Template("{% load newsindex %}{% related_articles article as them %}{{ them|length }}")
    return template.render(Context({"article": article})).replace("0", "")


PLACES: dict[str, Callable[[Client, Article], object]] = {
    "search": lambda client, article: searching.search("lighthouse").count(),
    "suggest": lambda client, article: searching.suggest("lighth"),
    "related": lambda client, article: searching.related(article),
    "more like": lambda client, article: searching.more_like("Who keeps the lighthouse?"),
    "passage": lambda client, article: searching.passage(key(article), 1),
    "explain": lambda client, article: searching.explain("lighthouse", key(article)),
    "matching": lambda client, article: searching.matching("lighthouse", Article.objects.all()).count(),
    "hits": lambda client, article: searching.hits_for([key(article)], "lighthouse"),
    "page": lambda client, article: client.get("/search/?q=lighthouse").context["total"],
    "json": lambda client, article: client.get("/search/json/?q=lighthouse").json()["total"],
    "typing": lambda client, article: client.get("/search/suggest/json/?q=lighth").json()["suggestions"],
    "feed": lambda client, article: b"<entry>" in client.get("/search/feed/?q=lighthouse").content,
    "like page": lambda client, article: client.get(f"/search/like/{key(article)}/1/").status_code == 200,
    "tag": lambda client, article: of_tag(article),
    "command": lambda client, article: "2 articles" in run("newsindex_search", "lighthouse")[0],
    "own queries": lambda client, article: list(searching.search("", sort="newest")),
}


@pytest.mark.parametrize("place", PLACES)
def test_whatever_names_no_engine_asks_the_one_of_the_setting(
    both: list[Article], client: Client, settings: Any, place: str
) -> None:
    found = PLACES[place]
    assert not found(client, both[0])
    settings.NEWSINDEX_ENGINE = "second"
    assert found(client, both[0])
    settings.NEWSINDEX_ENGINE = "default"
    assert not found(client, both[0])


def test_the_admin_asks_it_as_well(both: list[Article], admin_client: Client, settings: Any) -> None:
    def shown() -> int:
        path = "/admin/newsindex/article/?q=lighthouse"
        return int(admin_client.get(path).context["cl"].result_count)

    assert shown() == 0
    settings.NEWSINDEX_ENGINE = "second"
    assert shown() == 2


def test_the_page_of_the_index_says_which_one(both: list[Article], admin_client: Client, settings: Any) -> None:
    def marked() -> list[str]:
        page = admin_client.get("/admin/newsindex/indexrun/").content.decode()
        return [part for part in re.findall(r"<h2 id=\"engine-[^>]*>([^<]*)</h2>", page) if "asked by searches" in part]

    settings.NEWSINDEX_ENGINE = "second"
    assert marked() == ["second (asked by searches)"]
    settings.NEWSINDEX = {"second": {"BACKEND": MEMORY}}
    assert marked() == []


def test_who_names_an_engine_gets_that_one(both: list[Article], settings: Any) -> None:
    def total(engine: str) -> int:
        request = HttpRequest()
        request.method = "GET"
        request.GET = request.GET.copy()
        request.GET["q"] = "lighthouse"
        return int(SearchView.as_view(engine=engine)(request).context_data["total"])

    for asked in ("default", "second"):
        settings.NEWSINDEX_ENGINE = asked
        assert (total("default"), total("second")) == (0, 2)
        assert searching.search("lighthouse", engine="default").count() == 0
        assert searching.search("lighthouse", engine="second").count() == 2


def test_what_an_operator_does_to_no_named_engine(both: list[Article], settings: Any) -> None:
    settings.NEWSINDEX_ENGINE = "second"
    assert named(None) == "second" and named("default") == "default"
    assert [indexing.status(engine=alias).asked for alias in engines] == [False, True]
    assert indexing.status().engine == indexing.verify().engine == operations.verify().engine == "second"
    built = engines["default"].stats().generation
    for command in ("newsindex_rebuild", "newsindex_verify"):
        assert run(command)[1:] == ("", "")
    assert engines["default"].stats().generation == built and engines["default"].stats().articles == 0
    said = run("newsindex_status")[0]
    assert said.index("go to another engine") < said.index("second (") < said.index("come here")


def test_a_change_is_noted_for_both_and_drained_into_both(both: list[Article], settings: Any) -> None:
    settings.NEWSINDEX_UPDATE = "command"
    settings.NEWSINDEX_ENGINE = "second"
    both[0].title = "Lighthouse again"
    both[0].save()
    assert sorted(PendingChange.objects.values_list("engine", flat=True)) == ["default", "second"]
    assert indexing.update().ok and not PendingChange.objects.exists()
    assert [engines[alias].get(key(both[0])).title for alias in engines] == ["Lighthouse again"] * 2


def test_the_monitor_looks_at_the_engine_that_is_asked(settings: Any, client: Client, tmp_path: Path) -> None:
    """A second engine that is still to be built wakes nobody, and takes no page away."""
    second = {"BACKEND": WHOOSH, "OPTIONS": {"path": tmp_path / "second"}}
    settings.NEWSINDEX = {"default": {"BACKEND": MEMORY}, "second": second}
    build_empty(engines["default"])
    make_article("Lighthouse")
    PendingChange.objects.filter(engine="second").update(created=timezone.now() - timedelta(days=1))
    assert client.get("/search/health/").status_code == 200
    (message,) = checks.check_built(None, ["default"])
    assert "'second' was never built: what asks it is answered with status 503" in message.msg
    assert message.hint == "Run manage.py newsindex_rebuild --engine second"
    settings.NEWSINDEX_ENGINE = "second"
    assert client.get("/search/health/").status_code == 503
    (message,) = checks.check_built(None, ["default"])
    assert "searches are answered with status 503" in message.msg and message.hint == "Run manage.py newsindex_rebuild"


def test_w032_a_process_without_the_entry_and_an_index_that_is_forgotten(settings: Any, tmp_path: Path) -> None:
    """What comes back after a while without notes must not answer: neither by the old index nor at all."""
    second = {"BACKEND": WHOOSH, "OPTIONS": {"path": tmp_path / "second"}}
    alone = settings.NEWSINDEX
    settings.NEWSINDEX = {**alone, "second": second}
    build_empty(engines["default"])
    indexing.rebuild(engine="second")
    make_article("Lighthouse")
    assert checks.check_noting(None, ["default"]) == []
    settings.NEWSINDEX = alone
    (message,) = checks.check_noting(None, ["default"])
    assert message.id == "newsindex.W032" and "An index 'second' was built" in message.msg
    assert message.hint.endswith("newsindex_replicas --engine second --drop")
    assert "NEWSINDEX has no engine 'second'" in run("newsindex_replicas", "--engine", "second")[2]
    PendingChange.objects.create(engine="second", source="newsindex.article", object_pk="404")
    assert run("newsindex_replicas", "--engine", "second", "--drop")[0] == (
        "second is dropped; to come back it has to be built again.\n"
    )
    assert "has no replica" in run("newsindex_replicas", "--engine", "second", "--drop")[2]
    assert checks.check_noting(None, ["default"]) == []
    assert not PendingChange.objects.filter(engine="second").exists()
    settings.NEWSINDEX = {**alone, "second": second}
    with pytest.raises(IndexNotBuilt, match="newsindex_rebuild"):
        searching.search("lighthouse", engine="second").count()
    indexing.rebuild(engine="second")
    assert searching.search("lighthouse", engine="second").count() == 1


@pytest.mark.parametrize("asked", ["", "Second", None, ["second"]])
def test_e002_an_engine_that_there_is_not(settings: Any, asked: object) -> None:
    settings.NEWSINDEX = {"default": {"BACKEND": MEMORY}, "second": {"BACKEND": MEMORY}}
    settings.NEWSINDEX_ENGINE = asked
    (message,) = checks.check_settings(None)
    said = "NEWSINDEX_ENGINE must be the alias of an engine in NEWSINDEX"
    assert message.id == "newsindex.E002" and message.hint == "Write NEWSINDEX_ENGINE = 'default'"
    assert message.msg == f"{said}, not {asked!r}; there are: 'default', 'second'."


def test_an_engine_of_another_name_alone(settings: Any) -> None:
    settings.NEWSINDEX = {"second": {"BACKEND": MEMORY}}
    assert [message.id for message in checks.check_settings(None)] == ["newsindex.E002"]
    settings.NEWSINDEX_ENGINE = "second"
    assert checks.check_settings(None) == []


def test_tests_of_a_site_have_the_engine_that_is_asked(settings: Any) -> None:
    settings.NEWSINDEX = {"second": {"BACKEND": MEMORY}}
    settings.NEWSINDEX_ENGINE = "second"
    with search_index():
        make_article("Lighthouse")
        assert searching.search("lighthouse").count() == 1
