"""What a command says of trouble that is no fault of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError

from newsindex.exceptions import NewsIndexError
from newsindex.logs import one_line


@contextmanager
def told() -> Iterator[None]:
    """Make a CommandError of what newsindex raises on purpose, and of a database that does not answer."""
    try:
        yield
    except NewsIndexError as error:
        raise CommandError(str(error)) from error
    except (DatabaseError, InterfaceError) as error:
        raise CommandError(
            f"The database did not answer, so this did not come to its end: {one_line(str(error))} "
            "What is pending stays so; run it again when the database is back."
        ) from error
