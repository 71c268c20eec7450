"""A purge leaves no byte of what was withdrawn in any file of the index, whatever happens while it works."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from newsindex import indexing
from newsindex.engines import engines
from newsindex.engines.base import Document, Engine, versioned
from newsindex.engines.whoosh import WhooshEngine
from newsindex.engines.whoosh.generations import FileLock
from newsindex.exceptions import WriterBusy
from newsindex.models import Article, PendingChange
from newsindex.searching import search
from tests.contract.asking import article, day, index
from tests.contract.news import NEWS
from tests.factories import make_article
from tests.faults.conftest import counts, trials

#: A word that is nowhere else, in each text of a document; no stem, fold or escape of it is without these letters.
SECRET = "zirconqua"
WITHDRAWN = article(
    "withdrawn",
    f"The {SECRET}t affair",
    f"The mayor of {SECRET}tville was paid.\nNobody knows {SECRET}ts.",
    summary=f"{SECRET.upper()}T, again.",
    tags=(f"{SECRET}ttag", "Aldermouth"),
    authors=(f"Ann {SECRET.title()}tson",),
    section=f"{SECRET}tsection",
    published_at=day(2026, 5, 1),
    url=f"/{SECRET}t/",
)
MENDED = article("mended", "A mended story", "Nothing is left of it.", published_at=day(2026, 5, 2))
BEFORE = replace(WITHDRAWN, key=MENDED.key)


def traces(path: Path, word: str = SECRET) -> list[str]:
    """The files below ``path`` that have ``word`` in any spelling, or in their name."""
    sought = re.compile(word.encode(), re.IGNORECASE)
    files = [file for file in path.rglob("*") if file.is_file()]
    assert files, "there is an index"
    return [str(file) for file in files if sought.search(file.read_bytes()) or sought.search(file.name.encode())]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[WhooshEngine]:
    made = WhooshEngine(path=tmp_path / "index")
    fill(made)
    yield made
    assert list(made.verify()) == []
    made.close()


def rebuilt(engine: Engine, *documents: Document) -> None:
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        for document in documents:
            writer.put(document)
    rebuild.swap()


def fill(engine: Engine) -> None:
    """An index with the secret in use, in what was replaced, and in the generation before."""
    many = [article(n, f"Story {n}", "The bridge is closed.\nThe ferry is late.") for n in range(300)]
    rebuilt(engine, *NEWS, *many, BEFORE, WITHDRAWN)
    rebuilt(engine, *NEWS, *many, BEFORE, WITHDRAWN)
    # Large enough for its own segment, so that no commit merges it away.
    index(engine, MENDED, *[article(f"more{n}", "More", "The bridge.\n" * 20) for n in range(60)])
    index(engine, article("late", "Late", "A late story."))


def leave_rubbish(engine: WhooshEngine) -> None:
    """What those leave who are killed: an unfinished generation, segments that no commit names, half a merge."""
    generations = engine.path / "generations"
    for directory in list(generations.iterdir()):
        largest = max(directory.glob("*.segment"), key=lambda file: file.stat().st_size)
        shutil.copy(largest, directory / "00000000000000aa.segment")
        shutil.copy(largest, directory / "00000000000000bb.merging")
    directory = generations / "0009-00000000"
    shutil.copytree(next(generations.iterdir()), directory)
    (directory / "rebuilding").touch()


def holds(engine: Engine) -> set[str]:
    return {key for key, _ in engine.scan()}


def test_no_byte_is_left_in_any_file(engine: WhooshEngine) -> None:
    before = holds(engine)
    leave_rubbish(engine)
    # In the live generation, the one before and the unfinished one, whole and in rubbish.
    assert len(traces(engine.path)) >= 6
    purged = engine.purge([WITHDRAWN.key])
    assert traces(engine.path) == []
    assert purged.documents == 1, "that of the index in use, without those of the generation before"
    assert purged.segments >= 2
    assert purged.generations == 1
    assert holds(engine) == before - {WITHDRAWN.key}
    assert engine.get(MENDED.key) == MENDED
    assert len(list((engine.path / "generations").iterdir())) == 2, "the generation before is kept"


def test_what_was_replaced_goes_without_being_named(engine: WhooshEngine) -> None:
    empty = replace(WITHDRAWN, title="Empty", paragraphs=(), summary="", tags=(), authors=(), section="", url="")
    index(engine, versioned(empty))
    before = holds(engine)
    engine.purge([])
    assert traces(engine.path) == []
    assert holds(engine) == before


def test_a_generation_that_cannot_be_read_is_removed(engine: WhooshEngine) -> None:
    live = engine.stats().generation
    (old,) = [each for each in (engine.path / "generations").iterdir() if each.name != live]
    for segment in old.glob("*.segment"):
        segment.write_bytes(segment.read_bytes()[:-100])
    assert engine.purge([WITHDRAWN.key]).generations == 1
    assert traces(engine.path) == []
    assert not old.exists()


def test_a_place_without_an_index_has_nothing_to_purge(tmp_path: Path) -> None:
    nowhere = WhooshEngine(path=tmp_path / "nowhere")
    assert nowhere.purge(["news.story:1"]).documents == 0
    assert not nowhere.path.exists()


def test_two_purges_at_once_both_come_to_their_end(engine: WhooshEngine) -> None:
    other = WhooshEngine(path=engine.path)
    failures: list[BaseException] = []

    def purge(by: WhooshEngine, gone: str) -> None:
        try:
            by.purge([gone], wait=60.0)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=purge, args=[engine, WITHDRAWN.key]),
        threading.Thread(target=purge, args=[other, MENDED.key]),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert not holds(engine) & {WITHDRAWN.key, MENDED.key}
    assert traces(engine.path) == traces(engine.path, "mended") == []
    with pytest.raises(WriterBusy, match="Another purge"), one_purging(engine.path):
        engine.purge([])


@contextmanager
def one_purging(path: Path) -> Iterator[None]:
    lock = FileLock(path / "purge.lock")
    lock.acquire(0.0, "busy")
    try:
        yield
    finally:
        lock.release()


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a forked child that dies before the n-th call that changes a file; whether it came so far."""
    child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, 9), status
        return status == 9
    try:
        left = number

        def counted(name: str) -> None:
            call = getattr(os, name)

            def counting(*args: object, **options: object) -> object:
                nonlocal left
                left -= 1
                if not left:
                    os._exit(9)
                return call(*args, **options)

            setattr(os, name, counting)

        for name in ("write", "pwrite", "replace", "rename", "unlink", "rmdir", "truncate", "ftruncate", "fsync"):
            counted(name)
        work()
        os._exit(0)
    finally:
        # Whatever was raised: the child must not run what pytest has planned for the parent.
        os._exit(1)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_killed_anywhere_the_next_purge_finishes_it(tmp_path: Path, engine: WhooshEngine) -> None:
    leave_rubbish(engine)
    model = engine.path
    expected = holds(engine) - {WITHDRAWN.key}
    number = kills = 0
    step = trials(3, 1)
    while True:
        number += step if kills else 1
        path = tmp_path / f"copy{number}"
        shutil.copytree(model, path)
        victim = WhooshEngine(path=path)
        if not killed_at(number, lambda victim=victim: victim.purge([WITHDRAWN.key])):
            break
        kills += 1
        assert holds(victim) - {WITHDRAWN.key} == expected, f"killed at {number}"
        index(victim, article("after", "After the kill"))
        victim.purge([])
        # Killed before it had written down what it was to do, it has to be told again.
        if traces(path):
            assert number <= 4, f"killed at {number}"
            victim.purge([WITHDRAWN.key])
        assert traces(path) == [], f"killed at {number}"
        assert holds(victim) == expected | {"news.story:after"}
        assert list(victim.verify()) == []
        victim.close()
        shutil.rmtree(path)
    assert kills > 10
    # All links are to the copy; the model is as it was.
    assert traces(model)
    counts["purge: kills"] += kills


