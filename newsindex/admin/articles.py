"""The admin of articles: search, filters, what a visitor sees of each, publish and unpublish."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, date, datetime, time
from datetime import timezone as fixed
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from newsindex.admin.search import SearchAdminMixin
from newsindex.engines.counting import local
from newsindex.models import Article, Tag, TaggedArticle

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[Article]
else:
    BaseAdmin = admin.ModelAdmin

#: How many articles an action loads at a time.
BATCH: Final = 200
#: Between these a moment has a date in every time zone.
EARLIEST: Final = datetime(MINYEAR + 1, 1, 1, tzinfo=fixed.utc)
LATEST: Final = datetime(MAXYEAR, 1, 1, tzinfo=fixed.utc)
#: What to say of the widgets of these fields.
SIZES: Final = {"summary": {"rows": 3}, "body": {"rows": 20}, "tags": {"class": "vTextField"}}
#: In Django's own form of a change message, which it translates when it is shown.
STATUS_CHANGED: Final = [{"changed": {"fields": ["Status"]}}]


class TagFilter(admin.SimpleListFilter):
    """Articles with one tag; offers the most used ones, since a newsroom soon has thousands."""

    title = _("tag")
    parameter_name = "tag"
    offered = 20

    def value(self) -> str | None:
        slug = super().value()
        # No slug has a NUL, and some databases refuse to be asked for one.
        return None if slug is None or "\x00" in slug else slug

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        used = Tag.objects.annotate(uses=Count("tagged_articles")).filter(uses__gt=0)
        found = list(used.order_by("-uses", "name").values_list("slug", "name")[: self.offered])
        chosen = self.value()
        if chosen is not None and chosen not in dict(found):
            found += Tag.objects.filter(slug=chosen).values_list("slug", "name")
        return found

    def queryset(self, request: HttpRequest, queryset: QuerySet[Article]) -> QuerySet[Article]:
        slug = self.value()
        if slug is None:
            return queryset
        # A subquery, not a join: no row twice, so no DISTINCT.
        return queryset.filter(pk__in=_articles_tagged(slug))

    def get_facet_counts(self, pk_attname: str, filtered_qs: QuerySet[Any]) -> dict[str, Count]:
        """Counts that ask for the tag alone; Django's own would repeat the whole search for each tag."""
        return {
            f"{number}__c": Count(pk_attname, filter=Q(pk__in=_articles_tagged(slug)))
            for number, (slug, _name) in enumerate(self.lookup_choices)
        }


class FilledValuesFilter(admin.AllValuesFieldListFilter):
    """The values of a column that are in use, the empty one left out."""

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(field, *args, **kwargs)
        # No value has a NUL, and some databases refuse to be asked for one.
        if "\x00" in "".join(self.lookup_val or ()):
            self.lookup_val = None
            self.used_parameters.pop(self.lookup_kwarg, None)
        self.lookup_choices = self.lookup_choices.exclude(**{field.name: ""})

    def has_output(self) -> bool:
        # One that was asked for must not vanish: Django would ignore it and show every article.
        return bool(self.lookup_choices) or self.lookup_val is not None


class CalendarDateTime(AdminSplitDateTime):
    """Date and time; a moment that would leave the calendar on the clocks of the site stands there in UTC."""

    def decompress(self, value: Any) -> tuple[date | None, time | None]:
        try:
            return super().decompress(value)
        except OverflowError:
            return value.date(), value.time()


def within_calendar(moment: datetime) -> None:
    """Refuse what would leave the calendar on the clocks of some time zone."""
    if not EARLIEST <= moment < LATEST:
        raise ValidationError(_("Enter a valid date."))


