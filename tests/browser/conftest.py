"""A site with a strict policy, and a real browser that looks at it.

Without Playwright or Chromium these tests are skipped, except where CI is set in the environment: there they fail.
CHROMIUM names another browser than /usr/bin/chromium.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from newsindex import indexing
from newsindex.engines.base import Engine
from tests.browser.news import publish

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What every test of this directory needs, so that none forgets it."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.engine("whoosh"))
            item.add_marker(pytest.mark.django_db(transaction=True))


def missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser, started once."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("needs Playwright: pip install django-newsindex[browser]")
    if not CHROMIUM.exists():
        missing(f"needs Chromium: there is no {CHROMIUM}; set CHROMIUM to its path")
    # Playwright's loop runs in this thread, which Django takes for a view that must not use the database.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
            yield browser
            browser.close()


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, django_db_setup: None) -> Iterator[str]:
    """The address of the site. The middleware is read when the server starts, so the setting is back at once."""
    middleware = ["tests.browser.policy.StrictPolicy", *django_settings.MIDDLEWARE]
    with override_settings(MIDDLEWARE=middleware):
        url = str(request.getfixturevalue("live_server").url)
    yield url
    # A page that was closed while it asked for suggestions leaves a request behind, and the database goes now.
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(10)


@pytest.fixture
def site(server: str, default_engine: Engine, chromium: Any, transactional_db: None) -> str:
    """The address of a site whose articles are published and indexed."""
    with indexing.deferred():
        publish()
    indexing.rebuild()
    return server


Opener = Callable[..., Any]


@pytest.fixture
def opened(chromium: Any, site: str) -> Iterator[Opener]:
    """``opened(path, **context options)``: a page. When the test is over no page may have complained."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def open_page(path: str, **options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options})
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("console", lambda message: complain(message) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.goto(site + path)
        return page

    def complain(message: Any) -> None:
        # A browser asks for an icon of its own accord, and the test site has none.
        if "favicon.ico" not in message.location.get("url", ""):
            complaints.append(f"{message.location.get('url')}: {message.text}")

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
