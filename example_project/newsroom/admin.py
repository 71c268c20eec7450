"""The admin of the podcast: full-text search in the change list by one mixin."""

from django.contrib import admin

from newsindex.admin import SearchAdminMixin
from newsroom.models import Episode, Topic


@admin.register(Episode)
class EpisodeAdmin(SearchAdminMixin, admin.ModelAdmin):
    list_display = ("name", "host", "released_at", "withdrawn")
    list_filter = ("withdrawn", "topics")
    prepopulated_fields = {"slug": ("name",)}


@admin.register(Topic)
class TopicAdmin(admin.ModelAdmin):
    search_fields = ("name",)
