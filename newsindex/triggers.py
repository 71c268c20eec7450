"""Database triggers that note what sends no signal: raw SQL, other programs, bulk changes of plain querysets.

They do what the receivers do, row by row and inside the transaction of the change, for the table of each source, its
relations and what it follows. What they note stays pending for the next drain. PostgreSQL and SQLite have them.

The name of a trigger ends in a digest of what it does, so the names in a database tell whether they are up to date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.apps import AppConfig
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Field, Model
from django.db.models.expressions import RawSQL
from django.db.models.signals import post_migrate, pre_migrate

from newsindex.conf import conf
from newsindex.engines import engines
from newsindex.exceptions import ConfigurationError
from newsindex.models import LONGEST_KEY, PendingChange, Replica
from newsindex.receivers import concrete, family, followed, points_back, resolve, shares_key
from newsindex.sources import Source, sources

VENDORS: Final = ("postgresql", "sqlite")
PREFIX: Final = "newsindex_note_"
#: A table that is there as long as triggers are out of the way of migrations, which may fail or be killed.
TAKEN: Final = "newsindex_triggers_taken"
#: What is cast to text as Python's str spells it.
_PLAIN: Final = frozenset(
    f"{kind}Field"
    for kind in (
        *("Auto", "BigAuto", "SmallAuto", "Integer", "BigInteger", "SmallInteger", "PositiveInteger"),
        *("PositiveBigInteger", "PositiveSmallInteger", "Char", "Text", "Slug", "Date", "FilePath", "Email", "URL"),
    )
)


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger: on which table it is, when it fires ("AFTER UPDATE"), and the statements that make it."""

    name: str
    table: str
    when: str
    statements: tuple[str, ...]


def require_vendor(database: str) -> None:
    """ConfigurationError for a database that newsindex knows no triggers for."""
    vendor = connections[database].vendor
    if vendor not in VENDORS:
        raise ConfigurationError(
            f"Triggers are made for PostgreSQL and SQLite; {database!r} is {vendor}. Use models.NotedQuerySet, "
            "indexing.update() or newsindex_verify --repair for what sends no signals."
        )


def wanted(database: str) -> list[Trigger]:
    """The triggers that ``database`` should have by the sources that are registered now."""
    require_vendor(database)
    connection = connections[database]
    tables = frozenset(connection.introspection.table_names())
    if not {PendingChange._meta.db_table, Replica._meta.db_table} <= tables:
        return []  # not migrated, or back to before there were any
    rules: dict[tuple[str, str], list[str]] = {}
    for source in sources:
        if router.allow_migrate_model(database, source.model):
            for rule in _Rules(source, connection).all():
                if rule.table in tables:
                    rules.setdefault((rule.table, rule.when), []).append(rule.statement)
    path = _search_path(connection)
    return [_trigger(connection, path, table, when, statements) for (table, when), statements in sorted(rules.items())]


def _search_path(connection: BaseDatabaseWrapper) -> str:
    """Where functions of triggers find tables: as this connection does, but in nobody's temporary ones before others.

    They have the rights of their owner; PostgreSQL looks among the temporary tables of whoever writes first, unless
    those are named as the last ones.
    """
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        (path,) = cursor.fetchone()
    return f"{path}, pg_temp"


def installed(database: str) -> frozenset[str]:
    """The names of our triggers that ``database`` has."""
    if connections[database].vendor == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) = %s"
    else:
        query = (
            "SELECT DISTINCT tgname::text FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D' "
            "AND pg_table_is_visible(tgrelid) AND left(tgname, %s) = %s"
        )
    return _names(database, query)


def install(database: str) -> tuple[int, int]:
    """Make the triggers that are wanted and missing, remove those that are not; how many were made and removed."""
    right = wanted(database)
    present = installed(database)
    outdated = _removable(database) - {trigger.name for trigger in right if trigger.name in present}
    missing = [trigger for trigger in right if trigger.name not in present]
    made = [statement for trigger in missing for statement in trigger.statements]
    _execute(database, [*_removals(database, outdated), *made, *_put_back(database)])
    return len(missing), len(outdated)


