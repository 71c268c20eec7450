"""What suggestions and related articles cost: ``python -m benchmarks.suggestions``, CPU milliseconds, p50 and p95.

A site is made for each size, with its database and its index, and asked in a process of its own: the engine alone, the
function that a site calls, which asks the database too, and the JSON view. The process is warm, but before
each time it has to forget what it remembers of texts that were typed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks.corpus import Article
from benchmarks.generator import PARAGRAPHS, Generator
from benchmarks.measuring import Stopwatch, load, machine
from benchmarks.results import p50, p95
from benchmarks.site.rows import set_up

SIZES: Final = (20_000, 200_000)
#: One article of so many is written in characters without spaces.
_FOREIGN: Final = 20
_CHARACTERS: Final = 3_000
#: How many texts of each kind are asked, and how many before them.
ASKED: Final = 100
_WARM: Final = 20
#: On a machine that is never idle the least of several times says most.
PASSES: Final = 3
#: From so many articles they are drawn.
_KNOWN: Final = 500
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_REPORT: Final = Path("docs/benchmarks/suggestions.md")

Times = dict[str, list[float]]
Texts = Mapping[str, Sequence[str]]


def articles(paragraphs: int) -> Iterator[Article]:
    """The articles of a site: synthetic texts, of which some are in characters."""
    for article in Generator().articles(-(-paragraphs // PARAGRAPHS)):
        yield article if article.number % _FOREIGN else _in_characters(article)


def _in_characters(article: Article) -> Article:
    return article._replace(
        title=_characters(article.title), paragraphs=[_characters(text) for text in article.paragraphs]
    )


def _characters(text: str) -> str:
    """A character for each word, the same for the same one."""
    return "".join(chr(0x4E00 + zlib.crc32(word.lower().encode()) % _CHARACTERS) for word in re.findall(r"\w+", text))


def typed(known: Iterable[Article], count: int) -> dict[str, list[str]]:
    """``count`` texts of each kind that somebody may type, drawn from what the articles say, with a seed."""
    chance = random.Random(1)
    plain, foreign = [], []
    for article in known:
        (plain if article.number % _FOREIGN else foreign).append(article)
    rows = {name: list(dict.fromkeys(_drawn(draw, chance, plain, count))) for name, draw in _KINDS.items()}
    rows["characters"] = list(dict.fromkeys(_drawn(_some_characters, chance, foreign, count)))
    return rows


def _drawn(
    draw: Callable[[random.Random, Article], str], chance: random.Random, known: Sequence[Article], count: int
) -> Iterator[str]:
    for _ in range(count):
        yield draw(chance, chance.choice(known))


def _words(chance: random.Random, article: Article) -> list[str]:
    """Words that follow each other, from four letters on."""
    words = re.findall(r"\w{4,}", chance.choice(article.paragraphs).lower())
    first = chance.randrange(len(words) - 2)
    return words[first : first + 3]


def _letters(count: int) -> Callable[[random.Random, Article], str]:
    return lambda chance, article: _words(chance, article)[0][:count]


def _misspelt(chance: random.Random, article: Article) -> str:
    word = max(_words(chance, article), key=len)
    at = chance.randrange(1, len(word) - 1)
    return word[:at] + chance.choice(_LETTERS) + word[at + 1 :]


def _two(chance: random.Random, article: Article) -> str:
    first, second, _ = _words(chance, article)
    return f"{first} {second[:2]}"


def _three(chance: random.Random, article: Article) -> str:
    first, second, third = _words(chance, article)
    return f"{first} {second} {third[:1]}"


def _function_words(chance: random.Random, article: Article) -> str:
    return f"{chance.choice(_COMMON)} {chance.choice(_COMMON)} {_words(chance, article)[0][:1]}"


def _of_title(chance: random.Random, article: Article) -> str:
    words = article.title.lower().split()
    return f"{chance.choice(words[1:-1])} {words[-1][:3]}"


def _some_characters(chance: random.Random, article: Article) -> str:
    text = chance.choice([article.title, article.paragraphs[0]])
    first = chance.randrange(max(1, len(text) - 3))
    return text[first : first + chance.choice((1, 2, 3))]


_COMMON: Final = ("the", "of", "and", "to", "in", "that", "for", "was", "with", "said", "from", "have", "their", "will")
_KINDS: Final[Mapping[str, Callable[[random.Random, Article], str]]] = {
    "one letter": _letters(1),
    "two letters": _letters(2),
    "three letters": _letters(3),
    "five letters": _letters(5),
    "a whole word": lambda chance, article: _words(chance, article)[0],
    "a word and a space": lambda chance, article: _words(chance, article)[0] + " ",
    "a word misspelt": _misspelt,
    "a word and two letters": _two,
    "two words and a letter": _three,
    "two function words and a letter": _function_words,
    "words inside of titles": _of_title,
    "an author": lambda chance, article: f"author:{chance.randrange(1, 100)}",
    "names": lambda chance, article: f"q{chance.randrange(100)}",
}


def measured(place: Path, paragraphs: int, count: int) -> dict[str, Any]:
    """The milliseconds of every kind of text in the site at ``place``, by layer: to be called once in a process."""
    set_up("newsindex", place)
    known = _drawn_articles(min(_KNOWN, -(-paragraphs // PARAGRAPHS)), -(-paragraphs // PARAGRAPHS))
    asked = typed(known, count + _WARM)
    return {
        "paragraphs": paragraphs,
        "suggestions": {name: _suggesting(texts) for name, texts in asked.items()},
        "related": _related([article.number + 1 for article in known[: count + _WARM]]),
        "load": load(),
        "machine": machine(),
    }


def _drawn_articles(count: int, whole: int) -> list[Article]:
    """Some of the site's articles, with their titles and paragraphs."""
    numbers = random.Random(2).sample(range(whole), count)
    rows = import_module("newsindex.models").Article.objects.in_bulk([number + 1 for number in numbers])
    return [Article(n, rows[n + 1].title, "", "", [], [], rows[n + 1].body.split("\n\n")) for n in numbers]


