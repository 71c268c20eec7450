"""A rebuild: a new generation beside the live one, in a directory of its own.

Each segment that is finished is committed there, so that a rebuild that was killed can be gone on with (resuming.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

from newsindex.engines.base import Rebuild, Stats, Writer
from newsindex.engines.whoosh.fingerprint import analysis, mark
from newsindex.engines.whoosh.generations import FileLock, Generations
from newsindex.engines.whoosh.lexicon import Lexicon
from newsindex.engines.whoosh.manifest import SEGMENT
from newsindex.engines.whoosh.resuming import KeptDocuments, resumable
from newsindex.engines.whoosh.rows import Row
from newsindex.engines.whoosh.storage import writing
from newsindex.engines.whoosh.store import Member, Store
from newsindex.engines.whoosh.upkeep import maintain
from newsindex.engines.whoosh.verification import problems
from newsindex.engines.whoosh.workers import SegmentWorkers
from newsindex.engines.whoosh.writer import WhooshWriter
from newsindex.exceptions import ContractError, IndexDamaged, WriterBusy

#: How long to wait for a writer of the live generation to end: one commit, with room to spare.
EXCLUSIVE_WAIT = 300.0
#: At least so often, in seconds, what was written is made to outlive a kill.
KEEP_AFTER: Final = 30.0


class _FreshWriter(WhooshWriter):
    """Writes a generation that nobody uses yet: in several processes, and so that few segments are left."""

    def __init__(self, rebuild: WhooshRebuild, kept: KeptDocuments | None) -> None:
        """kept: all that the generation has, where that is known."""
        # What the processes have at a time shall be no more than what one would have.
        memory = rebuild.memory / rebuild.processes
        super().__init__(rebuild.store, memory, _nothing, rebuild.writer_ended, rebuild.lexicon)
        self._processes = rebuild.processes
        self._workers: SegmentWorkers | None = None
        self._kept = kept
        #: The segments that this writer has written and that are on the disk.
        self._done: dict[str, Member] = {}
        self._due = time.monotonic() + KEEP_AFTER
        self._committing = False

    def commit(self) -> None:
        self._committing = True
        super().commit()
        # Nobody waits for it, and nobody else writes here.
        maintain(self._store, lambda: nullcontext(True))

    def _take_out(self, key: str) -> None:
        if self._kept is None or key in self._kept or self._members is None or key in self._changed:
            super()._take_out(key)
        else:
            # The segments that were kept need not be asked one by one.
            self._changed.add(key)

    def _add(self, row: Row) -> None:
        super()._add(row)
        if time.monotonic() >= self._due:
            self._write()

    def _build(self, name: str) -> None:
        self._due = time.monotonic() + KEEP_AFTER
        # To start processes is worth while for much only.
        if self._workers is None and (self._processes == 1 or not self._full()):
            super()._build(name)
            self._keep([name])
            return
        if self._workers is None:
            self._workers = SegmentWorkers(self._processes, self._store.directory)
        self._workers.submit(self._builder.take(), name + SEGMENT)
        self._keep([file.removesuffix(SEGMENT) for file in self._workers.finished()])

    def _keep(self, names: Iterable[str]) -> None:
        """Commit what is finished, for whoever goes on from there if this process is killed."""
        found = {name: self._store.member(name, self._directories.pop(name, None)) for name in names}
        self._done |= found
        if found and not self._committing:
            self._base = self._store.commit(self._result(), after=self._base, clean=False)

    def _on_disk(self) -> list[str]:
        return [name for name in self._written if name in self._done]

    def _member(self, name: str) -> Member:
        return self._done[name]

    def _finish(self) -> None:
        if self._workers:
            self._keep([file.removesuffix(SEGMENT) for file in self._workers.results()])

    def _end(self) -> None:
        workers, self._workers = self._workers, None
        try:
            if workers:
                workers.close()
        finally:
            self._done = {}
            super()._end()


class WhooshRebuild(Rebuild):
    """Holds the rebuild lock until ``swap``, ``abort`` or ``leave``. What a killed one leaves, the next may use."""

    def __init__(self, generations: Generations, lock: FileLock, memory: int, processes: int, go_on: bool) -> None:
        """lock: the rebuild lock, held. memory: megabytes for the writer, whose segments ``processes`` build."""
        self._generations = generations
        self._lock = lock
        self.memory = memory
        self.processes = processes
        self._live_lock = generations.write_lock()
        self.lexicon = Lexicon()
        self._writer: WhooshWriter | None = None
        self._known: KeptDocuments | None = None
        try:
            with writing(str(generations.path)):
                self.generation = resumable(generations) if go_on else ""
                generations.tidy(self.generation)
                if self.generation:
                    self._go_on()
                else:
                    self._begin()
        except BaseException:
            lock.release()
            raise

    def _go_on(self) -> None:
        """Take over what is finished of a generation."""
        # Whatever was changed before now is seen when its row is read again.
        self._generations.forget_touched(self.generation)
        self.store = Store(self._generations.directory(self.generation))
        self.store.clean()
        self.kept = self._known = KeptDocuments(self.store)

    def _begin(self) -> None:
        self.kept = self._known = None
        self.generation = self._generations.begin(mark())
        self.store = Store.create(self._generations.directory(self.generation))

    def writer(self) -> Writer:
        self._check_open()
        if self._writer is not None:
            raise WriterBusy(f"Another writer of the rebuild {self.generation} is open.")
        # The next writer finds there what this one has written as well.
        known, self._known = self._known, None
        self._writer = _FreshWriter(self, known)
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

    def swap(self, serial: int = 0) -> None:
        self._check_open()
        if self._writer is not None:
            raise ContractError("Commit or cancel the writer of a rebuild before the swap.")
        if not self._live_lock.held:
            with self.exclusive():
                self._replace(serial)
        else:
            self._replace(serial)

    def abort(self) -> None:
        if not self._lock.held:
            return
        try:
            if self._writer is not None:
                self._writer.cancel()
            self._generations.remove(self.generation)
        finally:
            self._lock.release()

    def leave(self) -> None:
        if self._lock.held and self.store.manifest().segments:
            try:
                if self._writer is not None:
                    self._writer.cancel()
            finally:
                self._lock.release()
        else:
            self.abort()

    def _replace(self, serial: int) -> None:
        # A crash between the two leaves the old generation live, and a finished one that the next rebuild removes.
        with writing(str(self._generations.path)):
            if serial:
                self.store.commit(self.store.members()[1], serial=serial)
            self._generations.finish(self.generation)
            self._generations.point_to(self.generation, analysis())
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
