"""The admin of articles, tags, synonyms, pinned results, pending changes and the index; SearchAdminMixin for others.

A site that wants another admin unregisters ours and registers a subclass:

    admin.site.unregister(Article)
    admin.site.register(Article, MyArticleAdmin)
"""

from django.contrib import admin

from newsindex.admin.articles import ArticleAdmin
from newsindex.admin.curation import PinnedResultAdmin, SynonymAdmin
from newsindex.admin.index import IndexRunAdmin
from newsindex.admin.search import SearchAdminMixin, SearchChangeList
from newsindex.admin.status import PendingChangeAdmin
from newsindex.admin.tags import TagAdmin
from newsindex.models import Article, IndexRun, PendingChange, PinnedResult, Synonym, Tag

admin.site.register(Article, ArticleAdmin)
admin.site.register(Tag, TagAdmin)
admin.site.register(Synonym, SynonymAdmin)
admin.site.register(PinnedResult, PinnedResultAdmin)
admin.site.register(PendingChange, PendingChangeAdmin)
admin.site.register(IndexRun, IndexRunAdmin)

__all__ = [
    "ArticleAdmin",
    "IndexRunAdmin",
    "PendingChangeAdmin",
    "PinnedResultAdmin",
    "SearchAdminMixin",
    "SearchChangeList",
    "SynonymAdmin",
    "TagAdmin",
]
