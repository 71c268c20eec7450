"""The run: makes the texts, lets each engine build and search in processes of its own, and writes the report."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import date
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from benchmarks import pages, report
from benchmarks.corpus import Article, archive, archives, read, write
from benchmarks.generator import PARAGRAPHS, Generator
from benchmarks.measuring import load, machine
from benchmarks.peers import LABELS, LARGEST, PEERS
from benchmarks.questions import Words, common_words, questions
from benchmarks.results import Corpus, Outcome, Results

_ROOT = Path(__file__).resolve().parent.parent
#: How many articles are replaced one by one, and how many for what many commits leave behind.
UPDATES: Final = 50
COMMITS: Final = 1_000
_SITES: Final = ("newsindex", "modelsearch", "haystack")


class Run:
    """What a run has: a folder for files that go away, and the results so far, kept on the disk at each step."""

    def __init__(self, options: argparse.Namespace, work: Path) -> None:
        self.options = options
        self.work = work
        self.output: Path = options.output
        self.output.mkdir(parents=True, exist_ok=True)
        self.results = Results(date.today().isoformat(), _command(options), machine())
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def corpora(self) -> None:
        """Everything but the pages."""
        self.results.idle = self._idle()
        for name, size in self.options.sizes.items():
            articles = Generator().articles(size // PARAGRAPHS)
            self._corpus(name, articles, synthetic=True)
        if self.options.corpora:
            for name in self.options.archives or archives(self.options.corpora):
                self._corpus(name, archive(self.options.corpora, [name]), synthetic=False)

    def pages(self) -> None:
        """The search pages of the sites."""
        path = self.work / "pages.jsonl"
        count, paragraphs = write(path, Generator().articles(self.options.pages // PARAGRAPHS))
        self.results.pages_paragraphs = paragraphs
        asked = common_words(Words(read(path)))
        for site in _SITES:
            if site in self.options.engines:
                _say(f"pages of {site}")
                self.results.pages[site] = self._site(site, path, count, asked)
                self._save()

    def _corpus(self, name: str, articles: Iterable[Article], synthetic: bool) -> None:
        path, asked = self.work / "corpus.jsonl", self.work / "questions.json"
        _say(f"{name}: writing the texts")
        count, paragraphs = write(path, articles)
        reading = self._job("reading", corpus=str(path))
        asked.write_text(json.dumps([one.data() for one in questions(Words(read(path)), self.options.each)]))
        corpus = Corpus(name, paragraphs, count, path.stat().st_size, reading, synthetic)
        self.results.corpora.append(corpus)
        for engine in self.options.engines:
            if paragraphs <= LARGEST.get(engine, paragraphs):
                self._engine(engine, corpus, path, asked)
            elif self.options.whole:
                self._build(engine, corpus, path)
            else:
                corpus.engines[engine] = {"build": {"error": "too large for it here"}}

    def _build(self, engine: str, corpus: Corpus, path: Path) -> None:
        """The build alone, of an engine whose searches would take too long."""
        place = self._place(engine)
        steps = corpus.engines[engine] = {}
        self._step(steps, corpus, engine, "build", "build", _job(engine, place, corpus, path), replaced=0)
        shutil.rmtree(place)

    def _engine(self, engine: str, corpus: Corpus, path: Path, asked: Path) -> None:
        """All that is measured of one engine on one corpus."""
        place = self._place(engine)
        job = _job(engine, place, corpus, path)
        ask = {**job, "questions": str(asked), "budget": self.options.budget}
        steps = corpus.engines[engine] = {}
        self._step(steps, corpus, engine, "build", "build", job, replaced=0)
        if "error" not in steps["build"]:
            self._step(steps, corpus, engine, "ask", "ask", ask, check=True)
            if engine == "newsindex":
                page = {**ask, "engine": "newsindex-page"}
                corpus.engines["newsindex-page"] = {}
                self._step(corpus.engines["newsindex-page"], corpus, "newsindex-page", "ask", "ask", page)
                two = self._place("two")
                self._step(
                    steps,
                    corpus,
                    engine,
                    "build with 2 processes",
                    "build",
                    job,
                    place=str(two),
                    processes=2,
                    replaced=0,
                )
                shutil.rmtree(two)
            if corpus.synthetic and corpus.paragraphs <= 250_000:
                self._updates(engine, corpus, steps, job, ask)
        shutil.rmtree(place)

    def _updates(
        self, engine: str, corpus: Corpus, steps: dict[str, Outcome], job: dict[str, Any], ask: dict[str, Any]
    ) -> None:
        """Small commits; for newsindex also what many of them leave, on the largest corpus that all engines have."""
        largest = max(size for size in self.options.sizes.values() if size <= 250_000)
        many = engine == "newsindex" and self.options.sizes.get(corpus.name) == largest
        place = Path(job["place"])
        if many:
            copy = self._place("copy", make=False)
            shutil.copytree(place, copy)
        self._step(steps, corpus, engine, "update", "update", job, count=UPDATES)
        if not many:
            return
        commits = min(COMMITS, corpus.articles // 2)
        copied = {"place": str(copy)}
        self._step(steps, corpus, engine, "1,000 commits", "update", job, count=commits, tidy=False, **copied)
        self._step(steps, corpus, engine, "ask after commits", "ask", ask, **copied)
        self._step(steps, corpus, engine, "tidying", "update", job, count=1, tidy=True, **copied)
        shutil.rmtree(copy)
        copy.mkdir(mode=0o711)
        self._step(steps, corpus, engine, "build again", "build", job, replaced=commits, **copied)
        self._step(steps, corpus, engine, "ask after rebuild", "ask", ask, **copied)
        shutil.rmtree(copy)

    def _site(self, site: str, corpus: Path, articles: int, queries: Sequence[tuple[str, ...]]) -> Outcome:
        place = self._place(f"site-{site}")
        job: dict[str, Any] = {"place": str(place), "corpus": str(corpus), "articles": articles, "replaced": 0}
        made = self._job("site", **job) if site == "newsindex" else self._job("build", engine=site, **job)
        try:
            if "error" in made:
                return made
            return pages.measure(site, place, queries, self._environment)
        except (RuntimeError, OSError, HTTPException) as error:
            return {"error": f"{type(error).__name__}: {error}"}
        finally:
            shutil.rmtree(place)

    def _step(
        self,
        steps: dict[str, Outcome],
        corpus: Corpus,
        engine: str,
        name: str,
        task: str,
        job: dict[str, Any],
        **more: Any,
    ) -> None:
        began = time.perf_counter()
        outcome = steps[name] = self._job(task, **{**job, **more})
        seconds = time.perf_counter() - began
        _say(f"{corpus.name}: {LABELS[engine]}, {name}: {outcome.get('error') or f'{seconds:.0f} s'}")
        self._save()

    def _job(self, task: str, **job: Any) -> Outcome:
        """Do a task in a process of its own."""
        asked, answer = self.work / "job.json", self.work / "result.json"
        asked.write_text(json.dumps({"task": task, **job}))
        answer.unlink(missing_ok=True)
        command = [sys.executable, "-m", "benchmarks.worker", str(asked), str(answer)]
        self.results.loads.append(load())
        try:
            patience = self.options.patience
            done = subprocess.run(command, env=self._environment, cwd=self.work, timeout=patience, check=False)
        except subprocess.TimeoutExpired:
            return {"error": f"took more than {patience} seconds"}
        if not answer.exists():
            return {"error": f"ended with {done.returncode}"}
        outcome: Outcome = json.loads(answer.read_text())
        if "error" in outcome:
            # What is written names no folder of this machine.
            outcome["error"] = outcome["error"].replace(str(self.work), "WORK").replace(str(_ROOT), "ROOT")
        return outcome

    def _idle(self) -> int:
        """Private bytes of a Django process without search; 0 where that can't be had."""
        command = [sys.executable, "-m", "benchmarks.site.idle"]
        done = subprocess.run(
            command, env=self._environment, cwd=self.work, capture_output=True, text=True, check=False
        )
        return int(done.stdout) if done.returncode == 0 else 0

    def _place(self, name: str, make: bool = True) -> Path:
        place = self.work / name
        if make:
            place.mkdir(mode=0o711)
        return place

    def _save(self) -> None:
        self.results.save(self.output / "results.json")


