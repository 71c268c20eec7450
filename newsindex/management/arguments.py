"""Types of command line arguments."""

from __future__ import annotations

from argparse import ArgumentTypeError

from newsindex.engines import engines


def engine_alias(value: str) -> str:
    """The alias of a configured engine."""
    if value not in engines:
        raise ArgumentTypeError(f"NEWSINDEX has no engine {value!r}; it has: {', '.join(engines)}.")
    return value


def at_least_one(value: str) -> int:
    """A whole number above 0."""
    if not value.isdecimal() or int(value) < 1:
        raise ArgumentTypeError(f"must be a whole number of at least 1, not {value!r}.")
    return int(value)


def seconds(value: str) -> float:
    """A number of seconds above 0."""
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < 86_400:
        raise ArgumentTypeError(f"must be a number of seconds above 0 and below a day, not {value!r}.")
    return number


def share(value: str) -> float:
    """A number from 0 to 1."""
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ArgumentTypeError(f"must be a number from 0 to 1, not {value!r}.")
    return number
