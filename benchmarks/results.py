"""The outcome of a run as data: what was measured, and the figures that tables and targets need of it."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Outcome = dict[str, Any]


@dataclass
class Corpus:
    """One corpus and what each engine made of it: ``engines[name][step]``, step "build", "ask", "update" and so on."""

    name: str
    paragraphs: int
    articles: int
    characters: int
    reading: Outcome
    synthetic: bool = True
    engines: dict[str, dict[str, Outcome]] = field(default_factory=dict)

    def step(self, engine: str, step: str) -> Outcome | None:
        """The outcome, None where it was not measured or failed."""
        found = self.engines.get(engine, {}).get(step)
        return None if found is None or "error" in found else found

    def times(self, engine: str, kind: str, clock: str = "cpu") -> list[float] | None:
        """Seconds for each question of a class."""
        asked = self.step(engine, "ask")
        found: list[float] | None = asked["classes"].get(kind, {}).get(clock) if asked else None
        return found

    def rate(self, engine: str, clock: str = "cpu", step: str = "build") -> float | None:
        """Paragraphs for each second of the build."""
        built = self.step(engine, step)
        return self.paragraphs / float(built[clock]) if built else None


@dataclass
class Results:
    """All of a run. idle: private bytes of a Django process without search. remark: what a reader has to know of it."""

    date: str
    command: str
    machine: dict[str, Any]
    loads: list[float] = field(default_factory=list)
    idle: int = 0
    corpora: list[Corpus] = field(default_factory=list)
    pages: dict[str, Outcome] = field(default_factory=dict)
    pages_paragraphs: int = 0
    remark: str = ""

    def save(self, path: Path) -> None:
        data = {**vars(self), "corpora": [vars(corpus) for corpus in self.corpora]}
        path.write_text(json.dumps(_rounded(data), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Results:
        data = json.loads(path.read_text())
        data["corpora"] = [Corpus(**corpus) for corpus in data["corpora"]]
        return cls(**data)

    @property
    def large(self) -> Corpus | None:
        """The largest synthetic corpus."""
        return max((one for one in self.corpora if one.synthetic), key=lambda one: one.paragraphs, default=None)

    @property
    def middle(self) -> Corpus | None:
        """The largest synthetic corpus that all engines are asked about."""
        small = [one for one in self.corpora if one.synthetic and one.paragraphs <= 250_000]
        return max(small, key=lambda one: one.paragraphs, default=None)


def p50(values: Sequence[float]) -> float:
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """The smallest value that 95 % of the values don't exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def _rounded(value: Any) -> Any:
    """Floats with no more digits than they can have: microseconds of seconds, or four digits."""
    if isinstance(value, float):
        return round(value, 7) if abs(value) < 100 else round(value, 1)
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return value
