"""What sources make of rows, and the registry of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.test.utils import isolate_apps
from django.utils import timezone, translation

from newsindex.engines import engines
from newsindex.exceptions import ConfigurationError
from newsindex.models import Article
from newsindex.paragraphs import Paragraph
from newsindex.sources import ArticleSource, Source, register, sources, unregister
from tests.blog.models import Note, PinnedPost, Post, Review, Topic, Writer
from tests.factories import make_article


@pytest.fixture
def unregistered_review() -> Iterator[None]:
    yield
    if Review._meta.label_lower in sources:
        unregister(Review)


def test_a_source_shown_in_a_template_is_what_its_rows_are_called() -> None:
    assert (str(sources["newsindex.article"]), str(sources.for_model(Post))) == ("article", "post")
    with translation.override("de"):
        assert str(sources["newsindex.article"]) == "Artikel"


@pytest.mark.django_db
def test_an_article_says_all_that_is_searched() -> None:
    now = timezone.now()
    article = make_article(
        "Harbour bridge closed",
        "# Why\n\nThe *old* bridge is closed.",
        body_format="markdown",
        summary="Until May",
        authors="Ada, Grace",
        section="City",
        tags=["Traffic", "bridges"],
        published_at=now,
        expires_at=now + timedelta(days=1),
        language="de",
    )
    said = sources["newsindex.article"].document(article, public=True)
    assert said.key == f"newsindex.article:{article.pk}"
    assert (said.title, said.summary, said.section) == ("Harbour bridge closed", "Until May", "City")
    assert [(one.kind, one.text) for one in said.paragraphs] == [
        ("heading", "Why"),
        ("paragraph", "The old bridge is closed."),
    ]
    assert (said.tags, said.authors) == (("Traffic", "bridges"), ("Ada", "Grace"))
    assert (said.published_at, said.expires_at) == (now, now + timedelta(days=1))
    assert (said.language, said.audiences) == ("de", frozenset({"public"}))
    assert said.url == article.get_absolute_url()


@pytest.mark.django_db
def test_what_is_not_public_has_no_audience_whatever_its_source_says() -> None:
    assert sources["newsindex.article"].document(make_article(), public=False).audiences == frozenset()


@pytest.mark.django_db
def test_the_version_changes_with_the_content_and_only_with_it() -> None:
    source = sources["newsindex.article"]
    article = make_article("One")
    version = source.document(article, public=True).version
    article.save()
    assert source.document(article, public=True).version == version
    assert source.document(article, public=False).version != version
    article.title = "Two"
    assert source.document(article, public=True).version != version


@pytest.mark.django_db
def test_a_foreign_model_is_searched_by_what_its_source_says() -> None:
    post = Post.objects.create(
        headline="Ferry", slug="ferry", body="<p>By <b>sea</b></p>", writer=Writer.objects.create(name="Ada")
    )
    post.topics.add(Topic.objects.create(name="Boats"))
    said = sources["blog.post"].document(post, public=True)
    assert (said.title, said.tags, said.authors) == ("Ferry", ("Boats",), ("Ada",))
    assert [one.text for one in said.paragraphs] == ["By sea"]
    assert said.url == "/blog/ferry/"


@pytest.mark.django_db
def test_rows_are_loaded_by_key_and_what_is_no_key_is_left_out() -> None:
    post = Post.objects.create(headline="Ferry", slug="ferry", body="")
    note = Note.objects.create(text="Buoys")
    assert sources["blog.post"].load([str(post.pk), "0", "x", ""]) == {str(post.pk): post}
    assert sources["blog.note"].load([str(note.pk), str(uuid.uuid4()), "7"]) == {str(note.pk): note}


@pytest.mark.django_db(transaction=True)
def test_a_row_has_one_key_however_its_own_is_spelt() -> None:
    pk = uuid.uuid4()
    note = Note.objects.create(id=pk.hex, text="Buoys")
    source = sources["blog.note"]
    assert source.key(note) == source.key(Note.objects.get()) == f"blog.note:{pk}"
    assert [key for key, _ in engines["default"].scan()] == [f"blog.note:{pk}"]
    Note(id=str(pk).upper()).delete()
    assert [key for key, _ in engines["default"].scan()] == []


@isolate_apps("tests.blog")
def test_keys_are_spelt_as_the_database_does() -> None:
    class Price(models.Model):  # noqa: DJ008
        code = models.DecimalField(max_digits=8, decimal_places=2, primary_key=True)

        class Meta:
            app_label = "blog"

    class Discount(models.Model):  # noqa: DJ008
        price = models.OneToOneField(Price, models.CASCADE, primary_key=True)

        class Meta:
            app_label = "blog"

    for model in (Price, Discount):
        source: Source[models.Model] = Source()
        source.model = model
        assert {source.pk_text(pk) for pk in (Decimal("1.5"), "1.50", 1.5, Decimal("15e-1"))} == {"1.50"}
        assert [source.pk_text(pk) for pk in ("no price", "NaN", "1e30", None)] == ["no price", "NaN", "1e30", "None"]
    assert sources["blog.post"].pk_text("08") == "8"


@pytest.mark.django_db
def test_public_rows_are_told_from_the_others() -> None:
    live = Post.objects.create(headline="Live", slug="live", body="")
    draft = Post.objects.create(headline="Draft", slug="draft", body="", status="draft")
    source = sources["blog.post"]
    keys = [str(live.pk), str(draft.pk)]
    assert source.public_pks(keys) == {str(live.pk)}
    assert source.load_public(keys) == {str(live.pk): live}


@pytest.mark.django_db
def test_what_is_shown_of_an_article_needs_its_tags_only_where_a_source_looks_at_them(
    django_assert_num_queries: Any,
) -> None:
    class Tagged(ArticleSource):
        def audiences(self, article: Article) -> list[str]:
            return [str(tag) for tag in article.tags.all()]

    keys = [str(make_article(f"Number {number}", tags=["a"]).pk) for number in range(3)]
    with django_assert_num_queries(1):
        assert set(sources["newsindex.article"].load_public(keys)) == set(keys)
    tagged = Tagged()
    tagged.model = Article
    with django_assert_num_queries(2):
        assert [tagged.audiences(row) for row in tagged.load_public(keys).values()] == [["a"]] * 3


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_batches_meet_every_row_once(size: int) -> None:
    notes = [Note.objects.create(text=str(number)) for number in range(5)]
    batches = list(sources["blog.note"].batches(size))
    assert sorted(pk for batch in batches for pk in batch) == sorted(str(note.pk) for note in notes)
    assert all(len(batch) <= size for batch in batches)


@pytest.mark.django_db
def test_loading_more_articles_takes_no_more_queries(django_assert_num_queries: object) -> None:
    pks = [str(make_article(tags=["a", "b"]).pk) for _ in range(4)]
    source: Source[Article] = sources["newsindex.article"]
    with django_assert_num_queries(2):  # type: ignore[operator]
        for article in source.load(pks).values():
            source.document(article, public=True)


def test_a_proxy_is_searched_as_the_model_it_stands_for() -> None:
    assert sources.for_model(PinnedPost) is sources["blog.post"]
    assert sources.for_model(Topic) is None


def test_a_model_has_one_source() -> None:
    with pytest.raises(ConfigurationError, match=r"blog\.post has the source PostSource already"):

        @register(Post)
        class Another(Source[Post]):
            pass


def test_a_source_can_be_replaced(unregistered_review: None) -> None:
    @register(Review)
    class First(Source[Review]):
        pass

    unregister(Review)

    @register(Review)
    class Second(Source[Review]):
        def paragraphs(self, review: Review) -> tuple[Paragraph, ...]:
            return self.from_plain(review.body)

    assert isinstance(sources["blog.review"], Second)
    unregister(Review)
    with pytest.raises(ConfigurationError, match=r"blog\.review has no source"):
        unregister(Review)


def test_only_a_source_can_be_registered() -> None:
    with pytest.raises(ConfigurationError, match="decorates a Source"):
        register(Review)(Review)  # type: ignore[type-var]


def test_a_source_must_say_its_paragraphs() -> None:
    with pytest.raises(NotImplementedError, match="Source must define paragraphs"):
        Source().paragraphs(Post())


def test_the_article_is_registered_like_any_model() -> None:
    assert type(sources["newsindex.article"]) is ArticleSource


@pytest.mark.django_db
def test_what_is_public_is_asked_of_the_rows_of_the_queryset() -> None:
    """Of what it adds to each of them too, and of those that the default manager leaves out."""

    class Annotated(type(sources["blog.post"])):  # type: ignore[misc]
        def queryset(self) -> QuerySet[Post]:
            return Post.objects.annotate(letters=Length("headline"))

        def public(self, queryset: QuerySet[Post]) -> QuerySet[Post]:
            return queryset.filter(letters__gt=3)

    source = Annotated()
    source.model = Post
    long, _ = (Post.objects.create(headline=headline, slug=headline, body="") for headline in ("Ferry", "Sea"))
    assert source.public_pks(source.load(str(pk) for pk in Post.objects.values_list("pk", flat=True))) == {str(long.pk)}
