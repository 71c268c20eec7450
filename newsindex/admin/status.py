"""The admin page of what the index has still to see: for looking at, nothing there can be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from newsindex.models import PendingChange

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[PendingChange]
else:
    BaseAdmin = admin.ModelAdmin


class PendingChangeAdmin(BaseAdmin):
    """What is pending, since when, and why it is still pending."""

    list_display = ("object_pk", "source", "engine", "replica", "created", "attempts", "error_start")
    list_filter = ("engine", "replica", "source")
    ordering = ("id",)

    @admin.display(description=_("last error"), empty_value="")
    def error_start(self, change: PendingChange) -> str:
        return Truncator(change.error).chars(200)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: PendingChange | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PendingChange | None = None) -> bool:
        # Who removes a row makes the index forget a change that the database has committed.
        return False
