"""The query language: what each rule makes of a text, and that no text can do harm."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsindex.analysis import RUN, tokens
from newsindex.matching import slots
from newsindex.query import (
    DEFAULT_LIMITS,
    MESSAGES,
    And,
    Everything,
    Fuzzy,
    Keyword,
    Limits,
    Node,
    Not,
    Note,
    Or,
    Phrase,
    Prefix,
    Published,
    Query,
    Word,
    leaves,
    parse,
    relaxed,
    replace_words,
    unparse,
)
from newsindex.query.nodes import MOST_PARTS, Leaf, alternatives

# A field before a group is written at each word again, so the way back needs more room than the way there.
ROOMY = replace(DEFAULT_LIMITS, max_characters=20_000)

a, b, c, d = Word("a"), Word("b"), Word("c"), Word("d")


def every(*nodes: Node) -> And:
    return And(nodes)


def one_of(*nodes: Node) -> Or:
    return Or(nodes)


def everything_but(*nodes: Node) -> And:
    return And((Everything(), *map(Not, nodes)))


def codes(query: Query) -> list[str]:
    return [note.code for note in query.notes]


TREES: list[tuple[str, Node]] = [
    # Words
    ("", Everything()),
    ("  \t\n", Everything()),
    ("a", a),
    ("a b", every(a, b)),
    ("a a", every(a, a)),
    ("Café ÉCOLE", every(Word("Café"), Word("ÉCOLE"))),
    ("caf" + "e\u0301", Word("café")),
    ("¿a?, (b) – c!", every(a, b, c)),
    ("don't O'Reilly's e-mail U.S. 2.7.1", every(*map(Word, ["don't", "O'Reilly's", "e-mail", "U.S", "2.7.1"]))),
    ("$100 50% #tag C++ [a] {b} <c>", every(*map(Word, ["100", "50", "tag", "C++", "a", "b", "c"]))),
    ("a & b / c | d + - ... = ~", every(a, b, c, d)),
    ("東京 オリンピック", every(Word("東京"), Word("オリンピック"))),
    ("a\u3000b\u200bc\u00a0d", every(a, b, c, d)),
    # Phrases
    ('"a b"', Phrase("a b")),
    ('"a" b', every(Phrase("a"), b)),
    ('"a b"~3 c', every(Phrase("a b", slop=3), c)),
    ("„a b“~050", Phrase("a b", slop=50)),
    ('"a b"~0', Phrase("a b")),
    ('"a b"~2c', every(Phrase("a b", slop=2), c)),
    ('-"a b"~1 OR c', one_of(every(Everything(), Not(Phrase("a b", slop=1))), c)),
    ('"a"~2', Phrase("a")),
    ('"e-mail"~2', Phrase("e-mail", slop=2)),
    ('"  a \n b, "', Phrase("a b")),
    ('a"b c"d', every(a, Phrase("b c"), d)),
    ('"a OR (b -c*"', Phrase("a OR (b -c")),
    ("“a b”", Phrase("a b")),
    ("„a b“", Phrase("a b")),
    ("”a b”", Phrase("a b")),
    ("« a b »", Phrase("a b")),
    ("»a b«", Phrase("a b")),
    ('"he said “a” b"', Phrase("he said “a” b")),
    ('“5" b”', Phrase('5" b')),
    # Exclusions
    ("a -b", every(a, Not(b))),
    ("-b a", every(Not(b), a)),
    ("a −b", every(a, Not(b))),
    ("a –b", every(a, Not(b))),
    ("(-b a)", every(Not(b), a)),
    ('a -"b c"', every(a, Not(Phrase("b c")))),
    ("a -(b c)", every(a, Not(every(b, c)))),
    ("a -(b OR c)", every(a, Not(one_of(b, c)))),
    ("a -(b)", every(a, Not(b))),
    ("a -tag:x", every(a, Not(Keyword("tag", "x")))),
    ("a -title:b", every(a, Not(Word("b", "title")))),
    ("a -after:2024", every(a, Not(Published(start=date(2024, 1, 1))))),
    ("a -b:c", every(a, Not(every(b, c)))),
    ("-a", everything_but(a)),
    ("-a -b", everything_but(a, b)),
    ("(-a) b", every(Not(a), b)),
    ("-(-a)", a),
    ("-(-(-a))", everything_but(a)),
    ("b -(-a)", every(b, a)),
    ("-(-a -b)", one_of(a, b)),
    ("-(a -b)", everything_but(every(a, Not(b)))),
    ("a-b a- --a a--", every(Word("a-b"), a, a, a)),
    ("a - b", every(a, b)),
    ("-OR", everything_but(Word("or"))),
    ("a NOT", every(a, Word("NOT"))),
    ("A NOT B", every(Word("A"), Word("NOT"), Word("B"))),
    ('"a b" ~3', Phrase("a b", slop=3)),
    ('title:"a b"  ~2 c', every(Phrase("a b", "title", 2), c)),
    ('"a b" ~3c', every(Phrase("a b"), Word("3c"))),
    ('"a b" 3', every(Phrase("a b"), Word("3"))),
    # OR and AND
    ("a OR b", one_of(a, b)),
    ("a OR b OR c", one_of(a, b, c)),
    ("a b OR c", every(a, one_of(b, c))),
    ("a OR b c", every(one_of(a, b), c)),
    ("a OR b c OR d", every(one_of(a, b), one_of(c, d))),
    ("(a b) OR c", one_of(every(a, b), c)),
    ("a OR (b OR c)", one_of(a, b, c)),
    ("(a OR b)", one_of(a, b)),
    ('a OR "b c"', one_of(a, Phrase("b c"))),
    ("a OR -b", one_of(a, everything_but(b))),
    ("a OR (-b -c)", one_of(a, everything_but(b, c))),
    ("a OR b:c", one_of(a, every(b, c))),
    ("a or b", every(a, Word("or"), b)),
    ("a OR, b", every(a, Word("or"), b)),
    ("a | b", every(a, b)),
    ("a AND b", every(a, b)),
    ("a AND -b", every(a, Not(b))),
    ("a AND (b OR c)", every(a, one_of(b, c))),
    ("AND a", every(Word("and"), a)),
    ("a AND", every(a, Word("and"))),
    ("(a AND) b", every(a, Word("and"), b)),
    ("a and b", every(a, Word("and"), b)),
    # Parentheses
    ("((a))", a),
    ("(a b)", every(a, b)),
    ("a (b (c d))", every(a, b, c, d)),
    ("a(b)c", every(a, b, c)),
    ("a()", a),
    # Prefixes and fuzzy words
    ("ab*", Prefix("ab")),
    ("ab*, cd*.", every(Prefix("ab"), Prefix("cd"))),
    ("e-mail*", Prefix("e-mail")),
    ("日*", Prefix("日")),
    ("東京*", Prefix("東京")),
    ("OR*", Prefix("OR")),
    ("banana~", Fuzzy("banana")),
    ("banana~1 banana~2", every(Fuzzy("banana"), Fuzzy("banana"))),
    ("banana~,", Fuzzy("banana")),
    ("3~5 ~2 a~b", every(Word("3~5"), Word("2"), Word("a~b"))),
    # Fields
    ("title:a", Word("a", "title")),
    ("TITLE:a Tag:b", every(Word("a", "title"), Keyword("tag", "b"))),
    ('title:"a b"', Phrase("a b", "title")),
    ('title:"a b"~2', Phrase("a b", "title", 2)),
    ('title:("a b"~2 OR c)', one_of(Phrase("a b", "title", 2), Word("c", "title"))),
    ("title:ab*", Prefix("ab", "title")),
    ("title:banana~", Fuzzy("banana", "title")),
    ("title:a:b", every(Word("a", "title"), Word("b", "title"))),
    ("title:OR", Word("OR", "title")),
    ("title:(a b)", every(Word("a", "title"), Word("b", "title"))),
    ("title:(a OR -b) c", every(one_of(Word("a", "title"), everything_but(Word("b", "title"))), c)),
    ("title:(a tag:b (c)) d", every(Word("a", "title"), Keyword("tag", "b"), Word("c", "title"), d)),
    ("tag:a", Keyword("tag", "a")),
    ('tag:"a  b"', Keyword("tag", "a b")),
    ("tag:„a b“", Keyword("tag", "a b")),
    ('author:"A. B." section:World', every(Keyword("author", "A. B."), Keyword("section", "World"))),
    ("tag:C++ tag:.NET tag:a:b", every(*(Keyword("tag", value) for value in ["C++", ".NET", "a:b"]))),
    ("tag:a, tag:b;", every(Keyword("tag", "a"), Keyword("tag", "b"))),
    ('tag:"a*, (b)"', Keyword("tag", "a*, (b)")),
    ('tag:(a OR "b c")', one_of(Keyword("tag", "a"), Keyword("tag", "b c"))),
    ("tag:(a - b)", every(Keyword("tag", "a"), Keyword("tag", "b"))),
    ("tag:🎉", Keyword("tag", "🎉")),
    ("+tag:a #tag:b", every(Keyword("tag", "a"), Keyword("tag", "b"))),
    # Dates
    ("after:2024-11-01", Published(start=date(2024, 11, 1))),
    ("after:2024-11", Published(start=date(2024, 11, 1))),
    ("after:2024", Published(start=date(2024, 1, 1))),
    ("before:2024-11-02", Published(end=date(2024, 11, 2))),
    ("before:2024-11", Published(end=date(2024, 11, 1))),
    ("before:2024", Published(end=date(2024, 1, 1))),
    ("on:2024-02-28", Published(date(2024, 2, 28), date(2024, 2, 29))),
    ("on:2024-02-29", Published(date(2024, 2, 29), date(2024, 3, 1))),
    ("on:2024-12-31", Published(date(2024, 12, 31), date(2025, 1, 1))),
    ("on:2024-11", Published(date(2024, 11, 1), date(2024, 12, 1))),
    ("on:2024-12", Published(date(2024, 12, 1), date(2025, 1, 1))),
    ("on:2024", Published(date(2024, 1, 1), date(2025, 1, 1))),
    ("on:2024-1-5,", Published(date(2024, 1, 5), date(2024, 1, 6))),
    ('on:"2024"', Published(date(2024, 1, 1), date(2025, 1, 1))),
    ("on:0001", Published(date(1, 1, 1), date(2, 1, 1))),
    ("after:0987-06", Published(start=date(987, 6, 1))),
    ("on:9998", Published(date(9998, 1, 1), date(9999, 1, 1))),
    ("on:9999", Published(start=date(9999, 1, 1))),
    ("on:9999-12", Published(start=date(9999, 12, 1))),
    ("on:9999-12-31", Published(start=date(9999, 12, 31))),
    # Text that only looks like syntax
    ("foo:bar", every(Word("foo"), Word("bar"))),
    ('foo:"a b"', every(Word("foo"), Phrase("a b"))),
    ('foo:"a b"~2', every(Word("foo"), Phrase("a b", slop=2))),
    ('c -foo:"a b"', every(c, Not(every(Word("foo"), Phrase("a b"))))),
    ("foo,bar;baz", every(Word("foo"), Word("bar"), Word("baz"))),
    ("港、図書館", every(Word("港"), Word("図書館"))),
    ("title:a,b", every(Word("a", "title"), Word("b", "title"))),
    ("tag:a,b", Keyword("tag", "a,b")),
    ("1,000 C++,C#", every(Word("1,000"), Word("C++,C#"))),
    ("10:30", Word("10:30")),
    ("https://example.org/a?b=c", Word("https://example.org/a?b=c")),
    ("std::vector", Word("std::vector")),
    (":smile: emoji:like", every(Word("smile"), Word("emoji"), Word("like"))),
    ("foo:tag::x", every(Word("foo"), Word("tag"), Word("x"))),
    ("content:a id:b", every(Word("content"), a, Word("id"), b)),
    ('title:(foo:"a b")', every(Word("foo", "title"), Phrase("a b", "title"))),
    ("(-) a", a),
    ("[a TO b] a^2 b?", every(a, Word("TO"), b, Word("a^2"), b)),
]


@pytest.mark.parametrize(("text", "tree"), TREES)
def test_a_text_becomes_this_tree_without_a_note(text: str, tree: Node) -> None:
    query = parse(text)
    assert (query.tree, query.notes) == (tree, ())


NOTED: list[tuple[str, Node, list[Note]]] = [
    ('"', Everything(), [Note("unclosed_quote", '"')]),
    ('"a b', every(a, b), [Note("unclosed_quote", '"')]),
    ('"a b" "c', every(Phrase("a b"), c), [Note("unclosed_quote", '"')]),
    ("“a b", every(a, b), [Note("unclosed_quote", "“")]),
    ('“a "b c"', every(a, Phrase("b c")), [Note("unclosed_quote", "“")]),
    ('5" a', every(Word("5"), a), [Note("unclosed_quote", '"')]),
    ('-"', Everything(), [Note("unclosed_quote", '"')]),
    ('-" a', a, [Note("unclosed_quote", '"')]),
    ('""', Everything(), [Note("empty_quotes")]),
    ('a -"" b', every(a, b), [Note("empty_quotes")]),
    ('"""', Everything(), [Note("unclosed_quote", '"'), Note("empty_quotes")]),
    ('"-" a', a, [Note("not_searchable", "-")]),
    ('"a b"~ c', every(Phrase("a b"), c), [Note("after_quotes", "~")]),
    ('"a b"~51 c', every(Phrase("a b", slop=50), c), [Note("large_slop", "50")]),
    ('"a b"~' + "9" * 900, Phrase("a b", slop=50), [Note("large_slop", "50")]),
    ('""~2 c', c, [Note("empty_quotes"), Note("after_quotes", "~2")]),
    ('tag:"a b"~2', Keyword("tag", "a b"), [Note("after_quotes", "~2")]),
    ('on:"a b"~2', every(Word("on"), Phrase("a b", slop=2)), [Note("not_a_date", "on:a b")]),
    ("NOT a", every(Word("NOT"), a), [Note("not_a_word", "NOT")]),
    ("a NOT b", every(a, Word("NOT"), b), [Note("not_a_word", "NOT")]),
    ('tag:"a b" ~2', Keyword("tag", "a b"), [Note("after_quotes", "~2")]),
    ('"a b"*', Phrase("a b"), [Note("after_quotes", "*")]),
    ('tag:"c"~', Keyword("tag", "c"), [Note("after_quotes", "~")]),
    ("(a b", every(a, b), [Note("unbalanced_parenthesis", "(")]),
    ("a b)", every(a, b), [Note("unbalanced_parenthesis", ")")]),
    ("a OR (b c", every(one_of(a, b), c), [Note("unbalanced_parenthesis", "(")]),
    (")a(", a, [Note("unbalanced_parenthesis", ")"), Note("unbalanced_parenthesis", "(")]),
    ("a :)", a, [Note("unbalanced_parenthesis", ")")]),
    ('"(" a)', a, [Note("unbalanced_parenthesis", ")"), Note("not_searchable", "(")]),
    ("OR", Everything(), [Note("stray_or")]),
    ("OR OR", Everything(), [Note("stray_or")]),
    ("(OR)", Everything(), [Note("stray_or")]),
    ("OR a", a, [Note("stray_or")]),
    ("a OR", a, [Note("stray_or")]),
    ("a OR OR b", one_of(a, b), [Note("stray_or")]),
    ("(a OR) b", every(a, b), [Note("stray_or")]),
    ("a OR & b", every(a, b), [Note("stray_or")]),
    ("a OR () b", every(a, b), [Note("stray_or")]),
    ("*", Everything(), [Note("star_place", "*")]),
    ("5 * 3", every(Word("5"), Word("3")), [Note("star_place", "*")]),
    ("*ab", Word("ab"), [Note("star_place", "*ab")]),
    ("a*b", Word("a*b"), [Note("star_place", "a*b")]),
    ("ab/cd*", Word("ab/cd"), [Note("star_place", "ab/cd*")]),
    ("Python東*", Word("Python東"), [Note("star_place", "Python東*")]),
    ("tag:ab*", Keyword("tag", "ab"), [Note("star_place", "ab*")]),
    ("a*", a, [Note("star_short", "a*")]),
    ("é*", Word("é"), [Note("star_short", "é*")]),
    ("banana~9", Fuzzy("banana"), [Note("fuzzy_number", "9")]),
    ("ab~", Word("ab"), [Note("fuzzy_short", "ab~")]),
    ("OR~", Word("or"), [Note("fuzzy_short", "OR~")]),
    ("ab/cd~", Word("ab/cd"), [Note("fuzzy_place", "ab/cd~")]),
    ("東京~", Word("東京"), [Note("fuzzy_place", "東京~")]),
    ("tag:", Word("tag"), [Note("empty_field", "tag:")]),
    ("Author: a", every(Word("Author"), a), [Note("empty_field", "Author:")]),
    ("tag:, a", every(Word("tag"), a), [Note("empty_field", "tag:")]),
    ("after:(2024)", every(Word("after"), Word("2024")), [Note("empty_field", "after:")]),
    ('tag:""', Everything(), [Note("empty_quotes")]),
    ('a -tag:"" title:"" on:""', a, [Note("empty_quotes")]),
    ("tag:()", Everything(), [Note("not_searchable", "tag:()")]),
    ("after:soon", every(Word("after"), Word("soon")), [Note("not_a_date", "after:soon")]),
    ('a -on:"b c"', every(a, Not(every(Word("on"), Phrase("b c")))), [Note("not_a_date", "on:b c")]),
    ("on:2024-13", every(Word("on"), Word("2024-13")), [Note("not_a_date", "on:2024-13")]),
    ("on:2023-02-29", every(Word("on"), Word("2023-02-29")), [Note("not_a_date", "on:2023-02-29")]),
    ("on:0000", every(Word("on"), Word("0000")), [Note("not_a_date", "on:0000")]),
    ("on:987", every(Word("on"), Word("987")), [Note("not_a_date", "on:987")]),
    ("on:٢٠٢٤", every(Word("on"), Word("٢٠٢٤")), [Note("not_a_date", "on:٢٠٢٤")]),
    ("a 😀 b", every(a, b), [Note("not_searchable", "😀")]),
    ("a -😀 b", every(a, b), [Note("not_searchable", "😀")]),
    (":::", Everything(), [Note("not_searchable", ":::")]),
    ("- - -", Everything(), [Note("not_searchable", "- - -")]),
    ("()", Everything(), [Note("not_searchable", "()")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "tree", "notes"), NOTED)
