"""The public pages: results (HTML, JSON, suggestions, OpenSearch), an article, a tag.

Each view's docstring names the context of its template. When the engine can't answer, the page says so with
status 503 and the reason is in the log; no other page of the site is touched by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from math import ceil
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.functional import cached_property
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView, View

from newsindex.answering import AnswerMixin
from newsindex.deadline import Deadline
from newsindex.engines import named
from newsindex.engines.base import PUBLIC, Span
from newsindex.exceptions import EngineError
from newsindex.forms import Parameters, SearchForm, page_number
from newsindex.highlighting import content_html
from newsindex.logs import get_logger
from newsindex.models import Article, Tag
from newsindex.navigation import active_filters, chart, facet_groups, sort_choices
from newsindex.paragraphs import Paragraph, read
from newsindex.query import Query
from newsindex.searching import (
    EVERYBODY,
    Completion,
    Result,
    Results,
    allows,
    closeness_message,
    correction_message,
    mark,
    more_like,
    note_messages,
    passage,
    search,
    suggest,
    understood,
)
from newsindex.sources import ArticleSource, Source, sources

logger = get_logger(__name__)

#: What a completion is, for the visitor.
KINDS = {"word": "", "tag": _("Tag"), "author": _("Author"), "section": _("Section"), "title": _("Article")}


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """A paginator whose last page is the one at ``max_depth`` results; ``count`` stays exact."""

    def __init__(self, results: Results, per_page: int, max_depth: int) -> None:
        super().__init__(results, per_page)
        self.results = results
        self.max_depth = max_depth

    @cached_property
    def num_pages(self) -> int:
        pages = ceil(self.results.places / self.per_page)
        return max(1, min(pages, self.max_depth // self.per_page))

    def page(self, number: int | str) -> Page[Result]:
        """The page, whole: what may not be shown lowers the count, but takes no place from what may."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        return Page(self.results[first : first + self.per_page], number, self)

    @property
    def is_cut(self) -> bool:
        """Whether there are more results than can be paged through."""
        return int(self.count) > self.num_pages * int(self.per_page)


@dataclass(frozen=True)
class Found:
    """The outcome of a search on a page. page: None where nothing was asked for. notes: for the visitor."""

    parameters: Parameters
    results: Results
    page: Page[Result] | None
    notes: list[str]

    @property
    def total(self) -> int:
        return self.results.count() if self.page is not None else 0


class AudienceMixin:
    """Who is looking. A site with members-only articles overrides ``get_audiences``."""

    def get_audiences(self, request: HttpRequest) -> Collection[str]:
        """The audiences of the visitor: of the articles that are public at all, those are shown that share one."""
        return EVERYBODY


