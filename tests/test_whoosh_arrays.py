"""The files of segments: what is written is what is read, and anything else is refused by name."""

from __future__ import annotations

import json
import os
import struct
import zlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsindex.analysis import stemming_language, tokens
from newsindex.engines.base import Document
from newsindex.engines.whoosh import layout, segments
from newsindex.engines.whoosh.arrays import ArrayFile, ArrayWriter, smallest
from newsindex.engines.whoosh.layout import LABELS, Strings, form_key, form_terms, form_word, word_prefix
from newsindex.engines.whoosh.runs import ranges
from newsindex.engines.whoosh.segments import Segment
from newsindex.exceptions import IndexDamaged
from newsindex.paragraphs import Paragraph
from newsindex.ranking import FIELDS
from tests import whoosh_reference
from tests.whoosh_reference import write_reference

HEADER = struct.Struct("<8sIIQQQ")
ARRAYS = {
    "small": np.array([3, 1, 2], np.uint8),
    "empty": np.empty(0, np.uint32),
    "wide": np.array([0, 2**64 - 1], np.uint64),
    "signed": np.array([-(2**63), -1, 2**63 - 1], np.int64),
    "doubles": np.array([0.5, -1e300], np.float64),
    "halves": np.array([-2, 2], np.int16),
}
META = {"articles": 2, "languages": ["", "en"], "note": "Zoë"}


def written(path: Path, arrays: dict[str, Any] = ARRAYS, meta: dict[str, Any] = META) -> Path:
    writer = ArrayWriter(path)
    for name, values in arrays.items():
        writer.add(name, values)
    writer.close(meta)
    return path


def content(file: ArrayFile) -> tuple[Any, ...]:
    """All that can be read from a file, to compare."""
    return file.meta, {name: (file[name].dtype.str, file[name].tolist()) for name in ARRAYS if name in file}


# Files of arrays


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "a"
    writer = ArrayWriter(path)
    for name, values in ARRAYS.items():
        writer.add(name, values)
    size = writer.close(META).size
    file = ArrayFile(path)
    assert file.size == size == path.stat().st_size
    assert file.meta == META
    for name, values in ARRAYS.items():
        assert file[name].dtype == values.dtype
        assert file[name].tolist() == values.tolist()
        assert file[name].ctypes.data % values.dtype.itemsize == 0
    assert bytes(file.bytes("small")) == b"\3\1\2"
    assert list(file.broken()) == []
    assert "small" in file and "smaller" not in file


def test_an_array_can_be_written_in_pieces_between_others(tmp_path: Path) -> None:
    writer = ArrayWriter(tmp_path / "a")
    writer.reserve("x", np.uint16, 5)
    writer.reserve("y", np.dtype(">u4"), 3)
    writer.append("y", np.array([7], np.uint8))
    writer.append("x", np.arange(10, dtype=np.uint64)[::5])
    writer.add("z", np.array([1.5]))
    writer.append("x", np.empty(0))
    writer.append("y", np.array([8, 2**32 - 1]))
    writer.append("x", np.array([1, 2, 65_535]))
    writer.close({})
    file = ArrayFile(tmp_path / "a")
    assert file["x"].tolist() == [0, 5, 1, 2, 65_535]
    assert file["y"].tolist() == [7, 8, 2**32 - 1]
    assert file["z"].tolist() == [1.5]
    assert list(file.broken()) == []


