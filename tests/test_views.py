"""The public pages as a visitor meets them."""

from __future__ import annotations

import logging
import re
from datetime import datetime, timedelta
from datetime import timezone as fixed
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.http import HttpRequest
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsindex import indexing
from newsindex.engines import engines
from newsindex.engines.base import Explanation, PassagePart
from newsindex.exceptions import IndexNotBuilt
from newsindex.explaining import shown
from newsindex.models import Article
from newsindex.sources import ArticleSource
from newsindex.views import ArticleDetailView, AudienceMixin, SearchView, TagDetailView
from tests.blog.models import Post
from tests.factories import make_article
from tests.pages import Page, unsafe

pytestmark = pytest.mark.django_db(transaction=True)

SCRIPT = "<script>alert(1)</script>"


def get(client: Client, url: str, status: int = 200) -> Page:
    """A page, which must be well-formed and run nothing."""
    response = client.get(url)
    assert response.status_code == status
    page = Page(response.content.decode())
    assert page.problems == []
    assert unsafe(page) == []
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    return page


@pytest.fixture
def broken_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise IndexNotBuilt("There is no live generation.")

    for name in ("search", "suggest", "related", "like"):
        monkeypatch.setattr(engines["default"], name, fail)


def text_of(page: Page, tag: str, **attributes: str) -> list[str]:
    return [element.content for element in page.all(tag, **attributes)]


# Results.


def test_a_result_shows_its_best_paragraphs_marked_and_linked(client: Client) -> None:
    article = make_article(
        "The ferry",
        "A ferry left at noon.\n\nNobody was on board.\n\nFerries are late.\n\nThe ferry sank.\n\nOld ferries rust.",
        ["boats"],
        section="Harbour",
        authors="Ada Moor, Ben Lee",
        published_at=datetime(2026, 3, 4, 12, tzinfo=fixed.utc),
    )
    page = get(client, "/search/?q=ferry")
    assert len(page.all("article")) == 1
    assert text_of(page, "h3", class_="ni-title") == ["The ferry"]
    places = page.all("a", class_="ni-place")
    assert len(places) == 3
    for place in places:
        assert place.attributes["href"].startswith(f"/search/article/{article.slug}/?q=ferry#p-")
        assert ":~:text=" in place.attributes["href"]
    assert page.marked[0] == "ferry" and len(page.marked) == 4
    assert {word.lower() for word in page.marked} == {"ferry", "ferries"}
    assert text_of(page, "a", class_="ni-more") == ["1 more paragraph matches"]
    assert text_of(page, "p", role="status") == ["1 article for “ferry”"]
    assert [time.attributes["datetime"] for time in page.all("time")] == ["2026-03-04T13:00:00+01:00"]
    assert page.all("meta", name="robots")[0].attributes["content"] == "noindex, follow"


def test_a_phrase_is_marked_as_a_phrase(client: Client) -> None:
    make_article("News", "The old harbour wall. The wall of the old harbour.")
    page = get(client, "/search/?q=" + quote('"harbour wall"'))
    assert page.marked == ["harbour wall"]


def test_of_a_phrase_with_slop_each_word_is_marked(client: Client) -> None:
    make_article("News", "The old harbour wall. The wall of the harbour, and a wall.")
    make_article("Old news", "A wall. No word of any harbour.")
    page = get(client, "/search/?q=" + quote('"wall harbour"~3'))
    assert page.marked == ["harbour", "wall", "wall", "harbour"]
    assert page.all("ul", class_="ni-notes") == []
    page = get(client, "/search/?q=" + quote('"wall harbour"~99'))
    notes = [note.content for note in page.all("ul", class_="ni-notes")]
    assert notes == ["Read the number after a closing quotation mark as 50, the largest there is."]


