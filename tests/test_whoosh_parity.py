"""Whoosh itself finds in an index what our arrays say is there: the same paragraphs, the same totals, the same scores.

Three answers are compared, over random documents, segmentations, deletions, updates and merges, and random queries:

- ``paragraphs_matching``, vectorised over the arrays;
- Whoosh's own searcher, reading the same files through ``stock_reader``;
- Whoosh's own searcher over an index that Whoosh's own writer wrote, from the tokens of the texts.

Left out, because stock Whoosh gives no one answer there:

- prefixes and fuzzy words with a constant score, Whoosh's default: whether they have it depends on the number of
  documents and of words in each segment, so ``constantscore=False`` is asked for;
- fuzzy words that are a swap of two letters away: one edit for us, two for Whoosh;
- a Not that is not beside something wanted: Whoosh counts heads, and at times a deleted document, among its matches;
- a limit: Whoosh's short cut to the best few misses some of them where a union is inside another, on its own index too.

A few examples each time; the environment variable NEWSINDEX_PARITY says how many instead.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from whoosh import fields, query
from whoosh.filedb.filestore import RamStorage
from whoosh.scoring import BM25F
from whoosh.searching import Searcher
from whoosh.util.numeric import byte_to_length, length_to_byte

from newsindex.analysis import length, stemming_language, tokens
from newsindex.engines.base import Document, Writer
from newsindex.engines.whoosh.engine import WhooshEngine
from newsindex.engines.whoosh.layout import stem_key, word_prefix
from newsindex.engines.whoosh.merging import merge
from newsindex.engines.whoosh.paragraph_search import paragraphs_matching
from newsindex.engines.whoosh.schema import SCHEMA, Positions
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.snapshots import Snapshot
from newsindex.engines.whoosh.stock import stock_reader
from newsindex.matching import Contains, Near, Slot, Starts, Terms, slots
from newsindex.paragraphs import Paragraph
from newsindex.query.nodes import And, Fuzzy, Leaf, Node, Not, Or, Phrase, Prefix, Word
from tests.whoosh_reference import write_reference

EXAMPLES = int(os.environ.get("NEWSINDEX_PARITY", "8"))
QUERIES = 15

WORDS = (
    *["the"] * 4, *["of"] * 3, *["a"] * 2, "and", "in", "run", "runs", "running", "market", "markets", "marketing",
    "marked", "election", "elections", "elected", "café", "cafe", "café's", "élève", "élèves", "eleve", "nation",
    "national", "nationally", "e-mail", "cat-s", "well-known", "U.S.", "2.7.1", "l'école", "don't", "straße", "strasse",
    "東京都", "京都", "ไทย",
)  # fmt: skip
PHRASES = (
    "the market", "of the", "the the", "market of the", "cafe the", "e-mail", "東京都", "élève the", "cat-s", "run and",
)  # fmt: skip
PREFIXES = ("mark", "nation", "e", "caf", "u.s", "zebra", "東京", "2.7")
FUZZY = ("markets", "marketin", "nationaly", "elektion", "cofe", "runing", "stresse", "xyzzyx", "of")
SINGLES = ("京", "ท")
LANGUAGES = ("en", "en", "fr", "", "pt-BR")


# Random indexes


@dataclass(frozen=True)
class Place:
    """A document of Whoosh: the head of an article, or, with its number in the snapshot, a paragraph."""

    document: Document
    deleted: bool
    number: int | None


def segments_by_hand(chance: random.Random, path: Path) -> Snapshot:
    """Segments by the slow writer, with deletions and updates; some merged."""
    segments: list[Segment] = []
    deleted: list[set[int]] = []
    for at in range(chance.randint(1, 5)):
        keys = [f"t.a:{number}" for number in chance.sample(range(14), chance.randint(0, 6))]
        gone = [f"t.a:{number}" for number in chance.sample(range(14), chance.randint(0, 3))]
        for segment, own in zip(segments, deleted, strict=True):
            own.update(found for key in (*keys, *gone) if (found := segment.find(key)) is not None)
        write_reference(path / f"{at}.segment", [random_document(chance, key) for key in keys])
        segments.append(Segment(path / f"{at}.segment"))
        deleted.append(set())
        if chance.random() < 0.3:
            first = chance.randrange(len(segments))
            inputs = zip(segments[first:], map(ascending, deleted[first:]), strict=True)
            merge(list(inputs), path / f"{at}.merged")
            segments[first:], deleted[first:] = [Segment(path / f"{at}.merged")], [set()]
    return Snapshot(1, segments, [ascending(own) for own in deleted])


def ascending(numbers: set[int]) -> Any:
    return np.array(sorted(numbers), np.uint32) if numbers else None


def index_of_an_engine(chance: random.Random, path: Path) -> Snapshot:
    """What an engine keeps after a rebuild, some commits, and the merges that it sees fit."""
    engine = WhooshEngine(path=path / "index")
    expected: dict[str, Document] = {}
    rebuild = engine.rebuild()
    change(rebuild.writer(), chance, expected, chance.randint(0, 12))
    with rebuild.exclusive():
        rebuild.swap()
    for _ in range(chance.randint(0, 9)):
        change(engine.writer(), chance, expected, chance.randint(0, 3))
        if chance.random() < 0.2:
            engine.maintain()
    snapshot = engine._snapshot()
    assert {snapshot.key(ordinal): snapshot.document(ordinal) for ordinal in snapshot.ordinals()} == expected
    return snapshot


def change(writer: Writer, chance: random.Random, expected: dict[str, Document], size: int) -> None:
    """One commit, of which ``expected`` is told."""
    with writer:
        for number in chance.sample(range(14), size):
            document = random_document(chance, f"t.a:{number}")
            writer.put(document)
            expected[document.key] = document
        for number in chance.sample(range(14), chance.randint(0, 3)):
            writer.delete(f"t.a:{number}")
            expected.pop(f"t.a:{number}", None)


def places(snapshot: Snapshot) -> Iterator[Place]:
    """The documents that Whoosh sees in a snapshot, in their order."""
    number = 0
    for part in snapshot.parts:
        for article in range(part.segment.articles):
            document = part.segment.document(article)
            deleted = not snapshot.live[part.first_article + article]
            yield Place(document, deleted, None)
            for _ in document.paragraphs:
                yield Place(document, deleted, number)
                number += 1


def random_document(chance: random.Random, key: str) -> Document:
    language = chance.choice(LANGUAGES)
    texts = [random_text(chance, language) for _ in range(chance.choice([0, 1, 1, 2, 3, 5]))]
    paragraphs = tuple(Paragraph(number, f"p{number}", "paragraph", text) for number, text in enumerate(texts, 1))
    title = random_text(chance, language)
    return Document(key=key, title=title, paragraphs=paragraphs, language=language, tags=tuple(title.split()[:2]))


def random_text(chance: random.Random, language: str) -> str:
    """A text of a length that Whoosh's own codec can keep, which it writes in one byte."""
    text = " ".join(chance.choices(WORDS, k=chance.choice([0, 1, 3, 6, 9, 30])))
    while byte_to_length(length_to_byte(size := length(tokens(text, stemming_language(language))))) != size:
        text += " the"
    return text


