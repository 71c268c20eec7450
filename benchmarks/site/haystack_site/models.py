"""The rows that Haystack indexes."""

from __future__ import annotations

from django.db import models

from benchmarks.site.stories import AbstractLabel, AbstractStory


class Story(AbstractStory):
    """An article."""


class Label(AbstractLabel):
    """A tag of an article."""

    story = models.ForeignKey(Story, models.CASCADE, related_name="labels")