def remove(database: str) -> int:
    """Remove all of our triggers; how many there were."""
    require_vendor(database)
    names = _removable(database)
    _execute(database, [*_removals(database, names), *_put_back(database)])
    return len(names)


def differences(database: str) -> tuple[int, int]:
    """How many triggers are missing in ``database`` or out of date, and how many are there that should not be."""
    right, present = {trigger.name for trigger in wanted(database)}, installed(database)
    return len(right - present), len(present - right)


# Migrations.


def connect() -> None:
    """Take the triggers out of the way of migrations, and put them back."""
    pre_migrate.connect(_before_migrations, dispatch_uid="newsindex:triggers")
    post_migrate.connect(_after_migrations, dispatch_uid="newsindex:triggers")


def taken(database: str) -> bool:
    """Whether triggers were taken away for migrations that have not come to their end."""
    return TAKEN in connections[database].introspection.table_names()


def _before_migrations(*, sender: AppConfig, using: str, plan: Any = (), **kwargs: Any) -> None:
    if sender.label != "newsindex" or not plan or connections[using].vendor not in VENDORS:
        return
    # SQLite makes a table anew to change it, and refuses that while a trigger names it; in PostgreSQL a function that
    # names a column which is gone would fail whoever writes.
    names = _removable(using)
    if names and not taken(using):
        made = f"CREATE TABLE {connections[using].ops.quote_name(TAKEN)} (reason varchar(1))"
        _execute(using, [*_removals(using, names), made])
    elif names:
        _execute(using, _removals(using, names))


def _after_migrations(*, sender: AppConfig, using: str, **kwargs: Any) -> None:
    if sender.label != "newsindex" or connections[using].vendor not in VENDORS:
        return
    # Where this was the way back to before there were any, they wait for the way forward.
    if (conf.NEWSINDEX_TRIGGERS or taken(using)) and wanted(using):
        install(using)
    elif PendingChange._meta.db_table not in connections[using].introspection.table_names():
        _execute(using, _put_back(using))


def _put_back(database: str) -> list[str]:
    return [f"DROP TABLE {connections[database].ops.quote_name(TAKEN)}"] if taken(database) else []


# What they do.


@dataclass(frozen=True, slots=True)
class _Rule:
    table: str
    when: str
    statement: str


