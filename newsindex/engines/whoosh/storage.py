"""Files as an index uses them: the boundaries around reading and writing, and small files that are replaced at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, contextmanager, suppress
from pathlib import Path
from typing import Generic, TypeVar

from newsindex.exceptions import EngineError, IndexDamaged, NewsIndexError
from newsindex.logs import get_logger

T = TypeVar("T")

logger = get_logger("newsindex")


class reading(ContextDecorator):
    """The boundary around reading: whatever wrong bytes make it raise becomes IndexDamaged. May be entered again.

    A changed bit gives any of ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError and more. A class
    and no generator, as a search enters a dozen of them.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, NewsIndexError) or not isinstance(error, Exception):
            return
        # A missing file is looked for again: a commit may have taken it away in this moment.
        if not isinstance(error, FileNotFoundError):
            logger.error("The index can't be read (%s)", self._what, exc_info=error)
        raise IndexDamaged(
            f"The index can't be read ({self._what}: {type(error).__name__}: {error}). "
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


def replace_file(path: Path, aside: Path, data: bytes) -> Handle:
    """Give ``path`` the content ``data`` in one durable step, through ``aside``, a file in the same directory."""
    file = Handle(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    file.write(data)
    os.replace(aside, path)
    sync_directory(path.parent)
    return file


def remove_file(path: str | Path) -> None:
    """Remove a file that may have gone already. A directory of its name is somebody else's, and stays."""
    if not os.path.isdir(path):
        with suppress(FileNotFoundError):
            os.unlink(path)


class Handle:
    """An open file for as long as somebody holds on to it."""

    def __init__(self, path: Path, flags: int = os.O_RDONLY) -> None:
        # Nobody waits for a writer of what is no file.
        self._handle = os.open(path, flags | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0), 0o600)

    def write(self, data: bytes) -> None:
        """Durably."""
        left = memoryview(data)
        while left:
            left = left[os.write(self._handle, left) :]
        os.fsync(self._handle)

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
        self._known: tuple[tuple[int, ...], T, Handle] | None = None

    def value(self) -> T:
        """The same object as long as the file is the same. OSError where it can't be read, and what decoding raises."""
        known = self._known
        if known is not None and known[0] == _identity(os.stat(self.path)):
            return known[1]
        with self._lock:
            handle = Handle(self.path)
            identity = _identity(handle.status())
            if self._known is None or self._known[0] != identity:
                self._known = identity, self._decoded(self.path, handle.content()), handle
            return self._known[1]

    def replace(self, aside: Path, data: bytes, value: T) -> None:
        """Give the file another content, which says ``value``, as ``replace_file`` does: nobody need read it here."""
        handle = replace_file(self.path, aside, data)
        # Where somebody has replaced it again, the next look at it will see that.
        with self._lock:
            self._known = _identity(handle.status()), value, handle


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
