"""docs/index-format.md says what is on the disk: every array, the numbers of the formats, the bounds of merges."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from newsindex.engines.whoosh import arrays, manifest, upkeep
from newsindex.engines.whoosh.arrays import ArrayFile
from newsindex.engines.whoosh.building import SegmentBuilder
from newsindex.engines.whoosh.lexicon import Lexicon
from newsindex.engines.whoosh.records import KINDS
from tests.factories import make_document

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "index-format.md").read_text()


@pytest.fixture
def segment(tmp_path: Path) -> ArrayFile:
    builder = SegmentBuilder(Lexicon())
    builder.add(make_document(1, "Title", "Text"))
    builder.build(tmp_path / "segment")
    return ArrayFile(tmp_path / "segment")


def test_the_page_names_each_array_and_no_other(segment: ArrayFile) -> None:
    tables = PAGE[PAGE.index("## A segment") : PAGE.index("## What takes the room")]
    named = {
        name
        for line in tables.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split(" | ")[0])
    }
    assert named == set(segment._places)


def test_the_page_says_what_types_do_not_go_by_the_values(segment: ArrayFile) -> None:
    for line in PAGE.splitlines():
        found = re.match(r"\| (`.+?`) \| `(<\w\d)`", line)
        for name in re.findall(r"`(\w+)`", found[1]) if found else ():
            assert segment._places[name][0].str == found[2], name


def test_the_page_has_the_numbers_of_the_code() -> None:
    assert f"It is {manifest.INDEX_FORMAT}\nnow." in PAGE
    assert f"32 bit: {arrays.VERSION};" in PAGE
    assert f"at most {upkeep.INLINE_MERGE:,} paragraphs" in PAGE
    assert ", ".join(f"{at} {kind.replace('_', ' ')}" for at, kind in enumerate(KINDS)) in PAGE
    assert arrays.MAGIC == b"nwsindx\n"


def test_the_page_names_each_file() -> None:
    for name in (manifest.COMMIT, manifest.ASIDE, manifest.SEGMENT, manifest.DELETED, manifest.MERGING, upkeep.LOCK):
        assert name in PAGE
