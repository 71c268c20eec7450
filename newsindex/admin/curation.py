"""The admin of synonyms and pinned results: what each would find is shown before and after it is saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import DateTimeField, Q, QuerySet
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from newsindex.admin.articles import CalendarDateTime, FilledValuesFilter, within_calendar
from newsindex.conf import conf
from newsindex.curating import NOTHING, Curation, Pin, entries, query_texts
from newsindex.engines.base import EVERYTHING, PUBLIC
from newsindex.exceptions import EngineError
from newsindex.logs import get_logger
from newsindex.models import Article, PinnedResult, Synonym
from newsindex.query import Entry, Thesaurus
from newsindex.query.synonyms import spelling, terms_of
from newsindex.searching import EVERYBODY, Results, allows, search
from newsindex.sources import Source, sources
from newsindex.synonym_rules import Entries, query_troubles

if TYPE_CHECKING:
    AdminBase = admin.ModelAdmin[Any]
    FormBase = forms.ModelForm[Any]
else:
    AdminBase = admin.ModelAdmin
    FormBase = forms.ModelForm

logger = get_logger(__name__)

#: How many words or queries are tried out, and how many titles are shown of each.
TRIED: Final = 8
SHOWN: Final = 5
#: Seconds for each search that is tried out.
TIMEOUT: Final = 2.0
#: The button that shows what would be found, and saves nothing.
PREVIEW: Final = "_preview"


@dataclass(frozen=True)
class Tried:
    """A search that was tried out. total, alone: how many articles it finds, and how many without the entry."""

    text: str
    total: int
    alone: int
    hits: tuple[tuple[str, str, bool], ...]

    @property
    def more(self) -> int:
        """How many articles the entry adds."""
        return self.total - self.alone


@dataclass(frozen=True)
class Preview:
    """What is shown under a form. problem: why nothing could be tried out; remark: what else there is to know."""

    tried: tuple[Tried, ...] = ()
    problem: str = ""
    remark: str = ""


class PreviewForm(FormBase):
    """A form that is shown again, and not saved, where its preview is asked for."""

    def is_valid(self) -> bool:
        return super().is_valid() and PREVIEW not in self.data


class CurationAdmin(AdminBase):
    """Shows the preview under the form, and says after saving what is found now."""

    change_form_template = "admin/newsindex/curation/change_form.html"

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["newsindex/admin.css"]})

    def get_preview(self, request: HttpRequest, row: Any) -> Preview:
        raise NotImplementedError

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        form = context["adminform"].form
        asked = form.is_bound and not form.errors
        row = form.instance if asked else kwargs.get("obj")
        if asked or (row is not None and not form.is_bound):
            context["preview"] = self._previewed(request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        self._say(request, obj)
        return super().response_add(request, obj, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        self._say(request, obj)
        return super().response_change(request, obj)

    def _say(self, request: HttpRequest, row: Any) -> None:
        preview = self._previewed(request, row)
        for tried in preview.tried:
            text = ngettext(
                "“%(query)s” finds %(count)d article now.", "“%(query)s” finds %(count)d articles now.", tried.total
            )
            messages.info(request, text % {"query": tried.text, "count": tried.total}, fail_silently=True)
        for text in filter(None, (preview.problem, preview.remark)):
            messages.warning(request, text, fail_silently=True)

    def _previewed(self, request: HttpRequest, row: Any) -> Preview:
        try:
            return self.get_preview(request, row)
        except EngineError as error:
            logger.warning("newsindex: no preview of %s: %s", row, error)
            return Preview(problem=gettext("Search is not available at the moment."))


class SynonymForm(PreviewForm):
    """Two lists of words, each checked as ``synonym_rules`` says."""

    class Meta:
        model = Synonym
        fields = ("words", "targets", "language")
        widgets = {"words": forms.Textarea({"rows": 3}), "targets": forms.Textarea({"rows": 3})}
        help_texts = {
            "words": _("Separated by commas; each may be several words: “car, automobile, motor vehicle”."),
            "targets": _(
                "Empty: each of the words finds the others as well. Otherwise each of them also finds these, but these "
                "do not find it."
            ),
            "language": _("A code such as “en” or “pt-br”: finds synonyms in texts of this language. Empty: in all."),
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        words, targets = (terms_of(cleaned.get(name) or "") for name in ("words", "targets"))
        cleaned |= {"words": ", ".join(words), "targets": ", ".join(targets)}
        if not self.errors:
            known = Entries(entries(Synonym.objects.exclude(pk=self.instance.pk)))
            for field, message in known.troubles(Entry(words, targets, cleaned["language"])):
                self.add_error(field or None, message)
        return cleaned


class DirectionFilter(admin.SimpleListFilter):
    """One-way or two-way."""

    title = _("direction")
    parameter_name = "ways"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:
        return [("one", _("one way")), ("two", _("two ways"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Synonym]) -> QuerySet[Synonym]:
        if self.value() == "two":
            return queryset.filter(targets="")
        return queryset.exclude(targets="") if self.value() == "one" else queryset


class SynonymAdmin(CurationAdmin):
    """Synonyms, which searches find from the moment they are saved."""

    form = SynonymForm
    list_display = ("words", "direction", "targets", "language", "changed")
    list_filter = (DirectionFilter, ("language", FilledValuesFilter))
    search_fields = ("words", "targets")
    ordering = ("words", "pk")

    @admin.display(description=_("direction"))
    def direction(self, entry: Synonym) -> str:
        return str(_("one way") if entry.targets else _("two ways"))

    def get_preview(self, request: HttpRequest, row: Synonym) -> Preview:
        entry = Entry(terms_of(row.words), terms_of(row.targets), row.language)
        curated = Curation(Thesaurus([entry], conf.LANGUAGE_CODE))
        return Preview(tuple(_tried(request, word, curated) for word in entry.words[:TRIED]))


class PinnedResultForm(PreviewForm):
    """Queries, and an article of any source, named by its key or the address of its page."""

    article = forms.CharField(
        label=_("Article"),
        max_length=500,
        widget=forms.TextInput({"class": "vTextField"}),
        help_text=_("Its key, for example newsindex.article:12, or the address of its page."),
    )

    class Meta:
        model = PinnedResult
        fields = ("queries", "article", "position", "starts", "ends", "language")
        widgets = {"queries": forms.Textarea({"rows": 4})}
        help_texts = {
            "queries": _(
                "A line each. Case, accents and punctuation do not matter, the order and the endings of the words do."
            ),
            "position": _("Of several for one query, the one with the smallest number comes first."),
            "language": _("A code such as “en” or “pt-br”: on pages in this language. Empty: on all."),
        }

    #: Set by the admin: who fills in the form.
    request: HttpRequest

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial.setdefault("article", self.instance.key)

    def clean_queries(self) -> str:
        texts = list(query_texts(self.cleaned_data["queries"]))
        for message in query_troubles(texts):
            self.add_error("queries", message)
        return "\n".join(texts)

    def clean_article(self) -> str:
        text: str = self.cleaned_data["article"].strip()
        label, _colon, pk = _key_of_page(text).partition(":")
        source = sources.get(label.lower())
        if source is None:
            labels = ", ".join(source.label for source in sources)
            message = gettext("“%(text)s” is neither a key nor the address of an article. Keys begin with: %(labels)s.")
            raise forms.ValidationError(message % {"text": text, "labels": labels})
        rows = _seen(self.request, source, [pk])
        if not rows:
            raise forms.ValidationError(gettext("There is no such article."))
        self.instance.source, (self.instance.object_pk,) = source.label, rows
        key: str = self.instance.key
        return key

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            own = {spelling(text) for text in query_texts(cleaned["queries"])}
            same = PinnedResult.objects.filter(
                source=self.instance.source, object_pk=self.instance.object_pk, language=cleaned["language"]
            )
            for other in same.exclude(pk=self.instance.pk):
                for text in query_texts(other.queries):
                    if spelling(text) in own:
                        message = gettext("This article is pinned to “%(query)s” already.")
                        self.add_error("queries", message % {"query": text})
        return cleaned


class MomentFilter(admin.SimpleListFilter):
    """Pinned results that hold now, later or no more."""

    title = _("time")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:
        return [("now", _("now")), ("later", _("later")), ("over", _("over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PinnedResult]) -> QuerySet[PinnedResult]:
        now = timezone.now()
        over, later = Q(ends__lte=now), Q(starts__gt=now)
        if self.value() == "now":
            return queryset.exclude(over).exclude(later)
        return queryset.filter({"over": over, "later": later}.get(self.value() or "", Q()))


class PinnedResultAdmin(CurationAdmin):
    """Pinned results. Whoever may not see an article sees no title of it here either."""

    form = PinnedResultForm
    list_display = ("shown_queries", "article", "position", "starts", "ends", "language")
    list_filter = (MomentFilter, ("language", FilledValuesFilter))
    search_fields = ("queries", "source", "object_pk")
    ordering = ("queries", "position", "pk")
    formfield_overrides = {DateTimeField: {"widget": CalendarDateTime, "validators": [within_calendar]}}
    fieldsets = (
        (None, {"fields": ("queries", "article", "position")}),
        (_("Where and when"), {"fields": ("language", "starts", "ends")}),
    )

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.request = request
        return form

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        titles = _titles(request, (row.key for row in changelist.result_list))
        for row in changelist.result_list:
            row.shown_title = titles.get(row.key, row.key)
        return changelist

    @admin.display(description=_("queries"), ordering="queries")
    def shown_queries(self, row: PinnedResult) -> str:
        return ", ".join(query_texts(row.queries))

    @admin.display(description=_("article"), ordering="object_pk")
    def article(self, row: PinnedResult) -> str:
        return str(getattr(row, "shown_title", row.key))

    def get_preview(self, request: HttpRequest, row: PinnedResult) -> Preview:
        texts = list(query_texts(row.queries))[:TRIED]
        curated = Curation(pins={spelling(text): (Pin(row.key),) for text in texts})
        tried = tuple(_tried(request, text, curated) for text in texts)
        return Preview(tried, remark=_remark(row, tried))


def _tried(request: HttpRequest, text: str, curated: Curation) -> Tried:
    """What ``text`` finds with this entry, and without it, as whoever asks may see it. Raises EngineError."""
    audiences = EVERYTHING if all(_may_see(request, source) for source in sources) else EVERYBODY

    def found(said: Curation, limit: int) -> Results:
        return search(
            text, audiences=audiences, curated=said, limit=limit, paragraphs=0, facets=(), timeline=False,
            relax=False, correct=False, timeout=TIMEOUT,
        )  # fmt: skip

    results = found(curated, SHOWN)
    hits = tuple((one.title.text or one.key, one.key, one.pinned) for one in results[:SHOWN])
    return Tried(text, results.count(), found(NOTHING, 0).count(), hits)


def _remark(row: PinnedResult, tried: Iterable[Tried]) -> str:
    """Why a pinned article is not shown to visitors now, if that is so."""
    now = timezone.now()
    source = sources.get(row.source)
    public = source.load_public([row.object_pk]) if source else {}
    if not source or not any(allows(source, one, audiences={PUBLIC}, now=now) for one in public.values()):
        return gettext("Visitors do not see this article now: it is shown to them as soon as they may see it.")
    if (row.starts and row.starts > now) or (row.ends and row.ends <= now):
        return gettext("It is not pinned at this time.")
    if not any(pinned for one in tried for _title, _key, pinned in one.hits):
        return gettext("This article is not in the search index yet.")
    return ""


def _may_see(request: HttpRequest, source: Source[Any]) -> bool:
    """Whether whoever asks may see every row of ``source``."""
    label, name = source.model._meta.app_label, source.model._meta.model_name
    return any(request.user.has_perm(f"{label}.{may}_{name}") for may in ("view", "change"))


def _titles(request: HttpRequest, keys: Iterable[str]) -> dict[str, str]:
    """The titles of articles, as far as whoever asks may see them."""
    by_label: dict[str, list[str]] = {}
    for key in keys:
        label, _colon, pk = key.partition(":")
        by_label.setdefault(label, []).append(pk)
    titles: dict[str, str] = {}
    for label, pks in by_label.items():
        source = sources.get(label)
        if source is not None:
            for pk, row in _seen(request, source, pks).items():
                titles[f"{label}:{pk}"] = source.title(row) or f"{label}:{pk}"
    return titles


def _seen(request: HttpRequest, source: Source[Any], pks: list[str]) -> dict[str, Any]:
    """The rows of ``source`` that whoever asks may see."""
    if _may_see(request, source):
        return source.load(pks)
    now = timezone.now()
    rows = source.load_public(pks)
    return {pk: row for pk, row in rows.items() if allows(source, row, audiences=EVERYBODY, now=now)}


def _key_of_page(text: str) -> str:
    """The key of the article whose page has the address ``text``, an empty one where there is none.

    ``text`` itself where it is no such address. Whether there is an article is for ``_seen`` to say.
    """
    if "/" not in text:
        return text
    try:
        path = unquote(urlsplit(text).path)
        slug = resolve(path).kwargs.get("slug", "")
        # A site may have a view of its own, which has no name, at the address of the page.
        page = unquote(reverse("newsindex:article_detail", kwargs={"slug": slug}))
    except (Resolver404, NoReverseMatch, ValueError):
        return text
    if page != path:
        return text
    article = Article.objects.filter(slug=slug).first()
    return f"{Article._meta.label_lower}:{'' if article is None else article.pk}"