class _Rules:
    """What the triggers of one source note, and when."""

    def __init__(self, source: Source[Any], connection: BaseDatabaseWrapper) -> None:
        self.source = source
        self.model = source.model
        self.connection = connection
        self.quote = connection.ops.quote_name

    def all(self) -> Iterator[_Rule]:
        yield from self._rows()
        for field in self.model._meta.many_to_many:
            yield from self._through(field.remote_field.through)
        for path in followed(self.source):
            yield from self._targets(path)

    def _rows(self) -> Iterator[_Rule]:
        for model in family(self.model):
            if model._meta.proxy or not model._meta.managed and model is not self.model:
                continue
            if issubclass(model, concrete(self.model)):
                if shares_key(model, concrete(self.model)):
                    pk: Any = model._meta.pk
                    yield from self._columns(model._meta.db_table, {pk.column: pk})
            else:
                yield from self._queries(model, _key_name(model), points_back=False)

    def _through(self, through: type[Model]) -> Iterator[_Rule]:
        columns: dict[str, Any] = {}
        fields: Any = through._meta.concrete_fields
        for field in fields:
            target = field.related_model
            if not (isinstance(target, type) and issubclass(concrete(self.model), concrete(target))):
                continue
            if field.target_field.primary_key and shares_key(self.model, concrete(target)):
                columns[field.column] = field
        yield from self._columns(through._meta.db_table, columns)
        for private in through._meta.private_fields:
            if isinstance(private, GenericForeignKey):
                yield from self._generic(through, private)

    def _generic(self, through: type[Model], private: GenericForeignKey) -> Iterator[_Rule]:
        kind = ContentType.objects.db_manager(self.connection.alias).get_for_model(self.model).pk
        meta: Any = through._meta
        kind_column, key = meta.get_field(private.ct_field).column, meta.get_field(private.fk_field)
        yield from self._columns(
            through._meta.db_table, {key.column: key}, lambda row: f" WHERE {row}{self.quote(kind_column)} = {kind}"
        )

    def _targets(self, path: str) -> Iterator[_Rule]:
        fields = resolve(self.model, path)
        if fields is None:
            return
        target = fields[-1].related_model
        for model in family(target):
            if not model._meta.proxy and issubclass(concrete(target), model):
                yield from self._queries(model, f"{path}__{_key_name(model)}", points_back(fields))
        last = fields[-1]
        if len(fields) == 1 and last.many_to_many and last.auto_created:
            yield from self._through(last.field.remote_field.through)

    def _columns(self, table: str, columns: dict[str, Any], where: Any = lambda row: "") -> Iterator[_Rule]:
        """Rows of ``table`` that have keys of the source in some columns."""
        if not columns:
            return

        def keys(*rows: str) -> str:
            return " UNION ".join(
                f"SELECT {self._spelt(field, row + self.quote(column))} AS pk{where(row)}"
                for row in rows
                for column, field in columns.items()
            )

        yield self._rule(table, "AFTER INSERT", keys("NEW."))
        yield self._rule(table, "AFTER UPDATE", keys("OLD.", "NEW."))
        yield self._rule(table, "AFTER DELETE", keys("OLD."))
        if self.connection.vendor == "postgresql":
            rows = f" FROM {self.quote(table)}"
            everything = " UNION ".join(
                f"SELECT {self._spelt(field, self.quote(column))} AS pk{rows}{where('')}"
                for column, field in columns.items()
            )
            yield self._rule(table, "BEFORE TRUNCATE", everything)

    def _queries(self, model: type[Model], lookup: str, points_back: bool) -> Iterator[_Rule]:
        """Rows of the table of ``model``, found from the source by ``lookup``."""
        table = model._meta.db_table
        # Before, where what points to a row may do so no more afterwards.
        yield self._rule(table, "BEFORE DELETE", self._query(model, lookup, "OLD."))
        yield self._rule(table, "AFTER UPDATE", self._query(model, lookup, "NEW."))
        if points_back:
            yield self._rule(table, "BEFORE UPDATE", self._query(model, lookup, "OLD."))
            yield self._rule(table, "AFTER INSERT", self._query(model, lookup, "NEW."))

    def _query(self, model: type[Model], lookup: str, row: str) -> str:
        column: Any = model._meta.pk.column
        changed = RawSQL(row + self.quote(column), ())  # a name, and quoted
        rows = self.model._base_manager.using(self.connection.alias).filter(**{lookup: changed})
        keys = rows.order_by().annotate(newsindex_key=F("pk")).values_list("newsindex_key").distinct()
        sql, params = keys.query.get_compiler(using=self.connection.alias).as_sql()
        found = sql % tuple(_literal(param) for param in params)
        return f"SELECT {self._spelt(self.model._meta.pk, 'newsindex_key')} AS pk FROM ({found}) found"

    def _rule(self, table: str, when: str, keys: str) -> _Rule:
        pending = self.quote(PendingChange._meta.db_table)
        statement = (
            f"INSERT INTO {pending} (engine, replica, source, object_pk, created, attempts, error) "
            f"SELECT reader.engine, reader.name, {_literal(self.source.label)}, row_key.pk, {self._now()}, 0, '' "
            f"FROM ({keys}) row_key, ({self._readers()}) reader "
            f"WHERE row_key.pk IS NOT NULL AND length(row_key.pk) <= {LONGEST_KEY}"
        )
        return _Rule(table, when, statement)

    def _readers(self) -> str:
        replicas = self.quote(Replica._meta.db_table)
        return " UNION ".join(
            f"SELECT {_literal(alias)} AS engine, '' AS name"
            if conf.replica(alias) is None
            else f"SELECT engine, name FROM {replicas} WHERE engine = {_literal(alias)}"
            for alias in engines
        )

    def _now(self) -> str:
        if self.connection.vendor == "postgresql":
            return "clock_timestamp()"
        zone = "" if self.connection.timezone else ", 'localtime'"
        return f"strftime('%Y-%m-%d %H:%M:%f', 'now'{zone})"

    def _spelt(self, field: Field[Any, Any], column: str) -> str:
        """The text of a key as ``Source.pk_text`` spells it."""
        while field.remote_field:
            field = field.target_field  # type: ignore[attr-defined]  # a link to a parent, or to another row
        kind, postgresql = field.get_internal_type(), self.connection.vendor == "postgresql"
        if kind in _PLAIN:
            return f"CAST({column} AS text)"
        if kind == "UUIDField":
            parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
            stored = " || '-' || ".join(f"substr({column}, {start}, {length})" for start, length in parts)
            return f"CAST({column} AS text)" if postgresql else f"lower({stored})"
        if kind == "DecimalField":
            places = field.decimal_places  # type: ignore[attr-defined]
            return f"CAST({column} AS text)" if postgresql else f"printf('%.{places}f', {column})"
        if kind == "GenericIPAddressField":
            return f"host({column})" if postgresql else f"CAST({column} AS text)"
        raise ConfigurationError(
            f"{self.source.label}: no trigger can spell a key that is a {kind}. Unregister the source, or go without."
        )