@given(
    st.lists(st.lists(st.integers(0, 2**40), max_size=40), max_size=6),
    st.sampled_from(["<u8", "<i8", "<f8"]),
    st.data(),
)
@settings(deadline=None, max_examples=60)
def test_pieces_of_any_sizes_make_the_whole(
    tmp_path_factory: pytest.TempPathFactory, wholes: list[list[int]], kind: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("pieces") / "a"
    writer = ArrayWriter(path)
    rest = {f"{at}": whole for at, whole in enumerate(wholes)}
    for name, whole in rest.items():
        writer.reserve(name, kind, len(whole))
    while left := {name: values for name, values in rest.items() if values}:
        name = data.draw(st.sampled_from(sorted(left)))
        size = data.draw(st.integers(1, len(left[name])))
        writer.append(name, np.array(left[name][:size], np.int64))
        rest[name] = left[name][size:]
    writer.close({})
    file = ArrayFile(path)
    assert [file[f"{at}"].tolist() for at in range(len(wholes))] == wholes
    assert list(file.broken()) == []


def test_a_file_without_arrays_is_a_file(tmp_path: Path) -> None:
    assert content(ArrayFile(written(tmp_path / "a", {}, {}))) == ({}, {})


def test_more_values_than_room_and_fewer_are_refused(tmp_path: Path) -> None:
    writer = ArrayWriter(tmp_path / "a")
    writer.reserve("x", np.uint8, 2)
    with pytest.raises(ValueError, match="room for 2"):
        writer.append("x", np.array([1, 2, 3], np.uint8))
    writer.append("x", np.array([1], np.uint8))
    with pytest.raises(ValueError, match="1 of 2"):
        writer.close({})
    writer.abort()
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "values",
    [
        np.array([256]),
        np.array([-1]),
        np.array([0.5]),
        np.array([2**63], np.uint64),
    ],
)
def test_values_that_do_not_fit_are_refused_and_never_cut(tmp_path: Path, values: Any) -> None:
    writer = ArrayWriter(tmp_path / "a")
    writer.reserve("x", np.uint8, 1)
    with pytest.raises(ValueError, match="can't hold"):
        writer.append("x", values)
    writer.abort()


@pytest.mark.parametrize("kind", [object, bool, "S4", "U4", complex, "M8[us]", "<f2"])
def test_types_that_a_file_may_not_have_are_refused(tmp_path: Path, kind: Any) -> None:
    writer = ArrayWriter(tmp_path / "a")
    with pytest.raises(ValueError, match="can be added"):
        writer.reserve("x", kind, 1)
    writer.abort()


def test_a_name_is_taken_once_and_a_file_is_never_written_over(tmp_path: Path) -> None:
    writer = ArrayWriter(tmp_path / "a")
    writer.reserve("x", np.uint8, 0)
    with pytest.raises(ValueError, match="can be added"):
        writer.reserve("x", np.uint8, 0)
    with pytest.raises(FileExistsError):
        ArrayWriter(tmp_path / "a")
    writer.close({})


def test_abort_removes_the_file_and_may_come_twice(tmp_path: Path) -> None:
    writer = ArrayWriter(tmp_path / "a")
    writer.add("x", np.arange(9))
    writer.abort()
    writer.abort()
    assert list(tmp_path.iterdir()) == []


def test_arrays_outlive_their_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    file = ArrayFile(path)
    path.unlink()
    assert content(file) == (META, {name: (values.dtype.str, values.tolist()) for name, values in ARRAYS.items()})
    array = file["signed"]
    del file
    assert array.tolist() == [-(2**63), -1, 2**63 - 1]


