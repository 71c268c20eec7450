"""The JSON of a search: its exact shape, and that it says the same as the page."""

from __future__ import annotations

from datetime import datetime
from datetime import timezone as fixed
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import resolve, reverse

from newsindex.models import Article
from tests.blog.models import Post
from tests.factories import make_article

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_shape_of_the_answer(client: Client) -> None:
    article = make_article(
        "A ferry", "Ferries left.\n\nNobody.", ["boats"], authors="Ada Moor", section="Harbour",
        published_at=datetime(2026, 3, 4, 12, tzinfo=fixed.utc),
    )  # fmt: skip
    response = client.get("/search/json/?q=ferry")
    assert response.headers["Content-Type"] == "application/json"
    data = response.json()
    hit = data["hits"][0]
    paragraph = hit["paragraphs"][0]
    assert isinstance(data.pop("took_ms"), float)
    assert hit.pop("score") > 0 and paragraph.pop("score") > 0
    anchor = paragraph["anchor"]
    url = f"/search/article/{article.slug}/?q=ferry"
    assert paragraph.pop("url").startswith(f"{url}#{anchor}:~:text=")
    assert paragraph.pop("like_url") == f"/search/like/newsindex.article:{article.pk}/1/"
    assert data == {
        "query": "ferry",
        "total": 1,
        "relaxed": False,
        "complete": 1,
        "page": 1,
        "pages": 1,
        "partial": False,
        "withheld": False,
        "notes": [],
        "suggestion": None,
        "corrected": False,
        "synonyms": [],
        "hits": [
            {
                "key": f"newsindex.article:{article.pk}",
                "title": {"text": "A ferry", "spans": [[2, 7]]},
                "url": url,
                "pinned": False,
                "published_at": "2026-03-04T12:00:00+00:00",
                "tags": ["boats"],
                "matched_paragraphs": 1,
                "paragraphs": [{"number": 1, "anchor": anchor, "text": "Ferries left.", "spans": [[0, 7]]}],
            }
        ],
        "facets": {
            "tag": [{"value": "boats", "count": 1}],
            "author": [{"value": "Ada Moor", "count": 1}],
            "section": [{"value": "Harbour", "count": 1}],
        },
        "timeline": [{"month": "2026-03", "count": 1}],
    }


def test_nothing_asked_nothing_found(client: Client) -> None:
    make_article("Rain", "x", ["weather"])
    data = client.get("/search/json/").json()
    assert (data["total"], data["pages"], data["hits"]) == (0, 0, [])
    assert data["facets"]["tag"] == [{"value": "weather", "count": 1}]
    assert client.get("/search/json/?q=snow").json()["hits"] == []
    assert client.get("/search/json/?tag=weather").json()["total"] == 1


def test_pages_and_notes(client: Client) -> None:
    for number in range(12):
        make_article(f"Rain {number}", "x")
    data = client.get("/search/json/?q=rain&page=2").json()
    assert (data["total"], data["page"], data["pages"], len(data["hits"])) == (12, 2, 2, 2)
    data = client.get("/search/json/?q=rain+unicorn+(&page=abc&sort=x").json()
    assert data["total"] == 12
    assert len(data["notes"]) == 4
    assert data["notes"][0] == "No article has all of these words; these are the closest matches."


def test_an_undated_article_and_a_correction(client: Client) -> None:
    make_article("Harbour", "x")
    assert client.get("/search/json/?q=harbour").json()["hits"][0]["published_at"] is None
    data = client.get("/search/json/?q=harbuor").json()
    assert (data["suggestion"], data["corrected"], data["total"]) == ("harbour", True, 1)
    assert data["notes"] == ["Nothing was found for “harbuor”. These are the results for “harbour”."]
    data = client.get("/search/json/?q=harbuor&verbatim=1").json()
    assert (data["suggestion"], data["corrected"], data["total"], data["notes"]) == ("harbour", False, 0, [])


def test_sorting_and_filters(client: Client) -> None:
    for year in (2024, 2026, 2025):
        make_article(f"Rain {year}", "x", published_at=datetime(year, 1, 1, tzinfo=fixed.utc), section=str(year))
    Post.objects.create(headline="Rain", slug="p", body="<p>x</p>", go_live=datetime(2023, 1, 1, tzinfo=fixed.utc))

    def titles(query: str) -> list[str]:
        return [hit["title"]["text"] for hit in client.get(f"/search/json/?q=rain&{query}").json()["hits"]]

    assert titles("sort=newest") == ["Rain 2026", "Rain 2025", "Rain 2024", "Rain"]
    assert titles("sort=oldest") == ["Rain", "Rain 2024", "Rain 2025", "Rain 2026"]
    assert titles("after=2024-06&before=2026&sort=newest") == ["Rain 2025"]
    assert titles("section=2024&section=2026&sort=newest") == ["Rain 2026", "Rain 2024"]


def test_html_is_text(client: Client) -> None:
    make_article("<script>alert(1)</script>", "<b>rain</b>", body_format=Article.BodyFormat.HTML)
    hit = client.get("/search/json/?q=rain").json()["hits"][0]
    assert hit["title"]["text"] == "<script>alert(1)</script>"
    assert hit["paragraphs"][0]["text"] == "rain"


@pytest.mark.parametrize("pk", ["a/b", "two\nlines", "a?b#c%0A", " "])
def test_any_key_has_the_page_of_what_is_like_it(client: Client, pk: str) -> None:
    url = reverse("newsindex:like", args=[f"shop.item:{pk}", 3])
    assert resolve(unquote(url)).kwargs == {"key": f"shop.item:{pk}", "number": 3}
    assert client.get(url).status_code == 404
