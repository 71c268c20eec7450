"""An index or a database that is put back from an older copy is known as one; a kill between the two is not."""

from __future__ import annotations

from tests.faults.conftest import Place, counts


def test_what_is_put_back_from_a_copy_is_recognised(place: Place) -> None:
    counted = place.run("copies")
    assert counted["refused"] == 4 and counted["kills"] == 15
    counts["copies put back"] += counted["refused"]
