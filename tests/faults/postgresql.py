"""A PostgreSQL server for the tests: Debian's, in a temporary directory, on loopback, as a user without rights."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Who runs the server where this process is root, which may not.
_USERS = ("postgres", "nobody")


def programs() -> Path | None:
    """The folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


class Server:
    """A server that can be stopped and started again. Its data are in a directory of their own."""

    def __init__(self) -> None:
        folder = programs()
        assert folder is not None
        self._programs = folder
        self._work = Path(tempfile.mkdtemp(prefix="newsindex-postgresql-"))
        self._user = next((name for name in _USERS if _is_user(name)), None) if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._work, self._user)
        self._work.chmod(0o700)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]
        self._run("initdb", "-D", self._data, "-U", "newsindex", "-A", "trust", "-E", "UTF8", "--no-sync")

    @property
    def database(self) -> dict[str, Any]:
        """As an entry of DATABASES."""
        return {
            "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "newsindex",
            "HOST": "127.0.0.1", "PORT": str(self.port),
        }  # fmt: skip

    def start(self) -> None:
        own = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self._work}"
        options = f"{own} -c max_connections=200 -c shared_buffers=32MB"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", str(self._work / "log"), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """mode: "immediate" is as a crash, "fast" ends connections and closes in order."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def remove(self) -> None:
        if (self._work / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._work, ignore_errors=True)

    @property
    def _data(self) -> str:
        return str(self._work / "data")

    def _run(self, program: str, *args: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *args],
            user=self._user,
            group=self._user and pwd.getpwnam(self._user).pw_gid,
            extra_groups=[] if self._user else None,
            cwd=self._work,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


@contextmanager
def server() -> Iterator[dict[str, Any]]:
    """A running server, as an entry of DATABASES. It and all it holds are gone afterwards."""
    with controlled() as made:
        yield made.database


@contextmanager
def controlled() -> Iterator[Server]:
    """The same, to be stopped and started meanwhile."""
    made = Server()
    try:
        made.start()
        yield made
    finally:
        made.remove()


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
