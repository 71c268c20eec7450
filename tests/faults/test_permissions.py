"""The permission matrix: every page of newsindex in the admin, for everybody who may or may not come there."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.urls.resolvers import URLPattern

from newsindex import indexing
from newsindex.engines import engines
from newsindex.models import Article, PendingChange, PinnedResult, Synonym, Tag
from tests.blog.models import Post
from tests.factories import make_article
from tests.faults.conftest import counts

pytestmark = pytest.mark.django_db

OK, LOGIN, FORBIDDEN = 200, 302, 403
SECRET: Final = "zirconquat"
MODELS: Final = {
    "article": Article,
    "tag": Tag,
    "pendingchange": PendingChange,
    "synonym": Synonym,
    "pinnedresult": PinnedResult,
}
#: Who: what they may. All but the first two are staff, who may sign in to the admin.
WHO: Final[dict[str, tuple[str, ...] | None]] = {
    "anonymous": None,
    "member": ("view", "add", "change", "delete"),
    "staff": (),
    "view": ("view",),
    "add": ("add",),
    "change": ("change",),
    "delete": ("delete",),
    "all": ("view", "add", "change", "delete"),
}
#: Pages: which of the permissions on their model opens them; one is enough.
PAGES: Final = {
    "changelist": {"view", "change"},
    "add": {"add"},
    "change": {"view", "change"},
    "delete": {"delete"},
    "history": {"view", "change"},
}
#: What the model's admin never lets anybody do.
NEVER: Final = {"pendingchange": {"add", "delete"}}


@pytest.fixture
def rows() -> dict[str, Any]:
    article = make_article(f"About {SECRET}", f"The {SECRET}.", [SECRET])
    return {
        "article": article,
        "tag": Tag.objects.get(name=SECRET),
        "pendingchange": PendingChange.objects.create(source="newsindex.article", object_pk="1", error=SECRET),
        "synonym": Synonym.objects.create(words=f"{SECRET}, other"),
        "pinnedresult": PinnedResult.objects.create(
            queries=SECRET, source="newsindex.article", object_pk=str(article.pk)
        ),
    }


def sign_in(who: str, model: str) -> Client:
    """Somebody with the permissions of ``who`` on one model of newsindex and on no other."""
    client = Client()
    may = WHO[who]
    if may is not None:
        user = User.objects.create_user(f"{who}-{model}", is_staff=who != "member")
        names = [f"{verb}_{model}" for verb in may]
        user.user_permissions.set(Permission.objects.filter(codename__in=names, content_type__app_label="newsindex"))
        client.force_login(user)
    return client


def expected(who: str, model: str, page: str) -> int:
    if who in ("anonymous", "member"):
        return LOGIN
    may = set(WHO[who] or ())
    if page in NEVER.get(model, ()):
        return FORBIDDEN
    return OK if PAGES[page] & may else FORBIDDEN


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("who", WHO)
def test_pages(who: str, model: str, rows: dict[str, Any]) -> None:
    client = sign_in(who, model)
    answered, wanted = {}, {}
    for page in PAGES:
        arguments = [rows[model].pk] if page in ("change", "delete", "history") else []
        response = client.get(reverse(f"admin:newsindex_{model}_{page}", args=arguments))
        answered[page], wanted[page] = response.status_code, expected(who, model, page)
        if response.status_code != OK:
            assert SECRET not in response.content.decode()
        if response.status_code == LOGIN:
            assert response["Location"].startswith("/admin/login/")
    counts["permissions: pages asked for"] += len(PAGES)
    assert answered == wanted


def posted(model: str, row: Any) -> dict[str, Any]:
    """A form that changes the row of ``model``, for whoever may."""
    if model == "article":
        dates = {f"{name}_{part}": "" for name in ("published_at", "expires_at") for part in (0, 1)}
        return {**dates, "title": "Changed", "slug": row.slug, "body_format": "plain", "status": "draft", "tags": "x"}
    if model == "synonym":
        return {"words": "car, automobile", "targets": "", "language": ""}
    if model == "pinnedresult":
        return {"queries": "boat", "article": row.key, "position": "1", "language": ""}
    return {"name": "Changed", "slug": "changed", "engine": "default", "source": "x.y", "object_pk": "2"}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("who", WHO)
def test_changes(who: str, model: str, rows: dict[str, Any]) -> None:
    """Nothing is added, changed or deleted by a form of somebody who may not do just that."""
    client = sign_in(who, model)
    kind, row = MODELS[model], rows[model]
    before = set(kind.objects.values_list("pk", flat=True))
    content = kind.objects.filter(pk=row.pk).values().get()
    may = set(WHO[who] or ()) if who not in ("anonymous", "member") else set()
    nobody = {"add", "change", "delete"} if model == "pendingchange" else set()
    allowed = may - nobody

    new = {**posted(model, row), "slug": "a-new-one"}
    added = client.post(reverse(f"admin:newsindex_{model}_add"), new)
    now = set(kind.objects.values_list("pk", flat=True))
    assert (now != before) == ("add" in allowed), added.content.decode()[:2000]

    kind.objects.exclude(pk__in=before).delete()
    client.post(reverse(f"admin:newsindex_{model}_change", args=[row.pk]), posted(model, row))
    changed = kind.objects.filter(pk=row.pk).values().get() != content
    assert changed == ("change" in allowed)

    client.post(reverse(f"admin:newsindex_{model}_delete", args=[row.pk]), {"post": "yes"})
    gone = not kind.objects.filter(pk=row.pk).exists()
    # The article and the tag are deleted with the rows between them, for which there is no admin page.
    assert gone <= ("delete" in allowed)
    if model == "pendingchange":
        assert not gone
    counts["permissions: forms posted"] += 3


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(
    ("model", "action", "needed"),
    [
        ("article", "publish", {"change"}),
        ("article", "unpublish", {"change"}),
        ("article", "delete_selected", {"delete"}),
        ("tag", "merge_tags", {"change", "delete"}),
        ("tag", "delete_selected", {"delete"}),
        ("pendingchange", "delete_selected", {"nobody"}),
    ],
)
def test_actions(who: str, model: str, action: str, needed: set[str], rows: dict[str, Any]) -> None:
    client = sign_in(who, model)
    other = Tag.objects.create(name="Other", slug="other")
    Article.objects.update(status="draft" if action == "publish" else "published")
    before = [list(kind.objects.order_by("pk").values()) for kind in MODELS.values()]
    chosen = [str(rows[model].pk), *([str(other.pk)] if model == "tag" else [])]
    confirmed = {"post": "yes", "merge": "yes", "target": str(other.pk)}
    url = reverse(f"admin:newsindex_{model}_changelist")
    response = client.post(url, {"action": action, "_selected_action": chosen, "index": "0", **confirmed})
    after = [list(kind.objects.order_by("pk").values()) for kind in MODELS.values()]
    may = set(WHO[who] or ()) if who not in ("anonymous", "member") else set()
    # Whoever may not see the list has no action to choose.
    allowed = needed <= may and bool({"view", "change"} & may)
    counts["permissions: actions posted"] += 1
    if not allowed:
        assert before == after, response.status_code
    elif action != "delete_selected":
        assert before != after


@pytest.mark.parametrize("who", WHO)
def test_autocomplete(who: str, rows: dict[str, Any]) -> None:
    client = sign_in(who, "article")
    parameters = {"app_label": "newsindex", "model_name": "taggedarticle", "field_name": "content_object"}
    response = client.get("/admin/autocomplete/", {"term": SECRET, **parameters})
    allowed = who in ("view", "change", "all")
    assert response.status_code == (OK if allowed else LOGIN if who in ("anonymous", "member") else FORBIDDEN)
    assert allowed or SECRET not in response.content.decode()


@pytest.mark.parametrize("who", WHO)
def test_the_start_page_names_only_what_one_may(who: str, rows: dict[str, Any]) -> None:
    response = sign_in(who, "article").get(reverse("admin:index"))
    if who in ("anonymous", "member"):
        assert response.status_code == LOGIN
        return
    page = response.content.decode()
    # Who may only delete reads the name of the model, without a link.
    assert ("/admin/newsindex/article/" in page) == bool({"view", "add", "change"} & set(WHO[who] or ()))
    assert "/admin/newsindex/tag/" not in page
    assert "/admin/newsindex/pendingchange/" not in page


@pytest.mark.parametrize("who", ["anonymous", "member", "staff", "view", "change", "all"])
def test_drafts_have_a_preview_for_those_who_may_see_them(who: str, rows: dict[str, Any]) -> None:
    Article.objects.update(status="draft")
    response = sign_in(who, "article").get(rows["article"].get_absolute_url())
    # A permission counts outside of the admin, too, so a member who has it is like one of the staff.
    allowed = who in ("member", "view", "change", "all")
    assert response.status_code == (OK if allowed else 404)
    assert (SECRET in response.content.decode()) == allowed
    if allowed:
        assert "no-store" in response["Cache-Control"]


def test_another_page_of_the_admin_does_not_go_unnoticed() -> None:
    """A page that is added has to be added to the matrix, or to the tests of its own that are named here."""
    elsewhere = {"autocomplete", "jsi18n"}
    # Who may look and who may press its buttons: tests/test_admin_index.py.
    elsewhere |= {f"newsindex_indexrun_{page}" for page in ("changelist", "progress", "ask")}
    # Who may read why an article ranks where it does: tests/test_admin.py.
    elsewhere.add("newsindex_article_explain")
    known = {f"newsindex_{model}_{page}" for model in MODELS for page in PAGES}
    found = set()
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label == "newsindex":
            found |= {p.name for p in model_admin.get_urls() if isinstance(p, URLPattern) and p.name}
    assert found - known - elsewhere == set()


def test_the_search_of_an_admin_shows_no_row_that_its_queryset_leaves_out() -> None:
    """LivePostAdmin shows live posts: its search, counts and autocomplete must not tell of others."""
    Post.objects.create(headline="Shown", slug="shown", body="<p>quayside</p>")
    Post.objects.create(headline=f"Not yet {SECRET}", slug="not", body=f"<p>quayside {SECRET}</p>", status="draft")
    indexing.update()
    assert engines["default"].stats().articles == 2
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_livepost", "view_post")))
    client = Client()
    client.force_login(user)
    page = client.get("/admin/blog/livepost/", {"q": "quayside"})
    assert page.context["cl"].result_count == 1
    assert SECRET not in page.content.decode()
    assert client.get("/admin/blog/livepost/", {"q": SECRET}).context["cl"].result_count == 0


def test_nothing_else_of_newsindex_is_in_the_admin() -> None:
    registered = {model._meta.model_name for model in admin.site._registry if model._meta.app_label == "newsindex"}
    assert registered == {*MODELS, "indexrun"}
    with pytest.raises(NoReverseMatch):
        reverse("admin:newsindex_taggedarticle_changelist")
