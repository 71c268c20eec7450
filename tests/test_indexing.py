"""The write path: what the database commits, the index shows; what it takes back or hides, never."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from newsindex import indexing, replicas
from newsindex.engines import engines
from newsindex.engines.base import Engine
from newsindex.engines.memory import MemoryEngine
from newsindex.exceptions import ConfigurationError, EngineError, IndexDamaged, NewsIndexError, WriterBusy
from newsindex.models import Article, PendingChange
from newsindex.sources import sources
from tests.blog.models import Note, PinnedPost, Post, Topic
from tests.factories import make_article

LABEL = "newsindex.article"


def key(article: Article) -> str:
    return f"{LABEL}:{article.pk}"


def index() -> dict[str, str]:
    """Key to title of all that the default engine holds."""
    engine = engines["default"]
    found = {key: engine.get(key) for key, _ in engine.scan()}
    return {key: document.title for key, document in found.items() if document}


@pytest.fixture
def broken_notes(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Notes whose text is in this set make their source raise."""
    broken: set[str] = set()
    source = sources["blog.note"]
    paragraphs = type(source).paragraphs

    def raising(self: Any, note: Note) -> Any:
        if note.text in broken:
            raise ValueError(f"can't read {note.text}")
        return paragraphs(self, note)

    monkeypatch.setattr(type(source), "paragraphs", raising)
    yield broken


# Following the database.


@pytest.mark.django_db(transaction=True)
def test_a_saved_article_is_in_the_index_and_a_deleted_one_is_not() -> None:
    article = make_article("Harbour")
    assert index() == {key(article): "Harbour"}
    article.title = "Harbour bridge"
    article.save()
    assert index() == {key(article): "Harbour bridge"}
    article.delete()
    assert index() == {}
    assert not PendingChange.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_was_never_there() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        make_article("Gone")
        raise RuntimeError
    assert index() == {}
    assert not PendingChange.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_savepoint_that_is_rolled_back_takes_nothing_else_along() -> None:
    with transaction.atomic():
        with pytest.raises(RuntimeError), transaction.atomic():
            make_article("Gone")
            raise RuntimeError
        article = make_article("Kept")
    assert index() == {key(article): "Kept"}


@pytest.mark.django_db(transaction=True)
def test_nothing_is_visible_before_the_commit() -> None:
    with transaction.atomic():
        article = make_article("Harbour")
        assert indexing.update().deferred
        assert index() == {}
    assert index() == {key(article): "Harbour"}


@pytest.mark.django_db(transaction=True)
def test_a_transaction_is_drained_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drained: list[str] = []
    drain = indexing._drain

    def counted(alias: str, *args: Any, **kwargs: Any) -> indexing.Report:
        drained.append(alias)
        return drain(alias, *args, **kwargs)

    monkeypatch.setattr(indexing, "_drain", counted)
    with transaction.atomic():
        for number in range(5):
            make_article(str(number), tags=["a", "b"])
    assert drained == ["default"]
    assert len(index()) == 5


@pytest.mark.django_db
def test_bulk_changes_are_indexed_on_request() -> None:
    Article._base_manager.bulk_create([Article(title=str(n), slug=str(n)) for n in range(450)])
    report = indexing.update(Article.objects.all())
    assert (report.indexed, report.deleted, report.failed) == (450, 0, 0)
    assert len(index()) == 450
    assert not PendingChange.objects.exists()


@pytest.mark.django_db
def test_objects_of_several_models_can_be_given() -> None:
    post = PinnedPost.objects.create(headline="Ferry", slug="ferry", body="")
    article = make_article("Harbour")
    PendingChange.objects.all().delete()
    assert indexing.update([post, article]).indexed == 2
    assert index() == {f"blog.post:{post.pk}": "Ferry", key(article): "Harbour"}


@pytest.mark.django_db
def test_a_model_without_a_source_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"blog\.Topic has no source.*register\(Topic\)"):
        indexing.update(Topic.objects.all())


