"""What searches over arrays rely on: best places without judging all, phrases from positions, words nearly so.

What a search means is tested for all engines by tests/contract.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsindex.analysis import edit_distance
from newsindex.deadline import Deadline
from newsindex.engines.base import EVERYTHING, Document, SearchPage, SearchRequest, versioned
from newsindex.engines.memory import MemoryEngine, View
from newsindex.engines.paging import microseconds, place
from newsindex.engines.whoosh import WhooshEngine, completion, ordering, phrases, runs, selection, snapshots
from newsindex.engines.whoosh.evaluation import Evaluation
from newsindex.engines.whoosh.ordering import Order
from newsindex.engines.whoosh.runs import Run, ranges
from newsindex.engines.whoosh.scoring import Question, at_most, exact
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.snapshots import Snapshot
from newsindex.engines.whoosh.vocabulary import bits_of, edit_distances, near, pairs_with
from newsindex.paragraphs import Paragraph
from newsindex.query.nodes import And, Everything, Fuzzy, Leaf, Node, Not, Or, Phrase, Prefix, Word, leaves
from newsindex.ranking import asked_length
from tests.conftest import build_empty
from tests.contract.asking import EVERYBODY, NOW, article, ask, day, request
from tests.whoosh_reference import write_reference

ARTICLES = 900
WORDS = ("the", "the", "the", "of", "of", "bridge", "bridges", "ferry", "harbour", "night", "kettle", "walrus")


def story(rng: random.Random, number: int) -> Document:
    """Few words, few lengths, few dates: many articles have the same score, and many of those the same date."""
    if rng.random() < 0.3:
        texts = ["the ferry of the harbour", "night of the walrus the the"][: rng.randrange(3)]
    else:
        texts = [" ".join(rng.choices(WORDS, k=rng.choice((3, 12, 40)))) for _ in range(rng.randrange(5))]
    return versioned(
        Document(
            key=f"news.story:{number}",
            title=rng.choice(("", "The ferry", "A bridge of the harbour")),
            paragraphs=tuple(Paragraph(n, f"p-{n}", "paragraph", text) for n, text in enumerate(texts, 1)),
            tags=rng.choice(((), ("Ferry",), ("Night", "night", "the"))),
            published_at=rng.choice((None, day(2026, 5, 1), day(2026, 5, 2), day(2027, 1, 1))),
            audiences=frozenset({rng.choice(("public", "public", "public", "members"))}),
            language=rng.choice(("en", "en", "de")),
            boost=rng.choice((1.0, 1.0, 1.0, 1e-3, 2.5, 1e9)),
        )
    )


def snapshot_of(path: Path, *segments: list[Document], deleted: list[list[int]] | None = None) -> Snapshot:
    """A snapshot of segments written directly. deleted: the numbers of deleted articles of each."""
    made = []
    for number, documents in enumerate(segments):
        name = path / f"{number:016x}.segment"
        write_reference(name, documents)
        made.append(Segment(name))
    gone = [np.array(numbers, np.uint32) for numbers in deleted] if deleted else [None] * len(made)
    return Snapshot(1, made, gone)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Many articles that tie, in four segments, with some deleted."""
    rng = random.Random(7)
    stories = [story(rng, number) for number in range(ARTICLES)]
    cuts = (0, 500, 820, 821, ARTICLES)
    segments = [stories[first:end] for first, end in zip(cuts, cuts[1:], strict=False)]
    return snapshot_of(
        tmp_path_factory.mktemp("segments"), *segments, deleted=[list(range(0, 500, 7)), [3], [], list(range(70))]
    )


def question(snapshot: Snapshot, tree: Node, audiences: frozenset[str], recency: timedelta | None) -> Question:
    view = snapshot.view(microseconds(NOW), audiences)
    evaluation = Evaluation(snapshot, view, NOW.tzinfo, Deadline(None))
    wanted = tuple(leaves(tree))
    return Question(evaluation, *evaluation.occurring(wanted), microseconds(NOW), recency, asked_length(wanted))


