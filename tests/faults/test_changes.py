"""Every way to change a row reaches the index with the next drain, and none does that is rolled back.

Three ways of hearing of it: Django's signals; querysets that say so; database triggers, for what is changed behind
Django's back. On SQLite here, and all of it again on PostgreSQL.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection, connections, models, transaction
from django.db.models.signals import post_migrate

from newsindex import indexing, receivers, triggers
from newsindex.admin.tags import merge
from newsindex.engines import engines
from newsindex.models import Article, NotedQuerySet, PendingChange, Tag, TaggedArticle
from newsindex.paragraphs import Paragraph
from newsindex.sources import Source, register, sources, unregister
from tests.blog.models import Chapter, Note, PinnedPost, Post, Remark, Review, Saga, Story, Topic, Ware, Writer
from tests.factories import make_article
from tests.faults import postgresql
from tests.faults.test_replicas import require_server

ROOT = Path(__file__).resolve().parent.parent.parent
ON_POSTGRESQL = connection.vendor == "postgresql"


@dataclass
class World:
    """What there is before each change; all of it is in the index."""

    article: Article
    other: Article
    tag: Tag
    spare: Tag
    post: Post
    topic: Topic
    writer: Writer
    note: Note
    story: Story
    sequel: Story
    chapter: Chapter
    review: Review
    remark: Remark
    saga: Saga
    ware: Ware


@pytest.fixture(autouse=True)
def more_sources() -> Iterator[None]:
    """One with relations that point back, of models with rows in two tables, and one whose objects bring their keys."""

    @register(Story)
    class StorySource(Source[Story]):
        follow = ("chapters", "sequels", "remarks")

        def paragraphs(self, story: Story) -> tuple[Paragraph, ...]:
            parts = [part.text for parts in (story.chapters, story.remarks) for part in parts.order_by("pk")]
            return self.from_plain("\n\n".join(parts))

        def tags(self, story: Story) -> list[str]:
            return sorted(story.sequels.values_list("name", flat=True))

    @register(Review)
    class ReviewSource(Source[Review]):
        follow = ("writer",)

        def title(self, review: Review) -> str:
            return f"{review.headline} {review.stars}"

        def paragraphs(self, review: Review) -> tuple[Paragraph, ...]:
            return self.from_plain(review.body)

        def authors(self, review: Review) -> list[str]:
            return [review.writer.name] if review.writer else []

    @register(Ware)
    class WareSource(Source[Ware]):
        def paragraphs(self, ware: Ware) -> tuple[Paragraph, ...]:
            return self.from_plain(ware.text)

    for label in ("blog.story", "blog.review", "blog.ware"):
        receivers.connect_source(sources[label])
    yield
    unregister(Story)
    unregister(Review)
    unregister(Ware)


@pytest.fixture
def world(db: None, more_sources: None) -> World:
    article = make_article("Ferry", "It sails.", tags=["harbour"])
    other = make_article("Storm", "It comes.")
    writer, topic = Writer.objects.create(name="Ada"), Topic.objects.create(name="Sea")
    post = Post.objects.create(headline="Quay", slug="quay", body="<p>Stone</p>", writer=writer)
    post.topics.add(topic)
    story = Story.objects.create(name="Tide")
    sequel = Story.objects.create(name="Ebb")
    story.sequels.add(sequel)
    made = World(
        article=article,
        other=other,
        tag=Tag.objects.get(name="harbour"),
        spare=Tag.objects.create(name="spare", slug="spare"),
        post=post,
        topic=topic,
        writer=writer,
        note=Note.objects.create(text="Buoys"),
        story=story,
        sequel=sequel,
        chapter=Chapter.objects.create(story=story, text="One"),
        review=Review.objects.create(headline="Boat", slug="boat", body="Good", writer=writer),
        remark=Remark.objects.create(about=story, text="Wet"),
        saga=Saga.objects.create(name="Flood"),
        ware=Ware.objects.create(code="rope", text="Hemp"),
    )
    indexing.update()
    assert indexing.verify().ok and not PendingChange.objects.exists()
    return made


def index() -> dict[str, str]:
    return dict(engines["default"].scan())


def follows(change: Callable[[World], Any], world: World) -> None:
    """The index follows ``change``, unless it is rolled back."""
    before = index()
    with transaction.atomic():
        change(world)
        transaction.set_rollback(True)
    assert not PendingChange.objects.exists()
    assert indexing.update().indexed == 0 and index() == before
    for name, value in vars(world).items():
        # What was saved or deleted in memory was not.
        setattr(world, name, type(value)._base_manager.get(pk=value.pk or before_pk(value, name, world)))
    change(world)
    assert PendingChange.objects.exists(), "nothing was noted"
    assert {change.object_pk for change in PendingChange.objects.all()} <= spelt_keys()
    indexing.update()
    assert indexing.verify().ok and not PendingChange.objects.exists()
    assert index() != before, "the change made no difference: it proves nothing"


def before_pk(value: models.Model, name: str, world: World) -> Any:
    """The key of an object that was deleted in memory: that of the only row there is, or of the first."""
    rows = type(value)._base_manager.order_by("pk")
    return (rows.last() if name in ("other", "spare", "sequel") else rows.first()).pk


def spelt_keys() -> set[str]:
    """Every key that may be noted, as it is spelt: those of now, and those that the index has."""
    now = {source.pk_text(obj.pk) for source in sources for obj in source.queryset()}
    return now | {key.partition(":")[2] for key in index()}


# What sends signals.


def reload_from_fixture(world: World) -> None:
    world.article.title = "Loaded"
    loaded = serializers.serialize("json", [world.article])
    for one in serializers.deserialize("json", loaded):
        one.save()


def save_through(world: World) -> None:
    row = TaggedArticle.objects.get(content_object=world.article)
    row.tag = world.spare
    row.save()


def changed(update_fields: list[str] | None = None, **fields: Any) -> Callable[[Any], None]:
    """Saves an object with these fields."""

    def save(obj: Any) -> None:
        for name, value in fields.items():
            setattr(obj, name, value)
        obj.save(update_fields=update_fields)

    return save


SIGNALS: dict[str, Callable[[World], Any]] = {
    "article: save": lambda w: changed(title="New")(w.article),
    "article: create": lambda w: make_article("Another", slug="another"),
    "article: unpublish": lambda w: changed(status="draft")(w.article),
    "article: delete": lambda w: w.article.delete(),
    "articles: delete a queryset": lambda w: Article.objects.all().delete(),
    "article: update_or_create": lambda w: Article.objects.update_or_create(pk=w.article.pk, defaults={"title": "N"}),
    "article: save update_fields": lambda w: changed(title="N", update_fields=["title"])(w.article),
    "article: loaddata": reload_from_fixture,
    "tags: add": lambda w: w.article.tags.add("new"),
    "tags: remove": lambda w: w.article.tags.remove("harbour"),
    "tags: set": lambda w: w.article.tags.set(["one", "two"]),
    "tags: clear": lambda w: w.article.tags.clear(),
    "tags: through row saved": save_through,
    "tags: through row deleted": lambda w: TaggedArticle.objects.get(content_object=w.article).delete(),
    "tag: rename": lambda w: changed(name="port")(w.tag),
    "tag: delete": lambda w: w.tag.delete(),
    "tag: merge": lambda w: merge(w.tag, w.spare),
    "post: save": lambda w: changed(headline="New")(w.post),
    "post: delete": lambda w: w.post.delete(),
    "post: m2m add": lambda w: w.post.topics.add(Topic.objects.create(name="Sky")),
    "post: m2m remove": lambda w: w.post.topics.remove(w.topic),
    "post: m2m clear": lambda w: w.post.topics.clear(),
    "post: m2m set": lambda w: w.post.topics.set([Topic.objects.create(name="Sky")]),
    "topic: m2m clear from the other side": lambda w: w.topic.post_set.clear(),
    "topic: m2m set from the other side": lambda w: w.topic.post_set.set([w.review]),
    "topic: rename": lambda w: changed(name="Ocean")(w.topic),
    "topic: delete cascades": lambda w: w.topic.delete(),
    "writer: rename": lambda w: changed(name="Bea")(w.writer),
    "writer: delete sets null": lambda w: w.writer.delete(),
    "note: save": lambda w: changed(text="New")(w.note),
    "note: delete": lambda w: w.note.delete(),
    "chapter: save": lambda w: changed(text="Two")(w.chapter),
    "chapter: moves to another story": lambda w: changed(story=w.sequel)(w.chapter),
    "chapter: delete": lambda w: w.chapter.delete(),
    "story: delete cascades": lambda w: w.story.delete(),
    "story: followed one renamed": lambda w: changed(name="Flow")(w.sequel),
    "review: save": lambda w: changed(stars=5)(w.review),
    "review: saved as its parent": lambda w: changed(headline="New")(Post.objects.get(pk=w.review.pk)),
    "review: saved as a proxy of its parent": lambda w: changed(headline="N")(PinnedPost.objects.get(pk=w.review.pk)),
    "review: delete": lambda w: w.review.delete(),
    "remark: create": lambda w: Remark.objects.create(about=w.sequel, text="Dry"),
    "remark: create by its story": lambda w: w.story.remarks.create(text="Dry"),
    "remark: save": lambda w: changed(text="Dry")(w.remark),
    "remark: about another story": lambda w: changed(about=w.sequel)(w.remark),
    "remark: about another thing": lambda w: changed(about=w.writer)(w.remark),
    "remark: delete": lambda w: w.remark.delete(),
    "saga: save": lambda w: changed(name="Drought")(w.saga),
    "saga: delete": lambda w: w.saga.delete(),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_what_sends_signals(world: World, name: str) -> None:
    follows(SIGNALS[name], world)


# What says so itself.


def bulk_create_ignoring(world: World) -> None:
    Article.objects.bulk_create([Article(title="N", slug="n"), Article(slug="ferry")], ignore_conflicts=True)


def bulk_update(world: World) -> None:
    world.article.title, world.other.title = "One", "Two"
    Article.objects.bulk_update([world.article, world.other], ["title"])


def bulk_create_or_update(world: World) -> None:
    again = Article(title="Again", slug=world.article.slug)
    Article.objects.bulk_create([again], update_conflicts=True, update_fields=["title"], unique_fields=["slug"])


def delete_raw(world: World) -> None:
    TaggedArticle.objects.filter(content_object=world.article)._raw_delete("default")
    Article.objects.filter(pk=world.article.pk)._raw_delete("default")


def noted(model: type[models.Model]) -> NotedQuerySet[Any]:
    """The rows of a model by the queryset that a site gives it."""
    return NotedQuerySet(model)


def bring_wares(**options: Any) -> Callable[[World], Any]:
    """Two objects with keys of their own, one of them with the code of a row that is there."""

    def bring(world: World) -> None:
        noted(Ware).bulk_create([Ware(code="rope", text="Wire"), Ware(code="sail", text="Linen")], **options)

    return bring


QUERYSETS: dict[str, Callable[[World], Any]] = {
    "articles: update": lambda w: Article.objects.filter(status="published").update(title="One for all"),
    "articles: update what they are chosen by": lambda w: Article.objects.published().update(status="draft"),
    "articles: update through a relation": lambda w: Article.objects.filter(tags__name="harbour").update(title="N"),
    "articles: bulk_create": lambda w: Article.objects.bulk_create([Article(title=n, slug=n) for n in "abc"]),
    "articles: bulk_create, conflicts ignored": bulk_create_ignoring,
    "articles: bulk_create, conflicts updated": bulk_create_or_update,
    "articles: bulk_update": bulk_update,
    "articles: raw delete": delete_raw,
    "tags: update": lambda w: Tag.objects.filter(pk=w.tag.pk).update(name="port"),
    "tagged: bulk_create": lambda w: TaggedArticle.objects.bulk_create(
        [TaggedArticle(tag=w.spare, content_object=w.other)]
    ),
    "tagged: update to another tag": lambda w: TaggedArticle.objects.update(tag=w.spare),
    "tagged: update to another article": lambda w: TaggedArticle.objects.update(content_object=w.other),
    "tagged: raw delete": lambda w: TaggedArticle.objects.all()._raw_delete("default"),
    "wares: another key": lambda w: noted(Ware).update(id=uuid.UUID("a0b1c2d3-e4f5-4a6b-8c7d-0123456789ab")),
    "notes: a key from what is there": lambda w: noted(Note).update(id=noted(Ware).values("id")[:1]),
    "wares: bulk_create, conflicts updated": bring_wares(
        update_conflicts=True, update_fields=["text"], unique_fields=["code"]
    ),
    "remarks: bulk_create": lambda w: noted(Remark).bulk_create([Remark(about=w.sequel, text="Dry")]),
    "remarks: update moves them": lambda w: noted(Remark).update(object_id=w.sequel.pk),
    "sagas: update what their stories have": lambda w: noted(Saga).update(name="Drought"),
    "reviews: update as proxies of their parents": lambda w: noted(PinnedPost).update(headline="N"),
}


def test_objects_that_bring_their_keys_are_noted_where_conflicts_are_ignored(world: World) -> None:
    """PostgreSQL knows no greatest UUID, and need not."""
    bring_wares(ignore_conflicts=True)(world)
    indexing.update()
    assert indexing.verify().ok
    assert {document.title for key in index() if (document := engines["default"].get(key))} >= {"rope", "sail"}


def test_a_database_that_tells_no_keys_has_only_what_is_new_noted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As MySQL is."""
    monkeypatch.setattr(type(connection.features), "can_return_rows_from_bulk_insert", False)
    follows(lambda w: noted(Story).bulk_create([Story(name="Spring"), Story(name="Neap")]), world)
    noted(Story).bulk_create([Story(name="Slack")])
    (change,) = PendingChange.objects.all()
    assert change.object_pk == str(Story.objects.get(name="Slack").pk)


