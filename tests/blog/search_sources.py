"""The sources of the foreign app, as its developer would write them."""

from datetime import datetime

from django.db.models import QuerySet

from newsindex.paragraphs import Paragraph
from newsindex.sources import Source, register
from tests.blog.models import Note, Post


@register(Post)
class PostSource(Source[Post]):
    follow = ("topics", "writer")

    def title(self, post: Post) -> str:
        return post.headline

    def paragraphs(self, post: Post) -> tuple[Paragraph, ...]:
        return self.from_html(post.body)

    def tags(self, post: Post) -> QuerySet:
        return post.topics.all()

    def authors(self, post: Post) -> list[str]:
        return [post.writer.name] if post.writer else []

    def published_at(self, post: Post) -> datetime | None:
        return post.go_live

    def audiences(self, post: Post) -> tuple[str, ...]:
        return ("members",) if post.members_only else ("public",)

    def queryset(self) -> QuerySet[Post]:
        return super().queryset().select_related("writer").prefetch_related("topics")

    def public(self, queryset: QuerySet[Post]) -> QuerySet[Post]:
        return queryset.filter(status="live")


@register(Note)
class NoteSource(Source[Note]):
    def paragraphs(self, note: Note) -> tuple[Paragraph, ...]:
        return self.from_plain(note.text)
