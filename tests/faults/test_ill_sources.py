"""A site's source that raises for a row, or for all: whoever searches for something else gets an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from newsindex import indexing, searching
from newsindex.engines import engines
from newsindex.models import PendingChange
from newsindex.sources import sources
from tests.blog.models import Post

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = ["/search/?q=ferry", "/search/json/?q=ferry", "/search/feed/?q=ferry", "/search/suggest/?q=ferry"]


def make_ill(monkeypatch: pytest.MonkeyPatch, method: str, slug: str = "ill") -> None:
    """Make a method of the source raise for the row of this slug, as an attribute of None does."""
    source = type(sources["blog.post"])
    whole = getattr(source, method)

    def raising(self: Any, post: Post) -> Any:
        if post.slug == slug:
            raise AttributeError("'NoneType' object has no attribute 'slug'")
        return whole(self, post)

    monkeypatch.setattr(source, method, raising)


@pytest.fixture
def posts() -> tuple[Post, Post]:
    whole = Post.objects.create(headline="Ferry one", slug="whole", body="<p>The ferry waits.</p>")
    return whole, Post.objects.create(headline="Ferry two", slug="ill", body="<p>The ferry leaves.</p>")


@pytest.mark.parametrize("saved", [False, True], ids=["indexed", "saved again"])
@pytest.mark.parametrize(("method", "found"), [("url", 2), ("audiences", 1), ("published_at", 1), ("expires_at", 1)])
def test_one_ill_row_takes_no_other_results_down(
    client: Client, posts: tuple[Post, Post], monkeypatch: pytest.MonkeyPatch, method: str, found: int, saved: bool
) -> None:
    make_ill(monkeypatch, method)
    if saved:
        posts[1].save()
        assert "NoneType" in PendingChange.objects.get().error
    assert [client.get(page).status_code for page in PAGES] == [200] * len(PAGES)
    answer = client.get("/search/json/?q=ferry").json()
    # Without a page it is found all the same; where nobody can tell who may see it, nobody does.
    assert answer["total"] == found and "Ferry one" in json.dumps(answer)


def test_a_row_without_a_text_is_like_no_other(posts: tuple[Post, Post], monkeypatch: pytest.MonkeyPatch) -> None:
    make_ill(monkeypatch, "paragraphs", "new")
    new = Post.objects.create(headline="Ferry three", slug="new", body="<p>The ferry waits.</p>")
    assert searching.related(new) == [] and searching.more_like(new) == []


def test_rows_that_cannot_be_loaded_are_no_traceback(
    client: Client, posts: tuple[Post, Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(self: Any, queryset: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(type(sources["blog.post"]), "public", raising)
    assert [client.get(page).status_code for page in PAGES] == [503] * len(PAGES)


def test_what_an_exception_says_can_be_kept(posts: tuple[Post, Post], monkeypatch: pytest.MonkeyPatch) -> None:
    """No database takes a lone surrogate, which names of files may have."""

    def raising(self: Any, post: Post) -> Any:
        if post.slug != "ill":
            return self.from_html(post.body)
        raise ValueError("no file named \udc80.txt")

    monkeypatch.setattr(type(sources["blog.post"]), "paragraphs", raising)
    posts[1].save()
    assert PendingChange.objects.get().error == r"ValueError: no file named \udc80.txt"
    assert not indexing.rebuild().ok


def test_a_draft_that_can_not_be_read_is_purged_with_what_is_hidden(
    posts: tuple[Post, Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ill(monkeypatch, "paragraphs")
    Post.objects.filter(slug="ill").update(status="draft")
    (report,) = indexing.purge(hidden=True)
    assert report.ok and engines["default"].get(f"blog.post:{posts[1].pk}") is None


def test_a_purge_of_what_is_hidden_names_what_it_can_not_tell(
    posts: tuple[Post, Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ill(monkeypatch, "paragraphs")
    (report,) = indexing.purge(hidden=True)
    assert not report.ok
    assert report.failed == ((f"blog.post:{posts[1].pk}", "AttributeError: 'NoneType' object has no attribute 'slug'"),)
