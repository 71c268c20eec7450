"""A site moves from the embedded engine to a real cluster and back while it is written to and searched."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.cluster.shared import OPTIONS, drop, hosts
from tests.faults.conftest import Place, trials
from tests.faults.test_moving import Moving

pytest.importorskip("opensearchpy", reason="opensearch-py is not installed")

OPENSEARCH = "newsindex.engines.opensearch.OpenSearchEngine"


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[Moving]:
    options = {**OPTIONS, "hosts": hosts(), "index": f"test-moving-{uuid.uuid4().hex[:12]}"}
    waiting = {"timeout": 60, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "database"), "OPTIONS": waiting}
    yield Moving(Place(database, tmp_path / "index"), {"BACKEND": OPENSEARCH, "OPTIONS": options})
    engine = import_module("newsindex.engines.opensearch").OpenSearchEngine(**options)
    drop(engine)
    engine.close()


def test_there_and_back_under_load(moving: Moving) -> None:
    done = moving.run("load", trials(2, 20))
    assert done["searches while moving"] > 0 and done["changes while moving"] > 0


def test_a_restart_with_the_other_engine_while_changes_are_pending(moving: Moving) -> None:
    moving.restarted()
