"""Small questions that every search asks the database, with their SQL kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Final

from django.db import connections
from django.db.models import QuerySet

#: So many of a kind are kept.
_MOST_KEPT: Final = 64


class Prepared:
    """A query whose SQL is kept: for a small one, Django takes many times as long to write it as to have it answered.

    make: the query, of values, for arguments of which there are few. Values come as the database gives them.
    """

    def __init__(self, make: Callable[..., QuerySet[Any, Any]]) -> None:
        self._make = make
        self._sql = lru_cache(maxsize=_MOST_KEPT)(self._written)

    def rows(self, database: str, *arguments: Hashable) -> list[tuple[Any, ...]]:
        """The rows of ``make(*arguments)`` in a database."""
        sql, params = self._sql(database, *arguments)
        with connections[database].cursor() as cursor:
            cursor.execute(sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def _written(self, database: str, *arguments: Hashable) -> tuple[str, tuple[Any, ...]]:
        sql, params = self._make(*arguments).using(database).query.get_compiler(database).as_sql()
        return sql, tuple(params)
