"""Every call of this process that changes a file, seen before it happens.

``watched`` takes the place of what ``os`` and ``open`` have for it, so that a test can kill the process before the n-th
call, let it fail, or write down what was done.
"""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: Called with the name of the call, what it is applied to (a path or a handle), and the call itself, made or not.
Seen = Callable[[str, tuple[Any, ...], Callable[[], Any]], Any]

#: The calls of ``os`` that change files, whatever they are given.
CHANGING = (
    "write", "pwrite", "fsync", "replace", "rename", "unlink", "remove", "mkdir", "rmdir", "link", "truncate",
    "ftruncate",
)  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watched:
    """A file opened for writing whose every write is seen."""

    def __init__(self, file: Any, seen: Seen) -> None:
        self._file, self._seen = file, seen

    def write(self, data: Any) -> Any:
        return self._seen("write", (self._file.fileno(), bytes(data)), lambda: self._file.write(data))

    def truncate(self, size: int | None = None) -> Any:
        return self._seen("ftruncate", (self._file.fileno(), size), lambda: self._file.truncate(size))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


@contextmanager
def watched(seen: Seen) -> Iterator[None]:
    """Within, ``seen`` is called in the place of each call that changes a file."""
    kept = {name: getattr(os, name) for name in (*CHANGING, "open")}
    opened = builtins.open

    def of_os(name: str) -> Callable[..., Any]:
        call = kept[name]
        return lambda *args, **kwargs: seen(name, args, lambda: call(*args, **kwargs))

    def os_open(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
        if not flags & WRITING:
            return kept["open"](path, flags, *args, **kwargs)
        return seen("open", (path, flags), lambda: kept["open"](path, flags, *args, **kwargs))

    def open_file(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if isinstance(file, int) or not set(mode) & set("wax+"):
            return opened(file, mode, *args, **kwargs)
        made = seen("open", (file, WRITING), lambda: opened(file, mode, *args, **kwargs))
        return Watched(made, seen)

    try:
        for name in CHANGING:
            setattr(os, name, of_os(name))
        os.open = os_open
        builtins.open = io.open = open_file
        yield
    finally:
        for name, call in kept.items():
            setattr(os, name, call)
        builtins.open = io.open = opened


class Counted:
    """Counts calls, and does ``at_last`` in the place of the n-th and, where it comes back, of all after it."""

    def __init__(self, at: int | None, at_last: Callable[[], Any]) -> None:
        self.at, self.at_last, self.calls = at, at_last, 0

    def __call__(self, name: str, args: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.at is not None and self.calls > self.at:
            self.at_last()
        return call()
