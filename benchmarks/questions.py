"""What is asked: the same seeded questions for every engine, chosen by how many paragraphs have their words."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal

import Stemmer

from benchmarks.corpus import Article

Shape = Literal["any", "all", "not", "phrase", "prefix", "fuzzy"]

#: The classes of questions, in the order of the tables.
CLASSES: Final = (
    "one term, very common",
    "one term, common",
    "one term, medium",
    "one term, rare",
    "AND of 2",
    "AND of 3",
    "OR of 2",
    "OR of 4",
    "OR of 8",
    "common NOT common",
    "phrase, collocation",
    "phrase, two very common words",
    "prefix, 3 letters",
    "prefix, 4 letters",
    "fuzzy, 1 edit",
    "OR of 2 + dates",
    "OR of 2 + dates + tag",
    "OR of 2, facets by tag",
    "OR of 2, newest first",
    "OR of 2, page 50",
)
#: Hits on a page.
PAGE: Final = 20
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class Question:
    """One question. shape "not": the first word without the second; "phrase": the words in a row; "prefix" and
    "fuzzy" have one word. start, end: from the day ``start``, before the day ``end``, both "" or both "YYYY-MM-DD".
    page: from 1. ``facets``: with the 20 commonest tags and their counts.
    """

    kind: str
    shape: Shape
    words: tuple[str, ...]
    start: str = ""
    end: str = ""
    tag: str = ""
    facets: bool = False
    newest: bool = False
    page: int = 1

    @property
    def offset(self) -> int:
        return (self.page - 1) * PAGE

    @property
    def days(self) -> tuple[date, date] | None:
        return (date.fromisoformat(self.start), date.fromisoformat(self.end)) if self.start else None

    def data(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: dict[str, Any]) -> Question:
        return cls(**{**data, "words": tuple(data["words"])})


class Words:
    """How often words stand in a sample of paragraphs, and which of them all stemmers treat alike."""

    def __init__(self, articles: Iterable[Article], limit: int = 60_000) -> None:
        self._stems = _Stems()
        self.paragraphs = 0
        self.tags: Counter[str] = Counter()
        self.days: list[str] = []
        df: Counter[str] = Counter()
        pairs: Counter[tuple[str, str]] = Counter()
        for article in articles:
            if self.paragraphs >= limit:
                break
            self.tags.update(article.tags)
            self.days.append(article.day)
            for paragraph in article.paragraphs:
                found = _WORD.findall(paragraph.lower())
                df.update(set(found))
                pairs.update(zip(found, found[1:], strict=False))
                self.paragraphs += 1
        self.df = df
        self.pairs = {pair: count for pair, count in pairs.items() if count > 2}
        self._agreed = self._stems.agreed(df)

    def between(self, low: float, high: float) -> list[str]:
        """Words that stand in such a share of the paragraphs, in alphabetical order."""
        least, most = low * self.paragraphs, high * self.paragraphs
        return sorted(word for word, count in self.df.items() if least <= count < most and self.good(word))

    def good(self, word: str) -> bool:
        return word in self._agreed and word.isascii() and word.isalpha() and len(word) > 1

    def is_stem(self, word: str) -> bool:
        """Whether stemmers leave it alone."""
        return self._stems.keep(word)

    def collocations(self) -> list[tuple[str, str]]:
        """Pairs that stand together far more often than by chance, of words that are neither rare nor common."""
        common = 0.1 * self.paragraphs
        found = [
            (count / (self.df[a] * self.df[b]), a, b)
            for (a, b), count in self.pairs.items()
            if a != b and self.good(a) and self.good(b) and max(self.df[a], self.df[b]) < common and count >= 4
        ]
        return [(a, b) for _, a, b in sorted(found, reverse=True)[:2_000]]

    def common_pairs(self) -> list[tuple[str, str]]:
        """Pairs of very common words that stand together most often."""
        common = 0.1 * self.paragraphs
        found = [
            (count, a, b)
            for (a, b), count in self.pairs.items()
            if a != b and min(self.df[a], self.df[b]) > common and self.good(a) and self.good(b)
        ]
        return [(a, b) for _, a, b in sorted(found, reverse=True)[:60]]

    def prefixes(self, size: int) -> list[str]:
        """Beginnings of words of medium frequency that stemmers leave alone, as FTS5 stems them, too."""
        found = {word[:size] for word in self.between(0.0005, 0.02) if len(word) > size + 1}
        return sorted(prefix for prefix in found if self.is_stem(prefix))


class _Stems:
    """Porter's first and second stemmer, of which each engine has one."""

    def __init__(self) -> None:
        self._stemmers = [Stemmer.Stemmer(name) for name in ("porter", "english")]

    def agreed(self, words: Iterable[str]) -> set[str]:
        """The words that are found together with the same others under both stemmers."""
        words = list(words)
        groups = []
        for stemmer in self._stemmers:
            stems = stemmer.stemWords(words)
            members: dict[str, list[str]] = {}
            for word, stem in zip(words, stems, strict=True):
                members.setdefault(stem, []).append(word)
            groups.append({word: members[stem] for word, stem in zip(words, stems, strict=True)})
        return {word for word in words if groups[0][word] == groups[1][word]}

    def keep(self, word: str) -> bool:
        """Whether both leave the word as it is."""
        return all(stemmer.stemWord(word) == word for stemmer in self._stemmers)


