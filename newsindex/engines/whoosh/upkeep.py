"""When segments are merged: small ones inside the commits, large ones by ``maintain``, which nobody waits for.

Segments are taken from the smallest on. One is merged with all smaller ones when those together are not much smaller
than it is, so that sizes grow geometrically: an index has few segments, and a paragraph is copied a few times in its
life only.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Final

import numpy as np

from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.generations import FileLock
from newsindex.engines.whoosh.manifest import MERGING
from newsindex.engines.whoosh.merging import merge
from newsindex.engines.whoosh.storage import remove_file, writing
from newsindex.engines.whoosh.store import Member, Store, new_name
from newsindex.exceptions import WriterBusy
from newsindex.logs import get_logger

logger = get_logger("newsindex")

#: How many paragraphs a commit merges at most: a tenth of a second.
INLINE_MERGE: Final = 20_000
#: Below so many paragraphs, opening a segment costs more than its size; up to SMALL such segments are left alone.
_FLOOR: Final = 500
SMALL: Final = 5
#: A segment is merged with the smaller ones when it has at most so many times their paragraphs.
_RATIO: Final = 2
#: A segment of up to this share of what a commit may merge is filled up to that one.
_UNFILLED: Final = 0.75
_FULL: Final = 0.9
#: A segment of which more than this is deleted is written anew.
_DEAD: Final = 0.3
LOCK: Final = "merge.lock"


def due(members: Sequence[Member], limit: int | None = None) -> list[Member]:
    """Which of the segments should become one now, in their order; none where all is well.

    limit: the most paragraphs that the merge may read, None for any number.
    """
    ordered = sorted(members, key=_live)
    taken = ordered[: _reach(ordered, limit)]
    read = sum(member.segment.paragraphs for member in taken)
    for member in ordered[len(taken) :]:
        paragraphs = member.segment.paragraphs
        dead = member.live < 1 - _DEAD and (paragraphs > _FLOOR or bool(taken))
        if dead and (limit is None or read + paragraphs <= limit):
            taken.append(member)
            read += paragraphs
    chosen = {member.name for member in taken}
    return [member for member in members if member.name in chosen]


def _reach(ordered: Sequence[Member], limit: int | None) -> int:
    """How many of the segments, the smallest first, should become one."""
    small = sum(_live(member) <= _FLOOR for member in ordered)
    best = live = read = 0
    for count, member in enumerate(ordered, 1):
        read += member.segment.paragraphs
        if limit is not None and read > limit:
            break
        # What can't double within the limit is filled up to it once, or there would be more such segments.
        full = limit is not None and read >= _FULL * limit and _live(member) <= _UNFILLED * limit
        if count > max(small, 1) and (_live(member) <= _RATIO * live or full) or count == small > SMALL:
            best = count
        live += _live(member)
    return best


def _live(member: Member) -> int:
    """About how many of its paragraphs are not deleted."""
    return round(member.segment.paragraphs * member.live)


def merged(store: Store, members: Sequence[Member]) -> list[Member]:
    """What a commit of these segments should have instead: some of them merged, those without articles dropped.

    The caller holds the writer's lock. OSError where the system refuses.
    """
    if all(member.dead < member.segment.articles for member in members) and not due(members, INLINE_MERGE):
        return list(members)
    with _merging(store) as busy:
        if busy is None:
            # Somebody has only just begun, and has not said yet with what.
            return list(members)
        # What is being merged stays even without articles: the merge would find it gone, and be thrown away.
        members = [member for member in members if member.dead < member.segment.articles or member.name in busy]
        chosen = due([member for member in members if member.name not in busy], INLINE_MERGE)
        if not chosen:
            return members
        name = new_name()
        written = merge([(member.segment, member.deleted) for member in chosen], store.path(name))
        return _replaced(members, chosen, store.member(name, written))


def maintain(store: Store, exclusive: Callable[[], AbstractContextManager[bool]]) -> bool:
    """Merge what should be merged, however much it is; whether anything was done.

    Writers and readers go on meanwhile. exclusive: takes the writer's lock for the commit, and says whether the store
    is still the live one. EngineError where the system refuses, WriterBusy where a writer does not end.
    """
    with writing(str(store.directory)), _merging(store) as busy:
        if busy is None or busy:
            return False
        _remove_leftovers(store)
        chosen = due(store.members()[1])
        if not chosen:
            return False
        _announce(store, chosen)
        return _merge_aside(store, exclusive, chosen)


def rewrite(store: Store, exclusive: Callable[[], AbstractContextManager[bool]], wait: float) -> int:
    """Write each segment anew that has deleted articles, so that nothing of them is left on the disk; how many.

    Everything else as in ``maintain``, but that this waits for another merge: WriterBusy after ``wait`` seconds. What
    is deleted after the beginning is not looked for.
    """
    until = time.monotonic() + wait
    done = 0
    with writing(str(store.directory)), _merging(store, until) as busy:
        if busy is None or busy:
            raise WriterBusy(f"Segments in {store.directory} were being merged for {wait} seconds.")
        _remove_leftovers(store)
        dead = [member for member in store.members()[1] if member.dead]
        if dead:
            # Commits leave these alone from now on; what they have merged by then is without what was deleted.
            _announce(store, dead)
        for name in [member.name for member in dead]:
            found = [member for member in store.members()[1] if member.name == name and member.dead]
            done += bool(found) and _merge_aside(store, exclusive, found)
    return done


def _merge_aside(store: Store, exclusive: Callable[[], AbstractContextManager[bool]], chosen: Sequence[Member]) -> bool:
    """Merge segments beside the commits, and commit the result; False where a commit has taken one of them away."""
    name = new_name()
    aside = store.path(name, MERGING)
    try:
        merge([(member.segment, member.deleted) for member in chosen], aside)
        with exclusive() as live:
            return live and _exchange(store, chosen, name)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(aside)


def _exchange(store: Store, chosen: Sequence[Member], name: str) -> bool:
    """Commit the merged segment in the place of the chosen ones; False where a commit took one of them away."""
    base, members = store.members()
    now = {member.name: member for member in members}
    if any(member.name not in now for member in chosen):
        logger.info("A merge in %s was overtaken by a commit, and is thrown away.", store.directory)
        return False
    os.rename(store.path(name, MERGING), store.path(name))
    result = store.member(name)
    deleted = _carried(chosen, [now[member.name] for member in chosen])
    store.commit(_replaced(members, chosen, result.without(deleted)), after=base)
    return True


def _carried(before: Sequence[Member], now: Sequence[Member]) -> Array:
    """The articles of the merged segment that were deleted since the merge began."""
    first, found = 0, [np.empty(0, np.uint32)]
    for old, new in zip(before, now, strict=True):
        gone = old.deleted if old.deleted is not None else np.empty(0, np.uint32)
        if new.dead > old.dead and new.deleted is not None:
            later = np.setdiff1d(new.deleted, gone, assume_unique=True)
            # Each stands as many places further ahead as articles before it were left out.
            found.append((later + first - np.searchsorted(gone, later)).astype(np.uint32))
        first += old.segment.articles - old.dead
    return np.concatenate(found)


def _replaced(members: Sequence[Member], chosen: Sequence[Member], result: Member) -> list[Member]:
    """The merged segment in the place of the first that it is made of."""
    names = {member.name for member in chosen}
    place = next(at for at, member in enumerate(members) if member.name in names)
    rest = [member for member in members if member.name not in names]
    return [*rest[:place], *([result] if result.dead < result.segment.articles else []), *rest[place:]]


# One merge at a time


@contextmanager
def _merging(store: Store, until: float = 0.0) -> Iterator[frozenset[str] | None]:
    """Hold the lock of merges, and give no names; where another has it, those of its segments, None while unknown.

    until: how long to wait for another, as ``time.monotonic`` counts.
    """
    lock = FileLock(store.directory / LOCK)
    try:
        lock.acquire(until - time.monotonic(), f"Another merge in {store.directory} is under way.")
    except WriterBusy:
        yield _announced(lock)
        return
    try:
        # What the holder before has said must not be taken for ours.
        os.truncate(lock.path, 0)
        yield frozenset()
    finally:
        lock.release()


def _announce(store: Store, chosen: Sequence[Member]) -> None:
    with open(store.directory / LOCK, "r+b") as file:
        file.write(json.dumps([member.name for member in chosen]).encode())


def _announced(lock: FileLock) -> frozenset[str] | None:
    try:
        names = json.loads(lock.path.read_bytes())
    except (ValueError, RecursionError, OSError):
        return None
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else None


def _remove_leftovers(store: Store) -> None:
    """What a merge that was killed has left: nobody else writes such files."""
    for path in store.directory.glob(f"*{MERGING}"):
        remove_file(path)
