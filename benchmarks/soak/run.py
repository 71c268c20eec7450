"""``python -m benchmarks.soak [--minutes 15]``: reads, writes, rebuilds and kills, and a comparison at the end.

The site of ``tests/faults`` under gunicorn, asked over HTTP by threads of this process that know what each answer must
be (``tests/faults/load.py``). Meanwhile workers of the server, the process that drains, and rebuilds are killed. A
request that a killed worker had in hand is cut off: that is counted by itself, and the request made again. Ends with 1
if anything else went wrong. Needs what ``pip install -e ".[test,faults]"`` brings.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.measuring import machine
from benchmarks.soak.processes import Drainers, Rebuilds, Server, WorkerKiller, memory, open_files
from tests.faults import postgresql
from tests.faults.conftest import Place
from tests.faults.load import Load, Say, over_http

WRITERS, READERS = 4, 8
#: Articles beside those that are written and looked for, so that a rebuild takes some seconds and can be gone on with.
FILL = 2_000
#: Seconds between two looks at memory and files.
LOOK = 2.0
#: How often a request that was cut off is made again, and for how long after a kill that may happen, in seconds.
TRIES, AFTER_KILL = 10, 15.0
#: What must be 0.
WRONG = ("errors", "shrunken answers", "duplicates", "half written", "losses", "differences", "other troubles")


@contextmanager
def a_place(kind: str, folder: Path) -> Iterator[Place]:
    if kind == "postgresql":
        with postgresql.server() as database:
            yield Place(database, folder / "index")
        return
    options = {"timeout": 60, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"}
    name = str(folder / "database")
    yield Place({"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options}, folder / "index")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Soak:
    """What is going on, and what came of it."""

    def __init__(self, place: Place, folder: Path, seed: str) -> None:
        self.place, self.seed = place, seed
        self.counted: Counter[str] = Counter(dict.fromkeys(WRONG, 0))
        self.wrong: list[str] = []
        #: (seconds since the beginning, bytes of memory, open files, files of the index, bytes of the index).
        self.looks: list[tuple[float, int, int, int, int]] = []
        port = free_port()
        self.server = Server(place, port, folder / "log")
        self.log = folder / "log"
        self.killer = WorkerKiller(self.counted, self.wrong, seed, self.server)
        self.load = Load(self._patient(over_http(port)), WRITERS, READERS)
        self._wait_for(port)

    def _wait_for(self, port: int) -> None:
        for _ in range(600):
            assert self.server.process.poll() is None, self.log.read_text()
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError(f"The server does not answer: {self.log.read_text()}")

    def _patient(self, say: Say) -> Say:
        def again(method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, bytes]:
            for _ in range(TRIES):
                try:
                    return say(method, path, form)
                except (ConnectionError, http.client.HTTPException):
                    if time.monotonic() > self.killer.last + AFTER_KILL:
                        raise
                    self.counted["requests cut off by a kill"] += 1
                    time.sleep(0.2)
            return say(method, path, form)

        return again

    def run(self, seconds: float) -> None:
        self.load.fill()
        others = [kind(self.counted, self.wrong, self.seed, self.place) for kind in (Drainers, Rebuilds)]
        self.load.start()
        began = time.monotonic()
        for each in (self.killer, *others):
            each.start()
        try:
            while time.monotonic() < began + seconds:
                time.sleep(LOOK)
                self._look(time.monotonic() - began)
        finally:
            for each in (self.killer, *others):
                each.stop()
            self.load.stop()

    def _look(self, at: float) -> None:
        pids = [self.server.process.pid, *self.server.workers()]
        files = list(self.place.index.rglob("*"))
        sizes = 0
        for path in files:
            try:
                sizes += path.stat().st_size
            except FileNotFoundError:
                continue
        self.looks.append((at, memory(pids), open_files(pids), len(files), sizes))

    def compare(self) -> None:
        """One drain; then the index is what the database is, and all that was acknowledged is found."""
        try:
            self.place.run("settled", 1)
        except AssertionError as error:
            self.counted["differences"] += 1
            self.wrong.append(str(error)[-1_000:])
        for word in self.load.acknowledged.values():
            if word not in ("", "start"):
                _, content = self.load.say("GET", f"/search/json/?q={word}", None)
                self.counted["losses"] += b'"total": 1,' not in content
        for name, count in self.load.counted.items():
            self.counted[name] += count
        self.wrong += self.load.wrong
        self.counted["other troubles"] = max(0, len(self.wrong) - sum(self.counted[name] for name in WRONG))
        if "Traceback" in self.log.read_text():
            self.wrong.append(self.log.read_text()[-2_000:])
            self.counted["other troubles"] += 1

    @property
    def ok(self) -> bool:
        return not self.wrong and not any(self.counted[name] for name in WRONG)


def share(values: Sequence[float], of: float) -> float:
    """So many of the values are no greater."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * of), len(ordered) - 1)] if ordered else 0.0


