"""The URLs of the newsroom: search and articles by newsindex, podcast episodes by the newsroom itself."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from newsroom.views import EpisodeView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="newsindex:search"), name="home"),
    path("search/", include("newsindex.urls")),
    path("podcast/<slug:slug>/", EpisodeView.as_view(), name="episode"),
    path("admin/", admin.site.urls),
]