def test_a_file_that_was_removed_is_read_no_further_than_it_goes(tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    file = ArrayFile(path)
    path.rename(tmp_path / "b")
    assert file.unchanged()
    os.truncate(tmp_path / "b", 100)
    assert not file.unchanged()


def test_who_sets_the_time_back_has_written_all_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    file, before = ArrayFile(path), path.stat()
    with path.open("r+b") as handle:
        handle.write(b"x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not file.unchanged()


def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(IndexDamaged, match="is empty"):
        ArrayFile(tmp_path / "a")


def test_no_memory_is_taken_for_more_than_there_is() -> None:
    begins, sizes = np.array([0, 7]), np.array([3, 2])
    assert ranges(begins, sizes, 5).tolist() == [0, 1, 2, 7, 8]
    with pytest.raises(IndexError, match="1000000000000 numbers of 9 things"):
        ranges(begins[:1], np.array([10**12]), 9)


def test_arrays_of_a_file_can_not_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        ArrayFile(written(tmp_path / "a"))["small"][0] = 1


def test_a_name_that_is_not_there_is_damage(tmp_path: Path) -> None:
    file = ArrayFile(written(tmp_path / "a"))
    with pytest.raises(IndexDamaged, match="no array 'nothing'"):
        file["nothing"]
    for name in ("nothing", "wide"):
        with pytest.raises(IndexDamaged, match="no bytes"):
            file.bytes(name)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(IndexDamaged, match="gone") as caught:
        ArrayFile(tmp_path / "gone")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_an_empty_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing").touch()
    with pytest.raises(IndexDamaged, match="is empty"):
        ArrayFile(tmp_path / "nothing")
    with pytest.raises(IndexDamaged, match="can't be read"):
        ArrayFile(tmp_path)


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    data = written(tmp_path / "a").read_bytes()
    for size in range(len(data)):
        (tmp_path / "cut").write_bytes(data[:size])
        with pytest.raises(IndexDamaged, match="cut"):
            ArrayFile(tmp_path / "cut")


def test_a_flipped_bit_in_header_or_directory_is_refused(tmp_path: Path) -> None:
    small = {"small": ARRAYS["small"], "signed": ARRAYS["signed"]}
    data = written(tmp_path / "a", small, {"a": 1}).read_bytes()
    before = content(ArrayFile(tmp_path / "a"))
    _, _, _, directory, _, _ = HEADER.unpack(data[: HEADER.size])
    refused = 0
    for at in [*range(HEADER.size), *range(directory, len(data))]:
        for bit in range(8):
            flipped = bytearray(data)
            flipped[at] ^= 1 << bit
            (tmp_path / "b").write_bytes(flipped)
            try:
                assert content(ArrayFile(tmp_path / "b")) == before
            except IndexDamaged as error:
                assert str(tmp_path / "b") in str(error) and "newsindex_rebuild" in str(error)
                refused += 1
    assert refused == 8 * (HEADER.size + len(data) - directory)


def test_a_flipped_bit_in_an_array_is_named(tmp_path: Path) -> None:
    data = written(tmp_path / "a").read_bytes()
    directory = json.loads(data[HEADER.unpack(data[: HEADER.size])[3] :])
    for name, (kind, length, offset, _) in directory["arrays"].items():
        for at in range(offset, offset + np.dtype(kind).itemsize * length):
            flipped = bytearray(data)
            flipped[at] ^= 1 << (at % 8)
            (tmp_path / "b").write_bytes(flipped)
            assert list(ArrayFile(tmp_path / "b").broken()) == [name]


def test_foreign_files_and_other_versions_are_told_apart(tmp_path: Path) -> None:
    data = written(tmp_path / "a").read_bytes()
    (tmp_path / "foreign").write_bytes(b"SQLite format 3\0" + data)
    with pytest.raises(IndexDamaged, match="not a file of this engine"):
        ArrayFile(tmp_path / "foreign")
    (tmp_path / "newer").write_bytes(data[:8] + struct.pack("<I", 99) + data[12:])
    with pytest.raises(IndexDamaged, match="version 99"):
        ArrayFile(tmp_path / "newer")


HOSTILE: list[Any] = [
    None,
    [],
    {},
    {"arrays": {}},
    {"meta": {}},
    {"meta": {}, "arrays": []},
    {"meta": [], "arrays": {}},
    {"meta": None, "arrays": {}},
    *(
        {"meta": {}, "arrays": {"x": place}}
        for place in [
            None,
            [],
            ["<u4", 1, 64],
            ["|O", 1, 64, 0],
            ["<U9", 1, 64, 0],
            [["<u4"], 1, 64, 0],
            ["<u4", -1, 64, 0],
            ["<u4", 1, -64, 0],
            ["<u4", 1, 0, 0],
            ["<u4", 1, 66, 0],
            ["<u4", 1.0, 64, 0],
            ["<u4", 1, 64.0, 0],
            ["<u4", True, 64, 0],
            ["<u4", 1, 64, None],
            ["<u4", float("nan"), 64, 0],
            ["<u4", float("inf"), 64, 0],
            ["<u4", 1, 64, float("inf")],
            ["<u4", "1", 64, 0],
            ["<u4", 10**9, 64, 0],
            ["<u4", 2**64, 64, 0],
            ["<u8", 2**61, 64, 0],
            ["<u4", 1, 2**64, 0],
            ["<u4", 1, 2**63 - 64, 0],
            ["<u4", 0, 2**70, 0],
        ]
    ),
]


@pytest.mark.parametrize("directory", HOSTILE, ids=str)
def test_a_directory_that_makes_no_sense_is_refused(tmp_path: Path, directory: Any) -> None:
    data = json.dumps(directory).encode()
    (tmp_path / "a").write_bytes(
        HEADER.pack(b"nwsindx\n", 1, 0, 128, len(data), zlib.crc32(data)).ljust(128, b"\0") + data
    )
    with pytest.raises(IndexDamaged):
        ArrayFile(tmp_path / "a")


@pytest.mark.parametrize("data", [b"\xff\xfe", b"{", b"[" * 100_000, b"1" * 5_000, b""])
def test_a_directory_that_is_no_json_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(HEADER.pack(b"nwsindx\n", 1, 0, HEADER.size, len(data), zlib.crc32(data)) + data)
    with pytest.raises(IndexDamaged):
        ArrayFile(tmp_path / "a")


@pytest.mark.parametrize(("offset", "size"), [(2**64 - 1, 2**64 - 1), (2**63, 1), (0, 2**64 - 1), (2**64 - 1, 0)])
def test_a_directory_far_away_is_refused(tmp_path: Path, offset: int, size: int) -> None:
    (tmp_path / "a").write_bytes(HEADER.pack(b"nwsindx\n", 1, 0, offset, size, 0).ljust(200, b"\0"))
    with pytest.raises(IndexDamaged):
        ArrayFile(tmp_path / "a")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_reads_on(tmp_path: Path) -> None:
    file = ArrayFile(written(tmp_path / "a"))
    (tmp_path / "a").unlink()
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, file["small"].tobytes())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 9) == b"\3\1\2"
    os.close(read)
    os.close(write)