def _key_name(model: type[Model]) -> str:
    # Not "pk": seen from a child that is another field.
    return model._meta.pk.name


def _literal(value: object) -> str:
    if isinstance(value, int):
        return str(int(value))
    return "'" + str(value).replace("'", "''") + "'"


def _trigger(connection: BaseDatabaseWrapper, path: str, table: str, when: str, statements: Iterable[str]) -> Trigger:
    quote = connection.ops.quote_name
    body = ";\n    ".join(dict.fromkeys(statements))
    # Without the path, which may be another one for another role; those that were made before it was closed differ.
    closed = " pg_temp" if path else ""
    digest = hashlib.blake2b(f"{connection.vendor}{closed} {table} {when} {body}".encode(), digest_size=10).hexdigest()
    name = quote(PREFIX + digest)
    if connection.vendor == "sqlite":
        made = f"CREATE TRIGGER {name} {when} ON {quote(table)} FOR EACH ROW\nBEGIN\n    {body};\nEND"
        return Trigger(PREFIX + digest, table, when, (made,))
    each = "STATEMENT" if when.endswith("TRUNCATE") else "ROW"
    row = {"BEFORE UPDATE": "NEW", "BEFORE DELETE": "OLD"}.get(when, "NULL")
    # Whoever may write the row need not have a right to what is pending.
    function = (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = {path} AS $newsindex$\nBEGIN\n    {body};\n    RETURN {row};\nEND\n$newsindex$"
    )
    made = f"CREATE TRIGGER {name} {when} ON {quote(table)} FOR EACH {each} EXECUTE FUNCTION {name}()"
    return Trigger(PREFIX + digest, table, when, (function, made))


def _removable(database: str) -> frozenset[str]:
    if connections[database].vendor == "sqlite":
        return installed(database)
    return _names(
        database,
        "SELECT proname::text FROM pg_proc WHERE prorettype = 'trigger'::regtype AND pg_function_is_visible(oid) "
        "AND left(proname, %s) = %s",
    )


def _removals(database: str, names: Iterable[str]) -> list[str]:
    connection = connections[database]
    quote = connection.ops.quote_name
    if connection.vendor == "sqlite":
        return [f"DROP TRIGGER {quote(name)}" for name in sorted(names)]
    return [f"DROP FUNCTION {quote(name)}() CASCADE" for name in sorted(names)]


def _execute(database: str, statements: Iterable[str]) -> None:
    with transaction.atomic(using=database), connections[database].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _names(database: str, query: str) -> frozenset[str]:
    with connections[database].cursor() as cursor:
        cursor.execute(query, [len(PREFIX), PREFIX])
        return frozenset(row[0] for row in cursor.fetchall())