single = st.sampled_from(("the", "of", "bridge", "ferry", "harbour", "night", "kettle", "walrus", "unheard"))
leaf: st.SearchStrategy[Leaf] = st.one_of(
    st.builds(Word, single),
    st.builds(Word, single, st.just("title")),
    st.builds(Prefix, st.sampled_from(("t", "h", "bri", "k"))),
    st.builds(Fuzzy, st.sampled_from(("bridgs", "ferri", "harbor"))),
    st.builds(Phrase, st.sampled_from(("the ferry", "of the", "the the", "night of the walrus"))),
)
trees: st.SearchStrategy[Node] = st.lists(leaf, min_size=1, max_size=9).map(lambda found: Or(tuple(found)))
recencies = st.sampled_from((None, None, timedelta(days=30), timedelta(microseconds=1), timedelta.max))


@settings(max_examples=25, deadline=None)
@given(
    trees,
    st.sampled_from((EVERYBODY, EVERYTHING, frozenset({"public", "members"}))),
    recencies,
    st.sampled_from((0, 0, 3, 40, 300, 2000)),
    st.sampled_from((1, 10, 70)),
    st.booleans(),
    st.booleans(),
)
def test_the_page_is_that_of_judging_every_article(
    snapshot: Snapshot,
    tree: Node,
    who: frozenset[str],
    recency: timedelta | None,
    offset: int,
    limit: int,
    excluding: bool,
    hesitant: bool,
) -> None:
    """hesitant: with few articles judged at a time, so that much depends on when to stop."""
    asked = question(snapshot, tree, who, recency)
    matched = asked.evaluation.matching(And((tree, Not(Word("kettle")))) if excluding else Or((tree, Word("ferry"))))
    ordinals = np.flatnonzero(matched)
    scores = exact(asked, ordinals).articles
    most = at_most(asked)[ordinals]
    assert np.all(most >= scores - 1e-6)
    assert np.allclose(at_most(asked, ordinals), most, rtol=1e-5)
    ranked = sorted(
        (place("relevance", score, snapshot.document(ordinal).published_at, snapshot.key(ordinal)), ordinal)
        for ordinal, score in zip(ordinals.tolist(), scores.tolist(), strict=True)
    )
    with pytest.MonkeyPatch.context() as patch:
        if hesitant:
            patch.setattr(selection, "_FEW", 1)
            patch.setattr(selection, "_LAST", 2)
            patch.setattr(selection, "_first_size", lambda wanted, leaves: 1 + limit // 5)
        check_pages(asked, matched, ranked, request(tree, offset=offset, limit=limit, recency=recency))


def check_pages(asked: Question, matched: Any, ranked: list[tuple[Any, int]], first: SearchRequest) -> None:
    """Whether the page, and the one after it, has what stands in ``ranked``."""
    offset, limit = first.offset, first.limit
    found = selection.page(asked, matched, len(ranked), first)
    assert [hit.ordinal for hit in found.hits] == [ordinal for _, ordinal in ranked[offset : offset + limit]]
    assert [-hit.score for hit in found.hits] == [where[0] for where, _ in ranked[offset : offset + limit]]
    assert (found.next_cursor is None) == (offset + limit >= len(ranked) or not found.hits)
    if found.next_cursor:
        second = selection.page(asked, matched, len(ranked), replace(first, offset=0, cursor=found.next_cursor))
        expected = ranked[offset + limit : offset + 2 * limit]
        assert [hit.ordinal for hit in second.hits] == [ordinal for _, ordinal in expected]
        assert (second.next_cursor is None) == (offset + 2 * limit >= len(ranked))


def test_few_articles_are_judged_for_the_first_page(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the bounds would be worth nothing."""
    judged: list[int] = []
    monkeypatch.setattr(
        selection, "exact", lambda asked, ordinals: judged.append(len(ordinals)) or exact(asked, ordinals)
    )
    tree = Or((Word("the"), Word("ferry")))
    asked = question(snapshot, tree, EVERYTHING, None)
    matched = asked.evaluation.matching(tree)
    selection.page(asked, matched, int(np.count_nonzero(matched)), request(tree))
    assert sum(judged) < np.count_nonzero(matched) / 2


def test_a_view_is_remembered_until_something_comes_or_goes(tmp_path: Path) -> None:
    soon, later = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    snapshot = snapshot_of(
        tmp_path,
        [article(1, "Ferry"), article(2, "Ferry", published_at=soon), article(3, "Ferry", expires_at=later)],
        [article(4, "Ferry", audiences=frozenset({"members"}))],
    )

    def seen(hours: float, *audiences: str) -> list[bool]:
        at = microseconds(NOW + timedelta(hours=hours))
        assert snapshot.view(at, frozenset(audiences)) is snapshot.view(at + 1, frozenset(audiences))
        return snapshot.view(at, frozenset(audiences)).seen.tolist()

    assert seen(0, "public") == seen(0.5, "public") == [True, False, True, False]
    assert seen(1, "public") == seen(1.9, "public") == [True, True, True, False]
    assert seen(2, "public") == seen(99, "public") == [True, True, False, False]
    assert seen(0, "members") == [False, False, False, True]
    assert seen(0, "*") == [True, True, True, True]


def test_words_are_remembered_a_bounded_number_of_them(tmp_path: Path) -> None:
    said = [f"ferry{chr(97 + number // 26)}{chr(97 + number % 26)}x" for number in range(snapshots.WORDS + 5)]
    engine = WhooshEngine(path=tmp_path / "index")
    build_empty(engine)
    with engine.writer() as writer:
        writer.put(article(1, "Ferry", " ".join(said)))
    first = [ask(engine, word).hits for word in said]
    kept = engine._snapshot().runs
    assert all(first) and len(kept) == snapshots.WORDS
    assert Word(said[0]) not in kept and Word(said[-1]) in kept
    assert [ask(engine, word).hits for word in reversed(said)] == first[::-1]
    engine.close()


def test_a_deleted_article_is_not_found_and_its_successor_is(tmp_path: Path) -> None:
    old, new = article(1, "Old ferry"), article(1, "New ferry")
    snapshot = snapshot_of(tmp_path, [article(2), old], [new], deleted=[[1], []])
    assert snapshot.find(new.key) == 2
    assert snapshot.document(2) == new
    assert snapshot.place(2) == (snapshot.parts[1].segment, 0)
    assert snapshot.ordinals().tolist() == [0, 2]
    assert snapshot_of(tmp_path / "none").find(new.key) is None


# The order of hits


KEYS = [f"news.story:{number}" for number in range(300)] + [
    *(f"news.story:{'x' * number}" for number in range(1, 60)),
    *sorted({"a.b:" + "".join(random.Random(seed).choices("ab", k=20)) for seed in range(40)}),
    *(f"a.b:{char}{number}" for number in range(20) for char in "\x00é京\ud800\uffff\U0010ffff"),
    *("a.b:\x00", "a.b:\x00\x00", "a.b:\x00\x00\x00\x00\x00\x00\x00\x00"),
]


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Articles that only their keys tell apart."""
    documents = [Document(key=key, title="") for key in random.Random(3).sample(KEYS, len(KEYS))]
    return snapshot_of(tmp_path_factory.mktemp("tied"), documents[:100], documents[100:])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(KEYS) + 5), st.sampled_from(KEYS), st.booleans())