@pytest.mark.django_db
def test_drafts_are_indexed_for_nobody() -> None:
    article = make_article(status="draft")
    indexing.update()
    document = engines["default"].get(key(article))
    assert document is not None and document.audiences == frozenset()


@pytest.mark.django_db
def test_rows_of_an_unknown_source_leave_the_index() -> None:
    with engines["default"].writer() as writer:
        writer.put(sources[LABEL].document(make_article("Old"), public=True))
        (old,) = [key for key, _ in engines["default"].scan()] or [key(Article.objects.get())]
    PendingChange.objects.all().delete()
    indexing.enqueue("shop.item", ["1"])
    indexing.enqueue(LABEL, ["999999", "no key"])
    report = indexing.update()
    assert (report.deleted, report.failed) == (3, 0)
    assert list(index()) == [old]


@pytest.mark.django_db(transaction=True)
def test_command_mode_leaves_changes_pending(settings: Any) -> None:
    settings.NEWSINDEX_UPDATE = "command"
    make_article("Harbour")
    with indexing.deferred():
        make_article("Bridge")
    assert index() == {}
    assert indexing.update().indexed == 2


@pytest.mark.django_db(transaction=True)
def test_every_engine_sees_every_change(settings: Any) -> None:
    backend = settings.NEWSINDEX["default"]
    settings.NEWSINDEX = {"default": backend, "second": backend}
    article = make_article("Harbour")
    assert [[key for key, _ in engines[alias].scan()] for alias in engines] == [[key(article)]] * 2
    indexing.enqueue(LABEL, [article.pk], engine="second")
    assert PendingChange.objects.filter(engine="default").count() == 0


@pytest.mark.django_db(transaction=True)
def test_deferred_drains_once_at_its_end() -> None:
    with indexing.deferred():
        with indexing.deferred():
            make_article("Harbour")
        assert index() == {}
    assert list(index().values()) == ["Harbour"]


@pytest.mark.django_db(transaction=True)
def test_deferred_drains_after_an_error_too() -> None:
    with pytest.raises(RuntimeError), indexing.deferred():
        make_article("Harbour")
        raise RuntimeError
    assert list(index().values()) == ["Harbour"]


# When something is wrong.


@pytest.mark.django_db
def test_an_object_that_can_not_be_read_stays_pending_and_stops_no_other(broken_notes: set[str]) -> None:
    broken_notes.add("bad")
    bad, good = Note.objects.create(text="bad"), Note.objects.create(text="good")
    report = indexing.update()
    assert (report.indexed, report.failed) == (1, 1)
    assert report.failures == ((f"blog.note:{bad.pk}", "ValueError: can't read bad"),)
    row = PendingChange.objects.get()
    assert (row.object_pk, row.attempts, row.error) == (str(bad.pk), 1, "ValueError: can't read bad")
    assert list(index()) == [f"blog.note:{good.pk}"]
    broken_notes.clear()
    assert indexing.update().indexed == 1
    assert len(index()) == 2


@pytest.mark.django_db(transaction=True)
def test_saving_gives_up_on_a_broken_object_but_the_command_does_not(broken_notes: set[str]) -> None:
    broken_notes.add("bad")
    Note.objects.create(text="bad")
    for number in range(5):
        Note.objects.create(text=str(number))
    assert PendingChange.objects.get().attempts == indexing.INLINE_ATTEMPTS
    broken_notes.clear()
    assert indexing.update().indexed == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "stays"),
    [
        ({"headline": "New"}, True),
        ({"status": "draft"}, False),
        ({"members_only": True}, False),
        ({"go_live": timezone.now() + timedelta(days=1)}, False),
    ],
)
def test_the_old_document_of_a_broken_object_goes_unless_the_same_people_may_see_it(
    change: dict[str, Any], stays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post.objects.create(headline="Old", slug="post", body="")
    indexing.update()

    def fail(self: Any, post: Post) -> None:
        raise ValueError

    monkeypatch.setattr(type(sources["blog.post"]), "title", fail)
    Post.objects.filter(pk=post.pk).update(**change)
    assert indexing.update([post]).failed == 1
    assert list(index().values()) == (["Old"] if stays else [])


@pytest.mark.django_db(transaction=True)
def test_saving_goes_on_when_the_engine_is_broken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: Engine, *, wait: float = 0.0) -> None:
        raise IndexDamaged("a file is missing")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryEngine, "writer", fail)
        article = make_article("Harbour")
        assert indexing.update().error == "default: a file is missing"
    assert "Changes stay pending, 'default' can't take them" in caplog.text
    assert index() == {}
    assert indexing.update().indexed == 1
    assert index() == {key(article): "Harbour"}


