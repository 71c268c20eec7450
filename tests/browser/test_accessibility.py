"""No page has a violation that axe-core can find, light or dark, wide or narrow."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Opener, missing
from tests.browser.test_reading import PAGES, PHONE


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_axe_finds_nothing(opened: Opener, path: str, scheme: str) -> None:
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("needs axe: pip install django-newsindex[browser]")
    for options in ({}, PHONE):
        page = opened(path, color_scheme=scheme, **options)
        # What is folded is looked at too.
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
