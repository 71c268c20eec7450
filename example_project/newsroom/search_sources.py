"""How podcast episodes are searched; newsindex finds this file as Django's admin finds admin.py."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from newsindex.paragraphs import Paragraph
from newsindex.sources import Source, register
from newsroom.models import Episode


@register(Episode)
class EpisodeSource(Source[Episode]):
    follow = ("topics",)
    mark_parameter = "q"

    def title(self, episode: Episode) -> str:
        return episode.name

    def paragraphs(self, episode: Episode) -> tuple[Paragraph, ...]:
        return self.from_html(episode.notes)

    def tags(self, episode: Episode) -> Iterable[object]:
        return episode.topics.all()

    def authors(self, episode: Episode) -> list[str]:
        return [episode.host]

    def section(self, episode: Episode) -> str:
        return "Podcast"

    def published_at(self, episode: Episode) -> datetime:
        return episode.released_at

    def queryset(self) -> QuerySet[Episode]:
        return super().queryset().prefetch_related("topics")

    def public(self, queryset: QuerySet[Episode]) -> QuerySet[Episode]:
        return queryset.filter(withdrawn=False)
