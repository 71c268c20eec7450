"""The relevance benchmark's own parts: collections as they lie on the disk, and newsindex asked about them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

pytest.importorskip("benchmarks", reason="a package without the benchmarks")

from benchmarks.relevance.collections import Collection, collections, folders, is_held_out
from benchmarks.relevance.passages import Shown, measured
from benchmarks.relevance.rankers import Closest, NewsIndex


def packed(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts = [
        {"id": "a", "title": "Bridges", "text": "The ferry sank.\n\nThe bridge stands.", "tags": ["x"], "lang": "en"},
        {"id": "b", "title": "Ferries", "text": "Nobody saw the lighthouse.", "tags": [], "lang": "en"},
    ]
    for name in ("whole", "rust_blog"):
        packed(tmp_path / name / "documents.jsonl.gz", [json.dumps(text) for text in texts])
        packed(tmp_path / name / "queries.tsv.gz", ["1\twhat of the lighthouse", "2\tnot judged"])
        packed(tmp_path / name / "qrels.tsv.gz", ["1\tb\t2"])
    packed(tmp_path / "deep/pieces/documents.jsonl.gz", [json.dumps(text) for text in texts])
    packed(tmp_path / "deep/pieces/queries.tsv.gz", ["1\tbridge"])
    packed(tmp_path / "deep/pieces/qrels.tsv.gz", ["1\ta#1\t1"])
    return tmp_path


def one(folder: Path, name: str) -> Collection:
    (found,) = collections(folder, frozenset({name}))
    return found


def test_collections_are_read(folder: Path) -> None:
    assert [found.name for found in collections(folder)] == ["deep/pieces", "rust_blog", "whole"]
    whole = one(folder, "whole")
    assert whole.questions == {"1": "what of the lighthouse"} and whole.judgments == {"1": {"b": 2}}
    assert whole.texts[0].paragraphs == ["The ferry sank.", "The bridge stands."]
    assert [text.title for text in whole.texts] == ["Bridges", "Ferries"]
    # Its questions are its titles.
    assert [text.title for text in one(folder, "rust_blog").texts] == ["", ""]


def test_a_judged_paragraph_is_a_text(folder: Path) -> None:
    pieces = one(folder, "deep")
    assert [(text.id, text.title, text.paragraphs) for text in pieces.texts] == [
        ("a#0", "", ["The ferry sank."]),
        ("a#1", "", ["The bridge stands."]),
        ("b#0", "", ["Nobody saw the lighthouse."]),
    ]


@pytest.mark.parametrize("kind", [NewsIndex, Closest])
def test_newsindex_ranks(folder: Path, tmp_path: Path, kind: type[NewsIndex]) -> None:
    ranker = kind(one(folder, "whole"), tmp_path / "index")
    ranker.build()
    assert [text for text, _ in ranker.rank("what of the lighthouse", 10)] == ["b"]
    assert ranker.rank("unicorn", 10) == []


def test_half_of_the_questions_are_held_out() -> None:
    held_out = [is_held_out(str(number)) for number in range(1_000)]
    assert 450 < sum(held_out) < 550
    assert held_out == [is_held_out(str(number)) for number in range(1_000)]


def test_at_most_so_many_questions_are_drawn(folder: Path) -> None:
    (found,) = collections(folder, frozenset({"whole"}), 0)
    assert found.questions == {}


@pytest.fixture
def long_texts(tmp_path: Path) -> Path:
    """Articles of six paragraphs: one has its own words, four are the same everywhere."""
    same = [f"Paragraph {name} is the same in all of the articles here." for name in ("one", "two", "three", "four")]
    rows = []
    for name, animal in (("a", "walrus"), ("b", "ferret"), ("c", "puffin")):
        own = (
            f"Nobody has ever seen one {animal} near {animal}ville, {animal}ton, {animal}burg or {animal}stead before."
        )
        rows.append({"id": name, "title": "Animals", "text": "\n\n".join([*same, own, "Short."]), "lang": "en"})
    packed(tmp_path / "long/documents.jsonl.gz", [json.dumps(row) for row in rows])
    packed(tmp_path / "long/queries.tsv.gz", ["1\tseen near the walrus", "2\tferretton"])
    packed(tmp_path / "long/qrels.tsv.gz", ["1\ta#4\t1", "2\ta#0\t1"])
    return tmp_path


def test_judged_paragraphs_are_looked_for_among_those_shown(long_texts: Path) -> None:
    ((name, folder),) = folders(long_texts)
    # The second question is answered by another article.
    assert (name, measured(folder, 10)) == ("long", Shown(questions=2, on_page=1, shown=1))


def test_where_none_are_judged_questions_are_made_of_rare_words(long_texts: Path) -> None:
    packed(long_texts / "long/qrels.tsv.gz", ["1\ta\t1"])
    found = measured(long_texts / "long", 10)
    assert found == Shown(questions=3, on_page=3, shown=3) and found.share == 1


def test_short_articles_show_all_they_have(folder: Path) -> None:
    assert measured(folder / "whole", 10) is None