class SearchMixin(AnswerMixin, AudienceMixin):
    """Search for a view: attributes to set, and hooks to override, the outermost last."""

    request: HttpRequest
    #: The alias of the engine; None for the one of NEWSINDEX_ENGINE.
    engine: str | None = None
    form_class: type[SearchForm] = SearchForm
    paginate_by = 10
    #: How many results can be paged through; whoever wants to see more narrows the search.
    max_depth = 1_000
    paragraphs_per_article = 3
    #: Seconds after which an answer may be incomplete.
    timeout: float | None = 5.0
    #: The age at which an article has lost half of the gain that a new one gets; None for no gain.
    recency: timedelta | None = None

    def get_form(self) -> SearchForm:
        return self.form_class(self.request.GET)

    def get_search_kwargs(self, parameters: Parameters) -> dict[str, Any]:
        """The arguments of ``searching.search``; a place to add ``sources`` or fixed filters."""
        return {
            "engine": self.engine,
            "tags": parameters.tags,
            "authors": parameters.authors,
            "sections": parameters.sections,
            "after": parameters.after,
            "before": parameters.before,
            "sort": parameters.sort,
            "follow": not parameters.verbatim,
            "audiences": self.get_audiences(self.request),
            "paragraphs": self.paragraphs_per_article,
            "timeout": self.timeout,
            "recency": self.recency,
        }

    def find(self, form: SearchForm) -> Found:
        """Search for what ``form`` says. Raises EngineError."""
        parameters = form.parameters
        number, page_note = page_number(self.request.GET.get("page"))
        number = min(number, max(1, self.max_depth // self.paginate_by))
        size = 0 if parameters.is_empty else self.paginate_by
        kwargs = {"offset": (number - 1) * size, "limit": size, **self.get_search_kwargs(parameters)}
        results = search(parameters.q, **kwargs)
        page_notes = [note for note in [page_note] if note]
        if results.query.is_empty and not parameters.has_filters:
            return Found(parameters, results, None, form.notes + note_messages(results.notes) + page_notes)
        paginator = BoundedPaginator(results, self.paginate_by, self.max_depth)
        page = paginator.get_page(number)
        # What is to be said of a corrected query is known once it was asked.
        notes = form.notes + note_messages(results.notes) + page_notes
        if results.withheld:
            notes.append(gettext("Many changes wait to be indexed: until then, counts and suggestions are left out."))
        if not page_note and self.request.GET.get("page") and str(page.number) != self.request.GET["page"]:
            notes.append(gettext("There is no such page; this is the last one."))
        if paginator.is_cut and not page.has_next():
            notes.append(
                gettext("Only the first %(count)d results can be paged through. Narrow the search to see others.")
                % {"count": paginator.num_pages * self.paginate_by}
            )
        return Found(parameters, results, page, notes)


class SearchView(SearchMixin, TemplateView):
    """The results page.

    Context, always: ``form`` (SearchForm), ``parameters`` (Parameters), ``query`` (str), ``asked`` (bool: words or
    filters were given), ``unavailable`` (bool), ``notes`` (list of str), ``active_filters`` (tuple of ActiveFilter),
    ``clear_url`` (str: the words without the filters), ``feed_url``, ``json_url`` (str), ``suggest_url`` (str: where
    the search box asks for completions, "" for nowhere).
    Where the engine answered also: ``results`` (Results), ``page_obj`` (Page of Result, or None where nothing was
    asked), ``hits`` (list of Result), ``total`` (int), ``relaxed``, ``partial`` (bool), ``complete``, ``close``
    (int: where ``relaxed``, how many have all words, and how many only some), ``names`` (list of dicts: see
    ``get_names``), ``suggestion``,
    ``suggestion_url`` (str, "" for none), ``corrected`` (bool: nothing was found as asked, and these are the results of
    the suggestion), ``verbatim_url`` (str: the query as it was asked, where corrected),
    ``facets`` (tuple of FacetGroup), ``timeline`` (Chart or None), ``sorts`` (tuple of SortChoice), ``pages`` (list of
    (number or None for a gap, url)), ``previous_url``, ``next_url`` (str), ``explained`` (bool: see ``may_explain``),
    ``explanations`` (dict of keys to Explanation, empty for visitors).
    """

    template_name = "newsindex/search.html"
    http_method_names = ["get", "head"]
    #: Whether the search box offers completions while somebody types.
    suggestions = True
    #: How many tags, authors and sections are offered where no article has all the words as they are typed.
    names_offered = 5

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.get_form()
        try:
            found = self.find(form)
            context = self.get_found_context(found)
        except EngineError:
            logger.exception(
                "newsindex: the search page has no answer from the engine %r.",
                named(self.engine),
                extra={"event": "search.unavailable", "engine": named(self.engine)},
            )
            context = {"unavailable": True, "notes": form.notes, "explained": False}
        response = self.render_to_response(
            self.get_context_data(**self.get_form_context(form), **context, **kwargs),
            status=503 if context["unavailable"] else 200,
        )
        if context["unavailable"] or context.get("explained"):
            add_never_cache_headers(response)
        return response

    def may_explain(self) -> bool:
        """Whether ``?explain=1`` says why each hit is where it is: for staff who may view articles in the admin."""
        if self.request.GET.get("explain") != "1":
            return False
        user = getattr(self.request, "user", None)
        is_staff = getattr(user, "is_active", False) and getattr(user, "is_staff", False)
        return user is not None and is_staff and user.has_perm("newsindex.view_article")

    def get_refusal(self, request: HttpRequest, text: str) -> HttpResponse:
        form = self.get_form()
        context = {**self.get_form_context(form), "unavailable": True, "notes": [text]}
        return self.render_to_response(self.get_context_data(**context))

    def get_form_context(self, form: SearchForm) -> dict[str, Any]:
        """The part of the context that needs no engine."""
        parameters = form.parameters
        return {
            "form": form,
            "parameters": parameters,
            "query": parameters.q,
            "asked": not parameters.is_empty,
            "active_filters": active_filters(parameters),
            "clear_url": Parameters(q=parameters.q, sort=parameters.sort).query_string(),
            "feed_url": self.sibling_url("feed", parameters),
            "json_url": self.sibling_url("search_json", parameters),
            "suggest_url": reverse("newsindex:suggest_json") if self.suggestions else "",
        }

    def get_found_context(self, found: Found) -> dict[str, Any]:
        """The part of the context that comes from the engine. Raises EngineError."""
        results, parameters, page = found.results, found.parameters, found.page
        suggestion = results.suggestion if page is not None else ""
        explained = page is not None and self.may_explain()
        return {
            "unavailable": False,
            "explained": explained,
            "explanations": {hit.key: results.explain(hit.key) for hit in page} if page and explained else {},
            "notes": found.notes,
            "results": results,
            "page_obj": page,
            "hits": list(page) if page is not None else [],
            "total": found.total,
            "relaxed": page is not None and results.relaxed,
            "complete": results.complete if page is not None and results.relaxed else 0,
            "close": found.total - results.complete if page is not None and results.relaxed else 0,
            "partial": results.partial,
            "names": self.get_names(found),
            "suggestion": suggestion,
            "suggestion_url": parameters.query_string(q=suggestion, verbatim=False) if suggestion else "",
            "corrected": bool(suggestion) and results.corrected,
            "verbatim_url": parameters.query_string(verbatim=True) if suggestion and results.corrected else "",
            "facets": facet_groups(results.facets, parameters),
            "timeline": chart(results.timeline, parameters),
            "sorts": sort_choices(parameters),
            **page_links(page, parameters),
        }

    def get_names(self, found: Found) -> list[dict[str, Any]]:
        """Tags, authors and sections that were meant perhaps, where no article has what was typed. Raises EngineError.

        Whoever types just a name looks for its articles; but authors and sections are no words of a text.
        """
        results = found.results
        lacking = not found.total or results.corrected or (results.relaxed and not results.complete)
        if found.page is None or not found.parameters.q or not lacking:
            return []
        offered = suggest(
            found.parameters.q,
            engine=self.engine,
            audiences=self.get_audiences(self.request),
            limit=self.names_offered,
            kinds=("tag", "author", "section"),
            timeout=self.timeout,
        )
        return [
            {"label": KINDS[one.kind], "text": one.text, "url": Parameters(q=one.query).query_string()}
            for one in offered
        ]

    def sibling_url(self, name: str, parameters: Parameters) -> str:
        """The same search as another kind of page."""
        return reverse(f"newsindex:{name}") + parameters.query_string()


class JSONRefusalMixin:
    """Says ``{"error": ...}`` to those who ask too often."""

    def get_refusal(self, request: HttpRequest, text: str) -> HttpResponse:
        return JsonResponse({"error": text})


class SearchJSONView(JSONRefusalMixin, SearchMixin, View):
    """The results as JSON: the same search, the same gate; status 503 and ``{"error": ...}`` without an engine.

    ``published_at`` is ISO 8601 or null, ``suggestion`` a string or null, ``spans`` are pairs of code points, half
    open, in ``text``; ``pages`` counts the pages that can be had.
    """

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> JsonResponse:
        form = self.get_form()
        try:
            return JsonResponse(search_data(self.find(form)))
        except EngineError:
            logger.exception(
                "newsindex: the JSON search has no answer from the engine %r.",
                named(self.engine),
                extra={"event": "search.unavailable", "engine": named(self.engine)},
            )
            return _unavailable_json()


class CompletionMixin(JSONRefusalMixin, SearchMixin):
    """Completions of ``q`` for a view. A space at its end ends its last word."""

    limit = 8
    #: Whoever types, deletes and types again need not ask again.
    cache_control = {"private": True, "max_age": 30}

    def complete(self, request: HttpRequest) -> tuple[str, list[Completion]] | None:
        """What was typed, and its completions; None without an engine, of which the log says why."""
        typed = self.get_form().parameters.q
        if typed and request.GET.get("q", "")[-1:].isspace():
            typed += " "
        try:
            return typed, suggest(
                typed,
                engine=self.engine,
                audiences=self.get_audiences(request),
                limit=self.limit,
                timeout=self.timeout,
            )
        except EngineError:
            logger.exception(
                "newsindex: no suggestions from the engine %r.",
                named(self.engine),
                extra={"event": "search.unavailable", "engine": named(self.engine)},
            )
            return None


class SuggestView(CompletionMixin, View):
    """Completions of ``q`` in the form that browsers take: ``[q, [queries], [kinds], [urls]]``."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> JsonResponse:
        answer = self.complete(request)
        if answer is None:
            return _unavailable_json()
        typed, found = answer
        urls = [request.build_absolute_uri(one.url) if one.url else "" for one in found]
        data = [typed, [one.query for one in found], [one.kind for one in found], urls]
        return JsonResponse(data, safe=False, content_type="application/x-suggestions+json")


class SuggestJSONView(CompletionMixin, View):
    """Completions of ``q`` for a search box: ``{"query", "message", "suggestions"}``.

    Each suggestion has ``text``, ``kind``, ``label`` (the kind, for the visitor, "" for a word), ``query`` (what to
    search for) and ``url`` (the article of a title, "" for none). ``message`` says how many there are.
    """

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> JsonResponse:
        answer = self.complete(request)
        if answer is None:
            return _unavailable_json()
        typed, found = answer
        suggestions = [
            {"text": one.text, "kind": one.kind, "label": str(KINDS[one.kind]), "query": one.query, "url": one.url}
            for one in found
        ]
        message = ngettext("%(count)d suggestion", "%(count)d suggestions", len(found)) % {"count": len(found)}
        return JsonResponse({"query": typed, "message": message, "suggestions": suggestions})


class OpenSearchDescriptionView(TemplateView):
    """What a browser needs to offer the site's search in its own search box.

    Context: ``short_name`` (str), ``search_url``, ``suggest_url`` (str, absolute).
    """

    template_name = "newsindex/opensearch.xml"
    content_type = "application/opensearchdescription+xml"
    http_method_names = ["get", "head"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            # The format allows 16 characters.
            short_name=self.request.get_host()[:16],
            search_url=self.request.build_absolute_uri(reverse("newsindex:search")),
            suggest_url=self.request.build_absolute_uri(reverse("newsindex:suggest")),
            **kwargs,
        )


class LikeView(SearchMixin, TemplateView):
    """Articles like a paragraph of an article; 404 where the visitor may not see it or it has none of this number.

    Context: ``source`` (Result: the article), ``passage`` (ResultParagraph), ``unavailable`` (bool), ``hits`` (list of
    Result). Without an engine, ``source`` and ``passage`` are missing, and the status is 503.
    """

    template_name = "newsindex/like.html"
    http_method_names = ["get", "head"]
    paragraphs_per_article = 1

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            context = self.get_like_context(kwargs["key"], kwargs["number"])
        except EngineError:
            logger.exception(
                "newsindex: the page of similar passages has no answer from the engine %r.",
                named(self.engine),
                extra={"event": "search.unavailable", "engine": named(self.engine)},
            )
            response = self.render_to_response(self.get_context_data(unavailable=True, hits=[]), status=503)
            add_never_cache_headers(response)
            return response
        return self.render_to_response(self.get_context_data(unavailable=False, **context))

    def get_like_context(self, key: str, number: int) -> dict[str, Any]:
        """What the page shows. Raises EngineError, Http404."""
        who: dict[str, Any] = {"engine": self.engine, "audiences": self.get_audiences(self.request)}
        who["now"] = timezone.localtime()
        found = passage(key, number, **who)
        if found is None:
            raise Http404(gettext("There is no such paragraph."))
        source, own = found
        hits = more_like(
            source.object,
            paragraph=number,
            limit=self.paginate_by,
            paragraphs=self.paragraphs_per_article,
            timeout=self.timeout,
            **who,
        )
        return {"source": source, "passage": own, "hits": hits}


class ArticleDetailView(AudienceMixin, TemplateView):
    """An article, with the words of ``?q=`` marked. 404 for what the visitor may not see.

    Somebody with the permission ``newsindex.view_article`` sees every article, with a notice where the public doesn't.
    Context: ``article`` (Article), ``title``, ``summary`` (Marked), ``body`` (safe HTML), ``tags`` (list of Tag),
    ``is_preview`` (bool: the public doesn't see it), ``query`` (str), ``passages`` (list of Paragraph that have a
    word of the query), ``clear_url`` (str: the page without marks), ``search_url`` (str: back to the results).
    """

    template_name = "newsindex/article_detail.html"
    http_method_names = ["get", "head"]
    #: Seconds after which the rest of a long article is shown without marks; None for no limit.
    timeout: float | None = 2.0

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        article, is_preview = self.get_article(kwargs["slug"])
        response = self.render_to_response(self.get_context_data(article=article, is_preview=is_preview))
        if is_preview:
            add_never_cache_headers(response)
        return response

    def get_article(self, slug: str) -> tuple[Article, bool]:
        """The article and whether it is a preview; Http404."""
        rows = Article.objects.filter(slug=_slug(slug))
        for article in _shown(rows.public(), self.get_audiences(self.request)):
            return article, False
        # Asked only now, so that the page of a public article does not depend on who is signed in.
        user = getattr(self.request, "user", None)
        if user is not None and any(user.has_perm(f"newsindex.{may}_article") for may in ("view", "change")):
            for article in rows:
                return article, True
        raise Http404(gettext("There is no such article."))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        article: Article = kwargs["article"]
        parameters = SearchForm(self.request.GET).parameters
        query = understood(parameters.q)
        language = article.language_code
        content = read(article.body, article.body_format)  # type: ignore[arg-type]
        marks = _marks(content.paragraphs, query, language, Deadline(self.timeout))
        passages = [paragraph for paragraph in content.paragraphs if marks.get(paragraph.number)]
        return super().get_context_data(
            title=mark(article.title, query, language, place="title"),
            summary=mark(article.summary, query, language, place="summary"),
            body=content_html(content, marks),
            tags=list(article.tags.all()),
            query=parameters.q if query.words else "",
            passages=passages,
            clear_url=article.get_absolute_url(),
            search_url=reverse("newsindex:search") + Parameters(q=parameters.q).query_string(),
            **kwargs,
        )


class TagDetailView(AudienceMixin, TemplateView):
    """The public articles of a tag, the newest first; 404 for a tag that no public article has.

    Context: ``tag`` (Tag), ``page_obj`` (Page of Article), ``articles`` (list of Article), ``total`` (int), ``pages``,
    ``previous_url``, ``next_url`` (as on the results page), ``search_url`` (str: a search within the tag).
    """

    template_name = "newsindex/tag_detail.html"
    http_method_names = ["get", "head"]
    paginate_by = 20

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        slug = _slug(kwargs["slug"])
        tag = Tag.objects.filter(slug=slug).first()
        if tag is None:
            raise Http404(gettext("There is no such tag."))
        rows = Article.objects.public().filter(tags=tag).prefetch_related("tags")  # type: ignore[misc]  # taggit's manager is untyped
        articles = _shown(rows, self.get_audiences(self.request))
        page = Paginator(articles, self.paginate_by).get_page(self.request.GET.get("page"))
        if not page.paginator.count:
            raise Http404(gettext("There is no such tag."))
        return super().get_context_data(
            tag=tag,
            page_obj=page,
            articles=list(page),
            total=page.paginator.count,
            search_url=reverse("newsindex:search") + Parameters(tags=(tag.name,)).query_string(),
            **page_links(page, Parameters()),
            **kwargs,
        )


def page_links(page: Page[Any] | None, parameters: Parameters) -> dict[str, Any]:
    """``pages`` (number, or None for a gap, with its query string), ``previous_url`` and ``next_url``."""
    if page is None or not page.has_other_pages():
        return {"pages": [], "previous_url": "", "next_url": ""}
    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)
    return {
        "pages": [
            (number, parameters.query_string(page=number)) if isinstance(number, int) else (None, "")
            for number in numbers
        ],
        "previous_url": parameters.query_string(page=page.number - 1) if page.has_previous() else "",
        "next_url": parameters.query_string(page=page.number + 1) if page.has_next() else "",
    }


def search_data(found: Found) -> dict[str, Any]:
    """What the JSON view answers. Raises EngineError."""
    results, page = found.results, found.page
    notes = list(found.notes)
    hits = [_hit_data(hit) for hit in page] if page is not None else []
    if page is not None and results.relaxed:
        notes.insert(0, closeness_message(results))
    if page is not None and results.corrected:
        notes.insert(0, correction_message(results))
    return {
        "query": found.parameters.q,
        "total": found.total,
        "relaxed": page is not None and results.relaxed,
        "complete": results.complete if page is not None else 0,
        "page": page.number if page is not None else 1,
        "pages": page.paginator.num_pages if page is not None else 0,
        "partial": results.partial,
        "withheld": results.withheld,
        "took_ms": round(results.took * 1000, 1),
        "notes": notes,
        "suggestion": results.suggestion or None,
        "corrected": page is not None and results.corrected,
        "synonyms": results.synonyms if page is not None else (),
        "hits": hits,
        "facets": {
            name: [{"value": one.value, "count": one.count} for one in counts]
            for name, counts in results.facets.items()
        },
        "timeline": [{"month": one.month, "count": one.count} for one in results.timeline],
    }


def _hit_data(hit: Result) -> dict[str, Any]:
    return {
        "key": hit.key,
        "title": {"text": hit.title.text, "spans": hit.title.spans},
        "url": hit.url,
        "score": hit.score,
        "pinned": hit.pinned,
        "published_at": hit.published_at.isoformat() if hit.published_at else None,
        "tags": hit.tags,
        "matched_paragraphs": hit.matched_paragraphs,
        "paragraphs": [
            {
                "number": paragraph.number,
                "anchor": paragraph.anchor,
                "url": paragraph.url,
                "like_url": reverse("newsindex:like", args=[hit.key, paragraph.number]),
                "score": paragraph.score,
                "text": paragraph.marked.text,
                "spans": paragraph.marked.spans,
            }
            for paragraph in hit.paragraphs
        ],
    }


def _unavailable_json() -> JsonResponse:
    response = JsonResponse({"error": gettext("Search is not available at the moment.")}, status=503)
    add_never_cache_headers(response)
    return response


def _slug(text: str) -> str:
    """A slug as it stands in the address; Http404 for what no database column can hold."""
    if "\x00" in text:
        raise Http404(gettext("There is no such page."))
    return text


def _shown(rows: QuerySet[Article], audiences: Collection[str]) -> QuerySet[Article] | list[Article]:
    """Public articles without those for other audiences."""
    source = sources.for_model(Article)
    if source is None:
        return rows
    rows = source.public(rows)
    kind = type(source)
    same_dates = kind.published_at is ArticleSource.published_at and kind.expires_at is ArticleSource.expires_at
    # Where a site's source says none of these otherwise, the query for public articles has said it all.
    if kind.audiences is Source.audiences and same_dates and PUBLIC in audiences:
        return rows
    now = timezone.now()
    return [row for row in rows if allows(source, row, audiences=audiences, now=now)]


def _marks(body: Iterable[Paragraph], query: Query, language: str, deadline: Deadline) -> dict[int, tuple[Span, ...]]:
    """The places of the words of ``query`` in the paragraphs, by their numbers, as far as there is time."""
    if not query.words:
        return {}
    in_time = takewhile(lambda _paragraph: not deadline.passed, body)
    return {paragraph.number: mark(paragraph.text, query, language).spans for paragraph in in_time}
