"""Acknowledged means found: whatever is killed, a committed article is found after the next drain."""

from __future__ import annotations

import random

from tests.faults.conftest import Place, counts, slow, trials

pytestmark = slow


def test_kills_at_random_points_lose_nothing(place: Place) -> None:
    seed = random.SystemRandom().randrange(10**6)
    counted = place.run("kills", trials(50, 1_000), seed)
    assert counted["acknowledged"] > 0 and counted["losses"] == counted["duplicates"] == 0, seed


def test_a_kill_before_every_call_that_changes_a_file(place: Place) -> None:
    counted = place.run("killed_calls")
    assert counted["kills"] > 100
    counts["calls killed before"] += counted["kills"]


def test_a_killed_rebuild_is_gone_on_with(place: Place) -> None:
    seed = random.SystemRandom().randrange(10**6)
    counted = place.run("killed_rebuilds", trials(5, 500), seed)
    assert counted["rebuilds gone on with"] > 10 and counted["losses"] == 0, seed
