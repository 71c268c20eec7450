"""A search view as modelsearch's documentation proposes it; ten results a page, with the beginning of their text."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from benchmarks.site.modelsearch_site.models import Story


def search(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "")
    page = Paginator(Story.objects.search(query), 10).get_page(request.GET.get("page"))
    return render(request, "bench/modelsearch.html", {"query": query, "page_obj": page})


urlpatterns = [path("", search)]
