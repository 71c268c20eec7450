"""The run: every list of misspellings in every corrector, right words left alone, CPU time, and the table of it."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from benchmarks.spelling.correctors import Corrector, NewsIndex, Norvig, SymSpell
from newsindex.analysis import fold, tokens

#: Norvig's way takes so long that so many words must do to time it.
_TIMED: Final = 300
#: In the large dictionary no word is more frequent: its index would take long to build, and costs the same to ask.
_FREQUENT: Final = 300
_SEED: Final = 17

Pairs = list[tuple[str, str]]


def main() -> None:
    """Measure, print, write."""
    options = _options()
    frequencies = _frequencies(options.corpora / options.dictionary)
    paths = sorted(options.corpora.glob("*.tsv.gz"))
    lists = {path.name.partition(".")[0]: _drawn(_pairs(path, frequencies), options.most) for path in paths}
    with tempfile.TemporaryDirectory() as folder:
        newsindex = NewsIndex(frequencies, Path(folder) / "index", options.language)
        correctors: list[Corrector] = [newsindex, SymSpell(frequencies), Norvig(frequencies)]
        right: dict[str, dict[str, Any]] = {name: {} for name in lists}
        for one in correctors:
            for name, pairs in lists.items():
                right[name][one.label] = _right(one, pairs)
                print(name, one.label, right[name][one.label], flush=True)
        wrong = _wrong(newsindex, frequencies, lists)
        print(json.dumps(wrong, indent=1), flush=True)
        misspelt = _sample(pair for pairs in lists.values() for pair in pairs)
        cost = {str(len(frequencies)): {one.label: _cost(one, misspelt) for one in correctors}}
        print(json.dumps(cost, indent=1), flush=True)
    many = {word: min(count, _FREQUENT) for word, count in _with_more(frequencies, options.words).items()}
    with tempfile.TemporaryDirectory() as folder:
        large = NewsIndex(many, Path(folder) / "index", options.language)
        cost[str(len(many))] = {large.label: _cost(large, misspelt), "memory": _memory(large, misspelt)}
    results: dict[str, Any] = {
        "sizes": {name: len(pairs) for name, pairs in lists.items()},
        "right": right,
        "wrong": wrong,
    }
    results |= {"cost": cost, "load": os.getloadavg()[0]}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "spelling.json").write_text(json.dumps(results, indent=1) + "\n")
    (options.output / "spelling.md").write_text(report(results))
    print(report(results))


def _frequencies(path: Path) -> dict[str, int]:
    """Folded words with their counts; what is several words is left out."""
    found: dict[str, int] = {}
    for line in _lines(path):
        text, count = line.rsplit(maxsplit=1)
        words = tokens(text, "")
        if len(words) == 1:
            found[words[0].word] = found.get(words[0].word, 0) + int(count)
    return found


def _pairs(path: Path, frequencies: Mapping[str, int]) -> Pairs:
    """Misspelt and right words, of those that the dictionary has."""
    pairs = (line.split("\t")[:2] for line in _lines(path))
    return [(fold(wrong), fold(right)) for wrong, right in pairs if fold(right) in frequencies and " " not in wrong]


def _drawn(pairs: Pairs, most: int) -> Pairs:
    return pairs if len(pairs) <= most else random.Random(_SEED).sample(pairs, most)


def _lines(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def _right(corrector: Corrector, pairs: Pairs) -> dict[str, float]:
    """The share of words for which the right one is offered, and is among the best five."""
    first = five = 0
    for wrong, right in pairs:
        offered, best = corrector.answers(wrong)
        first += fold(offered) == right
        five += right in best
    return {"first": first / len(pairs), "five": five / len(pairs)}


def _wrong(newsindex: NewsIndex, frequencies: Mapping[str, int], lists: Mapping[str, Pairs]) -> dict[str, Any]:
    """The share of right words for which another is offered, by how frequent they are at least."""
    offered = {word: newsindex.first(word) for word in frequencies}
    least = {f"{count} or more": [word for word, own in frequencies.items() if own >= count] for count in (1, 2, 3, 10)}
    rights = {f"right words of {name}": sorted({right for _, right in pairs}) for name, pairs in lists.items()}
    return {
        name: {"words": len(words), "wrong": sum(bool(offered[word]) for word in words) / max(len(words), 1)}
        for name, words in {**least, **rights}.items()
    }


def _cost(corrector: Corrector, words: list[str]) -> dict[str, float]:
    """CPU milliseconds a word."""
    for word in words[:20]:
        corrector.first(word)
    return _percentiles([_timed(corrector.first, word) for word in words])


def _timed(call: Callable[[str], str], word: str) -> float:
    began = time.process_time()
    call(word)
    return (time.process_time() - began) * 1e3


def _percentiles(values: list[float]) -> dict[str, float]:
    places = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": places[49], "p95": places[94]}


def _memory(corrector: Corrector, words: list[str]) -> float:
    """The most megabytes that a correction takes for a moment."""
    tracemalloc.start()
    for word in words[:50]:
        corrector.first(word)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def _sample(pairs: Iterable[tuple[str, str]]) -> list[str]:
    words = sorted({wrong for wrong, _ in pairs})
    return random.Random(_SEED).sample(words, min(_TIMED, len(words)))


def _with_more(frequencies: Mapping[str, int], size: int) -> dict[str, int]:
    """The same with made-up words, the beginning of one and the end of another, each once: as many as make ``size``."""
    chance = random.Random(_SEED)
    known = dict(frequencies)
    words = sorted(word for word in frequencies if len(word) > 3)
    while len(known) < size:
        one, other = chance.choice(words), chance.choice(words)
        made = one[: chance.randint(2, len(one))] + other[chance.randint(1, len(other) - 1) :]
        if 3 <= len(made) <= 18:
            known.setdefault(made, 1)
    return known


def report(results: dict[str, Any]) -> str:
    """The tables as Markdown."""
    lines = [
        "# Spelling",
        "",
        f"{date.today().isoformat()}, by `python -m benchmarks.spelling`. What is measured and how: "
        "[benchmarks](../../benchmarks/README.md#spelling).",
        "",
        "## Right corrections",
        "",
        "The share of misspelt words for which the right word is offered, and is among the best five.",
        "",
    ]
    labels = list(next(iter(results["right"].values())))
    lines += _row("list", "words", *labels) + _row(*["---"] * (len(labels) + 2))
    for name, row in results["right"].items():
        shown = [f"{row[label]['first']:.3f} / {row[label]['five']:.3f}" for label in labels]
        lines += _row(name, f"{results['sizes'][name]:,}", *shown)
    lines += [
        "",
        "## Wrong corrections",
        "",
        "The share of right, visible words for which newsindex offers another.",
        "",
    ]
    lines += _row("words that stand in so many articles", "words", "wrong") + _row("---", "---", "---")
    for name, row in results["wrong"].items():
        lines += _row(name, f"{row['words']:,}", f"{row['wrong']:.2%}")
    lines += ["", "## Cost", "", "CPU milliseconds for a misspelt word, p50 / p95; for newsindex the whole search.", ""]
    lines += _row("words in the dictionary", *labels) + _row(*["---"] * (len(labels) + 1))
    memory = 0.0
    for size, row in results["cost"].items():
        cells = [f"{row[label]['p50']:.2f} / {row[label]['p95']:.2f}" if label in row else "" for label in labels]
        lines += _row(f"{int(size):,}", *cells)
        memory = row.get("memory", memory)
    lines += [
        "",
        f"A correction takes {memory:.1f} MB for a moment at most, and keeps nothing. Load average at the end: "
        f"{results['load']:.0f}.",
    ]
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> list[str]:
    return ["| " + " | ".join(cells) + " |"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spelling", description=__doc__)
    parser.add_argument(
        "--corpora", type=Path, required=True, help="a folder with a dictionary and lists of misspellings"
    )
    parser.add_argument("--dictionary", default="big_words_freq.txt.gz", help="its file: a word and its count a line")
    parser.add_argument("--words", type=int, default=200_000, help="how many words the large dictionary has")
    parser.add_argument("--language", default="", help="of the articles in which the words stand")
    parser.add_argument("--most", type=int, default=1_500, help="of a longer list, so many pairs are drawn")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks"), help="where the report goes")
    return parser.parse_args()
