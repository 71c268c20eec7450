"""Nothing that somebody has stored or typed becomes markup: each text of the corpus, through each field, on each page.

Pages are read as a parser of HTML reads them here; ``tests/browser/test_policy.py`` has a browser read them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from newsindex import indexing
from newsindex.models import Article, IndexRun, PendingChange, Tag
from tests.factories import make_article
from tests.faults.payloads import PAYLOADS
from tests.pages import Page, unsafe

pytestmark = [pytest.mark.engine("whoosh"), pytest.mark.django_db]

#: Elements that no page of newsindex has; those in which the admin keeps its own scripts aside.
STRANGE = {
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "base",
    "svg",
    "math",
    "video",
    "audio",
    "marquee",
    "template",
}
FORMATS = ("plain", "markdown", "html")
COLUMN = 100


def publish() -> None:
    """An article for each text, which stands in every field of it; the formats take turns."""
    with indexing.deferred():
        for number, payload in enumerate(PAYLOADS):
            article = make_article(
                payload,
                f"needle {payload}\n\n{payload} needle",
                slug=f"x-{number}",
                body_format=FORMATS[number % len(FORMATS)],
                summary=payload,
                authors=payload,
                section=payload[:COLUMN],
            )
            article.tags.add(tag_of(number))
    indexing.rebuild()


def tag_of(number: int) -> Tag:
    name = f"{number} {PAYLOADS[number]}"[:COLUMN]
    return Tag.objects.get_or_create(name=name, defaults={"slug": f"tag-{number}"})[0]


@pytest.fixture
def site(default_engine: object) -> None:
    publish()


@pytest.fixture
def editor(site: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("editor", password="x"))
    return client


def active(page: Page, *, admin: bool = False) -> list[str]:
    """What could run on a page, or was not written by it. The admin's own scripts are files."""
    found = [one for one in unsafe(page) if not (admin and one == "<script>")]
    for element in page.elements:
        suggests = element.attributes.get("src") == "/static/newsindex/suggest.js"
        own = element.tag == "script" and (suggests or (admin and is_own_script(element.attributes)))
        own = own or admin and element.tag in ("svg", "template")
        if element.tag in STRANGE and not own:
            found.append(f"<{element.tag} {element.attributes}>")
    return found


def is_own_script(attributes: dict[str, str | None]) -> bool:
    if attributes.get("type") == "application/json":
        return True
    return (attributes.get("src") or "").startswith(("/static/", "/admin/jsi18n/"))


def check(client: Client, path: str, *, status: int = 200) -> Page:
    response = client.get(path)
    assert response.status_code == status, path
    assert response["Content-Type"].startswith("text/html")
    page = Page(response.content.decode())
    assert active(page, admin=path.startswith("/admin/")) == [], path
    assert page.problems == [] or path.startswith("/admin/"), path
    return page


def all_of(client: Client, query: str) -> Iterator[Page]:
    """Each page of a search."""
    number, last = 1, 1
    while number <= last:
        response = client.get(f"/search/?{query}&page={number}")
        last = response.context["page_obj"].paginator.num_pages
        yield check(client, f"/search/?{query}&page={number}")
        number += 1


def test_the_pages_of_results(client: Client, site: None) -> None:
    shown = [title.content for page in all_of(client, "q=needle") for title in page.all("h3")]
    titles = [" ".join(payload.split()) for payload in PAYLOADS]
    # What a title says is shown as it was written, sign for sign.
    assert [title for title in titles if title not in shown] == []


PARAMETERS = ("tag", "author", "section", "after", "before", "sort", "page")


def test_what_is_typed(client: Client, site: None) -> None:
    for payload in PAYLOADS:
        for query in ({"q": payload}, {"q": "needle", **dict.fromkeys(PARAMETERS, payload)}):
            text = urlencode(query)
            check(client, f"/search/?{text}")
            for path in ("/search/json/", "/search/suggest/"):
                response = client.get(f"{path}?{text}")
                assert "json" in response["Content-Type"]
                json.loads(response.content)


