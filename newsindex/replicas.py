"""Who keeps an index of this database: replicas by name, and whether the index here is one of them.

Where several hosts keep an index each, NEWSINDEX[alias]["REPLICA"] names the one of this process, and every change is
noted once for each replica that is registered. A replica registers when it is built, and is dropped when it was not
heard of for REPLICA_DAYS: its notes go, so its index is of no more use and has to be built again. A token, in the
database and in the index, tells whether the two still belong together, also where there is one index for all.

A serial number, in both as well, tells whether one of them was put back from an older copy. A drain announces the next
number to the database, commits with it, and notes it together with the removal of the rows that are in the index now.
So that of the index is never below what is noted, nor above what is announced, whoever was killed in between.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest, Now

from newsindex.conf import conf
from newsindex.engines import engines
from newsindex.engines.base import Engine, Health
from newsindex.exceptions import ConfigurationError, EngineError, IndexDamaged, IndexNotBuilt, NewsIndexError
from newsindex.models import PendingChange, Replica
from newsindex.sources import sources

logger = logging.getLogger("newsindex")

#: Seconds for which this process takes for granted what it has read of its replica.
KNOWN_FOR: Final = 10.0
#: Seconds after which a replica says again that it is there.
SEEN_AGAIN: Final = 60.0
#: Seconds that a new replica waits for transactions that began before it was registered.
LONGEST_WAIT: Final = 600.0
VENDORS: Final = ("postgresql", "sqlite")
# How the tokens of indexes begin that tests have built.
_OF_TESTS: Final = "test-"


def noted_for(alias: str, database: str) -> list[str]:
    """The names of the replicas for which a change is noted in ``database``; [""] where there is one index for all."""
    if conf.replica(alias) is None:
        return [""]
    return list(Replica.objects.using(database).filter(engine=alias).values_list("name", flat=True))


def kept_here(alias: str) -> bool:
    """Whether this process keeps an index ``alias`` itself."""
    return conf.replica(alias) != ""


def require_current(alias: str, database: str | None = None, *, known_for: float = KNOWN_FOR) -> None:
    """IndexNotBuilt where the index of this process is none that changes are noted for, or not as of the same time.

    What was found is taken for granted for ``known_for`` seconds. With one index for all it may be that of another
    database than ``database``: what it says of a key is said of a row there.
    """
    name = conf.replica(alias)
    if name == "":
        raise IndexNotBuilt(f"NEWSINDEX[{alias!r}]['REPLICA'] is empty: this process keeps no index, ask another host.")
    using = database or router.db_for_write(Replica)
    engine = engines[alias]
    if name is None and not engine.persistent:
        return  # it is gone with this process, and so is the question whose it is
    known = _current.setdefault(engine, {})
    if known.get(using, -known_for) + known_for > time.monotonic():
        return
    token = engine.token()
    # Before the database is asked: whatever it was given later is announced there by then.
    serial = engine.serial() if token else None
    found = Replica.objects.using(using).filter(engine=alias, name=name or "").first()
    if name and not token:
        raise IndexNotBuilt(f"The replica {name!r} of {alias!r} was never built. Run: manage.py newsindex_rebuild")
    if token and (found is None or token != found.token):
        raise IndexNotBuilt(_stranger(alias, name, found is not None))
    if found is not None and found.serial and not token:
        raise IndexNotBuilt(_nameless(alias))
    if found is not None and serial is not None:
        _require_same_time(alias, found, serial)
        if serial > found.announced:
            return  # which can't be told here; to be asked again
    known[using] = time.monotonic()


def _require_same_time(alias: str, found: Replica, serial: int) -> None:
    """IndexNotBuilt where the index or the database is an older copy. serial: its, before ``found`` was read."""
    if serial < found.serial and (now := engines[alias].serial() or 0) < found.serial:
        raise IndexNotBuilt(
            f"The index {alias!r} is older than the database: it was put back from a copy, has commit {now} where "
            f"{found.serial} is the last one, and lacks what came after. Run: manage.py newsindex_rebuild"
        )
    # What tests roll back, their index has seen all the same.
    if serial > found.announced and not found.token.startswith(_OF_TESTS) and not _sees_the_past(found):
        raise IndexNotBuilt(
            f"The database is older than the index {alias!r}: it knows of commit {found.announced} at most where the "
            f"index has {serial}. It was put back from a copy, or a copy of it is used with the same index. "
            "Give that an index of its own, and run: manage.py newsindex_rebuild"
        )


def _sees_the_past(found: Replica) -> bool:
    """Whether ``found`` may be as it was when a transaction began, and no longer as others have committed it."""
    connection = connections[str(found._state.db)]
    if not connection.in_atomic_block and connection.get_autocommit():
        return False
    return connection.vendor != "postgresql" or _isolation(connection) not in ("read committed", "read uncommitted")


@dataclass(frozen=True, slots=True)
class Turn:
    """The number of a commit to the index of this process; None where nobody counts them."""

    alias: str
    token: str
    databases: tuple[str, ...]
    serial: int | None

    def note(self) -> None:
        """Note that the commit was made. Whoever removes rows by it does both in one transaction."""
        if self.serial is None:
            return
        for database in self.databases:
            behind = _mine(self.alias, database).filter(token=self.token, serial__lt=self.serial)
            behind.update(serial=self.serial, announced=Greatest(F("announced"), self.serial))


def turn(alias: str, databases: Iterable[str]) -> Turn:
    """Announce the next commit of a drain. IndexNotBuilt where the index or a database is an older copy.

    Whoever asks holds the engine's writer, and gives it the number.
    """
    engine, databases = engines[alias], tuple(databases)
    token = engine.token() if _is_counted(alias) else ""
    if not token:
        for database in databases:
            # It may have lost the one it had.
            require_current(alias, database, known_for=0.0)
    serial = engine.serial() if token else None
    if serial is None:
        return Turn(alias, token, databases, None)
    for database in databases:
        level = _mine(alias, database).filter(token=token, serial__lte=serial)
        if not token.startswith(_OF_TESTS):
            level = level.filter(announced__gte=serial)
        if not level.update(announced=serial + 1):
            _current.pop(engine, None)
            require_current(alias, database)
            raise EngineError(f"The index {alias!r} was built or replaced by somebody else meanwhile.")
    return Turn(alias, token, databases, serial + 1)


def turn_of_rebuild(alias: str, token: str, databases: Iterable[str]) -> Turn:
    """Announce the swap of a rebuild, which makes the index and all databases level, whatever they were before."""
    databases = tuple(databases)
    try:
        live = engines[alias].serial() if _is_counted(alias) else None
    except (IndexNotBuilt, IndexDamaged):
        live = 0
    if live is None:
        return Turn(alias, token, databases, None)
    mine = [_mine(alias, database).filter(token=token) for database in databases]
    highest = max([live, *(number for found in mine for number in found.values_list("announced", flat=True))])
    for found in mine:
        # Where the index before has more than was announced, that must be seen until it is replaced.
        found.filter(announced__gte=live).update(announced=highest + 1)
    return Turn(alias, token, databases, highest + 1)


def _is_counted(alias: str) -> bool:
    return conf.replica(alias) is not None or engines[alias].persistent


def _mine(alias: str, database: str) -> QuerySet[Replica]:
    """The row of the index of this process."""
    return Replica.objects.using(database).filter(engine=alias, name=conf.replica(alias) or "")


def health(alias: str) -> Health:
    """Whether a search would be answered here: the engine can, and the index is one that changes are noted for."""
    found = engines[alias].health()
    # Where no index is kept, none is missing either: building one is not what to do about it.
    if not found.ok and conf.replica(alias) != "":
        return found
    try:
        require_current(alias, known_for=0.0)
    except EngineError as error:
        return Health(False, str(error))
    return found


def needed(alias: str) -> str:
    """Why an index has to be built here, in a line; "" where one answers that was made as it would be made now."""
    found = health(alias)
    if not found.ok:
        return found.message
    return next((notice.message for notice in engines[alias].notices() if notice.kind == "analysis"), "")


#: When the index of an engine was seen to belong to a database: of this process, monotonic.
_current: WeakKeyDictionary[Engine, dict[str, float]] = WeakKeyDictionary()


def _stranger(alias: str, name: str | None, in_database: bool) -> str:
    if name is None:
        return (
            f"The index {alias!r} was built from another database, or another host has built one since; if several "
            "keep one each, give each a REPLICA in NEWSINDEX. Run: manage.py newsindex_rebuild"
        )
    reason = "another index took its name" if in_database else "it was away for too long"
    return f"No changes are noted for the replica {name!r} of {alias!r}: {reason}. Run: manage.py newsindex_rebuild"


def _nameless(alias: str) -> str:
    return (
        f"The index {alias!r} lacks what tells that it belongs to this database: it was put back from a copy without "
        "that, or from one of before it was built here. Run: manage.py newsindex_rebuild"
    )


# Registering.


def register(alias: str, databases: Iterable[str]) -> str:
    """Have every change from now on noted for the index of this process; its token, for ``finish``.

    Comes back when whatever is not noted for it is committed, and so will be read by whoever reads the rows now.
    """
    name = conf.replica(alias)
    if name == "":
        raise ConfigurationError(
            f"NEWSINDEX[{alias!r}]['REPLICA'] is empty, so this process keeps no index: give it a name to build one."
        )
    name = name or ""
    token = _token(alias)
    databases = list(databases)
    for database in databases:
        vendor = connections[database].vendor
        if name and vendor not in VENDORS:
            raise ConfigurationError(f"Replicas need PostgreSQL or SQLite; {database!r} is {vendor}.")
        if token and Replica.objects.using(database).filter(engine=alias, name=name, token=token).exists():
            continue
        token = ""
    if token:
        return token
    token = _new_token(alias)
    for database in databases:
        Replica.objects.using(database).update_or_create(
            engine=alias, name=name, defaults={"token": token, "seen": Now()}
        )
    if name:
        for database in databases:
            _wait_for_older(database)
    return token


def _token(alias: str) -> str:
    """That of the index, for whoever makes another one; "" where it can't be read."""
    try:
        return engines[alias].token()
    except IndexDamaged:
        return ""


