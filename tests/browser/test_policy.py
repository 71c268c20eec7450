"""Every page under the strictest policy, and hostile texts without any: a browser runs nothing of what is stored.

The fixture ``opened`` fails the test when a page complains, and a page whose script or style is refused complains.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from newsindex import indexing
from newsindex.models import Article, IndexRun, PendingChange, Tag
from tests.browser.conftest import Opener
from tests.browser.test_reading import PAGES, PHONE
from tests.factories import make_article
from tests.faults.payloads import PAYLOADS

ADMIN = {
    "app": "/admin/newsindex/",
    "articles": "/admin/newsindex/article/?q=ferry",
    "an article": "/admin/newsindex/article/add/",
    "tags": "/admin/newsindex/tag/",
    "pending": "/admin/newsindex/pendingchange/",
    "index": "/admin/newsindex/indexrun/",
}
INDEX = ADMIN["index"]

#: What could run, or what was refused: attributes that are handlers, addresses that are code, and the mark of a hit.
ALIVE = """() => [
    window.hit,
    ...[...document.querySelectorAll('*')].flatMap(one => [...one.attributes]
        .filter(each => each.name.startsWith('on') || each.name === 'srcdoc')
        .map(each => one.outerHTML)),
    ...[...document.querySelectorAll('a, form, img, iframe, object, embed, link, base')]
        .filter(one => /^\\s*(javascript|data|vbscript):/i.test(one.href || one.action || one.src || one.data || ''))
        .map(one => one.outerHTML),
    ...[...document.querySelectorAll('script:not([src]), style, svg:not(.ni-chart), iframe, object, embed')]
        .map(one => one.outerHTML),
].filter(Boolean)"""


@pytest.fixture
def signed_in(site: str) -> dict[str, object]:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator", password="x"))
    cookie = client.cookies["sessionid"]
    return {"cookies": [{"name": "sessionid", "value": cookie.value, "url": site}], "origins": []}


@pytest.mark.parametrize("path", [*PAGES.values(), "/search/?q=ferry&page=99"])
def test_no_page_needs_anything_inline(opened: Opener, path: str) -> None:
    page = opened(path)
    assert page.evaluate(ALIVE) == []


@pytest.mark.parametrize("path", ADMIN.values(), ids=ADMIN)
def test_no_page_of_the_admin_needs_anything_inline(opened: Opener, signed_in: dict[str, object], path: str) -> None:
    page = opened(path, storage_state=signed_in)
    assert page.title()


def test_nothing_runs_even_without_a_policy(site: str, chromium: Any, signed_in: dict[str, object]) -> None:
    kinds = ("html", "markdown", "plain")
    with indexing.deferred():
        for number, payload in enumerate(PAYLOADS):
            article = make_article(
                payload,
                f"needle {payload}\n\n{payload}",
                slug=f"x-{number}",
                body_format=kinds[number % 3],
                summary=payload,
                authors=payload,
                section=payload[:100],
            )
            article.tags.add(Tag.objects.get_or_create(name=payload[:100], defaults={"slug": f"t-{number}"})[0])
            PendingChange.objects.create(source="blog.x", object_pk=payload, error=payload, attempts=5, engine="x")
    IndexRun.objects.create(engine="default", kind="verify", outcome="failed", message=" ".join(PAYLOADS))
    context = chromium.new_context(bypass_csp=True, storage_state=signed_in)
    try:
        page = context.new_page()
        paths = [f"/search/?q=needle&page={number}" for number in range(1, 9)]
        paths += [article.get_absolute_url() + "?q=needle" for article in Article.objects.filter(slug__startswith="x-")]
        for path in paths:
            page.goto(site + path)
            assert page.evaluate(ALIVE) == [], path
        for path in (INDEX, ADMIN["pending"], ADMIN["tags"], "/admin/newsindex/article/?q=needle"):
            page.goto(site + path)
            assert page.evaluate("window.hit") is None, path
    finally:
        context.close()


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
def test_the_progress_of_a_rebuild_is_live(
    opened: Opener, signed_in: dict[str, object], options: dict[str, object]
) -> None:
    run = IndexRun.objects.create(engine="default", kind="rebuild", outcome="running", progress=10, total=100)
    page = opened(INDEX, storage_state=signed_in, **options)
    bar = page.locator("progress")
    assert bar.get_attribute("value") == "10"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    IndexRun.objects.filter(pk=run.pk).update(progress=60)
    page.get_by_text("60 of 100").wait_for()
    assert bar.evaluate("one => one.value") == 60
    IndexRun.objects.filter(pk=run.pk).update(outcome="done", figures={"articles": 100})
    page.get_by_text("100 articles").first.wait_for()
    assert page.locator("progress").count() == 0


def test_the_page_of_the_index_works_without_scripts(opened: Opener, signed_in: dict[str, object]) -> None:
    IndexRun.objects.create(engine="default", kind="repair", outcome="running", progress=10, total=100)
    page = opened(INDEX, storage_state=signed_in, java_script_enabled=False)
    IndexRun.objects.update(progress=60)
    page.get_by_role("link", name="Show how far it is").click()
    page.get_by_text("60 of 100").wait_for()
    page.get_by_role("button", name="Verify").click()
    page.get_by_text("is done: all is well").wait_for()


def test_axe_finds_nothing_on_the_page_of_the_index(opened: Opener, signed_in: dict[str, object]) -> None:
    from tests.browser.conftest import missing

    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("needs axe: pip install django-newsindex[browser]")
    IndexRun.objects.create(engine="default", kind="rebuild", outcome="running", progress=10, total=100)
    for scheme in ("light", "dark"):
        # What axe itself writes on a page is no matter of the policy.
        page = opened(INDEX, storage_state=signed_in, color_scheme=scheme, bypass_csp=True)
        # The rest of the page is Django's.
        found = Axe().run(page, context=".newsindex-index")
        assert found.violations_count == 0, found.generate_report()
