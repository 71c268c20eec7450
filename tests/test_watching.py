"""``newsindex_update --watch``: it takes what comes, survives what fails, and ends when it is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections

from newsindex import indexing, operations, watching
from newsindex.engines.memory import MemoryEngine
from newsindex.exceptions import IndexDamaged
from newsindex.models import IndexRun, PendingChange
from newsindex.searching import search
from newsindex.sources import sources
from newsindex.watching import Watch
from tests.factories import make_article

ROOT = Path(__file__).resolve().parent.parent
MANAGE = ROOT / "example_project" / "manage.py"


#: Publishes an article as a program does that knows nothing of the index: a row, and the note of a trigger.
PUBLISH = """
from django.db import transaction
from django.db.models import QuerySet
from newsindex.models import Article, PendingChange
with transaction.atomic():
    rows = [Article(title="Spring tide", body="On the quay.", status="published")]
    article, = QuerySet(Article).bulk_create(rows)
    PendingChange.objects.create(source="newsindex.article", object_pk=article.pk)
"""


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def watch(lines: list[str]) -> Watch:
    return Watch(stop=threading.Event(), say=lines.append, interval=0.01)


@pytest.mark.django_db
class TestTurns:
    def test_a_line_for_each_drain_and_none_for_nothing(self, watch: Watch, lines: list[str]) -> None:
        assert watch.turn()
        assert lines == []
        make_article("Harbour", "The ferry waits.")
        assert watch.turn() and watch.turn()
        (line,) = lines
        assert line.startswith("1 indexed, 0 deleted, 0 failed in 0.")
        assert search("ferry").count() == 1

    def test_what_the_admin_asked_for_is_done(self, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(operations, "SMALL", -1)
        operations.ask("rebuild", "default")
        assert watch.turn()
        assert IndexRun.objects.get(kind="rebuild").outcome == "done"

    def test_a_row_that_always_fails_is_not_tried_each_second(
        self, watch: Watch, monkeypatch: pytest.MonkeyPatch, lines: list[str]
    ) -> None:
        def broken(self: Any, article: Any) -> Any:
            raise ValueError("no text")

        article = make_article("Harbour")
        monkeypatch.setattr(type(sources["newsindex.article"]), "paragraphs", broken)
        for _ in range(10):
            watch.turn()
        assert PendingChange.objects.get(object_pk=article.pk).attempts == indexing.INLINE_ATTEMPTS
        assert len(lines) == indexing.INLINE_ATTEMPTS
        monkeypatch.undo()
        monkeypatch.setattr(watching, "RETRY_AFTER", 0.0)
        watch.turn()
        assert not PendingChange.objects.exists()

    def test_an_engine_that_fails_is_left_alone_longer_and_longer(
        self, watch: Watch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(self: MemoryEngine, **kwargs: Any) -> None:
            raise IndexDamaged("a file is gone")

        make_article("Harbour")
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                patch.undo()
            if len(pauses) == 5:
                watch.stop.set()

        with monkeypatch.context() as patch:
            patch.setattr(MemoryEngine, "writer", fail)
            monkeypatch.setattr(watch.stop, "wait", pause)
            watch.run()
        assert pauses == [0.02, 0.04, 0.08, 0.01, 0.01]
        assert not PendingChange.objects.exists()

    def test_a_database_that_restarts_is_waited_for(
        self, watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        closed: list[bool] = []

        def away(**kwargs: Any) -> None:
            raise OperationalError("server closed the connection unexpectedly\nforged line")

        make_article("Harbour")
        with monkeypatch.context() as patch:
            patch.setattr(indexing, "update", away)
            patch.setattr(type(connections), "close_all", lambda self: closed.append(True))
            assert not watch.turn()
        assert closed == [True]
        (record,) = caplog.records
        assert (record.event, record.levelname) == ("watch.no_database", "ERROR")
        assert "\n" not in record.getMessage()
        assert watch.turn()
        assert not PendingChange.objects.exists()

    def test_it_ends_between_two_batches(self, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(indexing, "BATCH", 2)
        for number in range(6):
            make_article(f"Article {number}", "A ferry.")
        done = indexing._Drain._apply

        def apply(self: Any, *args: Any) -> None:
            done(self, *args)
            watch.stop.set()

        monkeypatch.setattr(indexing._Drain, "_apply", apply)
        watch.run()
        assert PendingChange.objects.count() == 4
        assert search("ferry").count() == 2
        # Those that were left have not been touched.
        assert set(PendingChange.objects.values_list("attempts", flat=True)) == {0}

    def test_it_merges_when_it_is_quiet_and_once(
        self, watch: Watch, monkeypatch: pytest.MonkeyPatch, lines: list[str]
    ) -> None:
        monkeypatch.setattr(MemoryEngine, "maintain", lambda self: True)
        monkeypatch.setattr(watching, "QUIET", 0.0)
        for _ in range(3):
            watch.turn()
        assert lines == ["Parts of the index were merged."]

    def test_it_merges_where_it_is_never_quiet(
        self, watch: Watch, monkeypatch: pytest.MonkeyPatch, lines: list[str]
    ) -> None:
        monkeypatch.setattr(MemoryEngine, "maintain", lambda self: True)
        watch.turn()
        assert lines == []
        monkeypatch.setattr(watching, "BUSY", 0.0)
        make_article("Harbour", "The ferry waits.")
        watch.turn()
        assert lines[1:] == ["Parts of the index were merged."]


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    """The environment of a newsroom with an index of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return environment | {
        "NEWSROOM_DATABASE": str(tmp_path / "db.sqlite3"),
        "NEWSROOM_INDEX": str(tmp_path / "search_index"),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }


def manage(site: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([sys.executable, MANAGE, *arguments], env=site, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def watcher(site: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    manage(site, "migrate", "-v", "0")
    manage(site, "newsindex_rebuild")
    process = subprocess.Popen(
        [sys.executable, MANAGE, "newsindex_update", "--watch", "--interval", "0.05"],
        env=site,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(watcher: subprocess.Popen[str], site: dict[str, str], number: signal.Signals) -> None:
    manage(site, "shell", "-c", PUBLISH)
    until = time.monotonic() + 30
    while "Spring tide" not in manage(site, "newsindex_search", "quay"):
        assert time.monotonic() < until
        assert watcher.poll() is None
    watcher.send_signal(number)
    out, err = watcher.communicate(timeout=30)
    assert (watcher.returncode, err) == (0, "")
    assert [line.partition(" failed")[0] for line in out.splitlines()] == [
        "Watching all engines, a look every 0.05 s.",
        "1 indexed, 0 deleted, 0",
        "The watch has ended; what is pending stays so.",
    ]