@pytest.mark.django_db(transaction=True)
def test_rows_stay_when_the_commit_of_the_engine_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    real = MemoryEngine.writer

    def failing(self: MemoryEngine, *, wait: float = 0.0) -> Any:
        writer = real(self, wait=wait)
        writer.commit = lambda: (_ for _ in ()).throw(EngineError("disk full"))  # type: ignore[method-assign]
        return writer

    with monkeypatch.context() as patch:
        patch.setattr(MemoryEngine, "writer", failing)
        make_article("Harbour")
    assert PendingChange.objects.count() == 1
    assert index() == {}
    assert indexing.update().indexed == 1


@pytest.mark.django_db(transaction=True)
def test_who_does_not_get_the_writer_leaves_and_the_holder_looks_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late: list[Article] = []
    source = type(sources["blog.note"])
    paragraphs = source.paragraphs

    def saves_another(self: Any, note: Note) -> Any:
        if not late:
            late.append(make_article("Late"))
        return paragraphs(self, note)

    monkeypatch.setattr(source, "paragraphs", saves_another)
    Note.objects.create(text="first")
    assert sorted(index().values()) == ["Late", "first"]
    assert not PendingChange.objects.exists()


@pytest.mark.django_db
def test_a_busy_engine_leaves_everything_pending() -> None:
    make_article("Harbour")
    taken, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with engines["default"].writer():
            taken.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(10)
    try:
        assert indexing.update() == indexing.Report(busy=True)
    finally:
        leave.set()
        thread.join()
    assert indexing.update(wait=5).indexed == 1


@pytest.mark.django_db(transaction=True)
def test_a_change_during_the_drain_keeps_its_own_row(monkeypatch: pytest.MonkeyPatch) -> None:
    source = type(sources["blog.note"])
    note = Note.objects.create(text="one")
    load = source.load

    def changed_after_loading(self: Any, pks: Any) -> Any:
        loaded = load(self, pks)
        if Note.objects.filter(text="one"):
            Note.objects.update(text="two")
            indexing.enqueue("blog.note", [note.pk])
        return loaded

    monkeypatch.setattr(source, "load", changed_after_loading)
    indexing.update([note])
    assert list(index().values()) == ["two"]
    assert not PendingChange.objects.exists()