def test_filters_narrow_and_stay_in_every_link(client: Client) -> None:
    for number in range(12):
        make_article(
            f"Rain {number}", "Rain.", ["weather", "coast"], section="North", authors="Ada Moor",
            published_at=datetime(2026, 1 + number % 2, 3, tzinfo=fixed.utc),
        )  # fmt: skip
    make_article("Rain in the south", "Rain.", ["weather"], section="South")
    page = get(client, "/search/?q=rain&tag=coast&section=north&after=2026-01-01&sort=newest&utm=x")
    assert text_of(page, "p", role="status") == ["12 articles for “rain”"]
    following = page.all("a", rel="next")[0].attributes["href"]
    assert following == "?q=rain&tag=coast&section=north&after=2026-01-01&sort=newest&page=2"
    page = get(client, "/search/" + following)
    assert len(page.all("article")) == 2
    assert [link.attributes["href"] for link in page.all("a", class_="ni-chip")] == [
        "?q=rain&tag=coast&after=2026-01-01&sort=newest",
        "?q=rain&section=north&after=2026-01-01&sort=newest",
        "?q=rain&tag=coast&section=north&sort=newest",
    ]
    assert page.all("a", class_="ni-clear")[0].attributes["href"] == "?q=rain&sort=newest"
    hidden = {(e.attributes["name"], e.attributes["value"]) for e in page.all("input", type="hidden")}
    assert hidden == {("tag", "coast"), ("section", "north"), ("sort", "newest")}


def test_a_second_tag_is_wanted_beside_the_first(client: Client) -> None:
    make_article("Rain one", "x", ["weather", "coast"])
    make_article("Rain two", "x", ["weather"])
    make_article("Rain three", "x", ["coast"])
    page = get(client, "/search/?q=rain&tag=weather")
    link = next(a for a in page.all("a") if a.content.startswith("coast, 1"))
    page = get(client, "/search/" + link.attributes["href"])
    assert text_of(page, "h3", class_="ni-title") == ["Rain one"]


def test_the_timeline_links_to_each_month(client: Client) -> None:
    for month, count in ((1, 1), (3, 2)):
        for number in range(count):
            make_article(f"Rain {month} {number}", "x", published_at=datetime(2026, month, 3, tzinfo=fixed.utc))
    page = get(client, "/search/?q=rain")
    bars = [link for link in page.all("a") if "article" in (link.attributes.get("aria-label") or "")]
    assert [bar.attributes["aria-label"] for bar in bars] == ["January 2026: 1 article", "March 2026: 2 articles"]
    assert page.all("svg")[0].attributes["viewbox"] == "0 0 30 100"
    page = get(client, "/search/" + bars[1].attributes["href"])
    assert text_of(page, "p", role="status") == ["2 articles for “rain”"]


