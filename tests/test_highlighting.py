"""Marks in HTML, excerpts, links to a spot, the terminal; and that nothing unsafe ever comes out."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

import nh3
import pytest
from django.template import Context, Template
from django.utils.safestring import SafeString
from hypothesis import given, settings
from hypothesis import strategies as st

from newsindex.engines.base import Marked
from newsindex.highlighting import body_html, escaped, excerpt, highlight, on_one_line, terminal, text_fragment
from newsindex.markup import ATTRIBUTES, BLOCK_TAGS, INLINE_TAGS, VOID_TAGS
from newsindex.paragraphs import Format, from_html, from_plain, paragraphs
from tests.test_paragraphs import FORMATS, any_text, soup

spans_anywhere = st.lists(st.tuples(st.integers(-5, 220), st.integers(-5, 220)), max_size=6).map(tuple)


def marked(text: str) -> Marked:
    """Text with [brackets] where its spans are."""
    spans, plain = [], ""
    for part in re.split(r"(\[.*?\])", text):
        if part.startswith("["):
            spans.append((len(plain), len(plain) + len(part) - 2))
            part = part[1:-1]
        plain += part
    return Marked(plain, tuple(spans))


def bracketed(found: Marked) -> str:
    out, done = "", 0
    for start, end in found.spans:
        out += f"{found.text[done:start]}[{found.text[start:end]}]"
        done = end
    return out + found.text[done:]


class Page(HTMLParser):
    """What a page holds: elements, text by id, marked text by id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self.marked: dict[str, str] = {}
        self._open: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names)
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID_TAGS:
            anchor = attributes.get("id") or ""
            assert anchor not in self.text
            if anchor:
                self.text[anchor] = self.marked[anchor] = ""
            self._open.append((tag, anchor))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self._open]
        for _, anchor in self._open:
            if anchor and "rt" not in tags:
                self.text[anchor] += data
                self.marked[anchor] += data if "mark" in tags else ""


def letters(text: str) -> str:
    return "".join(text.split())


def test_highlight_escapes_and_marks() -> None:
    found = highlight(marked("<b>[Tom] & [Jerry's]</b>"))
    assert found == "&lt;b&gt;<mark>Tom</mark> &amp; <mark>Jerry&#x27;s</mark>&lt;/b&gt;"
    assert isinstance(found, SafeString)
    assert highlight("a < b") == "a &lt; b"
    assert highlight(SafeString("<i>")) == "&lt;i&gt;"


@given(any_text, spans_anywhere)
@settings(deadline=None)
def test_highlight_never_fails_and_changes_nothing_but_marks(text: str, spans: tuple[tuple[int, int], ...]) -> None:
    html = highlight(Marked(text, spans))
    assert html.replace("<mark>", "").replace("</mark>", "") == highlight(text)
    assert html.count("<mark>") == html.count("</mark>")
    assert "<mark><mark>" not in html and "<mark></mark>" not in html


def test_rows_are_escaped_as_a_template_would(settings: Any) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    rows = [("<a&'b>", 1234567, True, None, SafeString("<b>")), ("é", 7, False, 1.5, "")]
    cells = "".join(f"{{{{ v{place} }}}}|" for place in range(5))
    source = "{% for v0, v1, v2, v3, v4 in rows %}" + cells + "{% endfor %}"
    assert render(source, rows=escaped(rows)) == render(source, rows=rows)
    assert escaped(rows)[0][2] is True
    assert isinstance(escaped(rows)[0][0], SafeString)