def test_what_ties_in_all_else_is_in_the_order_of_keys(tied: Snapshot, count: int, key: str, only_some: bool) -> None:
    order = Order.of(tied, np.flatnonzero(tied.live), "newest")
    keys = [tied.key(ordinal) for ordinal in range(len(KEYS))]
    among = np.arange(0, len(KEYS), 2) if only_some else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "_FEW_KEYS", 3)
        chosen = [keys[at] for at in order.first(count, among).tolist()]
        after = order.after((0.0, 1, 0, key))
    assert chosen == sorted(keys[::2] if only_some else keys)[:count]
    assert sorted(keys[at] for at in after.tolist()) == sorted(each for each in keys if each > key)


# Phrases


positions = st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True).map(sorted)
step = st.lists(st.dictionaries(st.integers(0, 9), positions, min_size=1), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(step, min_size=2, max_size=4) | st.lists(step, min_size=30, max_size=30),
    st.sampled_from((1, 60, 4_000_000)),
    st.booleans(),
)
def test_rows_are_those_of_looking_at_each_position(
    met: list[list[dict[int, list[int]]]], block: int, few: bool
) -> None:
    """few: with the way that is for few articles."""
    expected: dict[int, list[int]] = {}
    for number in range(10):
        at = [{position for run in runs for position in run.get(number, ())} for runs in met]
        starts = [start for start in sorted(at[0]) if all(start + n in own for n, own in enumerate(at))]
        if starts:
            expected[number] = starts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phrases, "_BLOCK", block)
        patch.setattr(phrases, "FEW_ARTICLES", 10 if few else 0)
        found = phrases.in_a_row(_TenArticles(), "title", [[run_of(each) for each in runs] for runs in met], _nothing)
    assert {
        int(run.articles[at]): run.positions_of(np.array([at]))[0].tolist() for run in found for at in range(len(run))
    } == expected
    assert [run.counts.tolist() for run in found] == ([[len(own) for own in expected.values()]] if expected else [])


