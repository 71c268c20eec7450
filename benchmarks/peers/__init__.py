"""The engines that are compared, by name; each module is loaded only by the process that measures it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final, cast

from benchmarks.peers.base import Peer

#: Where each engine is, in the order in which they run.
PEERS: Final = {
    "newsindex": "benchmarks.peers.newsindex_engine.NewsIndex",
    "newsindex-page": "benchmarks.peers.newsindex_engine.NewsIndexPage",
    "fts5": "benchmarks.peers.fts5.FTS5",
    "tantivy": "benchmarks.peers.tantivy_engine.Tantivy",
    "postgresql": "benchmarks.peers.postgresql.PostgreSQL",
    "whoosh": "benchmarks.peers.stock_whoosh.StockWhoosh",
    "modelsearch": "benchmarks.peers.modelsearch_app.ModelSearch",
    "haystack": "benchmarks.peers.haystack_app.Haystack",
}
#: How the tables call them.
LABELS: Final = {
    "newsindex": "newsindex",
    "newsindex-page": "newsindex, whole page",
    "fts5": "SQLite FTS5",
    "tantivy": "tantivy",
    "postgresql": "PostgreSQL",
    "whoosh": "Whoosh 2.7.4",
    "modelsearch": "modelsearch (SQLite)",
    "haystack": "Haystack (Whoosh)",
}
#: Above so many paragraphs these take too long to be asked.
LARGEST: Final = {"whoosh": 250_000, "modelsearch": 250_000, "haystack": 250_000}


def load(name: str, place: Path, processes: int = 1) -> Peer:
    """The engine of this name with its index in ``place``. Raises ImportError where it is not installed."""
    module, _, attribute = PEERS[name].rpartition(".")
    return cast("type[Peer]", getattr(import_module(module), attribute))(place, processes)