@pytest.mark.parametrize("name", QUERYSETS)
def test_what_querysets_say(world: World, name: str) -> None:
    follows(QUERYSETS[name], world)


def test_an_update_notes_each_row_that_it_changes_and_no_other(world: World) -> None:
    assert Article.objects.filter(title="Ferry").update(title="New") == 1
    assert {row.object_pk for row in PendingChange.objects.all()} == {str(world.article.pk)}
    assert Article.objects.filter(title="Ferry").update(title="New") == 0


def test_a_large_update_is_one_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    Article.objects.bulk_create([Article(title="old", slug=f"n{n}") for n in range(1_200)])
    indexing.update()
    assert Article.objects.filter(title="old").update(title="new") == 1_200
    assert PendingChange.objects.count() == 1_200
    assert Article.objects.filter(title="new").count() == 1_200


def test_a_site_gives_its_own_model_such_a_queryset(world: World) -> None:
    notes = NotedQuerySet(Note)
    follows(lambda w: notes.filter(pk=w.note.pk).update(text="New"), world)


# What nobody says: the triggers see it.


def sql(text: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, params)


def stored(value: uuid.UUID) -> Any:
    return value if connection.features.has_native_uuid_field else value.hex


def merge_raw(world: World) -> None:
    sql("UPDATE newsindex_taggedarticle SET tag_id = %s WHERE tag_id = %s", world.spare.pk, world.tag.pk)
    sql("DELETE FROM newsindex_tag WHERE id = %s", world.tag.pk)


