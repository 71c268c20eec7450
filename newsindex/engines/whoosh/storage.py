"""Files as an index uses them: the boundaries around reading and writing, and small files that are replaced at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from newsindex.exceptions import EngineError, IndexDamaged, NewsIndexError
from newsindex.logs import get_logger

T = TypeVar("T")

logger = get_logger("newsindex")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """The boundary around reading: whatever wrong bytes make it raise becomes IndexDamaged.

    A changed bit gives any of ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError and more.
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
    """The boundary around writing: EngineError where the system refuses, for example on a full disk.

    Anything else comes from reading damaged segments while they are merged.
    """
    try:
        yield
    except OSError as error:
        raise EngineError(f"The index can't be written ({what}: {error}). Nothing was changed.") from error
    except NewsIndexError:
        raise
    except Exception as error:
        logger.error("The index can't be written (%s)", what, exc_info=True)
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


def replace_file(path: Path, aside: Path, data: bytes) -> tuple[int, ...]:
    """Give ``path`` the content ``data`` in one durable step, through ``aside``, a file in the same directory.

    Returns what tells the file from any other, as ``Watched`` wants it.
    """
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
        written = _identity(os.fstat(handle))
    finally:
        os.close(handle)
    os.replace(aside, path)
    sync_directory(path.parent)
    return written


def remove_file(path: Path) -> None:
    """Remove a file that may have gone already. A directory of its name is somebody else's, and stays."""
    if not path.is_dir():
        path.unlink(missing_ok=True)


class _Handle:
    """An open file for as long as somebody holds on to it."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def status(self) -> os.stat_result:
        return os.fstat(self._handle)

    def content(self) -> bytes:
        with open(self._handle, "rb", closefd=False) as file:
            return file.read()

    def __del__(self) -> None:
        # Nothing to close where opening failed.
        if hasattr(self, "_handle"):
            os.close(self._handle)


class Watched(Generic[T]):
    """What a small file says that others replace: read again when it is another one. Shared by threads."""

    def __init__(self, path: Path, decoded: Callable[[Path, bytes], T]) -> None:
        self.path = path
        self._decoded = decoded
        self._lock = threading.Lock()
        #: The file stays open, so that the system can't give its number to the next one.
        self._known: tuple[tuple[int, ...], T, _Handle] | None = None

    def value(self) -> T:
        """The same object as long as the file is the same. OSError where it can't be read, and what decoding raises."""
        known = self._known
        if known is not None and known[0] == _identity(os.stat(self.path)):
            return known[1]
        with self._lock:
            handle = _Handle(self.path)
            identity = _identity(handle.status())
            if self._known is None or self._known[0] != identity:
                self._known = identity, self._decoded(self.path, handle.content()), handle
            return self._known[1]

    def replace(self, aside: Path, data: bytes, value: T) -> None:
        """Give the file another content, which says ``value``, as ``replace_file`` does: nobody need read it here."""
        written = replace_file(self.path, aside, data)
        with self._lock:
            handle = _Handle(self.path)
            # Somebody may have replaced it again.
            if _identity(handle.status()) == written:
                self._known = written, value, handle


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