# Random queries


def random_node(chance: random.Random, depth: int = 2) -> Node:
    if not depth or chance.random() < 0.4:
        return random_leaf(chance)
    children = [random_node(chance, depth - 1) for _ in range(chance.randint(2, 4))]
    if chance.random() < 0.5:
        return Or(tuple(children))
    unwanted = [Not(random_node(chance, depth - 1)) for _ in range(chance.choice([0, 0, 1, 2]))]
    return And((*children[:2], *unwanted))


def random_leaf(chance: random.Random) -> Leaf:
    kind = chance.random()
    if kind < 0.5:
        return Word(chance.choice(WORDS) if chance.random() < 0.95 else chance.choice(SINGLES))
    if kind < 0.75:
        return Phrase(chance.choice(PHRASES) if chance.random() < 0.7 else " ".join(chance.choices(WORDS, k=2)))
    return Prefix(chance.choice(PREFIXES)) if kind < 0.87 else Fuzzy(chance.choice(FUZZY))


def in_whoosh(node: Node, languages: Sequence[str], words: str = "text_words") -> query.Query:
    """A node in Whoosh's own query objects. words: the field to look for fuzzy words in."""
    if isinstance(node, Not):
        return query.Not(in_whoosh(node.child, languages, words))
    if isinstance(node, And | Or):
        join = query.And if isinstance(node, And) else query.Or
        return join([in_whoosh(child, languages, words) for child in node.children])
    assert isinstance(node, Word | Phrase | Prefix | Fuzzy)
    found: list[query.Query] = []
    for language in languages:
        own = in_row([slot_in_whoosh(slot, language, words) for slot in slots(node, language)])
        if own not in found:
            found.append(own)
    return any_of(found)


def slot_in_whoosh(slot: Slot, language: str, words: str) -> query.Query:
    if isinstance(slot, Terms):
        return any_of([query.Term("text", stem_key(term, language)) for term in slot.terms])
    if isinstance(slot, Starts):
        return query.Prefix("text_words", slot.prefix, constantscore=False)
    if isinstance(slot, Near):
        return query.FuzzyTerm(words, slot.word, maxdist=slot.edits, prefixlength=0, constantscore=False)
    assert isinstance(slot, Contains)
    pairs = {token.word for word in WORDS for token in tokens(word, "") if token.pair and slot.char in token.word}
    return any_of([query.Term("text_words", word_prefix(pair, pair=True)) for pair in sorted(pairs)])


def in_row(steps: list[query.Query]) -> query.Query:
    if len(steps) > 1 and all(isinstance(step, query.Term) for step in steps):
        return query.Phrase("text", [step.text for step in steps])
    return query.Sequence(steps) if len(steps) > 1 else any_of(steps)


def any_of(queries: list[query.Query]) -> query.Query:
    return queries[0] if len(queries) == 1 else query.Or(queries) if queries else query.NullQuery


# An index that Whoosh wrote


