"""Who may keep the answer of a page, and who has to wait for one."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.utils.translation import override

from newsindex import indexing
from newsindex.feeds import SearchFeed
from newsindex.views import SearchJSONView, SearchView, SuggestView
from tests.factories import make_article

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def article() -> None:
    make_article("Harbour", "The ferry waits.")
    indexing.update()


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/search/?q=ferry", {"private", "no-cache"}),
        ("/search/json/?q=ferry", {"private", "no-cache"}),
        ("/search/feed/?q=ferry", {"private", "no-cache"}),
        ("/search/suggest/?q=fer", {"private", "max-age=30"}),
    ],
)
def test_no_cache_between_keeps_results(client: Client, path: str, header: set[str]) -> None:
    assert set(client.get(path)["Cache-Control"].split(", ")) == header


def test_a_page_for_members_differs_by_cookie(rf: RequestFactory, client: Client, settings: Any) -> None:
    """Whoever looks at the user says so: the session middleware adds the header."""

    class Members(SearchView):
        def get_audiences(self, request: HttpRequest) -> set[str]:
            return {"public", "members"} if request.user.is_authenticated else {"public"}

    from django.contrib.auth.middleware import AuthenticationMiddleware
    from django.contrib.sessions.middleware import SessionMiddleware

    site = SessionMiddleware(AuthenticationMiddleware(Members.as_view()))
    assert site(rf.get("/?q=ferry"))["Vary"] == "Cookie"


def test_a_site_says_otherwise(rf: RequestFactory) -> None:
    view = SearchView.as_view()
    assert "no-cache" in view(rf.get("/?q=ferry"))["Cache-Control"]

    class Kept(SearchView):
        cache_control = {"max_age": 60}

    assert Kept.as_view()(rf.get("/?q=ferry"))["Cache-Control"] == "max-age=60"


class Impatient:
    def get_wait(self, request: HttpRequest) -> float:
        return 12.3


@pytest.mark.parametrize("view", [SearchView, SearchJSONView, SuggestView, SearchFeed])
def test_whoever_asks_too_often_has_to_wait(rf: RequestFactory, view: Any) -> None:
    kind = type(view.__name__, (Impatient, view), {})
    answer = kind() if view is SearchFeed else kind.as_view()
    response = answer(rf.get("/?q=ferry"))
    if hasattr(response, "render"):
        response.render()
    assert (response.status_code, response["Retry-After"]) == (429, "13")
    assert "no-store" in response["Cache-Control"]
    text = response.content.decode()
    assert "Too many searches. Try again in 13 seconds." in text
    assert "The ferry waits" not in text


def test_the_refusal_speaks_german(rf: RequestFactory) -> None:
    kind = type("Busy", (Impatient, SearchJSONView), {})
    with override("de"):
        text = kind.as_view()(rf.get("/?q=ferry")).content.decode()
    assert "Zu viele Suchen" in text


def test_a_limit_by_the_cache_of_the_site(rf: RequestFactory) -> None:
    """The recipe of docs/operations.md."""
    cache.clear()

    class LimitedSearchView(SearchView):
        most, seconds = 3, 60

        def get_wait(self, request: HttpRequest) -> float:
            key = f"searches:{request.META['REMOTE_ADDR']}"
            cache.add(key, 0, self.seconds)
            try:
                return self.seconds if cache.incr(key) > self.most else 0
            except ValueError:  # the key has run out since
                return 0

    view = LimitedSearchView.as_view()
    codes = [view(rf.get("/?q=ferry")).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    assert view(rf.get("/?q=ferry", REMOTE_ADDR="192.0.2.7")).status_code == 200
    at_once = LimitedSearchView.as_view(seconds=0)
    assert at_once(rf.get("/?q=ferry", REMOTE_ADDR="192.0.2.8")).status_code == 200
