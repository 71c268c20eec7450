"""newsindex as it comes: its search page with highlights, facets and the timeline."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("newsindex.urls"))]
