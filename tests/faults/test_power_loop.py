"""Durable, on a real file system: the disk is copied while commits go on, and the copy is mounted.

The index lies on ext4 in a file that is a block device. The file is copied at random moments, which is what a disk has
whose power is cut there: the kernel has written some of what it was given, and not the rest. The file system mends
itself from its journal when the copy is mounted; then the index opens at the last commit that was acknowledged before
the copy began, or a later one. Needs root and loop devices.

While it is copied the file system is frozen by no one, but the process that commits is stopped: a copy takes a moment
in which blocks would go on changing, and no disk is cut at two moments at once. What has been given to the kernel and
not fsynced is not in the copy unless the kernel has written it by itself.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from newsindex.engines.whoosh import WhooshEngine
from newsindex.exceptions import EngineError
from tests.contract.asking import article, index, make_engine
from tests.faults.conftest import REQUIRED, ROOT, SEED, counts, slow, trials

MEGABYTES = 48


def run(*command: object) -> None:
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    at.mkdir(exist_ok=True)
    run("mount", "-o", "loop", image, at)
    try:
        yield at
    finally:
        run("umount", at)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A file with an empty ext4. Skips where this machine can't mount one, which no test can change."""
    found = tmp_path / "disk"
    if os.geteuid() != 0 or not all(map(shutil.which, ("mkfs.ext4", "mount", "umount"))):
        pytest.skip("Only root can mount a file, with mkfs.ext4 and mount.")
    with open(found, "wb") as file:
        file.truncate(MEGABYTES << 20)
    run("mkfs.ext4", "-q", "-F", found)
    try:
        with mounted(found, tmp_path / "try"):
            pass
    except AssertionError as error:
        if REQUIRED and os.environ.get("NEWSINDEX_FAULTS_LOOP") == "1":
            raise
        pytest.skip(f"No loop device can be mounted here: {error}")
    return found


def commits(path: str, journal: str) -> None:
    """Commit for ever, a rebuild now and then, and note each commit that was acknowledged."""
    engine = make_engine("whoosh", Path(path))
    handle = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    number = 0
    while True:
        number += 1
        if number % 7 == 0:
            rebuild = engine.rebuild()
            with rebuild.writer() as writer:
                for key, _ in list(engine.scan()):
                    document = engine.get(key)
                    assert document is not None
                    writer.put(document)
            rebuild.swap()
        documents = [article(chance, f"Ferry {number}", "A line.\n" * 20) for chance in (number % 30, 30 + number % 7)]
        index(engine, *documents, article("last", f"Commit {number}"))
        if number % 5 == 0:
            engine.maintain()
        os.write(handle, f"{json.dumps([number, len(dict(engine.scan()))])}\n".encode())


def acknowledged(journal: Path) -> tuple[int, int]:
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    return (lines[-1][0], lines[-1][1]) if lines else (0, 0)


@slow
def test_a_copy_of_the_disk_at_any_moment_opens_at_the_last_acknowledged_commit(image: Path, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    journal = tmp_path / "journal"
    journal.touch()
    counts["power cuts of a disk"] += 0
    with mounted(image, tmp_path / "live") as disk:
        # What is not the index must be there whatever happens to it.
        os.sync()
        command = [sys.executable, "-m", "tests.faults.test_power_loop", str(disk / "index"), str(journal)]
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        try:
            until = time.monotonic() + 60
            while acknowledged(journal)[0] < 3:
                assert process.poll() is None and time.monotonic() < until
                time.sleep(0.05)
            for number in range(trials(25, 100)):
                time.sleep(chance.uniform(0.05, 0.6))
                os.kill(process.pid, signal.SIGSTOP)
                try:
                    last, _ = acknowledged(journal)
                    shutil.copyfile(image, tmp_path / "copy")
                finally:
                    os.kill(process.pid, signal.SIGCONT)
                counts["power cuts of a disk"] += 1
                assert_opens(tmp_path / "copy", tmp_path / "cut", last, f"cut {number}, seed {SEED}")
        finally:
            process.kill()
            process.wait()


def assert_opens(copy: Path, at: Path, last: int, what: str) -> None:
    with mounted(copy, at):
        engine = WhooshEngine(path=at / "index")
        try:
            found = engine.get("news.story:last")
            problems = list(engine.verify())
        except EngineError as error:
            counts["unopenable disks"] += 1
            pytest.fail(f"{what}: {error}")
        finally:
            engine.close()
    assert problems == [], what
    has = int(found.title.removeprefix("Commit ")) if found else 0
    if not last <= has <= last + 1:
        counts["commits lost on a disk"] += 1
        pytest.fail(f"{what}: it has commit {has}, acknowledged was {last}")


if __name__ == "__main__":
    commits(sys.argv[1], sys.argv[2])
