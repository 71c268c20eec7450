"""What is compared: each takes a dictionary with frequencies, and gives the best words for a misspelt one."""

from __future__ import annotations

import string
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final

from newsindex.engines.base import EVERYTHING, Document, Filters, SearchRequest, versioned
from newsindex.engines.spelling import best, edits_tried
from newsindex.engines.whoosh.engine import WhooshEngine
from newsindex.engines.whoosh.spelling import Words
from newsindex.paragraphs import from_plain
from newsindex.query.nodes import Word

_NOW: Final = datetime(2026, 1, 1, tzinfo=timezone.utc)
_LETTERS: Final = string.ascii_lowercase
#: So many words make an article.
_LONG: Final = 2_000
_PARAGRAPH: Final = 50


class Corrector(ABC):
    """Corrects words by a dictionary."""

    label: ClassVar[str]

    @abstractmethod
    def first(self, word: str) -> str:
        """What it offers for ``word``: "" for nothing."""

    @abstractmethod
    def five(self, word: str) -> list[str]:
        """The best five."""

    def answers(self, word: str) -> tuple[str, list[str]]:
        """What it offers, and the best five."""
        return self.first(word), self.five(word)


class NewsIndex(Corrector):
    """The whole engine: an index in which each word stands in as many articles as it is frequent, and a search."""

    label = "newsindex"

    def __init__(self, frequencies: Mapping[str, int], folder: Path, language: str = "") -> None:
        self._engine = WhooshEngine(path=folder)
        build = self._engine.rebuild()
        with build.writer() as writer:
            for number, words in enumerate(_articles(frequencies)):
                begins = range(0, len(words), _PARAGRAPH)
                text = "\n\n".join(" . ".join(words[begin : begin + _PARAGRAPH]) for begin in begins)
                document = Document(f"benchmark.text:{number}", "", tuple(from_plain(text)), language=language)
                writer.put(versioned(document))
        with build.exclusive():
            build.swap()

    def first(self, word: str) -> str:
        request = SearchRequest(Word(word), _NOW, EVERYTHING, limit=10, content=False)
        return self._engine.search(request).suggestion

    def five(self, word: str) -> list[str]:
        words = Words(self._engine._evaluation(_NOW, EVERYTHING, frozenset(), None), Filters())
        if words.standing(word)[0]:
            return [word]
        for edits in edits_tried(word):
            found = [each.word for each in islice(best(word, words.near(word, edits), words.standing), 5)]
            if found:
                return found
        return []


class Norvig(Corrector):
    """Peter Norvig's way (norvig.com/spell-correct.html): the most frequent known word one edit away, else two."""

    label = "Norvig"

    def __init__(self, frequencies: Mapping[str, int]) -> None:
        self._frequencies = frequencies

    def first(self, word: str) -> str:
        return next(iter(self.five(word)), "")

    def five(self, word: str) -> list[str]:
        near = self._known([word]) or self._known(_edited(word))
        near = near or self._known(further for each in _edited(word) for further in _edited(each))
        return sorted(near, key=lambda each: (-self._frequencies[each], each))[:5]

    def answers(self, word: str) -> tuple[str, list[str]]:
        # It takes too long to be asked twice.
        five = self.five(word)
        return next(iter(five), ""), five

    def _known(self, words: Iterable[str]) -> set[str]:
        return {word for word in words if word in self._frequencies}


def _edited(word: str) -> set[str]:
    halves = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    left_out = [a + b[1:] for a, b in halves if b]
    swapped = [a + b[1] + b[0] + b[2:] for a, b in halves if len(b) > 1]
    changed = [a + letter + b[1:] for a, b in halves if b for letter in _LETTERS]
    added = [a + letter + b for a, b in halves for letter in _LETTERS]
    return {*left_out, *swapped, *changed, *added}


class SymSpell(Corrector):
    """symspellpy: the nearest words within two edits, the most frequent first."""

    label = "SymSpell"

    def __init__(self, frequencies: Mapping[str, int]) -> None:
        from symspellpy import SymSpell as Library
        from symspellpy import Verbosity

        self._library = Library(max_dictionary_edit_distance=2)
        self._closest, self._all = Verbosity.CLOSEST, Verbosity.ALL
        for word, count in frequencies.items():
            self._library.create_dictionary_entry(word, count)

    def first(self, word: str) -> str:
        return next((each.term for each in self._library.lookup(word, self._closest, max_edit_distance=2)), "")

    def five(self, word: str) -> list[str]:
        return [each.term for each in self._library.lookup(word, self._all, max_edit_distance=2)[:5]]


def _articles(frequencies: Mapping[str, int]) -> Iterable[list[str]]:
    """Words by article: each stands in as many as it is frequent."""
    left = sorted(((count, word) for word, count in frequencies.items() if count > 1), reverse=True)
    number = 0
    while left and left[0][0] > number:
        while left and left[-1][0] <= number:
            left.pop()
        if left:
            yield [word for _, word in left]
        number += 1
    once = [word for word, count in frequencies.items() if count == 1]
    for begin in range(0, len(once), _LONG):
        yield once[begin : begin + _LONG]
