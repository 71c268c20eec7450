"""The admin of synonyms and pinned results: forms, previews, and who may see what."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import path
from django.utils import timezone

from newsindex.engines.base import SearchPage, SearchRequest
from newsindex.engines.memory import MemoryEngine
from newsindex.exceptions import EngineError
from newsindex.models import Article, PinnedResult, Synonym
from newsindex.searching import search
from newsindex.views import ArticleDetailView
from tests import urls
from tests.factories import make_article

pytestmark = pytest.mark.django_db(transaction=True)

SYNONYMS = "/admin/newsindex/synonym/"
PINS = "/admin/newsindex/pinnedresult/"
SCRIPT = "<script>alert(1)</script>"


class BrokenEngine(MemoryEngine):
    """An engine whose index can't be read."""

    def search(self, request: SearchRequest) -> SearchPage:
        raise EngineError("the disk is gone")


@pytest.fixture
def editor() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("editor"))
    return client


def staff(*permissions: str) -> Client:
    """A client logged in as a member of staff who may do just this."""
    user = User.objects.create_user(f"user-{User.objects.count() + 1}", is_staff=True)
    for codename in permissions:
        user.user_permissions.add(*Permission.objects.filter(codename=codename))
    client = Client()
    client.force_login(user)
    return client


def synonym(words: str, targets: str = "", language: str = "", **more: str) -> dict[str, str]:
    return {"words": words, "targets": targets, "language": language, **more}


def pinned(queries: str, article: str, **more: str) -> dict[str, str]:
    return {"queries": queries, "article": article, "position": "1", "language": "", **more}


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def key(article: Article) -> str:
    return f"newsindex.article:{article.pk}"


def test_an_entry_is_saved_and_says_what_it_finds(editor: Client) -> None:
    make_article("Automobile")
    make_article("Car draft", status=Article.Status.DRAFT)
    response = editor.post(f"{SYNONYMS}add/", synonym(" cars,  automobile ,", "", ""))
    assert response.status_code == 302
    assert [str(row) for row in Synonym.objects.all()] == ["cars, automobile"]
    assert said(response)[:2] == ["“cars” finds 2 articles now.", "“automobile” finds 2 articles now."]
    assert [found.title.text for found in search("car")] == ["Automobile"]
    page = editor.get(f"{SYNONYMS}{Synonym.objects.get().pk}/change/")
    first = page.context["preview"].tried[0]
    assert (first.text, first.total, first.alone) == ("cars", 2, 1)
    assert {title for title, _key, _pinned in first.hits} == {"Automobile", "Car draft"}
    assert "1 of them by this entry" in page.content.decode()


def test_a_preview_saves_nothing(editor: Client) -> None:
    make_article("Automobile")
    page = editor.post(f"{SYNONYMS}add/", synonym("car", "automobile", _preview="1"))
    assert page.status_code == 200
    assert not Synonym.objects.exists()
    assert page.context["preview"].tried[0].total == 1
    assert "errornote" not in page.content.decode()
    assert 'name="words"' in page.content.decode()
    assert "\ncar</textarea>" in page.content.decode()
    entry = Synonym.objects.create(words="car, bus")
    page = editor.post(f"{SYNONYMS}{entry.pk}/change/", synonym("car", "automobile", _preview="1"))
    assert page.context["preview"].tried[0].total == 1
    entry.refresh_from_db()
    assert entry.words == "car, bus"


def test_a_wrong_entry_keeps_what_was_typed(editor: Client) -> None:
    Synonym.objects.create(words="car, automobile")
    for data, field in (
        (synonym("car, cars"), "words"),
        (synonym("car", "car, bus"), "targets"),
        (synonym("car, bus", language="!"), "language"),
        (synonym("automobile, car"), "__all__"),
        (synonym("the, car", _preview="1"), "words"),
    ):
        page = editor.post(f"{SYNONYMS}add/", data)
        assert list(errors(page)) == [field]
        assert "preview" not in page.context
        assert data["words"] in page.content.decode()
    assert Synonym.objects.count() == 1
    # It is not compared with itself.
    entry = Synonym.objects.get()
    assert editor.post(f"{SYNONYMS}{entry.pk}/change/", synonym("car, automobile")).status_code == 302