def _suggesting(texts: Sequence[str]) -> Times:
    """One after the other with each layer, so that each is asked what it was not asked before."""
    engines, searching, views, test = _modules()
    now = import_module("django.utils.timezone").now
    engine = engines.engines["default"]
    factory = test.RequestFactory()
    view = views.SuggestJSONView.as_view()
    everybody = searching.EVERYBODY
    layers: dict[str, Callable[[str], Any]] = {
        "engine": lambda text: engine.suggest(text, now=now(), audiences=everybody),
        "suggest": searching.suggest,
        "view": lambda text: view(factory.get("/", {"q": text})),
    }
    return {name: _times(ask, texts, engine) for name, ask in layers.items()}


def _related(rows: Sequence[int]) -> dict[str, Times]:
    engines, searching, _, _ = _modules()
    article = import_module("newsindex.models").Article
    now = import_module("django.utils.timezone").now
    engine = engines.engines["default"]
    known = {row.pk: row for row in article.objects.filter(pk__in=rows)}
    key = searching._source_of(article).key
    asks: dict[str, dict[str, Callable[[int], Any]]] = {
        "related articles": {
            "engine": lambda pk: engine.related(key(known[pk]), now=now(), audiences=searching.EVERYBODY),
            "function": lambda pk: searching.related(known[pk]),
        },
        "more like a paragraph": {"function": lambda pk: searching.more_like(known[pk], paragraph=1)},
        "more like a text": {"function": lambda pk: searching.more_like(known[pk].body[:600])},
    }
    return {name: {layer: _times(ask, rows, engine) for layer, ask in own.items()} for name, own in asks.items()}


def _modules() -> tuple[Any, ...]:
    names = ("newsindex.engines", "newsindex.searching", "newsindex.views", "django.test")
    return tuple(import_module(name) for name in names)