def render(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


def test_wrong_spans_are_clamped() -> None:
    assert highlight(Marked("abcdef", ((4, 99), (-3, 2), (1, 3), (5, 4), (7, 9)))) == (
        "<mark>ab</mark><mark>c</mark>d<mark>ef</mark>"
    )


def test_a_short_text_is_its_own_excerpt() -> None:
    assert excerpt(marked("a [b] c")) == marked("a [b] c")


def test_an_excerpt_is_cut_at_words_around_the_most_marks() -> None:
    text = (
        "[Snow] fell early. " + "Nothing happened here. " * 30 + "Then [snow] and [ice] came to town. " + "Later. " * 80
    )
    found = excerpt(marked(text), 80)
    assert bracketed(found).startswith("…") and bracketed(found).endswith("…")
    assert "[snow] and [ice]" in bracketed(found)
    assert set(found.text.strip("…").split()) <= set(marked(text).text.split())
    assert len(found.text) <= 82
    assert excerpt(Marked("word " * 200)).text.startswith("word word")


@pytest.mark.parametrize(
    "seen",
    ["👩\u200d👩\u200d👧\u200d👦", "🇩🇪", "👍🏽", "❤\ufe0f", "1\ufe0f\u20e3", "ｶﾞ", "क्षि", "ที่", "\u1112\u1161\u11ab"],
)
def test_an_excerpt_takes_what_is_seen_as_one_character_or_leaves_it(seen: str) -> None:
    for before in range(len(seen)):
        text = "x" * before + seen * 300 + "漢" + seen * 300
        at = text.index("漢")
        found = excerpt(Marked(text, ((at, at + 1),)), 60)
        assert found.text.strip("…").replace(seen, "") == "漢"


def test_an_excerpt_of_a_text_without_spaces_is_cut_between_letters() -> None:
    found = excerpt(Marked("漢字が\u3099" * 300, ((450, 452),)), 60)
    assert len(found.text) <= 64
    assert [found.text[a:b] for a, b in found.spans] == [("漢字が\u3099" * 300)[450:452]]


def test_a_span_longer_than_the_limit_is_cut() -> None:
    found = excerpt(Marked("a " * 400, ((100, 700),)), 50)
    assert len(found.text) <= 52 and len(found.spans) == 1


@given(
    st.text(st.sampled_from("ab \n漢\u0301…"), max_size=300),
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 30)), max_size=8),
    st.integers(10, 120),
)
@settings(deadline=None, max_examples=150)
def test_an_excerpt_is_a_piece_of_the_text(text: str, places: list[tuple[int, int]], limit: int) -> None:
    whole = Marked(text, tuple((start, start + size) for start, size in places))
    found = excerpt(whole, limit)
    assert found.text.strip("…") in text
    assert len(found.text) <= limit + 2 * 40 + 2
    assert list(found.spans) == sorted(found.spans)
    assert highlight(found).count("<mark>") == len(found.spans)
    inside = {letters(text[a:b]) for a, b in whole.spans}
    for start, end in found.spans:
        assert any(letters(found.text[start:end]) in word for word in inside | {letters(text)})
    assert bool(found.spans) == any(start < len(text) for start, _ in whole.spans)


def test_an_empty_header_cell_is_an_ordinary_cell() -> None:
    body = '<table><tr><th scope="col" colspan="2"> <th>Votes<th><img src="/a.png" alt="Share"></table>'
    html = re.sub(r' id="p-\w+"', "", body_html(body, "html"))
    assert '<td colspan="2"></td>' in html
    assert html.count("<th") == 2


@pytest.mark.parametrize(
    ("body", "spans", "expected"),
    [
        ("<p><b>in</b>line</p>", {1: [(1, 4)]}, "<p><b>i<mark>n</mark></b><mark>li</mark>ne</p>"),
        ("<p>one <b>two</b> three</p>", {1: [(4, 7)]}, "<p>one <b><mark>two</mark></b> three</p>"),
        ("<p>a\n  b&nbsp;c &amp;</p>", {1: [(2, 5)]}, "<p>a <mark>b\xa0c</mark> &amp;</p>"),
        (
            "<ul><li>A<ul><li>B</ul></ul>",
            {2: [(0, 1)]},
            "<ul><li><span>A</span><ul><li><mark>B</mark></li></ul></li></ul>",
        ),
        ("A<p>B</p>", {1: [(0, 9)], 7: [(0, 1)]}, "<p><mark>A</mark></p><p>B</p>"),
        (
            "<table><tr><td>A<td>B</table>",
            {1: [(0, 3)]},
            "<table><tbody><tr><td><mark>A</mark></td> <td><mark>B</mark></td></tr></tbody></table>",
        ),
        ("<p>caf<b>e</b><i>\u0301s</i></p>", {1: [(3, 4)]}, "<p>caf<b><mark>\u00e9</mark></b><i>s</i></p>"),
        ("<pre>\n\na\n b\n</pre>", {1: [(3, 4)]}, "<pre>a\n <mark>b</mark></pre>"),
        ("<p>a<br>b<br><br>c</p>", {2: [(0, 1)]}, "<p><span>a<br> b<br></span><br><span><mark>c</mark></span></p>"),
        ("<a href='/x'><p>A</p></a>", None, '<p><a href="/x">A</a></p>'),
        ("<b><p>A</p>B</b>", None, "<p><b>A</b></p><p><b>B</b></p>"),
        (
            "<p>漢<ruby>字<rt>じ</ruby></p>",
            {1: [(0, 2)]},
            "<p><mark>漢</mark><ruby><mark>字</mark><rt>じ</rt></ruby></p>",
        ),
        ("<mark>A</mark><h1 id=x class=y style=z>B</h1>", None, "<p>A</p><h1>B</h1>"),
        ("<img src='/a.png'><img src=b alt='&quot;'>", None, '<img src="/a.png" alt=""><img src="b" alt="&quot;">'),
    ],
)
def test_a_body_keeps_its_structure(body: str, spans: dict[int, list[tuple[int, int]]] | None, expected: str) -> None:
    html = body_html(body, "html", spans)
    assert re.sub(r' id="p-\w+"', "", html) == expected
    assert list(Page(html).text) == [p.anchor for p in from_html(body)]


