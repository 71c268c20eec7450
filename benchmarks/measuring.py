"""Clocks, memory and sizes, read from the system, and what kind of machine this is.

CPU time is what is believed: the machine may be busy. Linux only, as ``/proc`` is.
"""

from __future__ import annotations

import os
import platform
import resource
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KIB = 1024


@dataclass(frozen=True)
class Spent:
    """Seconds of CPU and of the clock on the wall."""

    cpu: float
    wall: float


class Stopwatch:
    """Measures what this process and those with the given ids spend from now on."""

    def __init__(self, pids: Iterable[int] = ()) -> None:
        self._pids = list(pids)
        self._wall = time.perf_counter_ns()
        self._cpu = self._cpu_now()

    def read(self) -> Spent:
        cpu, wall = self._cpu_now(), time.perf_counter_ns()
        return Spent((cpu - self._cpu) / 1e9, (wall - self._wall) / 1e9)

    def _cpu_now(self) -> int:
        return time.process_time_ns() + sum(cpu_of(pid) for pid in self._pids)


def cpu_of(pid: int) -> int:
    """Nanoseconds of CPU that the threads of another process have had; 0 once it is gone."""
    total = 0
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return total
    return total


def cpu_of_children() -> float:
    """Seconds of CPU of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak_memory(pid: int | None = None) -> int:
    """The most bytes that a process (this one) has had in memory.

    Not ``ru_maxrss``, in which a process begins with what its parent had when it was started.
    """
    for line in Path(f"/proc/{pid or 'self'}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * _KIB
    return 0


def peak_memory_of_children() -> int:
    """The largest of the children that have ended."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _KIB


def private_memory(folder: Path | None = None, pid: int | None = None) -> tuple[int, int]:
    """(bytes that only this process has, bytes of files in ``folder`` that it has mapped and that are in memory).

    The second are not among the first: the system takes them back at any time, and shares them among processes.
    """
    private = mapped = 0
    in_folder = False
    prefix = f"{folder}/" if folder else "\0"
    for line in Path(f"/proc/{pid or 'self'}/smaps").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            in_folder = prefix in line
        elif in_folder and name == "Rss:":
            mapped += int(rest.split()[0]) * _KIB
        elif not in_folder and name in ("Private_Clean:", "Private_Dirty:"):
            private += int(rest.split()[0]) * _KIB
    return private, mapped


def size_of(folder: Path) -> int:
    """Bytes of all files under ``folder``."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def machine() -> dict[str, Any]:
    """What kind of machine this is, without anything that tells which one."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "cpu": model,
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def load() -> float:
    """How many processes wanted to run during the last minute."""
    return os.getloadavg()[0]
