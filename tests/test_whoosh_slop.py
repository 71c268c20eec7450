"""Phrases with slop over arrays: blocks of articles, texts that end, and what Whoosh's own phrases with slop find."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whoosh import query
from whoosh.searching import Searcher

from newsindex.analysis import tokens
from newsindex.deadline import Deadline, OutOfTime
from newsindex.engines.base import Document
from newsindex.engines.whoosh import slop
from newsindex.engines.whoosh.layout import stem_key
from newsindex.engines.whoosh.paragraph_search import paragraphs_matching
from newsindex.engines.whoosh.runs import Run
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.snapshots import Snapshot
from newsindex.engines.whoosh.stock import stock_reader
from newsindex.matching import occurrences, slots
from newsindex.paragraphs import Paragraph
from newsindex.query.nodes import And, Not, Phrase, Word
from tests.whoosh_reference import write_reference

WORDS = ("the", "the", "of", "market", "markets", "ferry", "e-mail", "mail", "Café", "東京都", "x")


class TenArticles:
    """As much of a segment as a phrase in a title needs."""

    articles = 10


def run_of(found: dict[int, list[int]]) -> Run:
    articles = sorted(found)
    counts = np.array([len(found[number]) for number in articles], np.uint8)
    every = np.array([position for number in articles for position in found[number]], np.uint16)
    return Run(np.array(articles, np.uint32), counts, None, every)


def nothing() -> None:
    pass


positions = st.lists(st.integers(0, 30), min_size=1, max_size=9, unique=True).map(sorted)
runs = st.lists(st.dictionaries(st.integers(0, 9), positions, min_size=1), min_size=1, max_size=3)


def stretches(at: list[set[int]], same: list[int], much: int) -> list[int]:
    """Where each match begins among the positions of one article, by looking at each end in turn."""
    found: list[int] = []
    latest = -100
    for end in sorted({position - step for step, own in enumerate(at) for position in own}):
        chosen: list[int] = [0] * len(at)
        for step in reversed(range(len(at))):
            taken = {chosen[later] for later in range(step + 1, len(at)) if same[later] == same[step]}
            chosen[step] = max((p for p in at[step] if p <= end + step and p < min(taken, default=99)), default=-100)
        begin = min(position - step for step, position in enumerate(chosen))
        if min(chosen) >= 0 and begin > latest:
            latest = begin
            if end - begin <= much:
                found.append(min(chosen))
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.lists(runs, min_size=2, max_size=4), st.data(), st.sampled_from((1, 2, 5, 50)), st.sampled_from((1, 20, 9999))
)
def test_what_is_near_is_that_of_looking_at_each_position(
    each: list[list[dict[int, list[int]]]], data: st.DataObject, much: int, block: int
) -> None:
    same = data.draw(st.lists(st.integers(0, len(each) - 1), min_size=2, max_size=5))
    met = [each[number] for number in same]
    expected: dict[int, list[int]] = {}
    for article in range(10):
        at = [{position for own in forms for position in own.get(article, ())} for forms in met]
        if starts := stretches(at, same, much):
            expected[article] = starts
    following = tuple(next((m for m in range(n + 1, len(same)) if same[m] == same[n]), None) for n in range(len(same)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slop, "_BLOCK", block)
        found = slop.near(
            TenArticles(),  # type: ignore[arg-type]
            "title",
            [[run_of(own) for own in forms] for forms in met],
            following,
            much,
            nothing,
        )
    assert {
        int(run.articles[at]): run.positions_of(np.array([at]))[0].tolist() for run in found for at in range(len(run))
    } == expected
    assert [run.counts.tolist() for run in found] == ([[len(own) for own in expected.values()]] if expected else [])


def test_a_phrase_with_slop_stops_when_the_time_is_up() -> None:
    met = [[run_of({1: [1, 2]})], [run_of({1: [2, 3]})]]
    with pytest.raises(OutOfTime):
        slop.near(TenArticles(), "title", met, (None, None), 1, Deadline(-1).check)  # type: ignore[arg-type]


def random_document(chance: random.Random, number: int, languages: tuple[str, ...]) -> Document:
    def text(most: int) -> str:
        return " ".join(chance.choices(WORDS, k=chance.randrange(most)))

    return Document(
        key=f"t.a:{number}",
        title=text(5),
        paragraphs=tuple(Paragraph(n, f"p{n}", "paragraph", text(12)) for n in range(1, chance.randrange(1, 7))),
        tags=tuple(text(4) for _ in range(chance.randrange(5))),
        language=chance.choice(languages),
    )


def segment_of(path: Path, seed: int, *languages: str) -> tuple[Segment, list[Document]]:
    chance = random.Random(seed)
    documents = [random_document(chance, number, languages or ("en", "fr")) for number in range(60)]
    write_reference(path / "a.segment", documents)
    return Segment(path / "a.segment"), documents


def test_tags_begin_where_they_were_put(tmp_path: Path) -> None:
    segment, documents = segment_of(tmp_path, 4)
    at, starts = segment.tag_starts
    for number, document in enumerate(documents):
        expected, position = [], 0
        for tag in document.tags:
            size = len({token.position for token in tokens(tag, "")})
            expected += [position] * bool(size)
            position += size + 1
        assert starts[at[number] : at[number + 1]].tolist() == expected


def test_an_index_without_tags_has_none_that_begin(tmp_path: Path) -> None:
    write_reference(tmp_path / "a.segment", [Document(key="t.a:1", title="Ferry")])
    at, starts = Segment(tmp_path / "a.segment").tag_starts
    assert at.tolist() == [0, 0] and starts.tolist() == []


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(st.lists(st.sampled_from(WORDS), min_size=2, max_size=4).map(" ".join), min_size=1, max_size=8),
    st.sampled_from((1, 2, 3, 7, 50)),
)
def test_paragraphs_that_match_are_those_of_matching(
    tmp_path_factory: pytest.TempPathFactory, seed: int, asked: list[str], much: int
) -> None:
    segment, documents = segment_of(tmp_path_factory.mktemp("slop"), seed)
    snapshot = Snapshot(1, [segment], [None])
    every = [(paragraph.text, document.language) for document in documents for paragraph in document.paragraphs]
    for text in asked:
        leaf = Phrase(text, slop=much)
        expected = [
            number
            for number, (own, language) in enumerate(every)
            if occurrences(slots(leaf, language), tokens(own, language), much)
        ]
        assert paragraphs_matching(snapshot, leaf)[0].tolist() == expected
        without = paragraphs_matching(snapshot, And((Word("the"), Not(leaf))))[0].tolist()
        assert not set(without) & set(expected)


@pytest.mark.parametrize("much", [1, 2, 4])
def test_of_two_words_it_finds_what_stock_whoosh_finds(tmp_path: Path, much: int) -> None:
    """Whoosh counts the steps from one word to the next, and its phrases are in order: that is the same for two words,
    but for those in the other order, which take two steps more."""
    segment, documents = segment_of(tmp_path, much, "en")
    snapshot = Snapshot(1, [segment], [None])
    numbers: list[int | None] = []
    for document in documents:
        paragraphs = sum(number is not None for number in numbers)
        numbers += [None, *range(paragraphs, paragraphs + len(document.paragraphs))]
    with Searcher(stock_reader(snapshot)) as searcher:
        for first, second in (("the", "market"), ("markets", "of"), ("ferry", "cafe"), ("x", "the")):
            found, scores = paragraphs_matching(snapshot, Phrase(f"{first} {second}", slop=much))
            terms = [stem_key(slots(Word(word), "en")[0].terms[0], "en").decode() for word in (first, second)]  # type: ignore[union-attr]
            wanted = query.Phrase("text", terms, slop=much + 1)
            if much > 1:
                wanted = query.Or([wanted, query.Phrase("text", terms[::-1], slop=much - 1)])
            stock = {numbers[hit.docnum]: hit.score for hit in searcher.search(wanted, limit=None)}
            assert set(found.tolist()) == set(stock) and stock
            if much == 1:
                assert stock == pytest.approx(dict(zip(found.tolist(), scores.tolist(), strict=True)), rel=1e-6)
