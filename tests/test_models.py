"""Articles, tags, and the migration that makes their tables."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from newsindex.models import Article, Tag, TaggedArticle
from tests.factories import make_article

pytestmark = pytest.mark.django_db


def test_the_migration_says_what_the_models_say() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.parametrize(
    ("fields", "public"),
    [
        ({}, True),
        ({"status": Article.Status.DRAFT}, False),
        ({"published_at": timedelta(seconds=-1)}, True),
        ({"published_at": timedelta(0)}, True),
        ({"published_at": timedelta(seconds=1)}, False),
        ({"expires_at": timedelta(seconds=1)}, True),
        ({"expires_at": timedelta(0)}, False),
        ({"published_at": timedelta(-2), "expires_at": timedelta(-1)}, False),
        ({"status": Article.Status.DRAFT, "published_at": timedelta(-2)}, False),
    ],
)
def test_the_queryset_and_the_article_agree_about_what_is_public(fields: dict[str, object], public: bool) -> None:
    now = timezone.now()
    moments = {name: now + value if isinstance(value, timedelta) else value for name, value in fields.items()}
    article = make_article(**moments)
    assert article.is_public(now) is public
    assert (article in Article.objects.public(now)) is public


def test_an_article_can_not_expire_before_it_is_published() -> None:
    now = timezone.now()
    article = Article(title="Late", slug="late", published_at=now, expires_at=now)
    with pytest.raises(ValidationError, match="must expire after"):
        article.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        article.save()


def test_newest_articles_come_first_and_undated_ones_last() -> None:
    now = timezone.now()
    undated = make_article("undated")
    old = make_article("old", published_at=now - timedelta(days=2))
    new = make_article("new", published_at=now)
    assert list(Article.objects.all()) == [new, old, undated]


def test_author_names_are_split_at_commas() -> None:
    assert Article(authors=" Ada Lovelace,, Grace Hopper ").author_names == ("Ada Lovelace", "Grace Hopper")


def test_an_article_without_a_language_has_that_of_the_site() -> None:
    assert Article().language_code == "en"
    assert Article(language="pt-br").language_code == "pt-br"


@pytest.mark.parametrize("name", ["+++", "🎉", "C++", "Straße", "東京", "x" * 100, "ﷺ" * 30])
def test_every_tag_gets_a_slug_that_fits_into_its_url(name: str) -> None:
    tag = Tag.objects.create(name=name)
    assert 0 < len(tag.slug) <= 100
    Tag._meta.get_field("slug").clean(tag.slug, tag)


def test_tags_of_the_same_signs_get_slugs_of_their_own() -> None:
    assert len({Tag.objects.create(name=name).slug for name in ("C", "C+", "C++", "+", "++")}) == 5


def test_an_article_has_a_tag_only_once() -> None:
    article = make_article(tags=["harbour"])
    article.tags.add("harbour")
    assert TaggedArticle.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        TaggedArticle.objects.create(content_object=article, tag=Tag.objects.get())
