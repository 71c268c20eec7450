"""Many processes: a WSGI server with several workers, writers and readers at once, and rebuilds that are killed."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.faults.conftest import ROOT, Place, counts, missing, slow, trials
from tests.faults.load import BOUND, Load, over_http

pytestmark = slow

WRITERS = READERS = 8
SECONDS = trials(6, 120)


@contextmanager
def served(place: Place, log: Path, *options: str, **more: str) -> Iterator[int]:
    """The site of ``site.py`` under gunicorn: its port."""
    if find_spec("gunicorn") is None:
        missing("gunicorn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "tests.faults.wsgi", "--bind", f"127.0.0.1:{port}", *options]
    command += ["--workers", "4", "--threads", "4", "--timeout", "120", "--log-level", "warning"]
    with open(log, "wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=place.environment(**more), stdout=output, stderr=output)
    try:
        wait_for(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"The server does not answer: {log.read_text()}")


def settle(place: Place, load: Load, log: Path) -> None:
    """Stop the load; nothing was wrong, and everything acknowledged is found."""
    load.stop()
    text = log.read_text()
    for name in ("errors", "shrunken answers", "duplicates", "half written", "losses"):
        load.counted[name] += 0
    place.run("settled", 1)
    for slug, word in load.acknowledged.items():
        if word not in ("", "start"):
            _, content = load.say("GET", f"/search/json/?q={word}", None)
            load.counted["losses"] += b'"total": 1,' not in content
            assert b'"total": 1,' in content, (slug, word, content[:300])
    counts.update(load.counted)
    assert load.wrong == [], f"{load.wrong[:5]}\n{text[-3000:]}"
    assert "Traceback" not in text, text[-3000:]
    assert load.longest < BOUND


@pytest.mark.parametrize("preload", [False, True], ids=["forked", "preloaded"])
def test_writers_and_readers_never_see_each_other(place: Place, tmp_path: Path, preload: bool) -> None:
    place.run("settled", 0)
    options = ["--preload"] if preload else []
    with served(place, tmp_path / "log", *options, NEWSINDEX_FAULTS_OPEN=str(int(preload))) as port:
        load = Load(over_http(port), WRITERS, READERS)
        load.fill()
        load.start()
        time.sleep(SECONDS)
        settle(place, load, tmp_path / "log")
    assert load.counted["reads"] > 0 and load.counted["acknowledged"] > len(load.acknowledged) / 2


def test_a_rebuild_under_load_never_blanks_the_search(place: Place, tmp_path: Path) -> None:
    """One rebuild after another, every other one killed at some point."""
    place.run("settled", 0)
    chance = random.Random()
    with served(place, tmp_path / "log") as port:
        load = Load(over_http(port), 3, 5)
        load.fill()
        load.start()
        until = time.monotonic() + 3 * SECONDS
        while time.monotonic() < until or counts["rebuilds that ended"] == 0:
            process = subprocess.Popen(
                [sys.executable, "-m", "django", "newsindex_rebuild", "--verbosity", "0"],
                cwd=ROOT,
                env=place.environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            if counts["rebuilds killed"] <= counts["rebuilds that ended"]:
                # Starting takes a part of it.
                time.sleep(chance.uniform(0.5, 4.0))
                os.kill(process.pid, signal.SIGKILL)
            _, said = process.communicate()
            assert process.returncode in (0, -signal.SIGKILL), said.decode()[-2000:]
            counts["rebuilds killed" if process.returncode else "rebuilds that ended"] += 1
        settle(place, load, tmp_path / "log")
