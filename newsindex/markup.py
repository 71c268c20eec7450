"""HTML of any origin to a clean, well-nested sequence of tokens. Pure.

nh3 does the cleaning, with the lists below: nothing but tags and attributes of these lists can come out. What is
hidden, and what a page of text has no use for (scripts, forms' fields, players, frames), goes with its content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Final, Literal, TypeAlias

import nh3

Attributes: TypeAlias = tuple[tuple[str, str], ...]
#: ("start", tag, attributes), ("end", tag, ()) or ("text", text with entities resolved, ()).
Token: TypeAlias = tuple[Literal["start", "end", "text"], str, Attributes]

INLINE_TAGS: Final = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "dfn", "em", "i", "ins", "kbd", "q", "rt", "ruby", "s",
    "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var",
})  # fmt: skip
BLOCK_TAGS: Final = frozenset({
    "blockquote", "caption", "dd", "details", "div", "dl", "dt", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5",
    "h6", "li", "ol", "p", "pre", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
VOID_TAGS: Final = frozenset({"br", "hr", "img", "wbr"})
#: Attributes that come through, by tag; "*" is every tag.
ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "*": frozenset({"dir", "lang"}),
    "a": frozenset({"href", "hreflang", "title"}),
    "abbr": frozenset({"title"}),
    "details": frozenset({"open"}),
    "img": frozenset({"alt", "height", "src", "title", "width"}),
    "ol": frozenset({"reversed", "start", "type"}),
    "li": frozenset({"value"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan", "scope"}),
    "time": frozenset({"datetime"}),
}
URL_SCHEMES: Final = frozenset({"http", "https", "mailto"})

# A page has its own landmarks and forms: those of a body become plain blocks, so that their borders stay.
_RENAMED: Final = {
    "address": "div", "article": "div", "aside": "div", "center": "div", "fieldset": "div", "footer": "div",
    "form": "div", "header": "div", "hgroup": "div", "legend": "div", "main": "div", "nav": "div", "search": "div",
    "section": "div", "dir": "ul", "menu": "ul", "listing": "pre", "acronym": "abbr", "strike": "s", "tt": "code",
}  # fmt: skip
_GONE: Final = frozenset({
    "applet", "audio", "button", "canvas", "datalist", "dialog", "embed", "frameset", "head", "iframe", "input",
    "map", "math", "meter", "noembed", "noframes", "noscript", "object", "output", "plaintext", "progress", "rp",
    "script", "select", "style", "svg", "template", "textarea", "title", "video", "xmp",
})  # fmt: skip
_ALLOWED = {tag: set(names) for tag, names in ATTRIBUTES.items()}
_ALLOWED["*"].add("hidden")
_KEPT = set(INLINE_TAGS | BLOCK_TAGS | VOID_TAGS | set(_RENAMED))
# No attribute of use is longer.
_MAX_VALUE: Final = 2_000

# What a parser of HTML does with a start tag grows with the elements that are open, so time is bounded by giving it
# portions with few tags. Cuts are made where they do not show: before a block, outside tables and lists if possible.
_WHOLE: Final = 200
_SMALL: Final = 500
_LARGE: Final = 2_000
_FULL: Final = 3_000
_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<[!?][^>]*"
    r"|<(?P<raw>script|style|textarea|title|xmp|iframe|noembed|noframes)\b.*?(?:</(?P=raw)|\Z)"
    r"|<(?P<end>/?)(?P<name>[a-z][a-z0-9]*)(?:[^>\"']+|\"[^\"]*\"|'[^']*')*",
    re.IGNORECASE | re.DOTALL,
)
_CONTAINERS: Final = frozenset({
    "article", "blockquote", "dl", "div", "figure", "main", "ol", "section", "table", "ul",
})  # fmt: skip
_LISTS: Final = {"table": "tr", "ul": "li", "ol": "li", "dl": "dt"}
_BORDERS: Final = frozenset({
    "article", "blockquote", "dl", "dt", "div", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li",
    "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip
# Those that a parser opens again in each paragraph after the one in which they were not closed.
_FORMATTING: Final = frozenset({
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
})  # fmt: skip
_MAX_OPEN: Final = 30


def portions(html: str) -> Iterator[str]:
    """``html`` in portions that can be parsed one by one; all of it where it is not large."""
    if html.count("<") <= _WHOLE and len(html) <= 100_000:
        yield html
        return
    begin, tags, again = 0, 0, ""
    containers: list[str] = []
    unclosed: list[str] = []
    for found in _TOKEN.finditer(html):
        name = (found["name"] or "").lower()
        tags += 1
        if found["end"]:
            _forget(name, containers)
            _forget(name, unclosed)
        elif name:
            too_deep = max(len(containers), len(unclosed)) >= _MAX_OPEN
            if too_deep or _may_cut(name, containers, tags):
                yield again + html[begin : found.start()]
                if too_deep:
                    containers.clear()
                begin, tags, again = found.start(), 0, "".join(f"<{tag}>" for tag in containers)
                unclosed.clear()
            if name in _CONTAINERS:
                containers.append(name)
            elif name in _FORMATTING:
                unclosed.append(name)
                if found.end() - found.start() > _MAX_VALUE:
                    tags = _FULL
    yield again + html[begin:]


def _forget(name: str, names: list[str]) -> None:
    """Take the last ``name``, and what came after it, off the list; harmless where there is none."""
    if name in names:
        while names.pop() != name:
            pass


def _may_cut(name: str, containers: list[str], tags: int) -> bool:
    """Whether a portion of ``tags`` tags may end before the start tag ``name``."""
    if tags < _SMALL or tags >= _FULL or name not in _BORDERS:
        return tags >= _FULL
    if not any(tag in _LISTS for tag in containers):
        return True
    return tags >= _LARGE and name == _LISTS.get(containers[-1], name)


def tokens(portion: str) -> list[Token]:
    """The tokens of one portion, cleaned. Every start of an element that is not void has its end."""
    parser = _Tokens()
    parser.feed(
        nh3.clean(
            portion,
            tags=_KEPT,
            clean_content_tags=set(_GONE),
            attributes=_ALLOWED,
            attribute_filter=_attribute,
            url_schemes=set(URL_SCHEMES),
            link_rel=None,
        )
    )
    parser.close()
    return parser.tokens


def _attribute(tag: str, name: str, value: str) -> str | None:
    return value if len(value) <= _MAX_VALUE else None


class _Tokens(HTMLParser):
    """Reads what nh3 wrote: well nested, quoted, escaped. Leaves out what is hidden."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tokens: list[Token] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hidden or any(name == "hidden" for name, _ in attrs):
            self._hidden += tag not in VOID_TAGS
        else:
            attributes = tuple((name, value or "") for name, value in attrs)
            self.tokens.append(("start", _RENAMED.get(tag, tag), attributes))

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            self._hidden -= 1
        else:
            self.tokens.append(("end", _RENAMED.get(tag, tag), ()))

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.tokens.append(("text", data, ()))
