"""The health view: one word for everybody, everything for those who may know it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from newsindex import indexing
from newsindex.engines.base import Health
from newsindex.engines.memory import MemoryEngine
from newsindex.models import PendingChange
from tests.factories import make_article

pytestmark = pytest.mark.django_db
PATH = "/search/health/"


@pytest.fixture
def operator(client: Client) -> Client:
    user = User.objects.create_user("operator")
    user.user_permissions.add(Permission.objects.get(codename="manage_index"))
    client.force_login(user)
    return client


def test_all_is_well(client: Client) -> None:
    response = client.get(PATH)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]
    assert client.head(PATH).status_code == 200
    assert client.post(PATH).status_code == 405


def test_an_engine_that_does_not_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryEngine, "health", lambda self: Health(False, "/srv/secret/search_index is gone"))
    response = client.get(PATH)
    assert (response.status_code, response.json()) == (503, {"status": "degraded"})


def test_changes_that_wait_for_too_long(client: Client, settings: Any) -> None:
    make_article("Harbour")
    assert client.get(PATH).status_code == 200
    PendingChange.objects.update(created=timezone.now() - timedelta(minutes=61))
    assert (client.get(PATH).status_code, client.get(PATH).json()) == (503, {"status": "degraded"})
    settings.NEWSINDEX_MAX_LAG = 7200
    assert client.get(PATH).status_code == 200


def test_a_database_that_is_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**which: str) -> float:
        raise OperationalError("could not connect to db.internal")

    monkeypatch.setattr(indexing, "lag", away)
    response = client.get(PATH)
    assert (response.status_code, response.json()) == (503, {"status": "degraded"})


def test_the_details_are_for_those_who_may_manage_the_index(operator: Client) -> None:
    make_article("Harbour", "The ferry waits.")
    indexing.update()
    (engine,) = operator.get(PATH).json()["engines"]
    assert (engine["engine"], engine["articles"], engine["late"]) == ("default", 1, False)
    assert engine["last_drain"]["figures"] == {"indexed": 1, "deleted": 0, "failed": 0}


def test_other_users_are_the_public(client: Client) -> None:
    client.force_login(User.objects.create_user("editor", is_staff=True))
    assert client.get(PATH).json() == {"status": "ok"}


def test_it_is_cheap(client: Client, django_assert_num_queries: Any) -> None:
    client.get(PATH)
    with django_assert_num_queries(1):
        client.get(PATH)
