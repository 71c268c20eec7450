"""What all trials came to, said at the end."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

FULL = os.environ.get("NEWSINDEX_TRIALS", "few") == "full"

#: What was done and found in this run, by name.
counts: Counter[str] = Counter()


def trials(few: int, full: int) -> int:
    """How often something is tried: ``few`` times with every push, ``full`` on request."""
    return full if FULL else few


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if counts:
        terminalreporter.section("faults")
        for name in sorted(counts):
            terminalreporter.write_line(f"{name:<40} {counts[name]:>9,}")
