"""For the tests of a site: an index that is new for each test and apart from the live one.

With a test database nothing reaches the live index anyway. SearchIndexMixin, for Django's test classes, and the fixture
of ``newsindex.testing.pytest`` empty the index for each test, and bring it up to date where the test asks for that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, TypeAlias

from django.test import override_settings

from newsindex import indexing
from newsindex.engines import engines, named

EngineName: TypeAlias = Literal["memory", "whoosh"]
BACKENDS: Final = {
    "memory": "newsindex.engines.memory.MemoryEngine",
    "whoosh": "newsindex.engines.whoosh.WhooshEngine",
}


class SearchIndex:
    """The index of a test."""

    def update(self) -> indexing.Report:
        """Index all that is pending, also inside the transaction of a TestCase. AssertionError where some could not."""
        report = indexing.update()
        assert not report.deferred, "The index is brought up to date after a transaction: leave atomic() first."
        assert not report.error, report.error
        assert not report.failed, f"could not be indexed: {report.failures}"
        return report

    def rebuild(self) -> None:
        """Index every row there is, also those of which nothing was noted."""
        for alias in engines:
            indexing.rebuild(engine=alias)


@contextmanager
def search_index(engine: EngineName = "memory") -> Iterator[SearchIndex]:
    """An empty index, apart from any other, until the end of the block.

    memory: small and exact, for all but performance. whoosh: as the site has it, in a temporary directory.
    """
    with tempfile.TemporaryDirectory(prefix="newsindex-") as folder:
        settings = {alias: _entry(engine, Path(folder) / alias) for alias in (*engines, named(None))}
        with override_settings(NEWSINDEX=settings):
            for alias in engines:
                _empty(alias)
            try:
                yield SearchIndex()
            finally:
                engines.close_all()


class SearchIndexMixin:
    """For TestCase and its like: an empty index for each test, ``self.search_index``.

    In a TestCase nothing is committed, so nothing is indexed by saving: call ``self.search_index.update()`` when the
    rows are there.
    """

    #: "memory", or "whoosh" for the engine of most sites.
    search_engine: ClassVar[EngineName] = "memory"
    search_index: SearchIndex

    def setUp(self: Any) -> None:
        block = search_index(self.search_engine)
        self.search_index = block.__enter__()
        self.addCleanup(block.__exit__, None, None, None)
        super().setUp()  # type: ignore[misc]  # of the test class that this is mixed into


def _entry(engine: EngineName, path: Path) -> dict[str, Any]:
    options = {} if engine == "memory" else {"path": path}
    return {"BACKEND": BACKENDS[engine], "OPTIONS": options}


def _empty(alias: str) -> None:
    """Give the engine a live generation without any article."""
    new = engines[alias].rebuild()
    with new.writer():
        pass
    with new.exclusive():
        new.swap()
