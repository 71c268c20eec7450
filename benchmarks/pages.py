"""End to end: search pages over HTTP, from a WSGI server with one process and one thread."""

from __future__ import annotations

import http.client
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus

from benchmarks.measuring import cpu_of, private_memory

#: Seconds that the requests to one site may take.
BUDGET: Final = 60.0
REQUESTS: Final = 400
_HOST: Final = "127.0.0.1"


def measure(site: str, place: Path, queries: Sequence[tuple[str, ...]], environment: dict[str, str]) -> dict[str, Any]:
    """Ask the site for its page of each query, again and again, one request after the other.

    Returns seconds of the server's CPU and of the wall for each request, and what the pages are like.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.site.serve", site, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        port = int(server.stdout.readline() or 0) if server.stdout else 0
        if not port:
            raise RuntimeError("the server did not start")
        return _requests(server.pid, port, ["/?q=" + quote_plus(" ".join(words)) for words in queries])
    finally:
        server.kill()
        server.wait()


def _requests(pid: int, port: int, paths: Sequence[str]) -> dict[str, Any]:
    connection = http.client.HTTPConnection(_HOST, port, timeout=900)
    end = time.perf_counter() + BUDGET
    sizes: list[int] = []
    for path in paths:
        if not sizes or time.perf_counter() < end - BUDGET / 2:
            sizes.append(_get(connection, path))
    end = max(end, time.perf_counter() + 1)
    cpu: list[float] = []
    wall: list[float] = []
    while len(wall) < REQUESTS and time.perf_counter() < end:
        begun, used = time.perf_counter(), cpu_of(pid)
        _get(connection, paths[len(wall) % len(paths)])
        wall.append(time.perf_counter() - begun)
        cpu.append((cpu_of(pid) - used) / 1e9)
    connection.close()
    return {
        "requests": len(wall),
        "cpu": cpu,
        "wall": wall,
        "bytes": statistics.median(sizes),
        "private": private_memory(pid=pid)[0],
    }


def _get(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path)
    response = connection.getresponse()
    size = len(response.read())
    if response.status != 200:
        raise RuntimeError(f"status {response.status}")
    return size


def rate(seconds: Iterable[float]) -> float:
    """Requests for each second."""
    seconds = list(seconds)
    return len(seconds) / sum(seconds)
