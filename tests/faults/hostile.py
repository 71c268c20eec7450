"""Driver: hostile queries against a large index, measured.

    DJANGO_SETTINGS_MODULE=tests.settings python -m tests.faults.driver hostile INDEX COUNT SEED [PARAGRAPHS]

INDEX is the directory of an index of any size, as benchmarks makes them; where there is none yet, one of so many
generated paragraphs is made. test_hostile_costs.py does both. Each text is parsed and searched for as the
page of results does it, with facets, timeline, correction and ten hits; every tenth is completed as well. Says how much
CPU time that took, and how many of them raised anything.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Iterator
from datetime import datetime, timezone

import numpy as np

from benchmarks.generator import PARAGRAPHS, Generator
from benchmarks.peers.newsindex_engine import document
from newsindex.engines.base import PUBLIC, SearchRequest
from newsindex.engines.whoosh import WhooshEngine
from newsindex.engines.whoosh.layout import form_word
from newsindex.query import parse
from tests.test_hostile import PIECES, QUERIES, generated

#: What share of the texts costs no more than is printed.
SHARES = {"median": 0.5, "p99": 0.99, "p99.9": 0.999, "most": 1.0}
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)


def common_words(engine: WhooshEngine) -> list[str]:
    """The commonest words of the index, and what begins them: what costs most to ask for."""
    segment = max((part.segment for part in engine._snapshot().parts), key=lambda each: each.articles)
    often = np.argsort(-np.diff(segment["text_at"].astype(np.int64)))[:200]
    words = [form_word(segment.forms[int(form)]) for form in often.tolist()]
    return [word for word in words if word.isalpha()]


def costly(words: list[str], count: int, chance: random.Random) -> Iterator[str]:
    """Texts that ask for as much as the language lets them, of the commonest words there are."""
    for _ in range(count):
        some = chance.choices(words, k=chance.choice((1, 2, 5, 12, 40)))
        kind = chance.randrange(7)
        if kind == 0:
            yield " OR ".join(some)
        elif kind == 1:
            yield '"' + " ".join(some) + '"'
        elif kind == 2:
            yield " ".join(word[:2] + "*" for word in some)
        elif kind == 3:
            yield " ".join(word[:-1] + "x~" for word in some)
        elif kind == 4:
            yield " ".join(f"-{word}" for word in some) + " " + words[0]
        elif kind == 5:
            yield " ".join(f'"{first} {second}" OR' for first, second in zip(some, some[1:] or some, strict=False))
        else:
            yield " ".join(some) + " zzzznothing"


def texts(engine: WhooshEngine, count: int, chance: random.Random) -> Iterator[str]:
    words = common_words(engine)
    yield from QUERIES.values()
    PIECES.extend(words[:40])
    yield from costly(words, count // 3, chance)
    yield from generated(count - count // 3, chance)


def ask(engine: WhooshEngine, text: str, number: int) -> None:
    page = engine.search(
        SearchRequest(
            parse(text).tree, NOW, frozenset({PUBLIC}), limit=10, facets=("tag", "author", "section"), timeline=True,
            timeout=5.0,
        )
    )  # fmt: skip
    assert page.total >= len(page.hits)
    if number % 10 == 0:
        engine.suggest(text[:100], now=NOW, audiences=frozenset({PUBLIC}), timeout=5.0)


def build(engine: WhooshEngine, paragraphs: int) -> None:
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        for article in Generator().articles(-(-paragraphs // PARAGRAPHS)):
            writer.put(document(article))
    rebuild.swap()


def main(path: str, count: int, seed: int, paragraphs: int = 0) -> dict[str, int]:
    engine = WhooshEngine(path=path)
    if not engine.health().ok:
        build(engine, paragraphs)
    took: list[tuple[float, str]] = []
    errors = 0
    for number, text in enumerate(texts(engine, count, random.Random(seed))):
        began = time.process_time()
        try:
            ask(engine, text, number)
        except Exception as error:
            errors += 1
            print(f"{text[:200]!r}: {error!r}")
        took.append((time.process_time() - began, text))
    took.sort(key=lambda each: each[0])
    ends = {name: took[min(int(len(took) * share), len(took) - 1)][0] for name, share in SHARES.items()}
    print(f"{len(took):,} texts, {errors} errors, {engine.stats().paragraphs:,} paragraphs, seed {seed}")
    print("CPU ms: " + ", ".join(f"{name} {value * 1000:.1f}" for name, value in ends.items()))
    print(f"the worst: {[(round(cpu * 1000), text[:80]) for cpu, text in took[-5:]]}")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at most")
    return {
        "hostile texts": len(took),
        "hostile texts: errors": errors,
        "hostile texts: paragraphs searched": engine.stats().paragraphs,
        "hostile texts: ms of CPU, 99.9 %": round(ends["p99.9"] * 1000),
    }