def spoil(article: Article) -> None:
    """Give the row of ``article`` a date that Django can't load."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE newsindex_article SET created = '2024-02-30 00:00:00' WHERE id = %s", [article.pk])


@pytest.mark.django_db
def test_a_row_that_can_not_be_loaded_takes_no_other_along(capsys: pytest.CaptureFixture[str]) -> None:
    articles = [make_article(str(number)) for number in range(4)]
    indexing.update()
    spoil(articles[2])
    report = indexing.update(Article.objects.all())
    assert (report.indexed, report.failed) == (3, 1)
    assert report.failures[0][0] == key(articles[2])
    assert set(index().values()) == {"0", "1", "3"}
    verified = indexing.verify()
    assert [name for name, _ in verified.failed] == [key(articles[2])] and not verified.drift
    with pytest.raises(CommandError, match="What failed stays pending"):
        call_command("newsindex_verify")
    assert f"failed {key(articles[2])}: ValueError" in capsys.readouterr().out
    rebuilt = indexing.rebuild()
    assert (rebuilt.stats.articles, rebuilt.failed) == (3, 1)


@pytest.mark.django_db
def test_a_source_whose_rows_can_not_be_loaded_leaves_the_index_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    public, draft = make_article("public"), make_article("draft")
    note = Note.objects.create(text="note")
    indexing.update()
    Article._base_manager.filter(pk=draft.pk).update(status=Article.Status.DRAFT)

    def broken(self: Any, pks: Any) -> Any:
        raise TypeError("no such method")

    monkeypatch.setattr(type(sources[LABEL]), "load", broken)
    assert indexing.update([public, draft, note]).failed == 2
    # What can be told without loading a row is heeded: this one must not be shown.
    assert set(index().values()) == {"public", "note"}
    with pytest.raises(NewsIndexError, match=r"None of 2 objects of newsindex\.article .*: TypeError: no such"):
        indexing.rebuild()
    assert set(index().values()) == {"public", "note"}


# What somebody who saves has to wait for.


def backlog(number: int) -> list[Note]:
    notes = Note.objects.bulk_create(Note(text=str(n)) for n in range(number))
    indexing._insert("blog.note", [note.pk for note in notes], "default", None)
    return notes


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limits", [{"INLINE_ROWS": 4}, {"INLINE_SECONDS": 0.0}])
def test_saving_indexes_what_was_saved_and_no_more_than_a_part_of_a_backlog(
    limits: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "INLINE_BATCH", 2)
    for name, value in limits.items():
        monkeypatch.setattr(indexing, name, value)
    backlog(9)
    Note.objects.create(text="own")
    taken = 4 if "INLINE_ROWS" in limits else 2
    assert "own" in index().values()
    assert (len(index()), PendingChange.objects.count()) == (taken, 10 - taken)
    Note.objects.create(text="second")
    assert PendingChange.objects.count() == 11 - 2 * taken
    assert indexing.update().indexed == 11 - 2 * taken
    assert len(index()) == 11


@pytest.mark.django_db(transaction=True)
def test_deferred_and_a_deferred_update_do_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "INLINE_ROWS", 2)
    monkeypatch.setattr(indexing, "INLINE_BATCH", 2)
    with indexing.deferred():
        for number in range(6):
            make_article(str(number))
    assert len(index()) == 6
    with transaction.atomic():
        backlog(6)
        assert indexing.update().deferred
    assert len(index()) == 12


@pytest.mark.django_db(transaction=True)
def test_those_who_save_leave_a_failed_engine_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def fail(self: Engine, *, wait: float = 0.0) -> None:
        asked.append(wait)
        raise EngineError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryEngine, "writer", fail)
        for number in range(4):
            Note.objects.create(text=str(number))
        assert len(asked) == 1
        # Nobody is to blame for it.
        assert set(PendingChange.objects.values_list("attempts", flat=True)) == {0}
        assert indexing.update().error
    Note.objects.create(text="still held back")
    assert index() == {}
    assert indexing.update().indexed == 5
    Note.objects.create(text="at once")
    assert "at once" in index().values()


@pytest.mark.django_db(transaction=True)
def test_an_engine_is_held_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Engine, *, wait: float = 0.0) -> None:
        raise EngineError("the disk is full")

    monkeypatch.setattr(MemoryEngine, "writer", fail)
    Note.objects.create(text="a note")
    held = [indexing._holds[engines["default"]][1]]
    for _ in range(8):
        indexing.update()
        held.append(indexing._holds[engines["default"]][1])
    assert held[:3] == [5.0, 10.0, 20.0]
    assert held[-1] == indexing.LONGEST_HOLD


@pytest.mark.django_db(transaction=True)
def test_what_killed_its_process_comes_last_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    source = type(sources["blog.note"])
    load = source.load
    asked: list[tuple[int, int, set[int]]] = []

    def watched(self: Any, pks: Any) -> Any:
        attempts = PendingChange.objects.filter(object_pk__in=pks).values_list("attempts", flat=True)
        asked.append((len(pks), len(index()), set(attempts)))
        return load(self, pks)

    monkeypatch.setattr(source, "load", watched)
    backlog(3)
    # What two drains leave that were killed.
    PendingChange.objects.update(attempts=1)
    Note.objects.create(text="own")
    assert asked == [(1, 0, {1}), (1, 1, {2}), (1, 2, {2}), (1, 3, {2})]
    assert not PendingChange.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_saves_does_not_try_for_ever_what_killed_others() -> None:
    (note,) = backlog(1)
    PendingChange.objects.update(attempts=indexing.INLINE_ATTEMPTS)
    Note.objects.create(text="own")
    assert list(index().values()) == ["own"]
    assert indexing.status().failed == 1
    assert indexing.verify().failed == ((f"blog.note:{note.pk}", "begun 3 times, never finished"),)
    assert indexing.update().indexed == 1


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_drain_counts_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Any, pks: Any) -> Any:
        raise KeyboardInterrupt

    backlog(3)
    monkeypatch.setattr(type(sources["blog.note"]), "load", interrupt)
    with pytest.raises(KeyboardInterrupt):
        indexing.update()
    assert list(PendingChange.objects.values_list("attempts", flat=True)) == [0, 0, 0]


@pytest.mark.django_db(transaction=True)
def test_a_save_asks_the_database_little(django_assert_max_num_queries: Any) -> None:
    note = Note.objects.create(text="one")
    with django_assert_max_num_queries(13):  # four of them begin and end a transaction
        note.save()
    assert not PendingChange.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_tags_that_are_added_together_are_indexed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    article = make_article()
    drained: list[str] = []
    monkeypatch.setattr(indexing, "_drain", lambda alias, *args, **kwargs: drained.append(alias))
    article.tags.add("a", "b", "c")
    article.tags.set(["c", "d"])
    article.tags.remove("c")
    article.tags.clear()
    assert drained == ["default"] * 4


@pytest.mark.django_db(transaction=True)
def test_our_own_models_are_saved_with_their_notes_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    article = make_article(tags=["harbour"])
    tag = article.tags.get()

    def fail(*args: Any) -> int:
        raise RuntimeError

    monkeypatch.setattr(indexing, "_insert", fail)
    tag.name = "port"
    for change in (lambda: make_article("lost"), tag.save, lambda: article.tags.add("boats"), article.delete):
        with pytest.raises(RuntimeError):
            change()
    assert [one.title for one in Article.objects.all()] == ["A title"]
    assert list(article.tags.names()) == ["harbour"]


@pytest.mark.django_db(transaction=True)
def test_with_autocommit_off_changes_stay_pending() -> None:
    transaction.set_autocommit(False)
    try:
        Note.objects.create(text="by hand")
        assert indexing.update().deferred
        transaction.commit()
        assert index() == {}
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert indexing.update().indexed == 1


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_too_long_breaks_no_save(caplog: pytest.LogCaptureFixture) -> None:
    indexing.enqueue("shop.item", ["x" * 256, "y" * 255])
    assert "longer than 255 characters" in caplog.text
    assert not PendingChange.objects.exists()


# Rows in another database.


class NotesElsewhere:
    """Notes lie in the database "other", all else in the default one."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "other" if model is Note else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return (db == "other") == (app_label == "blog")


