"""Which rows are enqueued when something is saved, deleted or related anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core import serializers
from django.core.management import call_command

from newsindex import receivers
from newsindex.engines import engines
from newsindex.models import Article, PendingChange, Tag, TaggedArticle
from newsindex.paragraphs import Paragraph
from newsindex.sources import Source, register, sources, unregister
from tests.blog.models import Book, Chapter, House, Note, PinnedPost, Post, Review, Shelf, Story, Topic, Writer
from tests.factories import make_article

pytestmark = pytest.mark.django_db


def enqueued() -> set[str]:
    """What was enqueued since the last call."""
    rows = {f"{row.source}:{row.object_pk}" for row in PendingChange.objects.all()}
    PendingChange.objects.all().delete()
    return rows


def make_post(slug: str = "ferry", **fields: Any) -> Post:
    return Post.objects.create(headline=slug, slug=slug, body="", **fields)


def post_key(*posts: Post) -> set[str]:
    return {f"blog.post:{post.pk}" for post in posts}


@pytest.fixture
def story_source() -> Iterator[Source[Story]]:
    @register(Story)
    class StorySource(Source[Story]):
        follow = ("chapters", "sequels")

        def paragraphs(self, story: Story) -> tuple[Paragraph, ...]:
            return self.from_plain("\n\n".join(story.chapters.values_list("text", flat=True)))

    source = sources["blog.story"]
    receivers.connect_source(source)
    yield source
    unregister(Story)


def test_saving_and_deleting_a_row() -> None:
    note = Note.objects.create(text="Buoys")
    assert enqueued() == {f"blog.note:{note.pk}"}
    note.save()
    assert enqueued() == {f"blog.note:{note.pk}"}
    key = f"blog.note:{note.pk}"
    note.delete()
    assert enqueued() == {key}


def test_deleting_a_queryset() -> None:
    keys = {f"blog.note:{Note.objects.create(text=str(n)).pk}" for n in range(3)}
    enqueued()
    Note.objects.all().delete()
    assert enqueued() == keys


@pytest.mark.parametrize("deleted", ["shelf", "house"])
def test_rows_that_the_database_deletes_with_others(deleted: str) -> None:
    """Also where the source follows nothing; Django 6.1 sends no signal for them."""

    @register(Book)
    class BookSource(Source[Book]):
        follow = ()

        def paragraphs(self, book: Book) -> tuple[Paragraph, ...]:
            return ()

    try:
        receivers.connect_source(sources["blog.book"])
        shelf = Shelf.objects.create(house=House.objects.create())
        keys = {f"blog.book:{Book.objects.create(shelf=shelf).pk}" for _ in range(3)}
        Book.objects.create(shelf=Shelf.objects.create(house=House.objects.create()))
        enqueued()
        (shelf if deleted == "shelf" else shelf.house).delete()
        assert Book.objects.count() == 1
        assert enqueued() == keys
    finally:
        unregister(Book)


def test_a_row_saved_as_a_proxy_or_a_child() -> None:
    pinned = PinnedPost.objects.create(headline="a", slug="a", body="")
    assert enqueued() == post_key(pinned)
    review = Review.objects.create(headline="b", slug="b", body="")
    assert enqueued() == post_key(review)
    keys = post_key(review)
    review.delete()
    assert enqueued() == keys


def test_a_model_without_a_source_is_left_alone() -> None:
    Story.objects.create(name="Nobody searches it")
    Chapter.objects.create(story=Story.objects.get(), text="")
    Topic.objects.create(name="Boats")
    assert enqueued() == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda post, topic: post.topics.add(topic),
        lambda post, topic: post.topics.set([topic]),
        lambda post, topic: topic.post_set.add(post),
        lambda post, topic: topic.post_set.set([post]),
        lambda post, topic: post.topics.create(name="Another"),
    ],
)
def test_a_relation_that_is_added(change: Callable[[Post, Topic], None]) -> None:
    post, topic = make_post(), Topic.objects.create(name="Boats")
    enqueued()
    change(post, topic)
    assert enqueued() == post_key(post)


@pytest.mark.parametrize(
    "change",
    [
        lambda post, topic: post.topics.remove(topic),
        lambda post, topic: post.topics.clear(),
        lambda post, topic: post.topics.set([]),
        lambda post, topic: topic.post_set.remove(post),
        lambda post, topic: topic.post_set.clear(),
        lambda post, topic: topic.post_set.set([]),
        lambda post, topic: topic.delete(),
        lambda post, topic: Topic.objects.all().delete(),
    ],
)
def test_a_relation_that_is_taken_away(change: Callable[[Post, Topic], None]) -> None:
    post, topic = make_post(), Topic.objects.create(name="Boats")
    make_post("another")
    post.topics.add(topic)
    enqueued()
    change(post, topic)
    assert enqueued() == post_key(post)


def test_the_target_of_a_foreign_key() -> None:
    writer = Writer.objects.create(name="Ada")
    posts = [make_post(slug, writer=writer) for slug in "abc"]
    make_post("another", writer=Writer.objects.create(name="Grace"))
    enqueued()
    writer.name = "Ada Lovelace"
    writer.save()
    assert enqueued() == post_key(*posts)
    writer.delete()
    assert enqueued() == post_key(*posts)


def test_the_rows_that_point_to_a_row(story_source: Source[Story]) -> None:
    one, two = Story.objects.create(name="one"), Story.objects.create(name="two")
    keys = {f"blog.story:{one.pk}"}, {f"blog.story:{two.pk}"}
    enqueued()
    chapter = Chapter.objects.create(story=one, text="It begins")
    assert enqueued() == keys[0]
    chapter.text = "It goes on"
    chapter.save()
    assert enqueued() == keys[0]
    chapter.story = two
    chapter.save()
    assert enqueued() == keys[0] | keys[1]
    chapter.delete()
    assert enqueued() == keys[1]


@pytest.mark.django_db(transaction=True)
def test_what_moves_leaves_its_old_place_without_a_transaction_too(story_source: Source[Story]) -> None:
    def holds(row: Story | Article) -> bool:
        document = engines["default"].get(f"{row._meta.label_lower}:{row.pk}")
        return document is not None and bool(document.paragraphs or document.tags)

    one, two = Story.objects.create(name="one"), Story.objects.create(name="two")
    chapter = Chapter.objects.create(story=one, text="It begins")
    chapter.story = two
    chapter.save()
    assert (holds(one), holds(two)) == (False, True)
    # Another instance may take the place of the row.
    Chapter(pk=chapter.pk, story=one, text="It begins").save()
    assert (holds(one), holds(two)) == (True, False)
    first, second = make_article(tags=["harbour"]), make_article()
    tagged = TaggedArticle.objects.get()
    tagged.content_object = second
    tagged.save()
    assert (holds(first), holds(second)) == (False, True)


def test_a_row_in_between_that_points_elsewhere() -> None:
    @register(Book)
    class BookSource(Source[Book]):
        follow = ("shelf__house",)

    receivers.connect_source(sources["blog.book"])
    try:
        here, there = House.objects.create(), House.objects.create()
        shelf = Shelf.objects.create(house=here)
        book = Book.objects.create(shelf=shelf)
        enqueued()
        shelf.house = there
        shelf.save()
        assert enqueued() == {f"blog.book:{book.pk}"}
    finally:
        unregister(Book)


def test_a_relation_of_a_model_to_itself(story_source: Source[Story]) -> None:
    one, two = Story.objects.create(name="one"), Story.objects.create(name="two")
    both = {f"blog.story:{one.pk}", f"blog.story:{two.pk}"}
    enqueued()
    one.sequels.add(two)
    assert enqueued() == both
    two.prequels.clear()
    assert enqueued() >= {f"blog.story:{one.pk}"}
    one.sequels.add(two)
    enqueued()
    two.name = "second"
    two.save()
    assert enqueued() == both


@pytest.mark.parametrize(
    "change",
    [
        lambda article: article.tags.add("boats"),
        lambda article: article.tags.remove("harbour"),
        lambda article: article.tags.set(["boats"]),
        lambda article: article.tags.clear(),
        lambda article: Tag.objects.get(name="harbour").delete(),
        lambda article: Tag.objects.filter(name="harbour").delete(),
        lambda article: TaggedArticle.objects.get().delete(),
        lambda article: TaggedArticle.objects.create(content_object=article, tag=Tag.objects.create(name="boats")),
    ],
)
def test_tags_that_come_and_go(change: Callable[[Article], None]) -> None:
    article = make_article(tags=["harbour"])
    make_article("another")
    enqueued()
    change(article)
    assert enqueued() == {f"newsindex.article:{article.pk}"}


def test_a_tag_that_gets_another_name() -> None:
    articles = [make_article(tags=["harbour"]) for _ in range(3)]
    make_article(tags=["boats"])
    enqueued()
    tag = Tag.objects.get(name="harbour")
    tag.name = "port"
    tag.save()
    assert enqueued() == {f"newsindex.article:{article.pk}" for article in articles}


def test_a_tag_that_moves_to_another_article() -> None:
    one, two = make_article(tags=["harbour"]), make_article()
    enqueued()
    row = TaggedArticle.objects.get()
    row.content_object = two
    row.save()
    assert enqueued() == {f"newsindex.article:{one.pk}", f"newsindex.article:{two.pk}"}


def test_a_fixture(tmp_path: Path, settings: Any, django_capture_on_commit_callbacks: Any) -> None:
    settings.NEWSINDEX_UPDATE = "command"
    article = make_article(tags=["harbour"])
    writer = Writer.objects.create(name="Ada")
    post = make_post(writer=writer)
    writer.name = "Ada Lovelace"
    fixture = tmp_path / "some.json"
    fixture.write_text(serializers.serialize("json", [article, *TaggedArticle.objects.all(), writer]))
    enqueued()
    with django_capture_on_commit_callbacks(execute=True):
        call_command("loaddata", fixture, stdout=StringIO())
        # Other tables must not be read while a fixture is loaded.
        assert enqueued() == {f"newsindex.article:{article.pk}"}
    assert enqueued() == post_key(post)


def test_connecting_again_changes_nothing() -> None:
    receivers.connect()
    Note.objects.create(text="Buoys")
    assert PendingChange.objects.count() == 1


def test_an_unregistered_source_is_told_nothing(story_source: Source[Story]) -> None:
    unregister(Story)
    Story.objects.create(name="one")
    assert enqueued() == set()
    register(Story)(type(story_source))
    Story.objects.create(name="two")
    assert len(enqueued()) == 1


def test_paths_of_relations_are_resolved() -> None:
    assert [field.name for field in receivers.resolve(Chapter, "story__sequels") or ()] == ["story", "sequels"]
    assert receivers.resolve(Chapter, "text") is None
    assert receivers.resolve(Chapter, "story__nothing") is None