class _TenArticles:
    """As much of a segment as a phrase in a title needs."""

    articles = 10


def _nothing() -> None:
    pass


def run_of(found: dict[int, list[int]]) -> Run:
    articles = sorted(found)
    counts = np.array([len(found[number]) for number in articles], np.uint8)
    every = np.array([position for number in articles for position in found[number]], np.uint16)
    return Run(np.array(articles, np.uint32), counts, None, every)


def test_no_block_takes_the_marks_of_another_for_its_own() -> None:
    marks = phrases._Marks(widest=4, steps=100)
    for _ in range(10):
        first = marks.numbers()
        assert first + 100 <= np.iinfo(marks.row.dtype).max
        assert not np.any((marks.row > first) & (marks.row <= first + 100))
        marks.row[:] = first + np.arange(len(marks.row)) % 100 + 1


def test_a_phrase_of_more_words_than_a_byte_counts(tmp_path: Path) -> None:
    text = " ".join(f"word{number}" for number in range(300))
    snapshot = snapshot_of(tmp_path, [article(1, "", f"{text}\n{text} {text}"), article(2, "", text.replace("7", "x"))])
    asked = question(snapshot, Phrase(text), EVERYBODY, None)
    assert [run.counts.tolist() for run in asked.leaves[0].runs[0]["text"]] == [[3]]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5))))
def test_ranges_are_put_together(wanted: list[tuple[int, int]]) -> None:
    begins, sizes = (np.array([each[at] for each in wanted], np.intp) for at in (0, 1))
    assert ranges(begins, sizes, int(sizes.sum())).tolist() == [
        begin + n for begin, size in wanted for n in range(size)
    ]


# Words nearly so


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.text("abcß京", max_size=7), min_size=1, max_size=6),
    st.text("abcß京", max_size=6),
    st.integers(0, 3),
)
def test_distances_over_arrays_are_those_of_analysis(words: list[str], word: str, limit: int) -> None:
    sizes = np.array([len(each) for each in words], np.intp)
    letters = np.full((int(sizes.max()), len(words)), 0xFFFFFFFF, np.uint32)
    for column, each in enumerate(words):
        letters[: len(each), column] = [ord(char) for char in each]
    expected = [edit_distance(each, word, limit) for each in words]
    assert edit_distances(letters, sizes, word, limit).tolist() == expected


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_bits_are_counted(numbers: list[int]) -> None:
    assert bits_of(np.array(numbers, np.uint32)).tolist() == [bin(number).count("1") for number in numbers]


