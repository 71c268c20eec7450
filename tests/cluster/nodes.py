"""Nodes of a real cluster on loopback, each a process of its own that can be stopped, frozen and killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster.distribution import Missing, distribution, java_home

# The server refuses to run as root.
_USER, _GROUP = "nobody", "nogroup"
_START = 240.0
#: Megabytes that a node takes: of memory beside its heap, and of files with what tests write.
_BESIDE_HEAP, _FILES = 320, 600


class Cluster:
    """``size`` nodes, one JVM each. Use as a context manager; afterwards no process and no file is left."""

    def __init__(self, size: int = 1, heap: str = "512m", settings: Mapping[str, object] | None = None) -> None:
        self.size = size
        self._heap = heap
        self._more = dict(settings or {})
        needed = size * (int(heap[:-1]) * {"m": 1, "g": 1024}[heap[-1]] + _BESIDE_HEAP)
        if (free := free_memory()) < needed:
            raise Missing(f"{size} of its nodes take {needed} MB of memory, and {free} are free")
        self._distribution = distribution()
        self._work = Path(tempfile.mkdtemp(prefix="newsindex-cluster-", dir=_place(needed, size * _FILES)))
        self._work.chmod(0o755)
        # Where snapshots of the cluster may lie.
        self._snapshots = self._work / "snapshots"
        self._snapshots.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self._snapshots, _USER, _GROUP)
        self._java = self._enterable(java_home())
        ports = free_ports(2 * size)
        self._http, self._transport = ports[:size], ports[size:]
        self._nodes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def hosts(self) -> list[str]:
        return [self.address(number) for number in range(self.size)]

    def address(self, number: int) -> str:
        return f"http://127.0.0.1:{self._http[number]}"

    def process(self, number: int) -> int:
        """The id of a node's process: the JVM itself, for the start script becomes it."""
        return self._nodes[number].pid

    def start(self, number: int) -> None:
        """Start a node, anew where it ran before; its data are those of before."""
        home = self._work / f"n{number}"
        if not home.exists():
            self._furnish(home)
        log = (self._work / f"n{number}.out").open("ab")
        with log:
            self._nodes[number] = subprocess.Popen(
                [str(home / "bin" / "opensearch"), *self._said(number, home)],
                cwd=home,
                env=self._environment(number, home),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **_as_somebody_else(),
            )

    def _enterable(self, java: Path) -> Path:
        """``java``, or a copy of it where the user of the nodes can't go to it: below somebody's home."""
        if os.geteuid() or all(folder.stat().st_mode & 0o001 for folder in (java, *java.resolve().parents)):
            return java
        return Path(shutil.copytree(java, self._work / "java"))

    def _furnish(self, home: Path) -> None:
        """A home for a node: what it writes to is its own, the rest is that of the distribution."""
        home.mkdir()
        shutil.copytree(self._distribution / "config", home / "config")
        # For searches by vectors, which are not ours; a small Java has no such module and does not start with it.
        options = home / "config" / "jvm.options"
        lines = options.read_text().splitlines(keepends=True)
        options.write_text("".join(line for line in lines if "jdk.incubator.vector" not in line))
        for name in ("bin", "lib", "modules", "agent", "plugins"):
            if (self._distribution / name).is_dir():
                shutil.copytree(self._distribution / name, home / name)
        for name in ("data", "logs", "tmp", "plugins"):
            (home / name).mkdir(exist_ok=True)
        if os.geteuid() == 0:
            for path in (home, *home.rglob("*")):
                shutil.chown(path, _USER, _GROUP)

    def _said(self, number: int, home: Path) -> list[str]:
        return [f"-E{name}={value}" for name, value in self._settings(number, home).items()]

    def _settings(self, number: int, home: Path) -> dict[str, object]:
        said: dict[str, object] = {
            "cluster.name": "newsindex-test",
            "node.name": f"n{number}",
            "network.host": "127.0.0.1",
            "http.port": self._http[number],
            "transport.port": self._transport[number],
            "path.data": home / "data",
            "path.logs": home / "logs",
            "path.repo": self._snapshots,
            # The disk of a test machine may be nearly full.
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "cluster.max_shards_per_node": 5000,
            **self._more,
        }
        if self.size == 1:
            return {**said, "discovery.type": "single-node"}
        return {
            **said,
            "discovery.seed_hosts": ",".join(f"127.0.0.1:{port}" for port in self._transport),
            "cluster.initial_cluster_manager_nodes": ",".join(f"n{other}" for other in range(self.size)),
        }

    def _environment(self, number: int, home: Path) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "JAVA_HOME": str(self._java),
            "OPENSEARCH_JAVA_HOME": str(self._java),
            "OPENSEARCH_PATH_CONF": str(home / "config"),
            "OPENSEARCH_TMPDIR": str(home / "tmp"),
            "HOSTNAME": f"n{number}",
            "LC_ALL": "C.UTF-8",
            "OPENSEARCH_JAVA_OPTS": f"-Xms{self._heap} -Xmx{self._heap} -XX:TieredStopAtLevel=1 -Xlog:disable",
        }

    def wait(self, nodes: int | None = None, status: str = "yellow", through: int = 0) -> None:
        """Wait until so many nodes have found each other. through: the node that is asked."""
        wanted = f"wait_for_nodes={nodes or self.size}&wait_for_status={status}&timeout=1s"
        until = time.monotonic() + _START
        while True:
            try:
                found = self.ask(through, f"/_cluster/health?{wanted}")
                if not found.get("timed_out"):
                    return
            except (OSError, ValueError):
                pass
            died = [number for number, node in self._nodes.items() if node.poll() not in (None, -signal.SIGKILL)]
            if died or time.monotonic() > until:
                raise RuntimeError(f"The cluster did not start; nodes that ended: {died}\n{self.said(through)}")
            time.sleep(0.2)

    def ask(self, number: int, path: str, timeout: float = 10.0) -> Any:
        """What a node answers to a GET."""
        with urllib.request.urlopen(self.address(number) + path, timeout=timeout) as answer:
            return json.load(answer)

    def alive(self) -> list[int]:
        """The nodes whose processes run."""
        return [number for number, node in self._nodes.items() if node.poll() is None]

    def busiest(self) -> int:
        """The node with most primary shards of articles."""
        shards = self.ask(self.alive()[0], "/_cat/shards?format=json&h=index,prirep,node")
        primaries = Counter(row["node"] for row in shards if row["prirep"] == "p" and not row["index"].startswith("."))
        return int(primaries.most_common(1)[0][0].removeprefix("n"))

    def manager(self) -> int:
        """The node that the others have elected."""
        return int(self.ask(self.alive()[0], "/_cat/cluster_manager?format=json")[0]["node"].removeprefix("n"))

    def said(self, number: int) -> str:
        """The end of what a node has logged."""
        log = self._work / f"n{number}.out"
        return log.read_text(errors="replace")[-4_000:] if log.exists() else ""

    def kill(self, number: int) -> None:
        """As a power cut does it."""
        self._nodes[number].kill()
        self._nodes[number].wait()

    def freeze(self, number: int) -> None:
        os.kill(self.process(number), signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        os.kill(self.process(number), signal.SIGCONT)

    def __enter__(self) -> Cluster:
        try:
            for number in range(self.size):
                self.start(number)
            self.wait()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        for node in self._nodes.values():
            if node.poll() is None:
                node.kill()
                node.wait()
        shutil.rmtree(self._work, ignore_errors=True)


def free_memory() -> int:
    """Megabytes that may be taken; very many where the system does not say."""
    try:
        said = Path("/proc/meminfo").read_text()
    except OSError:
        return 10**9
    found = re.search(r"^MemAvailable: *(\d+) kB", said, re.MULTILINE)
    return int(found.group(1)) // 1024 if found else 10**9


def _place(memory: int, files: int) -> str | None:
    """In memory, where there is room beside ``memory``: tests make many small indices, and none has to outlive them."""
    shared = "/dev/shm"
    if not os.access(shared, os.W_OK) or free_memory() < memory + files:
        return None
    return shared if shutil.disk_usage(shared).free > files * 1024**2 else None


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens at."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _as_somebody_else() -> dict[str, Any]:
    return {"user": _USER, "group": _GROUP, "extra_groups": []} if os.geteuid() == 0 else {}
