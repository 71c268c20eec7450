"""Reading files of articles, and what newsindex_import makes of them."""

from __future__ import annotations

import gzip
import json
import re
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command, load_command_class
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from newsindex import importing
from newsindex.engines import engines
from newsindex.models import Article, PendingChange, Tag
from newsindex.sources import sources

BERLIN = ZoneInfo("Europe/Berlin")


def run(*args: object) -> tuple[str, str, str]:
    """What the import printed, what it said on stderr, and with which error it ended."""
    out, err, error = StringIO(), StringIO(), ""
    try:
        call_command("newsindex_import", *map(str, args), stdout=out, stderr=err)
    except CommandError as raised:
        error = str(raised)
    PendingChange.objects.all().delete()
    return out.getvalue().split("\n")[0], err.getvalue(), error


def write(path: Path, *lines: object) -> Path:
    """A .jsonl file of these objects, with an empty text where they have none; strings are written as they are."""
    texts = (line if isinstance(line, str) else json.dumps(with_text(line)) for line in lines)
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def with_text(line: object) -> object:
    return {"text": "", **line} if isinstance(line, dict) and "body" not in line else line


def paragraphs(article: Article) -> list[str]:
    document = sources["newsindex.article"].document(article, public=True)
    return [paragraph.text for paragraph in document.paragraphs]


# Plain text.


@pytest.mark.django_db
def test_the_first_line_is_the_title_where_a_blank_line_follows_it(tmp_path: Path) -> None:
    (tmp_path / "harbour.txt").write_bytes(b"\xef\xbb\xbfHarbour closed\r\n\r\nOne.\r\nTwo.\r\n\r\nThree.\r\n")
    assert run(tmp_path) == ("1 new, 0 updated, 0 unchanged, 0 failed", "", "")
    article = Article.objects.get()
    assert (article.slug, article.title, article.is_public()) == ("harbour", "Harbour closed", True)
    assert paragraphs(article) == ["One.", "Two.", "Three."]


@pytest.mark.django_db
def test_else_it_is_shortened_and_kept_as_a_paragraph(tmp_path: Path) -> None:
    first = "The old bridge across the harbour is closed for all traffic until May because of repairs"
    (tmp_path / "bridge.txt").write_text(f"\n{first}\nTwo.\n")
    run(tmp_path / "bridge.txt")
    article = Article.objects.get()
    assert article.title == "The old bridge across the harbour is closed for all traffic until May because…"
    assert paragraphs(article) == [first, "Two."]


