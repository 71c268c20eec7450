"""What the commands that write print, and their exit codes. (``newsindex_import`` has a file of its own.)"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError

from newsindex import indexing
from newsindex.engines import engines
from newsindex.engines.base import Health, Stats
from newsindex.engines.memory import MemoryEngine
from newsindex.exceptions import IndexDamaged, IndexNotBuilt, WriterBusy
from newsindex.models import Article, PendingChange
from newsindex.sources import sources
from tests.blog.models import Note
from tests.factories import make_article

pytestmark = pytest.mark.django_db


def run(name: str, *args: object) -> tuple[str, str, str]:
    """What a command printed, what it said on stderr, and with which error it ended."""
    out, err, error = StringIO(), StringIO(), ""
    try:
        call_command(name, *map(str, args), stdout=out, stderr=err)
    except CommandError as raised:
        error = str(raised)
        assert raised.returncode == 1
    return out.getvalue(), err.getvalue(), error


@pytest.fixture
def broken_note(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key of a note whose source raises."""
    source = type(sources["blog.note"])
    paragraphs = source.paragraphs

    def raising(self: Any, note: Note) -> Any:
        if note.text == "bad":
            raise ValueError("no text")
        return paragraphs(self, note)

    monkeypatch.setattr(source, "paragraphs", raising)
    return f"blog.note:{Note.objects.create(text='bad').pk}"


@pytest.mark.parametrize("name", ["rebuild", "update", "verify", "status"])
def test_an_unknown_engine_is_named(name: str) -> None:
    _, _, error = run(f"newsindex_{name}", "--engine", "nothing")
    assert error == "Error: argument --engine: NEWSINDEX has no engine 'nothing'; it has: default."


def test_rebuild_says_what_the_new_index_holds() -> None:
    make_article("Harbour", "One.\n\nTwo.")
    make_article("Bridge", "Three.")
    out, err, error = run("newsindex_rebuild", "--batch-size", 1)
    assert re.fullmatch(r"default: 2 articles, 3 paragraphs in \d+\.\d s\n", out)
    assert (err, error) == ("", "")


def test_rebuild_names_what_it_left_out(broken_note: str) -> None:
    make_article("Harbour")
    out, err, error = run("newsindex_rebuild")
    assert out.startswith("default: 1 article, ")
    assert err == f"{broken_note} was left out: ValueError: no text\n"
    assert error == "1 object left out: see above."


def test_rebuild_says_why_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: MemoryEngine, **options: object) -> None:
        raise IndexDamaged("no place left")

    monkeypatch.setattr(MemoryEngine, "rebuild", fail)
    assert run("newsindex_rebuild") == ("", "", "no place left")


@pytest.mark.parametrize("size", ["0", "-1", "many"])
def test_rebuild_refuses_a_batch_size_below_one(size: str) -> None:
    _, _, error = run("newsindex_rebuild", f"--batch-size={size}")
    assert error == f"Error: argument --batch-size: must be a whole number of at least 1, not {size!r}."


def test_update_says_what_it_did() -> None:
    make_article("Harbour")
    article = make_article("Bridge")
    article.delete()
    assert run("newsindex_update") == ("1 indexed, 1 deleted, 0 failed\n", "", "")
    assert run("newsindex_update") == ("0 indexed, 0 deleted, 0 failed\n", "", "")


def test_update_lets_the_engine_merge_what_it_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[object] = [True, WriterBusy("a writer is open"), IndexNotBuilt("not yet"), False]

    def maintain(self: MemoryEngine) -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    monkeypatch.setattr(MemoryEngine, "maintain", maintain)
    done = "0 indexed, 0 deleted, 0 failed\n"
    assert run("newsindex_update") == (f"{done}Parts of the index were merged.\n", "", "")
    assert caplog.text == ""
    assert run("newsindex_update") == (done, "", "")
    assert "a writer is open" in caplog.text
    assert [run("newsindex_update")[0] for _ in range(2)] == [done, done]


def test_update_names_what_stays_pending(broken_note: str) -> None:
    out, err, error = run("newsindex_update")
    assert out == "0 indexed, 0 deleted, 1 failed\n"
    assert err == f"{broken_note} stays pending: ValueError: no text\n"
    assert error == "1 object could not be indexed: left pending."


def test_what_a_source_says_begins_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer's output goes to a journal."""

    def raising(self: Any, note: Note) -> Any:
        raise ValueError(note.text)

    monkeypatch.setattr(type(sources["blog.note"]), "paragraphs", raising)
    key = f"blog.note:{Note.objects.create(text='bad' + chr(10) + 'ERROR all is lost').pk}"
    assert run("newsindex_update")[1] == f"{key} stays pending: ValueError: bad\\nERROR all is lost\n"
    assert f"failed {key}: ValueError: bad\\nERROR all is lost\n" in run("newsindex_verify")[0]


def test_update_leaves_the_work_to_who_is_at_it() -> None:
    make_article("Harbour")
    with engines["default"].writer():
        out, _, error = run("newsindex_update", "--wait", 0)
    assert out.endswith("Another process is writing; it will take what is pending.\n")
    assert error == ""
    assert PendingChange.objects.count() == 1