def test_what_is_ignored_is_said(text: str, tree: Node, notes: list[Note]) -> None:
    query = parse(text)
    assert (query.tree, list(query.notes)) == (tree, notes)


def test_the_text_is_cleaned_so_that_it_can_be_shown_again() -> None:
    query = parse(" a\x00b \ud800c\u202ed\u200f ")
    assert query.text == "a b  cd"
    assert query.tree == every(a, b, Word("cd"))
    query.text.encode()


def test_marks_of_direction_hide_no_operator() -> None:
    assert parse("\u200fשלום \u200f-עולם \u200etag:\u200ea").tree == every(
        Word("שלום"), Not(Word("עולם")), Keyword("tag", "a")
    )


def test_a_query_tells_its_words_and_whether_it_asks_for_anything() -> None:
    query = parse('a -b (ab* OR "c d") tag:x')
    assert query.words == (a, Prefix("ab"), Phrase("c d"))
    assert not query.is_empty
    assert parse("").is_empty and not parse("").words
    assert parse("***").is_empty
    assert not parse("tag:x").is_empty


def test_each_note_has_a_message_and_says_what_it_is_about() -> None:
    for code, template in MESSAGES.items():
        note = Note(code, "{x}")
        assert str(note) == note.message == template.replace("{value}", "{x}")
    assert str(parse("a :)").notes[0]) == "Ignored the parenthesis ) that has no partner."


