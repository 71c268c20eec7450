"""Body text (plain, Markdown, HTML) to paragraphs. Pure.

A body is read once, into ``Body``: its paragraphs, and its pieces, a flat and well-nested sequence from which
``newsindex.highlighting`` writes the page. Both come from one walk, so numbers, anchors and offsets agree.

- Plain text: blank lines separate paragraphs; where there is none, every line is a paragraph.
- Markdown becomes HTML (CommonMark, tables, strikethrough), HTML is cleaned by nh3 with the lists below, and the
  clean HTML is walked. Nothing but tags and attributes of these lists can come out.
- A paragraph is a run of text between the borders of blocks, or between two ``<br>`` in a row. A row of a table is
  one paragraph, unless its cells hold more than a line or two each, as in pages laid out by tables.
- A run longer than ``LONGEST`` characters is cut between words into several paragraphs, which are shown as one.
- Not part of any paragraph: descriptions of images, readings in ruby, what is ``hidden``, what is not shown.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Final, Literal, TypeAlias

from markdown_it import MarkdownIt

from newsindex.exceptions import ConfigurationError
from newsindex.markup import BLOCK_TAGS, INLINE_TAGS, VOID_TAGS, Attributes, Token, portions, tokens

Kind: TypeAlias = Literal["paragraph", "heading", "quote", "list_item", "caption", "code"]
Span: TypeAlias = tuple[int, int]
Format: TypeAlias = Literal["plain", "markdown", "html"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A piece of an article's text.

    number: its place in the article, from 1. anchor: an HTML id made from the text alone, so that it stays when
    other paragraphs come, go or move. text: plain text, NFC, entities resolved, white space collapsed (but in code).
    """

    number: int
    anchor: str
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Open:
    """An element begins. anchor: the id it carries, "" for none."""

    tag: str
    attributes: Attributes = ()
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Close:
    """The element opened last, and not closed since, ends."""

    tag: str


@dataclass(frozen=True, slots=True)
class Void:
    """An element without content: an image, a line break, a rule."""

    tag: str
    attributes: Attributes = ()


@dataclass(frozen=True, slots=True)
class Text:
    """Text as shown, unescaped.

    It is the text of paragraph number ``paragraph`` from code point ``start`` on, but for no-break spaces, which are
    plain ones there. paragraph 0: shown, but not to be marked (readings, gaps between cells).
    """

    text: str
    paragraph: int = 0
    start: int = 0


Piece: TypeAlias = Open | Close | Void | Text


@dataclass(frozen=True, slots=True)
class Body:
    """A body as read: ``pieces`` hold every character of ``paragraphs`` once, in order."""

    paragraphs: tuple[Paragraph, ...]
    pieces: tuple[Piece, ...]


#: No paragraph has more characters: whoever marks one, does so in bounded time.
LONGEST: Final = 10_000

_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "heading"),
    **dict.fromkeys(("li", "dt", "dd"), "list_item"),
    **dict.fromkeys(("caption", "figcaption"), "caption"),
    "blockquote": "quote",
    "tr": "paragraph",
}
# Where loose text may stand in a <p> of its own; elsewhere a <span> carries its anchor.
_FLOW: Final = frozenset({"", "blockquote", "div"})
_CELLS: Final = frozenset({"td", "th"})
# No letter of a language has more marks.
_MOST_MARKS: Final = 20
# Elements nested deeper are read, but not written.
_MAX_BLOCKS: Final = 100
_MAX_INLINES: Final = 16

_MARKDOWN = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])

_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028]")
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
_ZERO_WIDTH = re.compile("[\u200b\ufeff]")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# No-break spaces stay on the page, where they keep "10 km" on one line, and are plain spaces in the text.
_NO_BREAK: Final = "\xa0\u202f"
_PLAIN_SPACES = str.maketrans(dict.fromkeys(_NO_BREAK, " "))


