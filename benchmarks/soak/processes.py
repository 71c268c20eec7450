"""The processes of a soak: the server, who drains, who rebuilds; and those that are killed."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from tests.faults.conftest import ROOT, Place

WORKERS = 4
THREADS = 4


class Server:
    """The site under gunicorn, whose workers may be killed: it starts others."""

    def __init__(self, place: Place, port: int, log: Path) -> None:
        command = [sys.executable, "-m", "gunicorn", "tests.faults.wsgi", "--bind", f"127.0.0.1:{port}"]
        command += ["--workers", str(WORKERS), "--threads", str(THREADS), "--timeout", "120", "--log-level", "warning"]
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=place.environment(), stdout=output, stderr=subprocess.STDOUT
            )

    def workers(self) -> list[int]:
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def memory(pids: list[int]) -> int:
    """Bytes of memory that these processes have, what they share counted once."""
    total = 0
    for pid in pids:
        try:
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += int(found[1]) * 1024 if found else 0
    return total


def open_files(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        try:
            total += len(os.listdir(f"/proc/{pid}/fd"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


class Disturber(threading.Thread):
    """A thread that does something again and again until it is told to stop. wrong: what went wrong."""

    def __init__(self, counted: Counter[str], wrong: list[str], seed: str) -> None:
        super().__init__(daemon=True)
        self.counted, self.wrong = counted, wrong
        self.chance = random.Random(f"{seed} {type(self).__name__}")
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self.turn()
            except Exception as error:
                self.wrong.append(f"{type(self).__name__}: {error!r}")
                self.over.wait(1)

    def turn(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        self.over.set()
        self.join()


class WorkerKiller(Disturber):
    """Kills a worker of the server now and then. last: when, as ``time.monotonic`` counts."""

    def __init__(self, counted: Counter[str], wrong: list[str], seed: str, server: Server) -> None:
        super().__init__(counted, wrong, seed)
        self.server = server
        self.last = 0.0

    def turn(self) -> None:
        if self.over.wait(self.chance.uniform(5, 15)):
            return
        workers = self.server.workers()
        if len(workers) == WORKERS:
            self.last = time.monotonic()
            os.kill(self.chance.choice(workers), signal.SIGKILL)
            self.counted["workers killed"] += 1


class Commands(Disturber):
    """Runs a command of the site again and again, and kills some of its processes."""

    name_of_kills = ""

    def __init__(self, counted: Counter[str], wrong: list[str], seed: str, place: Place) -> None:
        super().__init__(counted, wrong, seed)
        self.place = place

    def begun(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "django", *arguments],
            cwd=ROOT,
            env=self.place.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self, process: subprocess.Popen[str], after: float | None) -> str:
        """Wait for a process, or kill it after so many seconds; what it said."""
        until = time.monotonic() + (after if after is not None else 600)
        while process.poll() is None and time.monotonic() < until and not (after and self.over.is_set()):
            time.sleep(0.05)
        if process.poll() is None:
            process.kill()
            self.counted[self.name_of_kills] += 1
        out, err = process.communicate()
        if process.returncode not in (0, -signal.SIGKILL):
            self.wrong.append(f"{' '.join(process.args[3:])}: {err[-500:]}")  # type: ignore[index]
        return out


class Drainers(Commands):
    """``newsindex_update --watch``, killed now and then and started again, as a supervisor does it."""

    name_of_kills = "drainers killed"

    def turn(self) -> None:
        self.ended(self.begun("newsindex_update", "--watch", "--interval", "0.2"), self.chance.uniform(5, 20))


class Rebuilds(Commands):
    """Rebuilds, every other one killed."""

    name_of_kills = "rebuilds killed"

    def turn(self) -> None:
        kill = self.counted["rebuilds killed"] <= self.counted["rebuilds"]
        process = self.begun("newsindex_rebuild", "--batch-size", "50")
        # To start takes a second or more of it.
        out = self.ended(process, self.chance.uniform(1.5, 8.0) if kill else None)
        if process.returncode == 0:
            self.counted["rebuilds"] += 1
            self.counted["rebuilds gone on with"] += "written before" in out
        self.over.wait(self.chance.uniform(0, 3))
