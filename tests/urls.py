"""URLs of the tests: the admin, search, and the pages of the foreign app."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def post(request: HttpRequest, slug: str) -> HttpResponse:
    return HttpResponse(slug)


urlpatterns = [
    path("admin/", admin.site.urls),
    path("search/", include("newsindex.urls")),
    path("blog/<slug:slug>/", post, name="post"),
]
