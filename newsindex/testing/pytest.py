"""The pytest fixture: import it in a conftest.py, or name this module in ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newsindex import testing
from newsindex.testing import SearchIndex


@pytest.fixture
def search_index(request: pytest.FixtureRequest, db: None) -> Iterator[SearchIndex]:
    """An empty index for one test, kept in memory.

    With ``@pytest.mark.parametrize("search_index", ["whoosh"], indirect=True)`` by the engine of most sites.
    """
    with testing.search_index(getattr(request, "param", "memory")) as index:
        yield index


__all__ = ["search_index"]