def test_update_says_why_the_engine_could_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: MemoryEngine, *, wait: float = 0.0) -> None:
        raise IndexDamaged("a file is missing")

    monkeypatch.setattr(MemoryEngine, "writer", fail)
    make_article("Harbour")
    assert run("newsindex_update")[2] == "default: a file is missing"


def test_verify_of_a_true_index() -> None:
    make_article("Harbour")
    indexing.update()
    assert run("newsindex_verify") == ("default: 1 checked, 0 missing, 0 stale, 0 ghosts, 0 failed\n", "", "")


def make_drift() -> None:
    first, second, third = (make_article(title) for title in ("missing", "stale", "ghost"))
    indexing.update()
    with engines["default"].writer() as writer:
        writer.delete(f"newsindex.article:{first.pk}")
    Article._base_manager.filter(pk=second.pk).update(title="changed")
    third.delete()
    PendingChange.objects.all().delete()


DRIFT = re.compile(
    r"missing newsindex\.article:\d+\n"
    r"stale newsindex\.article:\d+\n"
    r"ghost newsindex\.article:\d+\n"
    r"default: 3 checked, 1 missing, 1 stale, 1 ghost, 0 failed\n"
)


def test_verify_names_drift() -> None:
    make_drift()
    out, _, error = run("newsindex_verify")
    assert DRIFT.fullmatch(out)
    assert error == "The index and the database differ: run newsindex_verify --repair."


def test_verify_repairs_on_request() -> None:
    make_drift()
    out, _, error = run("newsindex_verify", "--repair")
    before, after = out.split("After the repair:\n")
    assert DRIFT.fullmatch(before)
    assert after == "default: 2 checked, 0 missing, 0 stale, 0 ghosts, 0 failed\n"
    assert error == ""


def test_verify_advises_a_rebuild_where_the_index_itself_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(MemoryEngine, "verify", lambda self: ("a segment is short",))
        out, _, error = run("newsindex_verify", "--repair")
    assert out.startswith("index a segment is short\n")
    assert error == "The index and the database differ: run newsindex_rebuild."


def test_status_in_words(broken_note: str) -> None:
    indexing.update()
    make_article("Harbour", "One.\n\nTwo.")
    PendingChange.objects.filter(source="newsindex.article").delete()
    indexing.update(Article.objects.all())
    out, _, error = run("newsindex_status")
    names = [line.split()[0] for line in out.splitlines()[1:]]
    assert out.startswith("default (newsindex.engines.memory.MemoryEngine)\n  health      ok\n")
    assert names == ["health", "generation", "built", "articles", "paragraphs", "segments", "size", "pending", "drain"]
    assert "  articles    1\n  paragraphs  2\n" in out
    assert re.search(r"  pending     1 \(1 failed, the oldest since \d{4}-\d\d-\d\d \d\d:\d\d\)\n", out)
    assert re.search(
        r"  drain       \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S+ problems; 0 indexed, 0 deleted, 1 failed; blog", out
    )
    assert error == ""


def test_status_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**kwargs: object) -> None:
        raise OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr(indexing, "status", refused)
    for arguments in ((), ("--json",)):
        out, _, error = run("newsindex_status", *arguments)
        assert out == ""
        assert error == "The database can't be asked what is pending: connection refused\\nIs the server running?"


def test_status_as_json() -> None:
    make_article("Harbour")
    out, _, _ = run("newsindex_status", "--json")
    (said,) = json.loads(out)
    assert (said["engine"], said["ok"], said["articles"], said["pending"], said["failed"]) == (
        "default",
        True,
        0,
        1,
        0,
    )


def test_status_of_an_engine_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryEngine, "health", lambda self: Health(False, "the lock is gone"))
    out, _, error = run("newsindex_status")
    assert "  health      the lock is gone\n" in out
    assert error == (
        "Searches are not answered by: default. If the index was never built or is damaged, run newsindex_rebuild."
    )


@pytest.mark.parametrize(("size", "shown"), [(0, "0.0 kB"), (29_300, "29.3 kB"), (1_000_000, "1.0 MB")])
def test_status_shows_small_sizes_in_kilobytes(monkeypatch: pytest.MonkeyPatch, size: int, shown: str) -> None:
    monkeypatch.setattr(MemoryEngine, "stats", lambda self: Stats(size=size))
    assert f"  size        {shown}\n" in run("newsindex_status")[0]


def timed(text: str) -> str:
    """``text`` with a fixed time."""
    return re.sub(r"[\d.]+ ms", "9.9 ms", text)


