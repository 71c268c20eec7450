"""The rows that modelsearch indexes."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from modelsearch import index
from modelsearch.queryset import SearchableQuerySetMixin

from benchmarks.site.stories import AbstractLabel, AbstractStory


class StoryQuerySet(SearchableQuerySetMixin, models.QuerySet["Story"]):
    """Stories that can be searched."""


class Story(index.Indexed, AbstractStory):
    """An article."""

    # The mixin has no types.
    objects: ClassVar[Any] = StoryQuerySet.as_manager()

    search_fields = [
        index.SearchField("title"),
        index.SearchField("body"),
        index.AutocompleteField("title"),
        index.FilterField("day"),
        index.FilterField("section"),
        index.RelatedFields("labels", [index.FilterField("name")]),
    ]


class Label(AbstractLabel):
    """A tag of an article."""

    story = models.ForeignKey(Story, models.CASCADE, related_name="labels")
