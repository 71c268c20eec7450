"""Driver: the index or the database is put back from a copy, or a process is killed between the two. See test_copies.

A copy of the database is one of its file, or one that PostgreSQL makes with CREATE DATABASE ... TEMPLATE.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.test import Client

from newsindex import checks, indexing, replicas
from newsindex.engines import engines
from newsindex.models import Article, PendingChange, Replica
from tests.faults.driving import differences, exit_status, forked, is_sqlite, set_up

KILLED = 77
INDEX = Path(os.environ["NEWSINDEX_FAULTS_INDEX"])
DATABASE: dict[str, Any] = json.loads(os.environ["NEWSINDEX_FAULTS_DATABASE"])


def publish(word: str) -> None:
    Article.objects.create(slug=word, title=word, body=f"A ferry called {word}.", status="published")


def copied_index(source: Path, target: Path) -> None:
    engines.close_all()
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    replicas._current.clear()


def copied_database(source: str, target: str) -> None:
    """Make ``target`` what ``source`` is."""
    connections.close_all()
    replicas._current.clear()
    if "sqlite" in DATABASE["ENGINE"]:
        for ending in ("-wal", "-shm"):
            Path(target + ending).unlink(missing_ok=True)
        shutil.copyfile(source, target)
        return
    address = {"host": DATABASE["HOST"], "port": DATABASE["PORT"], "user": DATABASE["USER"], "dbname": "postgres"}
    with import_module("psycopg").connect(**address, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {target}")
        server.execute(f"CREATE DATABASE {target} TEMPLATE {source}")


def said(*command: str) -> str:
    """What a command of manage.py says, errors and all."""
    out = io.StringIO()
    try:
        call_command(*command, stdout=out, stderr=out)
    except CommandError as error:
        return out.getvalue() + str(error)
    return out.getvalue()


def totals(*words: str) -> list[int]:
    return [Client().get(f"/search/json/?q={word}").json()["total"] for word in words]


def assert_refused(words: str, counted: Counter[str]) -> None:
    """The state is named everywhere, nothing is answered from the index, and saving goes on."""
    for page in ("/search/?q=ferry", "/search/json/?q=ferry", "/search/suggest/?q=fer", "/search/health/"):
        assert Client().get(page).status_code == 503, page
    assert words in indexing.status().health.message
    for command in ("newsindex_status", "newsindex_verify"):
        assert words in said(command), command
    (message,) = [each for each in checks.check_built(None, ["default"]) if words in each.msg]
    assert message.id == "newsindex.W022", message
    with transaction.atomic():
        # SQLite shows a transaction what was when it began, so a newer index tells nothing there.
        assert not replicas.health("default").ok or (is_sqlite() and "database is older" in words)
    pending = PendingChange.objects.count()
    publish(f"saved{counted['refused']}")
    assert words in indexing.update().error and PendingChange.objects.count() == pending + 1
    counted["refused"] += 1


def assert_level(*words: str) -> None:
    report = indexing.update()
    assert not report.error and replicas.health("default").ok, report
    assert totals(*words) == [1] * len(words) and differences() == []


def older_index(healing: tuple[str, ...], counted: Counter[str]) -> None:
    """The index of before is put back: of the newest articles nothing is pending any more."""
    backup = INDEX.with_name("backup")
    publish(f"early{counted['trials']}")
    copied_index(INDEX, backup)
    late = f"late{counted['trials']}"
    publish(late)
    Article.objects.filter(slug="draft").update(status="draft")
    indexing.update(Article.objects.filter(slug="draft"))
    copied_index(backup, INDEX)
    # Merges are commits too, but bring it no nearer to the database.
    for _ in range(3):
        store = engines["default"]._store(engines["default"]._generations.live())  # type: ignore[attr-defined]
        store.commit(store.members()[1])
    assert_refused("older than the database", counted)
    said(*healing)
    assert_level(late)
    counted["trials"] += 1


def older_database(healing: tuple[str, ...], counted: Counter[str]) -> None:
    """The database of before is put back: the index has what nobody has written."""
    name = str(DATABASE["NAME"])
    backup = name + "_backup"
    copied_database(name, backup)
    lost = f"lost{counted['trials']}"
    publish(lost)
    copied_database(backup, name)
    assert_refused("database is older", counted)
    said(*healing)
    assert_level(f"saved{counted['refused'] - 1}")
    assert totals(lost) == [0]
    counted["trials"] += 1


def both_older(counted: Counter[str]) -> None:
    """Copies of one time belong together: nothing is refused."""
    name, backup = str(DATABASE["NAME"]), INDEX.with_name("backup")
    publish("both")
    copied_index(INDEX, backup)
    copied_database(name, name + "_backup")
    publish("neither")
    copied_database(name + "_backup", name)
    copied_index(backup, INDEX)
    assert_level("both")
    assert totals("neither") == [0]
    counted["trials"] += 1


def killed_between(what: str, counted: Counter[str]) -> None:
    """Killed after the one is written and before the other, again and again: that is no copy, and heals by itself."""
    word = f"killed{counted['trials']}"

    def work() -> None:
        owner, name = PLACES[what]
        setattr(owner, name, lambda *args, **kwargs: os._exit(KILLED))
        settings.NEWSINDEX_UPDATE = "command"
        publish(word)
        if what.startswith("rebuild"):
            indexing.rebuild()
        indexing.update()

    for number in range(3):
        before = word
        word = f"{before}x{number}"
        assert exit_status(forked(work)) == KILLED, what
        replicas._current.clear()
        assert replicas.health("default").ok, (what, replicas.health("default").message)
        assert not indexing.verify().index_errors
        counted["kills"] += 1
    assert_level(word)
    counted["trials"] += 1


PLACES: dict[str, tuple[Any, str]] = {
    "commit": (replicas.Turn, "note"),
    "rows": (indexing, "_forget"),
    "rebuild": (replicas.Turn, "note"),
    "rebuild before the swap": (import_module("newsindex.engines.whoosh.rebuild").WhooshRebuild, "swap"),
    "announced": (import_module("newsindex.engines.whoosh.writer").WhooshWriter, "commit"),
}


def seen_from_an_older_transaction(counted: Counter[str]) -> None:
    """What somebody commits meanwhile makes no copy of a database that shows a request what was before."""
    if is_sqlite():
        return  # which lets nobody write meanwhile, as the tests set it up
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        before = Article.objects.count()
        subprocess.run([sys.executable, "-m", "tests.faults.driver", "saved", "meanwhile"], check=True)
        assert Article.objects.count() == before and replicas.health("default").ok
    assert_level("meanwhile")
    counted["trials"] += 1


def main() -> dict[str, int]:
    set_up()
    counted: Counter[str] = Counter()
    publish("draft")
    assert_level("draft")
    for what in PLACES:
        killed_between(what, counted)
    for healing in (("newsindex_rebuild",), ("newsindex_verify", "--repair")):
        older_index(healing, counted)
        older_database(healing, counted)
    both_older(counted)
    seen_from_an_older_transaction(counted)
    assert Replica.objects.get().serial == engines["default"].serial()
    return counted
