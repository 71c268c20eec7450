"""Bounded: hostile texts on a large index, each with all that a page of results asks for, and what they cost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.conftest import SEED, Place, slow, trials

pytestmark = slow

PARAGRAPHS = trials(20_000, 1_000_000)
TEXTS = trials(1_000, 100_000)
#: Milliseconds of CPU time within which 99.9 % of the texts are answered.
BOUND = trials(1_000, 5_000)


def test_hostile_texts_cost_little(tmp_path: Path) -> None:
    pytest.importorskip("benchmarks.generator", reason="a package without the benchmarks")
    place = Place({"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}, tmp_path / "unused")
    index = os.environ.get("NEWSINDEX_HOSTILE_INDEX", str(tmp_path / "index"))
    counted = place.run("hostile", index, TEXTS, SEED, PARAGRAPHS, timeout=24 * 3_600)
    assert counted["hostile texts: errors"] == 0, SEED
    assert counted["hostile texts: paragraphs searched"] >= PARAGRAPHS
    assert counted["hostile texts: ms of CPU, 99.9 %"] <= BOUND, SEED
