"""A site whose articles are written by requests: what several worker processes are asked for at once."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from newsindex.models import Article


@csrf_exempt
def save(request: HttpRequest, slug: str) -> HttpResponse:
    """Save the article with a word in its title and, once more, in its text."""
    word, kind = request.POST["word"], "Lighthouse" if slug.startswith("fixed") else "Harbour"
    Article.objects.update_or_create(
        slug=slug,
        defaults={"title": f"{kind} {word}", "body": f"One.\n\nA {kind} {word}.", "status": "published"},
    )
    return HttpResponse("saved")


@csrf_exempt
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    # Gone already where the request is made again, since nobody heard the first answer.
    for article in Article.objects.filter(slug=slug):
        article.delete()
    return HttpResponse("deleted")


urlpatterns = [
    path("save/<slug:slug>/", save),
    path("delete/<slug:slug>/", delete),
    path("search/", include("newsindex.urls")),
]
