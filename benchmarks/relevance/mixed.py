"""``python -m benchmarks.relevance.mixed``: all languages in one index, against an index for each language.

All texts of the collections go into one index of newsindex, each in its language. Their questions are asked there, with
nothing said about their language, and in indexes of bm25s that hold one collection each and are made for its language:
one with the stemmer of Snowball, one with pairs of characters for scripts without spaces. Of each collection as many
questions are drawn as ``--questions`` says.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Final

import ir_measures

from benchmarks.relevance.collections import Collection, Text, collections
from benchmarks.relevance.rankers import BM25S, DEPTH, NewsIndex, Ranker, Ranking

SETS: Final = "xquad,cmrc2018_dev,jsquad_valid,ruby_news,lctt_zh"
#: How much of the best baseline's recall may be missing.
ALLOWED: Final = 0.95
_MEASURES: Final = (ir_measures.R @ 100, ir_measures.nDCG @ 10)
_PAIRED: Final = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+|[^\\W\u0e00-\u0e7f\u3040-\ud7a3]+")

Figures = dict[str, float]


class Pairs(BM25S):
    """bm25s over pairs of characters where a script has no spaces, and Korean; over words elsewhere."""

    label: ClassVar[str] = "bm25s, pairs"

    def _tokens(self, texts: list[str]) -> Any:
        ids: dict[str, int] = self.__dict__.setdefault("_vocabulary", {})
        found = [[ids.setdefault(token, len(ids)) for token in _pairs(text)] for text in texts]
        return self._bm25s.tokenization.Tokenized(ids=found, vocab=dict(ids))


def _pairs(text: str) -> Iterator[str]:
    for run in _PAIRED.findall(text.lower()):
        if ord(run[0]) < 0x0E00 or len(run) < 2:
            yield run
        else:
            yield from (run[at : at + 2] for at in range(len(run) - 1))


def main() -> None:
    """Measure, print, write."""
    options = _options()
    wanted = frozenset(name for name in options.sets.split(",") if name)
    chosen = [_fewer(each, options.questions) for each in collections(options.corpora, wanted)]
    chosen += [_leads(path, options.questions) for path in options.leads]
    results = dict(measured(chosen))
    text = report(results)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "languages.json").write_text(json.dumps(results, indent=1) + "\n")
    (options.output / "languages.md").write_text(text)
    print(text)


def measured(chosen: list[Collection]) -> Iterator[tuple[str, dict[str, Figures]]]:
    """For each collection, the figures of the mixed index and of each baseline."""
    with tempfile.TemporaryDirectory() as folder:
        ranker = NewsIndex(mixed(chosen), Path(folder) / "index")
        ranker.build()
        for collection in chosen:
            prefix = f"{collection.name}/"
            run = {
                key: [(text.removeprefix(prefix), score) for text, score in ranker.rank(question, DEPTH)]
                for key, question in collection.questions.items()
            }
            figures = {"newsindex": _figures(collection, run)}
            for kind in (BM25S, Pairs):
                figures[kind.label] = _figures(collection, _alone(kind, collection, Path(folder)))
            print(collection.name, figures, flush=True)
            yield collection.name, figures


def mixed(chosen: list[Collection]) -> Collection:
    """One collection of all texts, whose names begin with those of their collections."""
    texts = [text._replace(id=f"{each.name}/{text.id}") for each in chosen for text in each.texts]
    return Collection("mixed", texts, {}, {})


def report(results: dict[str, dict[str, Figures]]) -> str:
    """The table as Markdown."""
    lines = [
        "# Languages",
        "",
        f"{date.today().isoformat()}, by `python -m benchmarks.relevance.mixed`: all collections in one index, and the "
        "best of indexes of one collection each that are made for its language. [What is measured and how]"
        "(../../benchmarks/README.md#relevance).",
        "",
        "| collection | recall@100, one mixed index | best of its own | nDCG@10, one mixed index | best of its own |",
        "|---|---|---|---|---|",
    ]
    for name, figures in results.items():
        own, *others = figures.values()
        best = {measure: max(each[measure] for each in others) for measure in own}
        short = own["R@100"] < ALLOWED * best["R@100"]
        lines.append(
            f"| {name} | {own['R@100']:.3f}{' (short)' if short else ''} | {best['R@100']:.3f} "
            f"| {own['nDCG@10']:.3f} | {best['nDCG@10']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def _alone(kind: type[Ranker], collection: Collection, folder: Path) -> dict[str, Ranking]:
    ranker = kind(collection, folder / "alone")
    ranker.build()
    return {key: ranker.rank(question, DEPTH) for key, question in collection.questions.items()}


def _figures(collection: Collection, run: dict[str, Ranking]) -> Figures:
    judgments = {key: collection.judgments[key] for key in collection.questions}
    scored = {key: {text: float(-at) for at, (text, _) in enumerate(ranking)} for key, ranking in run.items()}
    found = ir_measures.calc_aggregate(_MEASURES, judgments, scored)
    return {str(measure): found[measure] for measure in _MEASURES}


def _fewer(collection: Collection, most: int) -> Collection:
    names = sorted(collection.questions)
    random.Random(1).shuffle(names)
    questions = {name: collection.questions[name] for name in names[:most]}
    return Collection(collection.name, collection.texts, questions, collection.judgments, collection.judged)


def _leads(folder: Path, most: int) -> Collection:
    """A collection without questions: the first sentence of each text asks for the others."""
    with gzip.open(folder / "documents.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    parts = {row["id"]: row["text"].partition(". ") for row in rows}
    texts = [Text(row["id"], "", parts[row["id"]][2].split("\n\n"), [], "", row.get("lang") or "") for row in rows]
    questions = {name: lead for name, (lead, _, rest) in parts.items() if rest.strip()}
    return _fewer(Collection(folder.name, texts, questions, {name: {name: 1} for name in questions}), most)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relevance.mixed", description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True, help="a folder of judged collections")
    parser.add_argument("--sets", default=SETS, help="names of collections, with commas")
    parser.add_argument("--leads", type=Path, nargs="*", default=[], help="folders of texts without questions")
    parser.add_argument("--questions", type=int, default=200, help="of each collection, so many questions")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks"), help="where the report goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
