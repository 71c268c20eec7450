"""Signals to pending changes: what is saved, deleted or related anew is enqueued in the same transaction.

Only models of registered sources, and those that their ``follow`` names, get receivers. A change is enqueued for

- a row of the source's model, also when it is saved as a proxy, a child or a parent of it;
- its many-to-many relations, changed from either side, or by a row of their through model;
- each row that points to a changed or deleted target of a followed relation, or to a deleted one with which the
  database itself deletes or changes the row (DB_CASCADE).

``QuerySet.update``, ``bulk_create`` and raw SQL send no signals. The models of newsindex, and others whose manager is
made from ``models.NotedQuerySet``, say so themselves; triggers.py sees the rest, or ``indexing.update`` follows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import accumulate
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist
from django.db import connections
from django.db.models import Model, QuerySet, deletion
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from newsindex.documents import chunks
from newsindex.indexing import after_commit, enqueue
from newsindex.models import rows_changed
from newsindex.sources import Source, sources

ROWS_AT_A_TIME = 2_000
TARGETS_AT_A_TIME = 500
# From Django 6.1 on.
_BY_THE_DATABASE: Any = getattr(deletion, "DatabaseOnDelete", ())


def connect() -> None:
    """Connect the receivers of every registered source. Harmless when called again."""
    for source in sources:
        connect_source(source)


def connect_source(source: Source[Any]) -> None:
    """Connect the receivers of one source, for one registered after the start."""
    _Receivers(source).connect()


def followed(source: Source[Any]) -> tuple[str, ...]:
    """The relations whose targets matter to ``source``: its ``follow``, or the model's many-to-many fields.

    With each path those on its way: a row in between that points elsewhere changes what is at its end.
    """
    if source.follow is not None:
        return tuple(dict.fromkeys(way for path in source.follow for way in accumulate(path.split("__"), _longer)))
    return tuple(field.name for field in source.model._meta.many_to_many)


def _longer(path: str, name: str) -> str:
    return f"{path}__{name}"


def resolve(model: type[Model], path: str) -> list[Any] | None:
    """The relation fields along ``path`` ("writer", "chapters__pages"), or None where one is no relation."""
    fields = []
    for name in path.split("__"):
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            return None
        target = field.related_model
        if not field.is_relation or not isinstance(target, type):
            return None
        fields.append(field)
        model = target
    return fields


def points_back(fields: Iterable[Any]) -> bool:
    """Whether a relation of a path is kept in the rows at its other end: a new row there changes what it leads to."""
    return any(field.one_to_many or (field.auto_created and not field.concrete) for field in fields)


def carried(model: type[Model], seen: tuple[Any, ...] = ()) -> Iterator[str]:
    """The paths to what takes rows of ``model`` with it, in the database: Django sends no signal for those rows."""
    for field in model._meta.concrete_fields:
        on_delete = getattr(field.remote_field, "on_delete", None)
        target = field.related_model
        if field not in seen and isinstance(target, type) and isinstance(on_delete, _BY_THE_DATABASE):
            yield field.name
            yield from (f"{field.name}__{path}" for path in carried(target, (*seen, field)))


class _Receivers:
    """The receivers of one source."""

    def __init__(self, source: Source[Any]) -> None:
        self.source = source
        self.model = source.model

    def connect(self) -> None:
        self._connect_rows()
        for field in self.model._meta.many_to_many:
            self._connect_through(field)
        for path in followed(self.source):
            self._connect_target(path)
        for path in set(carried(self.model)).difference(followed(self.source)):
            self._connect_carried(path)

    # What is connected.

    def _on(self, signal: Any, sender: type[Model], handler: Any, name: str) -> None:
        uid = f"newsindex:{self.source.label}:{name}"
        signal.connect(handler, sender=sender, dispatch_uid=uid, weak=False)

    def _connect_rows(self) -> None:
        for model in family(self.model):
            handler: Any = self._row_changed
            if not issubclass(model, concrete(self.model)):
                link = self.model._meta.get_ancestor_link(concrete(model))
                if link is None:
                    continue
                handler = partial(self._target_changed, path=link.name, reverse=False)
            self._on(post_save, model, handler, "row")
            self._on(post_delete, model, handler, "row")
            self._on(rows_changed, model, self._rows_changed, "rows")

    def _connect_through(self, field: Any) -> None:
        through = field.remote_field.through
        self._on(m2m_changed, through, partial(self._relation_changed, path=field.name), f"m2m {field.name}")
        # Django sends nothing for rows of its own through models but m2m_changed.
        if not through._meta.auto_created:
            for signal in (pre_save, post_save, post_delete):
                self._on(signal, through, self._through_changed, f"through {field.name}")
            self._on(rows_changed, through, self._through_rows_changed, f"through rows {field.name}")

    def _connect_target(self, path: str) -> None:
        fields = resolve(self.model, path)
        if fields is None:
            return  # newsindex.E008 says so
        reverse = points_back(fields)
        handler = partial(self._target_changed, path=path, reverse=reverse)
        for model in family(fields[-1].related_model):
            # Before a deletion the rows still point to their target; before a save they may point to another.
            for signal in (pre_save, post_save, pre_delete) if reverse else (post_save, pre_delete):
                self._on(signal, model, handler, f"target {path}")
            self._on(rows_changed, model, partial(self._targets_changed, path=path, reverse=reverse), f"targets {path}")
        last = fields[-1]
        if len(fields) == 1 and last.many_to_many and last.auto_created:
            through = last.field.remote_field.through
            self._on(m2m_changed, through, partial(self._relation_changed, path=path), f"m2m {path}")

    def _connect_carried(self, path: str) -> None:
        handler = partial(self._target_changed, path=path, reverse=False)
        fields: Any = resolve(self.model, path)
        for model in family(fields[-1].related_model):
            self._on(pre_delete, model, handler, f"carried {path}")

    # What happens then.

    def _rows_changed(
        self, *, sender: type[Model], pks: Iterable[Any], using: str, leaving: bool, **kwargs: Any
    ) -> None:
        if not issubclass(sender, concrete(self.model)):
            link = self.model._meta.get_ancestor_link(concrete(sender))
            self._targets_changed(pks=pks, using=using, leaving=leaving, path=link.name if link else "", reverse=False)
        elif not shares_key(sender, concrete(self.model)):
            # A child with a key of its own: told by what it inherits, as long as it is there.
            rows = sender._base_manager.using(using).filter(pk__in=list(pks))
            self._enqueue(rows.values_list(self.model._meta.pk.name, flat=True), using)
        elif not leaving:
            self._enqueue(pks, using)

    def _targets_changed(
        self, *, pks: Iterable[Any], using: str, leaving: bool, path: str, reverse: bool, **kwargs: Any
    ) -> None:
        # As with single rows: those that point to a target do so before and after it changes, unless it points back.
        if path and (leaving or reverse):
            self._enqueue(_pointing(self.model, path, pks, using), using)

    def _through_rows_changed(self, *, sender: type[Model], pks: Iterable[Any], using: str, **kwargs: Any) -> None:
        rows = sender._base_manager.using(using).filter(pk__in=pks)
        self._enqueue({pk for row in rows for pk in _ends(row, self.model, using)}, using)

    def _enqueue(self, pks: Iterable[object], using: str) -> None:
        if self.source.label in sources:
            enqueue(self.source.label, pks, using=using)

    def _row_changed(self, *, instance: Model, using: str, **kwargs: Any) -> None:
        self._enqueue([_pk(instance, self.model)], using)

    def _target_changed(
        self, *, instance: Model, using: str, path: str, reverse: bool, raw: bool = False, **kwargs: Any
    ) -> None:
        if not reverse and kwargs.get("created"):
            return  # nothing can point to it yet
        if kwargs["signal"] is pre_save:
            known = _may_have_row(instance) and not raw
            _leave(instance, self._name(path), self._pointing(instance, using, path) if known else ())
            return
        if raw and connections[using].in_atomic_block:
            # A fixture is complete, and its tables may be read, at the end of its transaction.
            after_commit(lambda: self._enqueue_pointing(instance, using, path), using)
            return
        left, pointing = _left(instance, self._name(path)), self._pointing(instance, using, path)
        self._enqueue({*left, *pointing} if left else pointing, using)

    def _name(self, path: str) -> str:
        return f"{self.source.label} {path}"

    def _enqueue_pointing(self, target: Model, using: str, path: str) -> None:
        self._enqueue(self._pointing(target, using, path), using)

    def _pointing(self, target: Model, using: str, path: str) -> Iterator[object]:
        """The keys of the rows from which ``path`` leads to ``target``."""
        fields = resolve(self.model, path)
        pk = _pk(target, fields[-1].related_model) if fields else target.pk
        return _pointing(self.model, path, [pk], using)

    def _relation_changed(
        self, *, instance: Model, action: str, pk_set: set[Any] | None, using: str, path: str, **kwargs: Any
    ) -> None:
        mine = isinstance(instance, concrete(self.model))
        if action in ("post_add", "post_remove", "post_clear") and mine:
            self._enqueue([_pk(instance, self.model)], using)
        if not issubclass(kwargs["model"], concrete(self.model)):
            return
        # Seen from the other side, or from a row of the same model: the rows at the other end change too.
        if action in ("post_add", "post_remove"):
            self._enqueue(pk_set or (), using)
        elif action == "pre_clear":
            self._enqueue_pointing(instance, using, path)

    def _through_changed(self, *, instance: Model, using: str, raw: bool = False, **kwargs: Any) -> None:
        name = self._name(type(instance)._meta.label)
        if kwargs["signal"] is not pre_save:
            self._enqueue(_left(instance, name).union(_ends(instance, self.model, using)), using)
            return
        old = None
        if _may_have_row(instance) and not raw:
            old = type(instance)._base_manager.using(using).filter(pk=instance.pk).first()
        _leave(instance, name, _ends(old, self.model, using) if old else ())


# The rows that an instance stands for before it is saved. They are enqueued when it is saved: without a transaction
# around both, whoever drains in between would find them as they were.


def _leave(instance: Model, name: str, pks: Iterable[object]) -> None:
    vars(instance)[f"_newsindex left {name}"] = frozenset(pks)


def _left(instance: Model, name: str) -> frozenset[object]:
    left: frozenset[object] = vars(instance).pop(f"_newsindex left {name}", frozenset())
    return left


def _may_have_row(instance: Model) -> bool:
    # A new instance with the key of a row replaces it.
    return instance.pk is not None


def _pointing(model: type[Model], path: str, pks: Iterable[Any], using: str) -> Iterator[object]:
    """The keys of the rows of ``model`` from which ``path`` leads to one of ``pks``."""
    for chunk in chunks(pks, TARGETS_AT_A_TIME):
        rows: QuerySet[Any] = model._base_manager.using(using).filter(**{f"{path}__pk__in": chunk})
        yield from rows.values_list("pk", flat=True).distinct().iterator(chunk_size=ROWS_AT_A_TIME)


def concrete(model: type[Model]) -> type[Model]:
    return model._meta.concrete_model or model


def family(model: type[Model]) -> list[type[Model]]:
    """The models whose rows are rows of ``model``, or have one: itself, children, parents, and proxies of each."""
    whole = concrete(model)
    return [
        other
        for other in apps.get_models(include_auto_created=True)
        if issubclass(other, whole) or issubclass(whole, concrete(other))
    ]


def shares_key(model: type[Model], ancestor: type[Model]) -> bool:
    """Whether the key of a row of ``model`` is that of the row of ``ancestor`` that it contains."""
    model = concrete(model)
    while model is not ancestor:
        pk = model._meta.pk
        if not (pk.remote_field and getattr(pk.remote_field, "parent_link", False)):
            return False
        model = concrete(pk.related_model)  # type: ignore[arg-type]
    return True


def _pk(instance: Model, model: type[Model]) -> object:
    """The key of the row of ``model`` that ``instance`` is or contains."""
    if isinstance(instance, concrete(model)):
        return getattr(instance, model._meta.pk.attname)
    return instance.pk


def _ends(through: Model, model: type[Model], using: str) -> Iterator[object]:
    """The keys of the rows of ``model`` that a row of a through model stands for."""
    for field in through._meta.concrete_fields:
        target = field.related_model
        if isinstance(target, type) and issubclass(concrete(model), concrete(target)):
            pk = getattr(through, field.attname)
            if pk is not None:
                yield pk
    for field in through._meta.private_fields:
        if isinstance(field, GenericForeignKey):
            of_model = ContentType.objects.db_manager(using).get_for_model(model)
            if getattr(through, f"{field.ct_field}_id") == of_model.pk:
                yield getattr(through, field.fk_field)
