"""One node for all tests of a process: started when the first of them asks, killed when the process ends.

The environment variable NEWSINDEX_CLUSTER says whether: "1" starts a node, an address (http://127.0.0.1:9200) uses one
that runs already, for whoever runs the tests often. With NEWSINDEX_CLUSTER_REQUIRE=1 what is missing is an error.
"""

from __future__ import annotations

import atexit
import itertools
import os
import urllib.request
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from newsindex.engines.base import Engine
from newsindex.exceptions import EngineError, NewsIndexError
from tests.cluster.distribution import Missing
from tests.cluster.nodes import Cluster

REQUIRED = os.environ.get("NEWSINDEX_CLUSTER_REQUIRE") == "1"
_numbers = itertools.count()
_spare: list[Engine] = []
#: A loaded machine takes its time.
OPTIONS: dict[str, Any] = {
    "search_timeout": 60.0,
    "write_timeout": 120.0,
    # Each purge would take half a minute; one test waits for it.
    "purge_wait": 0,
    "settings": {"number_of_shards": 1, "number_of_replicas": 0},
}


def hosts() -> list[str]:
    """The addresses of a running cluster; skips the test where there shall be none, with the reason."""
    said = _wanted()
    return said.split(",") if said.startswith("http") else _or_skipped(_started).hosts


def nodes(size: int, **options: Any) -> Cluster:
    """A cluster that a test may kill, not started yet; skips the test where there shall be none."""
    if _wanted().startswith("http"):
        pytest.skip("no OpenSearch to kill: NEWSINDEX_CLUSTER names one that others may use")
    return _or_skipped(lambda: Cluster(size, **options))


def _wanted() -> str:
    said = os.environ.get("NEWSINDEX_CLUSTER", "1" if REQUIRED else "")
    if not said:
        pytest.skip("no OpenSearch: NEWSINDEX_CLUSTER=1 starts a node for the tests")
    return said


def _or_skipped(make: Callable[[], Cluster]) -> Cluster:
    try:
        return make()
    except Missing as missing:
        if REQUIRED:
            pytest.fail(f"OpenSearch is required, but {missing}.")
        pytest.skip(f"no OpenSearch: {missing}")


def cluster_engine(**options: Any) -> Engine:
    """An engine of a name of its own, with nothing built yet; see ``drop``."""
    place = hosts()
    # Only who runs these tests needs the client.
    module = import_module("newsindex.engines.opensearch")
    name = f"test-{os.getpid()}-{next(_numbers)}"
    engine: Engine = module.OpenSearchEngine(**{**OPTIONS, "hosts": place, "index": name, **options})
    return engine


def empty_engine(build: Callable[[Engine], None]) -> Engine:
    """An engine with an empty live generation: one for all tests, as long as each leaves it fit for the next.

    To make and delete indices takes the server longer than all that a test asks.
    """
    engine = _spare.pop() if _spare else None
    if engine is not None:
        try:
            _clear(engine)
            return engine
        except NewsIndexError:
            drop(engine)
            engine.close()
    engine = cluster_engine()
    build(engine)
    return engine


def give_back(engine: Engine) -> None:
    """Let the next test have an engine of ``empty_engine``."""
    engine.close()
    if not _spare:
        atexit.register(_drop_spare)
    _spare.append(engine)


def _drop_spare() -> None:
    while _spare:
        engine = _spare.pop()
        drop(engine)
        engine.close()


def _clear(engine: Engine) -> None:
    if engine._rebuilding.held():
        raise EngineError("A test has left a rebuild open.")
    keys = [key for key, _ in engine.scan()]
    with engine.writer() as writer:
        for key in keys:
            writer.delete(key)


def drop(engine: Engine) -> None:
    """Take all indices of an engine out of the cluster."""
    for pattern in (f"{engine.index}-*", engine._control.index):
        request = urllib.request.Request(f"{engine.hosts[0]}/{pattern}?ignore_unavailable=true", method="DELETE")
        with urllib.request.urlopen(request, timeout=60):
            pass


@cache
def _started() -> Cluster:
    cluster = Cluster()
    atexit.register(cluster.close)
    return cluster.__enter__()