@pytest.mark.parametrize(
    ("largest", "kind"),
    [(0, "|u1"), (255, "|u1"), (256, "<u2"), (65_535, "<u2"), (65_536, "<u4"), (2**32 - 1, "<u4"), (2**32, "<u8")],
)
def test_numbers_take_the_smallest_type_that_holds_them(largest: int, kind: str) -> None:
    found = smallest(np.array([0, largest], np.int64))
    assert found.dtype.str == kind
    assert found.tolist() == [0, largest]


# Strings


def strings_file(path: Path, values: list[bytes]) -> ArrayFile:
    return ArrayFile(
        written(
            path,
            {
                "x": np.frombuffer(b"".join(values), np.uint8),
                "x_at": smallest(np.cumsum([0, *map(len, values)])),
            },
            {},
        )
    )


@given(
    st.sets(st.binary(max_size=3) | st.binary(max_size=40), max_size=150),
    st.lists(st.binary(max_size=4), max_size=20),
)
@settings(deadline=None, max_examples=100)
def test_strings_are_found_as_in_a_sorted_list(
    tmp_path_factory: pytest.TempPathFactory, values: set[bytes], others: list[bytes]
) -> None:
    ordered = sorted(values)
    strings = Strings(strings_file(tmp_path_factory.mktemp("strings") / "a", ordered), "x")
    assert len(strings) == len(ordered)
    assert [strings[number] for number in range(len(strings))] == ordered
    near = [value + end for value in ordered[:20] for end in (b"", b"\0", b"\xff")]
    for string in [*ordered, *others, *near, b"", b"\xff" * 50]:
        assert strings.place(string) == bisect_left(ordered, string)
        assert strings.find(string) == (ordered.index(string) if string in values else None)


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 63, 64, 65, 96, 97, 1000])
def test_strings_are_found_at_the_borders_of_the_index_over_them(tmp_path: Path, size: int) -> None:
    ordered = [b"%06d" % (2 * number) for number in range(size)]
    strings = Strings(strings_file(tmp_path / "a", ordered), "x")
    for number in range(2 * size + 1):
        assert strings.place(b"%06d" % number) == (number + 1) // 2


# How terms are spelt


