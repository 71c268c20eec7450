"""How the embedded engine writes: commits, crashes, clean-up, merges beside the commits, and finding damage."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from newsindex.engines.base import Document
from newsindex.engines.whoosh import WhooshEngine, store, upkeep, writer
from newsindex.engines.whoosh.arrays import ArrayWriter
from newsindex.engines.whoosh.manifest import Manifest, decoded, encoded
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.storage import Watched, replace_file
from newsindex.engines.whoosh.store import Member, Store
from newsindex.engines.whoosh.upkeep import INLINE_MERGE, due, maintain
from newsindex.engines.whoosh.verification import problems
from newsindex.exceptions import EngineError, IndexDamaged, WriterBusy
from newsindex.query.nodes import Prefix
from tests.contract.asking import article, ask, found, index, make_engine, matching
from tests.test_whoosh import files, in_another_process, live, segments


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def engine(path: Path) -> Iterator[WhooshEngine]:
    made = make_engine("whoosh", path)
    yield made
    assert made.verify() == []
    made.close()


def held(engine: WhooshEngine) -> dict[str, str]:
    """All that an index holds: versions by keys."""
    return dict(engine.scan())


def several(first: int, count: int, word: str = "ferry") -> list[Document]:
    return [article(number, f"{word} {number}", "A line.\nAnother line.") for number in range(first, first + count)]


# The commit file


def test_a_commit_file_says_what_it_was_told(tmp_path: Path, engine: WhooshEngine, path: Path) -> None:
    index(engine, *several(0, 3))
    with engine.writer() as changing:
        changing.delete("news.story:1")
    data = (live(path) / "commit").read_bytes()
    manifest = decoded(tmp_path, data)
    assert decoded(tmp_path, encoded(manifest)) == manifest
    assert manifest.files() == files(live(path)) - {"commit", "merge.lock"}
    content = json.loads(data)
    assert (content["format"], content["number"]) == (4, 2)
    assert [(entry["articles"], entry["paragraphs"], entry["deleted_articles"]) for entry in content["segments"]] == [
        (3, 6, 1)
    ]


def changed(path: Path, change: Callable[[Any], None]) -> None:
    """Change a commit file and put its checksum right."""
    content = json.loads(path.read_bytes())
    del content["checksum"]
    change(content)
    checksum = zlib.crc32(json.dumps(content, separators=(",", ":"), sort_keys=True).encode())
    path.write_text(json.dumps({**content, "checksum": checksum}))


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(format=1),
        lambda content: content.update(number=-1),
        lambda content: content.update(segments=None),
        lambda content: content["segments"][0].update(name="../../../../etc/passwd"),
        lambda content: content["segments"][0].update(name="0123456789abcdef"),
        lambda content: content["segments"][0].update(size=9),
        lambda content: content["segments"][0].update(articles=4),
        lambda content: content["segments"][0].update(paragraphs=4),
        lambda content: content["segments"][0].update(articles=3.0),
        lambda content: content["segments"][0].update(more=1),
        lambda content: content["segments"][0].update(deleted="0123456789abcdef", deleted_articles=1),
        lambda content: content["segments"][0].update(deleted_articles=1),
        lambda content: content["segments"][0].pop("size"),
        lambda content: content["segments"].append(content["segments"][0]),
    ],
)
def test_a_commit_that_makes_no_sense_is_refused(
    engine: WhooshEngine, path: Path, change: Callable[[Any], None]
) -> None:
    index(engine, *several(0, 3))
    commit = live(path) / "commit"
    before = commit.read_bytes()
    changed(commit, change)
    with pytest.raises(IndexDamaged, match="newsindex_rebuild") as raised:
        found(engine, "ferry")
    assert str(live(path)) in str(raised.value) or "segment" in str(raised.value).lower()
    assert not engine.health().ok and len(engine.verify()) == 1
    commit.write_bytes(before)
    assert len(found(engine, "ferry")) == 3


def test_a_changed_or_cut_commit_file_is_refused(engine: WhooshEngine, path: Path) -> None:
    index(engine, *several(0, 3))
    commit = live(path) / "commit"
    before = commit.read_bytes()
    damages = [before.replace(b'"number": 1', b'"number": 7'), before[:-10], b"", b"[]", b"\xff", b"[" * 100_000]
    for damage in damages:
        commit.write_bytes(damage)
        with pytest.raises(IndexDamaged, match=str(commit)):
            found(engine, "ferry")
    commit.unlink()
    with pytest.raises(IndexDamaged, match=str(commit)):
        found(engine, "ferry")
    commit.write_bytes(before)
    assert len(found(engine, "ferry")) == 3


def test_what_was_committed_here_need_not_be_read_again(
    tmp_path: Path, engine: WhooshEngine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(engine, *several(0, 3))
    used, other = Store(live(path)), Store(live(path))
    used.manifest()

    def refuse(path: Path, data: bytes) -> Manifest:
        raise AssertionError("read again")

    with monkeypatch.context() as patch:
        patch.setattr(used._watched, "_decoded", refuse)
        patch.setattr(store, "_deletions", refuse)
        with writer.WhooshWriter(used, 128, lambda keys: None, lambda: None) as changing:
            changing.delete("news.story:1")
        assert used.manifest().number == 2
        assert len(used.snapshot().ordinals()) == 2
    # As others see it, and as it sees others.
    assert other.manifest() == used.manifest()
    with writer.WhooshWriter(other, 128, lambda keys: None, lambda: None) as changing:
        changing.delete("news.story:2")
    assert used.manifest().number == 3 and len(used.snapshot().ordinals()) == 1


def test_deletions_that_make_no_sense_are_refused(engine: WhooshEngine, path: Path) -> None:
    index(engine, *several(0, 3))
    with engine.writer() as changing:
        changing.delete("news.story:1")
    engine.close()
    (file,) = live(path).glob("*.deleted")
    before = file.read_bytes()
    for numbers in ([5], [0, 1], [], [-1]):
        file.unlink()
        written = ArrayWriter(file)
        written.add("articles", np.array(numbers, np.int64).astype(np.uint32))
        written.close({})
        with pytest.raises(IndexDamaged, match=file.name):
            found(engine, "ferry")
    file.unlink()
    with pytest.raises(IndexDamaged, match=file.name):
        found(engine, "ferry")
    file.write_bytes(before)


def test_a_watched_file_is_read_once_until_it_is_another(tmp_path: Path) -> None:
    read: list[bytes] = []

    def decode(path: Path, data: bytes) -> bytes:
        read.append(data)
        return data

    path = tmp_path / "file"
    path.write_bytes(b"0")
    watched = Watched(path, decode)
    for number in range(50):
        data = str(number % 10).encode()
        replace_file(path, tmp_path / "aside", data)
        # Same size, same moment: still another file.
        assert watched.value() == watched.value() == data
    assert len(read) == 50


# Durability: whatever fails, and whenever, the commit before or the one after counts


class Crash(BaseException):
    """The process ends here."""


class Failing:
    """Lets the n-th call of what changes files fail. calls: how many there were."""

    def __init__(self, at: int | None, error: type[BaseException]) -> None:
        self.at, self.error, self.calls = at, error, 0

    def wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls - 1 == self.at:
                raise self.error("No space left on device")
            return function(*args, **kwargs)

        return call


def change_much(changing_store: Store, work: str) -> None:
    """Changes that write, delete and merge; each is a commit of its own."""
    if work == "maintain":
        maintain(changing_store, lambda: nullcontext(True))
        return
    with writer.WhooshWriter(changing_store, 128, lambda keys: None, lambda: None) as changing:
        for document in several(3, 6, "bridge"):
            changing.put(document)
        changing.delete("news.story:0")


@pytest.mark.parametrize("error", [OSError, Crash])
@pytest.mark.parametrize("work", ["commit", "maintain"])
def test_a_failure_at_any_step_leaves_one_commit_or_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str, error: type[BaseException]
) -> None:
    monkeypatch.setattr(upkeep, "SMALL", 2 if work == "commit" else 100)
    origin = Store.create(make(tmp_path / "origin"))
    for start in (0, 1, 2, 3):
        with writer.WhooshWriter(origin, 128, lambda keys: None, lambda: None) as changing:
            for document in several(start, 3):
                changing.put(document)
    monkeypatch.setattr(upkeep, "SMALL", 2)
    before = contents(origin)
    steps, outcomes = 1, set()
    step = -1
    while step < steps:
        directory = shutil.copytree(tmp_path / "origin", tmp_path / f"{step}")
        used = Store(directory)
        failing = Failing(None if step < 0 else step, error)
        with monkeypatch.context() as patch, nullcontext() if step < 0 else pytest.raises((EngineError, Crash)):
            for name in ("fsync", "replace", "pwrite", "rename"):
                patch.setattr(os, name, failing.wrapped(getattr(os, name)))
            change_much(used, work)
        if step < 0:
            steps, after = failing.calls, contents(used)
            # Every write counts as one; a few of them stand for all.
            chosen = {*range(0, steps, max(steps // 12, 1)), *range(max(steps - 8, 0), steps)}
        again = Store(directory)
        assert problems(directory) == []
        assert contents(again) in (before, after)
        outcomes.add(contents(again) == after)
        # Afterwards all goes on as if nothing had been, and nothing is left lying.
        with writer.WhooshWriter(again, 128, lambda keys: None, lambda: None) as changing:
            changing.put(article("later", "Ferry"))
        maintain(again, lambda: nullcontext(True))
        assert problems(directory) == []
        assert files(directory) - {"commit", "merge.lock", "commit.new"} == again.manifest().files()
        shutil.rmtree(directory)
        step = next((each for each in sorted(chosen) if each > step), steps)
    assert work == "maintain" or outcomes == {False, True}


def make(path: Path) -> Path:
    path.mkdir()
    return path


def contents(of: Store) -> frozenset[tuple[str, str]]:
    snapshot = of.snapshot()
    places = [snapshot.place(int(ordinal)) for ordinal in snapshot.ordinals()]
    return frozenset((segment.key(at), segment.record(at).version) for segment, at in places)


def test_a_writer_that_was_killed_is_swept_up(engine: WhooshEngine, path: Path) -> None:
    index(engine, *several(0, 3))
    child = in_another_process(
        "from newsindex.engines.whoosh import writer\n"
        "writer.PER_MEGABYTE = 1\n"
        "w = engine.writer()\n"
        "for n in range(3): w.put(article(n, 'Bridge'))\n"
        "print('ready', flush=True); signal.pause()",
        path,
    )
    assert child.stdout and child.stdout.readline() == "ready\n"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert len(segments(path)) == 4
    assert matching(engine, "ferry") == {"0", "1", "2"}
    index(engine, article(9, "Ferry"))
    assert len(segments(path)) == 2
    assert matching(engine, "ferry") == {"0", "1", "2", "9"}


def test_a_reader_whose_files_are_taken_away_looks_again(
    engine: WhooshEngine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(engine, *several(0, 3))
    reader = WhooshEngine(path=path)

    def opened(file: Path) -> Segment:
        monkeypatch.setattr(store, "Segment", Segment)
        # Just now somebody replaces all that there was.
        index(engine, *several(0, 3, "bridge"))
        return Segment(file)

    monkeypatch.setattr(store, "Segment", opened)
    assert matching(reader, "bridge") == {"0", "1", "2"}
    (missing,) = segments(path)
    missing.rename(path / "elsewhere")
    reader.close()
    with pytest.raises(IndexDamaged, match=missing.name):
        found(reader, "bridge")
    (path / "elsewhere").rename(missing)


# Many changes in one writer


@pytest.mark.parametrize("megabytes", [1, 128])
def test_random_changes_leave_what_came_last(
    engine: WhooshEngine, path: Path, monkeypatch: pytest.MonkeyPatch, megabytes: int
) -> None:
    monkeypatch.setattr(writer, "PER_MEGABYTE", 5_000 if megabytes == 1 else 300_000)
    monkeypatch.setattr(upkeep, "_FLOOR", 20)
    small = WhooshEngine(path=path, writer_mb=megabytes)
    chance = random.Random(5)
    expected: dict[str, str] = {}
    for _ in range(30):
        with small.writer() as changing:
            for _ in range(chance.choice([1, 2, 30])):
                document = article(chance.randrange(40), f"Ferry {chance.random()}", "One.\nTwo." * chance.randrange(3))
                if chance.random() < 0.3:
                    changing.delete(document.key)
                    expected.pop(document.key, None)
                else:
                    changing.put(document)
                    expected[document.key] = document.version
        assert held(engine) == expected
        assert small.verify() == []
        assert len(matching(engine, Prefix("ferr"))) == len(expected)
    assert engine.stats().segments <= 10


def test_a_failing_put_of_a_buffered_key_keeps_what_was_put(engine: WhooshEngine) -> None:
    with engine.writer() as changing:
        changing.put(article(1, "Ferry"))
        with pytest.raises(TypeError):
            changing.put(Document(key="news.story:1", title=None))  # type: ignore[arg-type]
    assert found(engine, "ferry") == ["1"]


def test_a_delete_of_what_is_not_there_commits_nothing_but_is_told_to_a_rebuild(
    engine: WhooshEngine, path: Path
) -> None:
    index(engine, article(1, "Ferry"))
    before = (live(path) / "commit").read_bytes()
    rebuild = engine.rebuild()
    with engine.writer() as changing:
        changing.delete("news.story:7")
    assert rebuild.touched() == {"news.story:7"}
    rebuild.abort()
    assert (live(path) / "commit").read_bytes() == before


def test_a_new_generation_has_one_segment(engine: WhooshEngine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PER_MEGABYTE", 100)
    monkeypatch.setattr(upkeep, "SMALL", 1)
    rebuild = engine.rebuild()
    with rebuild.writer() as changing:
        for document in several(0, 60):
            changing.put(document)
    assert rebuild.validate().articles == 60
    rebuild.swap()
    assert engine.stats().segments == 1
    assert len(matching(engine, "ferry")) == 60


def test_a_rebuild_in_several_processes_has_what_came_last(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PER_MEGABYTE", 40)
    engine = WhooshEngine(path=path, processes=2)
    rebuild = engine.rebuild()
    expected = {}
    with rebuild.writer() as changing:
        for number in range(120):
            document = article(number % 50, f"Ferry {number}", "A line.\nAnother line.")
            changing.put(document)
            expected[document.key] = document.version
        changing.delete("news.story:7")
        del expected["news.story:7"]
    assert rebuild.validate().articles == 49
    rebuild.swap()
    assert held(engine) == expected
    assert engine.verify() == []
    engine.close()


def test_an_aborted_rebuild_in_several_processes_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PER_MEGABYTE", 40)
    rebuild = WhooshEngine(path=path, processes=2).rebuild()
    with pytest.raises(ZeroDivisionError), rebuild.writer() as changing:
        for document in several(0, 30):
            changing.put(document)
        raise ZeroDivisionError
    # Segments that were finished are kept for whoever goes on; what was not finished is gone.
    directory = path / "generations" / rebuild.generation
    named = {name for name in Store(directory).manifest().files() if name.endswith(".segment")}
    assert {file.name for file in directory.glob("*.segment")} == named
    rebuild.abort()
    assert not list((path / "generations").iterdir())


# When to merge


class Sized:
    """Stands for a segment."""

    def __init__(self, paragraphs: int) -> None:
        self.paragraphs = paragraphs
        self.articles = -(-paragraphs // 12)


def member(paragraphs: int, dead: float = 0.0) -> Member:
    segment: Any = Sized(paragraphs)
    gone = np.arange(int(segment.articles * dead), dtype=np.uint32)
    return Member(os.urandom(8).hex(), segment, gone if len(gone) else None)


def sizes(members: list[Member]) -> list[int]:
    return sorted(each.segment.paragraphs for each in members)


def test_what_is_due() -> None:
    assert due([]) == due([member(12)]) == due([member(1_000_000), member(12)]) == []
    assert sizes(due([member(12)] * 1 + [member(24), member(36), member(48), member(60), member(72)])) != []
    assert sizes(due([member(70_000), member(80_000), member(90_000)])) == [70_000, 80_000, 90_000]
    assert due([member(70_000), member(80_000)], INLINE_MERGE) == []
    assert sizes(due([member(1_000_000), member(300_000), member(200_000)])) == [200_000, 300_000, 1_000_000]
    assert sizes(due([member(1_000_000), member(100_000), member(300_000)])) == []


def test_what_is_mostly_deleted_is_written_anew() -> None:
    assert sizes(due([member(12_000, dead=0.4), member(1_000_000)], INLINE_MERGE)) == [12_000]
    assert due([member(12_000, dead=0.2), member(1_000_000)], INLINE_MERGE) == []
    assert due([member(120_000, dead=0.4)], INLINE_MERGE) == []
    assert sizes(due([member(120_000, dead=0.4)])) == [120_000]


def test_what_cant_double_in_a_commit_is_filled_up_once() -> None:
    assert sizes(due([member(14_000), member(4_500)], INLINE_MERGE)) == [4_500, 14_000]
    assert due([member(14_000), member(2_000)], INLINE_MERGE) == []
    assert due([member(18_500), member(1_000)], INLINE_MERGE) == []
    assert due([member(14_000), member(4_500)]) == []


@pytest.mark.parametrize(("start", "commits", "bound"), [(0, 1_500, 10), (200_000, 10_000, 15), (1_000_000, 1_500, 10)])
def test_many_small_commits_leave_few_segments_and_never_merge_much(start: int, commits: int, bound: int) -> None:
    members = [member(start)] if start else []
    most = merged = 0
    for _ in range(commits):
        members.append(member(12))
        chosen = due(members, INLINE_MERGE)
        if chosen:
            paragraphs = sum(each.segment.paragraphs for each in chosen)
            assert len(chosen) > 1 and paragraphs <= INLINE_MERGE
            merged += paragraphs
            members = [each for each in members if each not in chosen] + [member(paragraphs)]
        most = max(most, len(members))
    assert most <= bound
    assert merged < commits * 150


# Merging beside the commits


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits merge nothing, ``maintain`` merges whatever there is."""
    monkeypatch.setattr(upkeep, "SMALL", 1)
    monkeypatch.setattr(upkeep, "INLINE_MERGE", 0)


