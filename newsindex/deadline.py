"""When work for a request has to stop. Pure."""

from __future__ import annotations

import time


class OutOfTime(Exception):
    """The time of a request is up."""


class Deadline:
    """A moment after which nothing more is begun. seconds: from now, None for never."""

    def __init__(self, seconds: float | None) -> None:
        self._until = None if seconds is None else time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return self._until is not None and time.monotonic() > self._until

    @property
    def left(self) -> float | None:
        """Seconds until the time is up, not below 0; None for ever."""
        return None if self._until is None else max(self._until - time.monotonic(), 0.0)

    def check(self) -> None:
        """Raise OutOfTime when it is."""
        if self.passed:
            raise OutOfTime
