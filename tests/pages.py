"""Reading HTML as a browser does, as far as the tests of the pages need it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    text: list[str] = field(default_factory=list)

    @property
    def content(self) -> str:
        return " ".join("".join(self.text).split())


class Page(HTMLParser):
    """A parsed page. elements: in order; problems: what does not nest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.problems: list[str] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        self.problems += [f"<{element.tag}> is never closed" for element in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            self.problems.append(f"</{tag}> at {self.getpos()}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [
            element
            for element in self.elements
            if element.tag == tag
            and all(value in (element.attributes.get(name) or "").split() for name, value in wanted.items())
        ]

    @property
    def marked(self) -> list[str]:
        return [element.content for element in self.all("mark")]


def unsafe(page: Page) -> list[str]:
    """What a policy of ``default-src 'self'`` forbids, or what could run: scripts, inline styles, handlers, links."""
    found = []
    for element in page.elements:
        own_script = element.tag == "script" and (element.attributes.get("src") or "").startswith("/static/newsindex/")
        if not own_script and element.tag in ("script", "style", "iframe", "object", "embed", "base"):
            found.append(f"<{element.tag}>")
        for name, value in element.attributes.items():
            if name == "style" or name.startswith("on"):
                found.append(f"<{element.tag} {name}>")
            scheme = (value or "").strip().lower().partition(":")[0]
            if name in ("href", "src", "action") and scheme in ("javascript", "data", "vbscript"):
                found.append(f"<{element.tag} {name}={value}>")
    return found
