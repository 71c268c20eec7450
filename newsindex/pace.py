"""How long something still takes, from how fast it has been of late."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

#: The seconds by which the pace is told. A rebuild that goes on is fast at first, over what is there already.
WINDOW: Final = 60.0
#: Seconds before anything is said.
SOON: Final = 2.0


class Pace:
    """Told now and then how much is done, says how long the rest takes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: (when, how much was done), a second apart, the first of them as old as the window.
        self._marks: deque[tuple[float, int]] = deque([(clock(), 0)])

    def remaining(self, done: int, total: int) -> float | None:
        """Seconds, None while nothing can be said."""
        now = self._clock()
        began, first = self._marks[0]
        if now >= self._marks[-1][0] + 1:
            self._marks.append((now, done))
            while len(self._marks) > 2 and self._marks[1][0] <= now - WINDOW:
                self._marks.popleft()
        if now < began + SOON or done <= first:
            return None
        return max(0, total - done) * (now - began) / (done - first)