def paragraphs(body: str, body_format: Format) -> tuple[Paragraph, ...]:
    """The paragraphs of ``body``, in order. Never raises on any text; ConfigurationError on an unknown format."""
    return read(body, body_format).paragraphs


def from_plain(text: str) -> tuple[Paragraph, ...]:
    """The paragraphs of plain text."""
    return paragraphs(text, "plain")


def from_markdown(text: str) -> tuple[Paragraph, ...]:
    """The paragraphs of Markdown; HTML inside it counts as HTML."""
    return paragraphs(text, "markdown")


def from_html(text: str) -> tuple[Paragraph, ...]:
    """The paragraphs of HTML: a fragment or a whole page, trusted or not."""
    return paragraphs(text, "html")


def read(body: str, body_format: Format) -> Body:
    """``body`` with its structure: what the article page shows. Raises as ``paragraphs`` does."""
    text = _SURROGATE.sub("\ufffd", body)
    builder = _Builder()
    if body_format == "plain":
        _read_plain(text, builder)
    elif body_format == "markdown":
        _read_html(_MARKDOWN.render(text), builder)
    elif body_format == "html":
        _read_html(text, builder)
    else:
        raise ConfigurationError(f"The format of a body must be 'plain', 'markdown' or 'html', not {body_format!r}.")
    return builder.finish()


def _read_plain(text: str, builder: _Builder) -> None:
    lines = _LINE_END.sub("\n", text).replace("\u2029", "\n\n").strip()
    parts = _BLANK_LINES.split(lines)
    for part in parts if len(parts) > 1 else lines.split("\n"):
        if _visible(part):
            builder.start("p", ())
            builder.text(part)
            builder.end("p")


def _read_html(html: str, builder: _Builder) -> None:
    for portion in portions(html):
        _walk(tokens(portion), builder)


@dataclass(slots=True)
class _Block:
    """An open block. index: where its Open stands among the pieces, -1 if it is not written."""

    tag: str
    index: int
    kind: Kind = "paragraph"
    code: bool = False
    row: bool = False
    in_row: bool = False
    nested: bool = False
    runs: list[_Run] = field(default_factory=list)


@dataclass(slots=True)
class _Run:
    """Text that becomes one paragraph. first, last: the places kept for the element that may wrap it.

    texts: place and parts of each text. gaps: the places of those that the structure put in. spaced: a space here
    would be one too many. broken: the last thing was a line break.
    """

    first: int = -1
    last: int = -1
    texts: list[tuple[int, list[str]]] = field(default_factory=list)
    gaps: set[int] = field(default_factory=set)
    spaced: bool = True
    broken: bool = False
    anchor: str = ""

    def add(self, place: int, text: str) -> None:
        self.texts.append((place, [text]))
        self.spaced = text[-1].isspace()
        self.broken = False


