"""The benchmarks' own parts: the same texts and questions each time, and a report of whatever was measured."""

from __future__ import annotations

import gzip
import importlib
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

pytest.importorskip("benchmarks", reason="a package without the benchmarks")

from benchmarks import profiling, report, run, suggestions
from benchmarks.corpus import Article, archive, read, write
from benchmarks.generator import PARAGRAPHS, Generator
from benchmarks.peers.newsindex_engine import NewsIndex
from benchmarks.plot import svg
from benchmarks.questions import CLASSES, Question, Words, questions
from benchmarks.results import Corpus, Results, p50, p95


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator()


@pytest.fixture(scope="module")
def articles(generator: Generator) -> list[Article]:
    return list(generator.articles(60))


def results() -> Results:
    asked = {"asked": 3, "of": 3, "cpu": [0.001, 0.002, 0.004], "wall": [0.001, 0.002, 0.004], "first": [0.1, 0.1, 0.2]}
    outcome = {
        "open": {"cpu": 0.01, "wall": 0.01},
        "first": {"cpu": 0.01, "wall": 0.01},
        "idle": 20_000_000,
        "private": 30_000_000,
        "mapped": 5_000_000,
        "unit": "articles",
        "classes": {"OR of 2": {**asked, "articles": [3, 4]}, "fuzzy, 1 edit": {"unsupported": "no <such> thing"}},
    }
    engines = {"newsindex": {"ask": outcome}, "fts5": {"build": {"error": "ImportError: not installed"}}}
    corpus = Corpus("5k", 5_000, 416, 2_500_000, {"cpu": 0.1, "wall": 0.1}, engines=engines)
    machine = {
        "cores": 2,
        "cpu": "a processor",
        "memory": "4 GiB",
        "system": "Linux",
        "python": "3.12",
        "sqlite": "3.40",
    }
    return Results("2026-01-01", "python -m benchmarks", machine, [0.5], 40_000_000, [corpus])


def test_texts_are_the_same_each_time_and_however_many_are_asked_for(
    generator: Generator, articles: list[Article]
) -> None:
    assert list(Generator().articles(20)) == articles[:20]
    assert next(generator.articles(1, round=1)) != articles[0]


def test_articles_have_the_documented_shape(articles: list[Article]) -> None:
    for article in articles:
        sizes = [len(text.split()) for text in article.paragraphs]
        assert len(sizes) == PARAGRAPHS and min(sizes) >= 30 and max(sizes) <= 90
        assert 1 <= len(article.tags) <= 5 and "2016-01-01" <= article.day < "2026-01-01"


def test_articles_come_back_from_their_file_with_replacements(tmp_path, articles: list[Article]) -> None:
    path = tmp_path / "corpus.jsonl"
    assert write(path, articles) == (60, 60 * PARAGRAPHS)
    other = articles[3]._replace(title="Another one")
    assert list(read(path, {3: other})) == [*articles[:3], other, *articles[4:]]


def test_an_archive_is_read_as_articles(tmp_path) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    rows = [
        {"id": "a", "title": "A", "text": "One.\n\nTwo.", "tags": ["x"], "date": "2020-05"},
        {"id": "b", "title": "B", "text": "", "tags": [], "date": ""},
    ]
    with gzip.open(folder / "documents.jsonl.gz", "wt") as file:
        file.write("\n".join(map(json.dumps, rows)))
    first, second = archive(tmp_path, ["news"])
    assert (first.day, first.paragraphs, second.paragraphs) == ("2020-05-01", ["One.", "Two."], [])


def test_questions_are_seeded_and_survive_their_file(articles: list[Article]) -> None:
    asked = questions(Words(articles), each=3)
    assert asked == questions(Words(articles), each=3)
    assert asked == [Question.of(question.data()) for question in asked]
    assert {question.kind for question in asked} <= set(CLASSES)


def test_percentiles() -> None:
    values = [float(number) for number in range(1, 21)]
    assert (p50(values), p95(values), p95([7.0])) == (10.5, 19.0, 7.0)