@pytest.mark.django_db
def test_a_text_of_one_line_is_title_and_paragraph(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("Only this.")
    run(tmp_path)
    assert Article.objects.get().title == "Only this."
    assert paragraphs(Article.objects.get()) == ["Only this."]


# Markdown.

FRONT_MATTER = """---
title: Harbour bridge
date: 2024-11-05
tags: [Traffic, bridges, traffic]
authors:
  - Ada Lovelace
  - Grace Hopper
section: City
summary: Until May
lang: de
layout: post
---

It is *closed*.
"""


@pytest.mark.django_db
def test_front_matter(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(FRONT_MATTER)
    left_out = f"{tmp_path / 'a.md'}: unknown, so not imported: 'layout'.\n"
    assert run(tmp_path) == ("1 new, 0 updated, 0 unchanged, 0 failed", left_out, "")
    article = Article.objects.get()
    assert (article.title, article.section, article.summary, article.language) == (
        "Harbour bridge",
        "City",
        "Until May",
        "de",
    )
    assert article.author_names == ("Ada Lovelace", "Grace Hopper")
    assert article.published_at == datetime(2024, 11, 5, tzinfo=BERLIN)
    assert sorted(article.tags.names()) == ["Traffic", "bridges"]
    assert paragraphs(article) == ["It is closed."]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "title", "body"),
    [
        ("# Harbour\n\nText.", "Harbour", ["Text."]),
        ("Text.\n\n## Harbour *bridge*\n\nMore.", "Harbour bridge", ["Text.", "Harbour bridge", "More."]),
        ("Text.", "file-name", ["Text."]),
        ("---\ntags: a, b\n---\nText.", "file-name", ["Text."]),
        ("---\ntitle: 1984\n---\n# Heading", "1984", ["Heading"]),
        ("---\n---\n# Harbour", "Harbour", []),
    ],
)
def test_the_title_of_markdown(tmp_path: Path, text: str, title: str, body: list[str]) -> None:
    (tmp_path / "file-name.md").write_text(text)
    run(tmp_path)
    article = Article.objects.get()
    assert (article.title, paragraphs(article)) == (title, body)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\ntitle: a\nb\n", "1: the front matter has no end"),
        ("---\ntitle: 'a\n---\nText.", "the front matter is no valid YAML"),
        ("---\ntitle: a\ntags: [a\ndate: 2024\n---\n", "4: the front matter is no valid YAML"),
        ("---\n- a\n---\n", "1: the front matter must be a list of 'name: value' lines"),
        ("---\ndate: 2024-13-45\n---\nText.", "no valid YAML"),
        ("---\ntags: {a: b}\n---\nText.", " tags must be a list of names"),
        ("---\nlang: German, I think\n---\nText.", " the language must be a code"),
        ("---\na: " + "[" * 1500 + "\n---\nText.", "the front matter is no valid YAML"),
        ("---\nstatus: hidden\n---\nText.", " status must be draft or published, not 'hidden'."),
        ("---\ndraft: 'no'\n---\nText.", " draft must be true or false, not 'no'."),
        ("---\npublished: 2024-05-01\n---\nText.", " published must be true or false, not datetime.date("),
        ("---\ndraft: true\nstatus: published\n---\nText.", " status and draft contradict each other"),
        ("---\ntitle: no\n---\nText.", " title must be text, not false; a word such as yes or no needs quotes."),
        ("---\ntitle: a\nbody: b\n---\nText.", "1: the text is below the front matter"),
        ("---\ntitle: a\n---\n", " has no text; if that is meant"),
        ("", " the file is empty."),
    ],
)
def test_front_matter_that_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.md").write_text(text)
    (tmp_path / "good.md").write_text("# Good")
    out, err, error = run(tmp_path)
    assert out == "1 new, 0 updated, 0 unchanged, 1 failed"
    assert err.startswith(f"{tmp_path / 'bad.md'}:") and message in err
    assert error == "1 could not be imported."


@pytest.mark.django_db
@pytest.mark.parametrize("line", ["draft: true", "published: false", "status: draft"])
def test_what_calls_itself_a_draft_is_not_published(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.md").write_text(f"---\ntitle: a\n{line}\n---\nText.")
    run(tmp_path)
    assert not Article.objects.public().exists()


# JSON lines.


@pytest.mark.django_db
@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_json_lines(tmp_path: Path, suffix: str) -> None:
    lines = [
        {"id": "en/a", "title": "A", "text": "One.\n\nTwo.", "tags": ["x", "y"], "date": "2024", "lang": "en"},
        {"id": 7, "title": "", "text": "Three.\nFour.", "tags": [], "date": "", "lang": ""},
    ]
    raw = "\ufeff" + "\n".join(map(json.dumps, lines)) + "\n\n"
    path = tmp_path / f"all{suffix}"
    path.write_bytes(gzip.compress(raw.encode()) if suffix.endswith("gz") else raw.encode())
    before = timezone.now()
    assert run(path)[0] == "2 new, 0 updated, 0 unchanged, 0 failed"
    a, b = Article.objects.get(slug="en--a"), Article.objects.get(slug="7")
    assert (a.title, a.language, a.published_at) == ("A", "en", datetime(2024, 1, 1, tzinfo=BERLIN))
    assert (paragraphs(a), sorted(a.tags.names())) == (["One.", "Two."], ["x", "y"])
    assert (b.title, b.language, paragraphs(b)) == ("Three.", "", ["Three.", "Four."])
    assert b.published_at is not None and before <= b.published_at <= timezone.now()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "x"', "no valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('["x"]', "a line must be a JSON object, not list."),
        ({"id": "x"}, "has neither a title nor a text."),
        ({"id": {}, "title": "x"}, "id must be text, not {}."),
        ({"id": "x", "title": "x", "text": ["x"]}, "text must be text, not ['x']."),
        ({"id": "x", "title": "x", "tags": [["y"]]}, "tags must be a list of names"),
        ({"id": "x", "title": "x", "date": "yesterday"}, "date must look like 2024"),
        ({"id": "x", "title": "x", "date": "2024-02-30"}, "date must look like 2024"),
        ({"id": "x", "title": "x", "date": "0001-01-01"}, "date must look like 2024"),
        ({"id": "x", "title": "x\0"}, "has a NUL character"),
        ({"id": "x", "title": "x", "text": "\ud800"}, "has half of a surrogate pair"),
        ({"id": "x", "title": "x", "format": "word"}, "the format must be one of plain, markdown, html"),
        ({"id": "x", "title": "x", "body_format": "word"}, "the format must be one of plain, markdown, html"),
        ('{"id": "x", "title": "x"}', 'has no text; if that is meant, say so by the key text with the value "".'),
        ({"id": "x", "text": "One.", "body": "Two."}, "text and body mean the same, but differ"),
        ({"id": "x", "title": "x", "date": "2024", "published_at": "2025"}, "date and published_at mean the same"),
        ({"id": "x", "title": "x", "lang": "de", "language": "en"}, "lang and language mean the same"),
        ({"id": "x", "title": "x", "status": ""}, "status must be draft or published, not ''."),
        ({"id": "x", "title": "x", "draft": "true"}, "draft must be true or false, not 'true'."),
        ({"id": "x", "title": "x", "expires_at": "soon"}, "expires_at must look like 2024"),
        ({"id": "x", "title": "x", "date": "2024", "expires_at": "2024"}, "expires_at must be after the date; it is"),
        ({"id": "x", "title": "x", "expires_at": "2020"}, "expires_at must be after the date; it is"),
        ({"id": "good", "title": "again"}, "its id was there before in this import (slug good)."),
    ],
)
def test_a_bad_line_is_named_and_the_rest_imported(tmp_path: Path, line: object, message: str) -> None:
    path = write(tmp_path / "a.jsonl", {"id": "good", "title": "Good"}, line, {"id": "better", "title": "Better"})
    out, err, error = run(path)
    assert out == "2 new, 0 updated, 0 unchanged, 1 failed"
    assert err.startswith(f"{path}:2: ") and message in err
    assert error == "1 could not be imported."


