"""The place of an index: directories of generations, the pointer to the live one, and the locks.

path/                       0700: whoever can write here decides what the site finds
    live                    which generation is live (JSON), replaced in one step
    token                   by which its owner knows the index again, and below it the CRC-32 of that, hexadecimal
    write.lock              held by whoever changes the live generation
    rebuild.lock            held by whoever makes a new one
    purge, purge.lock       the keys of a purge that has not come to its end, and its lock (purging.py)
    generations/
        0002-5f3a9c1e/      what manifest.py says, and until the generation is live:
            rebuilding      the generation is not finished; by what analysis it is made (JSON)
            touched         the keys that were changed in the live generation meanwhile, a line each, and after
                            those of each commit "*", how many they are and their CRC-32, both hexadecimal
            touched.size    how many bytes that is, so that none of them can be missing at its end
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from newsindex.engines.whoosh.manifest import INDEX_FORMAT
from newsindex.engines.whoosh.storage import Watched, remove_file, replace_file, sync_directory
from newsindex.exceptions import EngineError, IndexDamaged, IndexNotBuilt, WriterBusy

LIVE: Final = "live"
TOKEN: Final = "token"
REBUILDING: Final = "rebuilding"
TOUCHED: Final = "touched"
SIZE: Final = "touched.size"
_NAME: Final = re.compile(r"[0-9]{4,9}-[0-9a-f]{8}")
_SUM: Final = re.compile(r"\*([0-9a-f]{1,8}) [0-9a-f]{8}$")
_POINTED: Final = frozenset({"format", "generation", "built_at", "previous"})
_OLD_TOKEN: Final = re.compile(rb"(test-)?[0-9a-f]{26}")
_PAUSE: Final = 0.02


@dataclass(frozen=True)
class Pointer:
    """Which generation is live since when. previous: the one before, kept for going back; "" where there is none.

    analysis: ``fingerprint.analysis()`` when it was made, None where it does not say.
    """

    generation: str
    built_at: datetime
    previous: str = ""
    analysis: Mapping[str, str] | None = None


class FileLock:
    """A lock between threads and processes. The system frees it when its holder dies, so it is never stale."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._process = 0
        self._held = False
        _locks.add(self)

    @property
    def held(self) -> bool:
        return self._held

    @property
    def path(self) -> Path:
        return self._path

    def acquire(self, wait: float, busy: str) -> None:
        """Take the lock, or raise WriterBusy with the text ``busy`` after ``wait`` seconds."""
        until = time.monotonic() + wait
        try:
            handle = self._open()
            # A file that was removed while it was waited for is no lock: whoever comes next makes another one.
            while not (_locked(handle) and _is_at(self._path, handle)):
                if time.monotonic() >= until:
                    raise WriterBusy(busy)
                time.sleep(_PAUSE)
                if not _is_at(self._path, handle):
                    handle = self._open()
        except BaseException:
            self.release()
            raise
        self._held = True

    def _open(self) -> int:
        """A handle of its own for each holder makes the lock hold between threads as well."""
        self.release()
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EngineError(f"The lock {self._path} can't be opened: {error}") from error
        self._process = os.getpid()
        return self._handle

    def release(self) -> None:
        """Give the lock back; harmless where it is not held."""
        handle, self._handle = self._handle, None
        held, self._held = self._held, False
        if handle is not None:
            # A forked child has the handle too, and must not unlock for its parent.
            if held and self._process == os.getpid():
                fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)

    def __del__(self) -> None:
        self.release()


#: Every lock there is, for ``_after_fork``.
_locks: WeakSet[FileLock] = WeakSet()


def _after_fork() -> None:
    # With a handle left open in a child, the lock would outlive its holder.
    for lock in tuple(_locks):
        lock.release()


os.register_at_fork(after_in_child=_after_fork)