def bulk_update_posts(world: World) -> None:
    world.post.headline = "New"
    Post.objects.bulk_update([world.post], ["headline"])


UNSAID: dict[str, Callable[[World], Any]] = {
    "post: update": lambda w: Post.objects.filter(pk=w.post.pk).update(headline="New"),
    "post: bulk_create": lambda w: Post.objects.bulk_create([Post(headline="N", slug="n", body="")]),
    "post: bulk_update": bulk_update_posts,
    "note: update": lambda w: Note.objects.update(text="New"),
    "note: bulk_create": lambda w: Note.objects.bulk_create([Note(text="New")]),
    "note: raw delete": lambda w: Note.objects.all()._raw_delete("default"),
    "note: SQL insert": lambda w: sql(
        "INSERT INTO blog_note (id, text) VALUES (%s, 'New')", stored(uuid.UUID("a0b1c2d3-e4f5-4a6b-8c7d-0123456789ab"))
    ),
    "note: SQL update": lambda w: sql("UPDATE blog_note SET text = 'New' WHERE id = %s", stored(w.note.pk)),
    "note: SQL delete": lambda w: sql("DELETE FROM blog_note"),
    "note: SQL new key": lambda w: sql("UPDATE blog_note SET id = %s", stored(uuid.uuid4())),
    "article: SQL update": lambda w: sql("UPDATE newsindex_article SET title = 'New' WHERE id = %s", w.article.pk),
    "article: plain queryset": lambda w: Article._base_manager.update(status="draft"),
    "tag: SQL rename": lambda w: sql("UPDATE newsindex_tag SET name = 'port' WHERE id = %s", w.tag.pk),
    "tag: SQL merge": merge_raw,
    "tagged: SQL delete": lambda w: sql("DELETE FROM newsindex_taggedarticle"),
    "topic: update": lambda w: Topic.objects.update(name="Ocean"),
    "topic: SQL tagged": lambda w: sql(
        "INSERT INTO blog_post_topics (post_id, topic_id) VALUES (%s, %s)", w.review.pk, w.topic.pk
    ),
    "topic: SQL untagged": lambda w: sql("DELETE FROM blog_post_topics"),
    "writer: update": lambda w: Writer.objects.update(name="Bea"),
    "post: SQL another writer": lambda w: sql("UPDATE blog_post SET writer_id = NULL"),
    "chapter: update": lambda w: Chapter.objects.update(text="Two"),
    "chapter: update moves it": lambda w: Chapter.objects.update(story=w.sequel),
    "chapter: bulk_create": lambda w: Chapter.objects.bulk_create([Chapter(story=w.sequel, text="New")]),
    "chapter: SQL delete": lambda w: sql("DELETE FROM blog_chapter"),
    "story: SQL other sequel": lambda w: sql("DELETE FROM blog_story_sequels"),
    "story: update of a followed one": lambda w: Story.objects.filter(pk=w.sequel.pk).update(name="Flow"),
    "remark: SQL insert": lambda w: sql(
        "INSERT INTO blog_remark (content_type_id, object_id, text) VALUES (%s, %s, 'Dry')",
        w.remark.content_type_id,
        w.sequel.pk,
    ),
    "remark: update moves it": lambda w: Remark.objects.update(object_id=w.sequel.pk),
    "remark: update to another kind": lambda w: Remark.objects.update(
        content_type=ContentType.objects.get_for_model(Writer)
    ),
    "review: SQL in its own table": lambda w: sql("UPDATE blog_review SET stars = 5"),
    "review: SQL in its parent's table": lambda w: sql("UPDATE blog_post SET headline = 'X' WHERE slug = 'boat'"),
}
if ON_POSTGRESQL:
    UNSAID["note: SQL truncate"] = lambda w: sql("TRUNCATE blog_note")