class Prepared(fields.FieldType):  # type: ignore[misc]
    """A field whose value is what Whoosh is to write."""

    def __init__(self, reading: Any) -> None:
        super().__init__(Positions(), None, scorable=True)
        self.to_bytes, self.from_bytes = reading.to_bytes, reading.from_bytes

    def index(self, value: list[Any], **kwargs: Any) -> list[Any]:
        return value


def prepared(field: str, text: str, language: str) -> dict[str, list[Any]]:
    """By field, what Whoosh writes for a text: (term, frequency, weight, value)."""
    # A document has no length where it has no term, and pairs are no plain words.
    found: dict[str, dict[bytes, list[int]]] = {field: {}, f"{field}_words": {}, f"{field}_plain": {b"\0": []}}
    own = tokens(text, language)
    for token in own:
        spelt = {
            field: [stem_key(term, language) for term in token.terms],
            f"{field}_words": [word_prefix(token.word, token.pair)],
            f"{field}_plain": [] if token.pair else [token.word.encode()],
        }
        for name, terms in spelt.items():
            for term in terms:
                found[name].setdefault(term, []).append(token.position)
    return {
        # The length of a document is the sum of the frequencies.
        name: [
            (term, 0 if at else length(own), float(len(places)), np.array(places, "<u4").tobytes())
            for at, (term, places) in enumerate(terms.items())
        ]
        for name, terms in found.items()
    }


def written_by_whoosh(snapshot: Snapshot) -> Searcher:
    """The documents of a snapshot in the same segments, by Whoosh's own writer and codec."""
    schema = fields.Schema(paragraph=fields.STORED())
    for field in ("text", "title"):
        for name, like in ((field, field), (f"{field}_words", f"{field}_words"), (f"{field}_plain", field)):
            schema.add(name, Prepared(SCHEMA[like]))
    whoosh = RamStorage().create_index(schema)
    for part in snapshot.parts:
        writer = whoosh.writer()
        paragraph = part.first_paragraph
        for document in map(part.segment.document, range(part.segment.articles)):
            language = stemming_language(document.language)
            writer.add_document(paragraph=None, **prepared("title", document.title, language))
            for each in document.paragraphs:
                writer.add_document(paragraph=paragraph, **prepared("text", each.text, language))
                paragraph += 1
        writer.commit(merge=False)
    writer = whoosh.writer()
    for at, place in enumerate(places(snapshot)):
        if place.deleted:
            writer.delete_document(at)
    writer.commit(merge=False)
    return Searcher(whoosh.reader(), weighting=BM25F(B=0.75, K1=1.2))


# The comparison


def scores_of(searcher: Searcher, whoosh: query.Query, numbers: Sequence[int | None]) -> dict[Any, float]:
    """What Whoosh finds, by the number of the paragraph. numbers: for each document of Whoosh."""
    found = searcher.search(whoosh, limit=None)
    scores = {numbers[document]: score for score, document in found.top_n}
    assert len(scores) == len(found)
    return scores


def same(ours: dict[int, float], theirs: dict[int, float], what: object) -> None:
    assert ours.keys() == theirs.keys(), what
    assert ours == pytest.approx(theirs, rel=1e-6), what


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_arrays_and_stock_whoosh_agree(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    snapshot = (segments_by_hand if seed % 2 else index_of_an_engine)(chance, tmp_path)
    languages = sorted(set().union(*(part.segment.languages for part in snapshot.parts)))
    numbers = [place.number for place in places(snapshot)]
    found = 0
    with (
        Searcher(stock_reader(snapshot), weighting=BM25F(B=0.75, K1=1.2)) as stock,
        written_by_whoosh(snapshot) as own,
    ):
        same_statistics(stock, own)
        for _ in range(QUERIES):
            node = random_node(chance)
            ours = dict(zip(*(array.tolist() for array in paragraphs_matching(snapshot, node)), strict=True))
            same(ours, scores_of(stock, in_whoosh(node, languages), numbers), node)
            same(ours, scores_of(own, in_whoosh(node, languages, "text_plain"), numbers), node)
            found += bool(ours)
    assert found or len(snapshot.ordinals()) < 4


def same_statistics(stock: Searcher, own: Searcher) -> None:
    """The two indexes say the same of all their terms."""
    reader, other = stock.reader(), own.reader()
    assert (stock.doc_count_all(), stock.doc_count()) == (own.doc_count_all(), own.doc_count())
    for field in ("text", "text_words", "title", "title_words"):
        terms = list(reader.lexicon(field))
        assert terms == list(other.lexicon(field))
        assert stock.avg_field_length(field) == own.avg_field_length(field)
        for term in terms:
            ours, theirs = reader.term_info(field, term), other.term_info(field, term)
            for name in ("weight", "doc_frequency", "min_length", "max_length", "max_weight", "min_id", "max_id"):
                assert getattr(ours, name)() == getattr(theirs, name)(), (field, term, name)
            assert reader.doc_frequency(field, term) == other.doc_frequency(field, term)
            assert list(reader.postings(field, term).items_as("positions")) == list(
                other.postings(field, term).items_as("positions")
            )
