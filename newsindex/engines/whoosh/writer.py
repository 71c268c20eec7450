"""Writing: Documents to segments, one commit for all changes of a writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from newsindex.engines.base import Document, Writer
from newsindex.engines.whoosh.arrays import Directory
from newsindex.engines.whoosh.building import SegmentBuilder
from newsindex.engines.whoosh.lexicon import Lexicon
from newsindex.engines.whoosh.manifest import Manifest
from newsindex.engines.whoosh.rows import Row, prepared
from newsindex.engines.whoosh.storage import writing
from newsindex.engines.whoosh.store import Member, Store, new_name
from newsindex.engines.whoosh.upkeep import merged
from newsindex.exceptions import ContractError, NewsIndexError
from newsindex.logs import get_logger

logger = get_logger("newsindex")

#: How many bytes of documents a writer takes in for each megabyte of its memory: to write them needs some three times
#: as much as they have themselves.
PER_MEGABYTE: Final = 300_000
#: What a document takes beside its texts.
_OVERHEAD: Final = 1_000


class WhooshWriter(Writer):
    """Changes one generation. Committing or cancelling ends it; whoever makes it holds the writer's lock.

    Documents are kept until ``memory`` megabytes are full, then written as a segment, which counts with the commit.
    """

    def __init__(
        self,
        store: Store,
        memory: float,
        before_commit: Callable[[Iterable[str]], None],
        ended: Callable[[], None],
        lexicon: Lexicon | None = None,
    ) -> None:
        """before_commit: gets the keys that are about to change. ended: called once, whatever happened.

        lexicon: for many documents; that of the store unless given.
        """
        self._store = store
        self._limit = memory * PER_MEGABYTE
        self._before_commit = before_commit
        self._ended = ended
        self._open = True
        #: Whether there may be files that no commit names.
        self._untidy = False
        self._lexicon = lexicon or store.lexicon
        self._builder = SegmentBuilder(self._lexicon)
        self._members: tuple[Member, ...] | None = None
        #: The commit that they come from.
        self._base: Manifest | None = None
        #: Deleted articles of the segments of the last commit, by name, and of those that this writer has written.
        self._gone: dict[str, set[int]] = {}
        self._written: list[str] = []
        #: What their files say of themselves.
        self._directories: dict[str, Directory] = {}
        #: All keys that were put or deleted.
        self._changed: set[str] = set()
        #: Keys that were put or deleted again, each with how many segments had been written by then.
        self._again: list[tuple[str, int]] = []

    def put(self, document: Document) -> None:
        self._check_open()
        # Before anything is taken out: a document that can't be written changes nothing.
        row = prepared(document)
        with self._changing():
            self._take_out(row.key)
            self._add(row)

    def delete(self, key: str) -> None:
        self._check_open()
        with self._changing():
            self._take_out(key)

    def commit(self) -> None:
        if not self._open:
            return
        try:
            with writing(str(self._store.directory)):
                # Keys that were not there, too: a rebuild may have read their rows already.
                self._before_commit(self._changed)
                self._write()
                self._finish()
                if self._written or self._gone or self.serial is not None:
                    if self._members is None:
                        self._base, self._members = self._store.members()
                    self._untidy = True
                    self._store.commit(merged(self._store, self._result()), after=self._base, serial=self.serial)
                    self._untidy = False
        finally:
            self._end()

    def cancel(self) -> None:
        if self._open:
            self._end()

    def _check_open(self) -> None:
        if not self._open:
            raise ContractError("This writer has committed or was cancelled; open another one with engine.writer().")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A change that fails half-way ends the writer: half an article must not be committed."""
        try:
            with writing(str(self._store.directory)):
                yield
        except BaseException:
            self._end()
            raise

    def _take_out(self, key: str) -> None:
        """Delete what this writer and the commits before it have under ``key``."""
        if self._builder.remove(key):
            return
        if key in self._changed:
            if self._written:
                # Looked up at the end, since it is rare.
                self._again.append((key, len(self._written)))
            return
        self._changed.add(key)
        if self._members is None:
            self._base, self._members = self._store.members()
        for member in self._members:
            article = member.find(key)
            if article is not None:
                self._gone.setdefault(member.name, set()).add(article)

    def _add(self, row: Row) -> None:
        self._builder.add_row(row)
        if self._full():
            self._write()

    def _full(self) -> bool:
        return self._builder.characters + _OVERHEAD * self._builder.articles >= self._limit

    def _write(self) -> None:
        """Write what is buffered as a segment, or as several where it has very many different words."""
        while self._builder.articles:
            self._untidy = True
            self._written.append(new_name())
            self._build(self._written[-1])

    def _build(self, name: str) -> None:
        self._directories[name] = self._builder.build(self._store.path(name))

    def _finish(self) -> None:
        """All segments are on the disk after this."""

    def _result(self) -> list[Member]:
        """The segments that the index shall have, merges aside."""
        written = {name: self._member(name) for name in self._on_disk()}
        for key, count in self._again:
            for member in [written[name] for name in self._written[:count] if name in written]:
                article = member.find(key)
                if article is not None:
                    self._gone.setdefault(member.name, set()).add(article)
        return [
            member.without(np.array(sorted(self._gone[member.name]), np.uint32))
            if member.name in self._gone
            else member
            for member in (*(self._members or ()), *written.values())
        ]

    def _on_disk(self) -> list[str]:
        """The segments that were written and are on the disk, in that order."""
        return self._written

    def _member(self, name: str) -> Member:
        return self._store.member(name, self._directories.pop(name))

    def _end(self) -> None:
        """Drop what was not committed, and let others write."""
        self._open = False
        self._members = None
        self._builder = SegmentBuilder(self._lexicon)
        self._written, self._gone, self._changed, self._again = [], {}, set(), []
        try:
            if self._untidy:
                self._store.clean()
        except (OSError, NewsIndexError) as error:
            logger.warning("Files of an unfinished commit stay until the next one: %r", error)
        finally:
            self._ended()