@pytest.fixture
def with_triggers(world: World) -> Iterator[None]:
    triggers.install("default")
    PendingChange.objects.all().delete()
    yield
    triggers.remove("default")


@pytest.mark.parametrize("name", UNSAID)
def test_what_nobody_says_is_seen_by_triggers(world: World, with_triggers: None, name: str) -> None:
    follows(UNSAID[name], world)


@pytest.mark.parametrize("name", UNSAID)
def test_without_triggers_verify_and_repair_find_it(world: World, name: str) -> None:
    before = index()
    UNSAID[name](world)
    assert not indexing.verify().ok
    call_command("newsindex_verify", repair=True, verbosity=0)
    assert indexing.verify().ok and index() != before


@pytest.mark.parametrize("name", SIGNALS)
def test_triggers_are_in_the_way_of_nothing(world: World, with_triggers: None, name: str) -> None:
    follows(SIGNALS[name], world)


def test_a_call_for_a_queryset(world: World) -> None:
    Note.objects.update(text="New")
    indexing.update(Note.objects.all())
    assert indexing.verify().ok


# The triggers themselves.


def test_triggers_are_made_once_and_removed(world: World) -> None:
    made, removed = triggers.install("default")
    assert made > 20 and removed == 0
    assert triggers.install("default") == (0, 0)
    assert triggers.differences("default") == (0, 0)
    assert triggers.remove("default") == made
    assert triggers.installed("default") == frozenset() and triggers.remove("default") == 0