def test_bars_of_any_year_find_what_they_count(client: Client, settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    for year in (1, 987, 1850, 2020):
        make_article(f"Rain of {year}", "x", published_at=datetime(year, 1, 1, tzinfo=fixed.utc))
    page = get(client, "/search/?q=rain")
    bars = [link for link in page.all("a") if "article" in (link.attributes.get("aria-label") or "")]
    assert [bar.attributes["aria-label"] for bar in bars] == [f"{year}: 1 article" for year in (1, 986, 1849, 2019)]
    for bar, year in zip(bars, (1, 987, 1850, 2020), strict=True):
        page = get(client, "/search/" + bar.attributes["href"])
        assert text_of(page, "h3", class_="ni-title") == [f"Rain of {year}"]
        assert not page.all("ul", class_="ni-notes")


@pytest.mark.parametrize(
    "path", ["search/?q=rain", "search/json/?q=rain", "search/feed/", "search/article/old/", "search/tag/river/"]
)
def test_a_date_outside_the_local_calendar_is_shown(client: Client, settings: Any, path: str) -> None:
    settings.TIME_ZONE = "America/New_York"
    make_article("Rain", "x", ["river"], slug="old", published_at=datetime(1, 1, 1, tzinfo=fixed.utc))
    response = client.get(f"/{path}")
    assert response.status_code == 200
    assert "0001" in response.content.decode()


def test_pages_can_be_walked_by_their_links(client: Client) -> None:
    for number in range(23):
        make_article(f"Rain {number:02}", "x")
    seen, url = [], "?q=rain"
    while url:
        page = get(client, "/search/" + url)
        seen += text_of(page, "h3", class_="ni-title")
        links = page.all("a", rel="next")
        url = links[0].attributes["href"] if links else ""
    assert sorted(seen) == [f"Rain {number:02}" for number in range(23)]


def test_no_page_lies_deeper_than_stated(client: Client) -> None:
    for number in range(7):
        make_article(f"Rain {number}", "x")
    view = SearchView.as_view(paginate_by=2, max_depth=4)
    response = view(RequestFactory().get("/search/?q=rain&page=9")).render()
    assert response.context_data["total"] == 7
    assert response.context_data["page_obj"].number == 2
    assert any("first 4 results" in note for note in response.context_data["notes"])


def test_closest_matches_and_corrections_are_said(client: Client) -> None:
    make_article("Harbour", "Apples")
    page = get(client, "/search/?q=apples+unicorn")
    assert text_of(page, "p", role="status") == ["No article has all of these words. 1 comes close."]
    assert text_of(page, "article")
    page = get(client, "/search/?q=harbuor")
    assert text_of(page, "p", role="status") == ["1 article for “harbour”"]
    (said,) = page.all("p", class_="ni-suggestion")
    assert said.content == "Nothing was found for “harbuor”. Search for that all the same"
    assert text_of(page, "article")
    page = get(client, "/search/?q=harbuor&verbatim=1")
    (suggestion,) = page.all("p", class_="ni-suggestion")
    assert suggestion.content == "Did you mean harbour?"
    assert text_of(page, "h2")[0] == "Nothing was found"


def test_two_search_forms_on_a_page_are_told_apart(client: Client) -> None:
    """A site with a form in its header has two landmarks of one kind; that of the page has the name of the page."""
    (form,) = get(client, "/search/").all("form", role="search")
    (heading,) = get(client, "/search/").all("h1")
    assert form.attributes["aria-labelledby"] == heading.attributes["id"]
    assert "aria-label" not in Template("{% load newsindex %}{% search_form %}").render(Context())


def test_a_name_that_no_text_has_leads_to_its_articles(client: Client) -> None:
    make_article("Tides", "Water.", ["Coast"], authors="Ada Byron, Séan Ó Riada", section="Town Hall")
    make_article("Gales", "Wind.", authors="Adam Smith", status="draft")
    offered = {
        "ada byron": ["Author: Ada Byron"],
        "ada": ["Author: Ada Byron"],
        "author:riada": ["Author: Séan Ó Riada"],
        "town": ["Section: Town Hall"],
        "nobody": [],
    }
    for text, names in offered.items():
        page = get(client, f"/search/?q={text}")
        assert text_of(page, "p", class_="ni-count") == [f"0 articles for “{text}”"]
        assert [one for one in text_of(page, "li") if one.startswith(("Author", "Section", "Tag"))] == names
        for link in (one for one in page.all("a") if one.content in ("Ada Byron", "Séan Ó Riada", "Town Hall")):
            found = get(client, "/search/" + link.attributes["href"])
            assert text_of(found, "h3", class_="ni-title") == ["Tides"]
    close = get(client, "/search/?q=water+ada")
    assert text_of(close, "h3", class_="ni-title") == ["Tides"]
    assert not [one for one in text_of(close, "li") if one.startswith("Author")]


def test_a_name_is_offered_beside_what_comes_close(client: Client) -> None:
    """Where a word is near to that of a name, or a text has a part of the name: neither is what was asked for."""
    make_article("Tides", "Water.", authors="Tom Brandt")
    make_article("Fires", "Where it burns, tem.", authors="Ada Byron")
    make_article("Fire", "It had to brand them.", authors="Ada Byron")
    for text in ("tom brandt", "tom"):
        page = get(client, f"/search/?q={text}")
        assert "Author: Tom Brandt" in text_of(page, "p", class_="ni-suggestion")
        (link,) = (one for one in page.all("a") if one.content == "Tom Brandt")
        found = get(client, "/search/" + link.attributes["href"])
        assert text_of(found, "h3", class_="ni-title") == ["Tides"]
        assert not [one for one in text_of(found, "p", class_="ni-suggestion") if one.startswith("Author")]


def test_the_links_of_a_correction(client: Client) -> None:
    make_article("Harbour", "Apples", tags=("Sea",))
    context = client.get("/search/?q=harbuor&tag=Sea").context
    assert context["corrected"] and context["total"] == 1
    assert context["verbatim_url"] == "?q=harbuor&tag=Sea&verbatim=1"
    context = client.get("/search/?q=harbuor&tag=Sea&verbatim=1").context
    assert not context["corrected"] and context["verbatim_url"] == "" and context["total"] == 0
    assert context["suggestion_url"] == "?q=harbour&tag=Sea"


def test_corrections_in_german(client: Client) -> None:
    make_article("Harbour", "Apples")
    with translation.override("de"):
        page = get(client, "/search/?q=harbuor")
    (said,) = page.all("p", class_="ni-suggestion")
    assert said.content == "Zu „harbuor“ wurde nichts gefunden. Trotzdem danach suchen"


def test_how_many_have_all_words_and_how_many_come_close(client: Client) -> None:
    make_article("Flood", "The river rose over the old bridge at night.")
    make_article("Bridge", "The old bridge over the river is closed.")
    page = get(client, "/search/?q=river+bridge+old+night")
    assert text_of(page, "p", role="status") == ["1 article has all of these words. 1 more comes close."]


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("q=rain&page=abc", "no such page"),
        ("q=rain&page=0", "no such page"),
        ("q=rain&page=-1", "no such page"),
        ("q=rain&page=" + "9" * 30, "no such page"),
        ("q=rain&page=" + "9" * 5000, "no such page"),
        ("q=rain&after=nonsense", "“nonsense” is not a date"),
        ("q=rain&before=2026-02-31", "“2026-02-31” is not a date"),
        ("q=rain&after=0000-01-01", "“0000-01-01” is not a date"),
        ("q=rain&after=%00", "is not a date"),
        ("q=rain&after=2026-05-01&before=2026-04-01", "the end was left open"),
        ("q=rain&sort=x", "no order “x”"),
        ("q=rain%00", ""),
        ("q=rain&tag=", ""),
        ("q=rain&tag=%00", ""),
        ("q=rain%20(", "Ignored the parenthesis"),
        ("q=rain&unknown=1&q=rain", ""),
    ],
)
def test_bad_parameters_are_mended_and_named(client: Client, query: str, note: str) -> None:
    make_article("Rain", "x", published_at=datetime(2026, 6, 1, tzinfo=fixed.utc))
    page = get(client, f"/search/?{query}")
    assert text_of(page, "h3", class_="ni-title") == ["Rain"]
    notes = text_of(page, "ul", class_="ni-notes")
    assert (note in notes[0]) if note else not notes


