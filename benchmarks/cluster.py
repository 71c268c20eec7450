"""``python -m benchmarks.cluster``: newsindex on OpenSearch clusters of several sizes, beside newsindex embedded.

All get the same synthetic texts and questions, each in turn. Measured by the clock, since most of the work of a cluster
is done in other processes: the build, and of each class of questions p50 and p95 of a page with its contents. Nodes are
started on this machine, one JVM each, with their files in memory where it can be, and killed afterwards; where the
server comes from is told in docs/opensearch.md. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from benchmarks.corpus import read, write
from benchmarks.generator import PARAGRAPHS, Generator
from benchmarks.measuring import load, machine
from benchmarks.peers.newsindex_engine import NewsIndex
from benchmarks.questions import CLASSES, Question, Words, questions
from benchmarks.results import p50, p95
from newsindex.engines.opensearch import OpenSearchEngine
from tests.cluster.nodes import Cluster

EMBEDDED: Final = "embedded"


class Page(NewsIndex):
    """newsindex embedded, asked for a page with its titles and paragraphs."""

    content = True


class Nodes(Cluster):
    """A cluster whose nodes compile as a server does; those of the tests start sooner in its place."""

    def _environment(self, number: int, home: Path) -> dict[str, str]:
        given = super()._environment(number, home)
        return {**given, "OPENSEARCH_JAVA_OPTS": f"-Xms{self._heap} -Xmx{self._heap} -Xlog:disable"}


class OnCluster(Page):
    """newsindex on a cluster. With several nodes there are as many shards, and a copy of each."""

    def __init__(self, place: Path, nodes: Nodes) -> None:
        super().__init__(place)
        self._engine.close()
        self._engine = OpenSearchEngine(
            hosts=nodes.hosts,
            settings={"number_of_shards": nodes.size, "number_of_replicas": min(1, nodes.size - 1)},
            search_timeout=60.0,
            write_timeout=120.0,
        )


@dataclass
class Measured:
    """build: seconds. size: bytes. times: milliseconds, by class of questions. totals: of each question."""

    build: float = 0.0
    size: int = 0
    times: dict[str, list[float]] = field(default_factory=dict)
    totals: list[int] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    options = _options(arguments)
    found: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory(prefix="newsindex-cluster-", dir=options.work) as folder:
        corpus = Path(folder) / "corpus.jsonl"
        count, paragraphs = write(corpus, Generator().articles(options.paragraphs // PARAGRAPHS))
        asked = questions(Words(read(corpus)), options.each)
        for size in (0, *map(int, options.nodes.split(","))):
            name = EMBEDDED if not size else f"{size} node{'s' if size > 1 else ''}"
            print(f"{name}: starting, {count:,} articles", file=sys.stderr, flush=True)
            with _peer(Path(folder) / "index", size, options.heap) as peer:
                found[name] = measured(peer, corpus, asked, options.times)
    agree(found)
    text = report(found, count, paragraphs, options)
    options.output.mkdir(parents=True, exist_ok=True)
    data = {name: asdict(each) for name, each in found.items()}
    (options.output / "cluster.json").write_text(json.dumps(data) + "\n")
    (options.output / "cluster.md").write_text(text)
    print(text)


@contextmanager
def _peer(place: Path, size: int, heap: str) -> Iterator[Page]:
    if not size:
        peer = Page(place)
        try:
            yield peer
        finally:
            peer.close()
        return
    with Nodes(size, heap) as nodes:
        nodes.wait(size, "green")
        on_cluster = OnCluster(place / str(size), nodes)
        try:
            yield on_cluster
        finally:
            on_cluster.close()


def measured(peer: Page, corpus: Path, asked: Sequence[Question], times: int) -> Measured:
    """Build, then ask all questions once that nothing is cold, and then ``times`` times each."""
    found = Measured()
    began = time.perf_counter()
    peer.build(read(corpus))
    found.build = time.perf_counter() - began
    peer.open()
    found.totals = [peer.ask(question).total for question in asked]
    found.size = peer._engine.stats().size
    for _ in range(times):
        for question in asked:
            began = time.perf_counter()
            peer.ask(question)
            found.times.setdefault(question.kind, []).append((time.perf_counter() - began) * 1_000)
    return found


def agree(found: dict[str, Measured]) -> None:
    """All have found the same number of articles for each question, or something is measured that is no answer."""
    first, *others = found.items()
    for name, each in others:
        wrong = sum(one != other for one, other in zip(first[1].totals, each.totals, strict=True))
        if wrong:
            raise RuntimeError(f"{name} and {first[0]} differ in the totals of {wrong} questions.")


def report(found: dict[str, Measured], articles: int, paragraphs: int, options: argparse.Namespace) -> str:
    """The tables as Markdown."""
    what = machine()
    lines = [
        "# One node, three nodes, embedded",
        "",
        f"{date.today().isoformat()}, by `python -m benchmarks.cluster --paragraphs {options.paragraphs} "
        f"--nodes {options.nodes} --heap {options.heap} --each {options.each} --times {options.times}`, on "
        f"{what['cores']} cores ({what['cpu']}), {what['memory']}, {what['system']}, Python {what['python']}; load "
        f"average {load():.1f}. All nodes share the machine with each other and with the site. {articles:,} articles, "
        f"{paragraphs:,} paragraphs. What is measured and how: [benchmarks](../../benchmarks/README.md#a-cluster).",
        "",
        "|  | build, s | articles a second | paragraphs a second | size, MB |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {each.build:.1f} | {articles / each.build:,.0f} | {paragraphs / each.build:,.0f} "
            f"| {each.size / 1e6:,.1f} |"
            for name, each in found.items()
        ),
        "",
        "p50 / p95 of a page, milliseconds on the clock:",
        "",
        "| questions | " + " | ".join(found) + " |",
        "|---" * (len(found) + 1) + "|",
        *(_row(kind, found) for kind in CLASSES if any(kind in each.times for each in found.values())),
    ]
    return "\n".join(lines) + "\n"


def _row(kind: str, found: dict[str, Measured]) -> str:
    cells = [f"{p50(each.times[kind]):.1f} / {p95(each.times[kind]):.1f}" for each in found.values()]
    return f"| {kind} | " + " | ".join(cells) + " |"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser: Any = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--paragraphs", type=int, default=200_000)
    parser.add_argument("--nodes", default="1,3", help="sizes of clusters, with commas")
    parser.add_argument("--heap", default="2g", help="of each node")
    parser.add_argument("--each", type=int, default=20, help="questions of a class")
    parser.add_argument("--times", type=int, default=3, help="how often each is asked")
    parser.add_argument("--work", type=Path, help="where texts and the embedded index are meanwhile")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks"), help="where the report goes")
    options: argparse.Namespace = parser.parse_args(arguments)
    return options


if __name__ == "__main__":
    main()