def test_triggers_of_what_is_no_longer_searched_are_out_of_date(world: World, with_triggers: None) -> None:
    unregister(Story)
    try:
        missing, extra = triggers.differences("default")
        assert extra > 0
        assert triggers.install("default") == (missing, extra)
    finally:
        register(Story)(type(Source.__name__, (Source,), {"paragraphs": lambda self, obj: ()}))


def test_the_command(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("newsindex_triggers", "sql")
    assert "CREATE TRIGGER" in capsys.readouterr().out
    assert not triggers.installed("default")
    call_command("newsindex_triggers", "install")
    assert re.search(r"default: (\d+) triggers made, 0 removed, \1 there now", capsys.readouterr().out)
    call_command("newsindex_triggers", "remove")
    assert "triggers removed" in capsys.readouterr().out and not triggers.installed("default")


def test_another_vendor_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["default"], "vendor", "mysql")
    with pytest.raises(CommandError, match="made for PostgreSQL and SQLite; 'default' is mysql"):
        call_command("newsindex_triggers", "install")


def test_a_key_that_is_too_long_stops_no_one(world: World) -> None:
    rules = triggers.wanted("default")
    assert all("length(row_key.pk) <= 255" in " ".join(trigger.statements) for trigger in rules)


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has no users")
def test_a_temporary_table_of_whoever_writes_is_not_written_to(world: World, with_triggers: None) -> None:
    """Triggers have the rights of their owner: in tables of somebody else they would run his code with those."""
    sql("CREATE TEMPORARY TABLE newsindex_pendingchange (LIKE public.newsindex_pendingchange)")
    sql("UPDATE newsindex_article SET title = 'Changed'")
    sql("DROP TABLE pg_temp.newsindex_pendingchange")
    assert PendingChange.objects.filter(source="newsindex.article").count() == Article.objects.count()


