"""Durable: a power cut at any moment leaves the last acknowledged commit, or a later one.

Every file operation of commits, merges and a rebuild is recorded, then played back up to each of them into a new
directory, as a disk may have it that lost its power there. What the file system was not made to keep may be missing:
data written since the last fsync of a file (all, or any pieces of it, even half of one), and names given, taken or
changed since the last fsync of their directory (any of them). NEWSINDEX_SEED repeats a run that failed.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from newsindex.engines.whoosh import WhooshEngine, upkeep
from newsindex.exceptions import EngineError, IndexNotBuilt
from tests.contract.asking import article, index
from tests.faults.calls import watched
from tests.faults.conftest import SEED, counts, slow, trials

State = dict[str, str]


@dataclass
class File:
    """What was written to a file: what it surely has, and the writes since, as (offset, data or a size to cut to)."""

    kept: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def after(self, writes: list[tuple[int, bytes | None]]) -> bytearray:
        data = bytearray(self.kept)
        for offset, piece in writes:
            if piece is None:
                data[offset:] = bytes(max(0, offset - len(data)))
                del data[offset:]
                continue
            data.extend(bytes(max(0, offset + len(piece) - len(data))))
            data[offset : offset + len(piece)] = piece
        return data


@dataclass
class Folder:
    """The names in a directory: those that surely are there, and the changes since, as lists of (name, new entry)."""

    kept: dict[str, File | Folder] = field(default_factory=dict)
    since: list[list[tuple[str, File | Folder | None]]] = field(default_factory=list)

    def after(self, changes: list[list[tuple[str, File | Folder | None]]]) -> dict[str, File | Folder]:
        names = dict(self.kept)
        for change in changes:
            for name, entry in change:
                if entry is None:
                    names.pop(name, None)
                else:
                    names[name] = entry
        return names

    def now(self) -> dict[str, File | Folder]:
        return self.after(self.since)


class Disk:
    """What would be on a disk whose power is cut now. ``operations`` happen to it, in the order of the record."""

    def __init__(self, root: Path) -> None:
        self.root, self.top = root, Folder()

    def folder(self, path: Path) -> Folder:
        found = self.top
        for part in path.relative_to(self.root).parts:
            entry = found.now()[part]
            assert isinstance(entry, Folder)
            found = entry
        return found

    def entry(self, path: Path) -> File | Folder | None:
        return self.top if path == self.root else self.folder(path.parent).now().get(path.name)

    def apply(self, operation: tuple[Any, ...]) -> None:
        kind, path, *rest = operation
        entry = self.entry(path)
        if kind == "open":
            if entry is None:
                self.folder(path.parent).since.append([(path.name, File())])
            elif rest[0] & os.O_TRUNC:
                entry.since.append((0, None))
        elif kind == "write":
            entry.since.append(tuple(rest))
        elif kind == "mkdir":
            self.folder(path.parent).since.append([(path.name, Folder())])
        elif kind == "remove":
            self.folder(path.parent).since.append([(path.name, None)])
        elif kind == "rename":
            assert rest[0].parent == path.parent
            self.folder(path.parent).since.append([(path.name, None), (rest[0].name, entry)])
        elif kind == "fsync" and isinstance(entry, File):
            entry.kept, entry.since = entry.after(entry.since), []
        elif kind == "fsync":
            entry.kept, entry.since = entry.now(), []

    def written(self, to: Path, chance: random.Random, lost: str) -> None:
        """Write to a directory what a cut may leave. lost: "all" that was not made durable, "some" or "none" of it."""
        self._folder(self.top, to, chance, lost)

    def _folder(self, folder: Folder, to: Path, chance: random.Random, lost: str) -> None:
        to.mkdir(exist_ok=True)
        for name, entry in folder.after(_left(folder.since, chance, lost)).items():
            if isinstance(entry, Folder):
                self._folder(entry, to / name, chance, lost)
            else:
                (to / name).write_bytes(entry.after(_torn(_left(entry.since, chance, lost), chance, lost)))


def _left(changes: list[Any], chance: random.Random, lost: str) -> list[Any]:
    if lost == "all":
        return []
    return [change for change in changes if lost == "none" or chance.random() < 0.5]


def _torn(writes: list[Any], chance: random.Random, lost: str) -> list[Any]:
    """The same writes, one of them half done; the other half is zeros or what was there."""
    if lost != "some" or not writes or chance.random() < 0.5:
        return writes
    at = chance.randrange(len(writes))
    offset, data = writes[at]
    if data:
        data = data[: chance.randrange(len(data))] + (bytes(len(data) // 2) if chance.random() < 0.5 else b"")
        writes[at] = (offset, data)
    return writes


class Record:
    """Writes down what is done below a directory, with marks between."""

    def __init__(self, root: Path) -> None:
        self.root, self.operations = root, list[tuple[Any, ...]]()

    def __call__(self, name: str, args: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        path, at = self._path(args[0]), 0
        if name == "write":
            at = os.fstat(args[0]).st_size if self._appends(args[0]) else os.lseek(args[0], 0, os.SEEK_CUR)
        done = call()
        if self.root == path or self.root in path.parents:
            self._note(name, path, args, at, done)
        return done

    def _path(self, what: Any) -> Path:
        return Path(os.readlink(f"/proc/self/fd/{what}")) if isinstance(what, int) else Path(what)

    def _appends(self, handle: int) -> bool:
        return bool(os.get_blocking(handle)) and bool(_flags(handle) & os.O_APPEND)

    def _note(self, name: str, path: Path, args: tuple[Any, ...], at: int, done: Any) -> None:
        note = self.operations.append
        if name == "open":
            note(("open", path, args[1]))
        elif name in ("write", "pwrite"):
            data = bytes(args[1])[: done if isinstance(done, int) else None]
            note(("write", path, args[2] if name == "pwrite" else at, data))
        elif name in ("replace", "rename"):
            note(("rename", path, Path(args[1])))
        elif name in ("unlink", "remove", "rmdir"):
            note(("remove", path))
        elif name in ("truncate", "ftruncate"):
            note(("write", path, args[1], None))
        else:
            note((name, path))


def _flags(handle: int) -> int:
    lines = Path(f"/proc/self/fdinfo/{handle}").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("flags:")), 8)


def rmtree(path: Path, **_: Any) -> None:
    """What ``shutil.rmtree`` does, by whole paths, so that it can be written down."""
    for each in sorted(path.rglob("*"), reverse=True):
        (each.rmdir if each.is_dir() else each.unlink)()
    path.rmdir()


def held(path: Path) -> State | None:
    """All that the index in a directory holds; None where there is none."""
    engine = WhooshEngine(path=path)
    try:
        assert list(engine.verify()) == [], SEED
        return dict(engine.scan())
    except IndexNotBuilt:
        return None
    finally:
        engine.close()


def rebuilt(engine: WhooshEngine, first: int, mark: Callable[[], None] | None = None) -> None:
    """A rebuild; with ``mark``, the live index gets an article meanwhile, which is acknowledged."""
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        for number in range(first, first + 4):
            writer.put(article(number, f"Ferry {number}", "One.\nTwo."))
    if mark:
        index(engine, article(99, "Written meanwhile"))
        mark()
    with rebuild.exclusive():
        if rebuild.touched():
            with rebuild.writer() as writer:
                writer.put(article(99, "Written meanwhile"))
        rebuild.swap()


def changed(engine: WhooshEngine, first: int, gone: int) -> None:
    with engine.writer() as writer:
        for number in range(first, first + 3):
            writer.put(article(number, f"Ferry {first} {number}", "A line.\nAnother line."))
        writer.delete(f"news.story:{gone}")


def recorded(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The operations of all deeds, with ("mark", state) after each one that is acknowledged."""
    monkeypatch.setattr(upkeep, "SMALL", 2)
    monkeypatch.setattr(shutil, "rmtree", rmtree)
    record = Record(path.parent)
    engine = WhooshEngine(path=path)

    def mark() -> None:
        record.operations.append(("mark", dict(engine.scan())))

    deeds: list[Callable[[], Any]] = [
        lambda: rebuilt(engine, 0),
        *(lambda n=n: changed(engine, 2 * n, n - 1) for n in range(1, 6)),
        lambda: engine.maintain(),
        lambda: rebuilt(engine, 10, mark),
        *(lambda n=n: changed(engine, 2 * n, n - 1) for n in range(6, 9)),
        lambda: rebuilt(engine, 5, mark),
    ]
    with watched(record):
        for deed in deeds:
            deed()
            mark()
    engine.close()
    return record.operations