@given(
    st.text(st.characters(exclude_characters="\0"), max_size=8),
    st.booleans(),
    st.sampled_from(["", "en", "fr"]),
    st.lists(st.text(st.characters(exclude_characters="\0")), min_size=1, max_size=3),
)
@settings(deadline=None)
def test_a_form_is_read_back_from_its_key(word: str, pair: bool, language: str, terms: list[str]) -> None:
    key = form_key(word, pair, language, terms)
    assert form_word(key) == word
    assert form_terms(key) == (language, tuple(terms))
    assert key.startswith(word_prefix(word, pair) + b"\0")


@given(st.sets(st.text(max_size=6), max_size=6))
@settings(deadline=None)
def test_letters_stand_for_the_characters_of_a_word(words: set[str]) -> None:
    for word in words:
        assert layout.letters(word) == sum(1 << bit for bit in {ord(char) % 32 for char in word})


# Segments


def make_document(key: str = "t.a:1", *texts: str, **fields: Any) -> Document:
    fields.setdefault("language", "en")
    paragraphs = tuple(Paragraph(number, f"p{number}", "paragraph", text) for number, text in enumerate(texts, 1))
    return Document(key=key, title=fields.pop("title", ""), paragraphs=paragraphs, **fields)


def make_segment(path: Path, *documents: Document) -> Segment:
    write_reference(path, documents)
    return Segment(path)


WORDS = st.sampled_from(
    [
        "runs",
        "running",
        "run",
        "Café",
        "cafe",
        "e-mail",
        "cat-s",
        "U.S.",
        "l'école",
        "2.7.1",
        "東京都",
        "ไทย",
        "İ",
        "\ud800x",
    ]
)
TEXTS = st.lists(WORDS, max_size=6).map(" ".join)
DOCUMENTS = st.lists(
    st.builds(
        lambda texts, **fields: (texts, fields),
        st.lists(TEXTS, max_size=4),
        title=TEXTS,
        summary=TEXTS,
        tags=st.lists(TEXTS, max_size=3).map(tuple),
        language=st.sampled_from(["", "en", "fr", "pt-BR"]),
    ),
    max_size=5,
)


@given(DOCUMENTS)
@settings(deadline=None, max_examples=40)
def test_postings_say_where_each_form_stands(tmp_path_factory: pytest.TempPathFactory, drawn: list[Any]) -> None:
    documents = [make_document(f"t.a:{at}", *texts, **fields) for at, (texts, fields) in enumerate(drawn)]
    segment = make_segment(tmp_path_factory.mktemp("segment") / "a", *documents)
    for field in FIELDS:
        expected = _expected(documents, field)
        for form in range(len(segment.forms)):
            found = segment.postings(field, form)
            ends = np.cumsum(found.counts, dtype=np.int64)
            positions = [part.tolist() for part in np.split(found.positions, ends)][:-1] if len(ends) else []
            own = expected.pop(segment.forms[form], {})
            assert dict(zip(found.articles.tolist(), positions, strict=True)) == own
            assert (found.best is None) == (field != "text")
        assert not expected


def _expected(documents: list[Document], field: str) -> dict[bytes, dict[int, list[int]]]:
    """form -> article -> positions."""
    found: dict[bytes, dict[int, list[int]]] = defaultdict(dict)
    for article, document in enumerate(documents):
        start = 0
        language = stemming_language(document.language)
        for text in _texts(document, field):
            own = tokens(text, language)
            for token in own:
                key = form_key(token.word, token.pair, language, token.terms)
                found[key].setdefault(article, []).append(start + token.position)
            start += (own[-1].position + 1 if own else 0) + 1
    return found


def _texts(document: Document, field: str) -> Iterator[str]:
    if field == "text":
        yield from (paragraph.text for paragraph in document.paragraphs)
    elif field == "tags":
        yield from document.tags
    else:
        yield getattr(document, field)


