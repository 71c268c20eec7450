"""The Atom feed of a search: what is new for a query, for a feed reader."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from django.contrib.syndication.views import Feed
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import reverse
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.translation import gettext

from newsindex.answering import asked_too_often, wait_text
from newsindex.engines import named
from newsindex.exceptions import EngineError
from newsindex.forms import Parameters, SearchForm
from newsindex.logs import get_logger
from newsindex.searching import EVERYBODY, Result, search

logger = get_logger(__name__)


class SearchFeed(Feed):  # type: ignore[type-arg]
    """The newest articles for the parameters of the results page; without any, the newest articles of all."""

    feed_type = Atom1Feed
    #: The alias of the engine; None for the one of NEWSINDEX_ENGINE.
    engine: str | None = None
    #: How many articles it holds.
    limit = 20
    #: The directives of Cache-Control, as Django's ``patch_cache_control`` takes them.
    cache_control: ClassVar[dict[str, Any]] = {"private": True, "no_cache": True}

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        wait = self.get_wait(request)
        if wait > 0:
            refusal = HttpResponse(wait_text(wait), content_type="text/plain; charset=utf-8")
            return asked_too_often(refusal, wait)
        try:
            response = super().__call__(request, *args, **kwargs)
            patch_cache_control(response, **self.cache_control)
            return response
        except EngineError:
            logger.exception(
                "newsindex: the feed has no answer from the engine %r.",
                named(self.engine),
                extra={"event": "search.unavailable", "engine": named(self.engine)},
            )
            text = gettext("Search is not available at the moment.")
            response = HttpResponse(text, status=503, content_type="text/plain; charset=utf-8")
            add_never_cache_headers(response)
            return response

    def get_wait(self, request: HttpRequest) -> float:
        """The seconds for which whoever asks has to wait; 0 answers."""
        return 0

    def get_audiences(self, request: HttpRequest) -> Collection[str]:
        """Whose feed it is. Feed readers are not signed in: everybody's, unless overridden."""
        return EVERYBODY

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> tuple[Parameters, list[Result]]:
        """What is asked for, and its newest articles. Raises EngineError."""
        parameters = replace(SearchForm(request.GET).parameters, sort="newest")
        results = search(
            parameters.q,
            engine=self.engine,
            tags=parameters.tags,
            authors=parameters.authors,
            sections=parameters.sections,
            after=parameters.after,
            before=parameters.before,
            sort="newest",
            audiences=self.get_audiences(request),
            limit=self.limit,
            paragraphs=1,
            facets=(),
            timeline=False,
            relax=False,
            correct=False,
            pins=False,
        )
        return parameters, results[: self.limit]

    def title(self, obj: tuple[Parameters, list[Result]]) -> str:
        query = _fit_for_xml(obj[0].q)
        return gettext("Search: %(query)s") % {"query": query} if query else gettext("Newest articles")

    def link(self, obj: tuple[Parameters, list[Result]]) -> str:
        return reverse("newsindex:search") + obj[0].query_string()

    def feed_url(self, obj: tuple[Parameters, list[Result]]) -> str:
        return reverse("newsindex:feed") + obj[0].query_string()

    def items(self, obj: tuple[Parameters, list[Result]]) -> list[Result]:
        return [result for result in obj[1] if result.url]

    def item_title(self, item: Result) -> str:
        return _fit_for_xml(item.title.text)

    def item_description(self, item: Result) -> str:
        """HTML, as the format has it: the summary, or the paragraph that matches best."""
        best = item.paragraphs[0].marked.text if item.paragraphs else ""
        return escape(_fit_for_xml(item.summary.text or best))

    def item_link(self, item: Result) -> str:
        return item.source.url(item.object)

    def item_guid(self, item: Result) -> str:
        return f"urn:newsindex:{quote(item.key, safe=':.-_')}"

    def item_pubdate(self, item: Result) -> datetime | None:
        return item.published_at

    def item_updateddate(self, item: Result) -> datetime | None:
        return item.published_at

    def item_author_name(self, item: Result) -> str | None:
        return _fit_for_xml(", ".join(item.authors)) or None

    def item_categories(self, item: Result) -> tuple[str, ...]:
        return tuple(_fit_for_xml(tag) for tag in item.tags)


def _fit_for_xml(text: str) -> str:
    """``text`` without the characters that XML has no way to write."""
    return "".join(char for char in text if char in "\t\n\r" or char >= " " and not _is_no_character(char))


def _is_no_character(char: str) -> bool:
    return "\ud800" <= char <= "\udfff" or char in "\ufffe\uffff"
