"""What the benchmark asks of an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from benchmarks.corpus import Article
from benchmarks.measuring import size_of
from benchmarks.questions import Question

#: What a total counts.
Unit = Literal["articles", "paragraphs"]


class Unsupported(Exception):
    """The engine has nothing that answers such a question."""


@dataclass(frozen=True)
class Answer:
    """The exact total, in the engine's unit, and how many hits and facet values came with it."""

    total: int
    hits: int
    facets: int = 0


class Peer(ABC):
    """An engine with one index, in the folder ``place``. A process makes one and uses it until ``close``."""

    unit: ClassVar[Unit] = "paragraphs"
    #: The distribution whose version is shown.
    note: ClassVar[str] = ""

    def __init__(self, place: Path, processes: int = 1) -> None:
        self.place = place
        self.processes = processes

    @abstractmethod
    def version(self) -> str:
        """The version of what is measured."""

    def prepare(self, articles: Iterable[Article]) -> None:  # noqa: B027
        """What comes before a build and is not part of it: the rows of a database, a server."""

    @abstractmethod
    def build(self, articles: Iterable[Article]) -> None:
        """Make the index, durable when this returns."""

    @abstractmethod
    def open(self) -> None:
        """Open the index for questions."""

    @abstractmethod
    def ask(self, question: Question) -> Answer:
        """The page of hits, best first, and the exact total."""

    @abstractmethod
    def matching(self, question: Question) -> set[int]:
        """The numbers of all articles of which a paragraph (or the title) matches; never timed."""

    def articles(self, question: Question) -> int:
        """How many articles match as a whole: all words anywhere in the article, none of the unwanted ones."""
        if question.shape not in ("all", "not"):
            return len(self.matching(question))
        sets = [self.matching(replace(question, shape="any", words=(word,))) for word in question.words]
        found = sets[0].intersection(*sets[1:]) if question.shape == "all" else sets[0].difference(*sets[1:])
        return len(found)

    @abstractmethod
    def update(self, article: Article) -> None:
        """Put the article in place of the one with its number, durable and visible when this returns."""

    def pids(self) -> Sequence[int]:
        """Other processes that work for this one now."""
        return ()

    def segments(self) -> int | None:
        """How many parts the index has, where it has any."""
        return None

    def tidy(self) -> None:  # noqa: B027
        """What the engine would do by itself from time to time."""

    def size(self) -> int:
        """Bytes of the index on the disk."""
        return size_of(self.place)

    def close(self) -> None:  # noqa: B027
        """Stop whatever was started."""
