"""The admin of the foreign app, as its developer would write it, with search by newsindex."""

from django.contrib import admin

from newsindex.admin import SearchAdminMixin
from tests.blog.models import Note, Post


class LivePost(Post):
    """A proxy: searched by the source of the model that it stands for."""

    class Meta:
        proxy = True


@admin.register(Post)
class PostAdmin(SearchAdminMixin, admin.ModelAdmin):
    list_display = ("headline", "status", "go_live")
    list_editable = ("status",)
    list_filter = ("status", "members_only", "topics")
    list_per_page = 5
    ordering = ("headline",)

    class Media:
        css = {"all": ["blog/admin.css"]}


@admin.register(LivePost)
class LivePostAdmin(SearchAdminMixin, admin.ModelAdmin):
    list_display = ("headline", "matching_paragraph", "status")

    def get_queryset(self, request):
        return super().get_queryset(request).filter(status="live")


@admin.register(Note)
class NoteAdmin(SearchAdminMixin, admin.ModelAdmin):
    pass