def _new_token(alias: str) -> str:
    """ConfigurationError where a test would put its rows in the place of a live index."""
    tests = conf.test_database()
    if tests and (live := _token(alias)) and not live.startswith(_OF_TESTS):
        raise ConfigurationError(
            f"The index {alias!r} was built from another database than {tests}, and tests do not replace it. "
            f"Give NEWSINDEX[{alias!r}] a path of its own, or leave it as it is: then tests have theirs in memory."
        )
    return (_OF_TESTS if tests else "") + secrets.token_hex(13)


def finish(alias: str, token: str) -> None:
    """Mark the index that was built since ``register``."""
    engine = engines[alias]
    if _token(alias) != token:
        engine.set_token(token)
    _current.pop(engine, None)


def _wait_for_older(database: str) -> None:
    """Wait for the transactions that may have read which replicas there are before the last commit.

    SQLite lets nobody write who has read what is old by now. In PostgreSQL whoever has read a table holds a lock on it
    until his transaction ends; where snapshots are older than that, all transactions are waited for.
    """
    if connections[database].vendor != "postgresql":
        return
    until = time.monotonic() + LONGEST_WAIT
    older = _readers(database)
    while older := older & _readers(database):
        if time.monotonic() > until:
            raise NewsIndexError(
                f"{len(older)} transactions in {database!r} are older than {LONGEST_WAIT:.0f} seconds; the replica "
                "can't be built before they end."
            )
        time.sleep(0.1)


