"""The admin page "Search index": how each engine is, what was done to it, and buttons to verify, repair and rebuild."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.formats import date_format, number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from newsindex import indexing, operations, runs
from newsindex.engines import engines
from newsindex.models import IndexRun
from newsindex.monitoring import is_late, measured
from newsindex.tasks import has_workers

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[IndexRun]
else:
    BaseAdmin = admin.ModelAdmin

#: How many runs of an engine are listed.
LISTED: Final = 10
MANAGE: Final = "newsindex.manage_index"

FIGURES: Final = {
    "articles": _("articles"),
    "paragraphs": _("paragraphs"),
    "indexed": _("indexed"),
    "deleted": _("deleted"),
    "checked": _("checked"),
    "missing": _("missing"),
    "stale": _("stale"),
    "ghost": _("in the index only"),
    "failed": _("failed"),
    "damage": _("damaged places"),
    "reused": _("written before"),
    "purged": _("purged"),
    "files": _("files written anew"),
    "removed": _("unfinished indexes removed"),
    "stayed": _("had to stay"),
}
BUTTONS: Final = (
    (IndexRun.Kind.VERIFY, _("Verify"), _("Compares the index with the database and with itself. Changes nothing.")),
    (IndexRun.Kind.REPAIR, _("Repair"), _("Verifies, and indexes again what differs.")),
    (IndexRun.Kind.REBUILD, _("Rebuild"), _("Makes the index anew. The present one answers searches until then.")),
)


@dataclass(frozen=True)
class ShownRun:
    """A run as the page shows it."""

    run: IndexRun

    @property
    def state(self) -> str:
        if self.run.is_silent:
            since = date_format(timezone.localtime(self.run.seen), "DATETIME_FORMAT")
            return gettext("no sign of life since %(since)s") % {"since": since}
        return self.run.get_outcome_display()

    @property
    def tone(self) -> str:
        """For the style sheet: good, bad, or neither yet."""
        if self.run.outcome == IndexRun.Outcome.DONE:
            return "good"
        return "open" if self.run.is_open else "bad"

    @property
    def figures(self) -> str:
        return ", ".join(
            f"{_number(count)} {FIGURES.get(name, name)}"
            for name, count in self.run.shown_figures.items()
            if _told(name, count)
        )

    @property
    def advance(self) -> str:
        """How far it is: "1,200 of 5,000, about 2 minutes left"."""
        run, left = self.run, self.run.remaining
        if run.outcome != IndexRun.Outcome.RUNNING or not run.total:
            return ""
        shown = gettext("%(done)s of %(total)s") % {"done": _number(run.progress), "total": _number(run.total)}
        if left is None:
            return shown
        if left < 60:
            return f"{shown}, " + gettext("less than a minute left")
        minutes = round(left / 60)
        return f"{shown}, " + ngettext("about %(count)d minute left", "about %(count)d minutes left", minutes) % {
            "count": minutes
        }


@dataclass(frozen=True)
class ShownEngine:
    """An engine as the page shows it."""

    status: indexing.Status
    runs: list[ShownRun]

    @property
    def open_runs(self) -> list[ShownRun]:
        return [shown for shown in self.runs if shown.run.is_open]

    @property
    def is_waiting(self) -> bool:
        """Whether a run waits, and for the command."""
        return not has_workers() and any(shown.run.outcome == IndexRun.Outcome.WAITING for shown in self.runs)

    @property
    def command(self) -> str:
        return "manage.py newsindex_update" + ("" if self.status.asked else f" --engine {self.status.engine}")

    @property
    def is_late(self) -> bool:
        return is_late(self.status.lag)

    @property
    def facts(self) -> list[tuple[str, str]]:
        stats, status = self.status.stats, self.status
        built = (
            date_format(timezone.localtime(stats.built_at), "DATETIME_FORMAT") if stats.built_at else gettext("never")
        )
        return [
            (gettext("Generation"), stats.generation or "–"),
            (gettext("Built"), built),
            (gettext("Articles"), _number(stats.articles)),
            (gettext("Paragraphs"), _number(stats.paragraphs)),
            (gettext("Size"), _size(stats.size)),
            (gettext("Segments"), _number(stats.segments)),
            (gettext("Pending"), _pending(status)),
            (gettext("Lag"), timesince(status.oldest) if status.oldest else gettext("none")),
            *((str(label), _last(status.runs.get(kind))) for kind, label in LAST.items()),
        ]


LAST: Final[Mapping[str, Any]] = {
    IndexRun.Kind.DRAIN: _("Last update"),
    IndexRun.Kind.REBUILD: _("Last rebuild"),
    IndexRun.Kind.VERIFY: _("Last verification"),
    IndexRun.Kind.PURGE: _("Last purge"),
}


class IndexRunAdmin(BaseAdmin):
    """The page of the index. To look at it takes "view" or "manage", to press a button ``newsindex.manage_index``."""

    index_template = "admin/newsindex/indexrun/index.html"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("", self._wrapped(self.changelist_view), name=f"{name}_changelist"),
            path("progress/", self._wrapped(self.progress_view), name=f"{name}_progress"),
            path("ask/", self._wrapped(self.ask_view), name=f"{name}_ask"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown = [_shown(alias) for alias in engines]
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Search index"),
            "opts": self.opts,
            "engines": shown,
            "is_open": any(one.open_runs for one in shown),
            "may_manage": request.user.has_perm(MANAGE),
            "buttons": BUTTONS,
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        response = TemplateResponse(request, self.index_template, context)
        add_never_cache_headers(response)
        return response

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """What the page's script asks for: ``{"runs": {id: {"running", "state", "advance", "progress", "total"}}}``."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = {
            str(shown.run.pk): {
                "running": shown.run.outcome == IndexRun.Outcome.RUNNING,
                "state": shown.state,
                "advance": shown.advance,
                "progress": shown.run.progress,
                "total": shown.run.total,
            }
            for alias in engines
            for shown in map(ShownRun, runs.history(alias, LISTED))
            if shown.run.is_open
        }
        response = JsonResponse({"runs": found})
        add_never_cache_headers(response)
        return response

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        """The buttons. Whatever is posted leads back to the page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(MANAGE):
            raise PermissionDenied
        kind, alias = request.POST.get("kind", ""), request.POST.get("engine", "")
        if kind not in operations.KINDS or alias not in engines:
            self.message_user(
                request, gettext("There is no such engine, or nothing of that kind to do."), messages.ERROR
            )
        else:
            run, new = operations.ask(kind, alias)
            if new:
                self.log_addition(request, run, str(run))
            self.message_user(request, *_told_of(run, new))
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:newsindex_indexrun_changelist"))

    def has_view_permission(self, request: HttpRequest, obj: IndexRun | None = None) -> bool:
        return super().has_view_permission(request, obj) or request.user.has_perm(MANAGE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: IndexRun | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: IndexRun | None = None) -> bool:
        return False

    def _wrapped(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        wrapped: Callable[..., HttpResponse] = self.admin_site.admin_view(view)
        # A rebuild reads what is committed, and its record is read while it runs.
        for alias in connections:
            wrapped = transaction.non_atomic_requests(using=alias)(wrapped)
        return wrapped


def _shown(alias: str) -> ShownEngine:
    return ShownEngine(indexing.status(engine=alias), [ShownRun(run) for run in runs.history(alias, LISTED)])


def _told_of(run: IndexRun, new: bool) -> tuple[str, int]:
    """What to say to whoever pressed a button, and how loud."""
    names = {"kind": run.get_kind_display(), "engine": run.engine}
    if not new:
        return gettext("%(kind)s of “%(engine)s” is already on its way.") % names, messages.WARNING
    if run.outcome == IndexRun.Outcome.DONE:
        return gettext("%(kind)s of “%(engine)s” is done: all is well.") % names, messages.SUCCESS
    if run.is_open:
        return gettext("%(kind)s of “%(engine)s” will be done.") % names, messages.INFO
    return gettext("%(kind)s of “%(engine)s” ended with trouble: see below.") % names, messages.ERROR


def _last(run: IndexRun | None) -> str:
    if run is None:
        return "–"
    shown = ShownRun(run)
    moment = date_format(timezone.localtime(run.finished or run.started), "DATETIME_FORMAT")
    return ", ".join(part for part in (moment, shown.state, shown.figures) if part)


def _pending(status: indexing.Status) -> str:
    numbers = {
        "pending": _number(status.pending), "failed": _number(status.failed), "objects": _number(status.objects)
    }  # fmt: skip
    shown = numbers["pending"]
    if status.objects < status.pending:
        # Whoever saves an object three times in a row makes three notes.
        shown = gettext("%(pending)s changes of %(objects)s objects") % numbers
    if not status.failed:
        return shown
    return gettext("%(pending)s, of them %(failed)s tried in vain") % {**numbers, "pending": shown}


def _told(name: str, count: object) -> bool:
    """Whether a figure is worth a word: what was looked for and not found is not."""
    return bool(count) or name in ("articles", "checked", "indexed")


def _size(size: int) -> str:
    number, unit = measured(size)
    return f"{number_format(round(number, 1), 1)} {unit}"


def _number(count: object) -> str:
    return number_format(count, force_grouping=True) if isinstance(count, int) else str(count)