@pytest.mark.django_db
def test_a_line_that_is_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": "a", "title": "caf\xe9"}\n{"id": "b", "text": "good"}\n')
    out, err, _ = run(path)
    assert out == "1 new, 0 updated, 0 unchanged, 1 failed"
    assert err == f"{path}:1: no UTF-8 text (byte 0xe9).\n"


@pytest.mark.django_db
def test_a_broken_archive_is_imported_as_far_as_it_goes(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"id": f"n{n}", "text": f"Title {n * 7919}"}) + "\n" for n in range(2000))
    path = tmp_path / "a.jsonl.gz"
    whole = gzip.compress(lines.encode())
    path.write_bytes(whole[: len(whole) // 2])
    out, err, error = run(path)
    assert "the file is broken from here on" in err and err.startswith(f"{path}:")
    assert error == "1 could not be imported."
    assert Article.objects.count() > 100


@pytest.mark.django_db
def test_files_that_can_not_be_imported_are_named(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"")
    (tmp_path / "latin.txt").write_bytes(b"Good\nb\xe4d\n")
    (tmp_path / "empty.txt").write_bytes(b" \n")
    out, err, _ = run(tmp_path / "nothing", tmp_path / "picture.png", tmp_path)
    assert out == "0 new, 0 updated, 0 unchanged, 4 failed"
    assert err.splitlines() == [
        f"{tmp_path}/nothing: there is no such file or directory.",
        f"{tmp_path}/picture.png: a file to import ends with .txt, .md, .jsonl, .jsonl.gz.",
        f"{tmp_path}/empty.txt: the file is empty.",
        f"{tmp_path}/latin.txt:2: no UTF-8 text (byte 0xe4).",
    ]


@pytest.mark.django_db
def test_directories_are_walked(tmp_path: Path) -> None:
    for name in ("a.txt", "deep/er/b.md", "deep/c.jsonl", "deep/ignored.html"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"id": "c", "text": "C"}' if name.endswith("jsonl") else "Text.")
    run(tmp_path)
    assert set(Article.objects.values_list("slug", flat=True)) == {"a", "deep--er--b", "c"}


# What is not public, and what is left out.


@pytest.mark.django_db
def test_what_is_not_to_be_seen_yet_or_any_more_is_not_public(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        {"id": "draft", "title": "A", "body": "One.", "status": "draft", "published_at": "2024-05-06"},
        {"id": "embargoed", "body": "Two.", "status": "published", "published_at": "2099-01-01"},
        {"id": "expired", "body": "Three.", "date": "2019-01-01", "expires_at": "2020-01-01"},
        {"id": "public", "body": "Four.", "status": "published", "expires_at": "2099-01-01"},
    )
    assert run(path) == ("4 new, 0 updated, 0 unchanged, 0 failed", "", "")
    assert [article.slug for article in Article.objects.public()] == ["public"]
    draft, expired = Article.objects.get(slug="draft"), Article.objects.get(slug="expired")
    assert (draft.body, draft.published_at) == ("One.", datetime(2024, 5, 6, tzinfo=BERLIN))
    assert expired.expires_at == datetime(2020, 1, 1, tzinfo=BERLIN)


@pytest.mark.django_db
def test_an_expiry_is_updated_and_stays_where_the_file_says_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"id": "a", "title": "A", "date": "2019"})
    run(path)
    write(path, {"id": "a", "title": "A", "expires_at": "2020"})
    assert run(path)[0] == "0 new, 1 updated, 0 unchanged, 0 failed"
    assert run(path)[0] == "0 new, 0 updated, 1 unchanged, 0 failed"
    write(path, {"id": "a", "title": "A"})
    assert run(path)[0] == "0 new, 0 updated, 1 unchanged, 0 failed"
    assert Article.objects.get().expires_at == datetime(2020, 1, 1, tzinfo=BERLIN)


