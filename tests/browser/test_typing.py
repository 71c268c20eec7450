"""Completions while typing, with a real browser: keys, what a screen reader is told, late answers, no scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.template import Context, Template

from tests.browser.conftest import Opener, missing
from tests.browser.test_reading import PHONE
from tests.factories import make_article


def box(page: Any) -> Any:
    return page.get_by_role("combobox")


def options(page: Any) -> Any:
    return page.get_by_role("option")


def typed(opened: Opener, text: str, path: str = "/search/", **context: Any) -> Any:
    page = opened(path, **context)
    box(page).press_sequentially(text)
    options(page).first.wait_for()
    return page


def active(page: Any) -> str | None:
    """The text of the option that a screen reader reads."""
    number = box(page).get_attribute("aria-activedescendant")
    return page.locator(f"[id='{number}']").inner_text() if number else None


def test_what_a_screen_reader_is_told(opened: Opener) -> None:
    page = opened("/search/")
    field = box(page)
    assert field.get_attribute("aria-autocomplete") == "list"
    assert field.get_attribute("aria-expanded") == "false"
    assert options(page).count() == 0
    field.press_sequentially("lightsh")
    options(page).first.wait_for()
    assert field.get_attribute("aria-expanded") == "true"
    listbox = page.get_by_role("listbox", name="Search for")
    assert listbox.get_attribute("id") == field.get_attribute("aria-controls")
    count = options(page).count()
    assert page.locator("[aria-live=polite]").inner_text() == f"{count} suggestions"
    assert options(page).last.inner_text().split("\n")[-1] == "Article"


def test_keys(opened: Opener) -> None:
    page = typed(opened, "lightsh")
    texts = options(page).all_inner_texts()
    assert active(page) is None
    page.keyboard.press("ArrowDown")
    assert active(page) == texts[0]
    assert options(page).first.get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowUp")
    assert active(page) is None
    page.keyboard.press("ArrowUp")
    assert active(page) == texts[-1]
    page.keyboard.press("Home")
    assert active(page) is None
    assert box(page).evaluate("one => one.selectionStart") == 0
    page.keyboard.press("Escape")
    assert box(page).get_attribute("aria-expanded") == "false"
    assert box(page).input_value() == "lightsh"
    page.keyboard.press("ArrowDown")
    options(page).first.wait_for()
    page.keyboard.press("Tab")
    assert options(page).count() == 0
    assert box(page).input_value() == "lightsh"


def test_text_from_right_to_left(opened: Opener) -> None:
    """What is typed, and each completion beneath it, begins on its own side; marked is what was typed."""
    make_article("الشمس تشرق", "الشمس الحارة 2024.", ["الشمس والقمر"], language="ar")
    page = typed(opened, "الش")
    assert {direction(one) for one in (box(page), *options(page).all())} == {"rtl"}
    field, texts = box(page).bounding_box(), page.locator("[role=option] > span").all()
    assert all(field["x"] + field["width"] - right(text) < 40 for text in texts)
    box(page).fill("ferry")
    options(page).filter(has_text="ferry").first.wait_for()
    assert {direction(one) for one in (box(page), options(page).first)} == {"ltr"}
    box(page).fill("الشمس")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    marks = page.locator(".ni-title mark, .ni-text mark").all_inner_texts()
    assert set(marks) == {"الشمس"}


def direction(part: Any) -> str:
    return str(part.evaluate("one => getComputedStyle(one).direction"))


def right(part: Any) -> float:
    place = part.bounding_box()
    return float(place["x"] + place["width"])


def test_enter_searches_for_what_is_active_or_for_the_text(opened: Opener) -> None:
    page = typed(opened, "ada")
    page.keyboard.press("ArrowDown")
    assert (active(page) or "").split("\n")[0] == "Ada Byron"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=author"))
    assert box(page).input_value() == 'author:"Ada Byron"'
    assert page.get_by_role("status").inner_text().startswith("19 articles")
    page = typed(opened, "lightsh")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"q=lightsh\b"))


def test_a_title_leads_to_its_article(opened: Opener) -> None:
    page = typed(opened, "the log")
    options(page).filter(has_text="The log of the lightship").click()
    page.wait_for_url("**/search/article/log/")


def test_filters_stay(opened: Opener) -> None:
    page = typed(opened, "fer", "/search/?tag=river&section=Harbour")
    options(page).filter(has_text="ferry").first.click()
    page.wait_for_url(re.compile(r"q=.*ferry.*tag=river|tag=river.*q=.*ferry"))


def test_a_late_answer_is_not_shown(opened: Opener) -> None:
    page = opened("/search/")
    late: list[Callable[[], None]] = []

    def answer(route: Any) -> None:
        text = "late" if route.request.url.endswith("q=fe") else "new"
        one = {"text": text, "kind": "word", "label": "", "query": text, "url": ""}
        reply = lambda: route.fulfill(json={"query": "", "message": "1 suggestion", "suggestions": [one]})  # noqa: E731
        if text == "late":
            late.append(reply)
        else:
            reply()

    page.route("**/suggest/json/**", answer)
    box(page).press_sequentially("fe")
    page.wait_for_timeout(400)
    assert len(late) == 1
    box(page).press_sequentially("r")
    options(page).filter(has_text="new").wait_for()
    late[0]()
    page.wait_for_timeout(200)
    assert options(page).all_inner_texts() == ["new"]


def test_fast_typing_asks_once(opened: Opener) -> None:
    page = opened("/search/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "suggest/" in request.url else None)
    box(page).focus()
    box(page).evaluate("""one => ['li', 'ligh', 'lightship'].forEach(text => {
        one.value = text;
        one.dispatchEvent(new InputEvent('input', { bubbles: true }));
    })""")
    options(page).first.wait_for()
    assert [url.rpartition("q=")[2] for url in asked] == ["lightship"]


def test_nothing_is_asked_while_an_input_method_is_at_work(opened: Opener) -> None:
    page = opened("/search/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "suggest/" in request.url else None)
    box(page).focus()
    keyboard = page.context.new_cdp_session(page)
    keyboard.send("Input.imeSetComposition", {"text": "fer", "selectionStart": 3, "selectionEnd": 3})
    page.wait_for_timeout(400)
    assert asked == []
    keyboard.send("Input.insertText", {"text": "ferry"})
    options(page).first.wait_for()


def test_a_failure_closes_the_list_and_nothing_else(opened: Opener) -> None:
    page = typed(opened, "lights")
    page.route("**/suggest/json/**", lambda route: route.fulfill(body="not JSON"))
    box(page).press_sequentially("h")
    page.locator("[role=listbox]").wait_for(state="hidden")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=lightsh"))


def test_without_scripts_it_is_a_plain_box(opened: Opener) -> None:
    page = opened("/search/", java_script_enabled=False)
    page.get_by_role("searchbox").fill("ferry")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=ferry**")


@pytest.mark.parametrize("context", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
def test_the_list_is_within_reach(opened: Opener, context: dict[str, Any]) -> None:
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("needs axe: pip install django-newsindex[browser]")
    page = typed(opened, "r", bypass_csp=True, **context)
    page.keyboard.press("ArrowDown")
    heights = options(page).evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert min(heights) >= 44
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


HEADER = """{% load newsindex %}<!doctype html><html lang="en" dir="DIRECTION"><head>
<meta name="viewport" content="width=device-width"><title>Home</title>{% search_media %}</head>
<body><header style="display: flex; justify-content: space-between; gap: 1rem">
<p style="font-size: 1.25rem; white-space: nowrap">Harbour Post</p><nav style="display: flex">{% search_form %}</nav>
</header></body></html>"""


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("width", [360, 700, 1280])
def test_in_a_header_neither_box_nor_list_leaves_the_window(opened: Opener, width: int, direction: str) -> None:
    """The box stands at the end of the line there, and titles are longer than it."""
    make_article("Zoological society of the northern harbour counties celebrates its hundredth anniversary", "Text")
    home = Template(HEADER.replace("DIRECTION", direction)).render(Context())
    page = opened("/search/", **(PHONE if width == PHONE["viewport"]["width"] else {"viewport": wide(width)}))
    page.route("**/home/", lambda route: route.fulfill(content_type="text/html", body=home))
    page.goto(page.url.replace("/search/", "/home/"))
    fits = "document.documentElement.scrollWidth <= screen.width"
    assert page.evaluate(fits)
    box(page).press_sequentially("zoolog")
    options(page).first.wait_for()
    edges = page.locator("[role=listbox]").bounding_box()
    assert edges["x"] >= 0
    assert edges["x"] + edges["width"] <= width
    assert edges["width"] >= min(340, width * 0.85)
    assert page.evaluate(fits)


def wide(width: int) -> dict[str, int]:
    return {"width": width, "height": 800}
