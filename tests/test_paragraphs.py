"""Body text to paragraphs: what counts as one, its text, its kind, its anchor."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsindex.exceptions import ConfigurationError
from newsindex.markup import portions
from newsindex.paragraphs import (
    LONGEST,
    Close,
    Format,
    Open,
    Text,
    anchor_of,
    from_html,
    from_markdown,
    from_plain,
    paragraphs,
    read,
)

FORMATS: tuple[Format, ...] = ("plain", "markdown", "html")

any_text = st.text(st.characters(codec=None), max_size=200)
words = st.text(st.sampled_from("abcdeé 1"), min_size=1, max_size=12).filter(str.strip)
_TAGS = (
    "p /p div /div b /b i /i a /a ul li /ul table tr td /table th tbody caption pre /pre br hr wbr h2 /h2 blockquote "
    "/blockquote script /script ruby rt /ruby section /section dl dt dd figure figcaption details summary svg /svg "
    "math select form template"
)
_TEXT = 'one two é e \u0301 \xa0 &amp; &nbsp; &lt; \u200b \x00 \n ** * _ ` ``` # > - 1. | [x](y) ~~ <!-- --> < & "'
snippets = st.sampled_from(
    [f"<{tag}>" for tag in _TAGS.split()]
    + _TEXT.split(" ")
    + ["<a href='/x'>", "<span hidden>", "</span>", "<img src=x>", "\n\n", " ", "    "]
)
soup = st.lists(snippets, max_size=30).map("".join)


def texts(body: str, body_format: Format) -> list[str]:
    return [paragraph.text for paragraph in paragraphs(body, body_format)]


def kinds(body: str, body_format: Format) -> list[tuple[str, str]]:
    return [(paragraph.kind, paragraph.text) for paragraph in paragraphs(body, body_format)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", []),
        (" \n\t\n ", []),
        ("One line.", ["One line."]),
        ("The council met.\nIt voted.\nIt left.", ["The council met.", "It voted.", "It left."]),
        ("The council\nmet.\n\nIt voted.", ["The council met.", "It voted."]),
        ("One\n \t \nTwo\n\n\n\nThree", ["One", "Two", "Three"]),
        ("One\r\nTwo\r\n\r\nThree", ["One Two", "Three"]),
        ("One\rTwo", ["One", "Two"]),
        ("One\x0bTwo\x0cThree\x85Four\u2028Five", ["One", "Two", "Three", "Four", "Five"]),
        ("One\u2029Two\nthree", ["One", "Two three"]),
        ("\n\nTitle\n", ["Title"]),
        ("a \t b\xa0c\u3000d", ["a b c d"]),
        ("\ufeffBill\u200bboard", ["Billboard"]),
        ("<b>5 &lt; 6</b>", ["<b>5 &lt; 6</b>"]),
        ("* * *\n\nText", ["* * *", "Text"]),
        ("nul\x00 bell\x07", ["nul bell"]),
        ("half \ud83d", ["half \ufffd"]),
        ("cafe\u0301", ["caf\u00e9"]),
        ("\u200d\n\nText", ["Text"]),
    ],
)
def test_plain_text(body: str, expected: list[str]) -> None:
    assert texts(body, "plain") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>One</p><p>Two</p>", [("paragraph", "One"), ("paragraph", "Two")]),
        ("<p>One<p>Two", [("paragraph", "One"), ("paragraph", "Two")]),
        ("<div>One<div>Two</div>Three</div>", [("paragraph", "One"), ("paragraph", "Two"), ("paragraph", "Three")]),
        ("loose <p>in</p> loose", [("paragraph", "loose"), ("paragraph", "in"), ("paragraph", "loose")]),
        ("<h1>A</h1><h6>B</h6>", [("heading", "A"), ("heading", "B")]),
        ("<blockquote><p>A</p><p>B</p></blockquote>", [("quote", "A"), ("quote", "B")]),
        ("<blockquote>A<h2>B</h2></blockquote>", [("quote", "A"), ("heading", "B")]),
        ("<ul><li>A<ul><li>B</ul><li><p>C</p><p>D</p></ul>", [("list_item", x) for x in "ABCD"]),
        ("<dl><dt>A<dd>B</dl>", [("list_item", "A"), ("list_item", "B")]),
        ("<li><blockquote>A</blockquote><pre>B</pre>", [("quote", "A"), ("code", "B")]),
        ("<figure><img src=x alt=no><figcaption>A</figcaption></figure>", [("caption", "A")]),
        ("<pre>\n\n  a\n\tb  \n\n</pre>", [("code", "  a\n\tb  ")]),
        ("<pre>a<br>b<b>c</b></pre>", [("code", "a\nbc")]),
        ("<pre>a <h2> b </h2><ul><li>c", [("code", "a "), ("code", " b "), ("code", "c")]),
        ("<b>in</b>line", [("paragraph", "inline")]),
        ("<b>a </b> <i> b</i>", [("paragraph", "a b")]),
        ("a<br>b<br/> c", [("paragraph", "a b c")]),
        ("<p>a<br><br>b<br>\n<br>c</p>", [("paragraph", x) for x in "abc"]),
        ("<p>long<wbr>word soft\u00adhyphen</p>", [("paragraph", "longword soft\u00adhyphen")]),
        ("<a href=/x><h2>A</h2><p>B</p></a>", [("heading", "A"), ("paragraph", "B")]),
        ("<section>A</section><article>B</article><form>C</form>", [("paragraph", x) for x in "ABC"]),
        ("<details><summary>A</summary>B</details>", [("paragraph", "A"), ("paragraph", "B")]),
        ("<x-y>A</x-y><x-y>B</x-y>", [("paragraph", "AB")]),
        ("<p> &nbsp; </p><p><img src=a></p><hr><p>A</p>", [("paragraph", "A")]),
        ("<p>A<span hidden>secret<br><b>x</b></span>B</p><div hidden><p>x</p></div>", [("paragraph", "AB")]),
        ("<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp>字</ruby>を", [("paragraph", "漢字を")]),
        ("caf<b>e</b><i>\u0301s</i>", [("paragraph", "caf\u00e9s")]),
        ("<p>a&nbsp;b&#8239;c &nbsp;d</p>", [("paragraph", "a b c d")]),
        ("<p>&amp;lt; &eacute; &#x41; &unknown; &copy</p>", [("paragraph", "&lt; é A &unknown; ©")]),
        ("5 < 6 > 4 & x", [("paragraph", "5 < 6 > 4 & x")]),
        ("<!doctype html><html><head><title>T</title></head><body>A</body></html>", [("paragraph", "A")]),
        ("a\x00b half \ud83d", [("paragraph", "ab half \ufffd")]),
    ],
)
def test_html(body: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(body, "html") == expected


@pytest.mark.parametrize(
    "gone",
    [
        "<script>x</script>",
        "<style>x</style>",
        "<!-- x -->",
        "<template><p>x</p></template>",
        "<iframe>x</iframe>",
        "<noscript><p>x</p></noscript>",
        "<svg><text>x</text></svg>",
        "<textarea>x</textarea>",
        "<select><option>x</select>",
        "<button>x</button>",
        "<video>x</video>",
        "<img alt='x' title='x'>",
        "<?php echo 'x' ?>",
    ],
)
def test_what_no_reader_reads_is_gone(gone: str) -> None:
    assert texts(f"<p>before {gone}</p>{gone}<p>after</p>", "html") == ["before", "after"]
    assert "x" not in "".join(texts(f"before\n\n{gone}\n\nafter", "markdown"))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("<tr><th>City<th>Votes<tr><td>Bern<td>1,200", ["City Votes", "Bern 1,200"]),
        ("<caption>Result</caption><tr><td>A<td><td>B", ["Result", "A B"]),
        ("<tr><td><p>A</p></td><td><div>B</div>C</td>", ["A B C"]),
        ("<tr><td>A<br><br>B<td>C", ["A B C"]),
        ("<tr><td><p>A</p><p>B</p><td>C", ["A", "B", "C"]),
        ("<tr><td><table><tr><td>A<td>B</table><td>C", ["A B", "C"]),
    ],
)
def test_a_row_of_a_table_is_one_paragraph_unless_the_table_is_a_layout(table: str, expected: list[str]) -> None:
    assert texts(f"<table>{table}</table>", "html") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("# Title\n\nText *with* `code`\nand more.", [("heading", "Title"), ("paragraph", "Text with code and more.")]),
        ("Title\n=====\n\n> said\n> she", [("heading", "Title"), ("quote", "said she")]),
        ("- a\n- b\n  1. c\n\n    d", [("list_item", "a"), ("list_item", "b"), ("list_item", "c"), ("list_item", "d")]),
        ("```python\nx = 1\n\ny\n```", [("code", "x = 1\n\ny")]),
        ("City | Votes\n-----|-----:\nBern | 12", [("paragraph", "City Votes"), ("paragraph", "Bern 12")]),
        ('~~old~~ [new](http://x.org "t") ![alt](i.png)', [("paragraph", "old new")]),
        ("a &amp; b &lt;c> \\*d\\*", [("paragraph", "a & b <c> *d*")]),
        ("<div>\n\n*a*\n\n</div>\n\n<script>\nx\n</script>", [("paragraph", "a")]),
        ("a\n\n***\n\nb", [("paragraph", "a"), ("paragraph", "b")]),
        ("half \ud83d [x](http://\udc00)", [("paragraph", "half \ufffd x")]),
    ],
)
def test_markdown(body: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(body, "markdown") == expected


def test_numbers_count_from_one_and_each_format_has_its_function() -> None:
    assert [p.number for p in from_plain("a\n\nb")] == [1, 2]
    assert from_markdown("*a*") == paragraphs("*a*", "markdown")
    assert from_html("<p>a") == paragraphs("<p>a", "html")


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'plain', 'markdown' or 'html', not 'rst'"):
        paragraphs("a", "rst")  # type: ignore[arg-type]


def test_anchors_are_valid_ids_and_count_repetitions() -> None:
    first, second, third, other = from_plain("Same.\n\nSame.\n\nOther.\n\nSame.")
    assert re.fullmatch(r"p-[a-z2-7]{10}", first.anchor)
    assert [second.anchor, other.anchor] == [f"{first.anchor}-2", f"{first.anchor}-3"]
    assert third.anchor == anchor_of("Other.") != first.anchor


def test_an_anchor_depends_on_the_text_alone() -> None:
    anchors = {
        paragraphs(body, body_format)[0].anchor
        for body, body_format in [
            ("Snow fell.", "plain"),
            ("# Snow *fell*.", "markdown"),
            ("<ul><li>Snow&nbsp;<b>fell</b>.", "html"),
            ("<pre>Snow\nfell.</pre>", "html"),
        ]
    }
    assert anchors == {"p-45udgmmrul"}, "links to paragraphs on the web must work after an update, too"


@given(st.lists(words, min_size=1, max_size=8, unique_by=lambda text: " ".join(text.split())), st.data())
@settings(deadline=None, max_examples=60)
def test_anchors_stay_when_others_come_go_or_move(parts: list[str], data: st.DataObject) -> None:
    before = {p.text: p.anchor for p in from_plain("\n\n".join(parts))}
    changed = data.draw(st.permutations([*parts, "Something new."]))[data.draw(st.integers(0, 3)) :]
    for paragraph in from_plain("\n\n".join(changed) + "\n\n"):
        assert before.get(paragraph.text, paragraph.anchor) == paragraph.anchor


@given(st.one_of(any_text, soup), st.sampled_from(FORMATS))
@settings(deadline=None, max_examples=200)
def test_any_text_gives_sound_paragraphs(body: str, body_format: Format) -> None:
    found = paragraphs(body, body_format)
    assert [p.number for p in found] == list(range(1, len(found) + 1))
    assert len({p.anchor for p in found}) == len(found)
    for paragraph in found:
        assert paragraph.text.strip()
        assert unicodedata.is_normalized("NFC", paragraph.text)
        if paragraph.kind != "code":
            assert paragraph.text == " ".join(paragraph.text.split())


@given(st.one_of(any_text, soup), st.sampled_from(FORMATS), st.sampled_from([LONGEST, 1, 4, 12]))
@settings(deadline=None, max_examples=300)
def test_pieces_nest_and_hold_each_paragraph_once(body: str, body_format: Format, longest: int) -> None:
    content = read(body, body_format)
    shown_whole = "".join(piece.text for piece in content.pieces if isinstance(piece, Text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("newsindex.paragraphs.LONGEST", longest)
        content = read(body, body_format)
    assert "".join(piece.text for piece in content.pieces if isinstance(piece, Text)) == shown_whole
    rebuilt: dict[int, list[str]] = {p.number: [] for p in content.paragraphs}
    written = {p.number: 0 for p in content.paragraphs}
    anchors: list[str] = []
    opened: list[str] = []
    for piece in content.pieces:
        if isinstance(piece, Open):
            opened.append(piece.tag)
            anchors += [piece.anchor] if piece.anchor else []
        elif isinstance(piece, Close):
            assert opened.pop() == piece.tag
        elif isinstance(piece, Text) and piece.paragraph:
            gap = piece.start - written[piece.paragraph]
            assert gap in (0, 1)
            rebuilt[piece.paragraph].append(" " * gap + piece.text)
            written[piece.paragraph] = piece.start + len(piece.text)
    assert not opened
    assert anchors == [p.anchor for p in content.paragraphs]
    for paragraph in content.paragraphs:
        shown = "".join(rebuilt[paragraph.number])
        assert shown.replace("\xa0", " ").replace("\u202f", " ") == paragraph.text


def test_no_break_spaces_stay_on_the_page() -> None:
    shown = [piece.text for piece in read("<p>10&nbsp;km &nbsp; away</p>", "html").pieces if isinstance(piece, Text)]
    assert shown == ["10\xa0km away"]


def test_a_run_without_end_is_several_paragraphs_that_are_shown_as_one() -> None:
    words = [f"word{n}" for n in range(4_000)]
    body = "<p>" + " ".join(f"<em>{word}</em>" if n % 7 == 0 else word for n, word in enumerate(words)) + "<p>The end."
    content = read(body, "html")
    *parts, last = content.paragraphs
    assert len(parts) == 4
    assert all(LONGEST - 20 < len(part.text) <= LONGEST for part in parts[:-1])
    assert " ".join(part.text for part in parts).split() == words
    assert last.text == "The end."
    assert [piece.tag for piece in content.pieces if isinstance(piece, Open) and piece.tag == "p"] == ["p", "p"]
    assert [piece.anchor for piece in content.pieces if isinstance(piece, Open) and piece.anchor] == [
        paragraph.anchor for paragraph in content.paragraphs
    ]
    shown = "".join(piece.text for piece in content.pieces if isinstance(piece, Text))
    assert shown == " ".join(words) + "The end."
    assert all(
        content.paragraphs[piece.paragraph - 1].text.startswith(piece.text, piece.start)
        for piece in content.pieces
        if isinstance(piece, Text) and piece.paragraph
    )


@pytest.mark.parametrize(
    ("body", "body_format", "expected"),
    [
        ("雨" * 25_000, "plain", [10_000, 10_000, 5_000]),
        ("e\u0301" * 3 + "x\u0323" * 10_000, "plain", [10_001, 10_000, 2]),
        ("```\n" + ("    x = 1\n" * 2_000) + "```", "markdown", [9_999, 9_995]),
        ("<pre>a" + " " * 25_000 + "b</pre>", "html", [1, 1]),
        ("<table><tr><td>" + "a b " * 2_000 + "<td>" + "c d " * 2_000 + "</table>", "html", [9_999, 5_999]),
    ],
)
def test_a_run_without_end_is_cut_where_it_does_not_hurt(body: str, body_format: Format, expected: list[int]) -> None:
    content = read(body, body_format)
    assert [len(paragraph.text) for paragraph in content.paragraphs] == expected
    assert all(paragraph.text == paragraph.text.strip() for paragraph in content.paragraphs[1:])
    assert not any(unicodedata.category(paragraph.text[0]).startswith("M") for paragraph in content.paragraphs)


def long_page() -> str:
    rows = "".join(f"<tr><td>row {n}<td><a href='/{n}'>cell</a></tr>" for n in range(900))
    items = "".join(f"<li>item <em>{n}</em></li>" for n in range(900))
    prose = "".join(f"<h2>Part {n}</h2><p>It's <b>bold</b> {n}.</p><!-- <p> -->" for n in range(600))
    script = "<script>if (a < b) document.write('<p>no</p>')</script>"
    return f'<div class="page"><section>{prose}{script}</section><ul>{items}</ul>{script}<table>{rows}</table></div>'


def test_a_long_page_is_read_in_portions_that_do_not_show() -> None:
    assert len(list(portions(long_page()))) > 3
    expected = [part for n in range(600) for part in (f"Part {n}", f"It's bold {n}.")]
    expected += [f"item {n}" for n in range(900)] + [f"row {n} cell" for n in range(900)]
    found = from_html(long_page())
    assert [p.text for p in found] == expected
    assert {p.kind for p in found[1200:2100]} == {"list_item"}


@given(soup)
@settings(deadline=None, max_examples=100)
def test_portions_lose_nothing(body: str) -> None:
    html = body * 40
    position = 0
    for part in portions(html):
        # A later portion begins with the containers that were open before.
        while not html.startswith(part, position):
            part = part[part.index(">") + 1 :]
        position += len(part)
    assert position == len(html)


@pytest.mark.parametrize(
    "unit",
    ["<div>", "<ul><li>", "<b>", "<table><tr><td>", "<a href=x><div>", "<div><!--</div>-->", "<div><table><td></div>"],
)
def test_deep_nesting_costs_its_length_and_keeps_the_text(unit: str) -> None:
    """A parser's time grows with the square of the depth, so no portion may be deep: 100,000 <div> took a minute."""
    assert max(part.count("<") for part in portions(unit * 20_000)) <= 3_100
    assert texts(unit * 2_000 + "the end", "html") == ["the end"]


@pytest.mark.parametrize("unit", ["[", "![[", "*a **b ", "`a``b", "> ", "<b>", "[a](", "&", "| "])
def test_hostile_markdown_is_read_in_bounded_time(unit: str) -> None:
    assert isinstance(paragraphs(unit * 2_000, "markdown"), tuple)


def test_unclosed_formatting_is_not_copied_without_end() -> None:
    bold = "".join(f"<b title={n}>" for n in range(1_500))
    content = read(f"<p>{bold}" + "<p>x" * 1_500, "html")
    assert len(content.paragraphs) == 1_500
    assert len(content.pieces) < 100_000


def test_an_endless_attribute_is_dropped() -> None:
    content = read("<p><a href='http://example.org/" + "y" * 50_000 + "'>x" + "<p>x" * 300, "html")
    assert len(content.paragraphs) == 301
    assert not any(piece.attributes for piece in content.pieces if isinstance(piece, Open))


def test_elements_nested_without_end_are_not_all_written() -> None:
    content = read("<div>" * 150 + "<b>" * 25 + "x", "html")
    assert [p.text for p in content.paragraphs] == ["x"]
    assert sum(isinstance(piece, Open) for piece in content.pieces) < 120
