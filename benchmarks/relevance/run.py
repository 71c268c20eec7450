"""The run: every collection in every engine, measured by ir-measures, and the table of it."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import ir_measures

from benchmarks.relevance.collections import Collection, collections
from benchmarks.relevance.rankers import DEPTH, RANKERS, Ranker, Ranking

MEASURES: Final = (ir_measures.nDCG @ 10, ir_measures.R @ 100, ir_measures.RR @ 10)
# Of what is ranked only by judged texts, more is asked for, as many of them may be taken out.
_DEEPER: Final = 1_000


def main() -> None:
    """Measure, print, write."""
    options = _options()
    wanted = frozenset(name for name in options.sets.split(",") if name)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for collection in collections(options.corpora, wanted):
        results[collection.name] = {}
        for name in options.engines.split(","):
            began = time.process_time()
            figures = measured(RANKERS[name], collection)
            results[collection.name][name] = figures
            shown = "  ".join(f"{measure} {value:.4f}" for measure, value in figures.items())
            print(f"{collection.name:22} {name:10} {shown}  ({time.process_time() - began:.0f} s)", flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "relevance.json").write_text(json.dumps(results, indent=1) + "\n")
    (options.output / "relevance.md").write_text(report(results, options.engines.split(",")))
    print(report(results, options.engines.split(",")))


def measured(kind: type[Ranker], collection: Collection) -> dict[str, float]:
    """The mean of each measure over the collection's questions."""
    with tempfile.TemporaryDirectory() as folder:
        ranker = kind(collection, Path(folder) / "index")
        ranker.build()
        rankings = {key: _ranked(ranker, question) for key, question in collection.questions.items()}
    judgments = {key: collection.judgments[key] for key in collection.questions}
    run = {key: _distinct(ranking) for key, ranking in rankings.items()}
    found = ir_measures.calc_aggregate(MEASURES, judgments, run)
    return {str(measure): found[measure] for measure in MEASURES}


def _ranked(ranker: Ranker, question: str) -> Ranking:
    judged = ranker.collection.judged
    ranking = ranker.rank(question, _DEEPER if judged else DEPTH)
    return [pair for pair in ranking if not judged or pair[0] in judged][:DEPTH]


def _distinct(ranking: Ranking) -> dict[str, float]:
    """Scores by text. An engine's order among equal scores is kept, which the measures would not do."""
    return {text: float(len(ranking) - place) for place, (text, _) in enumerate(ranking)}


def report(results: dict[str, dict[str, dict[str, float]]], engines: list[str]) -> str:
    """The tables as Markdown, one for each measure."""
    lines = [
        "# Relevance",
        "",
        f"{date.today().isoformat()}, by `python -m benchmarks.relevance`. What is measured and how: "
        "[benchmarks](../../benchmarks/README.md).",
    ]
    for measure in map(str, MEASURES):
        lines += ["", f"## {measure}", "", *_table(results, engines, measure)]
    return "\n".join(lines) + "\n"


def _table(results: dict[str, Any], engines: list[str], measure: str) -> Iterator[str]:
    labels = [RANKERS[name].label for name in engines]
    yield "| collection | " + " | ".join(labels) + " |"
    yield "|---" * (len(labels) + 1) + "|"
    for collection, row in results.items():
        best = max(row[name][measure] for name in engines)
        cells = [_cell(row[name][measure], best) for name in engines]
        yield f"| {collection} | " + " | ".join(cells) + " |"
    means = [statistics.mean(row[name][measure] for row in results.values()) for name in engines]
    yield "| **mean** | " + " | ".join(_cell(mean, max(means)) for mean in means) + " |"


def _cell(value: float, best: float) -> str:
    return f"**{value:.3f}**" if value == best else f"{value:.3f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relevance", description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True, help="a folder of judged collections")
    parser.add_argument("--sets", default="", help="names of collections, with commas; all without it")
    parser.add_argument("--engines", default=",".join(RANKERS), help=f"some of {', '.join(RANKERS)}")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks"), help="where the report goes")
    return parser.parse_args()
