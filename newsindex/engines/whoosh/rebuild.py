"""A rebuild: a new generation beside the live one, in a directory of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext

from newsindex.engines.base import Rebuild, Stats, Writer
from newsindex.engines.whoosh.generations import FileLock, Generations
from newsindex.engines.whoosh.lexicon import Lexicon
from newsindex.engines.whoosh.manifest import SEGMENT
from newsindex.engines.whoosh.storage import writing
from newsindex.engines.whoosh.store import Store
from newsindex.engines.whoosh.upkeep import maintain
from newsindex.engines.whoosh.verification import problems
from newsindex.engines.whoosh.workers import SegmentWorkers
from newsindex.engines.whoosh.writer import WhooshWriter
from newsindex.exceptions import ContractError, IndexDamaged, WriterBusy

#: How long to wait for a writer of the live generation to end: one commit, with room to spare.
EXCLUSIVE_WAIT = 300.0


class _FreshWriter(WhooshWriter):
    """Writes a generation that nobody uses yet: in several processes, and so that few segments are left."""

    def __init__(self, rebuild: WhooshRebuild) -> None:
        # What the processes have at a time shall be no more than what one would have.
        memory = rebuild.memory / rebuild.processes
        super().__init__(rebuild.store, memory, _nothing, rebuild.writer_ended, rebuild.lexicon)
        self._processes = rebuild.processes
        self._workers: SegmentWorkers | None = None

    def commit(self) -> None:
        super().commit()
        # Nobody waits for it, and nobody else writes here.
        maintain(self._store, lambda: nullcontext(True))

    def _build(self, name: str) -> None:
        # To start processes is worth while for much only.
        if self._workers is None and (self._processes == 1 or not self._full()):
            super()._build(name)
            return
        if self._workers is None:
            self._workers = SegmentWorkers(self._processes, self._store.directory)
        self._workers.submit(self._builder.take(), name + SEGMENT)

    def _finish(self) -> None:
        for _ in self._workers.results() if self._workers else ():
            pass

    def _end(self) -> None:
        workers, self._workers = self._workers, None
        try:
            if workers:
                workers.close()
        finally:
            super()._end()


class WhooshRebuild(Rebuild):
    """Holds the rebuild lock until ``swap`` or ``abort``. What a killed rebuild leaves is removed by the next one."""

    def __init__(self, generations: Generations, lock: FileLock, memory: int, processes: int) -> None:
        """lock: the rebuild lock, held. memory: megabytes for the writer, whose segments ``processes`` build."""
        self._generations = generations
        self._lock = lock
        self.memory = memory
        self.processes = processes
        self._live_lock = generations.write_lock()
        self.lexicon = Lexicon()
        self._writer: WhooshWriter | None = None
        try:
            with writing(str(generations.path)):
                generations.tidy()
                self.generation = generations.begin()
            self.store = Store.create(generations.directory(self.generation))
        except BaseException:
            lock.release()
            raise

    def writer(self) -> Writer:
        self._check_open()
        if self._writer is not None:
            raise WriterBusy(f"Another writer of the rebuild {self.generation} is open.")
        self._writer = _FreshWriter(self)
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
        # As it is on the disk, not as this process remembers it.
        found = problems(self.store.directory)
        if found:
            raise IndexDamaged(f"The new generation {self.generation} is damaged: {'; '.join(found[:5])}")
        return statistics(self.store, self.generation)

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

    def writer_ended(self) -> None:
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
