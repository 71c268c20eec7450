"""Driver: ``settled 0`` makes tables and an empty index; ``settled 1`` drains once and compares everything."""

from __future__ import annotations

from newsindex import indexing
from tests.faults.driving import differences, set_up


def main(compare: int) -> dict[str, int]:
    if not compare:
        set_up()
        return {}
    # A writer on another machine that died is waited for: its lock in a cluster is leased for a minute.
    report = indexing.update(wait=90.0)
    assert not report.error and not report.busy and not report.failed, report
    wrong = differences()
    assert not wrong, wrong
    return {"comparisons": 1}
