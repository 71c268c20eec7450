"""What a rebuild that was killed has left: finished segments, which the next one goes on with.

A rebuild commits the segments that it has finished, in the generation that it makes. The next one takes them over where
that generation was made in the same format and by the same analysis, and every byte of it is what was written;
otherwise it begins anew. Which of the documents in it still are what the sources say is for the caller to compare.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from newsindex.engines.base import Kept
from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.fingerprint import mark
from newsindex.engines.whoosh.generations import Generations
from newsindex.engines.whoosh.layout import key_hash
from newsindex.engines.whoosh.manifest import COMMIT
from newsindex.engines.whoosh.store import Member, Store
from newsindex.engines.whoosh.verification import problems
from newsindex.exceptions import IndexDamaged
from newsindex.logs import get_logger

logger = get_logger("newsindex")

_NONE: Final = np.empty(0, np.uint32)


class KeptDocuments(Kept):
    """The documents of finished segments, by key. Takes 17 bytes a document."""

    def __init__(self, store: Store) -> None:
        self._members = store.members()[1]
        hashes, members, articles = [np.empty(0, np.uint64)], [_NONE], [_NONE]
        for at, member in enumerate(self._members):
            places = _live(member)
            hashes.append(member.segment["key_hash"][places])
            articles.append(member.segment["key_order"][places].astype(np.uint32))
            members.append(np.full(len(places), at, np.uint32))
        joined = np.concatenate(hashes)
        order = np.argsort(joined, kind="stable")
        self._hashes = joined[order]
        self._member, self._article = np.concatenate(members)[order], np.concatenate(articles)[order]
        self._asked = np.zeros(len(order), bool)

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not None

    def version(self, key: str) -> str | None:
        at = self._find(key)
        if at is None:
            return None
        self._asked[at] = True
        record = self._members[self._member[at]].segment.record(int(self._article[at]))
        return str(record.version)

    def others(self) -> Iterator[str]:
        for at in np.flatnonzero(~self._asked).tolist():
            yield self._members[self._member[at]].segment.key(int(self._article[at]))

    def _find(self, key: str) -> int | None:
        hashed = np.uint64(key_hash(key))
        first, end = (int(np.searchsorted(self._hashes, hashed, side)) for side in ("left", "right"))
        for at in range(first, end):
            if self._members[self._member[at]].segment.key(int(self._article[at])) == key:
                return at
        return None


def resumable(generations: Generations) -> str:
    """The generation that a rebuild can go on with; "" where there is none. The caller holds the rebuild lock."""
    for name in generations.unfinished()[-1:]:
        try:
            if generations.mark(name) != mark():
                logger.info("What a rebuild has left in %s was made otherwise; it begins anew.", name)
                return ""
            directory = generations.directory(name)
            if not (directory / COMMIT).exists():
                return ""
            found = problems(directory)
            if not found and Store(directory).manifest().segments:
                return name
        except (OSError, IndexDamaged) as error:
            found = [str(error)]
        if found:
            logger.warning("What a rebuild has left is damaged, so it begins anew: %s", found[0])
    return ""


def _live(member: Member) -> Array:
    """The places in key_hash of the articles that are not deleted."""
    order = member.segment["key_order"]
    if member.deleted is None:
        return np.arange(len(order))
    live = np.ones(member.segment.articles, bool)
    live[member.deleted] = False
    found: Array = np.flatnonzero(live[order])
    return found
