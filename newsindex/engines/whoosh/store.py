"""One generation on the disk: its snapshots, as commits are made by this process or another."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from whoosh.index import TOC, FileIndex, clean_files

from newsindex.engines.whoosh.postings import ByteCache
from newsindex.engines.whoosh.schema import SCHEMA, codec
from newsindex.engines.whoosh.segments import Segment, Snapshot
from newsindex.engines.whoosh.storage import DurableStorage, reading, writing
from newsindex.exceptions import IndexDamaged

#: How often to look again when a commit takes away the files that were about to be opened.
_ATTEMPTS = 10
_PAUSE = 0.02


class Store:
    """The Whoosh index in a directory. Shared by threads."""

    def __init__(self, directory: Path, cache: ByteCache) -> None:
        """IndexDamaged where there is no index that can be read."""
        self.directory = directory
        self._cache = cache
        self._lock = threading.Lock()
        self._segments: dict[str, Segment] = {}
        self._snapshot: Snapshot | None = None
        self.storage = DurableStorage(directory)
        with reading(str(directory)):
            self._index = FileIndex(self.storage, schema=SCHEMA)

    @classmethod
    def create(cls, directory: Path, cache: ByteCache) -> Store:
        """A new, empty index in an existing directory."""
        with writing(str(directory)):
            FileIndex.create(DurableStorage(directory), SCHEMA)
        return cls(directory, cache)

    def snapshot(self) -> Snapshot:
        """The newest commit. One look into the directory where it is known already."""
        number = self._newest()
        current = self._snapshot
        if current is not None and current.number == number:
            return current
        with self._lock:
            for attempt in range(_ATTEMPTS):
                try:
                    return self._opened()
                except IndexDamaged as error:
                    if not isinstance(error.__cause__, FileNotFoundError) or attempt == _ATTEMPTS - 1:
                        raise
                    time.sleep(_PAUSE)
            raise AssertionError("the last attempt either returns or raises")

    def whoosh_writer(self, memory: int) -> Any:
        """Whoosh's writer, which begins at the newest commit. memory: megabytes."""
        return self._index.writer(limitmb=memory, codec=codec())

    def clean(self, whoosh: Any) -> None:
        """Remove the files that a Whoosh writer left behind when it did not commit."""
        number = whoosh.generation - 1
        # After a commit that failed at its very end the new table of contents is in place, and is the one that counts.
        if self._index.latest_generation() == number:
            clean_files(self.storage, self._index.indexname, number, whoosh.segments)

    def size(self) -> int:
        """Bytes on the disk."""
        total = 0
        with reading(str(self.directory)):
            for name in os.listdir(self.directory):
                # A commit may remove files meanwhile.
                with suppress(FileNotFoundError):
                    total += (self.directory / name).stat().st_size
        return total

    def _newest(self) -> int:
        with reading(str(self.directory)):
            return int(self._index.latest_generation())

    def _opened(self) -> Snapshot:
        number = self._newest()
        if self._snapshot is not None and self._snapshot.number == number:
            return self._snapshot
        with reading(str(self.directory)):
            made = TOC.read(self.storage, self._index.indexname, gen=number, schema=SCHEMA).segments
            deleted = [sorted(segment.deleted_docs()) for segment in made]
        known = {
            each.segment_id(): self._segments.get(each.segment_id()) or Segment(self.storage, each, self._cache)
            for each in made
        }
        self._segments = known
        self._snapshot = Snapshot(number, list(known.values()), deleted)
        return self._snapshot
