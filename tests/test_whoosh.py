"""What is particular to the embedded engine: generations, locks, files, processes, threads, broken indexes.

What a search means is tested for all engines by tests/contract.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from newsindex.engines.base import EVERYTHING, Document, Engine
from newsindex.engines.whoosh import WhooshEngine, manifest
from newsindex.engines.whoosh.generations import Generations, _pointer
from newsindex.exceptions import ContractError, EngineError, IndexDamaged, IndexNotBuilt, WriterBusy
from newsindex.query.nodes import And, Fuzzy, Not, Phrase, Prefix, Word
from tests.conftest import build_empty
from tests.contract.asking import EVERYBODY, NOW, article, ask, found, index, matching

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def engine(path: Path) -> Iterator[WhooshEngine]:
    """A built, empty engine."""
    made = WhooshEngine(path=path)
    build_empty(made)
    yield made
    made.close()


def rebuilt(engine: Engine, *documents: Document) -> str:
    """Put ``documents`` into a new generation and make it live; its name."""
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        for document in documents:
            writer.put(document)
    with rebuild.exclusive():
        rebuild.swap()
    return rebuild.generation


def generations(path: Path) -> set[str]:
    return {entry.name for entry in (path / "generations").iterdir()}


def files(directory: Path) -> set[str]:
    return {entry.name for entry in directory.iterdir()}


def live(path: Path) -> Path:
    """The directory of the live generation."""
    return path / "generations" / json.loads((path / "live").read_text())["generation"]


def segments(path: Path) -> list[Path]:
    return sorted(live(path).glob("*.segment"))


def in_another_process(code: str, path: Path) -> subprocess.Popen[str]:
    """Run ``code`` with ``engine``, an engine on ``path``, and the short ways of the contract suite at hand."""
    lines = [
        "import sys, os, resource, signal",
        "from newsindex.engines.whoosh import WhooshEngine",
        "from newsindex.exceptions import EngineError, WriterBusy",
        "from tests.contract.asking import article, ask, found, index",
        f"engine = WhooshEngine(path={str(path)!r})",
        code,
    ]
    return subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )


# Before and after the first build


def test_what_was_never_built_says_how_to_build_it(path: Path) -> None:
    engine = WhooshEngine(path=path)
    for call in (
        lambda: ask(engine, "x"),
        lambda: engine.get("news.story:1"),
        engine.writer,
        engine.scan,
        engine.verify,
    ):
        with pytest.raises(IndexNotBuilt, match="newsindex_rebuild"):
            call()
    assert engine.stats().articles == 0
    assert not engine.health().ok
    assert not path.exists()


def test_the_index_is_closed_to_others(engine: WhooshEngine, path: Path) -> None:
    for directory in (path, path / "generations", live(path)):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert engine.check() == []


def test_stats_say_what_is_there(engine: WhooshEngine) -> None:
    generation = rebuilt(engine, article(1, "Ferry", "One.\nTwo."), article(2, "Bridge", "Three."))
    stats = engine.stats()
    assert (stats.articles, stats.paragraphs, stats.segments) == (2, 3, 1)
    assert stats.generation == generation
    assert stats.size > 500
    assert stats.built_at is not None and stats.built_at.tzinfo is not None


@pytest.mark.parametrize(
    "options",
    [
        {"path": ""},
        {"path": None},
        {"path": "x", "writer_mb": 0},
        {"path": "x", "processes": 0},
        {"path": "x", "speed": 9},
    ],
)
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        WhooshEngine(**options)  # type: ignore[arg-type]


# Generations


def test_the_generation_before_is_kept_and_older_ones_go(engine: WhooshEngine, path: Path) -> None:
    first = rebuilt(engine, article(1, "Ferry"))
    second = rebuilt(engine, article(2, "Ferry"))
    assert generations(path) == {first, second}
    third = rebuilt(engine, article(3, "Ferry"))
    assert generations(path) == {second, third}
    assert found(engine, "ferry") == ["3"]


def test_a_rebuild_that_died_leaves_the_old_generation_live_and_is_swept_up(engine: WhooshEngine, path: Path) -> None:
    index(engine, article(1, "Ferry"))
    before = generations(path)
    child = in_another_process(
        "rebuild = engine.rebuild()\n"
        "with rebuild.writer() as w: w.put(article(2, 'Ferry'))\n"
        "print('ready', flush=True); signal.pause()",
        path,
    )
    assert child.stdout and child.stdout.readline() == "ready\n"
    with pytest.raises(WriterBusy):
        engine.rebuild()
    child.kill()
    child.communicate()
    assert found(engine, "ferry") == ["1"]
    assert len(generations(path) - before) == 1
    abandoned = generations(path) - before
    rebuilt(engine, article(3, "Ferry"))
    assert found(engine, "ferry") == ["3"]
    assert not generations(path) & abandoned


def test_an_aborted_rebuild_leaves_nothing(engine: WhooshEngine, path: Path) -> None:
    index(engine, article(1, "Ferry"))
    before = generations(path)
    rebuild = engine.rebuild()
    rebuild.writer().put(article(2, "Ferry"))
    rebuild.abort()
    rebuild.abort()
    assert generations(path) == before
    assert found(engine, "ferry") == ["1"]
    with pytest.raises(ContractError):
        rebuild.swap()


def test_a_rebuild_sees_what_another_engine_changes_meanwhile(engine: WhooshEngine, path: Path) -> None:
    index(engine, article(1, "Ferry"))
    rebuild = engine.rebuild()
    other = WhooshEngine(path=path)
    with other.writer() as writer:
        writer.put(article("ä\n2", "Ferry"))
        writer.delete("news.story:1")
    cancelled = other.writer()
    cancelled.put(article(3, "Ferry"))
    cancelled.cancel()
    assert rebuild.touched() == {"news.story:1", "news.story:ä\n2"}
    with rebuild.exclusive():
        with pytest.raises(WriterBusy):
            other.writer()
        rebuild.swap()
    assert found(other, "ferry") == []
    # The finished generation no longer collects changes.
    index(other, article(4, "Ferry"))
    assert not (live(path) / "touched").exists()


def test_half_a_line_of_a_killed_writer_spoils_no_rebuild(engine: WhooshEngine, path: Path) -> None:
    rebuild = engine.rebuild()
    touched = path / "generations" / rebuild.generation / "touched"
    touched.write_bytes(b'"news.story:1"\n"news.sto')
    index(engine, article(2, "Ferry"))
    with touched.open("ab") as file:
        file.write(b'\n3\n"\xff\n"news.story:')
    assert rebuild.touched() == {"news.story:1", "news.story:2"}
    rebuild.abort()


def test_a_flipped_bit_in_what_changed_is_no_lost_change(engine: WhooshEngine, path: Path) -> None:
    rebuild = engine.rebuild()
    index(engine, article(2, "Ferry"), article(3, "Harbour"))
    index(engine, article(4, "Storm"))
    touched = path / "generations" / rebuild.generation / "touched"
    whole, right, refused = touched.read_bytes(), rebuild.touched(), 0
    assert right == {"news.story:2", "news.story:3", "news.story:4"}
    for bit in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        touched.write_bytes(damaged)
        try:
            assert rebuild.touched() >= right, bit
        except IndexDamaged:
            refused += 1
    assert refused > len(whole)
    rebuild.abort()


@pytest.mark.parametrize("lost", ["touched", "the end", "touched.size"])
def test_what_changed_is_not_cut_off_unnoticed(engine: WhooshEngine, path: Path, lost: str) -> None:
    """Between two commits as well, where every line that is left is right."""
    rebuild = engine.rebuild()
    folder = path / "generations" / rebuild.generation
    lengths = [0]
    for number in range(3):
        index(engine, article(number, "Ferry"))
        lengths.append((folder / "touched").stat().st_size)
    right = rebuild.touched()
    assert len(right) == 3
    if lost == "the end":
        for length in reversed(range(lengths[-1])):
            os.truncate(folder / "touched", length)
            with pytest.raises(IndexDamaged, match="touched was changed"):
                rebuild.touched()
    else:
        (folder / lost).unlink()
    if lost == "touched":
        with pytest.raises(IndexDamaged, match="touched was changed"):
            rebuild.touched()
    if lost == "touched.size":
        assert rebuild.touched() == right
    rebuild.abort()


def test_a_damaged_token_is_named(engine: WhooshEngine, path: Path) -> None:
    engine.set_token("0123456789abcdef0123456789")
    whole = (path / "token").read_bytes()
    for bit in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        (path / "token").write_bytes(damaged)
        with pytest.raises(IndexDamaged, match="token was changed"):
            engine.token()
    (path / "token").write_bytes(b"")
    with pytest.raises(IndexDamaged, match="token was changed"):
        engine.token()
    # As the first versions wrote it.
    (path / "token").write_bytes(b"0123456789abcdef0123456789")
    assert engine.token() == "0123456789abcdef0123456789"


def test_what_a_full_disk_refuses_leaves_no_half_line(engine: WhooshEngine, path: Path) -> None:
    generations = Generations(path)
    name = generations.begin()
    generations.touch(["news.story:1"])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            generations.touch(["news.story:22222222222222222222"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (generations.directory(name) / "touched").read_bytes() == b'\n"news.story:1"\n*1 55bf8df3\n'
    generations.remove(name)


def test_a_new_generation_that_cant_be_read_is_not_valid(engine: WhooshEngine, path: Path) -> None:
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        writer.put(article(1, "Ferry", "Some text.\nMore text."))
    assert rebuild.validate().paragraphs == 2
    rebuild.abort()
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        writer.put(article(1, "Ferry"))
    for segment in (path / "generations" / rebuild.generation).glob("*.segment"):
        os.truncate(segment, segment.stat().st_size // 2)
    with pytest.raises(IndexDamaged):
        rebuild.validate()
    rebuild.abort()


# Broken indexes: an EngineError that says what to do, never a traceback


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b'{"format": 3}',
        b'{"format": 3, "generation": "../../../etc", "built_at": "2026-01-01T00:00:00+00:00", "previous": ""}',
        b'{"format": 3, "generation": "0009-00000000", "built_at": "2026-01-01T00:00:00+00:00", "previous": ""}',
        b'{"format": 99, "generation": "0001-00000000", "built_at": "2026-01-01T00:00:00+00:00", "previous": ""}',
        b'{"format": 3, "generation": "0001-00000000", "built_at": "2026-01-01T00:00:00", "previous": ""}',
        b'{"format": 1, "generation": "0001-00000000", "built_at": "2026-01-01T00:00:00+00:00", "previous": ""}',
        b"[" * 100_000,
    ],
)
def test_a_foreign_pointer_is_named_and_a_rebuild_mends_it(engine: WhooshEngine, path: Path, content: bytes) -> None:
    (path / "live").write_bytes(content)
    with pytest.raises(IndexDamaged):
        ask(engine, "ferry")
    assert not engine.health().ok
    rebuilt(engine, article(1, "Ferry"))
    assert found(engine, "ferry") == ["1"]


@pytest.mark.parametrize("name", ["live", "commit"])
def test_any_bit_of_the_small_files_that_flips_is_named(engine: WhooshEngine, path: Path, name: str) -> None:
    """Also where what it makes of them looks like an index of another format."""
    rebuilt(engine, article(1, "Ferry"))
    decode = {"live": _pointer, "commit": manifest.decoded}[name]
    file = next(path.rglob(name))
    data = file.read_bytes()
    decode(file, data)
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IndexDamaged, match=re.escape(str(file))):
            decode(file, bytes(flipped))


@pytest.mark.parametrize("name", ["write.lock", "rebuild.lock"])
def test_a_lock_that_can_not_be_opened_is_an_engine_error(engine: WhooshEngine, path: Path, name: str) -> None:
    (path / name).unlink(missing_ok=True)
    (path / name).mkdir()
    with pytest.raises(EngineError, match=name):
        engine.writer() if name == "write.lock" else engine.rebuild()


def test_a_path_that_is_a_file_is_an_engine_error(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("not a directory")
    engine = WhooshEngine(path=tmp_path / "index")
    with pytest.raises(IndexNotBuilt):
        ask(engine, "x")
    with pytest.raises(EngineError):
        engine.rebuild()
    assert [problem.id for problem in engine.check()] == ["newsindex.E010"]


@pytest.mark.parametrize("damage", [0.1, 0.3, 0.5, 0.7, 0.9, 0.97])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_damaged_segment_gives_an_engine_error_or_an_answer(engine: WhooshEngine, path: Path, damage: float) -> None:
    index(engine, *(article(n, f"Ferry {n}", "The bridge is old.\nThe river is wide.") for n in range(40)))
    engine.close()
    for segment in segments(path):
        data = bytearray(segment.read_bytes())
        at = int(len(data) * damage)
        data[at : at + 8] = bytes(255 - byte for byte in data[at : at + 8])
        segment.write_bytes(data)
    for query in (Word("ferry"), Prefix("bri"), Fuzzy("bridgge"), Phrase("river is wide")):
        try:
            ask(engine, query)
        except EngineError as error:
            assert "newsindex_rebuild" in str(error)
    assert isinstance(engine.verify(), list)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_verify_names_what_is_missing(engine: WhooshEngine, path: Path) -> None:
    index(engine, article(1, "Ferry", "The bridge is old."))
    assert engine.verify() == []
    engine.close()
    for segment in segments(path):
        os.truncate(segment, segment.stat().st_size - 20)
    assert len(engine.verify()) == 1
    for segment in segments(path):
        segment.unlink()
    engine.close()
    assert len(engine.verify()) == 1
    assert not engine.health().ok


# Writing


def test_a_key_put_again_in_one_writer_is_there_once(engine: WhooshEngine) -> None:
    index(engine, article(1, "Old ferry"), article(2, "Old bridge"))
    with engine.writer() as writer:
        for number in range(5):
            writer.put(article(1, f"Ferry {number}", "A line.\nAnother line."))
        writer.put(article(3, "Gone"))
        writer.delete("news.story:3")
        writer.delete("news.story:2")
        writer.put(article(2, "New bridge"))
    assert engine.verify() == []
    assert engine.stats().articles == 2
    assert matching(engine, "ferry") == {"1"}
    assert found(engine, "4") == ["1"]
    assert found(engine, "3") == []
    assert ask(engine, "new bridge").total == 1
    assert sorted(engine.scan()) == sorted((key, engine.get(key).version) for key in ("news.story:1", "news.story:2"))


def test_cancelling_leaves_the_files_as_they_were(engine: WhooshEngine, path: Path) -> None:
    index(engine, article(1, "Ferry"))
    before = files(live(path))
    with pytest.raises(ZeroDivisionError), engine.writer() as writer:
        writer.put(article(1, "Bridge"))
        writer.delete("news.story:1")
        raise ZeroDivisionError
    assert files(live(path)) == before
    assert found(engine, "ferry") == ["1"]
    index(engine, article(2, "Ferry"))
    assert matching(engine, "ferry") == {"1", "2"}


def test_a_document_that_cant_be_written_changes_nothing(engine: WhooshEngine) -> None:
    index(engine, article(1, "Ferry"))
    with engine.writer() as writer:
        with pytest.raises(TypeError):
            writer.put(Document(key="news.story:1", title=None))  # type: ignore[arg-type]
        writer.put(article(2, "Ferry"))
    assert matching(engine, "ferry") == {"1", "2"}


def test_small_segments_are_merged_and_dead_ones_dropped(engine: WhooshEngine) -> None:
    for number in range(60):
        index(engine, article(number % 30, f"Ferry {number}", "One line.\nAnother line."))
    assert engine.stats().segments < 15
    assert engine.stats().articles == 30
    assert matching(engine, "ferry") == {str(number) for number in range(30)}
    assert matching(engine, Phrase("another line")) == {str(number) for number in range(30)}
    assert found(engine, "29") == []
    assert engine.verify() == []
    with engine.writer() as writer:
        for number in range(30):
            writer.delete(f"news.story:{number}")
    assert engine.stats().articles == 0
    index(engine, article(1, "Bridge"))
    assert engine.stats().segments == 1


def test_a_search_that_began_before_a_commit_ends_as_it_began(engine: WhooshEngine) -> None:
    index(engine, *(article(number, "Ferry") for number in range(10)))
    before = engine.scan()
    assert next(before)
    with engine.writer() as writer:
        for number in range(10):
            writer.delete(f"news.story:{number}")
    assert len(list(before)) == 9
    assert list(engine.scan()) == []


def test_keys_and_texts_may_have_any_characters(engine: WhooshEngine) -> None:
    strange = article("\ud800\x00/..", "Half \udfff pair", "Nul \x00 ferry.", tags=("\ud801",))
    index(engine, strange)
    assert found(engine, "ferry") == ["\ud800\x00/.."]
    assert engine.get(strange.key) == strange
    with engine.writer() as writer:
        writer.delete(strange.key)
    assert found(engine, "ferry") == []


# Several processes and threads


def test_another_process_writes_and_this_one_sees_it(engine: WhooshEngine, path: Path) -> None:
    index(engine, article(1, "Ferry"))
    assert found(engine, "ferry") == ["1"]
    child = in_another_process("index(engine, article(2, 'Ferry'))\nprint(found(engine, 'ferry'))", path)
    output, _ = child.communicate()
    assert child.returncode == 0 and len(output) == len("['1', '2']\n")
    assert matching(engine, "ferry") == {"1", "2"}


def test_a_killed_writer_leaves_neither_lock_nor_change(engine: WhooshEngine, path: Path) -> None:
    index(engine, article(1, "Ferry"))
    child = in_another_process(
        "writer = engine.writer()\n"
        "writer.delete('news.story:1'); writer.put(article(2, 'Ferry'))\n"
        "print('ready', flush=True); signal.pause()",
        path,
    )
    assert child.stdout and child.stdout.readline() == "ready\n"
    with pytest.raises(WriterBusy):
        engine.writer(wait=0.1)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    assert found(engine, "ferry") == ["1"]
    index(engine, article(3, "Ferry"))
    assert matching(engine, "ferry") == {"1", "3"}
    assert engine.verify() == []
    assert len(segments(path)) == 2


@pytest.mark.parametrize("allowed", [500, 20_000, 60_000])
def test_a_full_disk_is_an_engine_error_and_changes_nothing(engine: WhooshEngine, path: Path, allowed: int) -> None:
    index(engine, article(1, "Ferry"))
    child = in_another_process(
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({allowed}, -1))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try:\n"
        "    with engine.writer() as writer:\n"
        "        for n in range(2, 400):\n"
        "            writer.put(article(n, 'Ferry', ' '.join(f'word{n}x{m}' for m in range(30))))\n"
        "except EngineError as error:\n"
        "    print(type(error).__name__, found(engine, 'ferry'))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))\n"
        "index(engine, article(1, 'Bridge'))\n"
        "print(found(engine, 'bridge'))\n",
        path,
    )
    output, _ = child.communicate()
    assert output == "EngineError ['1']\n['1']\n"
    assert found(engine, "ferry") == []
    assert found(engine, "bridge") == ["1"]
    assert engine.verify() == []


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_keeps_no_lock_of_a_holder_that_died(engine: WhooshEngine, path: Path) -> None:
    # The holder forks a child, tells its id and dies without letting go.
    read, write = os.pipe()
    holder = os.fork()
    if not holder:
        lock = Generations(path).write_lock()
        lock.acquire(0.0, "busy")
        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
        os.write(write, str(child).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(holder, 0)
    child = int(os.read(read, 20))
    try:
        # Its first act was to close the handle; it may not have come so far.
        engine.writer(wait=30.0).cancel()
    finally:
        os.kill(child, signal.SIGKILL)
        os.close(read)
        os.close(write)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_searches_and_takes_no_lock_away(engine: WhooshEngine, path: Path) -> None:
    index(engine, article(1, "Ferry"))
    assert found(engine, "ferry") == ["1"]
    lock = Generations(path).write_lock()
    lock.acquire(0.0, "busy")
    child = os.fork()
    if not child:
        status = 1
        try:
            lock.release()
            status = 0 if found(engine, "ferry") == ["1"] else 2
        finally:
            # Not sys.exit: the child must not run what pytest has planned for the parent.
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with pytest.raises(WriterBusy):
        engine.writer()
    lock.release()
    index(engine, article(2, "Ferry"))


def test_threads_search_while_articles_are_replaced(engine: WhooshEngine) -> None:
    index(engine, *(article(number, "Ferry", "The bridge is old.\nFerry.") for number in range(8)))
    wrong: list[object] = []
    done = threading.Event()

    def search() -> None:
        while not done.is_set():
            try:
                pages = [ask(engine, query, limit=20) for query in (Word("ferry"), Prefix("brid"), Phrase("is old"))]
                wrong.extend(page for page in pages if page.total != 8 or len(page.hits) != 8)
            except Exception as error:
                wrong.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=search) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        for number in range(16):
            index(engine, article(number % 8, f"Ferry {number}", "The bridge is old.\nFerry."))
    finally:
        done.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert wrong == []


# Bounds


def test_when_the_time_is_up_articles_may_be_missing_but_none_is_wrong(engine: WhooshEngine) -> None:
    index(engine, article(1, "Ferry"), article(2, "Bridge"), article(3, "Ferry bridge"))
    for query in (Word("ferry"), Not(Word("ferry")), And((Word("bridge"), Not(Word("ferry")))), Prefix("fer")):
        engine.close()
        hurried = ask(engine, query, timeout=0.0)
        assert hurried.partial
        assert {hit.key for hit in hurried.hits} <= {hit.key for hit in ask(engine, query).hits}
    assert not ask(engine, "ferry", timeout=60.0).partial


def test_completions_and_related_articles_stop_when_the_time_is_up(engine: WhooshEngine) -> None:
    names = ("Anna", "Berta", "Clara")
    index(
        engine, *(article(n, f"{name}, a ferry", f"{name} sails.", tags=("ferries",)) for n, name in enumerate(names))
    )
    for timeout, expected in ((None, 2), (0.0, 0)):
        related = engine.related("news.story:1", now=NOW, audiences=EVERYBODY, timeout=timeout)
        assert len(related) == expected
        assert bool(engine.suggest("fer", now=NOW, audiences=EVERYBODY, timeout=timeout)) is bool(expected)


# System checks


def test_a_place_open_to_others_is_warned_about(engine: WhooshEngine, path: Path) -> None:
    path.chmod(0o770)
    assert [(problem.level, problem.id) for problem in engine.check()] == [("warning", "newsindex.W010")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cant_be_written_is_an_error(engine: WhooshEngine, path: Path) -> None:
    path.chmod(0o500)
    assert [(problem.level, problem.id) for problem in engine.check()] == [("error", "newsindex.E011")]
    path.chmod(0o700)


@pytest.mark.parametrize("refused", ["generations", "purge"])
def test_what_may_not_be_looked_at_ends_no_command(
    engine: WhooshEngine, path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    """Files that a command made as root: whoever asks how the index is gets an answer and no traceback."""
    rebuilt(engine)

    def guarded(call: Callable[..., object]) -> Callable[..., object]:
        def guard(place: object = ".", **kwargs: object) -> object:
            if str(place) == str(path / refused):
                raise PermissionError(13, "Permission denied", str(place))
            return call(place, **kwargs)

        return guard

    monkeypatch.setattr("os.listdir", guarded(os.listdir))
    monkeypatch.setattr("os.stat", guarded(os.stat))
    assert engine.notices() == []
    assert engine.health().ok
    assert [problem for problem in engine.check() if problem.level == "error"] == []


def test_two_distributions_of_whoosh_are_warned_about(
    engine: WhooshEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "site" / "another_whoosh-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: another-whoosh\nVersion: 1.0\n")
    (metadata / "top_level.txt").write_text("whoosh\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    problems = engine.check()
    assert [problem.id for problem in problems] == ["newsindex.W011"]
    assert "another-whoosh" in problems[0].message


# The answer does not depend on how the articles came into segments


@pytest.mark.parametrize("commits", [1, 3, 9])
def test_scores_are_the_same_in_one_segment_and_in_many(engine: WhooshEngine, path: Path, commits: int) -> None:
    documents = [
        article(
            n, f"Ferry {n}", "The ferry and the bridge.\n" * (n % 4) + "Rain.", tags=(f"Tag {n % 3}",), published_at=NOW
        )
        for n in range(18)
    ]
    whole = WhooshEngine(path=path.with_name("whole"))
    rebuilt(whole, *documents)
    for start in range(commits):
        index(engine, *documents[start::commits])
    asked: list[Callable[[Engine], object]] = [
        lambda e: ask(e, "ferry", limit=20, facets=("tag",), timeline=True).hits,
        lambda e: ask(e, Phrase("and the bridge"), limit=20).hits,
        lambda e: ask(e, Prefix("fer"), facets=("tag",), timeline=True).facets,
        lambda e: e.suggest("fer", now=NOW, audiences=EVERYBODY),
        lambda e: [hit.key for hit in e.related("news.story:3", now=NOW, audiences=EVERYTHING)],
    ]
    for question in asked:
        assert question(engine) == question(whole)
