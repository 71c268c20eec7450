"""The admin page of the index: what it shows, to whom, and what its buttons do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from newsindex import indexing, operations
from newsindex.engines.base import Health, Stats
from newsindex.engines.memory import MemoryEngine
from newsindex.models import IndexRun, PendingChange
from tests.factories import make_article
from tests.pages import Page, unsafe

pytestmark = pytest.mark.django_db

INDEX = "/admin/newsindex/indexrun/"
PROGRESS = f"{INDEX}progress/"
ASK = f"{INDEX}ask/"


def staff(*permissions: str, **kwargs: Any) -> Client:
    user = User.objects.create_user(f"user-{User.objects.count()}", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=permissions))
    client = Client(**kwargs)
    client.force_login(user)
    return client


def ask(client: Client, kind: str = "rebuild", engine: str = "default") -> Any:
    return client.post(ASK, {"kind": kind, "engine": engine})


def text_of(client: Client, path: str = INDEX) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return " ".join(Page(response.content.decode()).all("body")[0].text).replace("\n", " ")


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(operations, "SMALL", -1)
    yield


def test_the_page_says_how_the_index_is(admin_client: Client) -> None:
    make_article("Harbour", "One.\n\nTwo.")
    indexing.update()
    operations.verify()
    page = Page(admin_client.get(INDEX).content.decode())
    facts = dict(zip([e.content for e in page.all("dt")], [e.content for e in page.all("dd")], strict=True))
    assert page.problems == []
    assert (facts["Articles"], facts["Paragraphs"], facts["Pending"], facts["Lag"]) == ("1", "2", "0", "none")
    assert facts["Last update"].endswith("done, 1 indexed")
    assert facts["Last verification"].endswith("done, 1 checked")
    assert facts["Engine"] == "newsindex.engines.memory.MemoryEngine"
    assert [e.content for e in page.all("button") if "kind" in e.attributes.values()] == ["Verify", "Repair", "Rebuild"]


def test_the_page_and_the_command_give_one_size(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryEngine, "stats", lambda self: Stats(size=641_960))
    page = Page(admin_client.get(INDEX).content.decode())
    facts = dict(zip([e.content for e in page.all("dt")], [e.content for e in page.all("dd")], strict=True))
    out = StringIO()
    call_command("newsindex_status", stdout=out)
    assert facts["Size"] == "642.0 kB"
    assert f"  size        {facts['Size']}\n" in out.getvalue()


def test_it_is_in_the_list_of_the_app(admin_client: Client) -> None:
    for path in ("/admin/", "/admin/newsindex/"):
        links = Page(admin_client.get(path).content.decode()).all("a")
        assert ("Search index", INDEX) in {(link.content, link.attributes["href"]) for link in links}


def test_what_is_late_or_ill_is_said(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_article("Harbour")
    PendingChange.objects.update(created=timezone.now() - timedelta(hours=3), attempts=3, error="ValueError: no")
    page = text_of(admin_client)
    assert "waiting for too long" in page and "1, of them 1 tried in vain" in page and "3\xa0hours" in page
    monkeypatch.setattr(MemoryEngine, "health", lambda self: Health(False, "the disk is gone"))
    page = text_of(admin_client)
    assert "Searches are not answered." in page and "the disk is gone" in page


@pytest.mark.parametrize(
    ("permissions", "looks", "manages"),
    [
        ((), False, False),
        (("view_article", "change_article", "view_pendingchange"), False, False),
        (("view_indexrun",), True, False),
        (("manage_index",), True, True),
    ],
)
def test_who_may_look_and_who_may_press(permissions: tuple[str, ...], looks: bool, manages: bool) -> None:
    client = staff(*permissions)
    assert client.get(INDEX).status_code == (200 if looks else 403)
    assert client.get(PROGRESS).status_code == (200 if looks else 403)
    assert (b"newsindex-buttons" in client.get(INDEX).content) is manages
    assert ask(client).status_code == (302 if manages else 403)
    assert IndexRun.objects.exists() is manages


def test_strangers_are_asked_to_sign_in(client: Client) -> None:
    for path in (INDEX, PROGRESS, ASK):
        assert client.get(path).status_code == 302
    assert ask(client).status_code == 302
    assert not IndexRun.objects.exists()


def test_a_button_needs_a_post_with_a_token() -> None:
    client = staff("manage_index", enforce_csrf_checks=True)
    assert ask(client).status_code == 403
    assert client.get(f"{ASK}?kind=rebuild&engine=default").status_code == 405
    assert not IndexRun.objects.exists()


@pytest.mark.parametrize("kind", ["verify", "repair", "rebuild"])
def test_a_button_does_what_it_says_and_that_is_logged(admin_client: Client, kind: str) -> None:
    make_article("Harbour")
    response = admin_client.post(ASK, {"kind": kind, "engine": "default"}, follow=True)
    assert response.redirect_chain == [(INDEX, 302)]
    assert "ended with trouble" in response.content.decode() or "all is well" in response.content.decode()
    run = IndexRun.objects.get(kind=kind)
    assert run.finished is not None
    assert LogEntry.objects.get().object_id == str(run.pk)


@pytest.mark.parametrize(("kind", "engine"), [("drain", "default"), ("purge", "default"), ("", ""), ("verify", "none")])
def test_nothing_else_can_be_asked_for(admin_client: Client, kind: str, engine: str) -> None:
    response = admin_client.post(ASK, {"kind": kind, "engine": engine}, follow=True)
    assert "There is no such engine" in response.content.decode()
    assert not IndexRun.objects.exists()


@pytest.mark.usefixtures("large")
def test_what_waits_says_for_what(admin_client: Client) -> None:
    asked = {"kind": "rebuild", "engine": "default"}
    assert "will be done" in admin_client.post(ASK, asked, follow=True).content.decode()
    assert "manage.py newsindex_update" in text_of(admin_client)
    assert "already on its way" in admin_client.post(ASK, asked, follow=True).content.decode()
    assert IndexRun.objects.count() == 1


def test_progress(admin_client: Client) -> None:
    assert admin_client.get(PROGRESS).json() == {"runs": {}}
    now = timezone.now()
    run = IndexRun.objects.create(
        engine="default", kind="rebuild", outcome="running", started=now - timedelta(minutes=1), seen=now,
        progress=1000, total=4000, figures={"remaining": 180.0},
    )  # fmt: skip
    response = admin_client.get(PROGRESS)
    assert response.json() == {
        "runs": {
            str(run.pk): {
                "running": True,
                "state": "running",
                "advance": "1,000 of 4,000, about 3 minutes left",
                "progress": 1000,
                "total": 4000,
            }
        }
    }
    assert "no-store" in response["Cache-Control"]
    page = Page(admin_client.get(INDEX).content.decode())
    (bar,) = page.all("progress")
    assert (bar.attributes["value"], bar.attributes["max"]) == ("1000", "4000")
    IndexRun.objects.update(seen=now - timedelta(hours=1))
    assert admin_client.get(PROGRESS).json() == {"runs": {}}
    assert "no sign of life since" in text_of(admin_client)


def test_no_message_of_a_run_is_markup(admin_client: Client) -> None:
    script = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    IndexRun.objects.create(engine="default", kind="verify", outcome="failed", message=script, figures={script: script})
    page = Page(admin_client.get(INDEX).content.decode())
    assert [one for one in unsafe(page) if one not in ("<script>",)] == []
    assert [one for one in page.all("script") if "src" not in one.attributes] == []
    assert page.all("img", src="x") == []


def test_it_works_where_each_request_is_a_transaction(admin_client: Client, settings: Any) -> None:
    from django.db import connection

    make_article("Harbour")
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        ask(admin_client)
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert IndexRun.objects.get(kind="rebuild").outcome == "done"


def test_it_speaks_german(admin_client: Client, settings: Any) -> None:
    settings.LANGUAGE_CODE = "de"
    operations.verify()
    page = text_of(admin_client)
    for words in ("Suchindex", "Suchen werden beantwortet.", "Letzte Prüfung", "Neuaufbau", "Rückstand", "geprüft"):
        assert words in page, words
    for words in ("Searches", "Last", "Rebuild", "Lag", "checked"):
        assert words not in page, words