@slow
def test_a_power_cut_at_any_moment_leaves_an_acknowledged_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    with monkeypatch.context() as patch:
        operations = recorded(root / "index", patch)
    marks = [state for kind, state, *_ in operations if kind == "mark"]
    chance = random.Random(SEED)
    disk, acknowledged = Disk(root), 0
    assert len(operations) > 200
    for number, operation in enumerate(operations):
        if operation[0] == "mark":
            acknowledged += 1
        else:
            disk.apply(operation)
        for lost in ["all", "none", *["some"] * trials(1, 20)]:
            if lost != "all" and number % trials(3, 1):
                continue
            to = tmp_path / "cut"
            disk.written(to, chance, lost)
            counts["power cuts"] += 1
            assert_acknowledged(
                to, marks, acknowledged, f"operation {number} {operation[:2]}, {lost} lost, seed {SEED}"
            )
            shutil.rmtree(to)


def assert_acknowledged(to: Path, marks: list[State], acknowledged: int, what: str) -> None:
    try:
        found = held(to / "index")
    except (EngineError, AssertionError) as error:
        counts["unopenable"] += 1
        pytest.fail(f"{what}: {error!r}")
    last = marks[acknowledged - 1] if acknowledged else None
    coming = marks[acknowledged] if acknowledged < len(marks) else last
    if found not in (last, coming):
        counts["lost commits"] += 1
        pytest.fail(f"{what}: {sorted(found or ())} in the place of {sorted(last or ())} or {sorted(coming or ())}")
    with suppress(IndexNotBuilt):
        engine = WhooshEngine(path=to / "index")
        index(engine, article("next", "Ferry"))
        assert "news.story:next" in dict(engine.scan()), what
        engine.close()