def test_a_note_is_short_said_once_and_there_are_not_too_many() -> None:
    assert len(parse("a*b a*b a*b").notes) == 1
    (note,) = (note for note in parse("on:" + "x" * 200).notes if note.code == "not_a_date")
    assert len(note.value) == 60 and note.value.endswith("…")
    assert len(parse(" ".join(f"a*{number}" for number in range(60))).notes) == 20


# Limits


def units(tree: Node) -> int:
    return sum(isinstance(node, Word | Prefix | Fuzzy | Phrase | Keyword | Published) for node in nodes_of(tree))


def nodes_of(tree: Node) -> Iterator[Node]:
    yield tree
    if isinstance(tree, Not):
        yield from nodes_of(tree.child)
    elif isinstance(tree, And | Or):
        for child in tree.children:
            yield from nodes_of(child)


def depth_of(tree: Node) -> int:
    children = (tree.child,) if isinstance(tree, Not) else tree.children if isinstance(tree, And | Or) else ()
    return 1 + max(map(depth_of, children), default=0)


@pytest.mark.parametrize(("size", "noted"), [(1_999, []), (2_000, []), (2_001, ["text_cut"])])
def test_limit_of_characters(size: int, noted: list[str]) -> None:
    query = parse("," * (size - 1) + "a")
    assert (query.tree, codes(query)) == (a if size <= 2_000 else Everything(), noted)


