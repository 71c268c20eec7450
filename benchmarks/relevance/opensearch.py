"""``python -m benchmarks.relevance.opensearch``: newsindex on an OpenSearch cluster against newsindex embedded.

Both have the same texts and are asked the same questions for ten texts, as the search page asks. Measured are nDCG@10
of either, and how much of their first ten texts is the same. The cluster is given by its addresses; what is built there
is called newsindex-benchmark, and is taken out at the end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar, Final

import ir_measures

from benchmarks.relevance.collections import MOST_QUESTIONS, Collection, collections
from benchmarks.relevance.rankers import NewsIndex, Ranking
from benchmarks.relevance.run import distinct, ranked
from newsindex.engines.base import Engine
from newsindex.engines.opensearch import OpenSearchEngine

INDEX: Final = "newsindex-benchmark"
#: How far below the embedded engine nDCG@10 may be.
ALLOWED: Final = 0.02
_NDCG: Final = ir_measures.nDCG @ 10
_TOP: Final = 10


class OpenSearch(NewsIndex):
    """newsindex on OpenSearch, asked as "newsindex" is."""

    label = "newsindex on OpenSearch"
    hosts: ClassVar[list[str]] = []
    shards: ClassVar[int] = 3

    def engine(self) -> Engine:
        # How good the answers are is measured here, and not how soon they come.
        return OpenSearchEngine(
            hosts=self.hosts,
            index=INDEX,
            settings={"number_of_shards": self.shards, "number_of_replicas": 0},
            search_timeout=120.0,
            write_timeout=120.0,
        )


@dataclass(frozen=True)
class Agreement:
    """nDCG@10 of both, the mean share of the first ten that both have, and of how many questions these are the same."""

    questions: int
    embedded: float
    opensearch: float
    overlap: float
    same: int

    @property
    def ratio(self) -> float:
        return self.opensearch / self.embedded if self.embedded else 1.0


def main() -> None:
    """Measure, print, write."""
    options = _options()
    OpenSearch.hosts, OpenSearch.shards = options.opensearch.split(","), options.shards
    wanted = frozenset(name for name in options.sets.split(",") if name)
    options.output.mkdir(parents=True, exist_ok=True)
    found: dict[str, Agreement] = {}
    for collection in collections(options.corpora, wanted, options.questions):
        began = time.monotonic()
        found[collection.name] = agreement(collection)
        print(f"{collection.name:22} {found[collection.name]}  ({time.monotonic() - began:.0f} s)", flush=True)
        data = {name: asdict(each) for name, each in found.items()}
        (options.output / "opensearch.json").write_text(json.dumps(data, indent=1) + "\n")
        (options.output / "opensearch.md").write_text(report(found))
    _drop()
    print(report(found))


def agreement(collection: Collection) -> Agreement:
    """Ask both engines all questions of the collection."""
    with tempfile.TemporaryDirectory() as folder:
        rankers = (NewsIndex(collection, Path(folder) / "index"), OpenSearch(collection, Path(folder)))
        for ranker in rankers:
            ranker.build()
        first, second = (
            {key: ranked(ranker, question, _TOP) for key, question in collection.questions.items()}
            for ranker in rankers
        )
    judgments = {key: collection.judgments[key] for key in collection.questions}
    ndcg = [
        ir_measures.calc_aggregate([_NDCG], judgments, {key: distinct(ranking) for key, ranking in run.items()})[_NDCG]
        for run in (first, second)
    ]
    tops = [(_top(first[key]), _top(second[key])) for key in first]
    same = sum(one == other for one, other in tops)
    return Agreement(len(tops), *ndcg, statistics.mean(overlap(one, other) for one, other in tops), same)


def overlap(one: list[str], other: list[str]) -> float:
    """The share of the texts that both have; 1 where neither has any."""
    longest = max(len(one), len(other))
    return len({*one} & {*other}) / longest if longest else 1.0


def report(found: dict[str, Agreement]) -> str:
    """The table as Markdown."""
    lines = [
        "# OpenSearch beside the embedded engine",
        "",
        f"{date.today().isoformat()}, by `{_command()}`: the same texts and questions in both. What is measured and "
        "how: [benchmarks](../../benchmarks/README.md#opensearch).",
        "",
        "| collection | questions | nDCG@10, embedded | on OpenSearch | ratio | overlap of the first ten | the same |",
        "|---|---|---|---|---|---|---|",
        *_rows(found),
    ]
    return "\n".join(lines) + "\n"


def _rows(found: dict[str, Agreement]) -> Iterator[str]:
    for name, each in found.items():
        far = " (far)" if each.ratio < 1 - ALLOWED else ""
        yield (
            f"| {name} | {each.questions} | {each.embedded:.4f} | {each.opensearch:.4f} | {each.ratio:.4f}{far} "
            f"| {each.overlap:.4f} | {each.same / each.questions:.1%} |"
        )
    means = ("embedded", "opensearch", "overlap")
    embedded, cluster, both = (statistics.mean(getattr(each, name) for each in found.values()) for name in means)
    questions, same = sum(each.questions for each in found.values()), sum(each.same for each in found.values())
    yield (
        f"| **all** | {questions} | {embedded:.4f} | {cluster:.4f} | {cluster / embedded:.4f} | {both:.4f} "
        f"| {same / questions:.1%} |"
    )


def _top(ranking: Ranking) -> list[str]:
    return [text for text, _ in ranking[:_TOP]]


def _command() -> str:
    given = sys.argv[1:]
    hidden = {place for place, said in enumerate(given) if said in ("--corpora", "--opensearch", "--output")}
    shown = [said for place, said in enumerate(given) if not {place, place - 1} & hidden]
    return " ".join(["python -m benchmarks.relevance.opensearch", *shown])


def _drop() -> None:
    """Take what was built out of the cluster."""
    for name in (f"{INDEX}-*", f".{INDEX}-control"):
        request = urllib.request.Request(f"{OpenSearch.hosts[0]}/{name}?ignore_unavailable=true", method="DELETE")
        with urllib.request.urlopen(request, timeout=60):
            pass


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relevance.opensearch", description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True, help="a folder of judged collections")
    parser.add_argument("--opensearch", required=True, help="addresses of nodes, with commas: http://127.0.0.1:9200")
    parser.add_argument("--shards", type=int, default=3, help="of the index in the cluster")
    parser.add_argument("--sets", default="", help="names of collections, with commas; all without it")
    parser.add_argument("--questions", type=int, default=MOST_QUESTIONS, help="of each collection, at most")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks"), help="where the report goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
