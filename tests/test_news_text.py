"""From a text file, a paragraph a line, to the marked words on the page: the whole way, on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from newsindex.models import Article
from newsindex.searching import search
from tests.pages import Page

STORY = """\
Market hall reopens after two years of repairs

The market hall in Weaver Street opened its doors again on Saturday, two years after its beams were found to rot.
Around forty traders have returned. Most of them had been selling from vans on the old tram depot since the closure.
"We lost customers in the rain," said Odile Marchetti, who sells cheese. "People do not queue for cheese in the rain."
The council paid for the repairs with a loan. Repairing the clock tower, which leans, will have to wait until next year.
The traders repaired their own stalls, and three of them painted the doors green without asking anybody.
"""
OTHER = """\
Tram depot to become flats

The old tram depot is to be turned into sixty flats. Traders who sold from vans there have moved out.
The developer promised to keep the doors of the engine shed. Nothing on the site is to be repaired before spring.
"""


@pytest.fixture
def news(tmp_path: Path, transactional_db: None) -> None:
    for name, text in (("market-hall", STORY), ("tram-depot", OTHER)):
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    call_command("newsindex_import", str(tmp_path), verbosity=0)


@pytest.mark.engine("whoosh")
@pytest.mark.usefixtures("news")
class TestNewsText:
    def test_a_line_is_a_paragraph_and_the_first_is_the_title(self) -> None:
        article = Article.objects.get(slug__contains="market-hall")
        assert article.title == "Market hall reopens after two years of repairs"
        [hit] = search('"market hall"')
        assert [paragraph.number for paragraph in hit.paragraphs] == [1]

    def test_two_words_find_the_article_with_its_best_paragraph_first(self) -> None:
        hits = list(search("repair doors"))
        assert [hit.title.text.split()[0] for hit in hits] == ["Market", "Tram"]
        best = hits[0].paragraphs[0]
        assert best.number == 5
        assert best.marked.text.startswith("The traders repaired")

    def test_marks_stand_exactly_on_the_words_in_their_inflected_forms(self) -> None:
        [best, *_] = next(iter(search("repair doors"))).paragraphs
        assert [best.marked.text[start:end] for start, end in best.marked.spans] == ["repaired", "doors"]

    def test_words_of_different_paragraphs_find_the_article(self) -> None:
        assert [hit.title.text.split()[0] for hit in search("cheese clock green")] == ["Market"]

    def test_the_page_marks_them_and_links_to_the_paragraph(self, client: Client) -> None:
        response = client.get("/search/", {"q": "repairs door"})
        page = response.content.decode()
        assert "<mark>repaired</mark>" in page
        assert not Page(page).problems
        [best, *_] = response.context["hits"][0].paragraphs
        article = client.get(best.url.partition("#")[0]).content.decode()
        assert f'id="{best.anchor}">The traders <mark>repaired</mark>' in article
