"""Paragraph hits: whether the paragraph that was asked for is among the three shown for its article.

A collection with judgments by paragraph is indexed as its articles are, with titles and all paragraphs, and asked its
own questions. Where only articles are judged, or the questions are headlines, known items are made: of articles with at
least five paragraphs some are drawn with a seed, of each one paragraph that no other article has as well, of at least
eight different words; the question is its five rarest words, those in the fewest paragraphs of the collection, in the
order of the text. In a script without spaces it is the first twelve characters of its longest run instead.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from benchmarks.relevance.collections import documents, judged_paragraphs
from newsindex.engines.base import EVERYTHING, Document, Engine, SearchPage, SearchRequest, versioned
from newsindex.engines.closeness import few_results
from newsindex.engines.whoosh.engine import WhooshEngine
from newsindex.paragraphs import Paragraph, from_plain
from newsindex.query import parse
from newsindex.query.nodes import alternatives

#: Articles with fewer paragraphs show all of them, or nearly so.
FEWEST_PARAGRAPHS: Final = 5
_FEWEST_WORDS: Final = 8
_RAREST: Final = 5
_LONGEST_RUN: Final = 12
_WORDS: Final = re.compile(r"[^\W\d_]{2,}")
_UNSPACED: Final = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]{6,}")


@dataclass(frozen=True)
class Known:
    """A question, the article that answers it, and the texts of the paragraphs that do."""

    question: str
    key: str
    texts: frozenset[str]


@dataclass(frozen=True)
class Shown:
    """questions: how many. on_page: in how many the article is among the first ten. shown: in how many of those the
    paragraph is among the three."""

    questions: int
    on_page: int
    shown: int

    @property
    def share(self) -> float:
        """Of the questions whose article is on the page, those that show the paragraph."""
        return self.shown / (self.on_page or 1)


def measured(folder: Path, most: int) -> Shown | None:
    """The figures of one collection, at most ``most`` questions; None where its articles are too short."""
    articles = dict(_articles(folder))
    known = _judged(folder, articles) or _made(articles)
    random.Random(1).shuffle(known)
    known = known[:most]
    if not known:
        return None
    with tempfile.TemporaryDirectory() as place:
        engine = WhooshEngine(path=Path(place) / "index")
        build = engine.rebuild()
        with build.writer() as writer:
            for document in articles.values():
                writer.put(versioned(document))
        with build.exclusive():
            build.swap()
        hits = [(each, _hit(engine, each)) for each in known]
    on_page = [(each, texts) for each, texts in hits if texts is not None]
    return Shown(len(known), len(on_page), sum(not each.texts.isdisjoint(texts) for each, texts in on_page))


def _hit(engine: Engine, known: Known) -> list[str] | None:
    """The texts of the paragraphs that are shown for the article; None where it is not among the first ten."""
    query = parse(known.question).tree
    parts = alternatives(query)
    page = _asked(engine, query, "all")
    if parts and page.total < few_results(parts):
        close = _asked(engine, query, "any")
        page = close if close.total > page.total else page
    for hit in page.hits:
        if hit.key == known.key:
            return [paragraph.marked.text for paragraph in hit.paragraphs]
    return None


def _asked(engine: Engine, query: Any, match: Any) -> SearchPage:
    now = datetime.now(timezone.utc)
    return engine.search(SearchRequest(query=query, now=now, audiences=EVERYTHING, match=match, correct=False))


def _articles(folder: Path) -> Iterator[tuple[str, Document]]:
    for number, row in enumerate(documents(folder)):
        texts = [paragraph.text for part in row["text"].split("\n\n") for paragraph in from_plain(part)]
        paragraphs = tuple(Paragraph(n, f"p-{n}", "paragraph", text) for n, text in enumerate(texts, 1))
        language = (row.get("lang") or "").replace("_", "-")
        key = f"benchmark.text:{number}"
        yield row["id"], Document(key=key, title=row["title"], paragraphs=paragraphs, language=language)


def _judged(folder: Path, articles: dict[str, Document]) -> list[Known]:
    """The collection's own questions, where paragraphs are judged."""
    by_question: dict[str, list[tuple[str, str]]] = defaultdict(list)
    questions, judgments = judged_paragraphs(folder)
    for question, article, text in judgments:
        by_question[question].append((article, text))
    out = []
    for question, places in sorted(by_question.items()):
        document = articles[places[0][0]]
        texts = frozenset(p.text for article, text in places if article == places[0][0] for p in from_plain(text))
        if len(document.paragraphs) >= FEWEST_PARAGRAPHS:
            out.append(Known(questions[question], document.key, texts))
    return out


def _made(articles: dict[str, Document]) -> list[Known]:
    """Questions from paragraphs, one of each article that is long enough."""
    chance = random.Random(1)
    standing: Counter[str] = Counter()
    copies: Counter[str] = Counter()
    for document in articles.values():
        copies.update({paragraph.text for paragraph in document.paragraphs})
        for paragraph in document.paragraphs:
            standing.update(set(_WORDS.findall(paragraph.text.lower())))
    out = []
    for document in articles.values():
        own = [paragraph.text for paragraph in document.paragraphs if copies[paragraph.text] == 1]
        asked = [(text, _question(text, standing)) for text in own]
        candidates = [(text, question) for text, question in asked if question]
        if len(document.paragraphs) >= FEWEST_PARAGRAPHS and candidates:
            text, question = chance.choice(candidates)
            out.append(Known(question, document.key, frozenset({text})))
    return out


def _question(text: str, standing: Counter[str]) -> str:
    """A question that this text answers, "" where it is too short for one."""
    runs = _UNSPACED.findall(text)
    if runs:
        longest: str = max(runs, key=len)
        return longest[:_LONGEST_RUN]
    words = list(dict.fromkeys(_WORDS.findall(text.lower())))
    if len(words) < _FEWEST_WORDS:
        return ""
    rarest = set(sorted(words, key=lambda word: (standing[word], word))[:_RAREST])
    return " ".join(word for word in words if word in rarest)
