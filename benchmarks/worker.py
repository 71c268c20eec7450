"""One measurement in a process of its own, so that its CPU time and memory are its own.

``python -m benchmarks.worker JOB RESULT``: reads what to do from the file JOB and writes the outcome to RESULT, both
JSON. A job that fails writes {"error": why}: a missing peer is a row of the table, not the end of the run.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks.corpus import Article, read
from benchmarks.generator import Generator
from benchmarks.measuring import (
    Spent,
    Stopwatch,
    cpu_of_children,
    load,
    peak_memory,
    peak_memory_of_children,
    private_memory,
)
from benchmarks.peers import load as load_peer
from benchmarks.peers.base import Answer, Peer, Unsupported
from benchmarks.questions import Question

Job = Mapping[str, Any]
Result = dict[str, Any]

#: So many of a class's questions have their totals checked.
CHECKED: Final = 5
#: How often a question is timed, after a first time.
PASSES: Final = 3
# At least so many questions of a class are asked, unless these take longer than all may.
_LEAST: Final = 3
#: A peer that can't be stopped within a question may take so many times as long as all classes have.
_SLOWEST: Final = 4


def updates(count: int, articles: int) -> Iterator[Article]:
    """New texts for ``count`` articles here and there among ``articles``."""
    if not count:
        # The generator's vocabulary would be in the memory that a build is said to need.
        return
    for article in Generator().articles(count, round=1):
        yield article._replace(number=article.number * 7_919 % articles)


def build(job: Job, peer: Peer) -> Result:
    """Make an index. ``replaced``: so many articles have the text that updates gave them."""
    corpus = Path(job["corpus"])
    replaced = {article.number: article for article in updates(job["replaced"], job["articles"])}
    peer.prepare(read(corpus, replaced))
    children = cpu_of_children()
    stopwatch = Stopwatch(peer.pids())
    peer.build(read(corpus, replaced))
    spent = stopwatch.read()
    result = {
        "cpu": spent.cpu + cpu_of_children() - children,
        "wall": spent.wall,
        "peak": peak_memory() + sum(peak_memory(pid) for pid in peer.pids()),
        "peak_of_children": peak_memory_of_children(),
        "size": peer.size(),
        "segments": peer.segments(),
        "version": peer.version(),
        "unit": peer.unit,
        "note": peer.note,
    }
    return result


def reading(job: Job, _: None = None) -> Result:
    """What reading the articles alone costs, which every build pays."""
    stopwatch = Stopwatch()
    paragraphs = sum(len(article.paragraphs) for article in read(Path(job["corpus"])))
    spent = stopwatch.read()
    return {"cpu": spent.cpu, "wall": spent.wall, "paragraphs": paragraphs}


def ask(job: Job, peer: Peer) -> Result:
    """Open the index, ask all questions, and say what that cost."""
    asked = [Question.of(data) for data in json.loads(Path(job["questions"]).read_text())]
    if job.get("classes"):
        asked = [question for question in asked if question.kind in job["classes"]]
    idle, _ = private_memory(peer.place)
    stopwatch = Stopwatch()
    peer.open()
    opened = stopwatch.read()
    rare = next((question for question in asked if question.kind == "one term, rare"), asked[0])
    first = _timed(peer, rare)[1]
    kinds = list(dict.fromkeys(question.kind for question in asked))
    end = time.perf_counter() + _SLOWEST * job["budget"] * len(kinds)
    classes: dict[str, Result] = {}
    for kind in kinds:
        if time.perf_counter() > end:
            classes[kind] = {"unsupported": "not asked: single questions before took too long"}
            continue
        classes[kind] = _class(peer, [question for question in asked if question.kind == kind], job["budget"])
    private, mapped = private_memory(peer.place)
    for pid in peer.pids():
        private += private_memory(pid=pid)[0] if _is_alive(pid) else 0
    if job.get("check"):
        for kind in kinds:
            _check(peer, classes[kind], [question for question in asked if question.kind == kind], job["budget"])
    result = {
        "open": vars(opened),
        "first": vars(first),
        "idle": idle,
        "private": private,
        "mapped": mapped,
        "unit": peer.unit,
        "classes": classes,
    }
    return result


def update(job: Job, peer: Peer) -> Result:
    """Replace articles, each in a commit of its own."""
    articles = list(updates(job["count"], job["articles"]))
    peer.open()
    before = peer.segments()
    spent: list[Spent] = []
    for article in articles:
        children = cpu_of_children()
        stopwatch = Stopwatch(peer.pids())
        peer.update(article)
        took = stopwatch.read()
        spent.append(Spent(took.cpu + cpu_of_children() - children, took.wall))
    result: Result = {
        "cpu": [one.cpu for one in spent],
        "wall": [one.wall for one in spent],
        "segments_before": before,
        "segments": peer.segments(),
    }
    if job.get("tidy"):
        stopwatch = Stopwatch()
        peer.tidy()
        result["tidy"] = {**vars(stopwatch.read()), "segments": peer.segments()}
    return result


def site(job: Job, _: None = None) -> Result:
    """Make newsindex's site: its database and its index."""
    # Loaded here only: other jobs measure processes without Django.
    newsroom = import_module("benchmarks.site.newsroom")
    stopwatch = Stopwatch()
    newsroom.make(Path(job["place"]), read(Path(job["corpus"])))
    return vars(stopwatch.read())