class NotesAndTheirsElsewhere(NotesElsewhere):
    """What is pending may lie there, too."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "default" or app_label in ("blog", "newsindex")


class CopyForReading:
    """The database "other" follows the default one."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "other"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return True


@pytest.fixture
def other(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    """A second database, with the table of notes and none of ours."""
    connections.settings["other"] = {**connections.settings["default"], "NAME": tmp_path / "other.sqlite3"}
    # Tests may not open databases of their own; one that is open may be used.
    connections["other"].connect()
    with connections["other"].schema_editor() as editor:
        editor.create_model(Note)
    yield
    connections["other"].close()
    replicas._with_table.discard("other")
    del connections["other"], connections.settings["other"]


def test_rows_of_another_database_are_indexed_when_they_are_committed(other: None, settings: Any) -> None:
    settings.DATABASE_ROUTERS = [NotesElsewhere()]
    note = Note.objects.create(text="first")
    assert list(index().values()) == ["first"]
    with pytest.raises(RuntimeError), transaction.atomic(using="other"):
        note.text = "taken back"
        note.save()
        make_article("Harbour")
        assert indexing.update().deferred
        with pytest.raises(NewsIndexError, match="outside of transaction"):
            indexing.rebuild()
        raise RuntimeError
    assert list(index().values()) == ["first"]
    indexing.update()
    assert set(index().values()) == {"first", "Harbour"}
    with transaction.atomic(using="other"):
        note.text = "second"
        note.save()
        # Somebody else drains, who sees the row as it was.
        PendingChange.objects.all().delete()
    assert set(index().values()) == {"second", "Harbour"}


def test_a_database_with_rows_of_a_source_and_our_table_keeps_its_own_notes(other: None, settings: Any) -> None:
    with connections["other"].schema_editor() as editor:
        editor.create_model(PendingChange)
    assert replicas.pending_databases() == ["default"]
    settings.DATABASE_ROUTERS = [NotesElsewhere()]
    assert replicas.pending_databases() == ["default"]
    settings.DATABASE_ROUTERS = [NotesAndTheirsElsewhere()]
    assert replicas.pending_databases() == ["default", "other"]


@pytest.mark.parametrize("engine", ["postgresql", "dummy"])
@pytest.mark.django_db(transaction=True)
def test_a_database_that_no_source_is_written_to_may_be_away(client: Client, engine: str) -> None:
    """A legacy database that is down, and the empty default of Django's documentation; a router forbids neither."""
    there = connections.settings["default"]
    away = {"ENGINE": f"django.db.backends.{engine}", "NAME": "legacy", "HOST": "127.0.0.1", "PORT": "1"}
    connections.settings["legacy"] = {**there, **away}
    try:
        make_article("Ferry")
        assert not PendingChange.objects.exists()
        assert b"Ferry" in client.get(reverse("newsindex:search"), {"q": "ferry"}).content
        assert indexing.verify().ok and indexing.rebuild().ok
        assert replicas.standings("default") == []
        assert [each.alias for each in connections.all(initialized_only=True)] == ["default"]
    finally:
        del connections.settings["legacy"]


def test_rows_whose_database_is_away_leave_the_site_standing(other: None, settings: Any, client: Client) -> None:
    settings.DATABASE_ROUTERS = [NotesElsewhere()]
    article, note = make_article("Ferry"), Note.objects.create(text="The ferry")
    search, page = reverse("newsindex:search"), article.get_absolute_url()
    assert [client.get(url, {"q": "ferry"}).status_code for url in (search, page)] == [200, 200]
    with connections["other"].cursor() as cursor:
        cursor.execute("ALTER TABLE blog_note RENAME TO away")  # an OperationalError, as where there is no server
    for pending in (False, True):
        if pending:
            settings.NEWSINDEX_UPDATE = "command"
            indexing.enqueue("blog.note", [note.pk])
        assert client.get(search, {"q": "ferry"}).status_code == 503
        assert client.get(page).status_code == 200


def test_a_copy_for_reading_is_not_asked(other: None, settings: Any) -> None:
    """Where the router of Django's own documentation says that the copy, too, may have the tables."""
    with connections["other"].schema_editor() as editor:
        editor.create_model(PendingChange)
    settings.DATABASE_ROUTERS = [CopyForReading()]
    assert replicas.pending_databases() == ["default"]


def test_a_row_saved_in_a_database_without_our_tables(other: None) -> None:
    Note(text="elsewhere").save(using="other")
    assert Note.objects.using("other").count() == 1


# Rebuilding.


@pytest.mark.django_db
def test_a_rebuild_holds_everything_and_nothing_else() -> None:
    with engines["default"].writer() as writer:
        writer.put(sources["blog.note"].document(Note(text="ghost"), public=True))
    articles = [make_article(str(n)) for n in range(7)]
    note = Note.objects.create(text="note")
    seen: list[tuple[int, int]] = []
    report = indexing.rebuild(batch_size=3, progress=lambda done, total: seen.append((done, total)))
    assert set(index()) == {*map(key, articles), f"blog.note:{note.pk}"}
    assert (report.stats.articles, report.failed) == (8, 0)
    assert seen[-1] == (8, 8)
    assert not PendingChange.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 2, 500])