def test_a_plain_body_is_paragraphs() -> None:
    first, second = from_plain("a <b>\n\nc")
    expected = f'<p id="{first.anchor}">a &lt;b&gt;</p><p id="{second.anchor}"><mark>c</mark></p>'
    assert body_html("a <b>\n\nc", "plain", {2: [(0, 1)]}) == expected


@pytest.mark.parametrize("body_format", FORMATS)
def test_a_page_marks_what_was_found_in_a_run_without_end(body_format: Format) -> None:
    body = "<p>" + "tide " * 5_000 + "ferry " + "tide " * 3_000 + "\n\n<p>A ferry."
    spans = {p.number: [(at, at + 5)] for p in paragraphs(body, body_format) if (at := p.text.find("ferry")) >= 0}
    html = body_html(body, body_format, spans)
    assert html.count("<mark>ferry</mark>") == len(spans) == 2
    assert html.count("<p>") + html.count("<p id=") == 2
    for paragraph in paragraphs(body, body_format):
        assert Page(html).text[paragraph.anchor].split() == paragraph.text.split()


@given(st.one_of(any_text, soup), st.sampled_from(FORMATS), st.data())
@settings(deadline=None, max_examples=200)
def test_a_page_shows_each_paragraph_under_its_anchor_with_its_marks(
    body: str, body_format: Format, data: st.DataObject
) -> None:
    found = paragraphs(body, body_format)
    spans = {
        p.number: [(start, start + 3)] for p in found if (start := data.draw(st.integers(0, len(p.text)))) < len(p.text)
    }
    html = body_html(body, body_format, spans)
    page = Page(html)
    assert list(page.text) == [p.anchor for p in found]
    for paragraph in found:
        assert page.text[paragraph.anchor].split() == paragraph.text.split()
        expected = "".join(paragraph.text[a:b] for a, b in spans.get(paragraph.number, []))
        assert letters(page.marked[paragraph.anchor]) == letters(expected)
    assert html.replace("<mark>", "").replace("</mark>", "") == body_html(body, body_format)
    assert_harmless(html)


@given(soup, st.sampled_from(FORMATS))
@settings(deadline=None, max_examples=200)
def test_a_browser_reads_the_page_as_it_was_written(body: str, body_format: Format) -> None:
    """nh3 parses as browsers do: what it reads back has the same text under the same anchors."""
    html = body_html(body, body_format)
    again = nh3.clean(
        html,
        tags=set(INLINE_TAGS | BLOCK_TAGS | VOID_TAGS),
        attributes={"*": {"id"}},
        url_schemes=set(),
        link_rel=None,
    )
    assert {a: t.split() for a, t in Page(again).text.items()} == {a: t.split() for a, t in Page(html).text.items()}


def assert_harmless(html: str) -> None:
    for tag, attributes in Page(html).elements:
        assert tag == "mark" or tag in INLINE_TAGS | BLOCK_TAGS | VOID_TAGS
        for name, value in attributes.items():
            assert name == "id" or name in ATTRIBUTES["*"] | ATTRIBUTES.get(tag, frozenset())
            if name in ("href", "src"):
                # A browser takes controls away in front, tabs and line ends everywhere.
                url = re.sub(r"\A[\x00-\x20]+|[\t\n\r]", "", value or "")
                scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", url)
                assert scheme is None or scheme[1].lower() in ("http", "https", "mailto")