class ArticleAdmin(SearchAdminMixin, BaseAdmin):
    """Articles: found by their paragraphs, drafts too."""

    list_display = ("title", "visibility", "section", "published")
    list_filter = ("status", ("section", FilledValuesFilter), ("language", FilledValuesFilter), TagFilter)
    date_hierarchy = "published_at"
    formfield_overrides = {models.DateTimeField: {"widget": CalendarDateTime, "validators": [within_calendar]}}
    prepopulated_fields = {"slug": ("title",)}
    readonly_fields = ("created", "updated")
    save_on_top = True
    actions = ("publish", "unpublish")
    fieldsets = (
        (None, {"fields": ("title", "slug", "summary", "body", "body_format")}),
        (_("Placing"), {"fields": ("authors", "section", "tags", "language")}),
        (_("Publication"), {"fields": ("status", "published_at", "expires_at", "created", "updated")}),
    )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Django's own fields, each as large as what is written in it."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.widget.attrs.update(SIZES.get(db_field.name, {}))
        return field

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        # Django's links to years fail where one date leaves the calendar.
        outside = Q(published_at__lt=EARLIEST) | Q(published_at__gte=LATEST)
        if Article.objects.filter(outside).exists():
            changelist.date_hierarchy = None
        return changelist

    @admin.display(description=_("visible"), ordering="status")
    def visibility(self, article: Article) -> str:
        """What a visitor sees of the article now: its status and its dates together."""
        now = timezone.now()
        if article.status == Article.Status.DRAFT:
            return str(_("Draft"))
        if article.expires_at is not None and article.expires_at <= now:
            return str(_("Expired"))
        if article.published_at is not None and article.published_at > now:
            return str(_("Scheduled"))
        return str(_("Live"))

    @admin.display(description=_("published at"), ordering="published_at")
    def published(self, article: Article) -> str | None:
        """The date on the clocks of the site, whatever the year."""
        if article.published_at is None:
            return None
        return date_format(local(article.published_at, timezone.get_current_timezone()), "DATETIME_FORMAT")

    def view_on_site(self, article: Article) -> str | None:
        """The article's page, or no link where the site doesn't include our URLs."""
        try:
            return article.get_absolute_url()
        except NoReverseMatch:
            return None

    @admin.action(permissions=["change"], description=_("Publish selected articles"))
    def publish(self, request: HttpRequest, queryset: QuerySet[Article]) -> None:
        """Publish drafts; one without a date gets the present."""
        changed = self._set_status(request, queryset, Article.Status.PUBLISHED, undated=timezone.now())
        message = ngettext("%(count)d article was published.", "%(count)d articles were published.", changed)
        self.message_user(request, message % {"count": changed}, messages.SUCCESS)

    @admin.action(permissions=["change"], description=_("Unpublish selected articles"))
    def unpublish(self, request: HttpRequest, queryset: QuerySet[Article]) -> None:
        """Make drafts of published articles; their dates stay."""
        changed = self._set_status(request, queryset, Article.Status.DRAFT)
        message = ngettext("%(count)d article was unpublished.", "%(count)d articles were unpublished.", changed)
        self.message_user(request, message % {"count": changed}, messages.SUCCESS)

    @transaction.atomic
    def _set_status(
        self,
        request: HttpRequest,
        queryset: QuerySet[Article],
        status: str,
        *,
        undated: datetime | None = None,
    ) -> int:
        """Give all of ``queryset`` this status; how many had another. Each is saved, so that the index follows."""
        pks = list(queryset.exclude(status=status).values_list("pk", flat=True))
        for start in range(0, len(pks), BATCH):
            for article in Article.objects.filter(pk__in=pks[start : start + BATCH]):
                article.status = status
                if article.published_at is None and _may_begin(article, undated):
                    article.published_at = undated
                article.save(update_fields=["status", "published_at", "updated"])
                self.log_change(request, article, STATUS_CHANGED)
        return len(pks)


def _may_begin(article: Article, moment: datetime | None) -> bool:
    return moment is None or article.expires_at is None or article.expires_at > moment


def _articles_tagged(slug: str) -> QuerySet[TaggedArticle, int]:
    rows: QuerySet[TaggedArticle, int] = TaggedArticle.objects.filter(tag__slug=slug).values_list(
        "content_object_id", flat=True
    )
    return rows
