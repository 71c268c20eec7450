"""Text with places to safe HTML, to a terminal, to the end of a URL. The only file that marks anything safe.

Spans are code points, half open. Wrong ones (out of range, overlapping, turned round) are clamped: a mistake of an
engine costs a mark, never the page.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import islice
from typing import Final, TypeGuard
from urllib.parse import quote

from django.utils.formats import localize
from django.utils.safestring import SafeString

from newsindex.engines.base import Marked, Span
from newsindex.markup import Attributes
from newsindex.paragraphs import Body, Close, Format, Open, Text, Void, read

#: Code points of an excerpt. A word or two more where that keeps a word whole.
EXCERPT: Final = 320

# Long enough for every way of grouping digits.
_LONG_NUMBER: Final = 10**12
_ELLIPSIS: Final = "…"
# How far from a cut a space is looked for; text without spaces is cut inside.
_REACH: Final = 40
# Words on either side of a match that a link to it names.
_MOST_CONTEXT: Final = 8
# Code points in which these mostly stand.
_NEAR: Final = 80
_SPACE = re.compile(r"\s")
# The letters of flags, of which two stand for a country.
_FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_FLAG = re.compile(f"[{_FLAGS}]")
_ZERO_WIDTH_JOINER = "\u200d"
# The class of the sign that joins two consonants of an Indic script.
_VIRAMA = 9
# Beside marks: the joiner of emojis, parts of Hangul, voicing of narrow kana, colours of skin, regions of a flag.
_GOES_ON = re.compile("[\u200d\u1160-\u11ff\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_WORD = re.compile(r"\S+")
# Words that have nothing to be quoted but the spaces between them.
_PLAIN_WORDS = re.compile("[A-Za-z0-9 ]*")
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_LAYOUT = re.compile("[\t-\r\x85\u2028\u2029]+")
# Controls, surrogates, and the characters that turn the direction of what follows them on the line.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def highlight(marked: Marked | str) -> SafeString:
    """The text escaped, each span in a ``<mark>``. A string has no spans and is only escaped."""
    if isinstance(marked, str):
        marked = Marked(str(marked))
    return SafeString(_marked_html(marked.text, _sound(marked.spans, len(marked.text))))


def with_link(sentence: str, url: str, text: str) -> SafeString:
    """``sentence``, plain text with one "%(link)s" in it, where that is ``text`` with a link to ``url``."""
    before, _, after = sentence.partition("%(link)s")
    return SafeString(f'{escape(before)}<a href="{escape(url)}">{escape(text)}</a>{escape(after)}')


def number_writer() -> Callable[[int], str]:
    """How the site writes whole numbers at this moment, for one who has many of them."""
    return str if localize(_LONG_NUMBER) == str(_LONG_NUMBER) else lambda number: str(localize(number))


def escaped(rows: Iterable[Iterable[object]]) -> list[tuple[object, ...]]:
    """``rows`` with their strings escaped and their numbers as the site writes them; all else as it is.

    For the long loops of a template, which would look into each value anew before it takes it as it is.
    """
    written: Callable[[int], str] | None = None

    def shown(value: object) -> object:
        nonlocal written
        if type(value) is str:
            return SafeString(escape(value))
        if type(value) is int:
            written = written or number_writer()
            return SafeString(escape(written(value)))
        return value

    return [tuple(map(shown, row)) for row in rows]


def is_escaped(value: object) -> TypeGuard[str]:
    """Whether a template takes ``value`` as it is."""
    return type(value) is SafeString


def excerpt(marked: Marked, limit: int = EXCERPT) -> Marked:
    """The part of a long text with most of its spans, about ``limit`` code points, with "…" where it was cut.

    A text within the limit comes back as it is. Cuts are made at spaces, where there are any near.
    """
    text = marked.text
    spans = _sound(marked.spans, len(text))
    if len(text) <= limit:
        return Marked(text, tuple(spans))
    first, last = _densest(spans, limit)
    begin = min(max(first - (limit - (last - first)) // 2, 0), len(text) - limit)
    end = _cut_after(text, begin + limit, last)
    begin = _cut_before(text, begin, first)
    head = _ELLIPSIS if begin else ""
    tail = _ELLIPSIS if end < len(text) else ""
    shift = len(head) - begin
    inside = [(max(a, begin) + shift, min(b, end) + shift) for a, b in spans if a < end and b > begin]
    return Marked(f"{head}{text[begin:end]}{tail}", tuple(inside))


def body_html(body: str, body_format: Format, spans: Mapping[int, Sequence[Span]] | None = None) -> SafeString:
    """An article's body as clean HTML: each paragraph under its anchor, ``spans`` of paragraph numbers marked.

    ConfigurationError on an unknown format; any body and any spans are fine.
    """
    return content_html(read(body, body_format), spans)


def content_html(content: Body, spans: Mapping[int, Sequence[Span]] | None = None) -> SafeString:
    """What ``body_html`` makes, of a body that was read already."""
    lengths = {paragraph.number: len(paragraph.text) for paragraph in content.paragraphs}
    marks = {number: _sound(found, lengths.get(number, 0)) for number, found in (spans or {}).items()}
    out: list[str] = []
    for piece in content.pieces:
        if isinstance(piece, Text):
            here = _inside(marks.get(piece.paragraph, ()), piece.start, piece.start + len(piece.text))
            out.append(_marked_html(piece.text, here))
        elif isinstance(piece, Open):
            anchor = (("id", piece.anchor),) if piece.anchor else ()
            out.append(_tag_html(piece.tag, anchor + piece.attributes))
        elif isinstance(piece, Close):
            out.append(f"</{piece.tag}>")
        else:
            out.append(_void_html(piece))
    return SafeString("".join(out))


def text_fragment(marked: Marked, above: str = "") -> str:
    """What to add to a URL after its ``#anchor``, so that a browser scrolls to the best spot of a paragraph.

    ``:~:text=prefix-,match,-suffix`` (https://wicg.github.io/scroll-to-text-fragment/), the words around the match
    being as many as make it the only one in the paragraph, and one that is not ``above``: what the page shows before
    the paragraphs, as ``on_one_line`` makes it. "" where nothing is marked, or where no words around it tell it from
    those: the anchor alone leads there.
    """
    text = marked.text
    spans = _sound(marked.spans, len(text))
    if not spans:
        return ""
    first = _densest(spans, EXCERPT)[0]
    start, end = _whole_word(text, *next(span for span in spans if span[0] == first))
    prefix, suffix = _context(text, start, end, above)
    if not prefix and not suffix:
        return ""
    words = text[start:end].split()
    match = [" ".join(words)] if len(words) <= 10 else [" ".join(words[:4]), " ".join(words[-4:])]
    directive = ",".join(_encoded(part) for part in match)
    if prefix:
        directive = f"{_encoded(prefix)}-,{directive}"
    if suffix:
        directive = f"{directive},-{_encoded(suffix)}"
    return f":~:text={directive}"


def terminal(marked: Marked | str, *, styled: bool = True) -> str:
    """The text on one line, spans bold if ``styled``, without anything that could steer a terminal."""
    if isinstance(marked, str):
        marked = Marked(marked)
    out = []
    for part, inside in _parts(marked.text, _sound(marked.spans, len(marked.text))):
        shown = _UNPRINTABLE.sub("", _LAYOUT.sub(" ", part))
        out.append(f"{_BOLD}{shown}{_PLAIN}" if inside and styled and shown else shown)
    return "".join(out)


def _sound(spans: Iterable[Span], length: int) -> list[Span]:
    """The spans sorted, inside the text, not empty, not overlapping."""
    out: list[Span] = []
    covered = 0
    for start, end in sorted(spans):
        start, end = max(start, covered), min(end, length)
        if start < end:
            out.append((start, end))
            covered = end
    return out


def _inside(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """The parts of sound ``spans`` between ``start`` and ``end``, counted from ``start``."""
    out: list[Span] = []
    for a, b in spans[max(bisect_right(spans, (start, start)) - 1, 0) :]:
        if a >= end:
            break
        if b > start:
            out.append((max(a, start) - start, min(b, end) - start))
    return out


def _parts(text: str, spans: Sequence[Span]) -> Iterator[tuple[str, bool]]:
    """``text`` cut at the borders of sound spans, each part with whether it is one."""
    done = 0
    for start, end in spans:
        if done < start:
            yield text[done:start], False
        yield text[start:end], True
        done = end
    if done < len(text):
        yield text[done:], False


def _marked_html(text: str, spans: Sequence[Span]) -> str:
    """``text`` escaped, with its sound spans in marks."""
    out: list[str] = []
    done = 0
    for start, end in spans:
        out += (escape(text[done:start]), "<mark>", escape(text[start:end]), "</mark>")
        done = end
    out.append(escape(text[done:]))
    return "".join(out)


def _tag_html(tag: str, attributes: Attributes) -> str:
    return f"<{tag}" + "".join(f' {name}="{escape(value)}"' for name, value in attributes) + ">"


def _void_html(piece: Void) -> str:
    described = piece.tag != "img" or any(name == "alt" for name, _ in piece.attributes)
    # Without an alt, a screen reader reads the file name out.
    return _tag_html(piece.tag, piece.attributes if described else (*piece.attributes, ("alt", "")))


def _densest(spans: Sequence[Span], limit: int) -> Span:
    """From the first to the last of the most spans that stand within ``limit``, the earliest such place."""
    best, most, last = (0, 0), 0, 0
    for index, (start, end) in enumerate(spans):
        last = max(last, index)
        while last + 1 < len(spans) and spans[last + 1][1] <= start + limit:
            last += 1
        if last - index + 1 > most:
            most = last - index + 1
            best = (start, min(max(end, spans[last][1]), start + limit))
    return best


def _cut_before(text: str, begin: int, first: int) -> int:
    """``begin`` moved to the start of a word, after it if possible, but not behind ``first``."""
    if begin == 0:
        return 0
    if not (text[begin - 1].isspace() or text[begin].isspace()):
        after = _SPACE.search(text, begin, min(begin + _REACH, first))
        if after:
            begin = after.end()
        else:
            before = max(begin - _REACH, 0)
            spaces = [found.end() + before for found in _SPACE.finditer(text[before:begin])]
            begin = spaces[-1] if spaces else 0 if before == 0 else _off_marks(text, begin, first)
    while begin < first and text[begin].isspace():
        begin += 1
    return begin


def _cut_after(text: str, end: int, last: int) -> int:
    """``end`` moved to the end of a word, before it if possible, but not in front of ``last``."""
    if end >= len(text):
        return len(text)
    if not (text[end - 1].isspace() or text[end].isspace()):
        before = max(end - _REACH, last)
        spaces = [found.start() + before for found in _SPACE.finditer(text[before:end])]
        after = _SPACE.search(text, end, end + _REACH)
        if spaces:
            end = spaces[-1]
        elif after:
            end = after.start()
        else:
            end = len(text) if end + _REACH >= len(text) else _off_marks(text, end, len(text))
    while end > last and text[end - 1].isspace():
        end -= 1
    return end


def _off_marks(text: str, place: int, limit: int) -> int:
    """``place``, or the next place near it where a cut does not part what is seen as one character."""
    near = min(limit, place + _REACH)
    return next((at for at in range(place, near) if not _is_inside(text, at)), near)


def _is_inside(text: str, place: int) -> bool:
    """Whether a letter and its marks, or an emoji of several code points, has begun before ``place`` and goes on."""
    before, after = text[place - 1], text[place]
    if _FLAG.match(before) and _FLAG.match(after):
        # Two make a flag, and many may stand in a row.
        row = len(text[:place]) - len(text[:place].rstrip(_FLAGS))
        return row % 2 == 1
    joined = before == _ZERO_WIDTH_JOINER or unicodedata.combining(before) == _VIRAMA
    return joined or unicodedata.category(after).startswith("M") or bool(_GOES_ON.match(after))


def _whole_word(text: str, start: int, end: int) -> Span:
    """The span with the rest of its first and last word; long runs without a space stay as they are."""
    before, after = start, end
    while before and _in_word(text[before - 1]):
        before -= 1
    while after < len(text) and _in_word(text[after]):
        after += 1
    return before if start - before <= _REACH else start, after if after - end <= _REACH else end


def _in_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char).startswith("M")


def _context(text: str, start: int, end: int, above: str) -> tuple[str, str]:
    """The words before and after: three each, more while the same words stand somewhere else in the text, or above it.

    None where they stand above it whatever their number.
    """
    befores = _beginnings(text, max(start - _NEAR, 0), start)
    if len(befores) < _MOST_CONTEXT:
        befores = _beginnings(text, max(start - EXCERPT, 0), start)
    # One more than can be used, for the last word nearby may be half of one.
    afters = [found.end() + end for found in islice(_WORD.finditer(text[end : end + EXCERPT]), _MOST_CONTEXT + 1)]
    if end + EXCERPT < len(text):
        del afters[-1:]
    lower = text.lower()
    begin, stop = start, end
    for words in range(3, _MOST_CONTEXT + 1):
        begin = befores[-words:][0] if befores else start
        stop = afters[:words][-1] if afters else end
        is_above = on_one_line(text[begin:stop]) in above
        if not is_above and lower.count(text[begin:stop].lower()) == 1:
            break
    return ("", "") if is_above else (_words(text[begin:start]), _words(text[end:stop]))


def on_one_line(text: str) -> str:
    """``text`` as a browser compares it when it looks for a spot."""
    return " ".join(text.lower().split())


def _beginnings(text: str, start: int, end: int) -> list[int]:
    """Where the words begin; the first may be half of one, unless it is the first of the text."""
    return [found.start() for found in _WORD.finditer(text, start, end)][bool(start) :]


def _words(text: str) -> str:
    """``text`` on one line, "" where it is only punctuation, which tells no spot from another."""
    return " ".join(text.split()) if any(map(str.isalnum, text)) else ""


def _encoded(words: str) -> str:
    if _PLAIN_WORDS.fullmatch(words):
        return words.replace(" ", "%20")
    # The hyphen is the only sign that quote leaves alone and the directive gives a meaning.
    return quote(words, safe="", errors="replace").replace("-", "%2D")