def _job(engine: str, place: Path, corpus: Corpus, path: Path) -> dict[str, Any]:
    """What a process has to know to work on a corpus. path: its texts."""
    return {"engine": engine, "place": str(place), "corpus": str(path), "articles": corpus.articles}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, then write the report; with ``--report`` only write it again."""
    options = _options(arguments)
    path: Path = options.output / "results.json"
    if options.report:
        report.write(Results.read(path), options.output)
        return
    if options.work:
        options.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="newsindex-benchmark-", dir=options.work) as folder:
        # The user that runs PostgreSQL has to find its way.
        Path(folder).chmod(0o711)
        run = Run(options, Path(folder))
        run.corpora()
        if options.pages:
            run.pages()
        run.results.loads.append(load())
        run.results.save(path)
    report.write(run.results, options.output)
    print((options.output / "results.md").read_text())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sizes", type=_sizes, default="20k,200k,1m", help="paragraphs: 20k,200k,1m")
    parser.add_argument("--engines", type=_engines, default=",".join(_CHOICES), help=f"some of {', '.join(_CHOICES)}")
    parser.add_argument("--output", type=Path, default=_ROOT / "docs" / "benchmarks", help="where the report goes")
    parser.add_argument("--corpora", type=Path, help="a folder of real archives, measured as well")
    parser.add_argument("--archives", type=_names, help="which of them: names,names")
    parser.add_argument("--pages", type=_size, default="200k", help="paragraphs behind the search pages, 0 for none")
    parser.add_argument("--each", type=int, default=20, help="questions of a class")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for a class of questions and an engine")
    parser.add_argument("--patience", type=int, default=3_600, help="seconds after which a process is given up")
    parser.add_argument("--whole", action="store_true", help="build also with engines too slow to be asked")
    parser.add_argument("--work", type=Path, help="where the indexes are made meanwhile; a few gigabytes")
    parser.add_argument(
        "--quick", action="store_true", help="5,000 paragraphs and few questions, to see that all works"
    )
    parser.add_argument("--report", action="store_true", help="measure nothing, write the report of the last run again")
    options = parser.parse_args(arguments)
    if options.quick:
        options.sizes, options.pages, options.each, options.budget = {"5k": 5_000}, 5_000, 6, 4.0
    return options


_CHOICES: Final = [name for name in PEERS if name != "newsindex-page"]


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _engines(text: str) -> list[str]:
    names = _names(text)
    if unknown := set(names) - set(_CHOICES):
        raise argparse.ArgumentTypeError(f"there is no engine {', '.join(sorted(unknown))}")
    return names


def _sizes(text: str) -> dict[str, int]:
    return {name: _size(name) for name in _names(text)}


def _size(text: str) -> int:
    factor = {"k": 1_000, "m": 1_000_000}.get(text[-1:].lower(), 1)
    return int(float(text if factor == 1 else text[:-1]) * factor)


def _command(options: argparse.Namespace) -> str:
    """The command, without folders."""
    parts = ["python -m benchmarks"]
    if options.quick:
        parts.append("--quick")
    else:
        parts.append(f"--sizes {','.join(options.sizes) or repr('')}")
        if not options.pages:
            parts.append("--pages 0")
    if options.engines != _CHOICES:
        parts.append(f"--engines {','.join(options.engines)}")
    for name, usual in (("each", 20), ("budget", 20.0)):
        if not options.quick and getattr(options, name) != usual:
            parts.append(f"--{name} {getattr(options, name):g}")
    if options.whole:
        parts.append("--whole")
    if not options.quick and options.patience != 3_600:
        parts.append(f"--patience {options.patience}")
    if options.corpora:
        parts.append("--corpora CORPORA")
    if options.archives:
        parts.append(f"--archives {','.join(options.archives)}")
    return " ".join(parts)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
