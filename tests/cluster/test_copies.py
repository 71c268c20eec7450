"""Indices of a real node are put back from an older snapshot: that is known, wherever it is asked, and healed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from newsindex import checks, indexing, replicas
from newsindex.engines import engines
from newsindex.models import Article, PendingChange, Replica
from tests.cluster.shared import drop, hosts
from tests.factories import make_article

pytest.importorskip("opensearchpy", reason="opensearch-py is not installed")
pytestmark = pytest.mark.django_db(transaction=True)

OLDER = "older than the database"
NAMELESS = "lacks what tells that it belongs to this database"


class Snapshot:
    """One of all that the site has in the cluster, in a folder of the nodes."""

    def __init__(self, name: str) -> None:
        self.place = f"/_snapshot/{name}"
        self.tell("PUT", self.place, {"type": "fs", "settings": {"location": name}})
        self.articles = engines["default"]._generations.live().index  # type: ignore[attr-defined]
        self.control = engines["default"]._control.index  # type: ignore[attr-defined]
        self._do("PUT", "/one", [self.articles, self.control])

    def put_back(self, *indices: str, lost: tuple[str, ...] = ()) -> None:
        """In the place of what is there; of ``lost`` there is nothing then."""
        for index in (*indices, *lost):
            self.tell("DELETE", f"/{index}")
        self._do("POST", "/one/_restore", indices)
        replicas._current.clear()

    def remove(self) -> None:
        self.tell("DELETE", f"{self.place}/one")
        self.tell("DELETE", self.place)

    def _do(self, method: str, what: str, indices: Any) -> None:
        body = {"indices": ",".join(indices), "include_global_state": False}
        answer = self.tell(method, self.place + what, body, wait_for_completion="true")
        assert answer["snapshot"]["shards"]["failed"] == 0, answer

    def tell(self, *args: Any, **params: Any) -> Any:
        return engines["default"]._connection.tell(*args, **params)  # type: ignore[attr-defined]


@pytest.fixture
def snapshot(settings: Any) -> Iterator[Snapshot]:
    """Of when there was the article "early" and no other; "late" has come since."""
    name = f"copied-{random.SystemRandom().randrange(10**9)}"
    options = {
        "hosts": hosts(),
        "index": name,
        "search_timeout": 60.0,
        "write_timeout": 120.0,
        "settings": {"number_of_shards": 2, "number_of_replicas": 0},
    }
    settings.NEWSINDEX = {"default": {"BACKEND": "newsindex.engines.opensearch.OpenSearchEngine", "OPTIONS": options}}
    settings.NEWSINDEX_UPDATE = "command"
    engines.close_all()
    indexing.rebuild()
    publish("early")
    made = Snapshot(name)
    publish("late")
    assert totals() == {"early": 1, "late": 1}
    yield made
    made.remove()
    drop(engines["default"])
    engines.close_all()


def publish(word: str) -> None:
    make_article(word, f"A ferry called {word}.", slug=word)
    assert indexing.update().ok


def totals() -> dict[str, int]:
    return {word: Client().get(f"/search/json/?q={word}").json()["total"] for word in ("early", "late")}


def assert_refused(words: str) -> None:
    """It is named everywhere, nothing is answered from the index, and saving goes on."""
    for page in ("/search/?q=ferry", "/search/json/?q=ferry", "/search/suggest/?q=fer", "/search/health/"):
        assert Client().get(page).status_code == 503, page
    assert words in indexing.status().health.message
    assert words in str(indexing.verify().index_errors)
    (message,) = [each for each in checks.check_built(None, ["default"]) if words in each.msg]
    assert message.id == "newsindex.W022", message
    make_article("Saved meanwhile", "x", slug="saved")
    assert words in indexing.update().error and PendingChange.objects.count() == 1


def assert_healed() -> None:
    assert indexing.verify().ok and not PendingChange.objects.exists()
    assert totals() == {"early": 1, "late": 1}


def test_articles_of_before_beside_a_control_index_of_now(snapshot: Snapshot) -> None:
    snapshot.put_back(snapshot.articles)
    assert_refused(OLDER)
    call_command("newsindex_verify", "--repair", verbosity=0)
    assert_healed()


def test_articles_and_control_index_of_before(snapshot: Snapshot) -> None:
    snapshot.put_back(snapshot.articles, snapshot.control)
    assert_refused(OLDER)
    call_command("newsindex_rebuild", verbosity=0)
    assert_healed()


def test_articles_without_their_control_index(snapshot: Snapshot) -> None:
    snapshot.put_back(snapshot.articles, lost=(snapshot.control,))
    assert_refused(NAMELESS)
    call_command("newsindex_rebuild", verbosity=0)
    assert_healed()
    publish("later")


def test_a_control_index_of_before_beside_the_articles_of_now(snapshot: Snapshot) -> None:
    """What it says is as it was, but that the articles have seen more."""
    snapshot.put_back(snapshot.control)
    assert replicas.health("default").ok
    publish("later")
    assert_healed()


def test_a_control_index_that_is_lost_is_made_anew_by_whoever_writes(snapshot: Snapshot) -> None:
    token, control = engines["default"].token(), snapshot.control
    snapshot.tell("DELETE", f"/{control}")
    with engines["default"].writer():
        pass
    mappings = snapshot.tell("GET", f"/{control}/_mapping")[control]["mappings"]
    assert mappings["properties"]["name"] == {"type": "keyword"}
    engines["default"].set_token(token)
    replicas._current.clear()
    publish("later")
    assert_healed()


def test_a_snapshot_and_the_database_of_its_time_belong_together(snapshot: Snapshot) -> None:
    replica = Replica.objects.get()
    Article.objects.get(slug="late").delete()
    indexing.update()
    # As a copy of the database of then has them.
    Replica.objects.update(serial=replica.serial - 1, announced=replica.announced - 1)
    snapshot.put_back(snapshot.articles, snapshot.control)
    assert replicas.health("default").ok and indexing.verify().ok
    assert totals() == {"early": 1, "late": 0}
    publish("late")
    assert_healed()
