"""Lengths of time as commands print them."""

from __future__ import annotations


def in_words(seconds: float) -> str:
    """About how long: "40 seconds", "12 minutes", "3.5 hours"."""
    if seconds < 90:
        count = max(1, round(seconds))
        return f"{count} second{'' if count == 1 else 's'}"
    if seconds < 5_400:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3_600:.1f} hours"
