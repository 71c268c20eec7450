"""The admin of articles, tags, pending changes and the index itself, and SearchAdminMixin for any other ModelAdmin.

A site that wants another admin unregisters ours and registers a subclass:

    admin.site.unregister(Article)
    admin.site.register(Article, MyArticleAdmin)
"""

from django.contrib import admin

from newsindex.admin.articles import ArticleAdmin
from newsindex.admin.index import IndexRunAdmin
from newsindex.admin.search import SearchAdminMixin, SearchChangeList
from newsindex.admin.status import PendingChangeAdmin
from newsindex.admin.tags import TagAdmin
from newsindex.models import Article, IndexRun, PendingChange, Tag

admin.site.register(Article, ArticleAdmin)
admin.site.register(Tag, TagAdmin)
admin.site.register(PendingChange, PendingChangeAdmin)
admin.site.register(IndexRun, IndexRunAdmin)

__all__ = ["ArticleAdmin", "IndexRunAdmin", "PendingChangeAdmin", "SearchAdminMixin", "SearchChangeList", "TagAdmin"]
