"""What an operator should know of an index beside whether it answers: how it was made, and what was left unfinished."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from newsindex.engines.base import Notice, Problem
from newsindex.engines.whoosh.fingerprint import outdated
from newsindex.engines.whoosh.generations import Generations
from newsindex.engines.whoosh.purging import unfinished_purge
from newsindex.engines.whoosh.store import Store
from newsindex.exceptions import EngineError, IndexDamaged, IndexNotBuilt
from newsindex.logs import some

#: The ids of system checks, by kinds of notices. A rebuild that was left is no fault.
_IDS: Final = {"analysis": "newsindex.W014", "purge": "newsindex.W015"}


def notices(generations: Generations) -> list[Notice]:
    """Of the index under a path. Reads small files only. None where they can't be read."""
    try:
        return [*_analysis(generations), *_purge(generations), *_rebuild(generations)]
    except OSError:
        return []  # files of another user, for example: whether the index can be used at all is said by its health


def noticed(generations: Generations) -> Iterator[Problem]:
    """What of it a system check should say, and that an index which is there can't be read."""
    try:
        generations.live()
    except IndexNotBuilt:
        pass
    except EngineError as error:
        yield Problem(
            "warning", "newsindex.W016", str(error),
            "Searches are answered with status 503 until manage.py newsindex_rebuild has run.",
        )  # fmt: skip
    for notice in notices(generations):
        if notice.kind in _IDS:
            yield Problem("warning", _IDS[notice.kind], notice.message)


def _analysis(generations: Generations) -> Iterator[Notice]:
    try:
        pointer = generations.live()
    except EngineError:
        return
    how = outdated(pointer.analysis)
    if how:
        yield Notice(
            "analysis",
            f"The index in {generations.path} was made by another analysis of words ({how}). Searches are answered "
            "from it, but words that are cut or stemmed otherwise now may not be found. "
            "Make a new one with: manage.py newsindex_rebuild",
        )


def _purge(generations: Generations) -> Iterator[Notice]:
    if unfinished_purge(generations):
        yield Notice(
            "purge",
            f"A purge of the index in {generations.path} has begun and not come to its end: withdrawn text may still "
            "be in the files. Unless one is running, run: manage.py newsindex_purge",
        )


def _rebuild(generations: Generations) -> Iterator[Notice]:
    try:
        unfinished = generations.unfinished()
    except OSError:
        return  # the directory of another user: that it can't be read is said by whoever reads from it
    for name in unfinished[-1:]:
        try:
            articles = sum(entry.articles for entry in Store(generations.directory(name)).manifest().segments)
        except (IndexDamaged, OSError):
            articles = 0
        yield Notice(
            "rebuild",
            f"A rebuild of the index in {generations.path} has begun and kept {some(articles, 'article')} so far. "
            "Unless one is running, manage.py newsindex_rebuild goes on with it.",
        )
