"""Replicas and triggers as the settings, the checks and one process see them; several hosts are in tests/faults."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from newsindex import checks, indexing, replicas, triggers
from newsindex.conf import conf
from newsindex.engines import engines
from newsindex.exceptions import ConfigurationError, IndexNotBuilt
from newsindex.models import PendingChange, Replica
from newsindex.searching import search
from tests.conftest import MEMORY
from tests.factories import make_article, make_document


def entry(**more: Any) -> dict[str, Any]:
    return {"default": {"BACKEND": MEMORY, "OPTIONS": {}, **more}}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"REPLICA": 3}, "must be the name of this host"),
        ({"REPLICA": "x" * 65}, "at most 64 characters"),
        ({"REPLICA_DAYS": 0}, "must be a number of days above 0, not 0"),
        ({"REPLICA_DAYS": "week"}, "not 'week'"),
        ({"TEST": "memory"}, "must be a dict"),
    ],
)
def test_e030_what_an_entry_says_of_replicas(settings: Any, more: dict[str, Any], words: str) -> None:
    settings.NEWSINDEX = entry(**more)
    (message,) = checks.check_settings(None)
    assert message.id == "newsindex.E030" and words in message.msg


@pytest.mark.parametrize("more", [{}, {"REPLICA": None}, {"REPLICA": ""}, {"REPLICA": "web1", "REPLICA_DAYS": 0.5}])
def test_entries_that_are_fine(settings: Any, more: dict[str, Any]) -> None:
    settings.NEWSINDEX = entry(**more)
    assert checks.check_settings(None) == []


@pytest.mark.django_db
def test_a_process_that_keeps_no_index_is_not_told_to_build_one(settings: Any, tmp_path: Any) -> None:
    whoosh = {"BACKEND": "newsindex.engines.whoosh.WhooshEngine", "OPTIONS": {"path": tmp_path / "index"}}
    settings.NEWSINDEX = {"default": {**whoosh, "REPLICA": "web1"}}
    assert [message.id for message in checks.check_built(None, ["default"])] == ["newsindex.W002"]
    assert "newsindex_rebuild" in replicas.health("default").message
    settings.NEWSINDEX = {"default": {**whoosh, "REPLICA": ""}}
    assert checks.check_built(None, ["default"]) == []
    assert "this process keeps no index, ask another host" in replicas.health("default").message


@pytest.mark.django_db
def test_w030_triggers_that_are_missing(settings: Any) -> None:
    assert checks.check_noting(None, ["default"]) == []
    settings.NEWSINDEX_TRIGGERS = True
    (message,) = checks.check_noting(None, ["default"])
    assert message.id == "newsindex.W030" and "newsindex_triggers install" in message.hint
    triggers.install("default")
    try:
        assert checks.check_noting(None, ["default"]) == []
        settings.NEWSINDEX_TRIGGERS = False
        settings.NEWSINDEX = {**entry(), "second": {"BACKEND": MEMORY}}
        (message,) = checks.check_noting(None, ["default"])
        assert message.id == "newsindex.W030"
    finally:
        triggers.remove("default")
    assert checks.check_noting(None, None) == []


@pytest.mark.django_db
def test_w031_a_process_that_notes_for_one_index_only(settings: Any) -> None:
    Replica.objects.create(engine="default", name="web1", token="x")
    (message,) = checks.check_noting(None, ["default"])
    assert message.id == "newsindex.W031" and "'web1'" in message.msg
    settings.NEWSINDEX = entry(REPLICA="web2")
    assert checks.check_noting(None, ["default"]) == []


@pytest.mark.django_db
def test_a_change_is_noted_for_each_replica(settings: Any) -> None:
    settings.NEWSINDEX = entry(REPLICA="web1")
    make_article("before any")
    assert not PendingChange.objects.exists()
    assert "never built" in indexing.update().error
    indexing.rebuild()
    Replica.objects.create(engine="default", name="web2", token="x")
    make_article("Ferry")
    assert sorted(PendingChange.objects.values_list("replica", flat=True)) == ["web1", "web2"]
    assert indexing.status().pending == 1
    assert indexing.update().indexed == 1
    assert indexing.verify().ok
    assert [row.replica for row in PendingChange.objects.all()] == ["web2"]
    assert len(search("ferry")) == 1


@pytest.mark.django_db
def test_a_repair_is_noted_for_the_own_replica_only(settings: Any) -> None:
    settings.NEWSINDEX = entry(REPLICA="web1")
    indexing.rebuild()
    article = make_article("Ferry")
    indexing.update()
    Replica.objects.create(engine="default", name="web2", token="x")
    with engines["default"].writer() as writer:
        writer.delete(f"newsindex.article:{article.pk}")
    indexing.repair(indexing.verify())
    assert indexing.verify().ok and not PendingChange.objects.exists()


@pytest.mark.django_db
def test_a_replica_says_that_it_is_there_and_others_are_dropped(settings: Any) -> None:
    settings.NEWSINDEX = entry(REPLICA="web1", REPLICA_DAYS=2)
    indexing.rebuild()
    long_ago = timezone.now() - timedelta(days=3)
    Replica.objects.create(engine="default", name="web2", token="x", seen=long_ago)
    Replica.objects.create(engine="other", name="web2", token="x", seen=long_ago)
    Replica.objects.filter(name="web1").update(seen=long_ago)
    make_article("Ferry")
    # What somebody who was saving meanwhile has noted for one that was dropped before.
    PendingChange.objects.create(engine="default", replica="web9", source="blog.note", object_pk="1")
    indexing.update()
    assert sorted(Replica.objects.values_list("engine", "name")) == [("default", "web1"), ("other", "web2")]
    assert not PendingChange.objects.exists()
    assert timezone.now() - Replica.objects.get(name="web1").seen < timedelta(minutes=1)


@pytest.mark.django_db
def test_a_host_whose_clock_is_wrong_drops_no_others(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NEWSINDEX = entry(REPLICA="web1", REPLICA_DAYS=2)
    indexing.rebuild()
    Replica.objects.create(engine="default", name="web2", token="x")
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(days=3))
    make_article("Ferry")
    indexing.update()
    assert sorted(Replica.objects.values_list("name", flat=True)) == ["web1", "web2"]
    assert PendingChange.objects.get().replica == "web2"
    assert abs(Replica.objects.get(name="web1").seen - right()) < timedelta(minutes=1)


@pytest.mark.django_db
def test_a_process_without_an_index(settings: Any) -> None:
    settings.NEWSINDEX = entry(REPLICA="")
    Replica.objects.create(engine="default", name="web1", token="x")
    make_article("Ferry")
    assert [row.replica for row in PendingChange.objects.all()] == ["web1"]
    assert indexing.update() == indexing.Report()
    with pytest.raises(IndexNotBuilt, match="keeps no index"):
        len(search("ferry"))
    with pytest.raises(ConfigurationError, match="keeps no index"):
        indexing.rebuild()
    assert PendingChange.objects.count() == 1 and replicas.needed("default")


@pytest.mark.django_db
@pytest.mark.engine("whoosh")
def test_an_index_and_its_database_know_each_other_again() -> None:
    make_article("Ferry")
    assert indexing.update().indexed == 1, "an index without a token is taken as it is"
    indexing.rebuild()
    assert engines["default"].token() == Replica.objects.get().token
    token = engines["default"].token()
    indexing.rebuild()
    assert engines["default"].token() == token
    Replica.objects.update(token="that of another database")
    replicas._current.clear()
    make_article("Quay")
    assert "another database" in indexing.update().error
    assert PendingChange.objects.count() == 1
    assert replicas.needed("default")
    assert "another database" in indexing.status().health.message
    # What it says of a row would be said of another one.
    with pytest.raises(IndexNotBuilt, match="another database"):
        len(search("ferry"))
    assert Client().get("/search/health/").status_code == 503
    assert "another database" in str(indexing.verify().index_errors)
    with pytest.raises(CommandError, match="run newsindex_rebuild"):
        call_command("newsindex_verify", verbosity=0)
    call_command("newsindex_rebuild", if_needed=True, verbosity=0)
    assert indexing.verify().ok and not PendingChange.objects.exists()
    assert engines["default"].token() not in (token, "")
    assert not replicas.needed("default")


@pytest.mark.django_db
@pytest.mark.engine("whoosh")
def test_an_index_that_lost_what_it_is_known_by_is_not_taken_for_the_own() -> None:
    indexing.rebuild()
    make_article("Ferry")
    assert indexing.update().indexed == 1
    engine: Any = engines["default"]
    (Path(engine.path) / "token").unlink()
    replicas._current.clear()
    make_article("Quay")
    assert "lacks what tells that it belongs" in indexing.update().error
    assert PendingChange.objects.count() == 1
    with pytest.raises(IndexNotBuilt, match="lacks what tells"):
        len(search("ferry"))
    assert "lacks what tells" in str(indexing.verify().index_errors)
    call_command("newsindex_rebuild", if_needed=True, verbosity=0)
    assert indexing.verify().ok and search("quay").count() == 1


@pytest.mark.django_db
def test_replicas_need_a_database_that_tells_who_is_writing(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NEWSINDEX = entry(REPLICA="web1")
    monkeypatch.setattr(replicas, "VENDORS", ("postgresql",))
    with pytest.raises(CommandError, match="Replicas need PostgreSQL or SQLite; 'default' is sqlite"):
        call_command("newsindex_rebuild")
    assert conf.replica_days("default") == 7


def test_tags_in_another_order_are_no_change() -> None:
    """Databases give them in any order, and hosts would disagree on what is stale."""
    assert make_document(tags=("b", "a")).version == make_document(tags=("a", "b")).version
    assert make_document(tags=("b", "a")).version != make_document(tags=("a",)).version