def test_lists_filter_and_search(editor: Client) -> None:
    Synonym.objects.create(words="car, automobile")
    Synonym.objects.create(words="telly", targets="television", language="de")
    for query, expected in (
        ("", 2), ("?q=automob", 1), ("?q=televis", 1), ("?ways=one", 1), ("?ways=two", 1), ("?language=de", 1),
    ):  # fmt: skip
        response = editor.get(f"{SYNONYMS}{query}")
        assert len(response.context["cl"].result_list) == expected, query
    article, now = make_article("Ferry"), timezone.now()
    for number, (start, end) in enumerate(((None, None), (now + timedelta(1), None), (None, now - timedelta(1)))):
        PinnedResult.objects.create(
            queries=f"q{number}", source="newsindex.article", object_pk=str(article.pk), starts=start, ends=end
        )
    for query, names in (
        ("", "q0q1q2"),
        ("?when=now", "q0"),
        ("?when=later", "q1"),
        ("?when=over", "q2"),
        ("?q=q1", "q1"),
    ):
        rows = editor.get(f"{PINS}{query}").context["cl"].result_list
        assert "".join(row.queries for row in rows) == names


def test_an_article_is_pinned_by_key_or_address(editor: Client) -> None:
    article = make_article("Timetable")
    make_article("Ferry", "The ferry")
    response = editor.post(f"{PINS}add/", pinned("ferry\n Night  ferry \n\n", key(article)))
    assert response.status_code == 302, errors(response)
    row = PinnedResult.objects.get()
    assert (row.queries, row.key) == ("ferry\nNight ferry", key(article))
    assert said(response)[0] == "“ferry” finds 2 articles now."
    assert search("ferry")[0].title.text == "Timetable"
    address = f"https://example.org{article.get_absolute_url()}?q=x#p"
    page = editor.post(f"{PINS}add/", pinned("boat", address, _preview="1"))
    assert page.context["preview"].tried[0].hits == (("Timetable", key(article), True),)
    assert PinnedResult.objects.count() == 1
    page = editor.get(f"{PINS}{row.pk}/change/")
    assert f'value="{key(article)}"' in page.content.decode()
    assert "Timetable" in editor.get(PINS).content.decode()


def test_a_wrong_pin_keeps_what_was_typed(editor: Client) -> None:
    article = make_article("Timetable")
    PinnedResult.objects.create(queries="boat", source="newsindex.article", object_pk=str(article.pk))
    for data, field in (
        (pinned("ferry -boat", key(article)), "queries"),
        (pinned("...", key(article)), "queries"),
        (pinned("a ferry\nBoat", key(article)), "queries"),
        (pinned("ferry", "newsindex.article:4711"), "article"),
        (pinned("ferry", "newsindex.article:x"), "article"),
        (pinned("ferry", "no.model:1"), "article"),
        (pinned("ferry", "/search/"), "article"),
        (pinned("ferry", "https://[/"), "article"),
        (
            pinned("ferry", key(article), starts_0="2026-02-02", starts_1="10:00", ends_0="2026-02-01", ends_1="10:00"),
            "__all__",
        ),
    ):
        page = editor.post(f"{PINS}add/", data)
        assert page.status_code == 200, data
        assert list(errors(page)) == [field], data
    assert PinnedResult.objects.count() == 1


def test_why_a_pinned_article_is_not_shown(editor: Client) -> None:
    draft = make_article("Draft", status=Article.Status.DRAFT)
    page = editor.post(f"{PINS}add/", pinned("ferry", key(draft), _preview="1"))
    assert "Visitors do not see this article now" in page.context["preview"].remark
    live = make_article("Live")
    later = {"starts_0": "2050-01-01", "starts_1": "10:00", "ends_0": "", "ends_1": ""}
    page = editor.post(f"{PINS}add/", pinned("ferry", key(live), _preview="1", **later))
    assert page.context["preview"].remark == "It is not pinned at this time."
    page = editor.post(f"{PINS}add/", pinned("ferry", key(live), _preview="1"))
    assert page.context["preview"].remark == ""


