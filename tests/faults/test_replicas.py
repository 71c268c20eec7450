"""Several hosts with an index each: level with the database and with each other, whoever was down meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.faults import postgresql

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Site:
    """A database, and hosts that keep an index of it."""

    database: dict[str, Any]
    place: Path
    hosts: dict[str, Host] = field(default_factory=dict)

    def environment(self, name: str, folder: str = "") -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings_changes",
            "NEWSINDEX_FAULTS_DATABASE": json.dumps(self.database),
            "NEWSINDEX_FAULTS_INDEX": str(self.place / (folder or name) / "index"),
            "NEWSINDEX_FAULTS_REPLICA": name,
        }

    def manage(self, *args: str, name: str = "web1") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "django", *args],
            env=self.environment(name),
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    def host(self, name: str, folder: str = "") -> Host:
        key = folder or name
        if key not in self.hosts:
            self.hosts[key] = Host(self.environment(name, folder))
        return self.hosts[key]

    def down(self, name: str) -> None:
        self.hosts.pop(name).close()


class Host:
    """A process with an index of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, "-W", "error::RuntimeWarning", "-m", "tests.faults.host"]
        self.process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def begin(self, *said: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(said) + "\n")
        self.process.stdin.flush()

    def end(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the host died"
        answer = json.loads(line)
        return answer.get("ok") if "error" not in answer else answer

    def __call__(self, *said: Any) -> Any:
        self.begin(*said)
        return self.end()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def require_server() -> None:
    """Skip the test where PostgreSQL's server or psycopg is missing; fail it with NEWSINDEX_FAULTS_REQUIRE=1."""
    if postgresql.programs() is not None and find_spec("psycopg") is not None:
        return
    if os.environ.get("NEWSINDEX_FAULTS_REQUIRE") == "1":
        pytest.fail("PostgreSQL's server (Debian's package postgresql) or psycopg is missing.")
    pytest.skip("needs PostgreSQL's server and psycopg")


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, Any]]:
    require_server()
    with postgresql.server() as database:
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if request.param == "sqlite":
        options = {"timeout": 60, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}
        name = str(tmp_path / "database")
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options}
    else:
        server = request.getfixturevalue("server")
        psycopg = pytest.importorskip("psycopg")
        name = f"replicas_{time.monotonic_ns()}"
        address = {"host": server["HOST"], "port": server["PORT"], "user": server["USER"]}
        with psycopg.connect(**address, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        database = {**server, "NAME": name}
    made = Site(database, tmp_path)
    said = made.manage("migrate", "--run-syncdb", "-v", "0")
    assert "Error" not in said, said
    with ExitStack() as stack:
        stack.callback(lambda: [host.close() for host in made.hosts.values()])
        yield made


def level(*hosts: Host) -> dict[str, str]:
    """What these hosts have in their index, each brought up to date: the same, and what the database says."""
    for host in hosts:
        assert host("update") == {"failed": 0, "busy": False, "error": ""}
        assert host("verify") is True
    dumps = [host("dump") for host in hosts]
    for dump in dumps:
        assert dump == dumps[0]
    return dumps[0]


def test_three_hosts_one_of_them_down_for_a_while(site: Site) -> None:
    one, two, three = (site.host(name) for name in ("web1", "web2", "web3"))
    assert [host("rebuild") for host in (one, two, three)] == [0, 0, 0]
    assert one("write", 10, 1) == 10
    first = level(one, two, three)
    assert first
    site.down("web3")
    one.begin("write", 40, 2)
    two.begin("write", 40, 3)
    assert (one.end(), two.end()) == (40, 40)
    withdrawn = level(one, two)
    assert withdrawn != first
    three = site.host("web3")
    # Nothing is lost, and nothing that was withdrawn meanwhile is shown.
    assert three("dump") == first and three("pending")["web3"] > 0
    assert set(three("search", "storm")) <= set(one("search", "storm"))
    assert one("write", 5, 4) == 5
    everywhere = level(one, two, three)
    assert three("search", "storm") == one("search", "storm")
    assert len(everywhere) > 10 and one("pending") == {}


def test_a_host_joins_while_others_write(site: Site) -> None:
    one, two = site.host("web1"), site.host("web2")
    one("rebuild")
    one.begin("write", 60, 1)
    two.begin("rebuild")
    assert one.end() == 60 and isinstance(two.end(), int)
    assert level(one, two)
    assert one("names") == ["web1", "web2"]


def test_a_host_that_joins_waits_for_open_transactions(site: Site) -> None:
    """Their changes are noted for no one who registers later, and not yet to be read by him."""
    one, two = site.host("web1"), site.host("web2")
    one("rebuild")
    one("hold", "held")
    two.begin("rebuild")
    time.sleep(2)
    one("commit")
    assert two.end() == 1
    assert "storm held" in two("search", "storm") and level(one, two)


def test_a_host_that_was_away_for_too_long_builds_anew(site: Site) -> None:
    one, three = site.host("web1"), site.host("web3")
    one("rebuild"), three("rebuild")
    one("write", 20, 1)
    level(one, three)
    one("write", 20, 2)
    assert one("pending")["web3"] > 0
    listed = json.loads(site.manage("newsindex_replicas", "--json"))
    assert [(row["name"], row["here"], row["pending"] > 0) for row in listed] == [
        ("web1", True, False),
        ("web3", False, True),
    ]
    one("age", "web3", 6)
    one("update")
    assert one("names") == ["web1", "web3"]
    one("age", "web3", 8)
    one("update")
    assert one("names") == ["web1"] and one("pending") == {}
    three("forget_known")
    assert three("search", "storm")["error"] == "IndexNotBuilt"
    assert "away for too long" in three("update")["error"]
    assert "newsindex_rebuild" in site.manage("newsindex_search", "storm", name="web3")
    site.down("web3")
    assert "articles" in site.manage("newsindex_rebuild", "--if-needed", name="web3")
    assert "there is an index" in site.manage("newsindex_rebuild", "--if-needed", name="web3")
    three = site.host("web3")
    assert level(one, three) and one("names") == ["web1", "web3"]


def test_a_host_is_dropped_for_good(site: Site) -> None:
    one, two = site.host("web1"), site.host("web2")
    one("rebuild"), two("rebuild")
    site.down("web2")
    one("write", 5, 1)
    assert "is dropped" in site.manage("newsindex_replicas", "--drop", "web2")
    assert "has no replica 'web2'" in site.manage("newsindex_replicas", "--drop", "web2")
    assert one("pending") == {} and one("names") == ["web1"]


def test_two_indexes_can_not_share_a_name(site: Site) -> None:
    one = site.host("web1")
    one("rebuild")
    one("write", 5, 1)
    double = site.host("web1", folder="double")
    assert "never built" in double("update")["error"]
    double("rebuild")
    one("forget_known")
    assert "another index took its name" in one("update")["error"]
    assert one("search", "storm")["error"] == "IndexNotBuilt"
    assert level(double)


def test_a_process_without_an_index_notes_changes_for_all(site: Site) -> None:
    one, two, worker = site.host("web1"), site.host("web2"), site.host("", folder="worker")
    one("rebuild"), two("rebuild")
    assert worker("write", 10, 1) == 10
    assert worker("update") == {"failed": 0, "busy": False, "error": ""}
    assert "keeps no index" in worker("search", "storm")["text"]
    assert level(one, two)


def test_triggers_note_for_every_replica(site: Site) -> None:
    one, two = site.host("web1"), site.host("web2")
    one("rebuild"), two("rebuild")
    assert one("bulk", 30) == 30
    assert one("pending") == {"web1": 30, "web2": 30}
    assert len(level(one, two)) == 30