def rows(soak: Soak, minutes: float) -> list[tuple[str, str]]:
    counted, took = soak.counted, soak.load.took
    found = [("minutes", f"{minutes:g}")]
    for title, method in (("reads", "GET"), ("writes", "POST")):
        seconds = [each for kind, each in took if kind == method]
        ends = " / ".join(f"{1000 * share(seconds, of):,.0f}" for of in (0.5, 0.95, 0.999))
        found += [(title, f"{len(seconds):,}"), (f"ms of {title}: 50 / 95 / 99.9 %", ends)]
    for name in ("rebuilds", "rebuilds gone on with", "rebuilds killed", "drainers killed", "workers killed"):
        found.append((name, f"{counted[name]:,}"))
    found.append(("requests cut off by a kill, and made again", f"{counted['requests cut off by a kill']:,}"))
    found += [(name, f"{counted[name]:,}") for name in WRONG]
    quarter = len(soak.looks) // 4
    for at, name, unit in (
        (1, "memory of the server, MB", 1e6),
        (2, "its open files", 1),
        (3, "files of the index", 1),
        (4, "size of the index, kB", 1e3),
    ):
        first = [look[at] for look in soak.looks[quarter : 2 * quarter]] or [0]
        last = [look[at] for look in soak.looks[-quarter:]] or [0]
        found.append(
            (f"{name}: most in the second / the last quarter", f"{max(first) / unit:,.0f} / {max(last) / unit:,.0f}")
        )
    return found


def page(found: list[tuple[str, str]], arguments: Any, seed: str) -> str:
    said = machine()
    lines = "\n".join(f"| {name} | {value} |" for name, value in found)
    command = f"python -m benchmarks.soak --minutes {arguments.minutes:g} --database {arguments.database} --write"
    return f"""# The soak

Written by `{command}`, seed {seed},
on {date.today()}: {said["cores"]} cores ({said["cpu"]}), {said["memory"]}, Python {said["python"]}.

A site under gunicorn, {WRITERS} writers and {READERS} readers over HTTP that know what each answer must be, a process
that drains, rebuilds one after the other; workers, drainers and every other rebuild are killed with `SIGKILL`. At the
end, one drain, then the index is compared with the database, and all that was acknowledged is looked for.

| | |
|---|---|
{lines}
"""


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0, help="how long (%(default)s)")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(10**9)))
    parser.add_argument("--folder", type=Path, help="where database, index and log go; a temporary one unless given")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/soak.md")
    arguments = parser.parse_args()
    if arguments.folder:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    # Segments of a rebuild that are small enough to be finished before it is killed.
    os.environ["NEWSINDEX_FAULTS_WRITER_MB"] = "1"
    with (
        nullcontext(arguments.folder) if arguments.folder else tempfile.TemporaryDirectory() as folder,
        a_place(arguments.database, Path(folder)) as place,
    ):
        place.run("filled", FILL)
        soak = Soak(place, Path(folder), arguments.seed)
        try:
            soak.run(60 * arguments.minutes)
            soak.compare()
        finally:
            soak.server.stop()
    found = rows(soak, arguments.minutes)
    width = max(len(name) for name, _ in found)
    print("\n".join(f"{name:<{width}}  {value}" for name, value in found))
    for each in soak.wrong[:10]:
        print(f"wrong: {each}", file=sys.stderr)
    if arguments.write:
        place_of_page = Path(__file__).parents[2] / "docs" / "benchmarks" / "soak.md"
        place_of_page.write_text(page(found, arguments, arguments.seed))
    sys.exit(0 if soak.ok else f"Something went wrong; seed {arguments.seed}.")
