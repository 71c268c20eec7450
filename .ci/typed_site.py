"""What a site may write with the stable names; mypy checks it against the installed wheel."""

from newsindex.query import parse
from newsindex.searching import Results, search
from newsindex.sources import Source, register, sources

__all__ = ["Results", "Source", "parse", "register", "sources"]


def titles(text: str) -> list[str]:
    """The titles of what a search finds."""
    results: Results = search(text, limit=5)
    return [result.title.text for result in results[:5]]