def test_a_source_whose_queryset_has_a_row_several_times(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is narrowed through a relation has, without distinct()."""
    source = type(sources["blog.post"])
    queryset = source.queryset
    monkeypatch.setattr(source, "queryset", lambda self: queryset(self).filter(topics__name__contains="e"))
    for slug in ("ferry", "quay"):
        Post.objects.create(headline=slug, slug=slug).topics.set(Topic.objects.create(name=n) for n in ("sea", "reef"))
    assert indexing.rebuild(batch_size=size).stats.articles == 2
    assert indexing.verify().ok and indexing.verify().checked == 2


@pytest.mark.django_db
def test_a_rebuild_names_what_it_leaves_out(broken_notes: set[str]) -> None:
    broken_notes.add("bad")
    bad, good = Note.objects.create(text="bad"), Note.objects.create(text="good")
    report = indexing.rebuild()
    assert report.failures == ((f"blog.note:{bad.pk}", "ValueError: can't read bad"),)
    assert list(index()) == [f"blog.note:{good.pk}"]


@pytest.mark.django_db
def test_a_rebuild_that_could_index_nothing_leaves_the_old_index(broken_notes: set[str]) -> None:
    Note.objects.create(text="bad")
    indexing.rebuild()
    broken_notes.add("bad")
    with pytest.raises(NewsIndexError, match="None of 1 objects could be indexed.*can't read bad"):
        indexing.rebuild()
    assert list(index().values()) == ["bad"]


@pytest.mark.django_db
def test_a_rebuild_that_fails_leaves_the_old_index(monkeypatch: pytest.MonkeyPatch) -> None:
    article = make_article("Harbour")
    indexing.rebuild()
    make_article("Bridge")
    with monkeypatch.context() as patch:
        patch.setattr(type(sources[LABEL]), "batches", lambda self, size: (_ for _ in ()).throw(OSError("no")))
        with pytest.raises(NewsIndexError, match=r"rows of newsindex\.article can't be listed: OSError: no"):
            indexing.rebuild()
    assert index() == {key(article): "Harbour"}
    assert indexing.rebuild().stats.articles == 2


@pytest.mark.django_db
def test_a_rebuild_whose_count_is_wrong_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    make_article("Harbour")
    indexing.rebuild()
    source = type(sources[LABEL])
    batches = source.batches
    monkeypatch.setattr(source, "batches", lambda self, size: (b for one in batches(self, size) for b in (one, one)))
    with pytest.raises(IndexDamaged, match="holds 1 article where 2 to 2 were written"):
        indexing.rebuild()
    assert list(index().values()) == ["Harbour"]


@pytest.mark.django_db(transaction=True)
def test_what_changes_during_a_rebuild_is_in_it() -> None:
    kept, changed, deleted = (make_article(title) for title in ("kept", "old", "deleted"))
    pk = deleted.pk

    def meanwhile(done: int, total: int) -> None:
        if done == 3:
            changed.title = "new"
            changed.save()
            deleted.delete()
            make_article("added", slug="added")

    indexing.rebuild(progress=meanwhile)
    assert sorted(index().values()) == ["added", "kept", "new"]
    assert f"{LABEL}:{pk}" not in index()
    assert indexing.verify().ok


@pytest.mark.django_db(transaction=True)
def test_a_rebuild_inside_a_transaction_is_refused() -> None:
    with transaction.atomic(), pytest.raises(NewsIndexError, match=r"outside of transaction\.atomic"):
        indexing.rebuild()


@pytest.mark.django_db
def test_two_rebuilds_at_a_time_are_refused() -> None:
    first = engines["default"].rebuild()
    with pytest.raises(WriterBusy):
        indexing.rebuild()
    first.abort()


# Verifying.


@pytest.mark.django_db
def test_verify_names_what_is_missing_stale_and_a_ghost() -> None:
    missing, stale, ghost, fine = (make_article(name) for name in ("missing", "stale", "ghost", "fine"))
    names = {name: key(article) for name, article in zip("msgf", (missing, stale, ghost, fine), strict=True)}
    indexing.update()
    assert indexing.verify().ok
    with engines["default"].writer() as writer:
        writer.delete(names["m"])
    Article._base_manager.filter(pk=stale.pk).update(title="changed")
    Article._base_manager.filter(pk=ghost.pk)._raw_delete("default")
    report = indexing.verify()
    assert (report.missing, report.stale, report.ghost) == ((names["m"],), (names["s"],), (names["g"],))
    assert (report.checked, report.ok) == (4, False)
    repaired = indexing.repair(report)
    assert (repaired.indexed, repaired.deleted) == (2, 1)
    assert indexing.verify().ok


@pytest.mark.django_db
def test_what_is_pending_is_no_drift() -> None:
    article = make_article("Harbour")
    assert indexing.verify().ok
    PendingChange.objects.all().delete()
    assert indexing.verify().missing == (key(article),)


@pytest.mark.django_db
def test_verify_names_what_it_can_not_compare(broken_notes: set[str]) -> None:
    note = Note.objects.create(text="bad")
    indexing.update()
    broken_notes.add("bad")
    report = indexing.verify()
    assert report.failed == ((f"blog.note:{note.pk}", "ValueError: can't read bad"),)
    assert not report.drift and not report.ok


@pytest.mark.django_db
def test_verify_passes_on_what_the_engine_finds_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(MemoryEngine, "verify", lambda self: ("a segment is short",))
        assert indexing.verify().index_errors == ("a segment is short",)


# Status.


@pytest.mark.django_db
def test_status_counts_what_is_pending_and_what_failed(broken_notes: set[str]) -> None:
    broken_notes.add("bad")
    Note.objects.create(text="bad")
    indexing.update()
    make_article("Harbour")
    status = indexing.status()
    assert (status.pending, status.failed, status.health.ok) == (2, 1, True)
    assert status.oldest is not None and status.backend.endswith("MemoryEngine")


@pytest.mark.django_db
def test_a_drain_reads_in_batches(django_assert_max_num_queries: Any) -> None:
    Article._base_manager.bulk_create([Article(title=str(n), slug=str(n)) for n in range(100)])
    indexing.update(Article.objects.all())
    indexing._insert_objects(Article.objects.all(), None)
    with django_assert_max_num_queries(12):
        assert indexing.update().indexed == 100
    assert connection.in_atomic_block


@pytest.mark.django_db(transaction=True)
@pytest.mark.engine("whoosh")
def test_a_long_drain_commits_in_between(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NEWSINDEX_UPDATE = "command"
    monkeypatch.setattr(indexing, "BATCH", 2)
    monkeypatch.setattr(indexing, "COMMIT_AFTER", 4)
    articles = [make_article(f"Ferry {number}", "The ferry waits.") for number in range(11)]
    articles[3].delete()
    report = indexing.update()
    assert (report.indexed, report.failed) == (10, 0)
    assert engines["default"].stats().articles == 10
    assert not PendingChange.objects.exists()
