"""Fixtures of all tests: every test has a default engine of its own, which is checked when the test is over.

Without a mark the engine is the memory engine of ``tests.settings``, built and empty. A test, class or module with

    @pytest.mark.engine("whoosh")

has the Whoosh engine in a temporary directory instead, built and empty as well (``built=False`` leaves that to the
test; ``verify=False`` is for tests that damage the index on purpose).
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from newsindex.engines import engines
from newsindex.engines.base import Engine
from tests.counted import FULL, counts

MEMORY = "newsindex.engines.memory.MemoryEngine"
WHOOSH = "newsindex.engines.whoosh.WhooshEngine"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engine(name, built=True, verify=True): the default engine: memory or whoosh")
    if "NEWSINDEX_SEED" in os.environ:
        settings.register_profile("seeded", derandomize=True, database=None)
        settings.load_profile("seeded")
    config.addinivalue_line("markers", "needs(*flags): contract tests for engines that have all of these flags")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test logged or printed may hold lone surrogates, which a worker of xdist can not send: it would end."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if counts:
        terminalreporter.section(f"faults ({'full' if FULL else 'few'})")
        for name in sorted(counts):
            terminalreporter.write_line(f"{name:<44} {counts[name]:>9,}")


def engine_settings(name: str, path: Path) -> dict[str, dict[str, Any]]:
    """The setting NEWSINDEX for a default engine of this name."""
    if name == "whoosh":
        return {"default": {"BACKEND": WHOOSH, "OPTIONS": {"path": path / "index"}}}
    return {"default": {"BACKEND": MEMORY, "OPTIONS": {}}}


def build_empty(engine: Engine) -> None:
    """Give ``engine`` a live generation without any article."""
    rebuild = engine.rebuild()
    with rebuild.writer():
        pass
    with rebuild.exclusive():
        rebuild.swap()


@pytest.fixture(autouse=True)
def default_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """``engines["default"]``, new for this test. Afterwards it must find nothing wrong with itself."""
    marker = request.node.get_closest_marker("engine")
    options = {"built": True, "verify": True, **(marker.kwargs if marker else {})}
    engines.close_all()
    if marker:
        path = request.getfixturevalue("tmp_path")
        request.getfixturevalue("settings").NEWSINDEX = engine_settings(marker.args[0], path)
        if options["built"]:
            build_empty(engines["default"])
    engine = engines["default"]
    yield engine
    try:
        if options["verify"] and options["built"]:
            assert list(engine.verify()) == []
    finally:
        engine.close()
        engines.close_all()
