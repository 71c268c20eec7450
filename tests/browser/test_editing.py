"""The admin in a real browser: an editor searches the list of articles."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from tests.browser.conftest import Opener
from tests.factories import make_article


@pytest.fixture
def signed_in(site: str) -> dict[str, object]:
    """The storage of a browser in which an editor is signed in."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("editor", password="x"))
    cookie = client.cookies["sessionid"]
    return {"cookies": [{"name": "sessionid", "value": cookie.value, "url": site}], "origins": []}


def test_the_list_shows_the_paragraph_that_matches(opened: Opener, signed_in: dict[str, object]) -> None:
    make_article("Not yet", "A secret draft about the floating dock.", slug="draft", status="draft")
    page = opened("/admin/newsindex/article/")
    assert "/login/" in page.url
    page = opened("/admin/newsindex/article/", storage_state=signed_in)
    page.locator("#searchbar").fill("floated docks")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=floated**")
    cells = page.locator(".field-matching_paragraph")
    assert cells.count() == 2
    assert {text.lower() for text in cells.locator("mark").all_inner_texts()} == {"floating", "dock"}
    assert any(text.startswith("A secret draft about the floating dock.") for text in cells.all_inner_texts())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marks_can_be_read_in_the_admin(opened: Opener, signed_in: dict[str, object], scheme: str) -> None:
    page = opened("/admin/newsindex/article/?q=ferry", storage_state=signed_in, color_scheme=scheme)
    contrast = page.locator("td mark").first.evaluate(
        """one => {
            const shade = color => {
                const [red, green, blue] = color.match(/[\\d.]+/g).slice(0, 3).map(part => {
                    const value = Number(part) / 255;
                    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
                });
                return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
            };
            const style = getComputedStyle(one);
            const [dark, light] = [shade(style.color), shade(style.backgroundColor)].sort((a, b) => a - b);
            return (light + 0.05) / (dark + 0.05);
        }"""
    )
    assert contrast >= 4.5


def test_why_a_row_is_where_it_is_fits_the_admin(opened: Opener, signed_in: dict[str, object]) -> None:
    """Every number is on the screen of a phone, with its name, and the admin's own tables keep their columns."""
    wide = opened("/admin/newsindex/article/?q=ferry", storage_state=signed_in, viewport={"width": 1280, "height": 800})
    usual = wide.locator("#nav-sidebar tr").first.bounding_box()
    wide.get_by_role("link", name="Why here?").first.click()
    wide.wait_for_url("**/explain/**")
    assert wide.locator("#nav-sidebar tr").first.bounding_box()["height"] == pytest.approx(usual["height"], abs=1)
    path = f"/{wide.url.split('/', 3)[3]}"
    narrow = opened(path, storage_state=signed_in, viewport={"width": 360, "height": 780})
    numbers = narrow.locator("table .ni-number:not(thead *)")
    assert numbers.count() > 4
    for box in [each.bounding_box() for each in numbers.all()]:
        assert box["x"] >= 0 and box["x"] + box["width"] <= 360
    shown = "one => getComputedStyle(one, '::before').content"
    assert narrow.locator("tbody td.ni-number").first.evaluate(shown) == '"Articles"'
