"""A merge of segments is the segment of the articles that stay: byte for byte what the slow writer makes of them."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsindex.engines.base import Document
from newsindex.engines.whoosh import merging, unions
from newsindex.engines.whoosh.arrays import ArrayFile, ArrayWriter
from newsindex.engines.whoosh.layout import Strings
from newsindex.engines.whoosh.merging import merge, ranges
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.shape import check
from newsindex.exceptions import IndexDamaged
from newsindex.paragraphs import Paragraph
from tests.factories import NOW
from tests.whoosh_reference import write_reference

WORDS = (
    "bridge", "bridges", "ferry", "e-mail", "U.S.", "café", "cafe", "l’école", "Straße", "мост", "東京都", "京",
    "किताबें", "x", "ـ", "\ud800", "2.7.1", "!",
)  # fmt: skip
lines = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
labels = st.lists(st.sampled_from(("Weather", "weather", "Old Town", "", "\udc80")), max_size=2)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    return Document(
        key=f"news.{draw(st.sampled_from(('story', 'page')))}:{draw(st.integers(0, 10**6))}",
        title=draw(lines),
        summary=draw(lines),
        paragraphs=tuple(
            Paragraph(at, f"p-{at}", draw(st.sampled_from(("paragraph", "heading"))), text)
            for at, text in enumerate(draw(st.lists(lines, max_size=3)), draw(st.sampled_from((1, 300))))
        ),
        tags=tuple(draw(labels)),
        authors=tuple(draw(labels)),
        section=draw(st.sampled_from(("", "Local"))),
        language=draw(st.sampled_from(("en", "de", "fr-CA", "ja", ""))),
        audiences=frozenset(draw(labels)),
        published_at=draw(st.sampled_from((None, NOW))),
        boost=draw(st.sampled_from((1.0, 0.001))),
    )


#: Segments, each of articles that say whether they stay.
segments = st.lists(st.lists(st.tuples(documents(), st.booleans()), min_size=1, max_size=5), min_size=1, max_size=4)


def article(pk: int, title: str, text: str = "", language: str = "en", tags: tuple[str, ...] = ()) -> Document:
    """An article with a paragraph a line."""
    paragraphs = tuple(Paragraph(at, f"p-{at}", "paragraph", line) for at, line in enumerate(text.splitlines(), 1))
    return Document(key=f"news.story:{pk}", title=title, paragraphs=paragraphs, language=language, tags=tags)


def written(path: Path, articles: Sequence[tuple[Document, bool]]) -> tuple[Segment, np.ndarray | None]:
    """A segment, and what is deleted of it."""
    write_reference(path, [document for document, _ in articles])
    gone = np.array([at for at, (_, stays) in enumerate(articles) if not stays], np.uint32)
    return Segment(path), gone if len(gone) else None


def contents(path: Path) -> dict[str, object]:
    """All that a segment holds, and of which type."""
    file = Segment(path).file
    return {"meta": file.meta, **{name: (file[name].dtype.str, file[name].tolist()) for name in file._places}}


def assert_merged(folder: Path, inputs: list, staying: Sequence[Document]) -> Path:
    path = folder / "merged"
    path.unlink(missing_ok=True)
    merge(inputs, path)
    expected = folder / "expected"
    expected.unlink(missing_ok=True)
    write_reference(expected, staying)
    assert contents(path) == contents(expected)
    check(Segment(path))
    return path


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(segments, st.sampled_from((1, 7, 1 << 21)))
def test_a_merge_is_the_segment_of_what_stays(drawn: list[list[tuple[Document, bool]]], block: int) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        # Small ranges of terms, as if the memory were small.
        patch.setattr(merging, "BLOCK", block)
        # And dictionaries in small ranges, as arrays and string by string.
        patch.setattr(unions, "_STEP", max(block % 5, 2))
        patch.setattr(unions, "FEW", block % 7)
        folder = Path(name)
        inputs = [written(folder / f"{at}", articles) for at, articles in enumerate(drawn)]
        merged = assert_merged(folder, inputs, [each for articles in drawn for each, stays in articles if stays])
        # And that again with others, some of them deleted.
        merged.rename(folder / "once")
        whole = Segment(folder / "once")
        staying = [each for articles in drawn for each, stays in articles if stays]
        gone = np.arange(0, len(staying), 2, dtype=np.uint32)
        again = [inputs[-1], (whole, gone if len(gone) else None)]
        assert_merged(folder, again, [each for each, stays in drawn[-1] if stays] + list(staying[1::2]))


def test_forms_stems_labels_and_languages_go_with_their_last_article(tmp_path: Path) -> None:
    english = article(1, "Bridges", "The ferry.", tags=("Weather",))
    german = article(2, "Häuser", "Die Fähre.", tags=("Wetter",), language="de")
    inputs = [written(tmp_path / "a", [(english, True), (german, False)]), written(tmp_path / "b", [(german, False)])]
    assert_merged(tmp_path, inputs, [english])
    segment = Segment(tmp_path / "merged")
    assert segment.languages == ("en",)
    assert segment.labels("tag").names == ("Weather",)
    assert len(segment.forms_of("haus", "de")) == 0


def test_types_follow_what_stays(tmp_path: Path) -> None:
    long = article(1, "Long", "\n".join(["ferry bridge " * 200] * 300))
    short = article(2, "Short", "ferry ferry")
    inputs = [written(tmp_path / "a", [(long, False), (short, True)]), written(tmp_path / "b", [(short, True)])]
    assert_merged(tmp_path, inputs, [short, short])
    inputs = [written(tmp_path / "c", [(short, True)]), written(tmp_path / "d", [(short, False), (long, True)])]
    assert_merged(tmp_path, inputs, [short, long])


def test_many_runs_of_long_texts_are_copied_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_BYTES", 64)
    articles = [(article(at, "Title", f"{at} " + "word " * (at % 40)), at % 3 != 0) for at in range(90)]
    assert_merged(tmp_path, [written(tmp_path / "a", articles)], [each for each, stays in articles if stays])


keys = st.lists(st.binary(max_size=4) | st.sampled_from((b"a", b"a\0", b"a\0\0", b"ab", b"")), unique=True).map(sorted)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(keys, st.booleans()), min_size=1, max_size=4), st.sampled_from((0, 3, 1000)))
def test_a_union_is_sorted_and_knows_where_each_string_went(drawn: list[tuple[list[bytes], bool]], few: int) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(unions, "_STEP", 3)
        patch.setattr(unions, "FEW", few)
        lists, expected = [], []
        for at, (strings, only_some) in enumerate(drawn):
            writer = ArrayWriter(Path(name) / str(at))
            writer.add("s", np.frombuffer(b"".join(strings), np.uint8))
            writer.add("s_at", np.cumsum([0, *map(len, strings)]).astype(np.uint16))
            writer.close({})
            file = ArrayFile(Path(name) / str(at))
            chosen = np.arange(0, len(strings), 2) if only_some else None
            lists.append(unions.Sorted(Strings(file, "s"), file["s"], file["s_at"], chosen))
            expected.append(strings[::2] if only_some else strings)
        found = unions.union(lists)
        merged = sorted(set().union(*expected))
        assert found.data.tobytes() == b"".join(merged)
        assert found.sizes.tolist() == list(map(len, merged))
        assert [[merged[place] for place in places] for places in found.places] == expected


def test_one_long_word_does_not_make_all_words_as_long_as_it_is(tmp_path: Path) -> None:
    strings = [b"%08d" % number for number in range(40_000)] + [b"x" * 4_000]
    writer = ArrayWriter(tmp_path / "a")
    writer.add("s", np.frombuffer(b"".join(strings), np.uint8))
    writer.add("s_at", np.cumsum([0, *map(len, strings)]).astype(np.uint32))
    writer.close({})
    file = ArrayFile(tmp_path / "a")
    lists = [unions.Sorted(Strings(file, "s"), file["s"], file["s_at"]) for _ in range(5)]
    tracemalloc.start()
    try:
        found = unions.union(lists)
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()
    assert found.data.tobytes() == b"".join(strings)


def test_ranges_cover_everything_once() -> None:
    places = np.array([0, 5, 5, 9, 30, 31, 32], np.uint8)
    found = list(ranges(places, 8))
    assert found == [(0, 2), (2, 3), (3, 4), (4, 6)]
    assert list(ranges(np.zeros(1, np.uint8), 8)) == []


def test_a_merge_of_damaged_segments_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    segment, _ = written(tmp_path / "a", [(article(1, "Ferry", "Text."), True)])
    _, _, offset, _ = segment.file._places["text_articles"]
    data = bytearray((tmp_path / "a").read_bytes())
    data[offset] ^= 1
    (tmp_path / "b").write_bytes(data)
    with pytest.raises(IndexDamaged, match="text_articles"):
        merge([(Segment(tmp_path / "b"), None)], tmp_path / "merged")
    # Wrong from the beginning.
    segment.file._arrays["text_articles"] = np.array([99, 99], np.uint32)
    with pytest.raises((IndexError, ValueError)):
        merge([(segment, None)], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
