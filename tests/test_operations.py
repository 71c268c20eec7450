"""What is done to an index is on the record, and what is asked for is done: by a task, at once, or by the command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import django
import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.utils import timezone

from newsindex import indexing, operations, runs
from newsindex.engines.memory import MemoryEngine
from newsindex.exceptions import IndexDamaged, NewsIndexError
from newsindex.models import Article, IndexRun, PendingChange
from newsindex.pace import Pace
from newsindex.runs import Kind, Outcome
from newsindex.searching import search
from tests.factories import make_article

pytestmark = pytest.mark.django_db

with_tasks = pytest.mark.skipif(django.VERSION < (6, 0), reason="django.tasks came with Django 6.0")


def only(kind: str) -> IndexRun:
    return IndexRun.objects.get(kind=kind)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any site is too large for a request."""
    monkeypatch.setattr(operations, "SMALL", -1)


@pytest.fixture
def queue(settings: Any) -> Iterator[Any]:
    from tests import task_queue

    settings.TASKS = task_queue.SETTING
    yield task_queue
    task_queue.Queue.tasks.clear()
    task_queue.Queue.broken = False


def test_a_rebuild_is_on_the_record() -> None:
    make_article("Harbour", "One.\n\nTwo.")
    make_article("Bridge", "Three.")
    operations.rebuild()
    run = only(Kind.REBUILD)
    assert (run.engine, run.outcome, run.message) == ("default", Outcome.DONE, "")
    assert run.figures == {"articles": 2, "paragraphs": 3, "failed": 0}
    assert run.progress == run.total == 2
    assert run.finished is not None and run.started <= run.finished


def test_progress_can_be_seen_while_it_runs() -> None:
    for number in range(3):
        make_article(f"Article {number}")
    seen: list[tuple[int, int, str]] = []

    def look(done: int, total: int) -> None:
        run = only(Kind.REBUILD)
        seen.append((run.progress, run.total, run.outcome))

    operations.rebuild(batch_size=1, progress=look)
    assert seen[0] == (1, 3, "running")


def test_what_goes_wrong_is_on_the_record_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: MemoryEngine, **options: object) -> None:
        raise IndexDamaged("no place left")

    monkeypatch.setattr(MemoryEngine, "rebuild", fail)
    with pytest.raises(IndexDamaged):
        operations.rebuild()
    run = only(Kind.REBUILD)
    assert (run.outcome, run.message) == (Outcome.FAILED, "IndexDamaged: no place left")
    assert run.finished is not None


def test_somebody_who_stops_a_rebuild_leaves_no_run_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: MemoryEngine, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MemoryEngine, "rebuild", interrupt)
    with pytest.raises(KeyboardInterrupt):
        operations.rebuild()
    assert only(Kind.REBUILD).outcome == Outcome.FAILED


def test_a_verification_and_a_repair_say_what_they_found() -> None:
    kept = make_article("Kept")
    indexing.update()
    Article._base_manager.filter(pk=kept.pk).update(title="Changed")
    report = operations.verify()
    run = only(Kind.VERIFY)
    assert (run.outcome, run.figures["stale"], run.message) == (Outcome.PROBLEMS, 1, f"newsindex.article:{kept.pk}")
    operations.repair(report)
    assert only(Kind.REPAIR).figures == {"indexed": 1, "deleted": 0, "failed": 0}
    assert operations.verify().ok
    assert runs.latest("default")[Kind.VERIFY].outcome == Outcome.DONE


def test_drains_have_one_row_and_do_not_write_it_each_time(django_assert_num_queries: Any) -> None:
    for number in range(5):
        make_article(f"Article {number}")
        indexing.update()
    assert only(Kind.DRAIN).figures == {"indexed": 1, "deleted": 0, "failed": 0}
    with django_assert_num_queries(0):
        runs.note_drain("default", indexing.engines["default"], ok=True, figures={}, message="")


def test_a_drain_that_fails_is_noted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make_article("Harbour")
    indexing.update()

    def fail(self: MemoryEngine, **kwargs: Any) -> None:
        raise IndexDamaged("a file is gone")

    make_article("Bridge")
    with monkeypatch.context() as patch:
        patch.setattr(MemoryEngine, "writer", fail)
        indexing.update()
    run = only(Kind.DRAIN)
    assert (run.outcome, run.message) == (Outcome.PROBLEMS, "default: a file is gone")
    indexing.update()
    assert only(Kind.DRAIN).outcome == Outcome.DONE


def test_the_work_goes_on_where_it_cannot_be_recorded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_article("Harbour", "The ferry waits.")

    def fail() -> None:
        raise DatabaseError("no such table: newsindex_indexrun")

    monkeypatch.setattr(runs, "_rows", fail)
    monkeypatch.setattr(IndexRun, "save", lambda *args, **kwargs: fail())
    operations.rebuild()
    make_article("Bridge", "Another ferry.")
    indexing.update()
    assert search("ferry").count() == 2
    assert "was not recorded: no such table" in caplog.text


