"""The database restarts under ``newsindex_update --watch``: the process stays, and goes on when it is back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.faults import postgresql
from tests.faults.conftest import ROOT, Place, counts, missing, slow, trials

pytestmark = slow

#: Seconds in which it must have gone on; a busy machine takes some.
BOUND = 90.0


@pytest.fixture
def database() -> Iterator[postgresql.Server]:
    if postgresql.programs() is None:
        missing("PostgreSQL's server (Debian's package postgresql)")
    if find_spec("psycopg") is None:
        missing("psycopg")
    with postgresql.controlled() as made:
        yield made


def wait_for(what: str, log: Path, times: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + BOUND
    while log.read_text().count(what) < times:
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < until, (what, log.read_text()[-3000:])
        time.sleep(0.1)


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_the_watch_survives_a_restart_of_the_database(database: postgresql.Server, tmp_path: Path, mode: str) -> None:
    place = Place(database.database, tmp_path / "index")
    place.run("settled", 0)
    log = tmp_path / "log"
    environment = place.environment(NEWSINDEX_FAULTS_UPDATE="command", PYTHONUNBUFFERED="1")
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "django", "newsindex_update", "--watch", "--interval", "0.1"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for("Watching all engines", log, 1, process)
        for number in range(trials(2, 20)):
            place.run("saved", f"before{mode}{number}", NEWSINDEX_FAULTS_UPDATE="command")
            wait_for("1 indexed", log, 2 * number + 1, process)
            database.stop(mode)
            # Long enough for it to notice.
            wait_for("The database can't be asked", log, number + 1, process)
            database.start()
            counts["database restarts"] += 1
            place.run("saved", f"after{mode}{number}", NEWSINDEX_FAULTS_UPDATE="command")
            wait_for("1 indexed", log, 2 * number + 2, process)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(60) == 0
        assert "The watch has ended" in log.read_text() and "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()
    place.run("settled", 1)
