"""The template tags in templates of a site."""

from __future__ import annotations

import pytest
from django.template import Context, Template

from newsindex.engines import engines
from newsindex.engines.base import Marked
from newsindex.exceptions import EngineError
from newsindex.forms import Parameters
from tests.factories import make_article
from tests.pages import Page, unsafe


def render(source: str, **context: object) -> str:
    return Template("{% load newsindex %}" + source).render(Context(context))


def test_a_search_form_for_the_header() -> None:
    page = Page(render("{% search_form %}", query='<b>"'))
    (form,) = page.all("form", role="search")
    assert form.attributes["action"] == "/search/"
    (field,) = page.all("input")
    assert (field.attributes["name"], field.attributes["value"]) == ("q", '<b>"')
    assert page.all("label")[0].attributes["for"] == field.attributes["id"]
    assert page.problems == unsafe(page) == []
    assert Page(render("{% search_form field_id='top' %}")).all("input", id="top")


def test_the_search_form_offers_suggestions_unless_told_not_to() -> None:
    (field,) = Page(render("{% search_form %}")).all("input")
    assert field.attributes["data-newsindex-suggest"] == "/search/suggest/json/"
    assert "data-newsindex-suggest" not in render("{% search_form suggestions=False %}")


def test_what_the_search_form_needs_in_the_head() -> None:
    page = Page(render("{% search_media %}"))
    assert [link.attributes["href"] for link in page.all("link")] == ["/static/newsindex/newsindex.css"]
    assert [one.attributes["src"] for one in page.all("script")] == ["/static/newsindex/suggest.js"]
    assert page.problems == unsafe(page) == []
    assert "script" not in render("{% search_media suggestions=False %}")


def test_highlight_marks_and_escapes() -> None:
    assert render("{{ text|highlight }}", text=Marked("a <b> c", ((2, 5),))) == "a <mark>&lt;b&gt;</mark> c"
    assert render("{{ text|highlight }}", text="<i>") == "&lt;i&gt;"


def test_excerpt_of_a_long_text() -> None:
    text = "word " * 500
    shown = render("{{ text|excerpt|highlight }}", text=Marked(text, ((1_000, 1_004),)))
    assert "<mark>word</mark>" in shown and len(shown) < 500


def test_narrow_url() -> None:
    asked = Parameters(q="rain", tags=("a",))
    assert render("{% narrow_url 'section' 'x&y' %}", parameters=asked) == "?q=rain&amp;tag=a&amp;section=x%26y"
    assert render("{% narrow_url 'tag' 'a' %}", parameters=asked) == "?q=rain&amp;tag=a"
    assert render("{% narrow_url 'tag' 'b' %}") == "/search/?tag=b"


@pytest.mark.django_db(transaction=True)
def test_related_articles(monkeypatch: pytest.MonkeyPatch) -> None:
    article = make_article("Eel migration", "Eels swim to the sargasso sea", ["eels"])
    make_article("Eel fishing", "Eels of the sargasso sea", ["eels"])
    source = "{% related_articles article as more %}{% for one in more %}{{ one.title }}{% endfor %}"
    assert render(source, article=article) == "Eel fishing"

    def fail(*args: object, **kwargs: object) -> None:
        raise EngineError("down")

    monkeypatch.setattr(engines["default"], "related", fail)
    assert render(source, article=article) == ""
