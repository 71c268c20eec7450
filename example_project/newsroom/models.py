"""A podcast: the newsroom's own model, which knows nothing of newsindex."""

from django.db import models
from django.urls import reverse


class Topic(models.Model):
    name = models.CharField(max_length=100, unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Episode(models.Model):
    """An episode with show notes in HTML. It is heard from ``released_at`` on, unless it is withdrawn."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(unique=True)
    host = models.CharField(max_length=100)
    notes = models.TextField(help_text="HTML.")
    topics = models.ManyToManyField(Topic, blank=True, related_name="episodes")
    released_at = models.DateTimeField()
    withdrawn = models.BooleanField(default=False)

    class Meta:
        ordering = ("-released_at",)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("episode", kwargs={"slug": self.slug})
