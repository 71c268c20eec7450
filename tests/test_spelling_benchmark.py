"""The spelling benchmark's own parts: lists as they lie on the disk, and newsindex asked about them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

pytest.importorskip("benchmarks", reason="a package without the benchmarks")

from benchmarks.spelling.correctors import NewsIndex, Norvig
from benchmarks.spelling.run import _frequencies, _pairs, _right, _with_more, _wrong

FREQUENCIES = {"bridge": 5, "ridge": 2, "ferry": 3, "night": 1}


def packed(path: Path, *lines: str) -> Path:
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return path


def test_lists_are_read(tmp_path: Path) -> None:
    frequencies = _frequencies(packed(tmp_path / "words.txt.gz", "bridge 4", "Bridge 1", "'ridge 2", "two words 9"))
    assert frequencies == {"bridge": 5, "ridge": 2}
    pairs = packed(tmp_path / "pairs.tsv.gz", "brigde\tbridge", "feryr\tferry", "bri dge\tbridge")
    assert _pairs(pairs, frequencies) == [("brigde", "bridge")]


def test_words_stand_in_as_many_articles_as_they_are_frequent(tmp_path: Path) -> None:
    newsindex = NewsIndex(FREQUENCIES, tmp_path / "index")
    pairs = [("brigde", "bridge"), ("feryr", "ferry"), ("xxxxx", "night")]
    assert newsindex.answers("brigde") == ("bridge", ["bridge"])
    assert _right(newsindex, pairs) == {"first": 2 / 3, "five": 2 / 3}
    assert _right(Norvig(FREQUENCIES), pairs) == {"first": 2 / 3, "five": 2 / 3}
    assert {row["wrong"] for row in _wrong(newsindex, FREQUENCIES, {"list": pairs}).values()} == {0.0}


def test_the_large_dictionary_has_as_many_words_as_asked_for() -> None:
    many = _with_more(FREQUENCIES, 40)
    assert len(many) == 40 and FREQUENCIES.items() <= many.items()