VOCABULARY = sorted(
    {"".join(random.Random(seed).choices("abcdeé京ß", k=random.Random(seed).randrange(1, 12))) for seed in range(1500)}
    | {"bridge", "brigde", "bride", "fridge", "cartridge", "ab", "a"}
)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    text = " ".join(VOCABULARY)
    return snapshot_of(tmp_path_factory.mktemp("words"), [article(1, "", text, language="")]).parts[0].segment


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(VOCABULARY) | st.text("abcdeé京ß", min_size=1, max_size=11), st.integers(1, 2))
def test_near_words_are_those_of_analysis(vocabulary: Segment, word: str, edits: int) -> None:
    forms = [vocabulary.forms[number] for number in range(len(vocabulary.forms))]
    words = {form[1:].split(b"\0")[0].decode(): form[:1] for form in forms}
    expected = {
        each: distance
        for each, kind in words.items()
        if kind == b"w" and (distance := edit_distance(each, word, edits)) <= edits
    }
    found = zip(*(array.tolist() for array in near(vocabulary, word, edits)), strict=True)
    assert {forms[form][1:].split(b"\0")[0].decode(): distance for form, distance in found} == expected


# Completions and corrections stop early, and offer the same all the same


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MemoryEngine, WhooshEngine]]:
    """Both engines with a few hundred articles of words that begin alike."""
    rng = random.Random(11)
    syllables = ("ba", "ke", "ri", "to", "st", "an")
    words = sorted({"".join(rng.choices(syllables, k=rng.randrange(1, 5))) for _ in range(900)})
    documents = [
        article(
            number,
            " ".join(rng.choices(words, k=3)).capitalize() if number % 3 else "",
            " ".join(rng.choices(words[: rng.choice((10, 200, 900))], k=12)),
            tags=tuple(rng.choices(words, k=2)),
            published_at=rng.choice((None, NOW, day(2026, 1, rng.randrange(1, 29)))),
            language=rng.choice(("en", "fr")),
        )
        for number in range(400)
    ]
    memory, whoosh = MemoryEngine(), WhooshEngine(path=tmp_path_factory.mktemp("both") / "index")
    build_empty(whoosh)
    for engine in (memory, whoosh):
        for first in range(0, 400, 150):
            with engine.writer() as writer:
                for document in documents[first : first + 150]:
                    writer.put(document)
    yield memory, whoosh
    whoosh.close()


@pytest.mark.parametrize(
    "typed", ["b", "ba", "bake", "bakeri", "st", "stan", "an to", "ba ba", "ban ba", "zz", "rito t"]
)
@pytest.mark.parametrize("limit", [1, 8, 50])
@pytest.mark.parametrize("begin_with", [1, 64])
def test_completions_are_those_of_looking_at_all(
    both: tuple[MemoryEngine, WhooshEngine], typed: str, limit: int, begin_with: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "_FIRST", begin_with)
    expected, found = (engine.suggest(typed, now=NOW, audiences=EVERYBODY, limit=limit) for engine in both)
    assert found == expected


@pytest.mark.parametrize("prefix", ["b", "ba", "kerito", "st", "s", "zz", ""])
@pytest.mark.parametrize("enough", [1, 3, 20])
@pytest.mark.parametrize("begin_with", [1, 8, 64])
def test_the_most_frequent_words_are_among_those_offered(
    both: tuple[MemoryEngine, WhooshEngine], prefix: str, enough: int, begin_with: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "_FIRST", begin_with)
    memory, whoosh = both
    counts = View(memory._live, NOW, EVERYBODY, frozenset()).words().items()
    expected = sorted((-count, word) for word, count in counts if word.startswith(prefix))[:enough]
    evaluation = whoosh._evaluation(NOW, EVERYBODY, frozenset(), None)
    offered = sorted((-count, word) for word, count in completion.words(evaluation, prefix, enough))
    assert offered[:enough] == expected


