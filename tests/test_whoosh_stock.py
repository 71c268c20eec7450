"""Whoosh's reader over our segments: what a developer sees who searches an index from a shell with Whoosh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from whoosh import query
from whoosh.filedb.filestore import RamStorage
from whoosh.index import FileIndex
from whoosh.matching import ReadTooFar
from whoosh.query import spans
from whoosh.searching import Searcher

from newsindex.engines.base import Document
from newsindex.engines.whoosh.paragraph_search import WHOOSH, Formula, paragraphs_matching
from newsindex.engines.whoosh.schema import SCHEMA
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.snapshots import Snapshot
from newsindex.engines.whoosh.stock import ArrayCodec, ArraySegment, stock_reader
from newsindex.exceptions import ContractError, EngineError
from newsindex.paragraphs import Paragraph
from newsindex.query.nodes import And, Everything, Keyword, Not, Or, Phrase, Prefix, Published, Word
from tests.whoosh_reference import write_reference


def article(key: str, title: str = "", *texts: str, **fields: Any) -> Document:
    fields.setdefault("language", "en")
    paragraphs = tuple(Paragraph(number, f"p{number}", "paragraph", text) for number, text in enumerate(texts, 1))
    return Document(key=key, title=title, paragraphs=paragraphs, **fields)


def snapshot(path: Path, *segments: list[Document], deleted: tuple[list[int], ...] = ()) -> Snapshot:
    opened = []
    path.mkdir(exist_ok=True)
    for number, documents in enumerate(segments):
        write_reference(path / f"{number}.segment", documents)
        opened.append(Segment(path / f"{number}.segment"))
    gone = [*deleted, *[[]] * (len(segments) - len(deleted))]
    return Snapshot(1, opened, [np.array(own, np.uint32) if own else None for own in gone])


BRIDGES = article(
    "news.story:1",
    "The old bridge",
    "A bridge was built.",
    "Bridges were burnt, bridge by bridge.",
    tags=("Old Town", "bridge"),
)
FERRY = article("news.story:2", "The ferry", "No bridge, no ferry.", "Running water runs", "", summary="A ferry ran")
TOKYO = article("news.story:3", "東京", "東京都は bridge を", language="ja")


@pytest.fixture
def searcher(tmp_path: Path) -> Searcher:
    return Searcher(stock_reader(snapshot(tmp_path, [BRIDGES, FERRY], [TOKYO])))


def found(searcher: Searcher, wanted: query.Query) -> list[str]:
    """The texts of the paragraphs and the keys of the articles that are found, in the order of the index."""
    hits = searcher.search(wanted, limit=None)
    stored = [searcher.stored_fields(number) for number in sorted(hit.docnum for hit in hits)]
    return [fields["key"] if "key" in fields else fields["text"] for fields in stored]


def test_stems_words_and_phrases_find_paragraphs(searcher: Searcher) -> None:
    assert found(searcher, query.Term("text", "en:bridg")) == [
        "A bridge was built.", "Bridges were burnt, bridge by bridge.", "No bridge, no ferry.",
    ]  # fmt: skip
    assert found(searcher, query.Term("text_words", "bridges")) == ["Bridges were burnt, bridge by bridge."]
    assert found(searcher, query.Phrase("text", ["en:bridg", "en:by", "en:bridg"])) == [
        "Bridges were burnt, bridge by bridge."
    ]
    assert found(searcher, query.Phrase("text_words", ["no", "ferry"])) == ["No bridge, no ferry."]
    assert found(searcher, query.Term("text_words", "p東京".encode())) == ["東京都は bridge を"]
    assert found(searcher, query.Prefix("text_words", "run")) == ["Running water runs"]
    assert found(searcher, query.Wildcard("text_words", "b?i*t")) == ["A bridge was built."]
    assert found(searcher, query.Regex("text_words", "^w[ae]+r?e?$")) == ["Bridges were burnt, bridge by bridge."]
    assert found(searcher, query.FuzzyTerm("text_words", "wter", maxdist=1, prefixlength=0)) == ["Running water runs"]
    assert found(searcher, query.Term("text", "en:nothing")) == []
    assert found(searcher, query.Term("text", "nothing")) == []
    assert found(searcher, query.Term("text_words", "\ud800")) == []
    assert found(searcher, query.Term("text_words", b"\xff\0")) == []


def test_spans_ranges_and_exclusions_find_paragraphs(searcher: Searcher) -> None:
    bridge = query.Term("text", "en:bridg")
    assert found(searcher, spans.SpanFirst(bridge)) == ["Bridges were burnt, bridge by bridge."]
    near = spans.SpanNear(bridge, query.Term("text_words", "ferry"), slop=2)
    assert found(searcher, near) == ["No bridge, no ferry."]
    assert found(searcher, query.TermRange("text_words", "wa", "wb")) == ["A bridge was built.", "Running water runs"]
    assert found(searcher, query.And([bridge, query.Not(query.Term("text_words", "ferry"))])) == [
        "A bridge was built.", "Bridges were burnt, bridge by bridge.",
    ]  # fmt: skip


def test_titles_summaries_and_tags_find_articles(searcher: Searcher) -> None:
    assert found(searcher, query.Term("title", "en:ferri")) == ["news.story:2"]
    assert found(searcher, query.Term("title_words", "p東京".encode())) == ["news.story:3"]
    assert found(searcher, query.Term("summary_words", "ran")) == ["news.story:2"]
    assert found(searcher, query.Phrase("tags_words", ["old", "town"])) == ["news.story:1"]
    assert found(searcher, query.Phrase("tags_words", ["town", "bridge"])) == []
    assert len(found(searcher, query.Every())) == 9


def test_documents_say_what_is_stored_of_them(searcher: Searcher) -> None:
    head, first = searcher.stored_fields(0), searcher.stored_fields(1)
    assert head["key"] == "news.story:1"
    assert head["record"].title == "The old bridge"
    assert first == {"number": 1, "anchor": "p1", "kind": "paragraph", "text": "A bridge was built."}
    assert [fields.get("number") for fields in searcher.all_stored_fields()] == [None, 1, 2, None, 1, 2, 3, None, 1]
    assert searcher.reader().doc_field_length(0, "title") == 3
    assert searcher.reader().doc_field_length(0, "text") == 0
    assert searcher.reader().doc_field_length(2, "text_words", 1) == 6
    assert searcher.reader().doc_field_length(6, "text", 1) == 1
    assert searcher.reader().max_field_length("text") == 6
    assert searcher.reader().min_field_length("text") == 0
    assert searcher.reader().field_length("nothing") == 0


def test_the_terms_of_a_field_come_in_order(searcher: Searcher) -> None:
    reader = searcher.reader()
    assert list(reader.field_terms("title")) == [":東京", "en:bridg", "en:ferri", "en:old", "en:the"]
    assert list(reader.lexicon("title_words")) == [
        term.encode() for term in ("p東京", "wbridge", "wferry", "wold", "wthe")
    ]
    assert list(reader.expand_prefix("text_words", "br")) == [b"wbridge", b"wbridges"]
    assert sorted(reader.indexed_field_names()) == sorted(name for name in SCHEMA.names() if SCHEMA[name].format)
    terms = list(reader.all_terms())
    assert terms == sorted(set(terms))
    assert ("text", "en:bridg") in reader
    assert ("text", "en:ran") not in reader
    assert ("key", "news.story:1") not in reader
    info = reader.term_info("text", "en:bridg")
    assert (info.weight(), info.doc_frequency(), info.max_weight()) == (5.0, 3, 3.0)
    assert (info.min_length(), info.max_length()) == (4, 6)
    assert (info.min_id(), info.max_id()) == (1, 4)
    assert reader.most_frequent_terms("title_words", 1) == [(2.0, b"wthe")]


def test_a_cursor_goes_through_the_words(searcher: Searcher) -> None:
    cursor = searcher.leaf_searchers()[1][0].reader().cursor("text_words")
    assert cursor.text() == cursor.term() == "bridge"
    assert cursor.term_info().doc_frequency() == 1
    assert cursor.find("bridge\0") is None
    assert (cursor.next(), cursor.is_valid(), cursor.term_info()) == (None, False, None)
    assert cursor.first() == "bridge"


def test_deleted_articles_are_not_found(tmp_path: Path) -> None:
    reader = stock_reader(snapshot(tmp_path, [BRIDGES, FERRY], [TOKYO], deleted=([0],)))
    searcher = Searcher(reader)
    assert found(searcher, query.Term("text_words", "bridge")) == ["No bridge, no ferry.", "東京都は bridge を"]
    assert found(searcher, query.Term("title", "en:old")) == []
    assert len(found(searcher, query.Every())) == 6
    assert (reader.doc_count_all(), reader.doc_count(), reader.has_deletions()) == (9, 6, True)
    assert [reader.is_deleted(number) for number in range(4)] == [True, True, True, False]
    # As in an index that Whoosh wrote, statistics wait for the merge.
    assert reader.doc_frequency("text_words", "bridge") == 4


def test_the_best_few_are_the_first_of_all(tmp_path: Path) -> None:
    documents = [
        article(f"t.a:{at}", "", "bridge " * (at * 7 % 10 + 1), "ferry " * (at % 9) + "bridge") for at in range(60)
    ]
    searcher = Searcher(stock_reader(snapshot(tmp_path, documents[:40], documents[40:])))
    for wanted in (
        query.Term("text", "en:bridg"),
        query.Or([query.Term("text", "en:bridg"), query.Term("text", "en:ferri")]),
        query.And([query.Term("text", "en:bridg"), query.Term("text", "en:ferri")]),
    ):
        scores = [score for score, _ in searcher.search(wanted, limit=None).top_n]
        assert [score for score, _ in searcher.search(wanted, limit=7).top_n] == pytest.approx(scores[:7])


def test_a_matcher_goes_on_and_leaps(tmp_path: Path) -> None:
    documents = [article(f"t.a:{at}", "", "bridge " * (at + 1)) for at in range(5)]
    searcher = Searcher(stock_reader(snapshot(tmp_path, documents)))
    matcher = query.Term("text", "en:bridg").matcher(searcher.leaf_searchers()[0][0])
    assert list(matcher.copy().all_ids()) == [1, 3, 5, 7, 9]
    matcher.skip_to(4)
    assert (matcher.id(), matcher.weight(), matcher.value_as("frequency")) == (5, 3.0, 3)
    assert matcher.value_as("positions") == [0, 1, 2]
    assert matcher.value_as("weight") == 3.0
    matcher.skip_to(2)
    assert matcher.id() == 5
    assert [span.start for span in matcher.spans()] == [0, 1, 2]
    assert matcher.block_quality() == matcher.max_quality()
    assert (matcher.block_min_length(), matcher.block_max_length(), matcher.block_max_weight()) == (1, 5, 5.0)
    assert matcher.skip_to_quality(0) == 0
    assert matcher.id() == 5
    assert matcher.next() is False
    assert matcher.skip_to_quality(1e9) == 1
    assert not matcher.is_active()
    for call in (matcher.next, lambda: matcher.skip_to(1)):
        with pytest.raises(ReadTooFar):
            call()
    matcher.reset()
    assert matcher.id() == 1


def test_an_index_without_articles_has_nothing(tmp_path: Path) -> None:
    for empty in (snapshot(tmp_path), snapshot(tmp_path, [])):
        searcher = Searcher(stock_reader(empty))
        assert found(searcher, query.Term("text", "en:bridg")) == []
        assert found(searcher, query.Every()) == []
        assert list(searcher.lexicon("text")) == []
        numbers, scores = paragraphs_matching(empty, Or((Word("bridge"), Phrase("a b"), Not(Prefix("b")))))
        assert (numbers.tolist(), scores.tolist()) == ([], [])


def test_whoosh_does_not_write(tmp_path: Path) -> None:
    segment = ArraySegment(snapshot(tmp_path, [BRIDGES]).parts[0].segment, np.zeros(1, bool))
    with pytest.raises(EngineError, match="WhooshEngine.writer"):
        segment.delete_document(0)
    index = RamStorage().create_index(SCHEMA)
    assert isinstance(index, FileIndex)
    with pytest.raises(EngineError, match="Whoosh can read this index, not write it"):
        index.writer(codec=ArrayCodec())
    for refused in ("per_document_writer", "field_writer", "postings_writer", "postings_reader", "new_segment"):
        with pytest.raises(EngineError):
            getattr(ArrayCodec(), refused)(None, None, None)


# Paragraphs by our own arithmetic


def test_paragraphs_are_scored_by_hand(tmp_path: Path) -> None:
    index = snapshot(
        tmp_path, [article("t.a:1", "x", "bridge ferry", "bridge bridge bridge"), article("t.a:2", "bridge")]
    )
    flat = Formula(k1=1.0, b=0.0, idf=lambda having, documents: documents / (having + 0.0), absent=0.5)
    numbers, scores = paragraphs_matching(index, Word("bridges"), flat)
    # Four documents, of which two paragraphs have the stem: 4 / 2 * 2 tf / (tf + 1).
    assert numbers.tolist() == [0, 1]
    assert scores.tolist() == [2.0, 3.0]
    numbers, scores = paragraphs_matching(index, And((Word("bridge"), Not(Word("ferry")))), flat)
    assert (numbers.tolist(), scores.tolist()) == ([1], [3.5])
    numbers, scores = paragraphs_matching(index, Word("ferry"), WHOOSH)
    # idf = ln(4 / 2) + 1; five words in four documents: 1.25 words each, two in this one.
    assert scores.tolist() == pytest.approx([(np.log(2) + 1) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 1.25))])


def test_no_phrase_goes_from_one_text_into_the_next(tmp_path: Path) -> None:
    first = [article("t.a:1", "", "old bridge", "ferry old", ""), article("t.a:2", "", "", "bridge"), article("t.a:3")]
    index = snapshot(tmp_path, first, [article("t.a:4", "", "ferry old")])
    assert paragraphs_matching(index, Phrase("bridge ferry"))[0].tolist() == []
    assert paragraphs_matching(index, Phrase("old bridge"))[0].tolist() == [0]
    assert paragraphs_matching(index, Phrase("ferry old"))[0].tolist() == [1, 5]
    # Whole texts are not pushed together where nothing stands between them, either.
    several = snapshot(tmp_path / "b", [article("t.a:1", "", "old"), article("t.a:2", "", "bridge")])
    assert paragraphs_matching(several, Phrase("old bridge"))[0].tolist() == []


def test_paragraphs_of_deleted_articles_are_left_out(tmp_path: Path) -> None:
    index = snapshot(tmp_path, [BRIDGES, FERRY], [TOKYO], deleted=([1],))
    assert paragraphs_matching(index, Word("bridge"))[0].tolist() == [0, 1, 5]
    assert paragraphs_matching(index, Not(Word("burnt")))[0].tolist() == [0, 5]


@pytest.mark.parametrize(
    "node",
    [Everything(), Keyword("tag", "x"), Published(), Word("x", "title"), And((Word("x"), Keyword("tag", "x")))],
)
def test_what_is_said_of_articles_matches_no_paragraph(tmp_path: Path, node: Any) -> None:
    with pytest.raises(ContractError):
        paragraphs_matching(snapshot(tmp_path, [BRIDGES]), node)