def test_a_record_that_fails_does_not_spoil_the_transaction_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        with transaction.get_connection().cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    monkeypatch.setattr(IndexRun, "save", broken)
    with transaction.atomic():
        operations.verify()
        make_article("Still here")
    assert Article.objects.count() == 1


def test_only_the_newest_runs_are_kept() -> None:
    for _ in range(runs.KEPT + 5):
        operations.verify()
    assert IndexRun.objects.filter(kind=Kind.VERIFY).count() == runs.KEPT


def test_a_run_of_a_process_that_died_is_known_by_its_silence() -> None:
    run = IndexRun.objects.create(engine="default", kind=Kind.REBUILD, outcome=Outcome.RUNNING)
    assert (run.is_open, run.is_silent) == (True, False)
    run.seen = timezone.now() - timedelta(minutes=11)
    assert (run.is_open, run.is_silent) == (False, True)


@pytest.mark.parametrize("entry", [{}, {"REPLICA": "web1"}])
def test_a_rebuild_that_is_done_ends_the_record_of_one_that_died(settings: Any, entry: dict[str, str]) -> None:
    """Else its button would say for ten minutes that one is on its way."""
    settings.NEWSINDEX = {"default": {**settings.NEWSINDEX["default"], **entry}}
    ago = timezone.now() - timedelta(minutes=1)
    dead = IndexRun.objects.create(engine="default", kind=Kind.REBUILD, outcome=Outcome.RUNNING, seen=ago)
    other = IndexRun.objects.create(engine="default", kind=Kind.VERIFY, outcome=Outcome.RUNNING, seen=ago)
    later = timezone.now() + timedelta(minutes=1)
    next_one = IndexRun.objects.create(engine="default", kind=Kind.REBUILD, outcome=Outcome.RUNNING, seen=later)
    operations.rebuild()
    dead.refresh_from_db()
    other.refresh_from_db()
    next_one.refresh_from_db()
    assert (other.outcome, next_one.outcome) == (Outcome.RUNNING, Outcome.RUNNING)
    # Of several hosts another one may be at it.
    assert dead.outcome == (Outcome.RUNNING if entry else Outcome.FAILED)
    if not entry:
        assert (dead.finished, dead.message) == (ago, "Its process was ended.")


# Asked for.


def test_a_small_site_has_it_done_at_once() -> None:
    make_article("Harbour")
    run, new = operations.ask(Kind.REBUILD, "default")
    assert (new, run.outcome, run.figures["articles"]) == (True, Outcome.DONE, 1)


@pytest.mark.usefixtures("large")
def test_a_large_site_leaves_it_to_the_command() -> None:
    make_article("Harbour", "The ferry waits.")
    run, new = operations.ask(Kind.REBUILD, "default")
    assert (new, run.outcome) == (True, Outcome.WAITING)
    again, new = operations.ask(Kind.REBUILD, "default")
    assert (again.pk, new) == (run.pk, False)
    PendingChange.objects.all().delete()
    call_command("newsindex_update", stdout=StringIO())
    assert only(Kind.REBUILD).outcome == Outcome.DONE
    assert search("ferry").count() == 1


@pytest.mark.usefixtures("large")
def test_it_is_done_once_however_many_come_for_it() -> None:
    run, _ = operations.ask(Kind.VERIFY, "default")
    assert [operations.perform(run.pk) for _ in range(3)] == [True, False, False]


@pytest.mark.usefixtures("large")
def test_a_repair_that_was_asked_for_verifies_first() -> None:
    article = make_article("Kept")
    indexing.update()
    Article._base_manager.filter(pk=article.pk).update(title="Changed")
    operations.ask(Kind.REPAIR, "default")
    assert operations.perform_waiting() == 1
    assert only(Kind.REPAIR).figures["indexed"] == 1
    assert only(Kind.VERIFY).figures["stale"] == 1
    assert indexing.verify().ok


def test_a_repair_makes_a_damaged_index_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    make_article("Harbour")
    built_at = indexing.engines["default"].stats().built_at
    with monkeypatch.context() as patch:
        patch.setattr(MemoryEngine, "verify", lambda self: ("a segment is short",))
        run, _ = operations.ask(Kind.REPAIR, "default")
    assert only(Kind.VERIFY).message == "a segment is short"
    assert (run.outcome, run.figures["indexed"]) == (Outcome.DONE, 1)
    assert indexing.engines["default"].stats().built_at != built_at


@pytest.mark.usefixtures("large")
def test_trouble_is_on_the_record_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**kwargs: Any) -> None:
        raise NewsIndexError("The rows of blog.post can't be listed")

    monkeypatch.setattr(indexing, "rebuild", fail)
    operations.ask(Kind.REBUILD, "default")
    operations.ask(Kind.VERIFY, "default")
    assert operations.perform_waiting() == 2
    assert only(Kind.REBUILD).message == "NewsIndexError: The rows of blog.post can't be listed"
    assert only(Kind.VERIFY).outcome == Outcome.DONE


