"""A site goes from one engine to another and back: no answer is empty, nothing is lost, nothing is built twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.conftest import Place, trials

WHOOSH = "newsindex.engines.whoosh.WhooshEngine"


@dataclass(frozen=True)
class Moving:
    """A place with a second engine."""

    place: Place
    second: dict[str, object]

    def run(self, *args: object, asked: str = "default", update: str = "inline") -> dict[str, int]:
        return self.place.run(
            "moving",
            *args,
            DJANGO_SETTINGS_MODULE="tests.faults.settings_moving",
            NEWSINDEX_FAULTS_SECOND=json.dumps(self.second),
            NEWSINDEX_FAULTS_ASKED=asked,
            NEWSINDEX_FAULTS_UPDATE=update,
        )

    def restarted(self) -> None:
        """Starts again with the other engine while changes are pending; nothing may be missing."""
        self.run("build")
        self.run("save", "alpha", update="command")
        self.run("found", "start", "alpha", asked="second", update="command")
        self.run("found", "start", "alpha", update="command")
        self.run("save", "beta", update="command")
        self.run("found", "alpha", "beta", update="command")
        self.run("found", "alpha", "beta", asked="second", update="command")


@pytest.fixture
def moving(place: Place, tmp_path: Path) -> Moving:
    return Moving(place, {"BACKEND": WHOOSH, "OPTIONS": {"path": str(tmp_path / "second")}})


def test_there_and_back_under_load(moving: Moving) -> None:
    done = moving.run("load", trials(1, 20))
    assert done["searches while moving"] > 0 and done["changes while moving"] > 0


def test_a_restart_with_the_other_engine_while_changes_are_pending(moving: Moving) -> None:
    moving.restarted()
