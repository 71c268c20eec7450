"""The report: tables in Markdown, and the plots."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.pages import rate
from benchmarks.peers import LABELS
from benchmarks.plot import svg
from benchmarks.questions import CLASSES
from benchmarks.results import Corpus, Outcome, Results, p50, p95
from benchmarks.targets import slowdowns, targets

_MEGABYTE = 1_000_000


def write(results: Results, folder: Path) -> None:
    """Write ``results.md`` and a plot for each corpus into ``folder``."""
    (folder / "results.md").write_text("\n".join(_lines(results)) + "\n")
    for corpus in results.corpora:
        if any(corpus.step(name, "ask") for name in corpus.engines):
            (folder / f"search-{corpus.name}.svg").write_text(svg(corpus))


def _lines(results: Results) -> Iterator[str]:
    of = results.machine
    loads = f"{min(results.loads):.1f} to {max(results.loads):.1f}" if results.loads else "unknown"
    yield "# Results of the benchmarks"
    yield ""
    yield f"{results.date}, by `{results.command}`; what is measured and how: [benchmarks](../../benchmarks/README.md)."
    yield ""
    yield f"- Machine: {of['cores']} cores of {of['cpu']}, {of['memory']}, {of['system']}, Python {of['python']}."
    yield f"- Load average during the run: {loads}. Compare CPU times; wall clocks suffer from what else runs."
    yield f"- Versions: {_versions(results)}."
    if results.remark:
        yield f"- {results.remark}"
    if aims := targets(results):
        rows = [(aim.what, aim.wanted, aim.measured, aim.verdict) for aim in aims]
        text = "[Profiles](profile.md) say where the time of a missed one goes."
        yield from ("", "## Aims", "", text, "")
        yield from _table(("aim", "wanted", "measured", ""), rows)
    for corpus in results.corpora:
        yield from _corpus(corpus, results.idle)
    if results.pages:
        yield from _pages(results)


def _corpus(corpus: Corpus, idle: int) -> Iterator[str]:
    kind = "synthetic" if corpus.synthetic else "a real archive"
    yield ""
    yield f"## {corpus.name}: {corpus.paragraphs:,} paragraphs in {corpus.articles:,} articles, {kind}"
    yield ""
    yield f"![CPU time of searches](search-{corpus.name}.svg)"
    yield from _section("Searches, CPU time in ms, p50 / p95", _times(corpus, "cpu"))
    yield from _section("Searches, wall clock in ms, p50 / p95", _times(corpus, "wall"))
    yield from _section(
        "The first time that each question was asked, CPU time in ms, p50 / p95", _times(corpus, "first")
    )
    yield from _section("Totals", _totals(corpus))
    yield from _section("Building", _building(corpus))
    yield from _section("Memory and opening of a process that searches", _memory(corpus, idle))
    yield from _section("One article in place of another, with commit", _updates(corpus))
    yield from _section("After many commits", _commits(corpus))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    lines = list(lines)
    if lines:
        yield from ("", f"### {title}", "", *lines)


def _times(corpus: Corpus, clock: str) -> Iterator[str]:
    engines = [name for name in LABELS if corpus.step(name, "ask")]
    if not engines:
        return
    notes: dict[str, int] = {}
    rows = []
    for kind in CLASSES:
        rows.append((kind, *(_time(corpus, name, kind, clock, notes) for name in engines)))
    yield from _table(("", *(LABELS[name] for name in engines)), rows)
    if notes:
        yield ""
        yield from (f"{number}. {text}" for text, number in notes.items())


def _time(corpus: Corpus, name: str, kind: str, clock: str, notes: dict[str, int]) -> str:
    asked = corpus.step(name, "ask") or {"classes": {}}
    outcome = asked["classes"].get(kind)
    if outcome is None:
        return "–"
    if "unsupported" in outcome:
        return f"– ({notes.setdefault(outcome['unsupported'], len(notes) + 1)})"
    shown = f"{_ms(p50(outcome[clock]))} / {_ms(p95(outcome[clock]))}"
    if outcome["asked"] < outcome["of"]:
        why = "the time for the class was up before all questions were asked"
        shown += f" ({notes.setdefault(why, len(notes) + 1)})"
    return shown


def _totals(corpus: Corpus) -> Iterator[str]:
    """How many articles match, by every engine, for the first questions of each class."""
    agreed, rows = [], []
    for kind in CLASSES:
        found = {}
        for name in corpus.engines:
            asked = corpus.step(name, "ask")
            outcome = asked["classes"].get(kind, {}) if asked else {}
            if "articles" in outcome:
                found[name] = outcome["articles"]
        if not found:
            continue
        length = min(map(len, found.values()))
        votes = [tuple(totals[:length]) for totals in found.values()]
        if len(set(votes)) == 1:
            agreed.append((kind, len(votes)))
            continue
        for vote in sorted(set(votes), key=votes.count, reverse=True):
            names = [LABELS[name] for name, other in zip(found, votes, strict=True) if other == vote]
            rows.append((kind, ", ".join(names), ", ".join(f"{total:,}" for total in vote)))
    if not agreed and not rows:
        return
    yield (
        "How many articles match, asked of each engine for the first questions of each class, in engines that keep "
        "paragraphs by the articles of the paragraphs that match."
    )
    yield ""
    equal = "; ".join(f"{kind} ({count} engines)" for kind, count in agreed)
    yield f"The same in all engines: {equal or 'none'}."
    if rows:
        yield ""
        yield "Not the same; the reasons known are in the description of the benchmarks:"
        yield ""
        yield from _table(("", "engines", "articles"), rows)


def _building(corpus: Corpus) -> Iterator[str]:
    rows = []
    for name, steps in corpus.engines.items():
        for step in ("build", "build with 2 processes"):
            outcome = steps.get(step)
            if outcome is None:
                continue
            label = LABELS[name] + (", 2 processes" if step != "build" else "")
            if "error" in outcome:
                rows.append((label, outcome["error"].partition("\n")[0], "", "", "", "", ""))
                continue
            peak = _mb(outcome["peak"])
            if step != "build" and outcome["peak_of_children"]:
                peak += f" + {_mb(outcome['peak_of_children'])} each"
            rows.append(
                (
                    label,
                    f"{corpus.paragraphs / outcome['cpu']:,.0f}",
                    f"{corpus.paragraphs / outcome['wall']:,.0f}",
                    _mb(outcome["size"]),
                    peak,
                    str(outcome["segments"] or "–"),
                    outcome["note"],
                )
            )
    if not rows:
        return
    head = ("", "paragraphs / CPU-second", "paragraphs / second", "MB on the disk", "peak MB", "segments", "")
    yield from _table(head, rows)
    yield ""
    yield (
        f"Reading the texts ({_mb(corpus.characters)} MB of JSON) is part of each build and takes "
        f"{corpus.reading['cpu']:.2f} CPU-seconds; for the engines used through Django the articles are rows of a "
        f"database already."
    )


def _memory(corpus: Corpus, idle: int) -> Iterator[str]:
    rows = []
    for name in corpus.engines:
        asked = corpus.step(name, "ask")
        if asked is None:
            continue
        rows.append(
            (
                LABELS[name],
                _mb(asked["private"]),
                _mb(asked["private"] - asked["idle"]),
                _mb(asked["mapped"]),
                f"{_ms(asked['open']['cpu'])} / {_ms(asked['open']['wall'])}",
                f"{_ms(asked['first']['cpu'])} / {_ms(asked['first']['wall'])}",
            )
        )
    if not rows:
        return
    head = (
        "",
        "private MB after all questions",
        "of it since before opening",
        "mapped MB of the index",
        "opening, ms CPU / wall",
        "first question, ms CPU / wall",
    )
    yield from _table(head, rows)
    yield ""
    yield (
        f"An idle Django process without any search has {_mb(idle)} MB of private memory. Django is loaded in the "
        f"processes of newsindex's whole page, modelsearch and Haystack only."
    )


def _updates(corpus: Corpus) -> Iterator[str]:
    rows = []
    for name in corpus.engines:
        outcome = corpus.step(name, "update")
        if outcome is None:
            continue
        cpu, wall = outcome["cpu"], outcome["wall"]
        rows.append(
            (
                LABELS[name],
                f"{_ms(p50(cpu))} / {_ms(p95(cpu))}",
                f"{_ms(p50(wall))} / {_ms(p95(wall))}",
                str(len(cpu)),
                str(outcome["segments"] or "–"),
            )
        )
    if rows:
        head = ("", "CPU ms, p50 / p95", "wall ms, p50 / p95", "commits", "segments after them")
        yield from _table(head, rows)


def _commits(corpus: Corpus) -> Iterator[str]:
    many = corpus.step("newsindex", "1,000 commits")
    if many is None:
        return
    cpu = many["cpu"]
    yield (
        f"newsindex, {len(cpu):,} commits of one article each: {_ms(p50(cpu))} ms of CPU at the median, "
        f"{_ms(p95(cpu))} at p95, {_ms(max(cpu))} at most, {_ms(statistics.mean(cpu))} on average with the merges; "
        f"{many['segments']} segments afterwards{_tidied(corpus.step('newsindex', 'tidying'))}."
    )
    ratios = slowdowns(corpus)
    if ratios:
        worst = max(ratios, key=lambda kind: ratios[kind])
        yield (
            f"Searches then take {statistics.median(ratios.values()):.2f} times as long as after a rebuild of the same "
            f"articles (median of the classes), at most {ratios[worst]:.2f} times ({worst})."
        )


def _tidied(outcome: Outcome | None) -> str:
    tidy = outcome.get("tidy") if outcome else None
    if not tidy:
        return ""
    return f", {tidy['segments']} after the upkeep that is due then ({tidy['cpu']:.2f} CPU-seconds)"


def _pages(results: Results) -> Iterator[str]:
    yield ""
    yield f"## Search pages over HTTP, {results.pages_paragraphs:,} paragraphs, two common words"
    yield ""
    rows = []
    for site, outcome in results.pages.items():
        if "error" in outcome:
            rows.append((LABELS[site], outcome["error"].partition("\n")[0], "", "", "", "", ""))
            continue
        rows.append(
            (
                LABELS[site],
                f"{rate(outcome['wall']):,.1f}",
                f"{rate(outcome['cpu']):,.1f}",
                _ms(p95(outcome["wall"])),
                _ms(p95(outcome["cpu"])),
                f"{outcome['bytes'] / 1_000:.0f}",
                f"{outcome['requests']:,}",
            )
        )
    head = ("", "requests / second", "requests / CPU-second", "p95 ms", "p95 CPU ms", "kB of a page", "requests")
    yield from _table(head, rows)
    yield ""
    yield (
        "One process, one thread, one request after the other. newsindex with highlighted paragraphs, facets and "
        "timeline; Haystack with its highlighter, modelsearch with the beginnings of texts; neither has facets or a "
        "timeline."
    )


def _versions(results: Results) -> str:
    found: dict[str, str] = {}
    for corpus in results.corpora:
        for name in corpus.engines:
            built = corpus.step(name, "build")
            if built:
                found[name] = f"{LABELS[name].replace(' 2.7.4', '')} {built['version']}"
    return ", ".join(found.values()) or "none"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _mb(size: float) -> str:
    """Megabytes, small ones with a decimal."""
    value = size / _MEGABYTE
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _ms(seconds: float) -> str:
    """Milliseconds with two digits that matter, all of them from 100 on."""
    value = seconds * 1e3
    if value >= 10:
        return f"{value:,.0f}"
    decimals = 1 if value >= 1 else 2 if value >= 0.1 else 3
    return f"{value:.{decimals}f}"