@with_tasks
def test_a_task_does_it_where_there_are_workers(queue: Any) -> None:
    make_article("Harbour")
    run, _ = operations.ask(Kind.REBUILD, "default")
    assert run.outcome == Outcome.WAITING
    assert queue.work() == 1
    assert only(Kind.REBUILD).outcome == Outcome.DONE


@with_tasks
def test_a_broker_that_is_gone_leaves_it_to_the_command(queue: Any, caplog: pytest.LogCaptureFixture) -> None:
    queue.Queue.broken = True
    run, new = operations.ask(Kind.VERIFY, "default")
    assert (new, run.outcome) == (True, Outcome.WAITING)
    assert "was not enqueued" in caplog.text
    assert operations.perform_waiting() == 1


# Updating by a task.


@with_tasks
def test_a_change_is_indexed_by_a_task(queue: Any, settings: Any, django_capture_on_commit_callbacks: Any) -> None:
    settings.NEWSINDEX_UPDATE = "task"
    with django_capture_on_commit_callbacks(execute=True):
        make_article("Harbour", "The ferry waits.", tags=["river", "town"])
    assert search("ferry").count() == 0
    # One task for the transaction, however much was changed in it.
    assert queue.work() == 1
    assert search("ferry").count() == 1
    assert not PendingChange.objects.exists()


@with_tasks
def test_a_save_survives_a_broker_that_is_gone(
    queue: Any, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.NEWSINDEX_UPDATE = "task"
    queue.Queue.broken = True
    with django_capture_on_commit_callbacks(execute=True):
        make_article("Harbour", "The ferry waits.")
    assert PendingChange.objects.exists()
    indexing.update()
    assert search("ferry").count() == 1


def test_a_save_survives_where_there_are_no_tasks(
    settings: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    from newsindex.tasks import NoTask

    monkeypatch.setattr(indexing, "update_index", NoTask(lambda: None))
    settings.NEWSINDEX_UPDATE = "task"
    with django_capture_on_commit_callbacks(execute=True):
        make_article("Harbour")
    assert PendingChange.objects.exists()


def test_a_purge_is_on_the_record() -> None:
    draft = make_article("Draft", status="draft")
    indexing.update()
    operations.purge([f"newsindex.article:{draft.pk}"])
    run = only(Kind.PURGE)
    assert (run.outcome, run.message) == (Outcome.DONE, "")
    assert run.figures == {"purged": 1, "files": 0, "removed": 0, "stayed": 0}
    shown = make_article("Shown", slug="shown")
    (report,) = operations.purge([f"newsindex.article:{shown.pk}"])
    assert not report.ok
    run = IndexRun.objects.filter(kind=Kind.PURGE).latest("pk")
    assert (run.outcome, run.figures["stayed"]) == (Outcome.PROBLEMS, 1)
    assert run.message == f"newsindex.article:{shown.pk} stays: visitors may see it."


@pytest.mark.engine("whoosh")
def test_a_purge_that_was_killed_is_mentioned(default_engine: Any) -> None:
    make_article("Harbour")
    indexing.update()
    (default_engine.path / "purge").write_text("[]")
    (notice,) = indexing.status().notices
    assert notice.kind == "purge" and "run: manage.py newsindex_purge" in notice.message
    report = indexing.verify()
    assert report.ok and report.notes == (notice.message,)
    assert [one.id for one in run_checks() if one.id.startswith("newsindex")] == ["newsindex.W015"]
    for nonsense in ("null", "[" * 200_000):
        (default_engine.path / "purge").write_text(nonsense)
        assert operations.purge()[0].ok
    assert indexing.status().notices == indexing.verify().notes == ()


def test_the_pace_is_that_of_late() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    assert pace.remaining(0, 1_000) is None
    now = 1.0
    assert pace.remaining(500, 1_000) is None  # too soon to say
    now = 10.0
    assert pace.remaining(500, 1_000) == pytest.approx(10.0)
    for second in range(11, 200):
        now = float(second)
        said = pace.remaining(500 + second, 1_000)
    # What was quick at first is forgotten: one a second since then.
    assert said == pytest.approx(1_000 - 699, rel=0.1)
    assert pace.remaining(1_000, 1_000) == 0.0


def test_what_remains_is_on_the_record_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    run = IndexRun.objects.create(engine="default", kind="rebuild", outcome="running", figures={"remaining": 100.0})
    assert run.remaining == pytest.approx(100, abs=5) and run.shown_figures == {}
    run.seen = timezone.now() - timedelta(seconds=60)
    assert run.remaining == pytest.approx(40, abs=5)
    run.outcome = "done"
    assert run.remaining is None
    run.outcome, run.seen = "running", timezone.now() - timedelta(hours=1)
    assert run.remaining is None
