"""What was tried in a run of the tests and what came of it, said at its end (conftest.py); how often, from which seed.

In CI with few trials the seed is fixed, so that the same code gets the same answer twice. Elsewhere each run has its
own; NEWSINDEX_SEED repeats one that failed, and has hypothesis draw the same examples again (conftest.py).
"""

from __future__ import annotations

import os
import random
from collections import Counter

FULL = os.environ.get("NEWSINDEX_TRIALS", "few") == "full"

#: The seed of whatever is drawn at random.
SEED = os.environ.get("NEWSINDEX_SEED") or (
    str(random.SystemRandom().randrange(10**6)) if FULL or "CI" not in os.environ else "1"
)

counts: Counter[str] = Counter()


def trials(few: int, full: int) -> int:
    """How often something is tried: ``few`` times with every push, ``full`` on request."""
    return full if FULL else few