def _readers(database: str) -> set[str]:
    """The transactions of others that have read which replicas there are, or have read anything at all."""
    connection = connections[database]
    table = connection.ops.quote_name(Replica._meta.db_table)
    isolation = _isolation(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT virtualtransaction FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
            "WHERE datname = current_database() AND locktype = 'relation' AND pid IS DISTINCT FROM pg_backend_pid() "
            "AND (%s OR relation = to_regclass(%s))",
            [isolation != "read committed", table],
        )
        return {row[0] for row in cursor.fetchall()}


def _isolation(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        (isolation,) = cursor.fetchone()
    return str(isolation)


# Being there, and being away.


def seen(alias: str, database: str) -> None:
    """Say that the index of this process is still there; written once in SEEN_AGAIN seconds."""
    name = conf.replica(alias)
    if name is None:
        return
    # By the clock of the database: where that of a host is wrong, the others must not be taken for lost.
    mine = Replica.objects.using(database).filter(engine=alias, name=name)
    mine.filter(seen__lt=Now() - timedelta(seconds=SEEN_AGAIN)).update(seen=Now())


def drop_lost(alias: str, database: str) -> list[str]:
    """Drop the replicas that were not heard of for too long, and all that was noted for them; their names."""
    if not conf.replica(alias):
        return []
    known = Replica.objects.using(database).filter(engine=alias)
    away = known.filter(seen__lt=Now() - timedelta(days=conf.replica_days(alias)))
    dropped = [name for name in away.values_list("name", flat=True) if _drop(away.filter(name=name))]
    for name in dropped:
        logger.warning(
            "The replica %r of %r was away for too long and is dropped; it has to be built again.", name, alias
        )
    # Whoever was saving meanwhile may have noted something for one that was dropped. One query, so that it can't meet
    # what is noted for a replica and not meet the replica.
    others = PendingChange.objects.using(database).filter(engine=alias).exclude(replica="")
    if others.exclude(replica__in=known.values("name")).exists():
        others.exclude(replica__in=known.values("name")).delete()
    return dropped


def forget(alias: str, name: str) -> bool:
    """Drop the replica ``name``, which will not come back; False where there is none."""
    dropped = [
        _drop(Replica.objects.using(database).filter(engine=alias, name=name)) for database in pending_databases()
    ]
    return any(dropped)


@dataclass(frozen=True, slots=True)
class Standing:
    """A replica: when it was last heard of, how much it has still to see, and whether it is that of this process."""

    name: str
    seen: datetime
    pending: int
    here: bool


def standings(alias: str) -> list[Standing]:
    """The replicas of an index by name."""
    names: dict[str, list[tuple[datetime, int]]] = {}
    for database in pending_databases():
        pending = PendingChange.objects.using(database).filter(engine=alias)
        for name, seen_at in Replica.objects.using(database).filter(engine=alias).values_list("name", "seen"):
            if name or conf.replica(alias) is not None:
                names.setdefault(name, []).append((seen_at, pending.filter(replica=name).count()))
    return [
        Standing(name, max(at for at, _ in found), sum(count for _, count in found), name == conf.replica(alias))
        for name, found in sorted(names.items())
    ]


def _drop(found: QuerySet[Replica]) -> bool:
    """Forget the replica that ``found`` finds, and what is noted for it; False where it finds none any more."""
    with transaction.atomic(using=found.db):
        replica = found.first()
        if replica is None or not found.filter(token=replica.token).delete()[0]:
            return False
        rows = PendingChange.objects.using(found.db)
        rows.filter(engine=replica.engine, replica=replica.name).delete()
    return True


# Where it is noted.


def pending_databases() -> list[str]:
    """Where changes are noted: the home of PendingChange, and where rows of sources are written beside a table of it.

    No other database is touched, be it a copy for reading, away, or out of bounds for a test.
    """
    home = router.db_for_write(PendingChange)
    written = {router.db_for_write(source.model) for source in sources} - {home}
    beside = {alias for alias in written if router.allow_migrate_model(alias, PendingChange) and _has_table(alias)}
    return [alias for alias in conf.databases() if alias == home or alias in beside]


def _has_table(database: str) -> bool:
    if database not in _with_table:
        if PendingChange._meta.db_table not in connections[database].introspection.table_names():
            return False
        _with_table.add(database)
    return True


#: Databases that were seen to have the table.
_with_table: set[str] = set()
