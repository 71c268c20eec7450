"""Searching and reading with a real browser, as a reader does, on any device."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Opener

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
PAGES = {
    "empty": "/search/",
    "results": "/search/?q=ferry",
    "filtered": "/search/?q=ferry&tag=river&section=Harbour&sort=newest",
    "nothing": "/search/?q=xyzzyplugh",
    "article": "/search/article/log/?q=lightship",
    "tag": "/search/tag/harbour/",
}

in_viewport = """element => {
    const box = element.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= window.innerHeight && box.height > 0;
}"""


def marked_words(page: Any) -> set[str]:
    return {text.lower() for text in page.locator("mark").all_inner_texts()}


def test_typing_a_search_shows_marked_words(opened: Opener) -> None:
    page = opened("/search/")
    page.get_by_role("combobox").fill("floated docks")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=floated**")
    assert marked_words(page) == {"floating", "dock"}
    assert page.get_by_role("combobox").input_value() == "floated docks"
    assert page.get_by_role("status").inner_text().startswith("1 article")


def test_a_paragraph_link_lands_on_the_marked_paragraph(opened: Opener) -> None:
    page = opened("/search/?q=floating+dock")
    page.get_by_role("link", name="Read in context: Paragraph 31").click()
    page.wait_for_url("**/article/lightship/**")
    anchor = page.url.partition("#")[2].partition(":~:")[0]
    paragraph = page.locator(f"[id='{anchor}']")
    assert "floating dock" in paragraph.inner_text()
    assert [text.lower() for text in paragraph.locator("mark").all_inner_texts()] != []
    assert paragraph.evaluate(in_viewport)
    assert page.evaluate("window.scrollY") > 1000
    outlined = "one => { const style = getComputedStyle(one); return [style.outlineStyle, style.outlineWidth] }"
    assert paragraph.evaluate(outlined) == ["solid", "2px"]
    assert page.locator(".ni-body p").first.evaluate(outlined)[0] == "none"
    page.go_back()
    assert page.get_by_role("combobox").input_value() == "floating dock"


def test_a_facet_narrows_and_its_chip_widens_again(opened: Opener) -> None:
    page = opened("/search/?q=ferry")
    total = page.get_by_role("status").inner_text()
    page.locator(".ni-facet").get_by_role("link", name="Town Hall").click()
    page.wait_for_url("**section=Town**")
    assert page.get_by_role("status").inner_text() != total
    assert "q=ferry" in page.url
    page.get_by_role("link", name="(remove this filter)").first.click()
    page.wait_for_function("!location.search.includes('section')")
    assert page.get_by_role("status").inner_text() == total


def test_pages_can_be_turned(opened: Opener) -> None:
    page = opened("/search/?q=ferry")
    first = page.locator(".ni-title").all_inner_texts()
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**page=2**")
    assert page.locator("[aria-current=page]").inner_text().split()[-1] == "2"
    assert not set(first) & set(page.locator(".ni-title").all_inner_texts())


def test_a_month_of_the_timeline_narrows_the_search(opened: Opener) -> None:
    page = opened("/search/?q=ferry")
    page.locator("svg a").first.click()
    page.wait_for_url("**after=2025-01-01**")
    assert page.locator(".ni-hit").count() == 2


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_a_phone_shows_the_whole_width(opened: Opener, path: str) -> None:
    page = opened(path, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.scrollingElement.clientWidth") == 360


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_a_finger_hits_what_it_aims_at(opened: Opener, path: str) -> None:
    """What is pressed to search is 44 pixels high; other links at least 24, or stand in running text."""
    page = opened(path, **PHONE)
    small = page.evaluate(
        """() => [...document.querySelectorAll("main a, main button, main input, main summary")]
            .filter(one => one.checkVisibility() && one.type !== "hidden" && !one.closest("svg"))
            .filter(one => !one.closest(".ni-body, .ni-meta, .ni-title, .ni-summary > a, p > a"))
            .map(one => [one.innerText || one.name, Math.round(one.getBoundingClientRect().height)])
            .filter(([name, height]) => height < 44)"""
    )
    assert small == []


def test_everything_works_without_script(opened: Opener) -> None:
    page = opened("/search/", java_script_enabled=False)
    page.get_by_role("searchbox").fill("ferry")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/search/?q=ferry**")
    assert marked_words(page) == {"ferry"}
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**page=2**")
    page.get_by_text("Choose a month").click()
    assert page.locator(".ni-months li").first.is_visible()
    page.locator(".ni-title a").first.click()
    page.wait_for_url("**/article/**")
    assert "ferry" in marked_words(page)


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_the_strict_policy_is_sent_and_kept(opened: Opener, path: str) -> None:
    """``opened`` fails if the browser reports anything."""
    page = opened(path)
    answer = page.request.get(page.url)
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert page.evaluate("getComputedStyle(document.querySelector('.newsindex')).boxSizing") == "border-box"


def focused(page: Any) -> dict[str, Any]:
    result: dict[str, Any] = page.evaluate(
        """() => {
            const one = document.activeElement;
            const style = getComputedStyle(one);
            const box = one.getBoundingClientRect();
            return {
                tag: one.tagName.toLowerCase(),
                text: (one.getAttribute("aria-label") || one.innerText || one.name || "").trim(),
                place: ["form", "section.ni-results", "nav", "aside", "svg"]
                    .filter(place => one.closest(place)).join(" "),
                shown: style.outlineStyle === "auto"
                    || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
                inside: box.bottom > 0 && box.top < innerHeight,
            };
        }"""
    )
    return result


def test_the_keyboard_reaches_everything_and_shows_where_it_is(opened: Opener) -> None:
    page = opened("/search/?q=ferry")
    reached = []
    for _step in range(250):
        page.keyboard.press("Tab")
        stop = focused(page)
        if stop["tag"] == "body":
            break
        reached.append(stop)
    assert [stop for stop in reached if not stop["shown"]] == []
    assert [stop for stop in reached if not stop["inside"]] == []
    assert reached[0]["text"] == "Skip to content"
    places = " ".join(stop["place"] for stop in reached)
    for place in ("form", "section.ni-results", "nav", "aside", "svg"):
        assert place in places
    links = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), summary")]
            .filter(one => one.checkVisibility()).length"""
    )
    # A date field has several stops of its own; nothing is reached less than once.
    assert len(reached) >= links


