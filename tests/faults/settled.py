"""Driver: ``settled 0`` makes tables and an empty index; ``settled 1`` drains once and compares everything."""

from __future__ import annotations

from newsindex import indexing
from tests.faults.driving import differences, set_up


def main(compare: int) -> dict[str, int]:
    if not compare:
        set_up()
        return {}
    report = indexing.update(wait=60.0)
    assert not report.error and not report.busy and not report.failed, report
    wrong = differences()
    assert not wrong, wrong
    return {"comparisons": 1}
