"""The addresses of newsindex; include them anywhere: ``path("search/", include("newsindex.urls"))``."""

from __future__ import annotations

from django.urls import path, register_converter

from newsindex.feeds import SearchFeed
from newsindex.health import HealthView
from newsindex.views import (
    ArticleDetailView,
    LikeView,
    OpenSearchDescriptionView,
    SearchJSONView,
    SearchView,
    SuggestJSONView,
    SuggestView,
    TagDetailView,
)

app_name = "newsindex"


class KeyConverter:
    """The key of a row, which may have slashes and line breaks in it."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(KeyConverter, "newsindex_key")

# Slugs may hold letters of any script, which the slug converter does not let through.
urlpatterns = [
    path("", SearchView.as_view(), name="search"),
    path("json/", SearchJSONView.as_view(), name="search_json"),
    path("suggest/", SuggestView.as_view(), name="suggest"),
    path("suggest/json/", SuggestJSONView.as_view(), name="suggest_json"),
    path("feed/", SearchFeed(), name="feed"),
    path("health/", HealthView.as_view(), name="health"),
    path("opensearch.xml", OpenSearchDescriptionView.as_view(), name="opensearch_description"),
    path("like/<newsindex_key:key>/<int:number>/", LikeView.as_view(), name="like"),
    path("article/<str:slug>/", ArticleDetailView.as_view(), name="article_detail"),
    path("tag/<str:slug>/", TagDetailView.as_view(), name="tag_detail"),
]
