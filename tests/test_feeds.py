"""The Atom feed of a search."""

from __future__ import annotations

from datetime import datetime
from datetime import timezone as fixed
from xml.etree import ElementTree

import pytest
from django.test import Client

from tests.factories import make_article

pytestmark = pytest.mark.django_db(transaction=True)
ATOM = "{http://www.w3.org/2005/Atom}"


def entries(client: Client, url: str) -> list[ElementTree.Element]:
    response = client.get(url)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/atom+xml")
    return ElementTree.fromstring(response.content).findall(f"{ATOM}entry")


def test_the_newest_matches_come_first(client: Client) -> None:
    for month in (1, 3, 2):
        moment = datetime(2026, month, 1, 12, tzinfo=fixed.utc)
        make_article(f"Rain {month}", "It rains.", ["weather"], authors="Ada Moor", published_at=moment)
    make_article("Sun", "x")
    found = entries(client, "/search/feed/?q=rain&sort=relevance")
    assert [entry.findtext(f"{ATOM}title") for entry in found] == ["Rain 3", "Rain 2", "Rain 1"]
    assert found[0].findtext(f"{ATOM}published") == "2026-03-01T12:00:00+00:00"
    assert found[0].findtext(f"{ATOM}id").startswith("urn:newsindex:newsindex.article:")
    assert found[0].findtext(f"{ATOM}summary") == "It rains."
    assert found[0].find(f"{ATOM}link").attrib["href"] == "http://testserver/search/article/article-2/"
    assert len(entries(client, "/search/feed/")) == 4
    assert len(entries(client, "/search/feed/?q=rain&tag=none")) == 0


def test_texts_are_text_and_fit_xml(client: Client) -> None:
    make_article("Rain <b>\x01 & \ufffe", "Rain \x02 </summary><script>alert(1)</script>", ["a\x03<b>"])
    (entry,) = entries(client, "/search/feed/?q=rain+%01")
    assert entry.findtext(f"{ATOM}title") == "Rain <b> & "
    assert "&lt;script&gt;" in entry.findtext(f"{ATOM}summary")
    assert entry.find(f"{ATOM}category").attrib["term"] == "a<b>"
