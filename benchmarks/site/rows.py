"""Starting a site, and the rows of its articles."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import models

from benchmarks.corpus import Article

_BATCH = 500


def set_up(site: str, place: Path) -> None:
    """Begin to be this site, with its files in ``place``; once in a process."""
    os.environ.update(DJANGO_SETTINGS_MODULE="benchmarks.site.settings", BENCH_SITE=site, BENCH_PLACE=str(place))
    django.setup()


def make_tables() -> None:
    call_command("migrate", run_syncdb=True, verbosity=0)


def fields_of(article: Article) -> dict[str, Any]:
    """The row of an article, whose number is one less than its key."""
    return {
        "id": article.number + 1,
        "title": article.title,
        "body": "\n\n".join(article.paragraphs),
        "day": datetime.fromisoformat(article.day).replace(tzinfo=timezone.utc),
        "section": article.section,
        "authors": ", ".join(article.authors),
    }


def fill(story: type[models.Model], label: type[models.Model], articles: Iterable[Article]) -> None:
    """Make the rows."""
    source = iter(articles)
    while batch := list(islice(source, _BATCH)):
        story._default_manager.bulk_create([story(**fields_of(article)) for article in batch])
        label._default_manager.bulk_create(
            [label(story_id=article.number + 1, name=tag) for article in batch for tag in article.tags]
        )


def change(story: type[models.Model], label: type[models.Model], article: Article) -> models.Model:
    """Save an article in place of the one with its number."""
    row = story(**fields_of(article))
    row.save(force_update=True)
    label._default_manager.filter(story_id=row.pk).delete()
    label._default_manager.bulk_create([label(story_id=row.pk, name=tag) for tag in article.tags])
    return row