@pytest.mark.usefixtures("eager")
def test_maintain_merges_and_says_so(engine: WhooshEngine, path: Path) -> None:
    for number in range(6):
        index(engine, *several(number, 2))
    assert engine.stats().segments == 6
    before = held(engine)
    assert engine.maintain() is True
    assert engine.stats().segments == 1
    assert held(engine) == before
    assert engine.maintain() is False
    assert len(segments(path)) == 1


@pytest.mark.usefixtures("eager")
def test_changes_during_a_merge_are_kept(engine: WhooshEngine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(0, 40, 4):
        index(engine, *several(number, 4))
    with engine.writer() as changing:
        for number in (0, 9, 18, 27, 36):
            changing.delete(f"news.story:{number}")
    merge = upkeep.merge

    def interrupted(*args: Any) -> None:
        merge(*args)
        with engine.writer() as changing:
            for number in (1, 8, 10, 11, 20, 39):
                changing.delete(f"news.story:{number}")
            changing.put(article(17, "Bridge"))
            changing.put(article(100, "Ferry"))

    monkeypatch.setattr(upkeep, "merge", interrupted)
    assert engine.maintain()
    gone = {0, 9, 18, 27, 36, 1, 8, 10, 11, 20, 39, 17}
    assert matching(engine, "ferry") == {str(number) for number in {*range(40), 100} - gone}
    assert found(engine, "bridge") == ["17"]
    assert engine.stats().segments == 2
    assert engine.stats().articles == len(held(engine)) == 30


@pytest.mark.usefixtures("eager")
def test_a_merge_that_was_overtaken_is_thrown_away(
    engine: WhooshEngine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        index(engine, *several(number, 1))
    merge = upkeep.merge

    def overtaken(*args: Any) -> None:
        merge(*args)
        # As if it had not seen that they are being merged.
        with monkeypatch.context() as patch:
            patch.setattr(upkeep, "_announced", lambda lock: frozenset())
            with engine.writer() as changing:
                changing.delete("news.story:2")

    monkeypatch.setattr(upkeep, "merge", overtaken)
    assert engine.maintain() is False
    assert matching(engine, "ferry") == {"0", "1", "3"}
    assert not list(live(path).glob("*.merging"))


@pytest.mark.usefixtures("eager")
def test_a_rebuild_during_a_merge_wins(engine: WhooshEngine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        index(engine, *several(number, 1))
    merge = upkeep.merge

    def replaced(*args: Any) -> None:
        monkeypatch.setattr(upkeep, "merge", merge)
        merge(*args)
        rebuild = engine.rebuild()
        with rebuild.writer() as changing:
            changing.put(article(9, "Ferry"))
        rebuild.swap()

    monkeypatch.setattr(upkeep, "merge", replaced)
    assert engine.maintain() is False
    assert found(engine, "ferry") == ["9"]


@pytest.mark.usefixtures("eager")
def test_commits_leave_alone_what_is_being_merged(
    engine: WhooshEngine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        index(engine, *several(number, 1))
    merge = upkeep.merge

    def busy(*args: Any) -> None:
        monkeypatch.setattr(upkeep, "merge", merge)
        merge(*args)
        monkeypatch.setattr(upkeep, "INLINE_MERGE", INLINE_MERGE)
        assert engine.maintain() is False
        for number in range(10, 14):
            index(engine, *several(number, 1))

    monkeypatch.setattr(upkeep, "merge", busy)
    assert engine.maintain() is True
    assert len(held(engine)) == 8
    assert engine.stats().segments <= 3


@pytest.mark.usefixtures("eager")
def test_what_a_killed_merge_leaves_is_removed(engine: WhooshEngine, path: Path) -> None:
    for number in range(4):
        index(engine, *several(number, 1))
    child = in_another_process(
        "from newsindex.engines.whoosh import upkeep\n"
        "upkeep.SMALL = 1\n"
        "merge = upkeep.merge\n"
        "def stopping(*args):\n"
        "    merge(*args)\n"
        "    print('ready', flush=True); signal.pause()\n"
        "upkeep.merge = stopping\n"
        "engine.maintain()",
        path,
    )
    assert child.stdout and child.stdout.readline() == "ready\n"
    assert engine.maintain() is False
    index(engine, article(9, "Ferry"))
    assert len(list(live(path).glob("*.merging"))) == 1
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert engine.maintain() is True
    assert not list(live(path).glob("*.merging"))
    assert matching(engine, "ferry") == {"0", "1", "2", "3", "9"}
    assert engine.stats().segments == 1


@pytest.mark.usefixtures("eager")
def test_a_merge_waits_for_a_writer_and_gives_up_in_the_end(
    engine: WhooshEngine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsindex.engines.whoosh.engine.EXCLUSIVE_WAIT", 0.1)
    for number in range(4):
        index(engine, *several(number, 1))
    with engine.writer(), pytest.raises(WriterBusy):
        engine.maintain()
    assert not list(live(path).glob("*.merging"))
    assert engine.maintain() is True


@pytest.mark.usefixtures("eager")
def test_searches_and_commits_go_on_while_segments_are_merged(engine: WhooshEngine, path: Path) -> None:
    index(engine, *several(0, 8))
    wrong: list[object] = []
    done = threading.Event()

    def search() -> None:
        other = WhooshEngine(path=path)
        while not done.is_set():
            try:
                total = len(found(other, "ferry", limit=50))
                wrong.extend([total] if total != 8 else [])
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=search) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        for number in range(24):
            index(engine, *several(number % 8, 1))
            if number % 3 == 2:
                engine.maintain()
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []


# Finding damage


def damaged(path: Path, name: str, change: Callable[[np.ndarray], Any], **meta: Any) -> None:
    """Write the first segment anew, with one array changed, or what is said in its meta, and all checksums right.

    change: in place, or what it returns is the array.
    """
    commit = live(path) / "commit"
    file = live(path) / f"{json.loads(commit.read_bytes())['segments'][0]['name']}.segment"
    old = Segment(file).file
    arrays = {each: old[each].copy() for each in old._places}
    if name:
        other = change(arrays[name])
        arrays[name] = arrays[name] if other is None else other
    file.unlink()
    made = ArrayWriter(file)
    for each, values in arrays.items():
        made.add(each, values)
    size = made.close({**old.meta, **meta}).size
    changed(commit, lambda content: content["segments"][0].update(size=size))


def swap(values: np.ndarray) -> None:
    values[[0, 1]] = values[[1, 0]]


def lower(values: np.ndarray) -> None:
    values[len(values) // 2] -= 1


def raise_last(values: np.ndarray) -> None:
    values[-1] += 1


def leap(values: np.ndarray) -> np.ndarray:
    wide = values.astype("<u4")
    wide[len(wide) // 2] = 0xFFFFFFF0
    return wide


def break_record(values: np.ndarray) -> None:
    values[0] = ord("x")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("key_hash", raise_last),
        ("key_hash", swap),
        ("key_order", swap),
        ("record", break_record),
        ("first_paragraph", lower),
        ("boost", lambda values: values.fill(-1)),
        ("text_length", raise_last),
        ("tag_values", swap),
        ("tag_at", lower),
        ("paragraph_start", raise_last),
        ("paragraph_length", raise_last),
        ("paragraph_kind", lambda values: values.fill(200)),
        ("form", lambda values: values.fill(ord("w"))),
        ("form_at", lower),
        ("form_size", raise_last),
        ("form_letters", lambda values: values.fill(0)),
        ("stem_forms", swap),
        ("stem_forms_at", lower),
        ("text_at", lower),
        ("text_articles", raise_last),
        ("text_articles", lambda values: values.fill(0xFFFF)),
        ("text_counts", raise_last),
        ("text_positions", lambda values: values.fill(250)),
        ("text_positions_at", lower),
        ("text_best", lambda values: values.fill(0)),
        ("title_articles", raise_last),
        ("title_length", raise_last),
        ("title_length", lambda values: values.fill(0)),
        ("title_positions", lambda values: values.fill(0)),
        ("summary_length", raise_last),
        ("tags_length", raise_last),
        ("tags_length", lambda values: values.fill(255)),
        ("tags_positions", lambda values: values.fill(1)),
        ("tags_positions", lambda values: values.fill(3)),
    ],
)
def test_verify_finds_what_contradicts_itself(path: Path, name: str, change: Callable[[np.ndarray], None]) -> None:
    engine = make_engine("whoosh", path)
    index(
        engine, *(article(number, f"Ferry {number}", "The bridge.\nA river.", tags=("B", "A")) for number in range(5))
    )
    assert engine.verify() == []
    engine.close()
    damaged(path, name, change)
    (line,) = engine.verify()[:1]
    assert segments(path)[0].name in line
    engine.close()


@pytest.mark.parametrize("kind", ["tag", "author", "section", "audience", "source"])
def test_verify_finds_labels_that_an_article_does_not_have(path: Path, kind: str) -> None:
    engine = make_engine("whoosh", path)
    made = [
        article(n, tags=(name,), authors=(name,), section=name, audiences=frozenset({name}), key=f"news.{name}:{n}")
        for n, name in enumerate(("first", "second"))
    ]
    index(engine, *made)
    assert engine.verify() == []
    engine.close()
    damaged(path, f"{kind}_values", swap)
    assert [f"{kind}_values does not have what news.first:0 has" in line for line in engine.verify()] == [True]
    engine.close()


@pytest.mark.parametrize("languages", [[], ["de"], ["en", "de"], ["en", "en"], "en", ["en", 5], ["x"] * 1_000])
def test_verify_finds_languages_that_are_not_those_of_the_words(path: Path, languages: object) -> None:
    engine = make_engine("whoosh", path)
    index(engine, article(1, "Ferries"), article(2, "", language="de"))
    assert engine.verify() == [], "a language may have no words"
    engine.close()
    damaged(path, "", swap, languages=languages)
    assert ["languages" in line for line in engine.verify()] == [True]
    engine.close()


@pytest.mark.parametrize("name", ["summary_at", "paragraph_at", "tag_at", "text_counts", "text_positions_at"])
def test_places_that_make_no_sense_take_no_memory_and_no_time(path: Path, name: str) -> None:
    engine = make_engine("whoosh", path)
    index(engine, *(article(n, "Ferry", "The bridge.\nA river.", summary="A ferry", tags=("B",)) for n in range(20)))
    index(engine, article(30, "Ferry"))
    with engine.writer() as writer:
        writer.delete("news.story:3")
    engine.close()
    damaged(path, name, leap)
    tracemalloc.start()
    try:
        with suppress(IndexDamaged):
            ask(engine, "ferry", facets=("tag",))
        with pytest.raises(IndexDamaged):
            engine.purge(["news.story:4"])
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()
    engine.close()


@pytest.mark.parametrize("name", ["title_counts", "text_best", "first_paragraph", "tag_at", "paragraph_start"])
def test_numbers_larger_than_any_of_ours_are_refused_before_they_are_added_up(path: Path, name: str) -> None:
    engine = make_engine("whoosh", path)
    index(engine, article(1, "Ferry ferry", "The bridge.", tags=("B",)))
    engine.close()
    # Sums of such numbers come round to small ones: numpy would write beyond its memory.
    damaged(path, name, lambda values: np.array([*[1 << 62] * (len(values) - 1), values[-1]], "<u8"))
    with pytest.raises(IndexDamaged, match=f"{name} has values of the type <u8"):
        ask(engine, "ferry")
    engine.close()


def test_verify_names_the_array_that_was_changed_on_the_disk(path: Path) -> None:
    engine = make_engine("whoosh", path)
    index(engine, *several(0, 5))
    (file,) = segments(path)
    kind, _, offset, _ = Segment(file).file._places["text_positions"]
    engine.close()
    data = bytearray(file.read_bytes())
    data[offset] ^= 4
    file.write_bytes(data)
    (line,) = engine.verify()
    assert "text_positions" in line and file.name in line
    engine.close()


def test_verify_finds_an_article_that_is_there_twice(path: Path) -> None:
    engine = make_engine("whoosh", path)
    index(engine, *several(0, 2))
    (first,) = segments(path)
    shutil.copy(first, first.with_name("0123456789abcdef.segment"))
    entry = dict(json.loads((live(path) / "commit").read_bytes())["segments"][0], name="0123456789abcdef")
    changed(live(path) / "commit", lambda content: content["segments"].append(entry))
    assert engine.verify() == ["news.story:0 is in the index twice.", "news.story:1 is in the index twice."]
    engine.close()


def test_a_manifest_knows_its_files() -> None:
    assert Manifest(0).files() == frozenset()
