"""A site of several processes on a cluster: its database, its index, its commands."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.conftest import ROOT, Place


@dataclass(frozen=True)
class Site(Place):
    """hosts: addresses of the cluster. name: of its index there. options: more of the engine's OPTIONS."""

    hosts: tuple[str, ...] = ()
    name: str = "site"
    options: tuple[tuple[str, Any], ...] = ()

    def environment(self, **more: str) -> dict[str, str]:
        ours = {
            "DJANGO_SETTINGS_MODULE": "tests.cluster.settings",
            "NEWSINDEX_SITE_HOSTS": json.dumps(self.hosts),
            "NEWSINDEX_SITE_INDEX": self.name,
            "NEWSINDEX_SITE_OPTIONS": json.dumps(dict(self.options)),
        }
        return super().environment(**{**ours, **more})

    def begin(self, *command: str, **more: str) -> subprocess.Popen[str]:
        """A management command, begun."""
        return subprocess.Popen(
            [sys.executable, "-m", "django", *command],
            cwd=ROOT,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(self, *command: str, **more: str) -> tuple[int, str]:
        """The exit status of a management command, and what it wrote to its output."""
        process = self.begin(*command, **more)
        said, _ = process.communicate(timeout=600)
        return process.returncode, said

    def pending(self) -> list[tuple[str, str]]:
        """(key of the object, what went wrong) of each pending row, as the database has it."""
        with closing(sqlite3.connect(self.database["NAME"], timeout=60)) as connection:
            return connection.execute("SELECT object_pk, error FROM newsindex_pendingchange ORDER BY id").fetchall()

    def generations(self) -> list[str]:
        """The indices of this site."""
        with urllib.request.urlopen(f"{self.hosts[0]}/_cat/indices/{self.name}-*?format=json", timeout=30) as answer:
            return sorted(row["index"] for row in json.load(answer))

    def drop(self) -> None:
        """Take all that it has out of the cluster."""
        for pattern in (f"{self.name}-*", f".{self.name}-control"):
            request = urllib.request.Request(f"{self.hosts[0]}/{pattern}?ignore_unavailable=true", method="DELETE")
            with urllib.request.urlopen(request, timeout=60):
                pass


def site_at(folder: Path, hosts: Sequence[str], name: str, **options: Any) -> Site:
    """A site with tables and an empty index, its database a file in ``folder``."""
    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(folder / "database"),
        "OPTIONS": {"timeout": 60, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
    }
    site = Site(database, folder / "index", tuple(hosts), name, tuple(options.items()))
    site.run("settled", 0)
    return site
