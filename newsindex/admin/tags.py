"""The admin of tags: how often each is used, renaming, and merging several into one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.text import get_text_list
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from taggit.models import ItemBase

from newsindex.models import Tag

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[Tag]
    TagChoiceField = forms.ModelChoiceField[Tag]
else:
    BaseAdmin = admin.ModelAdmin
    TagChoiceField = forms.ModelChoiceField

#: The page repeats each chosen tag in its form, and Django takes at most 1,000 fields.
MOST_MERGED: Final = 200
#: Django makes a condition of each word, of which a database takes so many. No name of a tag is longer than this.
LONGEST_SEARCH: Final = 200


class MergeTagsForm(forms.Form):
    """Which of the chosen tags stays."""

    target = TagChoiceField(
        queryset=Tag.objects.none(),
        label=_("Tag that stays"),
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={
            "required": _("Choose the tag that stays."),
            "invalid_choice": _("Choose one of the tags listed here."),
        },
    )

    def __init__(self, *args: Any, tags: QuerySet[Tag], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].queryset = tags  # type: ignore[attr-defined]


class TagAdmin(BaseAdmin):
    """Tags by name; a tag that is renamed or merged takes its articles with it."""

    list_display = ("name", "slug", "article_count")
    search_fields = ("name",)
    ordering = ("name",)
    prepopulated_fields = {"slug": ("name",)}
    actions = ("merge_tags",)
    merge_tags_template = "admin/newsindex/tag/merge_tags.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        tags: QuerySet[Tag] = super().get_queryset(request).annotate(article_count=Count("tagged_articles"))
        return tags

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Tag], search_term: str
    ) -> tuple[QuerySet[Tag], bool]:
        return super().get_search_results(request, queryset, search_term[:LONGEST_SEARCH])

    @admin.display(description=_("articles"), ordering="article_count")
    def article_count(self, tag: Tag) -> int:
        count: int = getattr(tag, "article_count")  # noqa: B009
        return count

    def has_merge_permission(self, request: HttpRequest) -> bool:
        """Merging changes one tag and deletes the others."""
        return self.has_change_permission(request) and self.has_delete_permission(request)

    @admin.action(permissions=["merge"], description=_("Merge selected tags"))
    def merge_tags(self, request: HttpRequest, queryset: QuerySet[Tag]) -> TemplateResponse | None:
        """Ask which tag stays, then move the articles of the others to it and delete them."""
        if not self.has_merge_permission(request):
            raise PermissionDenied
        tags = Tag.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)[: MOST_MERGED + 1]))
        count = len(tags)
        if not 2 <= count <= MOST_MERGED:
            text = gettext("Choose between two and %(most)d tags to merge; no tag was changed.")
            self.message_user(request, text % {"most": MOST_MERGED}, messages.WARNING)
            return None
        if "merge" not in request.POST:
            return self._merge_page(request, tags, MergeTagsForm(tags=tags))
        form = MergeTagsForm(request.POST, tags=tags)
        if not form.is_valid():
            return self._merge_page(request, tags, form)
        self._merge(request, form.cleaned_data["target"], tags)
        return None

    def _merge_page(self, request: HttpRequest, tags: QuerySet[Tag], form: MergeTagsForm) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Merge tags"),
            "opts": self.opts,
            "media": self.media + form.media,
            "tags": tags,
            "form": form,
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.merge_tags_template, context)

    def _merge(self, request: HttpRequest, target: Tag, tags: QuerySet[Tag]) -> None:
        merged = [tag for tag in tags if tag != target]
        names = [tag.name for tag in merged]
        with transaction.atomic(using=router.db_for_write(Tag)):
            # A deletion is logged with the key that it takes away, so before.
            self.log_deletions(request, tags.exclude(pk=target.pk))
            for tag in merged:
                merge(tag, target)
            self.log_change(request, target, gettext("Merged with %(names)s.") % {"names": ", ".join(names)})
        text = gettext("%(merged)s now: %(target)s.")
        shown = {"merged": get_text_list(names, gettext("and")), "target": target.name}
        self.message_user(request, text % shown, messages.SUCCESS)


def merge(tag: Tag, target: Tag) -> None:
    """Give everything tagged with ``tag`` the tag ``target`` and delete ``tag``; call it inside a transaction.

    Each through row is saved or deleted by itself: these signals tell the index what changed.
    """
    for through, content in _through_models():
        tagged = set(through._default_manager.filter(tag=target).values_list(*content))
        for row in through._default_manager.filter(tag=tag):
            if tuple(getattr(row, name) for name in content) in tagged:
                row.delete()
            else:
                row.tag = target
                row.save(update_fields=["tag"])
    tag.delete()


def _through_models() -> Iterator[tuple[type[Any], tuple[str, ...]]]:
    """The models that say what has a tag of ours, each with the columns that name the tagged object."""
    for relation in Tag._meta.related_objects:
        through: type[Any] = relation.related_model
        if issubclass(through, ItemBase):
            columns = {field.attname for field in through._meta.concrete_fields}
            content = tuple(name for name in ("content_type_id", "object_id", "content_object_id") if name in columns)
            yield through, content
