"""What people do to an index that is in use: remove files of locks, run commands as another user, put copies beside."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

import newsindex
import tests
from newsindex import indexing, replicas
from newsindex.engines import engines
from newsindex.engines.whoosh import WhooshEngine
from newsindex.engines.whoosh.writer import WhooshWriter
from newsindex.exceptions import EngineError, WriterBusy
from newsindex.models import PendingChange
from tests.factories import make_article, make_document
from tests.faults.conftest import ROOT, Place
from tests.faults.driving import differences

pytestmark = [pytest.mark.engine("whoosh", verify=False), pytest.mark.django_db(transaction=True)]

NOBODY = 65534


@pytest.fixture
def index(default_engine: Any, tmp_path: Path) -> Path:
    return tmp_path / "index"


def another(index: Path) -> WhooshEngine:
    """An engine that stands for another process: it shares nothing but the files."""
    return WhooshEngine(path=index)


# Files of locks.


@pytest.mark.parametrize("removed", ["write.lock", "*.lock"])
def test_a_writer_without_its_lock_takes_nothing_back(index: Path, removed: str) -> None:
    one, two = another(index), another(index)
    slow = one.writer()
    slow.put(make_document(1, "Slow"))
    with pytest.raises(WriterBusy):
        two.writer()
    for path in index.rglob(removed):
        path.unlink()
    with two.writer() as quick:
        quick.put(make_document(2, "Quick"))
    with pytest.raises(EngineError, match="changed by somebody else"):
        slow.commit()
    assert [key for key, _ in two.scan()] == ["tests.thing:2"] and not two.verify()
    # Whoever could not write does it again.
    with one.writer() as writer:
        writer.put(make_document(1, "Slow"))
    assert sorted(key for key, _ in two.scan()) == ["tests.thing:1", "tests.thing:2"] and not two.verify()


def test_changes_of_a_writer_without_its_lock_stay_pending(
    client: Client, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = WhooshWriter.commit

    def commit(self: WhooshWriter) -> None:
        monkeypatch.setattr(WhooshWriter, "commit", whole)
        (index / "write.lock").unlink()
        with another(index).writer() as other:
            other.put(make_document(1, "Quay"))
        self.commit()

    monkeypatch.setattr(WhooshWriter, "commit", commit)
    make_article("Ferry", "The ferry waits.")
    assert PendingChange.objects.count() == 1
    indexing.update()
    assert client.get("/search/json/?q=ferry").json()["total"] == 1 and not PendingChange.objects.exists()
    assert "tests.thing:1" in [key for key, _ in engines["default"].scan()]


# Other users.


@contextmanager
def as_another_user() -> Iterator[None]:
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared(settings: Any) -> Iterator[Path]:
    """The path of an index of nobody, where this is root; not below a directory that only root may enter."""
    with as_another_user():
        for module in (os, django, newsindex, tests):
            if not os.access(str(module.__file__), os.R_OK, effective_ids=True):
                pytest.skip(f"run by root, and nobody else may read {module.__file__}")
    folder = Path(tempfile.mkdtemp(prefix="newsindex-"))
    settings.NEWSINDEX = {
        "default": {"BACKEND": "newsindex.engines.whoosh.WhooshEngine", "OPTIONS": {"path": folder / "index"}}
    }
    engines.close_all()
    if not os.geteuid():
        shutil.chown(folder, NOBODY)
    yield folder / "index"
    engines.close_all()
    for path in [folder, *folder.rglob("*")] if os.geteuid() else []:
        path.chmod(0o700)
    shutil.rmtree(folder)


def root_rebuilds(index: Path) -> None:
    """What a rebuild by root leaves: its generation, and the pointer to it, that nobody else may read."""
    indexing.rebuild()
    engines.close_all()
    generation = max((index / "generations").iterdir())
    if os.geteuid():
        generation.chmod(0)
        (index / "live").chmod(0)


def run(*command: str) -> str:
    """ "" where it ended well, else what it said or raised."""
    try:
        call_command(*command, stdout=io.StringIO(), stderr=io.StringIO())
    except SystemExit as error:
        return f"exit {error.code}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_a_rebuild_by_root_is_told_and_mended(client: Client, shared: Path) -> None:
    User.objects.create_superuser("boss", "boss@example.org", "secret")
    client.force_login(User.objects.get())
    pages = ["/search/?q=ferry", "/search/health/", "/admin/newsindex/indexrun/"]
    told = [("newsindex_status",), ("newsindex_status", "--json"), ("newsindex_verify",)]
    quiet = [("check",), ("newsindex_verify", "--repair")]

    def statuses() -> list[int]:
        return [client.get(page).status_code for page in pages]

    with as_another_user():
        indexing.rebuild()
        make_article("Ferry", "The ferry waits.")
        assert statuses() == [200, 200, 200] and not any(run(*command) for command in told + quiet)
        engines.close_all()
    root_rebuilds(shared)
    with as_another_user():
        assert statuses() == [503, 503, 200]
        for command in told:
            assert run(*command).startswith("CommandError: "), command
        make_article("Harbour", "The ferry leaves.")
        assert PendingChange.objects.count() == 1
        assert [run(*command) for command in quiet] == ["", ""]
        # What root has made can't be removed, and is in nobody's way.
        make_article("Quay", "The ferry is back.")
        indexing.update()
        assert client.get("/search/json/?q=ferry").json()["total"] == 3
        assert statuses() == [200, 200, 200] and differences() == []


# What is put beside.


@pytest.mark.parametrize("made", [Path.mkdir, Path.touch])
def test_a_copy_beside_the_pointer_stays(index: Path, made: Callable[[Path], None]) -> None:
    for name in ("live.old", "live.backup"):
        made(index / name)
    indexing.rebuild()
    assert (index / "live.old").exists() and (index / "live.backup").exists()


def test_directories_with_names_of_the_index_block_nothing(index: Path) -> None:
    indexing.rebuild()
    generation = max((index / "generations").iterdir())
    made = [index / "live.01234567", *(generation / f"x{ending}" for ending in (".segment", ".deleted", ".merging"))]
    for path in made:
        path.mkdir()
    make_article("Ferry", "The ferry waits.")
    indexing.update()
    assert not PendingChange.objects.exists() and differences() == []
    assert indexing.maintain() is False
    assert all(path.is_dir() for path in made)
    indexing.rebuild()
    assert made[0].is_dir() and differences() == []


def test_a_damaged_token_is_no_other_database(client: Client, index: Path) -> None:
    make_article("Ferry", "The ferry waits.")
    indexing.rebuild()
    data = bytearray((index / "token").read_bytes())
    data[3] ^= 1
    (index / "token").write_bytes(data)
    replicas._current.clear()
    assert client.get("/search/?q=ferry").status_code == 503
    (error,) = indexing.verify().index_errors
    assert str(index / "token") in error and "another database" not in error
    call_command("newsindex_verify", "--repair", verbosity=0)
    assert client.get("/search/?q=ferry").status_code == 200 and indexing.verify().ok


# Without the database.


@pytest.mark.parametrize(
    "command",
    [
        ["newsindex_update"],
        ["newsindex_verify"],
        ["newsindex_verify", "--repair"],
        ["newsindex_purge"],
        ["newsindex_purge", "--hidden"],
        ["newsindex_rebuild"],
        ["newsindex_status"],
    ],
    ids=" ".join,
)
def test_a_command_says_that_the_database_is_away(index: Path, tmp_path: Path, command: list[str]) -> None:
    with another(index).writer() as writer:
        writer.put(make_document(1, "Ferry"))
    away = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "no" / "database")}
    environment = Place(away, index).environment()
    # Without the checks: those of Django 6.1 ask SQLite about fields of JSON before any command begins.
    arguments = [*command, "--skip-checks"]
    done = subprocess.run(
        [sys.executable, "-m", "django", *arguments], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "CommandError: " in done.stderr and "unable to open database file" in said
    assert "Traceback" not in done.stderr.rpartition("CommandError: ")[2], said
    assert [key for key, _ in another(index).scan()] == ["tests.thing:1"]
