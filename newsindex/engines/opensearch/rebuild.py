"""A new generation in the cluster beside the live one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from newsindex.engines.base import Document, Rebuild, Stats, Writer
from newsindex.engines.opensearch.compiling import ARTICLES
from newsindex.engines.opensearch.connection import Connection
from newsindex.engines.opensearch.generations import Generations
from newsindex.engines.opensearch.locks import Control, Held, Lock
from newsindex.engines.opensearch.serials import keep_serial
from newsindex.engines.opensearch.view import Live, incomplete
from newsindex.engines.opensearch.writing import Bulk, OpenSearchWriter, languages_of, refused
from newsindex.exceptions import ContractError, IndexDamaged, WriterBusy

#: What writers of the live index note while a rebuild is under way.
TOUCHED: Final = "touched"
#: How long ``exclusive`` waits for a writer that is at work, in seconds.
EXCLUSIVE_WAIT: Final = 600.0


def statistics(connection: Connection, live: Live) -> Stats:
    """What an index holds, as the cluster says."""
    paragraphs = {"sum": {"field": "paragraphs"}}
    body = {"size": 0, "track_total_hits": True, "query": ARTICLES, "aggs": {"paragraphs": paragraphs}}
    found = connection.tell("POST", f"/{live.index}/_search", body)
    if found.get("timed_out") or incomplete(found):
        raise IndexDamaged(f"OpenSearch: some shards of {live.index} did not answer.")
    sizes = connection.tell("GET", f"/{live.index}/_stats/store,segments")["_all"]["primaries"]
    return Stats(
        articles=int(found["hits"]["total"]["value"]),
        paragraphs=int(found["aggregations"]["paragraphs"]["value"]),
        segments=int(sizes["segments"]["count"]),
        size=int(sizes["store"]["size_in_bytes"]),
        generation=live.generation,
        built_at=datetime.fromisoformat(live.built_at),
    )


class OpenSearchRebuild(Rebuild):
    """held: the lock of rebuilds. patience: seconds that a bulk request is tried again."""

    def __init__(
        self,
        connection: Connection,
        generations: Generations,
        control: Control,
        writing: Lock,
        held: Held,
        patience: float,
    ) -> None:
        self._connection = connection
        self._generations = generations
        self._control = control
        self._writing = writing
        self._held = held
        self._patience = patience
        self._one = threading.Lock()
        self._exclusive: Held | None = None
        self._ended = False
        self._spread = False
        self._switched = False
        control.remove(TOUCHED)
        self._clock = int(control.read("writer").value.get("clock", 0)) or 1
        self._live = generations.create()
        self.generation = self._live.generation

    def writer(self) -> Writer:
        self._assure()
        if not self._one.acquire(blocking=False):
            raise WriterBusy(f"Another writer of the rebuild {self.generation} is open.")
        return OpenSearchWriter(lambda changes, _: self._write(changes), self._one.release, self._write)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        self._exclusive = self._writing.take(EXCLUSIVE_WAIT)
        try:
            yield
        finally:
            held, self._exclusive = self._exclusive, None
            held.release()

    def touched(self) -> frozenset[str]:
        return frozenset(key for value in self._control.all_of(TOUCHED) for key in value["keys"])

    def validate(self) -> Stats:
        self._assure()
        self._finish()
        return statistics(self._connection, self._live)

    def swap(self, serial: int = 0) -> None:
        self._assure()
        # Whoever took one of the locks has seen changes that are not in here.
        self._held.assure(now=True)
        if self._exclusive is not None:
            self._exclusive.assure(now=True)
        self._finish()
        if serial:
            keep_serial(self._connection, self._control.index, self._live.index, serial)
        self._switched = True
        self._generations.publish(self._live)
        self._end()

    def abort(self) -> None:
        if not self._ended:
            try:
                # Whether a switch that failed has taken place is unknown: what is not live goes with the next rebuild.
                if not self._switched:
                    self._generations.drop(self._live.index)
            finally:
                self._end()

    def _write(self, changes: Mapping[str, Document | None]) -> None:
        self._held.assure(now=True)
        self._live = self._generations.learn(self._live, languages_of(changes))
        clock = self._exclusive.clock if self._exclusive is not None else self._clock
        written = Bulk(self._connection, self._live.index, clock, self._patience).send(changes.items())
        if written.failed:
            raise refused(written)

    def _finish(self) -> None:
        """Make all that is written visible, and the first time, the index as safe as the live one."""
        if not self._spread:
            self._generations.spread(self._live)
            self._spread = True
        if not self._generations.holds(self._live):
            raise IndexDamaged(f"{self._live.index} was deleted while it was being built.")
        self._connection.tell("POST", f"/{self._live.index}/_refresh")

    def _assure(self) -> None:
        if self._ended:
            raise ContractError(f"The rebuild {self.generation} is over.")

    def _end(self) -> None:
        self._ended = True
        self._held.release()