@pytest.mark.parametrize("wrong", ["bakx", "bakeriix", "stann", "toox", "kebarit", "xxxxxx"])
def test_corrections_are_those_of_looking_at_all(both: tuple[MemoryEngine, WhooshEngine], wrong: str) -> None:
    expected, found = (ask(engine, wrong).suggestion for engine in both)
    assert found == expected


@pytest.mark.parametrize("query", ["ba", "to st", "bake", Prefix("b"), Prefix("bak"), Fuzzy("bakeri"), Everything()])
def test_answers_are_those_of_looking_at_all(both: tuple[MemoryEngine, WhooshEngine], query: Any) -> None:
    def answer(engine: Any, **more: Any) -> tuple[Any, ...]:
        page: SearchPage = ask(engine, query, limit=7, facets=("tag",), timeline=True, match="any", **more)
        return [hit.key for hit in page.hits], page.total, page.facets, page.timeline

    memory, whoosh = both
    for more in ({}, {"offset": 200}, {"sort": "newest"}, {"sort": "oldest", "offset": 30}):
        assert answer(whoosh, **more) == answer(memory, **more)


@pytest.mark.parametrize("phrase", [Phrase("storm market"), Phrase("storm market", slop=1)])
@pytest.mark.parametrize("few", [0, 1_000])
def test_a_form_that_stands_nowhere_where_the_rest_of_a_phrase_does(
    tmp_path: Path, phrase: Phrase, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stem has two forms here, and one of them has postings in other articles only."""
    monkeypatch.setattr(runs, "_SHORT", 0)
    monkeypatch.setattr(phrases, "FEW_ARTICLES", few)
    engine = WhooshEngine(path=tmp_path)
    build_empty(engine)
    with engine.writer() as writer:
        for number, text in enumerate(["storm market", *["markets"] * 5, "storm market"]):
            writer.put(versioned(article(number, "", text)))
    assert ask(engine, phrase).total == 2


@pytest.mark.parametrize("latest", [4, 16, 4_096])
def test_the_newest_are_those_of_putting_all_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, latest: int
) -> None:
    monkeypatch.setattr(completion, "_LATEST", latest)
    days = [day(2026, 1, 1 + number % 28) if number % 5 else None for number in range(200)]
    stories = [article(f"{number * 193 % 200:03}", published_at=each) for number, each in enumerate(days)]
    dated = snapshot_of(tmp_path, stories[:60], stories[60:])
    evaluation = Evaluation(dated, dated.view(microseconds(NOW), EVERYTHING), None, Deadline(None))
    chance = np.random.default_rng(3)
    for share in (0.02, 0.2, 1.0):
        group = chance.random(dated.articles) < share
        for most in (1, 3, 24):
            order = Order.of(dated, np.flatnonzero(group), "newest")
            assert completion._first(evaluation, group, most) == order.ordinals[order.first(most)].tolist()


def test_pairs_are_found_by_either_character(tmp_path: Path) -> None:
    engine = WhooshEngine(path=tmp_path)
    build_empty(engine)
    text = "図書館と書店、か\u3099き、한글, 書、เก็บน้ำ、\U00020000\u4e00 e\u0301clair"
    with engine.writer() as writer:
        writer.put(replace(article(1, "", text), language="ja"))
    (part,) = engine._snapshot().parts
    segment = part.segment
    first, end = segment.forms_with(b"p")
    for char in "図書館と店かき한글กบน็\U00020000\u4e00a":
        expected = [form for form in range(first, end) if char.encode() in segment.forms[form]]
        assert pairs_with(segment, char).tolist() == expected
    assert len(pairs_with(segment, "書")) > 2
