"""What was tried and found in a run of the tests, by name: said at its end (conftest.py)."""

from __future__ import annotations

import os
from collections import Counter

FULL = os.environ.get("NEWSINDEX_TRIALS", "few") == "full"

counts: Counter[str] = Counter()


def trials(few: int, full: int) -> int:
    """How often something is tried: ``few`` times with every push, ``full`` on request."""
    return full if FULL else few
