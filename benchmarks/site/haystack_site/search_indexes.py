"""What Haystack takes of an article."""

from __future__ import annotations

from datetime import datetime

from haystack import indexes

from benchmarks.site.haystack_site.models import Story


class StoryIndex(indexes.SearchIndex, indexes.Indexable):
    """The title and the body as the document, and what filters and sorts."""

    text = indexes.CharField(document=True)
    title = indexes.CharField(model_attr="title")
    day = indexes.DateTimeField(model_attr="day")
    section = indexes.CharField(model_attr="section", indexed=False)
    tags = indexes.MultiValueField()

    def get_model(self) -> type[Story]:
        return Story

    def index_queryset(self, using: str | None = None) -> object:
        return Story.objects.prefetch_related("labels")

    def prepare_text(self, story: Story) -> str:
        return f"{story.title}\n\n{story.body}"

    def prepare_day(self, story: Story) -> datetime:
        # Whoosh knows no time zones.
        return story.day.replace(tzinfo=None)

    def prepare_tags(self, story: Story) -> list[str]:
        return [label.name for label in story.labels.all()]
