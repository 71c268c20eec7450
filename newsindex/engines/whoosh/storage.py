"""Files of an index as Whoosh sees them: durable commits, and segments that are read in place.

Whoosh's own storage never tells the system to write anything to the disk, and its segments are copied into memory by
everyone who opens them. Both are mended here, through the storage classes that Whoosh lets one pass in.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from whoosh.filedb.compound import CompoundStorage
from whoosh.filedb.filestore import FileStorage
from whoosh.filedb.structfile import BufferFile

from newsindex.exceptions import EngineError, IndexDamaged, NewsIndexError

logger = logging.getLogger("newsindex")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """The boundary around Whoosh's reading: whatever broken files make it raise becomes IndexDamaged.

    It has no exception of its own for that: a flipped bit gives any of struct.error, UnpicklingError, EOFError,
    zlib.error, AssertionError, MemoryError and more.
    """
    try:
        yield
    except NewsIndexError:
        raise
    except Exception as error:
        # A missing file is looked for again: a commit may have taken it away in this moment.
        if not isinstance(error, FileNotFoundError):
            logger.error("The index can't be read (%s)", what, exc_info=True)
        raise IndexDamaged(
            f"The index can't be read ({what}: {type(error).__name__}: {error}). "
            "Make a new one with: manage.py newsindex_rebuild"
        ) from error


@contextmanager
def writing(what: str) -> Iterator[None]:
    """The boundary around Whoosh's writing: EngineError where the system refuses, for example on a full disk.

    Anything else comes from reading damaged segments while they are merged.
    """
    try:
        yield
    except OSError as error:
        raise EngineError(f"The index can't be written ({what}: {error}). Nothing was changed.") from error
    except NewsIndexError:
        raise
    except Exception as error:
        raise IndexDamaged(
            f"The index can't be written ({what}: {type(error).__name__}: {error}). "
            "Make a new one with: manage.py newsindex_rebuild"
        ) from error


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class HeldLock:
    """What Whoosh gets for its lock: the writer's lock is held already, by ``generations.FileLock``.

    Whoosh 2.7.4 keeps its own after a failed commit.
    """

    def acquire(self, blocking: bool = False) -> bool:
        return True

    def release(self) -> None:
        pass


class DurableStorage(FileStorage):  # type: ignore[misc]
    """A directory whose commits survive a power cut: Whoosh commits by renaming its table of contents."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._written: set[str] = set()

    def create_file(self, name: str, **kwargs: Any) -> Any:
        self._written.add(name)
        return super().create_file(name, **kwargs)

    def rename_file(self, oldname: str, newname: str, safe: bool = False) -> None:
        folder = Path(self.folder)
        for name in self._written:
            if (folder / name).exists():
                with open(folder / name, "rb") as file:
                    os.fsync(file.fileno())
        self._written.clear()
        super().rename_file(oldname, newname, safe=safe)
        sync_directory(folder)

    def lock(self, name: str) -> HeldLock:
        return HeldLock()


class _View:
    """A file over memory that it does not copy."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self._memory)}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        end = len(self._memory) if size is None or size < 0 else min(self._at + size, len(self._memory))
        start, self._at = self._at, max(self._at, end)
        return bytes(self._memory[start:end])

    def readinto(self, target: bytearray) -> int:
        found = self.read(len(target))
        target[: len(found)] = found
        return len(found)

    def readline(self) -> bytes:
        start = self._at
        while self._at < len(self._memory):
            self._at += 1
            if self._memory[self._at - 1] == 10:
                break
        return bytes(self._memory[start : self._at])

    def close(self) -> None:
        self._memory = memoryview(b"")


class _MappedFile(BufferFile):  # type: ignore[misc]
    """Whoosh's file over memory, without its private copy."""

    def __init__(self, memory: memoryview, name: str) -> None:
        super().__init__(b"", name=name)
        self._buf = memory
        self.file = _View(memory)


class MappedSegment(CompoundStorage):  # type: ignore[misc]
    """The files inside the one file of a segment, mapped into memory and shared by the processes that read it."""

    def open_file(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if self._source is None:
            return super().open_file(name, *args, **kwargs)
        offset, size = self.range(name)
        return _MappedFile(memoryview(self._source)[offset : offset + size], name)


def open_segment(storage: DurableStorage, name: str) -> MappedSegment:
    """The segment in the file ``name``."""
    file = storage.open_file(name)
    try:
        return MappedSegment(file)
    except BaseException:
        file.close()
        raise