def test_a_search_by_keyboard_alone(opened: Opener) -> None:
    page = opened("/search/")
    while focused(page)["tag"] != "input":
        page.keyboard.press("Tab")
    page.keyboard.type("lightship")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=lightship**")
    while "section.ni-results" not in focused(page)["place"] or "lightship" not in focused(page)["text"]:
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/article/**")
    assert "lightship" in marked_words(page)


def test_the_skip_link_skips(opened: Opener) -> None:
    page = opened("/search/?q=ferry")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page)["tag"] == "input"


def test_the_dark_scheme_is_dark(opened: Opener) -> None:
    """Paper, ink and marks all change; axe measures their contrast."""
    shades = """() => [document.body, document.querySelector("mark")].map(one => {
        const style = getComputedStyle(one);
        const light = color => color.match(/[\\d.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 765;
        return [light(style.backgroundColor), light(style.color)];
    })"""
    (paper, ink), (mark, mark_ink) = opened("/search/?q=ferry", color_scheme="light").evaluate(shades)
    assert paper > 0.9 > 0.2 > ink
    assert mark > 0.6 > 0.2 > mark_ink
    (paper, ink), (mark, mark_ink) = opened("/search/?q=ferry", color_scheme="dark").evaluate(shades)
    assert paper < 0.2 < 0.8 < ink
    assert mark < 0.5 < 0.8 < mark_ink
