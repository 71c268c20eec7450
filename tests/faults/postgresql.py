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


@contextmanager
def server() -> Iterator[dict[str, Any]]:
    """A running server, as an entry of DATABASES. It and all it holds are gone afterwards."""
    folder = programs()
    assert folder is not None
    work = Path(tempfile.mkdtemp(prefix="newsindex-postgresql-"))
    user = next((name for name in _USERS if _is_user(name)), None) if os.geteuid() == 0 else None
    if user:
        shutil.chown(work, user)
    work.chmod(0o700)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

    def run(program: str, *args: str) -> None:
        done = subprocess.run(
            [str(folder / program), *args],
            user=user,
            group=user and pwd.getpwnam(user).pw_gid,
            extra_groups=[] if user else None,
            cwd=work,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    data = str(work / "data")
    run("initdb", "-D", data, "-U", "newsindex", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {work} -c max_connections=200 -c shared_buffers=32MB"
    try:
        run("pg_ctl", "-D", data, "-w", "-l", str(work / "log"), "-o", options, "start")
        yield {
            "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "newsindex",
            "HOST": "127.0.0.1", "PORT": str(port),
        }  # fmt: skip
    finally:
        if (work / "data" / "postmaster.pid").exists():
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(work, ignore_errors=True)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
