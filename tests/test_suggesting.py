"""Suggestions as data: for a search box, for browsers, in Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils.translation import override

import newsindex
from newsindex.searching import Completion, suggest
from newsindex.views import SearchView, SuggestJSONView
from tests.factories import make_article

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def articles() -> None:
    make_article("Harbour wall", "The harbour master said so.", ["Harbour"], slug="wall", authors="Hana Holt")


def of_box(client: Client, text: str) -> dict[str, Any]:
    response = client.get("/search/suggest/json/", {"q": text})
    assert response["Content-Type"] == "application/json"
    answer: dict[str, Any] = response.json()
    return answer


def test_for_a_search_box(client: Client) -> None:
    answer = of_box(client, "ha")
    assert (answer["query"], answer["message"]) == ("ha", "3 suggestions")
    assert answer["suggestions"] == [
        {"text": "Harbour", "kind": "tag", "label": "Tag", "query": "tag:Harbour", "url": ""},
        {"text": "Hana Holt", "kind": "author", "label": "Author", "query": 'author:"Hana Holt"', "url": ""},
        {
            "text": "Harbour wall",
            "kind": "title",
            "label": "Article",
            "query": "Harbour wall",
            "url": "/search/article/wall/",
        },
    ]
    assert of_box(client, "nothing") == {"query": "nothing", "message": "0 suggestions", "suggestions": []}


def test_in_the_language_of_the_visitor(rf: RequestFactory) -> None:
    with override("de"):
        answer = json.loads(SuggestJSONView.as_view()(rf.get("/", {"q": "harbour w"})).content)
    assert answer["message"] == f"{len(answer['suggestions'])} Vorschläge"
    assert answer["suggestions"][-1]["label"] == "Artikel"


def test_a_space_ends_a_word(client: Client) -> None:
    assert [one["text"] for one in of_box(client, "harbour ")["suggestions"] if one["kind"] == "word"] == [
        "harbour master",
        "harbour wall",
    ]
    assert of_box(client, "harbour ")["query"] == "harbour "
    assert client.get("/search/suggest/", {"q": "harbour "}).json()[0] == "harbour "
    assert of_box(client, "  ")["suggestions"] == []


def test_for_browsers_names_are_queries(client: Client) -> None:
    typed, queries, kinds, urls = client.get("/search/suggest/", {"q": "ha"}).json()
    assert typed == "ha"
    assert dict(zip(queries, kinds, strict=True)) == {
        "tag:Harbour": "tag", 'author:"Hana Holt"': "author", "Harbour wall": "title",
    }  # fmt: skip
    assert urls[queries.index("Harbour wall")] == "http://testserver/search/article/wall/"
    for query in queries:
        assert client.get("/search/json/", {"q": query}).json()["total"] == 1


def test_some_kinds_only() -> None:
    assert suggest("ha", kinds=("author",)) == [Completion("Hana Holt", "author", query='author:"Hana Holt"')]


def test_the_box_of_the_results_page(client: Client, rf: RequestFactory) -> None:
    page = client.get("/search/?q=harbour").content.decode()
    assert 'data-newsindex-suggest="/search/suggest/json/"' in page
    assert "newsindex/suggest.js" in page
    plain = SearchView.as_view(suggestions=False)(rf.get("/search/?q=harbour")).render().content.decode()
    assert "suggest" not in plain.replace("ni-suggestion", "")


def test_the_script_is_small() -> None:
    script = Path(newsindex.__file__).parent / "static" / "newsindex" / "suggest.js"
    assert script.stat().st_size < 5_120
