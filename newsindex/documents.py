"""What sources say of rows now: a document, that the row is gone, or what went wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError

from newsindex.engines.base import Document
from newsindex.sources import Source, sources

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Said:
    """What a source says of a row: a document, that it is gone (nothing), or an error.

    source, obj, public: set where the row could be loaded. stays: the error is no reason to hide what the index has.
    """

    document: Document | None = None
    error: Exception | None = None
    source: Source[Any] | None = None
    obj: Any = None
    public: bool = False
    stays: bool = False


def say(label: str, pks: Iterable[str]) -> Iterator[tuple[str, Said]]:
    """Each of ``pks``, spelt as ``spelt`` does, with what its source says of it now.

    Nothing is known of an unknown source's rows. Raises OperationalError and InterfaceError where the database is away.
    """
    pks = list(pks)
    source = sources.get(label)
    if source is None:
        yield from ((pk, Said()) for pk in pks)
        return
    try:
        loaded = source.load(pks)
        public = source.public_pks(loaded)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # the fault boundary around a site's source; the error is logged and kept
        yield from [(pks[0], Said(error=error))] if len(pks) == 1 else _one_by_one(source, pks)
        return
    for pk in pks:
        obj = loaded.get(pk)
        yield pk, Said() if obj is None else _say_one(source, obj, pk in public)


def say_keys(keys: Iterable[str], size: int) -> Iterator[tuple[str, Said]]:
    """The same by key, of any sources, ``size`` at a time."""
    for chunk in chunks(keys, size):
        for label, pks in by_label(chunk).items():
            for pk, said in say(label, pks):
                yield f"{label}:{pk}", said


def by_label(keys: Iterable[str]) -> Mapping[str, list[str]]:
    """The second halves of keys by their first."""
    found: dict[str, list[str]] = {}
    for key in keys:
        label, _, pk = key.partition(":")
        found.setdefault(label, []).append(pk)
    return found


def spelt(label: str, pk: object) -> str:
    """``pk`` as in the keys of the source ``label``, which may be unknown."""
    source = sources.get(label)
    return source.pk_text(pk) if source else str(pk)


def describe(error: Exception) -> str:
    """What went wrong, in a text that a database can keep: without NUL, and lone surrogates written out."""
    text = f"{type(error).__name__}: {error}".replace("\0", "")
    return text.encode("utf-8", "backslashreplace").decode()[:1_000]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _say_one(source: Source[Any], obj: Any, public: bool) -> Said:
    try:
        return Said(source.document(obj, public=public), source=source, obj=obj, public=public)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # as above
        return Said(error=error, source=source, obj=obj, public=public)


def _one_by_one(source: Source[Any], pks: list[str]) -> Iterator[tuple[str, Said]]:
    """Rows that can't be loaded together: one of them may be ill, and the others must not suffer for it.

    Where none can be loaded it is the query that is broken. That says nothing of the rows, so they stay in the index
    unless it is certain that they are not public.
    """
    found = [one for pk in pks for one in say(source.label, [pk])]
    if all(said.error is not None and said.source is None for _, said in found):
        public = _public(source, pks)
        found = [(pk, replace(said, stays=pk in public)) for pk, said in found]
    yield from found


def _public(source: Source[Any], pks: list[str]) -> frozenset[str]:
    try:
        return source.public_pks(pks)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # the same trouble as with loading them, which is kept
        return frozenset(pks)