def test_search_shows_articles_with_their_paragraphs() -> None:
    make_article(
        "Ferries at rest",
        "The ferry waits.\n\nNobody knows.\n\nTwo ferries wait.",
        tags=["harbour"],
        slug="ferries",
        section="Town",
        published_at=datetime(2026, 1, 2, 12, tzinfo=timezone.utc),
    )
    indexing.update()
    out, _, error = run("newsindex_search", "waiting", "ferry")
    assert not error
    assert timed(out) == (
        "1 article, page 1 of 1, 9.9 ms\n"
        "\n"
        "  1. Ferries at rest\n"
        "     2026-01-02  Town  harbour\n"
        "     /search/article/ferries/?q=waiting%20ferry\n"
        "     [1] The ferry waits.\n"
        "     [3] Two ferries wait.\n"
    )


def test_search_marks_matches_where_the_terminal_can() -> None:
    make_article("Harbour", "The ferry\x1b[31m waits.")
    indexing.update()
    out, _, _ = run("newsindex_search", "ferry", "--force-color")
    assert "The \x1b[1mferry\x1b[0m [31m waits." in out


def test_search_tells_what_was_ignored_and_what_is_closest() -> None:
    make_article("Harbour", "The ferry waits.")
    indexing.update()
    out, _, _ = run("newsindex_search", '"ferry', "submarine")
    assert out.splitlines()[0].startswith("Note: ")
    assert "closest matches" in out
    assert "Harbour" in out


def test_search_shows_what_another_spelling_finds_unless_told_not_to() -> None:
    make_article("Harbour", "The ferry waits.")
    indexing.update()
    out, _, _ = run("newsindex_search", "feryr")
    assert out.splitlines()[0] == "Nothing was found for “feryr”. These are the results for “ferry”."
    assert "Harbour" in out
    assert run("newsindex_search", "feryr", "--verbatim")[0] == "Did you mean: ferry\nNothing found.\n"


def test_search_finds_nothing_politely_and_hides_drafts_unless_asked() -> None:
    make_article("Secret", "The ferry waits.", status=Article.Status.DRAFT)
    indexing.update()
    assert run("newsindex_search", "ferry") == ("Nothing found.\n", "", "")
    assert "Secret" in run("newsindex_search", "ferry", "--all")[0]


def test_search_prints_the_json_of_the_page() -> None:
    make_article("Harbour", "The ferry waits.")
    indexing.update()
    found = json.loads(run("newsindex_search", "ferry", "--json")[0])
    assert found["total"] == 1
    assert found["hits"][0]["paragraphs"][0]["spans"] == [[4, 9]]


def test_search_says_when_the_engine_can_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: MemoryEngine, request: object) -> None:
        raise IndexDamaged("a file is gone")

    monkeypatch.setattr(MemoryEngine, "search", broken)
    assert run("newsindex_search", "ferry")[2] == "The engine 'default' can't answer: a file is gone"


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "86400"])
def test_update_refuses_an_interval_that_is_none(seconds: str) -> None:
    _, _, error = run("newsindex_update", "--watch", f"--interval={seconds}")
    assert f"must be a number of seconds above 0 and below a day, not {seconds!r}." in error


def test_status_as_json_has_the_documented_keys() -> None:
    text = (Path(__file__).parent.parent / "docs" / "operations.md").read_text()
    table = text.partition("| Key | Meaning |\n|---|---|\n")[2].partition("\n\n")[0]
    documented = {key for line in table.splitlines() for key in re.findall(r"`(\w+)`", line.split(" | ")[0])}
    make_article("Harbour")
    indexing.update()
    (said,) = json.loads(run("newsindex_status", "--json")[0])
    assert set(said) == documented
    assert set(said["last_drain"]) == set(re.findall(r"`(\w+)`", table.partition("null, or ")[2]))
    assert (said["lag_seconds"], said["late"], said["last_rebuild"]) == (0.0, False, None)


def test_searching_with_explanations() -> None:
    article = make_article("The ferry", "A ferry left.\n\nFerries are late.")
    make_article("Lights", "Nobody was there.")
    indexing.update()
    out, _, error = run("newsindex_search", "ferry", "--explain")
    (hit,) = json.loads(run("newsindex_search", "ferry", "--json")[0])["hits"]
    assert error == ""
    assert f"score {hit['score']:.6f}" in out
    assert re.search(r"\d title: 1 times \(ferry\), length 2, average 1\.5", out)
    assert re.search(r"\[1\] [\d.]+ = ferry [\d.]+ \(1 times\)", out)
    key = f"newsindex.article:{article.pk}"
    out, _, error = run("newsindex_search", "lorry", "OR", "bus", "--key", key)
    assert error == ""
    assert out.startswith("The ferry\nscore 0.000000, but it is not found\n  lacks: lorry OR bus\n")


def test_an_article_that_visitors_do_not_see_is_not_explained_to_them() -> None:
    draft = make_article("The ferry", "\x1b[31mA ferry left.", status=Article.Status.DRAFT)
    indexing.update()
    key = f"newsindex.article:{draft.pk}"
    out, _, error = run("newsindex_search", "ferry", "--key", key)
    assert out == "" and error.startswith(f"There is no article '{key}' that visitors may see")
    out, _, error = run("newsindex_search", "ferry", "--key", key, "--all")
    assert error == "" and "\x1b" not in out and "score" in out