@pytest.mark.django_db
def test_a_date_that_does_not_fit_the_expiry_in_the_database_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *({"id": f"n{n}", "title": "A", "date": "2019"} for n in range(3)))
    run(path)
    Article.objects.filter(slug="n1").update(expires_at=datetime(2020, 1, 1, tzinfo=BERLIN))
    write(path, *({"id": f"n{n}", "title": "B", "date": "2021"} for n in range(3)))
    out, err, _ = run(path)
    assert out == "0 new, 2 updated, 0 unchanged, 1 failed"
    assert err.startswith(f"{path}:2: expires_at must be after the date; it is 20")


@pytest.mark.django_db
def test_unknown_keys_are_named_once_in_each_file(tmp_path: Path) -> None:
    lines = [{"id": 1, "title": "A", "url": "x"}, {"id": 2, "title": "B", "url": "y", "Status": "draft"}]
    path = write(tmp_path / "a.jsonl", *lines)
    other = write(tmp_path / "b.jsonl", {"id": 3, "title": "C", "url": "z"})
    out, err, error = run(tmp_path)
    assert (out, error) == ("3 new, 0 updated, 0 unchanged, 0 failed", "")
    assert err.splitlines() == [
        f"{path}:1: unknown, so not imported: 'url'.",
        f"{path}:2: unknown, so not imported: 'Status'.",
        f"{other}:1: unknown, so not imported: 'url'.",
    ]


@pytest.mark.django_db
def test_a_key_and_its_other_name_may_both_be_given_if_they_agree(tmp_path: Path) -> None:
    line = {
        "text": "",
        "body": "One.",
        "authors": ["Ada"],
        "author": "Ada",
        "date": "2024",
        "published_at": "2024-01-01",
    }
    assert run(write(tmp_path / "a.jsonl", line))[1:] == ("", "")
    article = Article.objects.get()
    assert (article.body, article.authors) == ("One.", "Ada")
    assert article.published_at == datetime(2024, 1, 1, tzinfo=BERLIN)


@pytest.mark.django_db
def test_front_matter_may_name_another_format_and_say_that_there_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: A\nbody_format: html\n---\n<p>One.</p>")
    (tmp_path / "b.md").write_text('---\ntitle: B\ntext: ""\n---\n')
    assert run(tmp_path) == ("2 new, 0 updated, 0 unchanged, 0 failed", "", "")
    assert paragraphs(Article.objects.get(slug="a")) == ["One."]
    assert Article.objects.get(slug="b").body == ""


