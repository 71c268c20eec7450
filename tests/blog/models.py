"""A post with an integer key and a note with a UUID key; topics by an ordinary many-to-many.

PinnedPost and Review are saved in the place of a Post; a Story has its text in the rows of other tables.
"""

import uuid

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.urls import reverse


class Topic(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Writer(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Post(models.Model):
    headline = models.CharField(max_length=200)
    slug = models.SlugField(unique=True)
    body = models.TextField()
    topics = models.ManyToManyField(Topic, blank=True)
    writer = models.ForeignKey(Writer, null=True, blank=True, on_delete=models.SET_NULL)
    status = models.CharField(max_length=10, default="live")
    members_only = models.BooleanField(default=False)
    go_live = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.headline

    def get_absolute_url(self) -> str:
        return reverse("post", kwargs={"slug": self.slug})


class Note(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    text = models.TextField()

    def __str__(self) -> str:
        return self.text[:30]


class PinnedPost(Post):
    class Meta:
        proxy = True


class Review(Post):
    stars = models.PositiveSmallIntegerField(default=3)


class Remark(models.Model):
    # Models without migrations get their tables before those that have some.
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, db_constraint=False)
    object_id = models.PositiveBigIntegerField()
    about = GenericForeignKey()
    text = models.TextField()

    def __str__(self) -> str:
        return self.text[:30]


class Story(models.Model):
    name = models.CharField(max_length=100)
    sequels = models.ManyToManyField("self", symmetrical=False, related_name="prequels", blank=True)
    remarks = GenericRelation(Remark)

    def __str__(self) -> str:
        return self.name


# Deleted by the database itself where Django knows how, from 6.1 on.
DB_CASCADE = getattr(models, "DB_CASCADE", models.CASCADE)


class House(models.Model):
    def __str__(self) -> str:
        return f"House {self.pk}"


class Shelf(models.Model):
    house = models.ForeignKey(House, on_delete=DB_CASCADE)

    def __str__(self) -> str:
        return f"Shelf {self.pk}"


class Book(models.Model):
    shelf = models.ForeignKey(Shelf, on_delete=DB_CASCADE)

    def __str__(self) -> str:
        return f"Book {self.pk}"


class Chapter(models.Model):
    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="chapters")
    text = models.TextField()

    def __str__(self) -> str:
        return self.text[:30]


class Saga(Story):
    """With a key of its own, which is not that of the story."""

    number = models.BigAutoField(primary_key=True)
    story = models.OneToOneField(Story, parent_link=True, on_delete=models.CASCADE)


class Ware(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(max_length=20, unique=True)
    text = models.TextField()

    def __str__(self) -> str:
        return self.code