def test_the_pages_of_articles_and_tags(client: Client, site: None) -> None:
    articles = list(Article.objects.all())
    for number, article in enumerate(articles):
        for turn in (1, 2):
            # Each text in each format: in that one it was published in, and in both others.
            kind = FORMATS[(number + turn) % len(FORMATS)]
            Article.objects.filter(pk=article.pk).update(body_format=kind)
            check(client, article.get_absolute_url())
        Article.objects.filter(pk=article.pk).update(body_format=article.body_format)
        page = check(client, article.get_absolute_url() + "?" + urlencode({"q": f"needle {article.title}"}))
        assert page.all("h1")[0].content == " ".join(article.title.split())
    for tag in Tag.objects.all():
        check(client, tag.get_absolute_url())


def test_what_does_not_exist(client: Client, site: None) -> None:
    for payload in PAYLOADS:
        for kind in ("article", "tag"):
            response = client.get(f"/search/{kind}/" + urlencode({"x": payload})[2:].replace("%2F", "") + "/")
            assert response.status_code == 404
            assert active(Page(response.content.decode())) == []


def test_json_and_suggestions(client: Client, site: None) -> None:
    data = client.get("/search/json/?q=needle").json()
    titles = {hit["title"]["text"] for hit in data["hits"]}
    assert titles <= set(PAYLOADS)
    for text in ("need", "script", "window", "img", "on"):
        response = client.get(f"/search/suggest/?q={text}")
        assert response["Content-Type"].startswith("application/x-suggestions+json")
        json.loads(response.content)


def test_the_feed_and_the_description(client: Client, site: None) -> None:
    atom = "{http://www.w3.org/2005/Atom}"
    for payload in PAYLOADS:
        response = client.get("/search/feed/?" + urlencode({"q": payload}))
        feed = ElementTree.fromstring(response.content)
        for entry in feed.iter(f"{atom}entry"):
            # A reader takes the summary for HTML, and the title for text or for HTML.
            summary = entry.find(f"{atom}summary")
            assert summary is None or active(Page(summary.text or "")) == []
            link = entry.find(f"{atom}link")
            assert link is not None and link.attrib["href"].startswith("http://testserver/")
    response = client.get("/search/opensearch.xml?" + urlencode({"q": PAYLOADS[0]}))
    ElementTree.fromstring(response.content)
    assert unescape(response.content.decode()).count("<script") == 0


def test_the_admin(editor: Client) -> None:
    for payload in PAYLOADS:
        PendingChange.objects.create(source=payload[:100], object_pk=payload, error=payload, attempts=5)
    IndexRun.objects.create(engine="default", kind="rebuild", outcome="failed", message=" ".join(PAYLOADS))
    articles = "/admin/newsindex/article/"
    for path in (
        f"{articles}?q=needle",
        f"{articles}?q=needle&p=2",
        articles,
        "/admin/newsindex/tag/",
        "/admin/newsindex/pendingchange/",
        "/admin/newsindex/indexrun/",
    ):
        check(editor, path)
    for article in Article.objects.all()[::5]:
        check(editor, f"{articles}{article.pk}/change/")
    for payload in PAYLOADS[::3]:
        check(editor, f"{articles}?" + urlencode({"q": payload}))
    pks = list(Tag.objects.values_list("pk", flat=True))
    response = editor.post("/admin/newsindex/tag/", {"action": "merge_tags", "_selected_action": pks, "index": "0"})
    assert active(Page(response.content.decode()), admin=True) == []


def test_the_test_would_notice() -> None:
    for payload in (PAYLOADS[0], PAYLOADS[5], PAYLOADS[11], PAYLOADS[31], PAYLOADS[32]):
        assert active(Page(f"<p>{payload}</p>")) != []