HOSTILE = [
    '"', "'", "(" * 5_000, ")" * 5_000, "*", "~", "-", "%00", "%ED%A0%80", "%FF%FE", "a" * 100_000, "a " * 50_000,
    "OR OR OR", "tag:", "after:9999-12-31", "before:0001-01-01", "on:9999", "after:0001", "%F0%9F%92%A9", "..%2F..",
    "%E2%80%AE", "{{7*7}}", "%25s%25(x)s{value}", "<svg onload=x>", "'-alert(1)-'", "a:b:c", "[a TO " * 300,
    "w ANDNOT " * 200, "banana~9", "%0a%0d", "&&", "\\", "title:" * 300, "-" * 999, '" ' * 999, "x*" * 100,
]  # fmt: skip


@pytest.mark.parametrize("path", ["/search/", "/search/json/", "/search/feed/", "/search/suggest/"])
def test_hostile_queries_are_answered(client: Client, path: str) -> None:
    make_article("Rain", "x", published_at=datetime(2026, 1, 1, tzinfo=fixed.utc))
    for text in HOSTILE:
        assert client.get(f"{path}?q={text.replace(' ', '+')}").status_code == 200, text[:80]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=()), max_size=40), st.sampled_from(["q", "tag", "author", "after"]))
def test_any_text_is_answered(client: Client, text: str, name: str) -> None:
    value = quote(text.encode("utf-8", "surrogatepass"))
    get(client, f"/search/?q=rain&{name}={value}")


def test_an_empty_search_helps(client: Client) -> None:
    make_article("Rain", "x", ["weather"])
    page = get(client, "/search/")
    assert not page.all("article")
    assert "open" in page.all("details", class_="ni-help")[0].attributes
    assert [link.attributes["href"] for link in page.all("a") if "weather" in link.content] == ["?tag=weather"]
    page = get(client, "/search/?tag=weather")
    assert text_of(page, "h3", class_="ni-title") == ["Rain"]


def test_only_get_and_head(client: Client) -> None:
    for name in ("", "json/", "feed/", "suggest/", "opensearch.xml"):
        assert client.head(f"/search/{name}").status_code == 200
        assert client.post(f"/search/{name}").status_code == 405


def test_search_being_down_is_said_and_nothing_else_breaks(
    client: Client, broken_engine: None, caplog: pytest.LogCaptureFixture
) -> None:
    article = make_article("Rain", "It rains.", ["weather"])
    caplog.clear()
    with caplog.at_level(logging.ERROR, logger="newsindex"):
        page = get(client, "/search/?q=rain+%3Cb%3E", status=503)
    assert len([record for record in caplog.records if record.name.startswith("newsindex.views")]) == 1
    assert "not available" in text_of(page, "div", role="alert")[0]
    assert page.all("input", type="search")[0].attributes["value"] == "rain <b>"
    response = client.get("/search/json/?q=rain")
    assert (response.status_code, list(response.json())) == (503, ["error"])
    assert client.get("/search/feed/?q=rain").status_code == 503
    assert client.get("/search/suggest/?q=rain").status_code == 503
    assert "rains" in get(client, f"/search/article/{article.slug}/?q=rain").marked
    get(client, "/search/tag/weather/")