class Generations:
    """The generations under a path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder = path / "generations"
        self._pointer = Watched(path / LIVE, _pointer)

    def prepare(self) -> None:
        """Make the directories, readable by nobody else."""
        new = [path for path in (self._folder, self.path, *self.path.parents) if not path.exists()]
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        # Without its name in the directory above, an index that is durable itself is lost all the same.
        for path in new:
            sync_directory(path.parent)

    def directory(self, generation: str) -> Path:
        return self._folder / generation

    def write_lock(self) -> FileLock:
        return FileLock(self.path / "write.lock")

    def rebuild_lock(self) -> FileLock:
        return FileLock(self.path / "rebuild.lock")

    def live(self) -> Pointer:
        """The pointer as it is now. IndexNotBuilt where there is none, IndexDamaged where it can't be read."""
        try:
            return self._pointer.value()
        except (FileNotFoundError, NotADirectoryError):
            raise IndexNotBuilt(
                f"There is no index in {self.path} yet. Make one with: manage.py newsindex_rebuild"
            ) from None
        except OSError as error:
            raise IndexDamaged(f"The index in {self.path} can't be read: {error}") from error

    def previous(self) -> str:
        """The name of the live generation, for whoever replaces it; "" where there is none that can be read."""
        try:
            return self.live().generation
        except (IndexNotBuilt, IndexDamaged):
            return ""

    def point_to(self, generation: str, analysis: Mapping[str, str]) -> None:
        """Make ``generation``, made by this analysis, the live one, in one durable step."""
        content = {
            "format": INDEX_FORMAT,
            "generation": generation,
            "built_at": datetime.now(timezone.utc).isoformat(),
            "previous": self.previous(),
            "analysis": dict(analysis),
        }
        data = json.dumps({**content, "checksum": _checksum(content)}).encode()
        replace_file(self.path / LIVE, self.path / f"{LIVE}.{secrets.token_hex(4)}", data)

    def token(self) -> str:
        """The text of ``set_token``; "" where there is none. IndexDamaged where it is another one."""
        path = self.path / TOKEN
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError as error:
            raise EngineError(f"The index in {self.path} can't be read: {error}") from error
        # The first indexes of this format have the text alone.
        if _OLD_TOKEN.fullmatch(data):
            return data.decode()
        token, _, checksum = data.rpartition(b"\n")
        if checksum != b"%08x" % zlib.crc32(token):
            raise _changed(path)
        try:
            return token.decode()
        except UnicodeDecodeError:
            raise _changed(path) from None

    def set_token(self, token: str) -> None:
        data = token.encode()
        data += b"\n%08x" % zlib.crc32(data)
        replace_file(self.path / TOKEN, self.path / f"{TOKEN}.new", data)

    def begin(self, mark: bytes = b"") -> str:
        """A new generation that is marked as unfinished, with ``mark``. Whoever asks holds the rebuild lock."""
        newest = max((int(name.partition("-")[0]) for name in self._names()), default=0)
        name = f"{newest + 1:04}-{secrets.token_hex(4)}"
        directory = self.directory(name)
        directory.mkdir(mode=0o700)
        replace_file(directory / REBUILDING, directory / f"{REBUILDING}.new", mark)
        sync_directory(self._folder)
        return name

    def unfinished(self) -> list[str]:
        """The generations that are marked as unfinished, the newest last, without those of another user."""
        # Path.exists() raises where it may not look.
        return sorted(name for name in self._names() if os.path.exists(self.directory(name) / REBUILDING))

    def mark(self, generation: str) -> bytes:
        """What ``begin`` was given for an unfinished generation. OSError where that can't be read."""
        return (self.directory(generation) / REBUILDING).read_bytes()

    def forget_touched(self, generation: str) -> None:
        """For whoever reads all rows of the database from now on: what was changed before he will see there."""
        for name in (SIZE, TOUCHED):
            (self.directory(generation) / name).unlink(missing_ok=True)

    def finish(self, generation: str) -> None:
        """Take away what marks a generation as unfinished."""
        for name in (REBUILDING, SIZE, TOUCHED):
            (self.directory(generation) / name).unlink(missing_ok=True)
        sync_directory(self.directory(generation))

    def remove(self, generation: str) -> None:
        shutil.rmtree(self.directory(generation), ignore_errors=True)

    def unused(self) -> list[str]:
        """The generations but the live one and the one before. Whoever asks holds the rebuild lock."""
        try:
            live = self.live()
        except (IndexNotBuilt, IndexDamaged):
            # Without a pointer nothing says which of them are of use, but for those that were never finished.
            return self.unfinished()
        return [name for name in self._names() if name not in (live.generation, live.previous)]

    def tidy(self, kept: str = "") -> None:
        """Remove what is of no use, but the generation ``kept``. Whoever asks holds the rebuild lock."""
        for name in self.unused():
            if name != kept:
                self.remove(name)
        # Nothing else, such as a copy that somebody has made.
        for aside in self.path.glob(f"{LIVE}.{'[0-9a-f]' * 8}"):
            remove_file(aside)

    def touch(self, keys: Iterable[str]) -> None:
        """Tell the rebuilds under way that these keys are about to change in the live generation."""
        changed = tuple(keys)
        rebuilt = [name for name in self._names() if self._is_rebuilt(name)] if changed else []
        if not rebuilt:
            return
        lines = [json.dumps(key) for key in changed]
        # A line break before it, so that half a line of a writer that was killed spoils no other.
        text = "\n" + "".join(f"{line}\n" for line in (*lines, _sum(lines)))
        for name in rebuilt:
            size = _append(self.directory(name) / TOUCHED, text.encode("ascii"))
            _write_number(self.directory(name) / SIZE, size)

    def _is_rebuilt(self, generation: str) -> bool:
        """Whether a rebuild may be at work there. WriterBusy where it is one of another user, who can't be told."""
        try:
            os.stat(os.path.join(self._folder, generation, REBUILDING))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except PermissionError:
            lock = self.rebuild_lock()
            lock.acquire(0.0, f"Another user rebuilds the index in {self.path}, and can't be told what changes.")
            lock.release()
            return False
        return True

    def touched(self, generation: str) -> frozenset[str]:
        """The keys that changed in the live generation since ``generation`` was begun.

        IndexDamaged where they are not what was written: what is missing there would be old in the new one.
        """
        path = self.directory(generation) / TOUCHED
        data = path.read_bytes() if path.exists() else b""
        if len(data) < _number(self.directory(generation) / SIZE):
            raise _changed(path)
        text = data.decode("ascii", errors="replace")
        lines: list[str] = []
        for line in filter(None, text.split("\n")):
            found = _SUM.search(line)  # nothing may stand before it, and no key ends so
            if found is None:
                lines.append(line)
            elif line != _sum(lines[-int(found[1], 16) :]):
                raise _changed(path)
        return frozenset(key for line in lines if (key := _touched_key(line)))

    def _names(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._folder) if _NAME.fullmatch(name)]
        except (FileNotFoundError, NotADirectoryError):
            return []


