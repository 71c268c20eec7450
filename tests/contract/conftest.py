"""The engines that the contract suite runs on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsindex.engines.base import Engine
from tests.contract.asking import discard, make_engine


@pytest.fixture(params=["memory", "whoosh", "opensearch"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine with an empty live generation. Afterwards it must find nothing wrong with itself."""
    made = make_engine(request.param, tmp_path / "index")
    try:
        yield made
        assert list(made.verify()) == []
    finally:
        discard(made)


@pytest.fixture(autouse=True)
def capabilities(request: pytest.FixtureRequest) -> None:
    """Skip a test marked ``needs("supports_cursor")`` on an engine that says it has no such thing."""
    marker = request.node.get_closest_marker("needs")
    if marker and "engine" in request.fixturenames:
        engine = request.getfixturevalue("engine")
        missing = [flag for flag in marker.args if not getattr(engine, flag)]
        if missing:
            pytest.skip(f"{type(engine).__name__} says {', '.join(missing)} = False")