# What must not be seen.


@pytest.fixture
def secrets() -> dict[str, Article]:
    """An article for every reason to hide one, each with a word and a tag of its own."""
    now = timezone.now()
    return {
        name: make_article(
            f"Secret {name}", f"Only {name} says secret.", [f"tag{name}"], slug=name, section=f"S{name}",
            authors=f"A{name}", **fields,
        )
        for name, fields in {
            "draft": {"status": Article.Status.DRAFT, "published_at": now - timedelta(days=40)},
            "embargoed": {"published_at": now + timedelta(days=40)},
            "expired": {"published_at": now - timedelta(days=40), "expires_at": now - timedelta(days=1)},
        }.items()
    }  # fmt: skip


def test_hidden_articles_are_in_no_output(client: Client, secrets: dict[str, Article]) -> None:
    make_article("Secret garden", "Open to all.", ["gardens"])
    Post.objects.create(headline="Secret restricted", slug="r", body="<p>Secret.</p>", members_only=True)
    words = [*secrets, "restricted"]
    for path in ("/search/?q=secret", "/search/json/?q=secret", "/search/feed/?q=secret", "/search/feed/", "/search/"):
        content = client.get(path).content.decode()
        assert not [word for word in words if word in content], path
    for name in secrets:
        for path in (f"/search/suggest/?q={name[:4]}", f"/search/suggest/?q=tag{name[:2]}"):
            assert client.get(path).json()[1:] == [[], [], []]
        assert client.get(f"/search/article/{name}/").status_code == 404
        assert client.get(f"/search/tag/tag{name}/").status_code == 404
        assert client.get(f"/search/json/?q={name}").json()["total"] == 0
        assert client.get(f"/search/json/?q=tag:tag{name}").json()["total"] == 0


def test_only_somebody_with_the_permission_sees_a_preview(client: Client, secrets: dict[str, Article]) -> None:
    staff = User.objects.create_user("staff", password="x", is_staff=True)
    editor = User.objects.create_user("editor", password="x")
    editor.user_permissions.add(Permission.objects.get(codename="view_article"))
    for name in secrets:
        client.force_login(staff)
        assert client.get(f"/search/article/{name}/").status_code == 404
        client.force_login(editor)
        page = get(client, f"/search/article/{name}/")
        assert "Preview" in text_of(page, "p", class_="ni-preview")[0]
        assert "no-store" in client.get(f"/search/article/{name}/").headers["Cache-Control"]
        # Results stay what everybody sees.
        assert client.get(f"/search/json/?q={name}").json()["total"] == 0


def test_a_site_decides_who_is_in_which_audience() -> None:
    class MembersSearchView(SearchView):
        def get_audiences(self, request: HttpRequest) -> set[str]:
            return {"public", "members"}

    Post.objects.create(headline="Members rain", slug="r", body="<p>Rain.</p>", members_only=True)
    request = RequestFactory().get("/search/?q=rain")
    request.user = AnonymousUser()
    assert MembersSearchView.as_view()(request).context_data["total"] == 1
    assert SearchView.as_view()(request).context_data["total"] == 0


