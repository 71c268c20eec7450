"""Taking what was deleted out of the files of the cluster, which keeps it for a while for the sake of its copies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from newsindex.engines.opensearch.connection import Connection
from newsindex.exceptions import EngineError

_EVERY: Final = 1.0


def expunge(connection: Connection, index: str, wait: float) -> None:
    """Rewrite the segments that hold something deleted, as soon as no copy of a shard wants to hear of it any more.

    Copies say so every half minute. EngineError where they have not done it after ``wait`` seconds.
    """
    until = time.monotonic() + wait
    # How far each shard had come: what was deleted is in what came before.
    targets = {shard: copy["seq_no"]["max_seq_no"] for shard, copy in _copies(connection, index)}
    while any(_retained(copy) <= targets.get(shard, -1) for shard, copy in _copies(connection, index)):
        if time.monotonic() > until:
            _rewrite(connection, index)
            raise EngineError(
                f"What was to be purged from {index} is deleted and is found no more, but copies of its shards still "
                "want to hear of it, so that it stays in their files. Purge it again in a minute."
            )
        time.sleep(_EVERY)
    _rewrite(connection, index)


def _rewrite(connection: Connection, index: str) -> None:
    flush: dict[str, Any] = {"force": "true", "wait_if_ongoing": "true"}
    # The commit before keeps what it needs: it goes when there is one after it.
    connection.tell("POST", f"/{index}/_flush", **flush)
    connection.tell("POST", f"/{index}/_forcemerge", only_expunge_deletes="true", flush="true")
    # So do searches that have the old segments open.
    connection.tell("POST", f"/{index}/_refresh")
    connection.tell("POST", f"/{index}/_flush", **flush)


def _copies(connection: Connection, index: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    wanted = ",".join(f"indices.*.shards.*.{name}" for name in ("seq_no", "retention_leases"))
    found = connection.tell("GET", f"/{index}/_stats", level="shards", filter_path=wanted)
    for held in found.get("indices", {}).values():
        for shard, copies in held["shards"].items():
            yield from ((shard, copy) for copy in copies)


def _retained(copy: Mapping[str, Any]) -> int:
    """The first operation that somebody still wants to hear of."""
    leases = copy.get("retention_leases", {}).get("leases", ())
    return min((int(lease["retaining_seq_no"]) for lease in leases), default=copy["seq_no"]["max_seq_no"] + 1)
