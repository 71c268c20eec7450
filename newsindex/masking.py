"""What an engine must not know of any more: rows that are pending for it and that the asker may not see now.

Until a pending change is indexed, the engine still has the row as it was. Its hits pass the last gate, but counts,
suggestions and statistics are made inside the engine: so it is told which keys to take for gone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from django.db import InterfaceError, OperationalError, connections
from django.db.models import QuerySet

from newsindex.conf import conf
from newsindex.documents import by_label, chunks, describe, spelt
from newsindex.engines.base import EVERYTHING
from newsindex.exceptions import EngineError
from newsindex.models import PendingChange
from newsindex.prepared import Prepared
from newsindex.replicas import pending_databases
from newsindex.sources import Source, lies_elsewhere, sources

logger = logging.getLogger("newsindex")

#: So many pending rows of an engine are looked at. Where there are more, nothing that is counted is shown.
MOST_PENDING: Final = 2_000
#: Inside a transaction, where each question has to look at all of them again.
MOST_IN_TRANSACTION: Final = 200
#: How many objects are loaded at a time.
BATCH: Final = 200


def _newest_pending(engine: str, replica: str | None, most: int) -> QuerySet[PendingChange, Any]:
    """What tells rows apart that are pending for an engine; replica: the one that this process has of it."""
    return PendingChange.objects.of(engine).order_by("-pk").values_list("pk", "created")[:most]


_pending: Final = Prepared(_newest_pending)


@dataclass(frozen=True, slots=True)
class Standing:
    """Who may see a row, by its source. public: whether anybody may; the rest counts only then."""

    exists: bool = False
    public: bool = False
    audiences: frozenset[str] = frozenset()
    published_at: datetime | None = None
    expires_at: datetime | None = None

    def shown(self, audiences: frozenset[str], now: datetime) -> bool:
        """Whether a member of ``audiences`` may see the row at ``now``."""
        if audiences == EVERYTHING:
            return self.exists
        begun = self.published_at is None or self.published_at <= now
        over = self.expires_at is not None and self.expires_at <= now
        return self.public and begun and not over and not self.audiences.isdisjoint(audiences)


@dataclass(frozen=True, slots=True)
class Mask:
    """The keys that an engine must take for gone. complete: False where too much is pending to tell; then none."""

    keys: frozenset[str] = frozenset()
    complete: bool = True


#: A pending row: its database, by alias and name, its id, and when it was written, as the database gives it: a database
#: that was emptied or put back from a copy gives an id again.
_Row: TypeAlias = tuple[str, str, int, object]


def mask(engine: str, *, audiences: frozenset[str], now: datetime) -> Mask:
    """What ``audiences`` may not see at ``now`` of what is pending for ``engine``.

    One query on an index where nothing is pending, and then as many as it takes to load what was not looked at before:
    what became of a row is remembered as long as it is pending. What its source can't tell is taken for hidden.
    """
    # What a transaction sees may be rolled back, and an older one sees what others no longer do.
    lasting = not any(
        each.in_atomic_block or (each.connection is not None and not each.autocommit)
        for each in connections.all(initialized_only=True)
    )
    most = MOST_PENDING if lasting else min(MOST_PENDING, MOST_IN_TRANSACTION)
    rows: list[_Row] = []
    for database in pending_databases():
        name = str(connections[database].settings_dict["NAME"])
        found = _pending.rows(database, engine, conf.replica(engine), most + 1)
        rows += [(database, name, pk, created) for pk, created in found[: most + 1 - len(rows)]]
    if not rows:
        return Mask()
    if len(rows) > most:
        # Who sees everything may count everything.
        return Mask(complete=audiences == EVERYTHING)
    standings = _known.standings(engine, frozenset(rows)) if lasting else _standings(_keys(rows).values())
    return Mask(frozenset(key for key, standing in standings.items() if not standing.shown(audiences, now)))


class _Known:
    """What this process knows of rows that are pending, by engine: the key of each, and the standings of the keys."""

    def __init__(self) -> None:
        self._engines: dict[str, tuple[dict[_Row, str], dict[str, Standing]]] = {}

    def standings(self, engine: str, rows: frozenset[_Row]) -> dict[str, Standing]:
        """The standing of each key. Looked up after the pending rows were read, so it is at least as new as those."""
        keys, known = self._engines.get(engine, ({}, {}))
        if keys.keys() == rows:
            return known
        new = _keys(row for row in rows if row not in keys)
        keys = {**{row: key for row, key in keys.items() if row in rows}, **new}
        again = set(new.values())
        known = {**{key: known[key] for key in set(keys.values()) - again}, **_standings(again)}
        if keys.keys() == rows:
            self._engines[engine] = keys, known
        return known


_known: Final = _Known()


def _keys(rows: Iterable[_Row]) -> dict[_Row, str]:
    """The key of each pending row; without those that were indexed in the meantime."""
    found: dict[_Row, str] = {}
    wanted: dict[str, dict[int, _Row]] = {}
    for row in rows:
        wanted.setdefault(row[0], {})[row[2]] = row
    for database, by_id in wanted.items():
        for chunk in chunks(by_id, BATCH):
            pending = PendingChange.objects.using(database).filter(pk__in=chunk)
            for pk, label, object_pk in pending.values_list("pk", "source", "object_pk"):
                found[by_id[pk]] = f"{label}:{spelt(label, object_pk)}"
    return found


def _standings(keys: Iterable[str]) -> dict[str, Standing]:
    found = dict.fromkeys(keys, Standing())
    for label, pks in by_label(found).items():
        source = sources.get(label)
        if source is None:
            continue
        for chunk in chunks(pks, BATCH):
            found.update((f"{label}:{pk}", standing) for pk, standing in _of_source(source, chunk).items())
    return found


def _of_source(source: Source[Any], pks: list[str]) -> dict[str, Standing]:
    try:
        rows = source.load(pks)
        public = source.public_pks(rows)
    except (OperationalError, InterfaceError) as error:
        if lies_elsewhere(source):
            # Not taken for hidden, which would be remembered for as long as they are pending.
            raise EngineError(f"The rows of {source.label} can't be loaded: {describe(error)}") from error
        raise
    except Exception:  # the fault boundary around a site's source: in doubt nobody sees the row
        logger.exception("Rows of %s that are pending can't be loaded; they are left out of searches.", source.label)
        return dict.fromkeys(pks, Standing(exists=True))
    return {pk: _of_row(source, row) if pk in public else Standing(exists=True) for pk, row in rows.items()}


def _of_row(source: Source[Any], row: Any) -> Standing:
    try:
        audiences = frozenset(source.audiences(row))
        return Standing(True, True, audiences, source.published_at(row), source.expires_at(row))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # as above; the drain logs it in full
        logger.warning("%s is pending and left out of searches: %s", source.key(row), type(error).__name__)
        return Standing(exists=True)
