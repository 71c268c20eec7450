"""Acknowledged means found: whatever is killed, a committed article is found after the next drain."""

from __future__ import annotations

from tests.faults.conftest import SEED, Place, counts, slow, trials

pytestmark = slow


def test_kills_at_random_points_lose_nothing(place: Place) -> None:
    counted = place.run("kills", trials(50, 1_000), SEED)
    assert counted["acknowledged"] > 0 and counted["losses"] == counted["duplicates"] == 0, SEED


def test_a_kill_before_every_call_that_changes_a_file(place: Place) -> None:
    counted = place.run("killed_calls")
    assert counted["kills"] > 100
    counts["calls killed before"] += counted["kills"]


def test_a_killed_rebuild_is_gone_on_with(place: Place) -> None:
    counted = place.run("killed_rebuilds", trials(5, 500), SEED)
    assert counted["rebuilds gone on with"] > 10 and counted["losses"] == 0, SEED
