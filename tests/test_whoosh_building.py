"""Documents to segments: whatever is fast gives exactly what the slow and obvious way gives."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from django.utils.safestring import mark_safe
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsindex.analysis import (
    GROUPING,
    INVISIBLE,
    JOINING,
    OTHER,
    PAIRED,
    RUN,
    SIGN,
    SPACING,
    WORD,
    character_kinds,
    length,
    tokens,
)
from newsindex.engines.base import Document
from newsindex.engines.whoosh import building, inversion
from newsindex.engines.whoosh import workers as workers_module
from newsindex.engines.whoosh.arrays import ArrayFile
from newsindex.engines.whoosh.building import SegmentBuilder
from newsindex.engines.whoosh.layout import Strings, form_key
from newsindex.engines.whoosh.lexicon import Lexicon, cut, cut_few
from newsindex.engines.whoosh.rows import Row, prepared
from newsindex.engines.whoosh.workers import SegmentWorkers
from newsindex.exceptions import ContractError, EngineError
from newsindex.paragraphs import Paragraph
from tests.factories import make_document
from tests.whoosh_reference import write_reference

#: Everything that some rule of the analysis is about, close together.
ALPHABET = (
    "aAbBiIsStT0099 _.-',+#\u00a0\u2009\n\0İıßſﬁÉéёйÅ²١"
    "\u2019\u02bc\uff07\u2010\u2011\u0301\u0307\u00ad\u200b\u200c\u200d\u2060\u0640\u064b"
    "日本語한글カ゛ﾞｶ々ไทยกุ์မြန်ខ្មែរहिन्दी\U00020000\U000e0100\ud800\udc00😀\U0001f468\u200d\U0001f469"
)
# fmt: off
WORDS = [
    "the", "The", "THE", "news", "e-mail", "O'Reilly's", "U.S.", "2.7.1", "don't", "l\u2019école", "a.b.c.d.e.f.g.h",
    "running", "Läufer", "МОСКВА", "İstanbul", "sevenchr", "eightchr9", "fifteencharacte", "sixteencharacter",
    "seventeencharacte", "zweiundzwanzigjährige", "東京都", "Djangoの本", "日-本", "1,000,000",
    "1.234,56", "1,2,3", "1\u202f000", "1\u20091000", "ruby-2.7.1.tar.gz", "3.1.4가", "C++", "C#-", "C++17", "a+++",
    "F#の",
]
# fmt: on
LANGUAGES = ["en", "de", "tr", "ru", "hi", ""]

texts = st.one_of(
    st.text(ALPHABET, max_size=30),
    st.text(max_size=15),
    st.lists(st.sampled_from([*WORDS, "x" * 64, "x" * 65, "é" * 70, "語" * 80]), max_size=12).map(" ".join),
)


def lexicon_for(many: bool) -> Lexicon:
    """One that takes any texts for many, or for few."""
    limit = 0 if many else 1 << 30
    return Lexicon(many=limit, many_plain=limit)


def one_way_or_the_other(found: Sequence[tuple[str, str]], lexicon: Lexicon) -> None:
    """The tokens of the lexicon are those of ``tokens``."""
    wanted = []
    base = 0
    for text, language in found:
        own = tokens(text, language)
        wanted += [(base + token.position, form_key(token.word, token.pair, language, token.terms)) for token in own]
        base += length(own) + 1
    got = lexicon.tokens([text for text, _ in found], [language for _, language in found])
    names = lexicon.forms.names
    assert sorted(zip(got.positions.tolist(), (names[form] for form in got.forms.tolist()), strict=True)) == sorted(
        wanted
    )
    assert got.lengths.tolist() == [length(tokens(text, language)) for text, language in found]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(texts, st.sampled_from(LANGUAGES)), max_size=8), st.booleans())
@example([("İSTANBUL'da", "tr"), ("i̇", "")], True)
@example([("a\u00ad\u00adb-\u00adc\u200d", "en"), ("\u00ad", "en"), ("", "en"), ("\u2060a", "de")], True)
@example([("a", "en"), ("'s", "en"), ("b-", "en"), ("-c", "en"), ("\u0301", "en")], True)
@example([("日本", ""), ("語", ""), ("日本語学𠀀校ﾞ", "en"), ("カ゛ッ", "en")], True)
def test_a_lexicon_finds_the_tokens_of_the_analysis(found: list[tuple[str, str]], many: bool) -> None:
    lexicon = lexicon_for(many)
    one_way_or_the_other(found, lexicon)
    one_way_or_the_other([*found, ("Something new", "en"), *found], lexicon)


@settings(deadline=None, max_examples=100)
@given(st.lists(texts, max_size=8))
def test_many_texts_are_cut_where_runs_begin_and_end(found: list[str]) -> None:
    """Pairs aside, which come one by one."""
    kinds = character_kinds()
    found = ["".join(char for char in text if kinds[ord(char)] != PAIRED) for text in found]
    if all(map(str.isascii, found)):
        found = [text.lower() for text in found]
    runs = cut(found)
    places = zip(runs.starts.tolist(), runs.ends.tolist(), strict=True)
    own = [runs.data[start:end].decode(errors="surrogatepass") for start, end in places]
    wanted = [RUN.findall(text) for text in found]
    assert own == [run for text in wanted for run in text]
    assert runs.counts.tolist() == list(map(len, wanted))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(st.characters(max_codepoint=127), max_size=40), max_size=8), st.sampled_from(["en", ""]))
def test_texts_of_ascii_alone_are_no_different(found: list[str], language: str) -> None:
    one_way_or_the_other([(text, language) for text in found], lexicon_for(True))


def test_a_large_vocabulary_is_told_apart() -> None:
    chance = random.Random(7)
    words = [
        chance.choice(["", "prefixed"]) + "".join(chance.choices("abcdefgh", k=chance.randint(1, 12)))
        for _ in range(6_000)
    ]
    found = [(" ".join(words[at : at + 500]), "en") for at in range(0, len(words), 500)]
    lexicon = lexicon_for(True)
    one_way_or_the_other(found, lexicon)
    one_way_or_the_other(found[::-1], lexicon)


def test_every_character_is_what_runs_take_it_for() -> None:
    kinds = character_kinds()
    wrong = []
    for code, kind in enumerate(kinds):
        char = chr(code)
        if RUN.fullmatch(char):
            expected = WORD
        elif RUN.fullmatch(f"a{char}a"):
            expected = INVISIBLE if RUN.fullmatch(f"1{char}") else SIGN if RUN.fullmatch(f"a{char}") else JOINING
        elif RUN.fullmatch(f"a{char}{char}"):
            expected = SIGN
        else:
            expected = GROUPING if RUN.fullmatch(f"1{char}1") else SPACING if RUN.fullmatch(f"1{char}111") else OTHER
        if (WORD if kind == PAIRED else kind) != expected:
            wrong.append(hex(code))
    assert wrong == []
    assert character_kinds(128) == kinds[:128]


def test_a_lexicon_is_bounded() -> None:
    lexicon = Lexicon(most=50)
    one_way_or_the_other([("one two three", "en")], lexicon)
    lexicon.forget()
    assert len(lexicon.forms) == 3
    one_way_or_the_other([(" ".join(f"word{number}" for number in range(60)), "en")], lexicon)
    lexicon.forget()
    assert len(lexicon.forms) == 0
    one_way_or_the_other([("one two three", "en")], lexicon)


def test_text_without_spaces_is_not_remembered() -> None:
    lexicon = Lexicon()
    one_way_or_the_other([("語" * 40, ""), ("x" * 200, ""), ("a.b.c.d.e.f.g.h.i", "")], lexicon)
    assert lexicon.runs == 0


moments = st.none() | st.datetimes(
    datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.sampled_from([timezone.utc, timezone(timedelta(hours=2))])
)
paragraphs = st.builds(
    Paragraph,
    st.integers(0, 70_000),
    st.text("p-é0", max_size=5),
    st.sampled_from(["paragraph", "heading", "code", "caption"]),
    texts,
)
documents = st.builds(
    Document,
    key=st.text(st.characters(), min_size=1, max_size=4).map("tests.thing:{}".format),
    title=texts,
    paragraphs=st.lists(paragraphs, max_size=5).map(tuple),
    version=st.text(max_size=3),
    summary=texts,
    tags=st.lists(texts, max_size=3).map(tuple),
    authors=st.lists(st.text(max_size=3), max_size=3).map(tuple),
    section=st.text(ALPHABET, max_size=3),
    published_at=moments,
    expires_at=moments,
    language=st.sampled_from(["en", "en-GB", "de", "tr", "xx", ""]),
    audiences=st.frozensets(st.text(ALPHABET, max_size=3), max_size=3),
    url=st.text(max_size=3),
    boost=st.floats(0.1, 10),
)


def same(path: Path, other: Path) -> None:
    """Both files hold the same arrays, of the same types."""
    file, reference = ArrayFile(path), ArrayFile(other)
    assert file.meta == reference.meta
    assert sorted(file._places) == sorted(reference._places)
    for name in file._places:
        assert file[name].dtype == reference[name].dtype, name
        assert np.array_equal(file[name], reference[name]), name


def built_right(found: Sequence[Document], lexicon: Lexicon) -> None:
    """As a small segment, and as one of many articles."""
    with TemporaryDirectory() as name:
        directory = Path(name)
        write_reference(directory / "reference", found)
        for small in (0, 1 << 30):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(building, "SMALL", small)
                builder = SegmentBuilder(lexicon)
                for document in found:
                    builder.add(document)
                builder.build(directory / f"{small}")
            same(directory / f"{small}", directory / "reference")


@settings(deadline=None, max_examples=50)
@given(st.lists(documents, max_size=6, unique_by=lambda document: document.key), st.booleans())
def test_a_segment_is_that_of_the_reference(found: list[Document], many: bool) -> None:
    lexicon = lexicon_for(many)
    built_right(found, lexicon)
    built_right(found[::-1], lexicon)


def sized(pk: int, texts: Sequence[str]) -> Document:
    own = tuple(Paragraph(number, f"p-{number}", "paragraph", text) for number, text in enumerate(texts, 1))
    return Document(f"tests.thing:{pk}", "A title", own, language="en")


@pytest.mark.parametrize("many", [True, False])
def test_nothing_in_an_article_is_too_large(many: bool) -> None:
    chance = random.Random(3)
    words = [f"word{number}" for number in range(3_000)]
    built_right(
        [
            sized(1, [" ".join(chance.choices(words, k=45_000)), " ".join(chance.choices(words, k=25_000))]),
            sized(2, ["often " * 300, "seldom often often", "", "often " * 500]),
            sized(3, [f"Paragraph {number} of three hundred" for number in range(300)]),
            sized(4, ["", "", ""]),
            sized(5, []),
            sized(6, ["語" * 70_000]),
        ],
        lexicon_for(many),
    )


def test_more_words_than_are_inverted_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inversion, "_PIECE", 500)
    chance = random.Random(4)
    words = [f"word{number}" for number in range(2_000)]
    found = [sized(pk, [" ".join(["the", *chance.choices(words, k=50)] * 2) for _ in range(4)]) for pk in range(40)]
    built_right(found, Lexicon())
    # The last form of the texts fills more than one part, and others follow that stand in titles only.
    built_right([*found, sized(50, ["zebra " * 600]), make_document(51, "Zoos in Zurich")], Lexicon())


def test_a_builder_counts_what_it_holds(tmp_path: Path) -> None:
    builder = SegmentBuilder(Lexicon())
    first, second = make_document(1, "One", "Some text.\n\nMore text."), make_document(2, "Two", "Ünïcödé")
    builder.add(first)
    before = builder.characters
    builder.add(second)
    assert (builder.articles, builder.paragraphs) == (2, 3)
    assert builder.characters > before >= len("Some text.More text.")
    assert builder.remove(second.key) and not builder.remove(second.key)
    assert (builder.articles, builder.paragraphs, builder.characters) == (1, 2, before)
    builder.build(tmp_path / "one")
    assert (builder.articles, builder.paragraphs, builder.characters) == (0, 0, 0)
    write_reference(tmp_path / "reference", [first])
    same(tmp_path / "one", tmp_path / "reference")


def test_the_last_of_a_key_stands_where_it_was_put_last(tmp_path: Path) -> None:
    builder = SegmentBuilder(Lexicon())
    old, other, new = make_document(1, "Old"), make_document(2, "Other"), make_document(1, "New")
    builder.add(old)
    builder.add(other)
    with pytest.raises(ValueError, match="remove it first"):
        builder.add(new)
    builder.remove(old.key)
    builder.add(new)
    builder.build(tmp_path / "built")
    write_reference(tmp_path / "reference", [other, new])
    same(tmp_path / "built", tmp_path / "reference")


@pytest.mark.parametrize(
    "wrong",
    [
        {"paragraphs": (Paragraph(1, "p-1", "paragraph", None),)},
        {"paragraphs": (Paragraph(1, "p-\ud800", "paragraph", "Text"),)},
        {"paragraphs": (Paragraph(1, "p-1", "poem", "Text"),)},
        {"paragraphs": (Paragraph(-1, "p-1", "paragraph", "Text"),)},
        {"paragraphs": (Paragraph(1 << 40, "p-1", "paragraph", "Text"),)},
        {"title": None},
        {"summary": 5},
        {"tags": ("one", None)},
        {"authors": (7,)},
        {"section": None},
        {"url": 7.5},
    ],
    ids=str,
)
def test_a_document_that_makes_no_sense_changes_nothing(wrong: dict[str, object], tmp_path: Path) -> None:
    builder = SegmentBuilder(Lexicon())
    good = make_document(1, "Good", "Text")
    builder.add(good)
    before = builder.characters
    with pytest.raises((ContractError, TypeError, ValueError)):
        builder.add(Document(**{"key": "tests.thing:2", "title": "Bad", **wrong}))
    assert (builder.articles, builder.characters) == (1, before)
    builder.build(tmp_path / "built")
    write_reference(tmp_path / "reference", [good])
    same(tmp_path / "built", tmp_path / "reference")


def test_a_file_that_cant_be_written_leaves_nothing(tmp_path: Path) -> None:
    builder = SegmentBuilder(Lexicon())
    builder.add(make_document(1, "Title", "Text"))
    with pytest.raises(FileNotFoundError):
        builder.build(tmp_path / "missing" / "segment")
    assert builder.articles == 0
    (tmp_path / "segment").write_text("Somebody else's")
    builder.add(make_document(1, "Title", "Text"))
    with pytest.raises(FileExistsError):
        builder.build(tmp_path / "segment")
    assert (tmp_path / "segment").read_text() == "Somebody else's"


def test_a_file_that_cant_be_finished_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    builder = SegmentBuilder(Lexicon())
    builder.add(make_document(1, "Title", "Text"))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        builder.build(tmp_path / "segment")
    assert list(tmp_path.iterdir()) == [] and builder.articles == 0


def test_what_cant_be_sent_to_a_worker_is_an_error(tmp_path: Path) -> None:
    with SegmentWorkers(1, tmp_path) as workers:
        workers.submit([rows(1)[0]._replace(record=object())], "one")
        with pytest.raises(EngineError, match="can't be sent"):
            list(workers.results())


def rows(*pks: int) -> list[Row]:
    return [prepared(make_document(pk, f"Title {pk}", f"Text {pk}\n\nMore", tags=("tag",))) for pk in pks]


def test_workers_build_what_a_builder_builds(tmp_path: Path) -> None:
    wanted = {"one": [1, 2, 3], "two": list(range(4, 200)), "three": [200], "four": []}
    with SegmentWorkers(2, tmp_path) as workers:
        for name, pks in wanted.items():
            workers.submit(rows(*pks), name)
        assert sorted(workers.results()) == sorted(wanted)
        assert list(workers.results()) == []
        workers.submit(rows(7), "five")
        assert list(workers.results()) == ["five"]
    for name, pks in wanted.items():
        builder = SegmentBuilder(Lexicon())
        for row in rows(*pks):
            builder.add_row(row)
        builder.build(tmp_path / "built")
        same(tmp_path / name, tmp_path / "built")
        (tmp_path / "built").unlink()


def test_workers_take_strings_of_other_classes(tmp_path: Path) -> None:
    document = make_document(1, mark_safe("Safe"), "Text", tags=(mark_safe("tag"),))
    with SegmentWorkers(1, tmp_path) as workers:
        workers.submit([prepared(document)], "one")
        assert list(workers.results()) == ["one"]
    write_reference(tmp_path / "reference", [document])
    same(tmp_path / "one", tmp_path / "reference")


def test_what_a_worker_cant_do_is_said_and_ends_the_work(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with SegmentWorkers(1, tmp_path) as workers:
        workers.submit(rows(1), "taken")
        with pytest.raises(EngineError, match="can't build taken: FileExistsError"):
            list(workers.results())
        with pytest.raises(EngineError, match="taken"):
            workers.submit(rows(2), "next")


def test_a_worker_that_dies_is_an_error(tmp_path: Path) -> None:
    with SegmentWorkers(2, tmp_path) as workers:
        for process in workers._processes:
            process.kill()
        with pytest.raises(EngineError, match="exit code -9"):
            for number in range(9):
                workers.submit(rows(*range(500)), f"segment{number}")
            list(workers.results())


def test_a_worker_knows_nothing_of_django() -> None:
    code = f"{workers_module._START}print(sorted({{'django', 'whoosh'}} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code, workers_module._argument()], capture_output=True, check=True)
    assert found.stdout.strip() == b"[]"


@pytest.mark.parametrize("articles", [1, 10_000])
def test_no_worker_outlives_its_parent(articles: int, tmp_path: Path) -> None:
    """The parent is killed while its worker waits, or is busy."""
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from newsindex.engines.base import Document\n"
        "from newsindex.engines.whoosh.rows import prepared\n"
        "from newsindex.engines.whoosh.workers import SegmentWorkers\n"
        "workers = SegmentWorkers(1, Path(sys.argv[1]))\n"
        "workers.submit([prepared(Document(f'a.b:{pk}', 'news ' * 1000)) for pk in range(int(sys.argv[2]))], 'one')\n"
        "print(workers._processes[0].pid, flush=True)\n"
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(articles)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent)
    assert parent.stdout
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(200):
        if not running(worker):
            return
        time.sleep(0.05)
    raise AssertionError("The worker still runs.")


def running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A zombie that nobody waits for has ended.
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


@settings(deadline=None, max_examples=500)
@given(st.text(alphabet="ab1 9CZ+#.,'-_`\n&\0\x1c%", max_size=20))
def test_texts_of_ascii_are_cut_as_the_regular_expression_cuts_them(text: str) -> None:
    assert cut_few([text]) == [RUN.findall(text)]


def test_what_has_too_many_different_words_for_one_segment_becomes_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "_BATCH", 1)
    monkeypatch.setattr(building, "SMALL", 0)
    builder = SegmentBuilder(Lexicon(50, full=50))
    documents = [
        make_document(str(number), text=" ".join(f"word{number * 30 + each}" for each in range(30)))
        for number in range(6)
    ]
    found = []
    for document in documents:
        builder.add(document)
    while builder.articles:
        name = tmp_path / str(len(found))
        builder.build(name)
        keys = Strings(ArrayFile(name), "key")
        found.append([keys[number].decode() for number in range(len(keys))])
    assert [len(keys) for keys in found] == [2, 2, 2]
    assert [key for keys in found for key in keys] == [document.key for document in documents]
    for document in documents:
        builder.add(document)
    builder.build(tmp_path / "whole", whole=True)
    assert not builder.articles and ArrayFile(tmp_path / "whole").meta["articles"] == 6