def _times(ask: Callable[[Any], Any], asked: Sequence[Any], engine: Any) -> list[float]:
    """CPU milliseconds of each but the first few, the least of some times. The engine has to forget in between."""
    passes = []
    for _ in range(PASSES):
        engine._snapshot()._views = ()
        found = []
        for one in asked:
            stopwatch = Stopwatch()
            ask(one)
            found.append(stopwatch.read().cpu * 1e3)
        passes.append(found)
    return [min(each) for each in zip(*passes, strict=True)][min(_WARM, len(asked) // 2) :]


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """The results as Markdown."""
    sizes = [f"{one['paragraphs']:,}" for one in results]
    lines = ["| typed | " + " | ".join(f"{size}: engine | `suggest` | view" for size in sizes) + " |"]
    lines.append("|---" * (1 + 3 * len(sizes)) + "|")
    for name in results[0]["suggestions"]:
        cells = [_cell(one["suggestions"][name][layer]) for one in results for layer in ("engine", "suggest", "view")]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    together = [
        _cell([value for own in one["suggestions"].values() for value in own[layer]])
        for one in results
        for layer in ("engine", "suggest", "view")
    ]
    lines.append("| **all of them** | " + " | ".join(together) + " |")
    lines += ["", "| | " + " | ".join(f"{size}: engine | function" for size in sizes) + " |"]
    lines.append("|---" * (1 + 2 * len(sizes)) + "|")
    for name in results[0]["related"]:
        cells = [_cell(one["related"][name].get(layer, ())) for one in results for layer in ("engine", "function")]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    return f"{p50(values):.1f} / {p95(values):.1f}" if values else ""


def report(results: Sequence[Mapping[str, Any]], count: int = ASKED) -> str:
    """The page of the docs. count: how many texts of each kind there are at most."""
    last = results[-1]
    every = [value for own in last["suggestions"].values() for value in own["suggest"]]
    related = last["related"]["related articles"]["function"]
    loads = ", ".join(f"{one['load']:.1f}" for one in results)
    return f"""# What suggestions and related articles cost

{time.strftime("%Y-%m-%d")}, `python -m benchmarks.suggestions --write --each {count}`, as
[benchmarks/README.md](../../benchmarks/README.md#suggestions-and-related-articles) says. CPU milliseconds of the
process, p50 and p95 over the texts, the least of {PASSES} times for each, by the number of paragraphs; what the process
remembers of texts that were typed before is forgotten first. Load averages at the
ends {loads}, on {last["machine"]["cores"]} cores: on a busy machine CPU times are larger.

{table(results)}

The aims: half of all suggestions (`suggest`) below 5 ms, and half of the related articles (function) below 10 ms, at
200,000 paragraphs. Here, with {last["paragraphs"]:,}: {p50(every):.1f} ms and {p50(related):.1f} ms.
"""


def _measured_apart(paragraphs: int, count: int, folder: Path) -> dict[str, Any]:
    """Make the site where there is none yet, and measure it, each in a process of its own."""
    place = folder / f"site-{paragraphs}"
    for job in ("make", "ask"):
        if job == "make" and (place / "done").exists():
            continue
        command = [sys.executable, "-m", "benchmarks.suggestions", "--job", job, "--sizes", str(paragraphs)]
        print(f"{job}: {paragraphs:,} paragraphs", file=sys.stderr, flush=True)
        subprocess.run([*command, "--each", str(count), "--work", str(place)], check=True)
    results: dict[str, Any] = json.loads((place / "times.json").read_text())
    return results


def _job(name: str, place: Path, paragraphs: int, count: int) -> None:
    if name == "make":
        place.mkdir(parents=True)
        import_module("benchmarks.site.newsroom").make(place, articles(paragraphs))
        (place / "done").touch()
    else:
        (place / "times.json").write_text(json.dumps(measured(place, paragraphs, count)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the sites, ask them, print the tables, and write them where that is wanted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suggestions", description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="paragraphs of each site")
    parser.add_argument("--each", type=int, default=ASKED, help="texts of a kind")
    parser.add_argument("--work", type=Path, help="where sites are made, and found again (a folder for a while)")
    parser.add_argument("--write", action="store_true", help=f"write {_REPORT}")
    parser.add_argument("--job", choices=("make", "ask"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    sizes = [int(size) for size in options.sizes.split(",")]
    if options.job:
        _job(options.job, options.work, sizes[0], options.each)
        return
    with tempfile.TemporaryDirectory(prefix="newsindex-suggestions-") as folder:
        results = [_measured_apart(size, options.each, options.work or Path(folder)) for size in sizes]
    print(table(results))
    if options.write:
        _REPORT.write_text(report(results, options.each))


if __name__ == "__main__":
    main()
