"""A plot as SVG: for each class of questions and each engine the median time, and a line to the 95th percentile.

The scale is logarithmic. Colours follow the reader's light or dark setting; shapes tell the engines apart without them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Final

from benchmarks.peers import LABELS
from benchmarks.questions import CLASSES
from benchmarks.results import Corpus, p50, p95

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 960, 250, 24, 92, 27
_ENGINES: Final = tuple(name for name in LABELS if name != "newsindex-page")
_STYLE: Final = """
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f; }
.title { font-size: 16px; font-weight: 600; } .small { font-size: 12px; fill: #57606a; }
.paper { fill: #ffffff; } .grid { stroke: #d8dee4; stroke-width: 1; } .band { fill: #f6f8fa; }
.newsindex { fill: #0a58ca; stroke: #0a58ca; } .fts5 { fill: #b35900; stroke: #b35900; }
.tantivy { fill: #1a7f37; stroke: #1a7f37; } .postgresql { fill: #6639ba; stroke: #6639ba; }
.whoosh { fill: #c11574; stroke: #c11574; } .modelsearch { fill: #0e7a7a; stroke: #0e7a7a; }
.haystack { fill: #6e5a00; stroke: #6e5a00; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .small { fill: #9da7b1; }
.paper { fill: #0d1117; } .grid { stroke: #30363d; } .band { fill: #161b22; }
.newsindex { fill: #6cb0ff; stroke: #6cb0ff; } .fts5 { fill: #f0a35e; stroke: #f0a35e; }
.tantivy { fill: #56d364; stroke: #56d364; } .postgresql { fill: #c297ff; stroke: #c297ff; }
.whoosh { fill: #ff8ac4; stroke: #ff8ac4; } .modelsearch { fill: #5fd3d3; stroke: #5fd3d3; }
.haystack { fill: #d8bd4b; stroke: #d8bd4b; }
}
"""
# Outlines around 0,0.
_SHAPES: Final = {
    "newsindex": "M-6-6H6V6H-6Z",
    "fts5": "M0-6L6 5H-6Z",
    "tantivy": "M0-7L6 0L0 7L-6 0Z",
    "postgresql": "M-6-5H6L0 6Z",
    "whoosh": "M-6-2H-2V-6H2V-2H6V2H2V6H-2V2H-6Z",
    "modelsearch": "M-3-6H3V6H-3Z",
    "haystack": "M-6-3H6V3H-6Z",
}


def svg(corpus: Corpus) -> str:
    """The plot of one corpus."""
    engines = [name for name in _ENGINES if corpus.step(name, "ask")]
    kinds = [kind for kind in CLASSES if any(corpus.times(name, kind) for name in engines)]
    scale = _Scale(corpus, engines, kinds)
    height = _TOP + _ROW * len(kinds) + 44
    title = f"CPU time of a search, {corpus.paragraphs:,} paragraphs"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{title}">',
        f"<title>{title}</title><style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
        f'<text class="title" x="16" y="28">{title}</text>',
        f'<text class="small" x="{_WIDTH - _RIGHT}" y="28" text-anchor="end">'
        "mark: median, line: to the 95th percentile; logarithmic, left is better</text>",
        *_legend(engines),
        *_rows(kinds),
        *scale.grid(height - 34),
    ]
    for row, kind in enumerate(kinds):
        parts += [_mark(corpus, name, kind, scale, _TOP + _ROW * row + _ROW / 2) for name in reversed(engines)]
    return "\n".join([*filter(None, parts), "</svg>", ""])


class _Scale:
    """Milliseconds to the right, by powers of ten."""

    def __init__(self, corpus: Corpus, engines: Sequence[str], kinds: Sequence[str]) -> None:
        times = [one for name in engines for kind in kinds for one in _range(corpus, name, kind)] or [1.0, 10.0]
        self._first = math.floor(math.log10(min(times)))
        self._last = math.ceil(math.log10(max(times)))

    def x(self, milliseconds: float) -> float:
        share = (math.log10(milliseconds) - self._first) / max(self._last - self._first, 1)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def grid(self, bottom: float) -> list[str]:
        out = []
        for power in range(self._first, self._last + 1):
            x = self.x(10.0**power)
            label = f"{10**power:,} ms" if power >= 0 else f"{10.0**power:.{-power}f} ms"
            anchor = "end" if power == self._last else "middle"
            out.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>')
            out.append(f'<text class="small" x="{x}" y="{bottom + 20}" text-anchor="{anchor}">{label}</text>')
        return out


def _legend(engines: Sequence[str]) -> list[str]:
    out, x = [], 16.0
    for name in engines:
        out.append(f'<path class="{name}" d="{_SHAPES[name]}" transform="translate({x + 8} 58)"/>')
        out.append(f'<text x="{x + 22}" y="63">{escape(LABELS[name])}</text>')
        x += 44 + 7.2 * len(LABELS[name])
    return out


def _rows(kinds: Sequence[str]) -> list[str]:
    out = []
    for row, kind in enumerate(kinds):
        y = _TOP + _ROW * row
        if row % 2 == 0:
            out.append(f'<rect class="band" x="0" y="{y}" width="{_WIDTH}" height="{_ROW}"/>')
        out.append(f'<text x="16" y="{y + 18}">{escape(kind)}</text>')
    return out


def _mark(corpus: Corpus, name: str, kind: str, scale: _Scale, y: float) -> str:
    found = _range(corpus, name, kind)
    if not found:
        return ""
    middle, high = (scale.x(one) for one in found)
    return (
        f'<line class="{name}" x1="{middle}" x2="{high}" y1="{y}" y2="{y}" stroke-width="2"/>'
        f'<path class="{name}" d="{_SHAPES[name]}" transform="translate({middle} {y})"/>'
    )


def _range(corpus: Corpus, name: str, kind: str) -> list[float]:
    """Median and 95th percentile in milliseconds."""
    times = corpus.times(name, kind)
    return [max(one * 1e3, 1e-3) for one in (p50(times), p95(times))] if times else []