def test_restricted_articles_have_no_page_for_others(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_article("Rain", "x", ["weather"], slug="rain")
    monkeypatch.setattr(ArticleSource, "audiences", lambda source, article: ("members",))
    assert client.get("/search/article/rain/").status_code == 404
    assert client.get("/search/tag/weather/").status_code == 404
    monkeypatch.setattr(AudienceMixin, "get_audiences", lambda view, request: {"public", "members"})
    get(client, "/search/article/rain/")
    get(client, "/search/tag/weather/")


# Scripts stay text.


def test_a_script_is_inert_everywhere(client: Client) -> None:
    for number, body_format in enumerate(Article.BodyFormat.values):
        make_article(
            f"{SCRIPT} title{number}", f"{SCRIPT} body word", [f"{SCRIPT} tag", "word"], slug=f"s{number}",
            body_format=body_format, summary=f"{SCRIPT} summary", section=f"{SCRIPT} s", authors=f"{SCRIPT} a",
        )  # fmt: skip
    payload = quote(f"word {SCRIPT}")
    for url in (
        "/search/",
        "/search/?q=word",
        "/search/?q=alert",
        f"/search/?q={payload}",
        f"/search/?q=word&tag={payload}&author={payload}&section={payload}&after={payload}&sort={payload}&page={payload}",
        f"/search/article/s0/?q={payload}",
        "/search/article/s1/?q=alert",
        "/search/article/s2/?q=word",
        "/search/tag/word/",
    ):
        get(client, url)
        assert "<script>alert" not in client.get(url).content.decode()
    assert "<script" not in client.get("/search/feed/?q=alert").content.decode()


# An article and a tag.


def test_the_words_are_marked_on_the_article_page(client: Client) -> None:
    article = make_article("The ferry", "A ferry left.\n\nNobody.\n\nFerries came.", ["boats"], summary="On ferries")
    page = get(client, f"/search/article/{article.slug}/?q=ferry")
    assert page.marked == ["ferry", "ferries", "ferry", "Ferries"]
    anchors = [element.attributes["id"] for element in page.all("p") if "id" in element.attributes]
    links = [link.attributes["href"][1:] for link in page.all("a") if link.attributes["href"].startswith("#p-")]
    assert links == [anchors[0], anchors[2]]
    page = get(client, f"/search/article/{article.slug}/")
    assert page.marked == []
    assert [a.attributes["href"] for a in page.all("a") if a.content == "boats"] == ["/search/tag/boats/"]


def test_what_there_is_no_time_to_mark_is_shown_unmarked(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_article("Rain", "First rain.\n\nSecond rain.", slug="rain")
    monkeypatch.setattr(ArticleDetailView, "timeout", 0.0)
    page = get(client, "/search/article/rain/?q=second+rain")
    assert text_of(page, "div", class_="ni-body") == ["First rain.Second rain."]
    assert page.marked == ["Rain"]
    monkeypatch.setattr(ArticleDetailView, "timeout", None)
    assert get(client, "/search/article/rain/?q=second").marked == ["Second"]


def test_the_place_of_a_result_is_on_the_article_page(client: Client) -> None:
    make_article("News", "# Rain\n\n- one rain\n- two\n\n> A quote of rain", body_format="markdown")
    for place in get(client, "/search/?q=rain").all("a", class_="ni-place"):
        url, _, fragment = place.attributes["href"].partition("#")
        anchor = fragment.partition(":~:")[0]
        assert [e for e in get(client, url).elements if e.attributes.get("id") == anchor]


def test_a_slug_of_any_script(client: Client) -> None:
    make_article("雨のニュース", "雨。", ["天気"], slug="雨のニュース")
    assert text_of(get(client, "/search/article/" + quote("雨のニュース") + "/"), "h1") == ["雨のニュース"]
    assert client.get("/search/article/%00/").status_code == 404
    assert client.get("/search/tag/%00/").status_code == 404
    assert client.get("/search/article/nothing/").status_code == 404


def test_a_tag_lists_its_public_articles_in_pages(client: Client) -> None:
    for number in range(25):
        make_article(f"Rain {number}", "x", ["weather"])
    page = get(client, "/search/tag/weather/")
    assert len(page.all("article")) == 20
    assert page.all("a", rel="next")[0].attributes["href"] == "?page=2"
    assert len(get(client, "/search/tag/weather/?page=2").all("article")) == 5
    assert len(get(client, "/search/tag/weather/?page=nonsense").all("article")) == 20
    assert client.get("/search/tag/none/").status_code == 404


# What templates are given.


@pytest.mark.parametrize("articles", [1, 50])
def test_the_results_page_needs_the_same_queries_for_any_number(
    articles: int, django_assert_num_queries: object
) -> None:
    with indexing.deferred():
        for number in range(articles):
            make_article(f"Rain {number}", "Rain.", ["weather", f"t{number}"], authors="A, B", section="S")
    view = SearchView.as_view(paginate_by=50)
    request = RequestFactory().get("/search/?q=rain")
    with django_assert_num_queries(3):
        response = view(request).render()
    assert len(Page(response.content.decode()).all("article")) == articles


@pytest.mark.parametrize(
    "query",
    ["q=rain", "q=rain&tag=t1&tag=T2&section=S+%26+Co", 'q=rain+"&author=A', "q=rain&page=2", "q=summaries", "", "q=x"],
)
@pytest.mark.parametrize("language", ["en", "de"])
def test_templates_written_plainly_give_the_same_page(client: Client, settings: Any, query: str, language: str) -> None:
    settings.LANGUAGE_CODE = language
    settings.USE_THOUSAND_SEPARATOR = True
    with indexing.deferred():
        for number in range(14):
            make_article(
                f"Rain & <wind> {number}",
                "Rain.\n\nMore <b>rain</b> & 'snow'.\n\nRain again.\n\nThe last rain of the year.",
                [f"t{number}", "a & b", '"q"'],
                summary="About summaries",
                authors="A, B & <C>",
                section="S & Co" if number % 2 else "",
                published_at=datetime(2020 + number // 6, 1 + number % 12, 3, tzinfo=fixed.utc),
            )
    ours = client.get(f"/search/?{query}").content.decode()
    template = {**settings.TEMPLATES[0], "DIRS": [Path(__file__).parent / "plain_templates"]}
    settings.TEMPLATES = [template]
    plain = client.get(f"/search/?{query}").content.decode()
    assert plain != ours or query in ("", "q=x")
    assert re.sub(r"\n+", "\n", plain) == re.sub(r"\n+", "\n", ours)


def documented(view: type) -> set[str]:
    """The names between double backquotes that stand before a parenthesis in the docstring of ``view``."""
    text = view.__doc__.partition("Context")[2]
    names = set()
    for group in re.findall(r"((?:``\w+``,?\s*(?:and\s+)?)+)\(|((?:``\w+``,?\s*)+)[.;]", text):
        names |= set(re.findall(r"``(\w+)``", "".join(group)))
    return names


@pytest.mark.parametrize(
    ("view", "url", "kwargs"),
    [
        (SearchView, "/search/?q=rain", {}),
        (SearchView, "/search/", {}),
        (ArticleDetailView, "/search/article/rain/?q=rain", {"slug": "rain"}),
        (TagDetailView, "/search/tag/weather/", {"slug": "weather"}),
    ],
)
def test_the_context_is_the_documented_one(view: type, url: str, kwargs: dict[str, str]) -> None:
    make_article("Rain", "It rains.", ["weather"], slug="rain")
    response = view.as_view()(RequestFactory().get(url), **kwargs)
    assert set(response.context_data) - {"view", "slug"} == documented(view)


def test_the_pages_speak_german() -> None:
    make_article("Regen", "x", ["Wetter"])
    with translation.override("de"):
        response = SearchView.as_view()(RequestFactory().get("/search/?q=Regen+(&page=x")).render()
    page = Page(response.content.decode())
    assert page.all("html")[0].attributes["lang"] == "de"
    assert text_of(page, "p", role="status") == ["1 Artikel zu „Regen (“"]
    assert text_of(page, "li")[:2] == [
        "Die Klammer ( hat kein Gegenstück und wurde übergangen.",
        "Diese Seite gibt es nicht; das ist die erste.",
    ]


def test_what_the_gate_drops_takes_no_place_from_what_may_be_seen(client: Client) -> None:
    for number in range(14):
        make_article(f"Ferry {number}", "The ferry waits.", published_at=timezone.now() - timedelta(days=number))
    Article._base_manager.filter(title__in=[f"Ferry {number}" for number in range(7)]).update(status="draft")
    shown = []
    for page in (1, 2):
        answer = client.get("/search/json/", {"q": "ferry", "sort": "newest", "page": page}).json()
        assert answer["pages"] == 2
        shown += [hit["title"]["text"] for hit in answer["hits"]]
    assert shown == [f"Ferry {number}" for number in range(7, 14)]


def test_narrowing_a_query_that_was_mended_keeps_its_meaning(client: Client) -> None:
    make_article("Lemon", "A lemon and a pear.", tags=["one", "two"])
    make_article("Pear", "A lemon and a pear.", tags=["two"])
    page = client.get("/search/", {"q": 'lemon "pear', "tag": "two"})
    [choice] = [choice for group in page.context["facets"] for choice in group.choices if choice.value == "one"]
    narrowed = client.get(f"/search/json/{choice.url}").json()
    assert [hit["title"]["text"] for hit in narrowed["hits"]] == ["Lemon"]


# Why a hit is where it is.


def staff(client: Client, *permissions: str) -> Client:
    user = User.objects.create_user("ida", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def test_staff_may_ask_why_a_hit_is_where_it_is(client: Client) -> None:
    make_article("The ferry", "A ferry left at noon.\n\nFerries are late.")
    make_article("Lights", "Nobody was on board.")
    page = get(staff(client, "view_article"), "/search/?q=ferry&explain=1")
    (details,) = page.all("details", class_="ni-why")
    assert "Score" in details.content and "idf" in details.content
    (hit,) = client.get("/search/json/?q=ferry").json()["hits"]
    assert f"{hit['score']:.3f}" in details.content
    assert "no-store" in client.get("/search/?q=ferry&explain=1")["Cache-Control"]
    assert not get(client, "/search/?q=ferry").all("details", class_="ni-why")


def test_the_numbers_of_an_explanation_are_rounded() -> None:
    """As templates round the score above them, and not cut off."""
    passage = PassagePart(1, "first", 0.2568, ())
    why = Explanation("a:1", "", True, (), 2.0896, 2, (), 1.9999, (passage,), 0.29, 1, 1, 1)
    with translation.override("en"):
        assert list(shown(why).sums) == [
            ("All words", "", "2.000"),
            ("Best paragraph", "29% of 0.257", "+ 0.074"),
            ("Score", "", "2.090"),
        ]
    with translation.override("de"):
        assert [number for *_, number in shown(why).sums] == ["2,000", "+ 0,074", "2,090"]


def test_others_who_ask_see_the_page_of_a_visitor(client: Client) -> None:
    make_article("The ferry", "A ferry left at noon.")
    plain = client.get("/search/?q=ferry").content
    assert client.get("/search/?q=ferry&explain=1").content == plain
    assert client.get("/search/?explain=1").status_code == 200
    reader = User.objects.create_user("jon", password="x")
    reader.user_permissions.set(Permission.objects.filter(codename="view_article"))
    client.force_login(reader)
    assert client.get("/search/?q=ferry&explain=1").content == plain
    assert client.get("/search/?q=ferry&explain=1").content == plain
    assert not get(staff(client), "/search/?q=ferry&explain=1").all("details", class_="ni-why")


# More like a paragraph.


def like_url(client: Client, query: str) -> str:
    hit = client.get("/search/json/", {"q": query}).json()["hits"][0]
    return str(hit["paragraphs"][0]["like_url"])


def test_more_like_a_paragraph(client: Client) -> None:
    eels = make_article("Spring", "Nothing here.\n\nYoung eels swim up the river in April.")
    make_article("Market", "Smoked eels are dear.\n\nThe April rain filled the river.")
    make_article("Lights", "Nobody was on board.")
    url = like_url(client, "young")
    assert url == f"/search/like/newsindex.article:{eels.pk}/2/"
    page = get(client, url)
    assert text_of(page, "blockquote") == ["Young eels swim up the river in April."]
    assert text_of(page, "h3", class_="ni-title") == ["Market"]
    assert text_of(page, "mark") == []
    links = [element.attributes.get("href", "") for element in page.all("a")]
    assert any(link.startswith(f"/search/article/{eels.slug}/#") for link in links)


def test_a_paragraph_like_no_other(client: Client) -> None:
    article = make_article("Spring", "Zirconium.")
    page = get(client, f"/search/like/newsindex.article:{article.pk}/1/")
    assert text_of(page, "p", class_="ni-state") == ["No other article says anything like it."]


@pytest.mark.parametrize("status", [Article.Status.DRAFT, Article.Status.PUBLISHED])
def test_a_paragraph_that_may_not_be_seen_is_not_there(client: Client, status: str) -> None:
    make_article("Spring", "Eels in the river.")
    later = timezone.now() + timedelta(days=1)
    secret = make_article("Secret", "Eels in the river, too.", status=status, published_at=later)
    for key in (f"newsindex.article:{secret.pk}", "newsindex.article:999", "nonsense", "a:b/c", "blog.post:x"):
        get(client, f"/search/like/{key}/1/", 404)


def test_a_paragraph_that_was_withdrawn_is_gone_before_the_index_knows(client: Client) -> None:
    article = make_article("Spring", "Eels in the river.")
    url = f"/search/like/newsindex.article:{article.pk}/1/"
    get(client, url)
    get(client, url.replace("/1/", "/2/"), 404)
    Article._base_manager.filter(pk=article.pk).update(status=Article.Status.DRAFT)
    get(client, url, 404)


@pytest.mark.usefixtures("broken_engine")
def test_more_like_a_paragraph_without_an_engine(client: Client) -> None:
    article = make_article("Spring", "Eels in the river.")
    page = get(client, f"/search/like/newsindex.article:{article.pk}/1/", 503)
    assert text_of(page, "h2") == ["Search is not available at the moment"]
