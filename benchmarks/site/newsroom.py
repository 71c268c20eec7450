"""newsindex's site: articles in its own tables, and its index built by its own command."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from itertools import islice
from pathlib import Path

from django.core.management import call_command

from benchmarks.corpus import Article
from benchmarks.site.rows import fields_of, make_tables, set_up

_BATCH = 500


def make(place: Path, articles: Iterable[Article]) -> None:
    """Fill the database in ``place`` and build the index beside it."""
    set_up("newsindex", place)
    # Models exist only now.
    models = import_module("newsindex.models")
    make_tables()
    tags: dict[str, int] = {}
    source = iter(articles)
    while batch := list(islice(source, _BATCH)):
        for name in sorted({tag for article in batch for tag in article.tags} - tags.keys()):
            tags[name] = models.Tag.objects.create(name=name).pk
        rows = []
        for article in batch:
            fields = fields_of(article)
            fields["published_at"] = fields.pop("day")
            fields |= {"slug": f"article-{article.number}", "status": "published", "language": "en"}
            rows.append(models.Article(**fields))
        models.Article._base_manager.bulk_create(rows)
        models.TaggedArticle._base_manager.bulk_create(
            models.TaggedArticle(tag_id=tags[tag], content_object_id=article.number + 1)
            for article in batch
            for tag in article.tags
        )
    call_command("newsindex_rebuild", verbosity=0)