def _class(peer: Peer, questions: list[Question], budget: float) -> Result:
    """The costs of one class of questions, each the median of its times; within ``budget`` seconds."""
    end = time.perf_counter() + budget
    firsts: list[Spent] = []
    answers: list[Answer] = []
    try:
        for question in questions:
            now = time.perf_counter()
            if firsts and (now > end or (len(firsts) >= _LEAST and now > end - budget / 2)):
                break
            answer, spent = _timed(peer, question)
            firsts.append(spent)
            answers.append(answer)
    except Unsupported as reason:
        return {"unsupported": str(reason)}
    except Exception as error:  # a peer's fault is its row, whatever it is
        return {"unsupported": f"failed: {type(error).__name__}: {error}"[:300]}
    times: list[list[Spent]] = [[] for _ in firsts]
    for _ in range(PASSES):
        for place, question in enumerate(questions[: len(firsts)]):
            if time.perf_counter() > end:
                break
            times[place].append(_timed(peer, question)[1])
    measured = [found or [first] for found, first in zip(times, firsts, strict=True)]
    return {
        "cpu": [statistics.median(one.cpu for one in found) for found in measured],
        "wall": [statistics.median(one.wall for one in found) for found in measured],
        "first": [one.cpu for one in firsts],
        "totals": [answer.total for answer in answers],
        "hits": [answer.hits for answer in answers],
        "asked": len(firsts),
        "of": len(questions),
    }


def _timed(peer: Peer, question: Question) -> tuple[Answer, Spent]:
    stopwatch = Stopwatch(peer.pids())
    answer = peer.ask(question)
    return answer, stopwatch.read()


def _check(peer: Peer, outcome: Result, questions: list[Question], budget: float) -> None:
    """Add how many articles match, for comparison among the engines; as many as ``budget`` seconds allow."""
    end = time.perf_counter() + budget
    if "unsupported" in outcome:
        return
    try:
        totals: list[int] = []
        for question in questions[:CHECKED]:
            if time.perf_counter() < end:
                totals.append(peer.articles(question))
        outcome["articles"] = totals
    except Exception as error:  # as above
        outcome["check_failed"] = f"{type(error).__name__}: {error}"[:300]


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


_TASKS: Final[Mapping[str, Callable[[Any, Any], Result]]] = {
    "build": build,
    "reading": reading,
    "ask": ask,
    "update": update,
    "site": site,
}


def main(job_path: str, result_path: str) -> None:
    job = json.loads(Path(job_path).read_text())
    peer: Peer | None = None
    try:
        if "engine" in job:
            peer = load_peer(job["engine"], Path(job["place"]), job.get("processes", 1))
        result = _TASKS[job["task"]](job, peer)
    except Exception as error:  # the fault boundary of a measurement
        result = {"error": f"{type(error).__name__}: {error}"[:500]}
    finally:
        if peer is not None:
            peer.close()
    result["load"] = load()
    Path(result_path).write_text(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
