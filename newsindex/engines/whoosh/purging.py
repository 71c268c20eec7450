"""A purge: what was deleted or replaced leaves the files at once, instead of with some later merge.

path/purge holds the keys of a purge that has begun (JSON), so that the next one finishes what a kill has left. It goes
when nothing of them is left in the live generation, in the one before and in unfinished ones. path/purge.lock is held
by whoever purges.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from newsindex.engines.base import Purged
from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.generations import FileLock, Generations, Pointer
from newsindex.engines.whoosh.storage import replace_file, sync_directory, writing
from newsindex.engines.whoosh.store import Member, Store
from newsindex.engines.whoosh.upkeep import rewrite
from newsindex.exceptions import IndexDamaged, IndexNotBuilt, WriterBusy

JOURNAL: Final = "purge"
LOCK: Final = "purge.lock"

#: How many seconds a commit may take, however short the time is that a purge may wait.
_COMMIT: Final = 5.0

#: Holds the writer's lock of a store; whether it is still the live one.
Exclusive: TypeAlias = Callable[[], AbstractContextManager[bool]]


def purge(generations: Generations, opened: Callable[[Pointer], Store], keys: Collection[str], wait: float) -> Purged:
    """``Engine.purge``. opened: the store of the live generation, as this process has it."""
    if not generations.path.is_dir():
        return Purged(frozenset(keys))
    until = time.monotonic() + wait
    one = FileLock(generations.path / LOCK)
    one.acquire(wait, f"Another purge of the index in {generations.path} is under way.")
    try:
        with writing(str(generations.path)):
            wanted = _begun(generations.path, keys)
            done = _everywhere(generations, opened, wanted, until, wait)
            (generations.path / JOURNAL).unlink(missing_ok=True)
            sync_directory(generations.path)
    finally:
        one.release()
    return done


def unfinished_purge(generations: Generations) -> bool:
    """Whether a purge has begun and not come to its end: one is running, or was killed."""
    return os.path.exists(generations.path / JOURNAL)  # which raises nothing where it may not look


def _everywhere(
    generations: Generations, opened: Callable[[Pointer], Store], keys: frozenset[str], until: float, wait: float
) -> Purged:
    done = Purged(keys)
    lock = generations.rebuild_lock()
    try:
        lock.acquire(0.0, "")
    except WriterBusy:
        # At once what is in use. What the rebuild writes is not to be touched before it has ended.
        done += _live(generations, opened, keys, until)
        lock.acquire(until - time.monotonic(), _rebuilding(generations, wait))
    try:
        done += _others(generations) + _live(generations, opened, keys, until)
        return done + _previous(generations, opened)
    finally:
        lock.release()


def _rebuilding(generations: Generations, wait: float) -> str:
    return (
        f"A rebuild of the index in {generations.path} was under way for {wait:.0f} seconds. The index in use is "
        "purged, but what the rebuild writes may hold what was withdrawn: purge again when it has ended."
    )


def _begun(path: Path, keys: Collection[str]) -> frozenset[str]:
    """The keys of this purge and of one before it that was not finished, written down."""
    try:
        before = json.loads((path / JOURNAL).read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        before = []
    if not isinstance(before, list):
        before = []
    wanted = frozenset(keys).union(key for key in before if isinstance(key, str))
    replace_file(path / JOURNAL, path / f"{JOURNAL}.new", json.dumps(sorted(wanted)).encode())
    return wanted


def _live(generations: Generations, opened: Callable[[Pointer], Store], keys: frozenset[str], until: float) -> Purged:
    """Purge the live generation, whichever it is by then."""
    while True:
        try:
            pointer = generations.live()
        except IndexNotBuilt:
            return Purged()
        store = opened(pointer)

        @contextmanager
        def exclusive(generation: str = pointer.generation) -> Iterator[bool]:
            lock: FileLock = generations.write_lock()
            # A merge must not be thrown away because somebody saves in this moment.
            lock.acquire(
                max(until - time.monotonic(), _COMMIT), f"A writer of the index in {generations.path} stayed open."
            )
            try:
                yield generations.live().generation == generation
            finally:
                lock.release()

        # A rebuild in progress reads the rows of these again.
        found = _taken_out(store, exclusive, lambda: generations.touch(keys), lambda member: _places(member, keys))
        rewritten = rewrite(store, exclusive, max(until - time.monotonic(), 0.0))
        if generations.live().generation == pointer.generation:
            return Purged(documents=found, segments=rewritten)


def _previous(generations: Generations, opened: Callable[[Pointer], Store]) -> Purged:
    """Take out of the generation before what the live one does not hold in the same version.

    The caller holds the rebuild lock: nobody else writes there.
    """
    try:
        pointer = generations.live()
    except IndexNotBuilt:
        return Purged()
    if not pointer.previous or not generations.directory(pointer.previous).is_dir():
        return Purged()
    live = opened(pointer).snapshot()

    def withdrawn(member: Member) -> Array:
        found = []
        for article in range(member.segment.articles):
            ordinal = live.find(member.segment.key(article))
            if ordinal is not None:
                segment, place = live.place(ordinal)
                if segment.record(place).version == member.segment.record(article).version:
                    continue
            found.append(article)
        return np.array(found, np.uint32)

    def alone() -> AbstractContextManager[bool]:
        return nullcontext(True)

    try:
        store = Store(generations.directory(pointer.previous))
        _taken_out(store, alone, lambda: None, withdrawn)
        return Purged(segments=rewrite(store, alone, 0.0))
    except IndexDamaged:
        # What can't be read can't be purged, and is no use for going back.
        generations.remove(pointer.previous)
        return Purged(generations=1)


def _others(generations: Generations) -> Purged:
    """Remove generations that are neither live nor the one before; the caller holds the rebuild lock."""
    before = generations.unused()
    for name in before:
        generations.remove(name)
    left = [str(generations.directory(name)) for name in before if generations.directory(name).exists()]
    if left:
        raise OSError(f"can't be removed: {', '.join(left)}")
    return Purged(generations=len(before))


def _taken_out(
    store: Store, exclusive: Exclusive, before_commit: Callable[[], None], chosen: Callable[[Member], Array]
) -> int:
    """Delete the ``chosen`` articles of each segment in one commit, and remove files that no commit names; how many."""
    with exclusive() as live:
        if not live:
            return 0
        base, members = store.members()
        left = [member.without(chosen(member)) for member in members]
        count = sum(member.dead for member in left) - sum(member.dead for member in members)
        before_commit()
        if count or any(member.dead == member.segment.articles for member in left):
            store.commit([member for member in left if member.dead < member.segment.articles], after=base)
        else:
            store.clean()
    return count


def _places(member: Member, keys: Collection[str]) -> Array:
    """The articles of a segment that have these keys, ascending."""
    found = {article for key in keys if (article := member.find(key)) is not None}
    return np.array(sorted(found), np.uint32)
