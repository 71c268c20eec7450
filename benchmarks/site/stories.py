"""Articles as rows of a site's database, the same for the peers that index Django models."""

from __future__ import annotations

from django.db import models


class AbstractStory(models.Model):
    """An article; its paragraphs in one text, between blank lines."""

    title = models.CharField(max_length=300)
    body = models.TextField()
    day = models.DateTimeField(db_index=True)
    section = models.CharField(max_length=100)
    authors = models.CharField(max_length=300)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title


class AbstractLabel(models.Model):
    """A tag of an article; its subclass has the foreign key ``story``, with the related name "labels"."""

    name = models.CharField(max_length=100, db_index=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name
