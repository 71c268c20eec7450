"""The page of a podcast episode, with the places that its hits link to."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.views.generic import DetailView

from newsindex.highlighting import body_html
from newsindex.paragraphs import from_html
from newsindex.query import parse
from newsindex.searching import mark
from newsroom.models import Episode


class EpisodeView(DetailView):
    """Released episodes only. ``?q=`` marks its words, as on the pages of newsindex."""

    model = Episode
    template_name = "newsroom/episode.html"

    def get_queryset(self) -> QuerySet[Episode]:
        return Episode.objects.filter(withdrawn=False, released_at__lte=timezone.now())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        query = parse(self.request.GET.get("q", ""))
        notes = self.object.notes
        marks = {part.number: mark(part.text, query, "en").spans for part in from_html(notes)}
        return super().get_context_data(notes=body_html(notes, "html", marks), query=query.text, **kwargs)
