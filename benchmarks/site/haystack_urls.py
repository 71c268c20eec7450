"""Haystack's own search view, with its own form; ten results a page, each with its highlighted text."""

from __future__ import annotations

from django.urls import path
from haystack.forms import SearchForm
from haystack.generic_views import SearchView

urlpatterns = [path("", SearchView.as_view(form_class=SearchForm, template_name="bench/haystack.html"))]