def test_a_cut_leaves_no_half_word() -> None:
    limits = Limits(max_characters=10)
    assert parse("one two three four", limits).tree == every(Word("one"), Word("two"))
    assert parse("one two thr four", limits).tree == every(Word("one"), Word("two"))
    assert parse("one two th four", limits).tree == every(Word("one"), Word("two"), Word("th"))
    assert parse("東京オリンピック二千二十年", limits).tree == Word("東京オリンピック二千")


@pytest.mark.parametrize(("count", "noted"), [(127, []), (128, []), (129, ["too_many_words"])])
@pytest.mark.parametrize("unit", ["a", '"a b"', "tag:a", "after:2024", "title:a"])
def test_limit_of_units(unit: str, count: int, noted: list[str]) -> None:
    query = parse(" ".join([unit] * count))
    assert (units(query.tree), codes(query)) == (min(count, 128), noted)


def test_the_limit_of_units_counts_in_groups_and_leaves_no_empty_ones() -> None:
    limits = Limits(max_units=2)
    assert parse("a OR (b OR (c d)) OR d", limits).tree == one_of(a, b)
    query = parse("a b OR c -(d) x:y", limits)
    assert (query.tree, codes(query)) == (every(a, b), ["too_many_words"])
    assert parse("a b:c", limits).tree == every(a, b)
    assert codes(parse("a b OR (c OR d) OR c", limits)) == ["too_many_words"]


