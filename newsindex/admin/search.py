"""SearchAdminMixin: full-text search in the change list of any model that has a source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR, ChangeList, ChangeListSearchForm
from django.core import checks
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Model, QuerySet
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from newsindex.engines.base import EVERYTHING, ArticleHit
from newsindex.exceptions import EngineError
from newsindex.explaining import shown
from newsindex.highlighting import excerpt, highlight, with_link
from newsindex.logs import get_logger
from newsindex.query import parse, unparse
from newsindex.query.nodes import alternatives, leaves, relaxed
from newsindex.searching import MATCHING_LIMIT, Matches, explain, hits_for, matched, matching_keys, note_messages
from newsindex.sources import Source, sources

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[Any]
else:
    BaseAdmin = object

logger = get_logger(__name__)

#: The name of the column that shows where a row was found.
COLUMN: Final = "matching_paragraph"
#: How many words of a query Django's own search is asked for: each is a condition on every text column.
FALLBACK_WORDS: Final = 10
#: ``search_fields`` of an admin that names none: the text fields of its model, or else its key.
ANY_TEXT: Final = ("pk",)

HELP_TEXT: Final = _(
    "All words are wanted, in any inflection. Also: “exact phrase”, -without, this OR that, begin*, about~, "
    "title:word, tag:name, author:name, section:name, after:2024-11-01, before:2025."
)


class AdminSearch:
    """What one request searches for: asked once, however often Django wants the rows of it.

    A change list asks for its rows again for each list filter that shows counts, and for its actions.
    """

    def __init__(self, source: Source[Any], text: str, *, engine: str | None, limit: int, typing: bool) -> None:
        self.source = source
        self.text = text
        self.engine = engine
        self.limit = limit
        self.typing = typing
        self.error: EngineError | None = None
        self.hits: dict[str, ArticleHit] = {}

    @cached_property
    def matches(self) -> Matches | None:
        """Which rows match, drafts too; None where the engine can't say."""
        try:
            return matching_keys(
                self.text,
                self.source.model,
                engine=self.engine,
                audiences=EVERYTHING,
                limit=self.limit,
                typing=self.typing,
                correct=not self.typing,
            )
        except EngineError as error:
            self._failed(error)
            return None

    def instead(self, rows: QuerySet[Any]) -> tuple[str, str]:
        """Another query that finds some of ``rows``, and what to say of it with a link in it; "" for none.

        What the index knows of is more than somebody may see here: nothing of what is not among ``rows`` is offered.
        """
        if self.matches is None or self.typing:
            return "", ""
        tree = self.matches.query.tree
        offers = [(self.matches.suggestion, gettext("Did you mean %(link)s?"))]
        if not self.matches.total and alternatives(tree):
            offers.append((unparse(relaxed(tree)), gettext("No row has all of these words. Search for any: %(link)s")))
        for text, said in offers:
            if text and self._finds(text, rows):
                return text, said
        return "", ""

    def _finds(self, text: str, rows: QuerySet[Any]) -> bool:
        try:
            found = matching_keys(text, self.source.model, engine=self.engine, audiences=EVERYTHING, limit=self.limit)
        except EngineError as error:
            self._failed(error)
            return False
        return matched(rows, found).exists()

    def locate(self, rows: Sequence[Model]) -> None:
        """Ask where each of ``rows`` matches, all in one call."""
        if self.matches is None:
            return
        keys = [self.source.key(row) for row in rows]
        try:
            self.hits = hits_for(keys, self.text, engine=self.engine, audiences=EVERYTHING, typing=self.typing)
        except EngineError as error:
            self._failed(error)

    def _failed(self, error: EngineError) -> None:
        logger.error("The admin of %s can't search: %s", self.source.label, error)
        self.error = error

    def found_in(self, row: Model) -> SafeString | str | None:
        """The best matching paragraph of ``row``, marked; its title, summary or tags where these match."""
        hit = self.hits.get(self.source.key(row))
        if hit is None:
            return None
        if hit.paragraphs:
            return highlight(excerpt(hit.paragraphs[0].marked))
        for marked in (hit.title, hit.summary):
            if marked.spans:
                return highlight(excerpt(marked))
        return ", ".join(hit.tags) or None