@pytest.mark.django_db(transaction=True)
def test_a_migration_finds_no_trigger_in_its_way() -> None:
    """Migrations make tables anew, which SQLite refuses where a trigger names them; afterwards they are back."""
    triggers.install("default")
    try:
        call_command("migrate", "newsindex", "0001", verbosity=0)
        assert triggers.installed("default") == frozenset()
        call_command("migrate", "newsindex", verbosity=0)
        assert triggers.differences("default") == (0, 0)
        Note.objects.bulk_create([Note(text="after")])
        assert PendingChange.objects.count() == 1
    finally:
        triggers.remove("default")


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_fails_keeps_no_trigger_away() -> None:
    """What it has taken away comes back with the next one that does not fail, in whatever process that is."""
    triggers.install("default")
    before = triggers.installed("default")
    try:
        post_migrate.disconnect(dispatch_uid="newsindex:triggers")
        call_command("migrate", "newsindex", "0004", verbosity=0)
        triggers.connect()
        assert triggers.installed("default") == frozenset()
        assert "W030" in str(run_checks(databases=["default"]))
        call_command("migrate", "newsindex", verbosity=0)
        assert triggers.installed("default") == before and not triggers.taken("default")
    finally:
        triggers.remove("default")


@pytest.mark.skipif(ON_POSTGRESQL, reason="is there already")
def test_the_same_on_postgresql() -> None:
    require_server()
    with postgresql.server() as database:
        environment = {
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings_changes",
            "NEWSINDEX_FAULTS_DATABASE": json.dumps(database),
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
            env={**os.environ, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) >= len(SIGNALS) * 2 + len(QUERYSETS) + len(UNSAID) * 2