def test_the_reference_lists_all_keys_and_the_help_too() -> None:
    reference = (Path(__file__).parent.parent / "docs" / "reference.md").read_text()
    table = reference.partition("\n## Import files\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == importing.KEYS
    help_text = load_command_class("newsindex", "newsindex_import").help
    assert [key for key in importing.KEYS if not re.search(rf"\b{key}\b", help_text)] == []


# Importing again.


@pytest.mark.django_db
def test_importing_again_writes_only_what_changed(tmp_path: Path) -> None:
    same = {"id": "same", "title": "Same", "tags": ["x"], "date": "2024-05"}
    changed = {"id": "changed", "title": "Old", "tags": ["x"], "date": "2024-05"}
    tagged = {"id": "tagged", "title": "Tagged", "tags": ["x", "z"]}
    path = write(tmp_path / "a.jsonl", same, changed, tagged)
    run(path)
    updated = dict(Article.objects.values_list("slug", "updated"))
    assert run(path)[0] == "0 new, 0 updated, 3 unchanged, 0 failed"
    assert dict(Article.objects.values_list("slug", "updated")) == updated
    changed |= {"title": "New", "date": ""}
    tagged |= {"tags": ["X", "y"]}
    write(path, same, changed, tagged, {"id": "new", "title": "New"}, {"id": "bad"})
    assert run(path)[0] == "1 new, 2 updated, 1 unchanged, 1 failed"
    article = Article.objects.get(slug="changed")
    assert (article.title, article.published_at) == ("New", datetime(2024, 5, 1, tzinfo=BERLIN))
    assert sorted(Article.objects.get(slug="tagged").tags.names()) == ["x", "y"]


@pytest.mark.django_db
def test_what_a_file_does_not_say_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Title\n\nText.")
    run(path, "--section", "City", "--language", "en")
    article = Article.objects.get()
    assert (article.section, article.language) == ("City", "en")
    article.tags.add("kept")
    past = timezone.now() - timedelta(days=9)
    Article.objects.update(section="Sea", authors="Ada", status="draft", published_at=past)
    path.write_text("Title\n\nMore text.")
    assert run(path, "--section", "City")[0] == "0 new, 1 updated, 0 unchanged, 0 failed"
    article.refresh_from_db()
    assert (article.section, article.authors, article.status) == ("Sea", "Ada", "draft")
    assert article.published_at == past
    assert list(article.tags.names()) == ["kept"]


@pytest.mark.django_db
def test_drafts_on_request(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"id": "a", "title": "A"}, {"id": "b", "title": "B", "date": "2020"})
    run(path)
    run(path, "--draft")
    assert set(Article.objects.values_list("status", flat=True)) == {"draft"}
    Article.objects.all().delete()
    run(path, "--draft")
    assert not Article.objects.public().exists()
    assert Article.objects.get(slug="a").published_at is None


@pytest.mark.django_db
def test_a_prefix_keeps_archives_apart(tmp_path: Path) -> None:
    one, two = (write(tmp_path / f"{name}.jsonl", {"id": 1, "title": name}) for name in ("one", "two"))
    run(one, "--prefix", "one")
    run(two, "--prefix", "two")
    assert set(Article.objects.values_list("slug", flat=True)) == {"one--1", "two--1"}


@pytest.mark.django_db
def test_options_that_are_wrong(tmp_path: Path) -> None:
    assert "The language must be a code" in run(tmp_path, "--language", "English!")[2]
    assert "at most 100 characters" in run(tmp_path, "--section", "x" * 101)[2]


@pytest.mark.django_db
def test_tags_are_the_same_in_any_case(tmp_path: Path) -> None:
    Tag.objects.create(name="Harbour")
    path = write(
        tmp_path / "a.jsonl",
        {"id": "a", "title": "A", "tags": ["HARBOUR", "Straße", "🎉"]},
        {"id": "b", "title": "B", "tags": "harbour, STRASSE,, +"},
    )
    run(path)
    assert sorted(Tag.objects.values_list("name", flat=True)) == ["+", "Harbour", "Straße", "🎉"]
    assert Article.objects.filter(tags__name="Harbour").count() == 2
    assert all(Tag.objects.values_list("slug", flat=True))


