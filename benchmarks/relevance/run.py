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

from benchmarks.relevance.collections import MOST_QUESTIONS, Collection, collections, folders, is_held_out
from benchmarks.relevance.passages import Shown
from benchmarks.relevance.passages import measured as shown_passages
from benchmarks.relevance.rankers import DEPTH, OWN, RANKERS, Ranker, Ranking

MEASURES: Final = (ir_measures.nDCG @ 10, ir_measures.R @ 100, ir_measures.RR @ 10)
#: nDCG@10 of the questions on which parameters may be chosen, and of the others.
CHOSEN_ON: Final = "nDCG@10, chosen on"
HELD_OUT: Final = "nDCG@10, held out"
# Of what is ranked only by judged texts, more is asked for, as many of them may be taken out.
_DEEPER: Final = 1_000


def main() -> None:
    """Measure, print, write."""
    options = _options()
    wanted = frozenset(name for name in options.sets.split(",") if name)
    results: dict[str, dict[str, dict[str, float]]] = {}
    options.output.mkdir(parents=True, exist_ok=True)
    for collection in collections(options.corpora, wanted, options.questions):
        results[collection.name] = {}
        for name in options.engines.split(","):
            began = time.process_time()
            figures = measured(RANKERS[name], collection)
            results[collection.name][name] = figures
            shown = "  ".join(f"{measure} {value:.4f}" for measure, value in figures.items())
            print(f"{collection.name:22} {name:10} {shown}  ({time.process_time() - began:.0f} s)", flush=True)
            (options.output / "relevance.json").write_text(json.dumps(results, indent=1) + "\n")
    shown = passages(options.corpora, wanted, options.questions) if options.passages else {}
    text = report(results, options.engines.split(","), shown)
    (options.output / "relevance.md").write_text(text)
    print(text)


def measured(kind: type[Ranker], collection: Collection) -> dict[str, float]:
    """The mean of each measure over the collection's questions."""
    with tempfile.TemporaryDirectory() as folder:
        ranker = kind(collection, Path(folder) / "index")
        ranker.build()
        rankings = {key: ranked(ranker, question) for key, question in collection.questions.items()}
    judgments = {key: collection.judgments[key] for key in collection.questions}
    run = {key: distinct(ranking) for key, ranking in rankings.items()}
    found = ir_measures.calc_aggregate(MEASURES, judgments, run)
    held_out = {key for key in judgments if is_held_out(key)}
    halves = {}
    for name, keys in ((CHOSEN_ON, judgments.keys() - held_out), (HELD_OUT, held_out)):
        half = ir_measures.calc_aggregate(MEASURES[:1], *({key: of[key] for key in keys} for of in (judgments, run)))
        halves[name] = half[MEASURES[0]]
    return {str(measure): found[measure] for measure in MEASURES} | halves


def passages(corpora: Path, wanted: frozenset[str], most: int) -> dict[str, Shown]:
    """The paragraph hits of the collections with articles of several paragraphs."""
    found: dict[str, Shown] = {}
    for name, folder in folders(corpora, wanted):
        figures = shown_passages(folder, most)
        if figures:
            found[name] = figures
            print(f"{name:22} {figures}", flush=True)
    return found


def ranked(ranker: Ranker, question: str, depth: int = DEPTH) -> Ranking:
    """What a ranker says to a question: of the judged texts where only these are to be ranked."""
    judged = ranker.collection.judged
    ranking = ranker.rank(question, _DEEPER if judged else depth)
    return [pair for pair in ranking if not judged or pair[0] in judged][:depth]


def distinct(ranking: Ranking) -> dict[str, float]:
    """Scores by text. An engine's order among equal scores is kept, which the measures would not do."""
    return {text: float(len(ranking) - place) for place, (text, _) in enumerate(ranking)}


def report(
    results: dict[str, dict[str, dict[str, float]]], engines: list[str], shown: dict[str, Shown] | None = None
) -> str:
    """The tables as Markdown, one for each measure, and one of paragraph hits where some were measured."""
    lines = [
        "# Relevance",
        "",
        f"{date.today().isoformat()}, by `python -m benchmarks.relevance`. What is measured and how: "
        "[benchmarks](../../benchmarks/README.md).",
    ]
    for measure in map(str, MEASURES):
        lines += ["", f"## {measure}", "", *_table(results, engines, measure)]
    if "newsindex" in engines and not OWN.issuperset(engines):
        lines += ["", "## Halves", "", *_halves(results, engines)]
    if shown:
        lines += ["", "## Paragraph hits", "", *_passages(shown)]
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


def _halves(results: dict[str, Any], engines: list[str]) -> Iterator[str]:
    """nDCG@10 of the questions on which parameters were chosen, and of the others, beside the best other engine."""
    yield "| collection | chosen on: newsindex | best other | held out: newsindex | best other |"
    yield "|---|---|---|---|---|"
    others = [name for name in engines if name not in OWN]
    for collection, row in results.items():
        pairs = [(row["newsindex"][half], max(row[name][half] for name in others)) for half in (CHOSEN_ON, HELD_OUT)]
        yield f"| {collection} | " + " | ".join(_cell(value, max(pair)) for pair in pairs for value in pair) + " |"


def _passages(shown: dict[str, Shown]) -> Iterator[str]:
    yield "| collection | questions | article on the page | of these, with the paragraph |"
    yield "|---|---|---|---|"
    for name, figures in shown.items():
        yield f"| {name} | {figures.questions} | {figures.on_page} | {figures.share:.1%} |"


def _cell(value: float, best: float) -> str:
    return f"**{value:.3f}**" if value == best else f"{value:.3f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relevance", description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True, help="a folder of judged collections")
    parser.add_argument("--sets", default="", help="names of collections, with commas; all without it")
    parser.add_argument("--engines", default=",".join(RANKERS), help=f"some of {', '.join(RANKERS)}")
    parser.add_argument("--questions", type=int, default=MOST_QUESTIONS, help="of each collection, at most")
    parser.add_argument("--passages", action="store_true", help="measure paragraph hits as well")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks"), help="where the report goes")
    return parser.parse_args()
