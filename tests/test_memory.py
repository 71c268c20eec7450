"""What is particular to the memory engine, and that each test has an engine of its own."""

from __future__ import annotations

import pytest

from newsindex.engines import engines
from newsindex.engines.base import Engine
from newsindex.engines.memory import MemoryEngine
from newsindex.engines.whoosh import WhooshEngine
from newsindex.exceptions import ContractError
from tests.contract.asking import article


def test_it_takes_no_options() -> None:
    with pytest.raises(TypeError):
        MemoryEngine(path="/somewhere")  # type: ignore[call-arg]


def test_a_writer_that_is_done_says_so(default_engine: Engine) -> None:
    with default_engine.writer() as writer:
        writer.put(article(1, "one"))
    with pytest.raises(ContractError, match="open another one"):
        writer.put(article(2, "two"))
    rebuild = default_engine.rebuild()
    rebuild.abort()
    with pytest.raises(ContractError, match="is over"):
        rebuild.writer()


def test_each_test_has_an_engine_of_its_own(default_engine: Engine) -> None:
    assert isinstance(default_engine, MemoryEngine)
    assert default_engine.stats().articles == 0


@pytest.mark.engine("whoosh")
def test_a_mark_gives_a_test_the_whoosh_engine(default_engine: Engine) -> None:
    assert isinstance(default_engine, WhooshEngine)
    assert engines["default"] is default_engine
    assert default_engine.health().ok


@pytest.mark.engine("whoosh", built=False)
def test_a_mark_leaves_the_building_to_the_test(default_engine: Engine) -> None:
    assert not default_engine.health().ok