class _Builder:
    """Takes elements and text in order, and makes paragraphs and pieces of them.

    An inline element that reaches over the border of a block is closed before it and opened again after it, where
    text follows. The place of a piece that is known only later holds None.
    """

    def __init__(self) -> None:
        self._pieces: list[Piece | tuple[Piece, ...] | None] = []
        self._paragraphs: list[Paragraph] = []
        self._anchors: dict[str, int] = {}
        self._blocks = [_Block("", -1)]
        self._inlines: list[tuple[str, Attributes]] = []
        # How many of the inline elements, from the outermost, are written as open.
        self._written = 0
        self._run: _Run | None = None
        self._asides = 0

    def start(self, tag: str, attributes: Attributes, *, row: bool = False) -> None:
        """An element begins. row: a table row that is to be one paragraph."""
        if tag in INLINE_TAGS:
            self._inlines.append((tag, attributes))
            self._asides += tag == "rt"
        elif tag in VOID_TAGS:
            self._void(tag, attributes)
        else:
            self._border()
            parent = self._blocks[-1]
            parent.nested = True
            written = len(self._blocks) < _MAX_BLOCKS
            block = _Block(tag, len(self._pieces) if written else -1, _KINDS.get(tag, parent.kind))
            block.code = not row and (parent.code or tag == "pre")
            if block.code:
                block.kind = "code"
            block.in_row = parent.in_row or (row and written)
            block.row = row and written
            if written:
                self._pieces.append(Open(tag, attributes))
            self._blocks.append(block)
            if block.row:
                self._run = _Run()

    def end(self, tag: str) -> None:
        """The innermost element, a ``tag``, ends."""
        if tag in INLINE_TAGS:
            if self._written == len(self._inlines):
                self._pieces.append(Close(tag))
                self._written -= 1
            self._inlines.pop()
            self._asides -= tag == "rt"
            return
        # The space between two cells is put before the second one, where no cell shows it.
        self._border(gap=tag not in _CELLS)
        block = self._blocks[-1]
        if block.row:
            self._finish_run()
        self._blocks.pop()
        self._settle(block)
        if block.index >= 0:
            self._pieces.append(Close(tag))

    def text(self, text: str) -> None:
        """Text of the innermost element; its white space is not yet collapsed."""
        code = self._blocks[-1].code
        shown = _ZERO_WIDTH.sub("", text)
        shown = _CONTROL.sub("", shown) if code else _collapsed(shown)
        if self._asides:
            self._aside(shown)
            return
        run = self._run
        if not code and (run is None or run.spaced):
            shown = shown.lstrip()
        if run and run.texts and not run.spaced:
            # A combining mark in an element of its own belongs to the letter before the element.
            marks = _leading_marks(shown)
            run.texts[-1][1].append(shown[:marks])
            shown = shown[marks:]
        if shown:
            self._ready().add(len(self._pieces), shown)
            self._pieces.append(None)

    def finish(self) -> Body:
        """The whole; the builder is used up."""
        self._border()
        self._settle(self._blocks[0])
        slots = [slot if isinstance(slot, tuple) else (slot,) for slot in self._pieces if slot is not None]
        return Body(tuple(self._paragraphs), tuple(_without_empty_headers(list(chain.from_iterable(slots)))))

    def _void(self, tag: str, attributes: Attributes) -> None:
        block = self._blocks[-1]
        if tag == "br" and block.code:
            self.text("\n")
        elif tag == "hr" or (tag == "br" and (self._run is None or (self._run.broken and not block.in_row))):
            self._border()
            self._pieces.append(Void(tag, attributes))
        else:
            run = self._ready()
            self._pieces.append(Void(tag, attributes))
            if tag == "br":
                self._gap()
            run.broken = tag == "br"

    def _aside(self, text: str) -> None:
        if text.strip():
            self._ready()
            self._pieces.append(Text(text))

    def _ready(self) -> _Run:
        """The current run, begun if there is none, with its inline elements open."""
        if self._run is None:
            self._run = _Run(len(self._pieces))
            self._pieces.append(None)
        for tag, attributes in self._inlines[self._written : _MAX_INLINES]:
            self._pieces.append(Open(tag, attributes))
            self._written += 1
        return self._run

    def _border(self, *, gap: bool = True) -> None:
        """A block begins or ends here. gap: in a row, words on both sides are to be kept apart."""
        for tag, _ in reversed(self._inlines[: self._written]):
            self._pieces.append(Close(tag))
        self._written = 0
        if self._blocks[-1].in_row:
            if gap:
                self._gap()
        else:
            self._finish_run()

    def _gap(self) -> None:
        """A space between words that only the structure separates."""
        run = self._run
        if run and run.texts and not run.spaced:
            run.gaps.add(len(self._pieces))
            run.add(len(self._pieces), " ")
            self._pieces.append(None)

    def _finish_run(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        block = self._blocks[-1]
        run.last = len(self._pieces)
        self._pieces.append(None)
        texts = _normalised(run.texts, block.code)
        text = "".join(shown for _, shown in texts).translate(_PLAIN_SPACES)
        parts = [part for part in _parts(text) if _visible(text[slice(*part)])]
        if not parts:
            return
        first = len(self._paragraphs)
        for begin, end in parts:
            anchor = self._anchor(text[begin:end])
            self._paragraphs.append(Paragraph(len(self._paragraphs) + 1, anchor, block.kind, text[begin:end]))
        if len(parts) == 1:
            run.anchor = self._paragraphs[-1].anchor
        self._place(texts, run.gaps, list(zip(parts, self._paragraphs[first:], strict=True)))
        block.runs.append(run)

    def _place(self, texts: list[tuple[int, str]], gaps: set[int], parts: list[tuple[Span, Paragraph]]) -> None:
        """Put the texts of a run into their places. parts: its paragraphs, in order, with where they stand in it.

        Where there are several, each has its anchor on a ``<span>`` around its first text.
        """
        borders = [border for span, _ in parts for border in span]
        unanchored = {paragraph.number for _, paragraph in parts} if len(parts) > 1 else set()
        start = 0
        for place, shown in texts:
            pieces: list[Piece] = []
            for at, text in _cut(shown, start, borders):
                nth = bisect_right(borders, at)
                if nth % 2 == 0 or place in gaps:
                    pieces.append(Text(text))
                    continue
                (begin, _), paragraph = parts[nth // 2]
                piece = Text(text, paragraph.number, at - begin)
                if paragraph.number in unanchored:
                    unanchored.remove(paragraph.number)
                    pieces += (Open("span", (), paragraph.anchor), piece, Close("span"))
                else:
                    pieces.append(piece)
            self._pieces[place] = tuple(pieces)
            start += len(shown)

    def _settle(self, block: _Block) -> None:
        """Let the block itself carry the anchor of its text where it holds nothing else, else wrappers do."""
        if block.row or (len(block.runs) == 1 and not block.nested and block.index >= 0):
            opened = self._pieces[block.index]
            if block.runs and isinstance(opened, Open):
                self._pieces[block.index] = Open(opened.tag, opened.attributes, block.runs[0].anchor)
            return
        wrapper = "p" if block.tag in _FLOW else "span"
        for run in block.runs:
            self._pieces[run.first] = Open(wrapper, (), run.anchor)
            self._pieces[run.last] = Close(wrapper)

    def _anchor(self, text: str) -> str:
        anchor = anchor_of(text)
        times = self._anchors[anchor] = self._anchors.get(anchor, 0) + 1
        return anchor if times == 1 else f"{anchor}-{times}"


def anchor_of(text: str) -> str:
    """The anchor of the first paragraph with this text: a valid id, safe in a URL, the same for ever."""
    digest = hashlib.blake2b(" ".join(text.split()).encode("utf-8", "replace"), digest_size=7).digest()
    return "p-" + base64.b32encode(digest).decode().lower()[:10]


def _without_empty_headers(pieces: list[Piece]) -> list[Piece]:
    """The pieces with each header cell that holds no text and no image turned into an ordinary cell."""
    out = list(pieces)
    opened: list[int] = []
    filled = -1
    for index, piece in enumerate(pieces):
        if isinstance(piece, Open) and piece.tag == "th":
            opened.append(index)
        elif isinstance(piece, Close) and piece.tag == "th":
            begin = opened.pop()
            header = pieces[begin]
            if filled < begin and isinstance(header, Open):
                attributes = tuple(pair for pair in header.attributes if pair[0] != "scope")
                out[begin], out[index] = Open("td", attributes, header.anchor), Close("td")
        elif isinstance(piece, Text):
            filled = index if _visible(piece.text) else filled
        elif isinstance(piece, Void) and piece.tag == "img":
            filled = index
    return out


def _visible(text: str) -> bool:
    """Whether there is anything but spaces, controls and invisible format characters."""
    return any(unicodedata.category(char) not in ("Zs", "Zl", "Zp", "Cc", "Cf") for char in text)


def _collapsed(text: str) -> str:
    if "\xa0" in text or "\u202f" in text:
        return _SPACE.sub(lambda found: found[0] if found[0] in _NO_BREAK else " ", text)
    return _SPACE.sub(" ", text)


def _leading_marks(text: str) -> int:
    """How many characters at the beginning of ``text`` may combine with what stands before it."""
    for index, char in enumerate(text):
        jamo = "\u1160" <= char <= "\u11ff"
        if char < "\u0300" or not (jamo or unicodedata.category(char).startswith("M")):
            return index
    return len(text)


def _normalised(texts: list[tuple[int, list[str]]], code: bool) -> list[tuple[int, str]]:
    """The texts in NFC, each alone and all together, without white space at both ends."""
    out = [(place, unicodedata.normalize("NFC", "".join(parts))) for place, parts in texts]
    whole = "".join(text for _, text in out)
    if not unicodedata.is_normalized("NFC", whole):
        # Unicode 16 has letters that combine with the one before: the text counts more than its elements.
        whole = unicodedata.normalize("NFC", whole)
        out = [(place, "" if index else whole) for index, (place, _) in enumerate(out)]
    begin = len(whole) - len(whole.lstrip("\n")) if code else 0
    end = len(whole.rstrip("\n") if code else whole.rstrip())
    trimmed, position = [], 0
    for place, text in out:
        trimmed.append((place, text[max(begin - position, 0) : max(end - position, 0)]))
        position += len(text)
    return trimmed


def _parts(text: str) -> list[Span]:
    """The parts of ``text``, at most ``LONGEST`` characters each: cut at the end of a line or a word if there is one.

    The white space between two parts is in none of them.
    """
    parts: list[Span] = []
    begin = 0
    while len(text) - begin > LONGEST:
        limit = begin + LONGEST
        end = next((at for sign in "\n " if (at := text.rfind(sign, begin + 1, limit)) > 0), limit)
        if end == limit:
            # A letter stays with its marks.
            end += _leading_marks(text[limit : limit + _MOST_MARKS])
        parts.append((begin, begin + len(text[begin:end].rstrip())))
        begin = end
        while text[begin : begin + 1].isspace():
            begin += 1
    return [*parts, (begin, len(text))]


def _cut(text: str, start: int, borders: list[int]) -> list[tuple[int, str]]:
    """``text``, which stands at ``start``, cut at those of the sorted ``borders`` inside it: (place, text) of each."""
    cuts = [start, *borders[bisect_right(borders, start) : bisect_left(borders, start + len(text))], start + len(text)]
    return [(a, text[a - start : b - start]) for a, b in pairwise(cuts) if a < b]


def _walk(found: list[Token], builder: _Builder) -> None:
    rows = _rows_of_data(found)
    for index, (event, value, attributes) in enumerate(found):
        if event == "text":
            builder.text(value)
        elif event == "start":
            builder.start(value, attributes, row=index in rows)
        else:
            builder.end(value)


def _rows_of_data(found: list[Token]) -> set[int]:
    """Where the rows begin whose cells hold plain lines, at most one block each."""
    rows: set[int] = set()
    is_data: list[bool] = []
    begins: list[int] = []
    blocks = 0
    for index, (event, tag, _) in enumerate(found):
        if event == "end" and tag == "tr":
            begin = begins.pop()
            if is_data.pop():
                rows.add(begin)
        elif event != "start" or tag not in BLOCK_TAGS:
            continue
        elif tag == "tr":
            begins.append(index)
            is_data.append(True)
        elif tag in ("td", "th"):
            blocks = 0
        elif is_data:
            blocks += 1
            is_data[-1] &= blocks == 1 and tag in ("p", "div")
    return rows