# The command.


def run(*args: object) -> tuple[str, str, str]:
    """What the command printed, said on stderr, and with which error it ended."""
    out, err, error = StringIO(), StringIO(), ""
    try:
        call_command("newsindex_purge", *map(str, args), stdout=out, stderr=err)
    except CommandError as raised:
        error = str(raised)
        assert raised.returncode == 1
    return out.getvalue(), err.getvalue(), error


def key(row: Article) -> str:
    return f"newsindex.article:{row.pk}"


@pytest.mark.django_db
@pytest.mark.engine("whoosh")
class TestCommand:
    def place(self) -> Path:
        engine = engines["default"]
        assert isinstance(engine, WhooshEngine)
        return engine.path

    def test_a_deleted_article_leaves_the_files_and_pending_changes_come_first(self, settings: object) -> None:
        withdrawn = make_article("Gone", f"The {SECRET}t.")
        make_article("Stays", "The bridge.")
        indexing.rebuild()
        settings.NEWSINDEX_UPDATE = "command"  # type: ignore[attr-defined]
        withdrawn.delete()
        assert PendingChange.objects.count() == 1
        assert traces(self.place())
        out, err, error = run()
        assert (err, error) == ("", "")
        assert re.fullmatch(
            r"default: \d documents? taken out, \d files? written anew, unfinished .* removed: 0\n", out
        )
        assert traces(self.place()) == []
        assert search("bridge").count() == 1
        assert run()[0].startswith("default: 0 documents taken out, 0 files written anew")

    def test_a_draft_goes_when_it_is_named(self) -> None:
        draft = make_article("Draft", f"The {SECRET}t.", status="draft")
        make_article("Stays", "The bridge.")
        run()
        assert traces(self.place()), "an editor finds drafts in the admin"
        assert run(key(draft))[1:] == ("", "")
        assert traces(self.place()) == []
        assert indexing.verify().missing == (key(draft),)

    def test_all_that_is_hidden(self) -> None:
        make_article("Draft", f"The {SECRET}t.", status="draft")
        make_article("Expired", f"The {SECRET}t.", expires_at=day(2020, 1, 1))
        make_article("Scheduled", "The bridgework.", published_at=day(2099, 1, 1))
        make_article("Stays", "The bridge.")
        out, err, error = run("--hidden")
        assert out.startswith("default: 2 documents taken out")
        assert (err, error) == ("", "")
        assert traces(self.place()) == []
        assert traces(self.place(), "bridgework"), "it will be shown at its time, with nothing saved"

    def test_what_visitors_may_see_stays_and_is_named(self) -> None:
        shown = make_article("Shown", "The bridge.")
        out, err, error = run(key(shown))
        assert err == f"{key(shown)} stays: visitors may see it. Unpublish or delete it first.\n"
        assert error == "Not everything is gone: see above."
        assert out.startswith("default: 0 documents")
        assert search("bridge").count() == 1

    def test_an_edited_text_leaves_nothing_behind(self) -> None:
        edited = make_article("Edited", f"The {SECRET}t.")
        indexing.rebuild()
        edited.body = "The bridge."
        edited.save()
        assert traces(self.place())
        run()
        assert traces(self.place()) == []
        assert search("bridge").count() == 1

    def test_a_rebuild_under_way_is_told(self) -> None:
        withdrawn = make_article("Gone", f"The {SECRET}t.")
        withdrawn.delete()
        rebuild = engines["default"].rebuild()
        error = run("--wait", 0)[2]
        assert error.startswith("default: A rebuild of the index in ")
        assert error.endswith("purge again when it has ended.")
        rebuild.abort()
        assert run()[2] == ""

    def test_what_was_published_meanwhile_is_back(self) -> None:
        draft = make_article("Draft", "The bridge.", status="draft")
        # A purge that was killed has written down the draft, which was published since then.
        (self.place() / "purge").write_text(f'["{key(draft)}"]')
        Article.objects.update(status="published")
        indexing.update(Article.objects.all())
        assert run()[1:] == ("", "")
        assert search("bridge").count() == 1
        assert not (self.place() / "purge").exists()

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ("12", "must look like newsindex.article:12, not '12'."),
            ("no.model:1", "'no.model' is not searched; these are: "),
        ],
    )
    def test_a_wrong_key_is_named(self, value: str, message: str) -> None:
        assert message in run(value)[2]