def test_who_may_not_see_articles_sees_no_hidden_ones(editor: Client) -> None:
    hidden = [
        make_article("Secret draft", "ferry", status=Article.Status.DRAFT),
        make_article("Secret embargo", "ferry", published_at=timezone.now() + timedelta(days=1)),
    ]
    rows = [
        PinnedResult.objects.create(queries="ferry", source="newsindex.article", object_pk=str(one.pk))
        for one in hidden
    ]
    entry = Synonym.objects.create(words="ferry, boat")
    client = staff(*(f"{may}_{name}" for may in ("view", "change", "add") for name in ("synonym", "pinnedresult")))
    pages = [client.get(PINS), client.get(SYNONYMS), client.get(f"{SYNONYMS}{entry.pk}/change/")]
    pages += [client.get(f"{PINS}{row.pk}/change/") for row in rows]
    pages += [client.post(f"{PINS}add/", pinned("secret", key(one), _preview="1")) for one in hidden]
    pages += [client.post(f"{PINS}{rows[0].pk}/change/", pinned("ferry", key(hidden[0])))]
    pages += [client.post(f"{SYNONYMS}add/", synonym("secret, draft", _preview="1"))]
    for page in pages:
        assert page.status_code == 200
        assert "Secret" not in page.content.decode()
    assert client.get(f"{SYNONYMS}{entry.pk}/change/").context["preview"].tried[0].total == 0
    assert errors(pages[5])["article"] == ["There is no such article."]
    assert "Secret draft" in editor.get(PINS).content.decode()
    for address in (hidden[0].get_absolute_url(), "/search/article/no-such-article/"):
        page = client.post(f"{PINS}add/", pinned("ferry", address))
        assert errors(page)["article"] == ["There is no such article."], address


urlpatterns = [path("search/article/<str:slug>/", ArticleDetailView.as_view()), *urls.urlpatterns]


@pytest.mark.parametrize("urlconf", ["tests.urls", __name__])
def test_the_address_of_a_page_as_a_browser_shows_it(editor: Client, settings: Any, urlconf: str) -> None:
    """Also where a site has put a view of its own there, as for members, and with letters that are encoded."""
    settings.ROOT_URLCONF = urlconf
    article = make_article("Ferry", "water", slug="fähre")
    for address in ("/search/article/fähre/", f"https://site.example{article.get_absolute_url()}?q=ferry#p-1"):
        editor.post(f"{PINS}add/", pinned("ferry", address))
        assert PinnedResult.objects.get().object_pk == str(article.pk), address
        PinnedResult.objects.all().delete()
    for address in ("/blog/ferry/", "/search/", "/elsewhere/ferry/"):
        assert "neither a key" in errors(editor.post(f"{PINS}add/", pinned("ferry", address)))["article"][0]


def test_permissions() -> None:
    entry = Synonym.objects.create(words="car, automobile")
    nobody, viewer = staff("view_article"), staff("view_synonym")
    assert nobody.get(SYNONYMS).status_code == nobody.get(PINS).status_code == 403
    assert viewer.get(f"{SYNONYMS}{entry.pk}/change/").status_code == 200
    assert "_preview" not in viewer.get(f"{SYNONYMS}{entry.pk}/change/").content.decode()
    assert viewer.post(f"{SYNONYMS}{entry.pk}/change/", synonym("a1, b1")).status_code == 403
    assert viewer.post(f"{SYNONYMS}{entry.pk}/change/", synonym("a1, b1", _preview="1")).status_code == 403
    assert viewer.post(f"{SYNONYMS}add/", synonym("a1, b1", _preview="1")).status_code == 403


def test_without_an_engine_it_is_saved_all_the_same(editor: Client, settings: Any) -> None:
    settings.NEWSINDEX = {"default": {"BACKEND": f"{__name__}.BrokenEngine", "OPTIONS": {}}}
    response = editor.post(f"{SYNONYMS}add/", synonym("car, automobile"))
    assert response.status_code == 302
    assert "Search is not available at the moment." in said(response)
    page = editor.get(f"{SYNONYMS}{Synonym.objects.get().pk}/change/")
    assert "Search is not available at the moment." in page.content.decode()


def test_what_is_shown_is_escaped(editor: Client) -> None:
    make_article(SCRIPT, "ferry")
    entry = Synonym.objects.create(words=f"ferry, {SCRIPT}")
    row = PinnedResult.objects.create(queries=f"ferry {SCRIPT}", source=SCRIPT, object_pk="1")
    for url in (SYNONYMS, PINS, f"{SYNONYMS}{entry.pk}/change/", f"{PINS}{row.pk}/change/"):
        page = editor.get(url)
        assert page.status_code == 200
        assert SCRIPT not in page.content.decode(), url


class Submits(HTMLParser):
    """The names of the buttons of a page, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type") == "submit":
            self.names.append(given.get("name") or "")


def test_enter_saves(editor: Client) -> None:
    """A browser takes the first button of a form when somebody presses Enter in a field."""
    page = Submits()
    page.feed(editor.get(f"{PINS}add/").content.decode())
    names = [name for name in page.names if name]
    assert names[0] == "_save"
    assert names[-1] == "_preview"
