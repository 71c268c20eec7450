"""How many trials, and on which databases. What all of them came to is said at the end.

NEWSINDEX_TRIALS: "few" or "full"; without it only what takes seconds is tried. NEWSINDEX_FAULTS_REQUIRE=1: what is
missing on this machine fails in the place of being skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.counted import SEED, counts, trials
from tests.faults import postgresql

__all__ = ["SEED", "counts", "trials"]

REQUIRED = os.environ.get("NEWSINDEX_FAULTS_REQUIRE") == "1"
ROOT = Path(__file__).resolve().parents[2]

#: The mark of tests that take minutes.
slow = pytest.mark.skipif(
    "NEWSINDEX_TRIALS" not in os.environ, reason="takes minutes: set NEWSINDEX_TRIALS to few or full"
)


def missing(what: str) -> None:
    """Skip the test for want of ``what``, or fail it where nothing may be skipped."""
    if REQUIRED:
        pytest.fail(f"{what} is missing.")
    pytest.skip(f"{what} is missing.")


@dataclass(frozen=True)
class Place:
    """A database and an index that several processes share."""

    database: dict[str, Any]
    index: Path

    def environment(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "NEWSINDEX_FAULTS_DATABASE": json.dumps(self.database),
            "NEWSINDEX_FAULTS_INDEX": str(self.index),
            "PYTHONPATH": str(ROOT),
            **more,
        }

    def run(self, module: str, *args: object, timeout: float = 3_600, **more: str) -> dict[str, int]:
        """Run a driver of this package; what it counted, which it prints as its last line."""
        done = subprocess.run(
            [sys.executable, "-W", "error::RuntimeWarning", "-m", "tests.faults.driver", module, *map(str, args)],
            env=self.environment(**more),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        counted: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
        counts.update(counted)
        return counted


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[dict[str, Any]]:
    if postgresql.programs() is None:
        missing("PostgreSQL's server (Debian's package postgresql)")
    if find_spec("psycopg") is None:
        missing("psycopg")
    with postgresql.server() as database:
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A new database, without tables, and room for an index."""
    if request.param == "sqlite":
        # As Django's documentation advises for several writers; without it SQLite refuses to wait.
        options = {"timeout": 60, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}
        name = str(tmp_path / "database")
        return Place({"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options}, tmp_path / "index")
    database = request.getfixturevalue("postgresql_server")
    name = f"faults_{os.getpid()}_{counts['databases']}"
    counts["databases"] += 1
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(
        host=database["HOST"], port=database["PORT"], user=database["USER"], dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return Place({**database, "NAME": name}, tmp_path / "index")
