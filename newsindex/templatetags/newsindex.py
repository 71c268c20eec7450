"""Template tags for a site's own templates: a search box, highlighting, related articles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.db.models import Model
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.timezone import get_current_timezone

from newsindex import highlighting, navigation, searching
from newsindex.engines.base import Marked
from newsindex.engines.counting import local
from newsindex.exceptions import EngineError
from newsindex.forms import Parameters
from newsindex.logs import get_logger

logger = get_logger(__name__)
register = template.Library()

#: Seconds that a page gives to its related articles.
RELATED_TIMEOUT = 1.0


@register.inclusion_tag("newsindex/includes/search_box.html", takes_context=True)
def search_form(context: template.Context, field_id: str = "newsindex-box", suggestions: bool = True) -> dict[str, Any]:
    """A small search form for a site's header: ``{% search_form %}``. field_id: the HTML id of its field.

    The words just searched for stand in it. suggestions: False for none while typing.
    """
    suggest_url = reverse("newsindex:suggest_json") if suggestions else ""
    return {"query": context.get("query", ""), "field_id": field_id, "suggest_url": suggest_url}


@register.inclusion_tag("newsindex/includes/search_media.html")
def search_media(suggestions: bool = True) -> dict[str, Any]:
    """The style sheet and the script of ``{% search_form %}``, for the head of a page: ``{% search_media %}``."""
    return {"suggestions": suggestions}


@register.filter
def highlight(marked: Marked | str) -> SafeString:
    """``{{ result.title|highlight }}``: the text, escaped, with ``<mark>`` around its spans."""
    return highlighting.highlight(marked)


@register.filter
def excerpt(marked: Marked) -> Marked:
    """``{{ paragraph.marked|excerpt|highlight }}``: a long text cut down to the piece with the marks."""
    return highlighting.excerpt(marked)


@register.inclusion_tag("newsindex/includes/day.html")
def day_of(moment: datetime) -> dict[str, Any]:
    """``{% day_of article.published_at %}``: the day as a ``<time>``, on the clocks of the site.

    Unlike the filter ``date`` it takes every moment: one that would leave the calendar there is shown as it is.
    """
    there = local(moment, get_current_timezone())
    return {"moment": there.isoformat(), "day": there.date()}


@register.simple_tag(takes_context=True)
def narrow_url(context: template.Context, facet: str, value: str) -> str:
    """``{% narrow_url "tag" name %}``: the address of a search, narrowed to a tag, author or section.

    On a results page it is a query string, so that it stays on that page and keeps what is asked for already.
    """
    parameters = context.get("parameters")
    if parameters:
        return navigation.narrow_url(parameters, facet, value)
    return reverse("newsindex:search") + navigation.narrow_url(Parameters(), facet, value)


@register.simple_tag
def related_articles(article: Model, limit: int = 5) -> list[searching.Result]:
    """``{% related_articles article as more %}``: public articles on the same matters; empty when search is down."""
    try:
        return searching.related(article, limit=limit, timeout=RELATED_TIMEOUT)
    except EngineError as error:
        logger.warning("newsindex: no related articles: %s", error)
        return []
