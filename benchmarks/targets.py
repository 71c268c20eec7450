"""The aims of newsindex, each with what was measured: held or missed."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.pages import rate
from benchmarks.peers import LABELS
from benchmarks.questions import CLASSES
from benchmarks.results import Corpus, Results, p50, p95

_MEGABYTE = 1_000_000
# Below so many milliseconds nobody notices which engine it was. Phrases of very common words and fuzzy words are hard.
_ENOUGH = 2.0
_HARD = {"phrase, two very common words": 15.0, "fuzzy, 1 edit": 15.0}
_COMPARED = ("one term, very common", "one term, common", "OR of 2", "common NOT common")


@dataclass(frozen=True)
class Target:
    """held: None where it could not be measured."""

    what: str
    wanted: str
    measured: str
    held: bool | None

    @property
    def verdict(self) -> str:
        return {True: "held", False: "**missed**", None: "not measured"}[self.held]


def targets(results: Results) -> list[Target]:
    """All aims, in the order of the issue."""
    out: list[Target] = []
    large, middle = results.large, results.middle
    if large is not None:
        out += _near_tantivy(large)
        out += _faster(large, "fts5", 50)
    if middle is not None:
        out += _faster(middle, "whoosh", 100)
    for corpus in results.corpora:
        if corpus.synthetic and corpus.paragraphs >= 100_000 or corpus is middle:
            out += _build(corpus)
    if large is not None:
        out += _large(large, results.idle)
    if middle is not None:
        out += _commits(middle)
    out += _pages(results) if results.pages_paragraphs else ()
    return out


def _near_tantivy(corpus: Corpus) -> Iterator[Target]:
    for kind in CLASSES:
        own, other = corpus.times("newsindex", kind), corpus.times("tantivy", kind)
        enough = _HARD.get(kind, _ENOUGH)
        limit = max(2 * p95(other) * 1e3, enough) if other else enough
        wanted = f"at most {limit:.1f} ms" + (f" (tantivy {p95(other) * 1e3:.2f})" if other else "")
        yield _below(f"{corpus.name}: {kind}, p95 CPU", wanted, p95(own) * 1e3 if own else None, limit, "ms")


def _faster(corpus: Corpus, engine: str, times: float) -> Iterator[Target]:
    for kind in _COMPARED:
        own, other = corpus.times("newsindex", kind), corpus.times(engine, kind)
        ratio = p50(other) / p50(own) if own and other else None
        yield _above(f"{corpus.name}: {kind} against {LABELS[engine]}, p50 CPU", ratio, times)


def _build(corpus: Corpus) -> Iterator[Target]:
    own = corpus.rate("newsindex")
    for engine, times in (("fts5", 1.2), ("whoosh", 30.0)):
        other, built = corpus.rate(engine), corpus.step(engine, "build")
        if engine in corpus.engines:
            # A build that was measured in another run is compared with what newsindex's took there.
            beside = corpus.paragraphs / built["beside"] if built and "beside" in built else own
            ratio = beside / other if beside and other else None
            yield _above(f"{corpus.name}: build against {LABELS[engine]}, paragraphs per CPU-second", ratio, times)
    one, two = corpus.rate("newsindex", "wall"), corpus.rate("newsindex", "wall", "build with 2 processes")
    ratio = two / one if one and two else None
    yield _above(f"{corpus.name}: build with two processes against one, wall clock", ratio, 1.6)


def _large(corpus: Corpus, idle: int) -> Iterator[Target]:
    name = corpus.name
    built, asked = corpus.step("newsindex", "build"), corpus.step("newsindex", "ask")
    peak = built["peak"] / _MEGABYTE if built else None
    yield _below(f"{name}: peak memory of the build", "below 700 MB", peak, 700, "MB")
    other = corpus.step("fts5", "build")
    share = built["size"] / other["size"] if built and other else None
    yield _below(f"{name}: size of the index against SQLite FTS5's", "below 1", share, 1, "")
    page = corpus.step("newsindex-page", "ask")
    private = (page["private"] - idle) / _MEGABYTE if page and idle else None
    what = f"{name}: private memory of a query process above an idle Django process"
    yield _below(what, "below 60 MB", private, 60, "MB")
    opening = asked["open"]["cpu"] * 1e3 if asked else None
    yield _below(f"{name}: opening the index, CPU", "below 50 ms", opening, 50, "ms")


def _commits(corpus: Corpus) -> Iterator[Target]:
    name = corpus.name
    updated = corpus.step("newsindex", "update")
    median = statistics.median(updated["cpu"]) * 1e3 if updated else None
    yield _below(f"{name}: one article of 12 paragraphs, CPU with commit, median", "below 5 ms", median, 5, "ms")
    many = corpus.step("newsindex", "1,000 commits")
    segments = many["segments"] if many else None
    count = len(many["cpu"]) if many else 1_000
    yield _below(f"{name}: segments after {count:,} such commits", "at most 12", segments, 12, "", inclusive=True)
    ratios = slowdowns(corpus)
    middle = statistics.median(ratios.values()) if ratios else None
    what = f"{name}: searches after them against after a rebuild, median of the classes, p50 CPU"
    yield _below(what, "at most 1.5 times", middle, 1.5, "times", inclusive=True)


def slowdowns(corpus: Corpus) -> dict[str, float]:
    """For each class, how many times slower it is after many commits than after a rebuild of the same articles."""
    after, rebuilt = corpus.step("newsindex", "ask after commits"), corpus.step("newsindex", "ask after rebuild")
    if after is None or rebuilt is None:
        return {}
    return {
        kind: p50(outcome["cpu"]) / p50(rebuilt["classes"][kind]["cpu"])
        for kind, outcome in after["classes"].items()
        if outcome.get("cpu") and rebuilt["classes"].get(kind, {}).get("cpu")
    }


def _pages(results: Results) -> Iterator[Target]:
    own = results.pages.get("newsindex", {})
    for engine, times in (("haystack", 20.0), ("modelsearch", 3.0)):
        other = results.pages.get(engine, {})
        ratio = rate(own["cpu"]) / rate(other["cpu"]) if "cpu" in own and "cpu" in other else None
        what = f"{results.pages_paragraphs:,} paragraphs: search pages per CPU-second against {LABELS[engine]}"
        yield _above(what, ratio, times)


def _above(what: str, ratio: float | None, least: float) -> Target:
    measured = "–" if ratio is None else f"{ratio:.3g} times"
    return Target(what, f"at least {least:g} times", measured, None if ratio is None else ratio >= least)


def _below(what: str, wanted: str, value: float | None, limit: float, unit: str, *, inclusive: bool = False) -> Target:
    if value is None:
        return Target(what, wanted, "–", None)
    held = value <= limit if inclusive or "most" in wanted else value < limit
    return Target(what, wanted, f"{value:.3g} {unit}".strip(), held)