@pytest.mark.parametrize(("count", "noted"), [(15, []), (16, []), (17, ["long_phrase"])])
def test_limit_of_phrase_words(count: int, noted: list[str]) -> None:
    query = parse('"' + " ".join(f"w{number}" for number in range(count)) + '"')
    expected = " ".join(f"w{number}" for number in range(min(count, 16)))
    assert (query.tree, codes(query)) == (Phrase(expected), noted)


@pytest.mark.parametrize(("slop", "noted"), [(4, []), (5, []), (6, ["large_slop"])])
def test_limit_of_slop(slop: int, noted: list[str]) -> None:
    query = parse(f'"a b"~{slop}', Limits(max_slop=5))
    assert (query.tree, codes(query)) == (Phrase("a b", slop=min(slop, 5)), noted)


def test_a_phrase_is_cut_inside_a_compound_and_a_run_of_characters() -> None:
    limits = Limits(max_phrase_words=2)
    assert parse('"an e-mail"', limits).tree == Phrase("an e")
    assert parse('"東京都庁"', limits).tree == Phrase("東京都")


@pytest.mark.parametrize(("count", "noted"), [(7, []), (8, []), (9, ["too_many_exclusions"])])
@pytest.mark.parametrize("unit", ["-b", "-tag:b", "-(b c)"])
def test_limit_of_exclusions(unit: str, count: int, noted: list[str]) -> None:
    query = parse("a " + " ".join([unit] * count))
    found = sum(isinstance(node, Not) for node in nodes_of(query.tree))
    assert (found, codes(query)) == (min(count, 8), noted)
    assert query.words == (a,)


@pytest.mark.parametrize(("levels", "noted"), [(9, []), (10, []), (11, ["too_deep"])])
def test_limit_of_depth(levels: int, noted: list[str]) -> None:
    query = parse("a OR (b " * levels + "c" + ")" * levels)
    assert codes(query) == noted
    assert depth_of(query.tree) == min(levels, 10) * 2 + 1 + (levels > 10)


def test_words_divided_by_a_colon_take_a_level() -> None:
    limits = Limits(max_depth=1)
    assert parse("(a OR b) OR c:d", limits).tree == one_of(a, b, every(c, d))
    query = parse("(a OR b:c)", limits)
    assert (query.tree, codes(query)) == (every(one_of(a, b), c), ["too_deep"])
    assert parse("(a -b:c)", limits).tree == every(a, Not(b), Not(c))


@pytest.mark.parametrize(("count", "noted"), [(3, []), (4, []), (5, ["too_many_prefixes"])])
def test_limit_of_prefixes(count: int, noted: list[str]) -> None:
    query = parse(" ".join(["ab*"] * count))
    assert query.words == (Prefix("ab"),) * min(count, 4) + (Word("ab"),) * (count - 4)
    assert codes(query) == noted


