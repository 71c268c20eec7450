"""A rebuild: a new generation beside the live one, in a directory of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from newsindex.engines.base import Rebuild, Stats, Writer
from newsindex.engines.whoosh.generations import FileLock, Generations
from newsindex.engines.whoosh.postings import ByteCache
from newsindex.engines.whoosh.storage import writing
from newsindex.engines.whoosh.store import Store
from newsindex.engines.whoosh.verification import problems
from newsindex.engines.whoosh.writer import WhooshWriter
from newsindex.exceptions import ContractError, IndexDamaged, WriterBusy

#: How long to wait for a writer of the live generation to end: one commit, with room to spare.
EXCLUSIVE_WAIT = 300.0


class WhooshRebuild(Rebuild):
    """Holds the rebuild lock until ``swap`` or ``abort``. What a killed rebuild leaves is removed by the next one."""

    def __init__(self, generations: Generations, lock: FileLock, cache: ByteCache, memory: int) -> None:
        """lock: the rebuild lock, held. memory: megabytes for the writer."""
        self._generations = generations
        self._lock = lock
        self._memory = memory
        self._live_lock = generations.write_lock()
        self._writer: WhooshWriter | None = None
        try:
            with writing(str(generations.path)):
                generations.tidy()
                self.generation = generations.begin()
            self._store = Store.create(generations.directory(self.generation), cache)
        except BaseException:
            lock.release()
            raise

    def writer(self) -> Writer:
        self._check_open()
        if self._writer is not None:
            raise WriterBusy(f"Another writer of the rebuild {self.generation} is open.")
        self._writer = WhooshWriter(self._store, self._memory, _nothing, self._writer_ended)
        return self._writer

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        self._check_open()
        self._live_lock.acquire(EXCLUSIVE_WAIT, f"A writer was open for {EXCLUSIVE_WAIT:.0f} seconds.")
        try:
            yield
        finally:
            self._live_lock.release()

    def touched(self) -> frozenset[str]:
        return self._generations.touched(self.generation)

    def validate(self) -> Stats:
        found = problems(self._store)
        if found:
            raise IndexDamaged(f"The new generation {self.generation} is damaged: {'; '.join(found[:5])}")
        return statistics(self._store, self.generation)

    def swap(self) -> None:
        self._check_open()
        if self._writer is not None:
            raise ContractError("Commit or cancel the writer of a rebuild before the swap.")
        if not self._live_lock.held:
            with self.exclusive():
                self._replace()
        else:
            self._replace()

    def abort(self) -> None:
        if not self._lock.held:
            return
        try:
            if self._writer is not None:
                self._writer.cancel()
            self._generations.remove(self.generation)
        finally:
            self._lock.release()

    def _replace(self) -> None:
        # A crash between the two leaves the old generation live, and a finished one that the next rebuild removes.
        with writing(str(self._generations.path)):
            self._generations.finish(self.generation)
            self._generations.point_to(self.generation)
        try:
            self._generations.tidy()
        finally:
            self._lock.release()

    def _check_open(self) -> None:
        if not self._lock.held:
            raise ContractError(f"The rebuild {self.generation} is over.")

    def _writer_ended(self) -> None:
        self._writer = None


def statistics(store: Store, generation: str) -> Stats:
    """What a generation holds; it says nothing of when it was built."""
    snapshot = store.snapshot()
    return Stats(
        articles=len(snapshot.ordinals()),
        paragraphs=snapshot.paragraphs(),
        segments=len(snapshot.parts),
        size=store.size(),
        generation=generation,
    )


def _nothing(keys: Iterable[str]) -> None:
    """Nobody rebuilds from a generation that is not live."""