PAYLOADS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<img/src='x'/onerror='alert(1)'>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math><a xlink:href='javascript:alert(1)'>x</a></math>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='data:text/html,<script>alert(1)</script>'></object>",
    "<embed src='javascript:alert(1)'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' java\nscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt&colon;alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
    "<a href='x' onclick=alert(1) style='x:expression(alert(1))'>x</a>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<body onload=alert(1)>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<style>@import 'javascript:alert(1)';</style>",
    "<link rel=stylesheet href='javascript:alert(1)'>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<base href='javascript:alert(1)//'>",
    "<form action='javascript:alert(1)'><input type=submit></form>",
    "<button formaction='javascript:alert(1)'>x</button>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><img src=x onerror=alert(1)></template>",
    "<textarea></textarea><img src=x onerror=alert(1)></textarea>",
    "<title><img title='</title><img src=x onerror=alert(1)>'></title>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<p id='location' name='cookie'>x</p>",
    '"><script>alert(1)</script>',
    "'-alert(1)-'",
    "<<script>alert(1)//<</script>",
    '<p title="&quot;><img src=x onerror=alert(1)>" lang=\'"><script>\'>x</p>',
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "[x](javascript:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    '![x](x"onerror="alert(1))',
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "```<img onerror=alert(1)>\n```",
    "<b><mark onmouseover=alert(1)>x</mark></b>",
    "<listing>&lt;img src=1 onerror=alert(1)&gt;</listing>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("body_format", FORMATS)
def test_hostile_markup_is_inert(payload: str, body_format: Format) -> None:
    for body in (payload, f"<p>before {payload} after</p>", f"<table><tr><td>{payload}", payload * 300):
        html = body_html(body, body_format, {1: [(0, 5)], 2: [(1, 3)]})
        assert_harmless(html)
        assert isinstance(html, SafeString)
    for shown in (highlight(payload), highlight(Marked(payload, ((0, 4),)))):
        assert {tag for tag, _ in Page(shown).elements} <= {"mark"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No word is marked.", ""),
        ("[Snow]", ""),
        ("First [snow] of the long, cold year", ":~:text=First-,snow,-of%20the%20long%2C"),
        ("One two three four [well-known] & co.", ":~:text=two%20three%20four-,well%2Dknown,-%26%20co."),
        ("[Schnee] in Zürich", ":~:text=Schnee,-in%20Z%C3%BCrich"),
        ("un[snow]ed.", ""),
        ("un[snow]ed, (white)", ":~:text=unsnowed,-%2C%20%28white%29"),
        ("([snow])", ""),
        ("a b c [snow] d e f, x a b c snow d e f", ":~:text=a%20b%20c-,snow,-d%20e%20f%2C"),
        ("a b c snow d e f x a b c [snow] d e f y", ":~:text=x%20a%20b%20c-,snow,-d%20e%20f%20y"),
        (
            "[one two three four five six seven eight nine ten eleven] twelve",
            ":~:text=one%20two%20three%20four,eight%20nine%20ten%20eleven,-twelve",
        ),
    ],
)
def test_a_text_fragment_names_the_spot(text: str, expected: str) -> None:
    assert text_fragment(marked(text)) == expected


@pytest.mark.parametrize(
    ("text", "above", "expected"),
    [
        ("The [tides]", "the tides", ""),
        ("The [tides] of May", "The  Tides", ":~:text=The-,tides,-of%20May"),
        ("The old [ferry] waits for us today", "old ferry waits for us", ":~:text=The%20old-,ferry,-waits%20for%20us"),
        (
            "One old [ferry] waits for us today",
            "One old ferry waits for us",
            ":~:text=One%20old-,ferry,-waits%20for%20us%20today",
        ),
    ],
)
def test_a_text_fragment_is_not_what_stands_above(text: str, above: str, expected: str) -> None:
    assert text_fragment(marked(text), on_one_line(above)) == expected


@given(any_text, spans_anywhere)
@settings(deadline=None, max_examples=200)
def test_a_text_fragment_is_words_of_the_text(text: str, spans: tuple[tuple[int, int], ...]) -> None:
    fragment = text_fragment(Marked(text, spans))
    if fragment:
        assert re.fullmatch(r":~:text=[A-Za-z0-9_.~%,-]*", fragment)
        for part in fragment.removeprefix(":~:text=").split(","):
            words = unquote(part.removeprefix("-").removesuffix("-"))
            assert words in re.sub("[\ud800-\udfff]", "?", " ".join(text.split()))


def test_the_terminal_shows_marks_and_obeys_nothing() -> None:
    assert terminal(marked("Deep [snow] fell")) == "Deep \x1b[1msnow\x1b[0m fell"
    assert terminal(marked("Deep [snow] fell"), styled=False) == "Deep snow fell"
    assert terminal("a\x1b[31mred\x07\x9b2J\r\nb\u202ec\ud800") == "a[31mred2J bc"
    assert terminal(Marked("a\x1bb", ((1, 2),))) == "ab"