@pytest.mark.parametrize(("count", "noted"), [(3, []), (4, []), (5, ["too_many_fuzzies"])])
def test_limit_of_fuzzy_words(count: int, noted: list[str]) -> None:
    query = parse(" ".join(["abc~"] * count))
    assert query.words == (Fuzzy("abc"),) * min(count, 4) + (Word("abc"),) * (count - 4)
    assert codes(query) == noted


@pytest.mark.parametrize(("size", "noted"), [(63, []), (64, []), (65, ["long_word"])])
@pytest.mark.parametrize(("mark", "kind"), [("", Word), ("*", Prefix), ("~", Fuzzy)])
def test_limit_of_word_characters(mark: str, kind: type, size: int, noted: list[str]) -> None:
    query = parse("x" * size + mark)
    assert (query.tree, codes(query)) == (kind("x" * min(size, 64)), noted)


def test_a_long_text_without_spaces_is_cut_between_its_words() -> None:
    address = "https://example.org/2024/11/a-very-long-title-of-an-article-that-goes-on-and-on"
    assert parse(address).tree == Word("https://example.org/2024/11/a-very-long-title-of-an-article-that")


def test_custom_limits_of_nothing_are_possible() -> None:
    none = Limits(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert parse("a", none).is_empty
    none = replace(none, max_characters=100)
    assert parse('a "b c" -d (e* OR f~) tag:g', none).is_empty


# Hostile texts

HOSTILE = [
    '"',
    '-"',
    "(" * 5_000,
    ")" * 5_000,
    "(" * 100_000,
    "(" * 50_000 + ")" * 50_000,
    "()" * 50_000,
    "-(" * 1_000,
    "-(a " * 500 + ")" * 500,
    "(a OR " * 300 + "b" + ")" * 300,
    "\x00",
    "\ud800",
    "\udfff\ud800" * 1_000,
    "*" * 2_000,
    "~" * 2_000,
    "~1" * 1_000,
    "x" * 100_000,
    "x " * 50_000,
    '"' * 2_001,
    "“" * 2_001,
    '“"' * 1_000,
    ":" * 2_000,
    "a:" * 1_000,
    "tag:" * 500,
    "tag:(" * 400,
    'tag:"' * 400,
    "," * 1_000 + "tag:" + "," * 900,
    "w ANDNOT " * 200,
    "[a TO " * 1_000,
    "OR " * 700,
    "AND " * 500,
    "- " * 1_000,
    "-" * 2_000,
    "-a " * 700,
    "after:9999-99-99 " * 100,
    "😀" * 2_000,
    "\u200f" * 2_000,
    "a" + "\u0301" * 2_000,
    "\u0301" * 2_000,
    "ﷺ" * 2_000,
    "東" * 2_000,
    "a.b-c'd" * 300,
    "{0} %s %(x)s {value}",
    "<script>alert(1)</script>",
    "foo/../../etc",
    "' OR 1=1 --",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_texts(text: str) -> None:
    check(text)


def check(text: str, limits: Limits = DEFAULT_LIMITS) -> None:
    """All that is promised of any text."""
    query = parse(text, limits)
    query.text.encode()
    assert len(query.notes) <= 20 and len(set(query.notes)) == len(query.notes)
    assert all(note.code in MESSAGES and len(note.value) <= 60 and note.message for note in query.notes)
    assert query.notes or not query.is_empty or not query.text
    check_tree(query.tree, limits)
    text_again = unparse(query.tree)
    again = parse(text_again, replace(limits, max_characters=20_000))
    assert again.tree == query.tree
    assert unparse(again.tree) == text_again
    if all(_pieces(word) == 1 for word in query.words):
        assert parse(unparse(relaxed(query.tree)), ROOMY).words == query.words
    assert len(alternatives(query.tree)) <= MOST_PARTS


def _pieces(leaf: Leaf) -> int:
    """Of how many words a relaxed query asks for one."""
    pairs = any(token.pair for token in tokens(leaf.text, ""))
    return 2 if pairs else max(len(alternatives(leaf)), len(RUN.findall(leaf.text)), 1)


def check_tree(tree: Node, limits: Limits) -> None:
    nodes = list(nodes_of(tree))
    assert units(tree) <= limits.max_units
    assert depth_of(tree) <= 3 * (limits.max_depth + 2)
    assert sum(isinstance(node, Prefix) for node in nodes) <= limits.max_prefixes
    assert sum(isinstance(node, Fuzzy) for node in nodes) <= limits.max_fuzzies
    assert sum(isinstance(node, Not) for node in nodes) <= limits.max_exclusions
    assert not isinstance(tree, Not)
    for node in nodes:
        if isinstance(node, And):
            assert len(node.children) > 1
            assert not any(isinstance(child, And) for child in node.children)
            assert not all(isinstance(child, Not) for child in node.children)
            assert Everything() not in node.children[1:]
        elif isinstance(node, Or):
            assert len(node.children) > 1
            assert not any(isinstance(child, Or | Not | Everything) for child in node.children)
        elif isinstance(node, Not):
            assert not isinstance(node.child, Not | Everything)
        elif isinstance(node, Word | Prefix | Fuzzy):
            assert 0 < len(node.text) <= limits.max_word_characters and slots(node, "en")
        elif isinstance(node, Phrase):
            last = tokens(node.text, "")[-1].position
            assert slots(node, "en") and last < limits.max_phrase_words
            assert 0 <= node.slop <= (limits.max_slop if last else 0)
        elif isinstance(node, Keyword):
            assert node.value.strip()


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_is_a_query(text: str) -> None:
    check(text)


SIGNS = """
    a bc def OR AND or - − -- ( ) ( ) " " “ ” « "~2 ”~51 * ~ ~1 ~9 9 9a : :: :// . , ; / ' # + _ & é 日 日本 ไทย ß 😀
    title: tag: TAG: author: section: after: before: on: foo: 2024 2024-02 2024-02-30 12:30 U.S. e-mail x's
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
"""
INVISIBLE = ["\u0301", "\u200d", "\u200f", "\u00ad", "\x00", "\ud800", "\u2028"]
SOUP = st.lists(st.sampled_from([*SIGNS.split(), *INVISIBLE, *[" "] * 14]), max_size=60).map("".join)


@settings(max_examples=500, deadline=None)
@given(SOUP)
def test_any_soup_of_signs_is_a_query(text: str) -> None:
    check(text)


@settings(max_examples=200, deadline=None)
@given(SOUP, st.builds(Limits, *[st.integers(1, size) for size in (60, 6, 4, 3, 3, 2, 2, 8, 3)]))
def test_small_limits_hold_for_any_soup(text: str, limits: Limits) -> None:
    check(text, limits)


SHAPES = ["(", ")", "()", '"', '" ', "“", "-(", "-a ", "a:", "tag:", "tag:(", "~1", "*", "a* ", "OR ", "a OR ",
          "on:x ", ",", ",:", "a.", "x", "日", "\u0301", '“"', "a(b)", '"a b"~1 ', "[a TO "]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_the_cost_is_linear(shape: str) -> None:
    limits = replace(DEFAULT_LIMITS, max_characters=4_000)
    once, twice = (calls_to_parse(shape * (size // len(shape)), limits) for size in (2_000, 4_000))
    assert twice < 2.2 * once + 100


def calls_to_parse(text: str, limits: Limits) -> int:
    """How many functions are called, of Python and of C."""
    count = 0

    def on_event(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    # Who is told of collections of garbage is called as well.
    gc.disable()
    sys.setprofile(on_event)
    try:
        parse(text, limits)
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


def test_a_text_beyond_the_limit_costs_nothing_more() -> None:
    parse("x " * 2_000)
    once, more = (calls_to_parse("x " * size, DEFAULT_LIMITS) for size in (5_000, 500_000))
    assert once == more


# Back to text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        ("  a   b ", "a b"),
        ("((a))   AND b", "a b"),
        ("a (b OR c) d", "a b OR c d"),
        ("(a b) OR (c -d)", "(a b) OR (c -d)"),
        ("a −(b OR c)", "a -(b OR c)"),
        ("a -(b c)", "a -(b c)"),
        ("-a OR (-b)", "-a OR -b"),
        ("a OR (-b -c)", "a OR (-b -c)"),
        ("„a b“ Title:“c  d”", '"a b" title:"c d"'),
        ('“5" b”', '“5" b”'),
        ("title:(a b*c)", "title:a title:b*c"),
        ("ab*. abc~2", "ab* abc~"),
        ('“a b”~03 "a"~3 “5" b”~2 "a b"~0', '"a b"~3 "a" “5" b”~2 "a b"'),
        ('tag:"a" tag:"b c" tag:"," tag:"x," tag:"y(z"', 'tag:a tag:"b c" tag:"," tag:"x," tag:"y(z"'),
        ('tag:"#" tag:"x*" tag:"c#"', 'tag:"#" tag:"x*" tag:c#'),
        ("after:2024-01-01 before:2024-02-1", "after:2024 before:2024-02"),
        ("on:2024 on:2024-12 on:2024-12-31", "on:2024 on:2024-12 on:2024-12-31"),
    ],
)
def test_a_tree_is_written_as_a_query_again(text: str, canonical: str) -> None:
    assert unparse(parse(text).tree) == canonical


def test_trees_made_by_hand_are_written_with_the_same_meaning() -> None:
    window = Published(date(2024, 3, 1), date(2024, 3, 9))
    assert unparse(every(a, window)) == "a (after:2024-03 before:2024-03-09)"
    assert unparse(every(a, every(b, Not(window)))) == "a b -(after:2024-03 before:2024-03-09)"
    assert unparse(one_of(a, one_of(b, c))) == "a OR b OR c"
    assert unparse(Published()) == ""


def test_words_are_replaced_by_their_folded_form() -> None:
    tree = parse('Helo wrld* title:hélo "the helo world"~4 (helo OR -helo) tag:helo helo~').tree
    assert unparse(replace_words(tree, {"helo": "hello"})) == (
        'hello wrld* title:hello "the hello world"~4 hello OR -helo tag:helo helo~'
    )
    assert replace_words(tree, {}) == tree


def test_words_inside_words_are_replaced_whole_before_parts() -> None:
    tree = parse("e-mial/adress U.S.").tree
    assert unparse(replace_words(tree, {"adress": "address"})) == "e-mial/address U.S"
    assert unparse(replace_words(tree, {"emial": "email", "e": "x", "adress": "address"})) == "email/address U.S"
    assert replace_words(Word("東京"), {"東京": "京都"}) == Word("京都")
    assert replace_words(Phrase("東京都"), {"東京": "京都"}) == Phrase("東京都")


def test_a_relaxed_question_in_a_script_without_spaces_wants_any_of_its_pairs() -> None:
    assert relaxed(parse("日本の梅雨").tree) == one_of(*map(Word, ("日本", "本の", "の梅", "梅雨")))
    tree = parse("Linux下的grep命令 -猫 tag:x").tree
    assert relaxed(tree) == every(
        one_of(*map(Word, ("Linux", "下的", "grep", "命令"))), Not(Word("猫")), Keyword("tag", "x")
    )
    for unchanged in ("梅雨", "e-mail", "“日本の梅雨”"):
        assert relaxed(parse(unchanged).tree) == parse(unchanged).tree


def test_a_relaxed_question_takes_words_apart_that_a_sign_joins() -> None:
    assert relaxed(parse("split/debenture/split a").tree) == one_of(Word("split"), Word("debenture"), a)
    for unchanged in ("24/7 a", "a/b c", "gas-oil a", "U.S. a", '"split/debenture" a'):
        assert relaxed(parse(unchanged).tree) == one_of(*parse(unchanged).words)


def test_the_leaves_of_a_relaxed_query_stay() -> None:
    query = parse('a "b c" -d tag:x')
    assert tuple(leaves(relaxed(query.tree))) == query.words
    assert relaxed(query.tree) == every(one_of(a, Phrase("b c")), Not(d), Keyword("tag", "x"))


@pytest.mark.parametrize(
    "text",
    [
        "WE WANT REPORTS ON CUTS IN PUBLIC LIBRARIES OR MUSEUMS.",
        "REPORTS, OR PAPERS, ON CUTS IN PUBLIC LIBRARIES AND MUSEUMS OR ARCHIVES",
    ],
)
def test_sentences_in_capitals_have_no_operators(text: str) -> None:
    tree = parse(text).tree
    assert not any(isinstance(node, Or) for node in nodes_of(tree))
    assert Word("or") in tree.children  # type: ignore[union-attr]
    assert parse(unparse(tree)).tree == tree


@pytest.mark.parametrize(
    "text",
    [
        "NASA OR ESA",
        "NASA, ESA OR JAXA.",
        "We want reports on cuts in public LIBRARIES OR MUSEUMS.",
        "AIR SEA SUN SKY RAIN SNOW ICE FOG OR HAIL",
        '"AIR, SEA, SUN." A B C D E F G H OR J',
        "中国. 日本、東京. 大阪, 京都, 名古屋, 神戸, 福岡, 札幌, 仙台 OR 横浜",
    ],
)
def test_capitals_alone_are_no_sentences(text: str) -> None:
    tree = parse(text).tree
    assert any(isinstance(node, Or) for node in nodes_of(tree))
    assert parse(unparse(tree)).tree == tree


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("HARBOUR <HB> MAY RAISE FEES NEXT YEAR -MINISTER", "MINISTER"),
        ("HARBOUR MAY RAISE FEES AGAIN –BOARD MEMBER", "BOARD"),
        ("ПОРТ МОЖЕТ СНОВА ПОДНЯТЬ СБОРЫ -МИНИСТР", "МИНИСТР"),
    ],
)
def test_the_source_of_a_headline_in_capitals_is_not_excluded(text: str, source: str) -> None:
    query = parse(text)
    assert not any(isinstance(node, Not) for node in nodes_of(query.tree))
    assert Word(source) in query.words
    assert query.notes == (Note("dash", source),)
    assert parse(unparse(query.tree)).tree == query.tree


@pytest.mark.parametrize(
    "text",
    [
        "Harbour may raise fees again -minister",
        "HARBOUR FEES RAISED -MINISTER",
        "HARBOUR MAY RAISE FEES AGAIN -(MINISTER)",
        "HARBOUR MAY RAISE FEES AGAIN -TAG:SHIPS",
        "HARBOUR MAY RAISE FEES AGAIN -SHIPS -BOATS",
        "HARBOUR OR PIER MAY RAISE FEES AGAIN -SHIPS",
        "HARBOUR MAY RAISE FEES AGAIN -SHIPS AND FERRIES AND BOATS",
    ],
)
def test_other_exclusions_in_capitals_stay(text: str) -> None:
    tree = parse(text).tree
    assert any(isinstance(node, Not) for node in nodes_of(tree))
    assert parse(unparse(tree)).tree == tree


@given(
    st.lists(
        st.sampled_from(
            [
                "AIR",
                "SEA,",
                "OR",
                "AND",
                "SKY.",
                "(",
                ")",
                '"',
                "-",
                "-SUN",
                "low",
                "TAG:X",
                "A?",
                "B;",
                '"X, Y."',
                "5.",
            ]
        ),
        max_size=30,
    ).map(" ".join)
)
@settings(deadline=None)
def test_capitals_come_back_as_they_were_read(text: str) -> None:
    tree = parse(text).tree
    assert parse(unparse(tree)).tree == tree