def test_the_report_names_what_is_missing_and_can_be_written_again(tmp_path) -> None:
    results().save(tmp_path / "results.json")
    run.main(["--report", "--output", str(tmp_path)])
    text = (tmp_path / "results.md").read_text()
    assert "ImportError: not installed" in text and "no <such> thing" in text and "not measured" in text
    assert str(tmp_path) not in text


def test_the_plot_is_well_formed_and_has_a_mark_for_each_figure() -> None:
    drawn = ElementTree.fromstring(svg(results().corpora[0]))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}path")) == 2


def test_a_run_without_any_outcome_has_a_report(tmp_path) -> None:
    empty = results()
    empty.corpora = []
    report.write(empty, tmp_path)
    assert (tmp_path / "results.md").read_text().startswith("# Results")


def test_a_profile_says_which_module_takes_the_time(generator: Generator, tmp_path: Path) -> None:
    articles = list(generator.articles(40))
    peer = NewsIndex(tmp_path)
    peer.build(articles)
    peer.open()
    found = {one.name: one for one in profiling.searches(peer, questions(Words(articles), 2))}
    assert list(found) == [kind for kind in CLASSES if kind in found]
    rare = found["one term, very common"]
    assert rare.calls > 50 and rare.native > 50 and rare.milliseconds > 0
    shares = dict(rare.shares)
    assert "engines.whoosh.scoring" in shares
    assert 0.5 < sum(shares.values()) <= 1.0 + 1e-9
    assert profiling.table(found.values()).count("\n") == len(found) + 1


def test_what_is_typed_comes_from_the_texts() -> None:
    some = list(suggestions.articles(600))
    assert [one.number for one in some if not one.title.isascii()] == [0, 20, 40]
    typed = suggestions.typed(some, 4)
    assert typed == suggestions.typed(some, 4)
    assert {len(text) for text in typed["two letters"]} == {2}
    assert all(text[-1] == " " for text in typed["a word and a space"])
    said = "".join(text for one in some for text in (one.title, *one.paragraphs))
    assert all(text in said and not text.isascii() for text in typed["characters"])


def test_a_table_of_suggestions() -> None:
    times = {"engine": [1.0, 2.0, 9.0], "suggest": [2.0], "view": [3.0]}
    related = {"related articles": {"engine": [4.0], "function": [5.0]}, "more like a text": {"function": [6.0]}}
    one = {"suggestions": {"one letter": times}, "related": related, "load": 0.5, "machine": {"cores": 2, "cpu": "x"}}
    text = suggestions.report([{"paragraphs": 20_000, **one}, {"paragraphs": 200_000, **one}])
    assert "| one letter | 2.0 / 9.0 | 2.0 / 2.0 | 3.0 / 3.0 | 2.0 / 9.0 |" in text
    assert "| more like a text |  | 6.0 / 6.0 |  | 6.0 / 6.0 |" in text


def test_a_report_of_clusters() -> None:
    """Asked in turn; where one finds less than another, times are no answer."""
    pytest.importorskip("opensearchpy", reason="opensearch-py is not installed")
    cluster = importlib.import_module("benchmarks.cluster")
    times = {CLASSES[0]: [1.0, 2.0, 9.0]}
    found = {name: cluster.Measured(2.0, 3_000_000, times, [7, 8]) for name in ("embedded", "1 node")}
    cluster.agree(found)
    text = cluster.report(found, 100, 1_200, cluster._options(["--paragraphs", "1200"]))
    assert "| 1 node | 2.0 | 50 | 600 | 3.0 |" in text
    assert f"| {CLASSES[0]} | 2.0 / 9.0 | 2.0 / 9.0 |" in text and CLASSES[1] not in text
    found["1 node"].totals = [7, 9]
    cluster.agree({"embedded": found["embedded"]})
    with pytest.raises(RuntimeError, match="1 node and embedded differ in the totals of 1 questions"):
        cluster.agree({**found, "embedded": cluster.Measured(totals=[7, 8])})