@given(DOCUMENTS, st.sampled_from(["run", "cafe", "caf", "us", "u.s", "東京", "ecole", "2.7.1", "x", ""]))
@settings(deadline=None, max_examples=40)
def test_stems_and_prefixes_lead_to_their_forms(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Any], word: str
) -> None:
    documents = [make_document(f"t.a:{at}", *texts, **fields) for at, (texts, fields) in enumerate(drawn)]
    segment = make_segment(tmp_path_factory.mktemp("segment") / "a", *documents)
    keys = [segment.forms[form] for form in range(len(segment.forms))]
    assert keys == sorted(set(keys))
    assert segment.languages == tuple(sorted({stemming_language(document.language) for document in documents}))
    for language in ("", "en", "fr", "pt", "de"):
        wanted = [at for at, key in enumerate(keys) if form_terms(key)[0] == language and word in form_terms(key)[1]]
        assert segment.forms_of(word, language).tolist() == wanted
    first, end = segment.forms_with(word_prefix(word))
    assert list(range(first, end)) == [at for at, key in enumerate(keys) if key.startswith(word_prefix(word))]
    first, end = segment.forms_with(word_prefix(word) + b"\0")
    assert [form_word(key) for key in keys[first:end]] == [word] * (end - first)


def test_a_document_comes_back_whole(tmp_path: Path) -> None:
    document = Document(
        key="t.a:1/ü\ud800",
        title="A \udfff title",
        paragraphs=(
            Paragraph(1, "p-one", "heading", ""),
            Paragraph(7, "p-two", "code", "Some\n  code \ud83d 😀"),
        ),
        version="v1",
        summary="Short",
        tags=("Ä", "b", "Ä"),
        authors=("Ann", "Zoë"),
        section="News",
        published_at=datetime(1, 1, 1, tzinfo=timezone.utc),
        expires_at=datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone.utc),
        language="pt-BR",
        audiences=frozenset(),
        url="/x?y=1",
        boost=1e9,
    )
    plain = make_document("t.b:2")
    segment = make_segment(tmp_path / "a", document, plain)
    assert (segment.articles, segment.paragraphs) == (2, 2)
    assert [segment.document(article) for article in range(2)] == [document, plain]
    assert [segment.paragraphs_of(article) for article in range(2)] == [(0, 2), (2, 2)]
    assert segment.find(document.key) == 0
    assert segment.key(0) == document.key


def test_labels_say_which_article_has_which_values(tmp_path: Path) -> None:
    segment = make_segment(
        tmp_path / "a",
        make_document("t.a:1", tags=("b", "a", "b"), authors=("\ud800",), section="S"),
        make_document("u.b:2", audiences=frozenset()),
        make_document("u.b:3", tags=("a",), audiences=frozenset({"x", "public"})),
    )
    found = {}
    for kind in LABELS:
        labels = segment.labels(kind)
        ends = labels.at.astype(np.int64)
        found[kind] = [
            {labels.names[value] for value in labels.values[first:end]}
            for first, end in zip(ends[:-1], ends[1:], strict=True)
        ]
        assert segment.labels(kind) is labels
    assert found == {
        "tag": [{"a", "b"}, set(), {"a"}],
        "author": [{"\ud800"}, set(), set()],
        "section": [{"S"}, {""}, {""}],
        "audience": [{"public"}, set(), {"x", "public"}],
        "source": [{"t.a"}, {"u.b"}, {"u.b"}],
    }


def test_keys_are_found_although_all_their_hashes_are_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (segments, whoosh_reference):
        monkeypatch.setattr(module, "key_hash", lambda key: 2**64 - 1)
    keys = [f"t.a:{number}" for number in range(50)]
    segment = make_segment(tmp_path / "a", *(make_document(key) for key in keys))
    assert [segment.find(key) for key in keys] == list(range(50))
    assert segment.find("t.a:50") is None


def test_keys_are_found_and_others_are_not(tmp_path: Path) -> None:
    keys = [f"t.a:{number}" for number in range(300)]
    segment = make_segment(tmp_path / "a", *(make_document(key) for key in keys))
    assert [segment.find(key) for key in keys] == list(range(300))
    assert [segment.find(key) for key in ("t.a:300", "", "t.a:", "\ud800", "t.a:1 ")] == [None] * 5


def test_an_empty_segment_answers(tmp_path: Path) -> None:
    segment = make_segment(tmp_path / "a")
    assert (segment.articles, segment.paragraphs, segment.languages) == (0, 0, ())
    assert segment.find("t.a:1") is None
    assert len(segment.forms_of("run", "en")) == 0
    assert segment.forms_with(b"w") == (0, 0)
    assert segment.labels("tag").names == ()