def _pointer(path: Path, data: bytes) -> Pointer:
    try:
        content = json.loads(data)
        written = content["format"]
        generation, previous = content["generation"], content["previous"]
        built_at = datetime.fromisoformat(content["built_at"])
        sound = bool(_NAME.fullmatch(generation)) and (not previous or bool(_NAME.fullmatch(previous)))
        sound = sound and built_at.tzinfo is not None
        # The first indexes of this format have neither.
        checksum, analysis = content.pop("checksum", None), content.get("analysis")
        intact = checksum in (None, _checksum(content))
        sound = sound and set(content) - {"analysis"} == _POINTED
        sound = sound and (analysis is None or all(isinstance(value, str) for value in analysis.values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IndexDamaged(f"{path} does not name a generation of the index: {data[:100]!r}") from error
    # A flipped bit may look like the number of another format.
    if intact and written != INDEX_FORMAT:
        raise IndexDamaged(
            f"The index in {path.parent} has format {written!r} (according to {path.name}), this version of newsindex "
            f"reads {INDEX_FORMAT}. Make a new one with: manage.py newsindex_rebuild"
        )
    if not (intact and sound):
        raise IndexDamaged(f"{path} does not name a generation of the index: {data[:100]!r}")
    return Pointer(generation, built_at, previous, analysis)


def _checksum(content: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, separators=(",", ":"), sort_keys=True).encode())


def _append(path: Path, data: bytes) -> int:
    """Append ``data`` durably and whole: where the disk refuses it, the file stays as it was. How long it is then."""
    with open(path, "ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                file.truncate(before)
            raise
    return before + len(data)


def _write_number(path: Path, number: int) -> None:
    """In one call and always as long, so that a kill leaves a number. It need not outlive a power cut."""
    with open(path, "r+b" if path.exists() else "wb", buffering=0) as file:
        file.write(b"%020d" % number)


def _number(path: Path) -> int:
    """What ``_write_number`` has written last, 0 where that can't be read: then it can't be compared."""
    try:
        return int(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return 0


def _changed(path: Path) -> IndexDamaged:
    return IndexDamaged(f"The file {path} was changed after it was written. Run: manage.py newsindex_rebuild")


def _sum(lines: Sequence[str]) -> str:
    """The line after those of a commit: how many they are, and their CRC-32."""
    return f"*{len(lines):x} {zlib.crc32(chr(10).join(lines).encode()):08x}"


def _touched_key(line: str) -> str:
    """The key on a line; "" for half of one: whoever was killed while writing it has not committed its change."""
    try:
        key = json.loads(line)
    except ValueError:
        return ""
    return key if isinstance(key, str) else ""


def _is_at(path: Path, handle: int) -> bool:
    """Whether an open file still is the one of this name."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