@pytest.mark.django_db
def test_what_is_too_long_is_cut_and_said(tmp_path: Path) -> None:
    line = {"id": "a", "title": "word " * 100, "tags": ["tag " * 50], "section": "s" * 200, "authors": ["a" * 600]}
    path = write(tmp_path / "a.jsonl", line)
    out, err, _ = run(path)
    assert out == "1 new, 0 updated, 0 unchanged, 0 failed"
    assert [text.partition(":1: ")[2] for text in err.splitlines()] == [
        "the title was cut to 300 characters.",
        "the list of authors was cut to 500 characters.",
        "the section was cut to 100 characters.",
        "the tag was cut to 100 characters.",
    ]
    article = Article.objects.get()
    assert article.title.endswith("word…") and len(article.title) <= 300


@pytest.mark.django_db
def test_what_the_database_refuses_is_named_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *({"id": f"n{n}", "title": "A", "tags": ["t"]} for n in range(3)))
    run(path)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON newsindex_article WHEN NEW.slug = 'n1' "
            "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    write(path, *({"id": f"n{n}", "title": "B", "tags": ["new"], "date": "2099"} for n in range(3)))
    out, err, _ = run(path)
    assert out == "0 new, 2 updated, 0 unchanged, 1 failed"
    assert err == f"{path}:2: the database refused it (not this one).\n"
    assert Article.objects.filter(tags__name="new").count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_is_imported_is_indexed_at_the_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *({"id": f"n{n}", "title": f"Title {n}"} for n in range(250)))
    out = StringIO()
    call_command("newsindex_import", path, stdout=out)
    assert out.getvalue() == "250 new, 0 updated, 0 unchanged, 0 failed\n"
    assert sum(1 for _ in engines["default"].scan()) == 250


@pytest.mark.django_db(transaction=True)
def test_pending_changes_are_mentioned(tmp_path: Path, settings: Any) -> None:
    settings.NEWSINDEX_UPDATE = "command"
    out = StringIO()
    call_command("newsindex_import", write(tmp_path / "a.jsonl", {"id": "a", "title": "A"}), stdout=out)
    assert out.getvalue().splitlines()[1] == ("1 change pending: run newsindex_update, or newsindex_rebuild once.")


@pytest.mark.django_db
def test_a_batch_takes_the_same_number_of_queries_however_large(
    tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    lines = [{"id": f"n{n}", "title": "A", "tags": ["a", "b", "c"]} for n in range(150)]
    with django_assert_max_num_queries(45):
        run(write(tmp_path / "a.jsonl", *lines))


# Slugs and titles.


@pytest.mark.parametrize("identifier", ["a", "2024-11-05-harbour_bridge", "en--", "日本語", "é"])
def test_an_id_that_is_a_slug_stays(identifier: str) -> None:
    expected = identifier.endswith("-")
    assert (importing.slug_for(identifier) != identifier) is expected


def test_ids_that_look_alike_get_slugs_of_their_own() -> None:
    ids = [
        "en/2001-01-18-x", "en-2001-01-18-x", "en--2001-01-18-x", "EN/2001-01-18-x", "en 2001-01-18-x",
        "en/2001/01-18-x", "1.0", "10", "1-0", "x" * 200, "x" * 201, "x" * 202, "", "/", "//",
        "🎉", "🎈", " ", "ﬁ", "fi",
    ]  # fmt: skip
    slugs = [importing.slug_for(identifier) for identifier in ids]
    assert len(set(slugs)) == len(ids)
    assert slugs[:2] == ["en--2001-01-18-x", "en-2001-01-18-x"]


@given(st.text(max_size=300), st.text(max_size=300))
@limits(deadline=None)
def test_every_id_gets_a_valid_slug_of_its_own(one: str, two: str) -> None:
    slugs = [importing.slug_for(identifier) for identifier in (one, two)]
    for slug in slugs:
        Article._meta.get_field("slug").clean(slug, Article())
        assert slug == importing.slug_for(slug) or "--" in slug or len(slug) > 190 or "_" in slug
    same = importing.unicodedata.normalize("NFC", one) == importing.unicodedata.normalize("NFC", two)
    assert (slugs[0] == slugs[1]) is same


@given(st.text(max_size=200), st.integers(min_value=2, max_value=100))
@limits(deadline=None)
def test_a_shortened_text_fits_and_begins_like_the_whole(text: str, length: int) -> None:
    short = importing.shorten(text, length)
    assert len(short) <= length
    assert " ".join(text.split()).startswith(short.removesuffix("…"))