def test_what_makes_no_sense_inside_a_segment_is_damage(tmp_path: Path) -> None:
    arrays, languages = whoosh_reference.reference([make_document("t.a:1", "Some text")])
    meta = {"articles": 1, "paragraphs": 1, "languages": languages}
    broken = {
        "key": np.array([0xFF] * 5, np.uint8),
        "record": np.array([ord("x")] * len(arrays["record"]), np.uint8),
        "paragraph_kind": np.array([200], np.uint8),
        "paragraph": np.array([0xFF] * 9, np.uint8),
    }
    for name, values in broken.items():
        segment = Segment(written(tmp_path / name, {**arrays, name: values}, meta))
        with pytest.raises(IndexDamaged, match=f"segment {name}|Segment {name}"):
            segment.document(0)
    for wrong in ({}, {**meta, "articles": "many"}, {**meta, "languages": 3}):
        with pytest.raises(IndexDamaged):
            Segment(written(tmp_path / f"meta{len(wrong)}{wrong.get('languages')}", arrays, wrong))


def test_a_segment_whose_file_is_gone_says_which(tmp_path: Path) -> None:
    with pytest.raises(IndexDamaged, match="missing.segment") as caught:
        Segment(tmp_path / "missing.segment")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


# Checked when it is read


def test_of_a_large_array_only_what_is_read_is_checked(tmp_path: Path) -> None:
    values = np.arange(100_000, dtype=np.uint32)
    path = written(tmp_path / "a", {"large": values, "small": values[:10]})
    kind, _, offset, _ = ArrayFile(path)._places["large"]
    data = bytearray(path.read_bytes())
    data[offset + kind.itemsize * 50_000] ^= 1
    path.write_bytes(data)
    file = ArrayFile(path)
    assert np.array_equal(file.part("large", 0, 40_000), values[:40_000])
    assert np.array_equal(file.part("large", 70_000, 100_000), values[70_000:])
    assert np.array_equal(file["small"], values[:10])
    for first, end in ((49_999, 50_001), (0, 100_000), (50_000, 50_001)):
        with pytest.raises(IndexDamaged, match="large"):
            file.part("large", first, end)
    with pytest.raises(IndexDamaged, match="large"):
        file.parts("large", np.array([0, 50_000]), np.array([1, 50_001]))
    with pytest.raises(IndexDamaged, match="large"):
        file["large"]
    assert list(file.broken()) == ["large"]


def test_a_file_says_whether_somebody_wrote_to_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    file = ArrayFile(path)
    assert file.unchanged()
    os.truncate(path, 100)
    assert not file.unchanged()
    path.unlink()
    assert not file.unchanged()


def test_an_array_without_checksums_of_blocks_is_one_block(tmp_path: Path) -> None:
    """As files were written before there were any."""
    values = np.arange(100_000, dtype=np.uint32)
    data = written(tmp_path / "a", {"large": values}).read_bytes()
    _, version, _, at, _, _ = HEADER.unpack(data[: HEADER.size])
    directory = json.loads(data[at:])
    del directory["blocks"]
    directory["arrays"]["large"][3] = zlib.crc32(values.tobytes())
    old = json.dumps(directory).encode()
    header = HEADER.pack(data[:8], version, 0, at, len(old), zlib.crc32(old))
    (tmp_path / "b").write_bytes(header + data[HEADER.size : at] + old)
    assert np.array_equal(ArrayFile(tmp_path / "b").part("large", 10, 20), values[10:20])
    assert list(ArrayFile(tmp_path / "b").broken()) == []


def test_whoever_wrote_a_file_need_not_read_what_it_says_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "a"
    writer = ArrayWriter(path)
    for name, values in ARRAYS.items():
        writer.add(name, values)
    directory = writer.close(META)
    assert content(ArrayFile(path, directory)) == content(ArrayFile(path))
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    with pytest.raises(IndexDamaged, match="cut off or changed"):
        ArrayFile(path, directory)
    _, length, offset, _ = directory.arrays["small"]
    assert length
    path.write_bytes(data[:offset] + b"\x77" + data[offset + 1 :])
    with pytest.raises(IndexDamaged, match="small"):
        ArrayFile(path, directory)["small"]