def questions(words: Words, each: int = 20, seed: int = 1) -> list[Question]:
    """``each`` questions of every class, fewer where the texts don't give so many."""
    rng = random.Random(seed)
    very = words.between(0.10, 1.01) or words.between(0.05, 1.01)
    common = words.between(0.02, 0.10)
    medium = words.between(0.002, 0.01)
    rare = words.between(2 / words.paragraphs, max(20 / 100_000, 4 / words.paragraphs))
    frequent = very + common
    out: list[Question] = []

    def add(place: int, shape: Shape, choices: Sequence[tuple[str, ...]], **more: Any) -> None:
        out.extend(Question(CLASSES[place], shape, choice, **more) for choice in choices)

    for place, pool in enumerate((very, common, medium, rare)):
        add(place, "any", [(word,) for word in _some(rng, pool, each)])
    add(4, "all", _groups(rng, each, (frequent, 2)))
    add(5, "all", _groups(rng, each, (frequent, 2), (medium, 1)))
    pairs = _groups(rng, each, (frequent, 2))
    add(6, "any", pairs)
    add(7, "any", _groups(rng, each, (frequent, 2), (medium, 2)))
    add(8, "any", _groups(rng, each, (frequent, 4), (medium, 4)))
    add(9, "not", _groups(rng, each, (frequent, 2)))
    add(10, "phrase", _some(rng, words.collocations(), each))
    add(11, "phrase", _some(rng, words.common_pairs(), each))
    for place, size in ((12, 3), (13, 4)):
        add(place, "prefix", [(prefix,) for prefix in _some(rng, words.prefixes(size), each)])
    typed = [word for word in medium if 6 <= len(word) <= 8 and words.is_stem(word)]
    add(14, "fuzzy", [(_mistyped(rng, word),) for word in _some(rng, typed, each)])
    for pair in pairs:
        start, end = _year(rng, words.days)
        add(15, "any", [pair], start=start, end=end)
        add(16, "any", [pair], start=start, end=end, tag=rng.choice([tag for tag, _ in words.tags.most_common(50)]))
    add(17, "any", pairs, facets=True)
    add(18, "any", pairs, newest=True)
    add(19, "any", pairs, page=50)
    return sorted(out, key=lambda question: CLASSES.index(question.kind))


def common_words(words: Words, count: int = 20, seed: int = 1) -> list[tuple[str, ...]]:
    """Pairs of common words that are on no list of stop words, for search pages."""
    return _groups(random.Random(seed), count, ([word for word in words.between(0.02, 0.10) if len(word) > 6], 2))


def _some(rng: random.Random, pool: Sequence[Any], count: int) -> list[Any]:
    return rng.sample(list(pool), min(count, len(pool)))


def _groups(rng: random.Random, count: int, *pools: tuple[Sequence[str], int]) -> list[tuple[str, ...]]:
    """Groups of different words, so many from each pool."""
    if any(len(pool) < size for pool, size in pools):
        return []
    return [tuple(word for pool, size in pools for word in rng.sample(list(pool), size)) for _ in range(count)]


def _mistyped(rng: random.Random, word: str) -> str:
    """The word without one of its inner letters."""
    place = rng.randrange(1, len(word) - 1)
    return word[:place] + word[place + 1 :]


def _year(rng: random.Random, days: Sequence[str]) -> tuple[str, str]:
    """A year that begins on the day of some article."""
    start = date.fromisoformat(rng.choice(days))
    return start.isoformat(), (start + timedelta(days=365)).isoformat()
