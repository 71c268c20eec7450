"""Where the time of newsindex goes: ``python -m benchmarks.profiling`` profiles each class of questions, and commits.

Shares, not times: a profiler makes every call of a function slower, and so code of many small calls look worse than it
is. What numpy and other code without Python frames take is counted with the module that called it.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks.corpus import read, write
from benchmarks.generator import PARAGRAPHS, Generator
from benchmarks.measuring import Stopwatch, load
from benchmarks.peers.newsindex_engine import NewsIndex
from benchmarks.questions import CLASSES, Question, Words, questions
from benchmarks.worker import updates

#: So many articles are replaced to warm up, then as many on the clock, then as many under the profiler.
_COMMITS: Final = 50
#: Modules that a row names; the rest is "other".
_NAMED: Final = 6
Action: TypeAlias = Callable[[], Any]
# As pstats has it: (file, line, name) -> (primitive calls, calls, own seconds, all seconds, callers).
_Function = tuple[str, int, str]
_Stats = dict[_Function, tuple[int, int, float, float, dict[_Function, tuple[int, int, float, float]]]]


@dataclass(frozen=True)
class Profile:
    """What one thing costs, done once. milliseconds: of CPU, without the profiler. calls, native: calls of Python
    functions and of functions without Python frames. shares: of each module in the profiled time, the largest first.
    """

    name: str
    milliseconds: float
    calls: float
    native: float
    shares: tuple[tuple[str, float], ...]


def profiled(name: str, timed: Sequence[Action], seen: Sequence[Action]) -> Profile:
    """The cost of ``timed`` actions, and where the time of ``seen`` ones goes, which may be the same."""
    stopwatch = Stopwatch()
    for action in timed:
        action()
    spent = stopwatch.read().cpu
    profiler = cProfile.Profile(time.process_time)
    for action in seen:
        profiler.runcall(action)
    stats: _Stats = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    times = _by_module(stats)
    total = sum(times.values()) or 1.0
    shares = tuple((module, seconds / total) for module, seconds in times.most_common(_NAMED))
    native = sum(entry[1] for function, entry in stats.items() if function[0] == "~")
    calls = sum(entry[1] for entry in stats.values()) - native
    return Profile(name, 1e3 * spent / len(timed), calls / len(seen), native / len(seen), shares)


def _by_module(stats: _Stats) -> Counter[str]:
    """Own seconds of each module of newsindex, with those of what it called that is none of its modules."""
    times: Counter[str] = Counter()
    for function, (_, _, own, _, callers) in stats.items():
        module = _module(function[0])
        if module or not callers:
            times[module or "other"] += own
            continue
        whole = sum(entry[2] for entry in callers.values()) or 1.0
        for caller, entry in callers.items():
            times[_owner(caller, stats)] += own * entry[2] / whole
    return times


def _owner(function: _Function, stats: _Stats) -> str:
    """The module of newsindex nearest above a call, along the callers that call it most."""
    seen = set()
    while not (module := _module(function[0])):
        seen.add(function)
        callers = stats[function][4] if function in stats else {}
        above = max((one for one in callers if one not in seen), key=lambda one: callers[one][3], default=None)
        if above is None:
            return "other"
        function = above
    return module


def _module(path: str) -> str:
    """The name of a module of newsindex, "" for what is none."""
    parts = Path(path).with_suffix("").parts
    return ".".join(parts[parts.index("newsindex") + 1 :]) if "newsindex" in parts[:-1] else ""


def searches(peer: NewsIndex, asked: Iterable[Question]) -> Iterator[Profile]:
    """A profile for each class of questions."""
    of: dict[str, list[Question]] = {}
    for question in asked:
        of.setdefault(question.kind, []).append(question)
    for kind in CLASSES:
        actions = [partial(peer.ask, question) for question in of.get(kind, ())]
        for action in actions:
            action()
        if actions:
            yield profiled(kind, actions, actions)


def commits(peer: NewsIndex, articles: int) -> Profile:
    """The profile of the replacement of one article in a commit of its own."""
    actions = [partial(peer.update, article) for article in updates(3 * _COMMITS, articles)]
    for action in actions[:_COMMITS]:
        action()
    timed, seen = actions[_COMMITS : 2 * _COMMITS], actions[2 * _COMMITS :]
    return profiled(f"one article of {PARAGRAPHS} paragraphs, committed", timed, seen)


def table(profiles: Iterable[Profile]) -> str:
    """Markdown."""
    lines = [
        "|  | CPU, ms | Python calls | native calls | where |",
        "|---|---|---|---|---|",
    ]
    for one in profiles:
        where = ", ".join(f"{module.removeprefix('engines.whoosh.')} {share:.0%}" for module, share in one.shares)
        lines.append(f"| {one.name} | {one.milliseconds:.2f} | {one.calls:.0f} | {one.native:.0f} | {where} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build an index of synthetic texts, profile it, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profiling", description=__doc__)
    parser.add_argument("--paragraphs", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=20, help="questions of a class")
    parser.add_argument("--work", type=Path, help="where the index is made meanwhile")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="newsindex-profile-", dir=options.work) as folder:
        place = Path(folder)
        corpus = place / "corpus.jsonl"
        count, paragraphs = write(corpus, Generator().articles(options.paragraphs // PARAGRAPHS))
        asked = questions(Words(read(corpus)), options.each)
        peer = NewsIndex(place)
        _say("building")
        peer.build(read(corpus))
        peer.open()
        _say("asking")
        found = list(searches(peer, asked))
        _say("committing")
        found.append(commits(peer, count))
    print(f"{paragraphs:,} paragraphs, load average {load():.1f}\n\n{table(found)}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