class SearchChangeList(ChangeList):
    """A change list whose columns claim no order while the rows stand in order of relevance."""

    def get_ordering_field_columns(self) -> dict[int, Literal["desc", "asc"]]:
        if self.query and not self.params.get(ORDER_VAR):
            return {}
        return super().get_ordering_field_columns()


class SearchAdminMixin(BaseAdmin):
    """Full-text search for a ModelAdmin: ``class PostAdmin(SearchAdminMixin, admin.ModelAdmin)``.

    The model needs a source. Search goes through ``get_search_results`` alone, so filters, sorting, counts, paging,
    facets, actions and autocomplete fields stay Django's. Everything in the index is searched, drafts too: who sees
    the list is decided by Django's permissions and by ``get_queryset``. A changed ``get_changelist`` should return a
    child of ``SearchChangeList``.
    """

    #: The alias of the engine to ask; None for the one of NEWSINDEX_ENGINE.
    search_engine: ClassVar[str | None] = None
    #: How many rows a search finds at most, the best ones.
    search_limit: ClassVar[int] = MATCHING_LIMIT
    search_help_text = HELP_TEXT
    #: Asked for by Django's checks of ``autocomplete_fields``; see ``get_search_fields``.
    search_fields = ANY_TEXT

    @property
    def media(self) -> Media:
        # A property, since a ModelAdmin with a Media class of its own would hide one that it inherits.
        return super().media + Media(css={"all": ["newsindex/admin.css"]})

    @admin.display(description=_("found in"))
    def matching_paragraph(self, obj: Model) -> str | None:
        """The name to place the column in ``list_display``; it stands at the end otherwise, and only in a search."""
        return None

    def get_search_fields(self, request: HttpRequest) -> list[str] | tuple[str, ...]:
        """The admin's own, or the text fields of the model: what is searched while the engine can't answer."""
        texts = [
            field.name
            for field in self.opts.concrete_fields
            if isinstance(field, models.CharField | models.TextField) and not field.choices
        ]
        # Never empty: without any, Django draws no search box.
        own = tuple(super().get_search_fields(request))
        return texts or ANY_TEXT if own in ((), ANY_TEXT) else own

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows that match, in order of relevance unless a column was chosen for sorting."""
        search = self._search(request, search_term)
        if search is None:
            return super().get_search_results(request, queryset, search_term)
        if search.matches is None:
            return super().get_search_results(request, queryset, _plain_words(search_term))
        chosen = queryset.query.order_by if request.GET.get(ORDER_VAR) else None
        rows = matched(queryset, search.matches)
        return (rows if chosen is None else rows.order_by(*chosen)), False

    def get_list_display(self, request: HttpRequest) -> list[str | Callable[[Any], Any]]:
        """With the column of the matching paragraph while something is searched for, else without."""
        columns = list(super().get_list_display(request))
        search = self._search(request, _asked(request))
        if search is None:
            return [column for column in columns if column != COLUMN]
        place = _column(search, self._why_url)
        if COLUMN not in columns:
            return [*columns, place]
        return [place if column == COLUMN else column for column in columns]

    def get_urls(self) -> list[URLPattern]:
        """With the page that says why a row stands where it does."""
        place = path(
            "<path:object_id>/explain/", self.admin_site.admin_view(self.explain_view), name=f"{self._named}_explain"
        )
        return [place, *super().get_urls()]

    def explain_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Where the score of a row comes from in a search for ``?q=``: for whoever may see the row in the admin."""
        obj = self.get_object(request, unquote(object_id))
        source = sources.for_model(self.model)
        if obj is None or source is None:
            raise Http404(gettext("There is no such page."))
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        query = _asked(request)
        why, error = None, ""
        try:
            found = explain(query, source.key(obj), engine=self.search_engine, audiences=EVERYTHING)
            why = shown(found) if found else None
        except EngineError as problem:
            logger.error("The admin of %s can't explain: %s", source.label, problem)
            error = str(problem)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Why here?"),
            "opts": self.opts,
            "object": obj,
            "query": query,
            "why": why,
            "error": error,
        }
        request.current_app = self.admin_site.name
        response = TemplateResponse(request, "admin/newsindex/explain.html", context)
        add_never_cache_headers(response)
        return response

    @property
    def _named(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def _why_url(self, obj: Model, text: str) -> str:
        address = reverse(f"{self.admin_site.name}:{self._named}_explain", args=[quote(obj.pk)])
        return f"{address}?{urlencode({SEARCH_VAR: text})}"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SearchChangeList

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        search = self._search(request, changelist.query)
        if search is None:
            return changelist
        search.locate(list(changelist.result_list))
        # What is posted ends in a redirect, where each message would be said again.
        for message in _remarks(search) if request.method == "GET" else ():
            self.message_user(request, message, messages.WARNING, fail_silently=True)
        text, said = search.instead(changelist.root_queryset) if request.method == "GET" else ("", "")
        if text:
            url = changelist.get_query_string({SEARCH_VAR: text, PAGE_VAR: None})
            self.message_user(request, with_link(said, url, text), messages.INFO, fail_silently=True)
        return changelist

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        found: list[checks.CheckMessage] = super().check(**kwargs)
        if sources.for_model(self.model) is None:
            found.append(
                checks.Error(
                    f"{type(self).__name__} searches {self.opts.label}, which has no source.",
                    hint=(
                        f"Register one in search_sources.py with @newsindex.sources.register({self.model.__name__}), "
                        "or take SearchAdminMixin out."
                    ),
                    obj=type(self),
                    id="newsindex.E009",
                )
            )
        return found

    def _search(self, request: HttpRequest, text: str) -> AdminSearch | None:
        """The search of this request for ``text``; None where there is nothing to search, or nothing for."""
        source = sources.for_model(self.model)
        if source is None or not text.strip():
            return None
        # On the request, not on the admin: one admin serves all requests of the process at once.
        known: dict[tuple[str, str], AdminSearch] = request.__dict__.setdefault("_newsindex_searches", {})
        place = (source.label, text)
        if place not in known:
            known[place] = AdminSearch(
                source,
                text,
                engine=self.search_engine,
                limit=self.search_limit,
                typing=_is_autocomplete(request),
            )
        return known[place]


def _asked(request: HttpRequest) -> str:
    """What the change list takes from the request as the text to search for."""
    form = ChangeListSearchForm(request.GET)
    form.is_valid()
    return str(form.cleaned_data.get(SEARCH_VAR) or "")


def _is_autocomplete(request: HttpRequest) -> bool:
    return request.resolver_match is not None and request.resolver_match.url_name == "autocomplete"


def _column(search: AdminSearch, why: Callable[[Model, str], str]) -> Callable[[Model], Any]:
    @admin.display(description=_("found in"))
    def matching_paragraph(obj: Model) -> SafeString | str | None:
        found = search.found_in(obj)
        if found is None:
            return None
        return render_to_string("admin/newsindex/found_in.html", {"found": found, "url": why(obj, search.text)})

    return matching_paragraph


def _plain_words(text: str) -> str:
    """The words of a query, for a search that knows no operators: few enough for any database."""
    query = parse(text)
    words = " ".join(leaf.text for leaf in leaves(query.tree)) or query.text
    return " ".join(words.replace('"', " ").replace("'", " ").split()[:FALLBACK_WORDS])


def _remarks(search: AdminSearch) -> list[str]:
    """What to tell about a search: what was ignored, cut or couldn't be asked."""
    if search.matches is None:
        text = gettext(
            "The search index can’t be asked now (%(reason)s). These are the rows in which the words stand literally."
        )
        return [text % {"reason": search.error}]
    remarks = note_messages(search.matches.query.notes)
    if search.matches.capped:
        text = gettext("%(total)d rows match; these are the best %(shown)d. Add a word to narrow it down.")
        remarks.append(text % {"total": search.matches.total, "shown": len(search.matches.pks)})
    if search.error is not None:
        text = gettext("The search index can’t say where these rows match (%(reason)s).")
        remarks.append(text % {"reason": search.error})
    return remarks
