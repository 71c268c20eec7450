"""One generation on the disk: its commits as they are made, by this process or another, and the snapshots of them."""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from newsindex.engines.whoosh import shape
from newsindex.engines.whoosh.arrays import Array, ArrayFile, ArrayWriter, Directory
from newsindex.engines.whoosh.lexicon import Lexicon
from newsindex.engines.whoosh.manifest import ASIDE, COMMIT, DELETED, SEGMENT, Entry, Manifest, decoded, encoded
from newsindex.engines.whoosh.segments import Segment, damaged
from newsindex.engines.whoosh.snapshots import Snapshot
from newsindex.engines.whoosh.storage import Watched, reading, remove_file, replace_file, sync_directory, writing
from newsindex.exceptions import EngineError, IndexDamaged

#: The array of a file of deletions.
_ARTICLES: Final = "articles"
#: How many words a process that writes now and then remembers: about 20 MB.
_WORDS: Final = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A segment of a commit, or of one that is being made.

    deleted: its deleted articles, ascending, None where there are none. stored: the name of the file that says so,
    None where none does yet.
    """

    name: str
    segment: Segment
    deleted: Array | None = None
    stored: str | None = None

    @property
    def dead(self) -> int:
        """How many of its articles are deleted."""
        return 0 if self.deleted is None else len(self.deleted)

    @property
    def live(self) -> float:
        """The share of its articles that are not deleted."""
        return 1 - self.dead / self.segment.articles if self.segment.articles else 0.0

    def find(self, key: str) -> int | None:
        """The article with this key that is not deleted."""
        article = self.segment.find(key)
        if article is None or self.deleted is None:
            return article
        at = int(np.searchsorted(self.deleted, article))
        return None if at < len(self.deleted) and self.deleted[at] == article else article

    def without(self, articles: Array) -> Member:
        """The same with these articles deleted as well, given ascending; some may be deleted already."""
        if self.deleted is not None:
            articles = _united(self.deleted, articles)
        return Member(self.name, self.segment, articles.astype(np.uint32)) if len(articles) > self.dead else self

    def entry(self) -> Entry:
        return Entry(
            self.name, self.segment.file.size, self.segment.articles, self.segment.paragraphs, self.stored, self.dead
        )


class Store:
    """The index in a directory. Shared by threads; whoever commits or cleans holds the writer's lock."""

    def __init__(self, directory: Path) -> None:
        """IndexDamaged where there is no index that can be read."""
        self.directory = directory
        self._place = os.path.join(directory, "")
        self._lock = threading.Lock()
        self._watched = Watched(directory / COMMIT, decoded)
        self._boundary = reading(str(self._watched.path))
        self._opened: tuple[Manifest, tuple[Member, ...]] | None = None
        self._snapshot: tuple[Manifest, Snapshot] | None = None
        #: What is open already, by the names of files.
        self._segments: dict[str, Segment] = {}
        self._deletions: dict[str, Array] = {}
        self.manifest()

    @classmethod
    def create(cls, directory: Path) -> Store:
        """A new, empty index in an existing directory."""
        with writing(str(directory)):
            replace_file(directory / COMMIT, directory / ASIDE, encoded(Manifest(0)))
        return cls(directory)

    def manifest(self) -> Manifest:
        """The newest commit. One look at the commit file where it is known already, and then the same object."""
        with self._boundary:
            return self._watched.value()

    def snapshot(self) -> Snapshot:
        """The newest commit, to search in."""
        manifest = self.manifest()
        known = self._snapshot
        if known is not None and known[0] is manifest and all(part.segment.file.unchanged() for part in known[1].parts):
            return known[1]
        with self._lock:
            manifest, members = self._newest()
            known = self._snapshot
            if known is None or known[0] is not manifest:
                # Another one as well where a file was written to: then the members are opened anew.
                segments, deleted = [each.segment for each in members], [each.deleted for each in members]
                known = self._snapshot = manifest, Snapshot(manifest.number, segments, deleted)
            return known[1]

    def members(self) -> tuple[Manifest, tuple[Member, ...]]:
        """The newest commit, to change it."""
        with self._lock:
            return self._newest()

    def member(self, name: str, written: Directory | None = None) -> Member:
        """A segment that was written and is in no commit yet. written: as for ArrayFile."""
        return Member(name, Segment(self.path(name), written))

    @cached_property
    def lexicon(self) -> Lexicon:
        """What the writers of this store have learnt of words: for one at a time, as they are."""
        return Lexicon(_WORDS)

    def path(self, name: str, ending: str = SEGMENT) -> str:
        # Of text: a commit asks for dozens, and paths take longer to be made than most of what is done with them.
        return f"{self._place}{name}{ending}"

    def commit(
        self,
        members: Sequence[Member],
        *,
        after: Manifest | None = None,
        clean: bool = True,
        serial: int | None = None,
    ) -> Manifest:
        """Make these segments the index, durably, in one step; then remove what no longer belongs to it.

        after: the commit that ``members`` come from; EngineError where it is not the newest any more, as the locks of
        writers are no help once somebody has removed their files. clean: not where segments are being written that no
        commit names yet. serial: the number of the commit before unless given. OSError where the system refuses; then
        the commit before counts, but for a failure after the last step.
        """
        stored = tuple([self._stored(member) for member in members])
        # The files are durable, their names must be so before a commit speaks of them.
        sync_directory(self.directory)
        with self._alone():
            newest = self.manifest()
            entries = tuple([member.entry() for member in stored])
            manifest = Manifest(newest.number + 1, entries, newest.serial if serial is None else serial)
            self._require(after or newest, newest, manifest)
            self._watched.replace(self.directory / ASIDE, encoded(manifest), manifest)
            with self._lock:
                # The next reader here need not open them again.
                self._take(manifest, stored)
            if clean:
                self._remove_others(manifest)
        return manifest

    def clean(self) -> None:
        """Remove what no commit names, but what is being merged. OSError where the system refuses."""
        with self._alone():
            self._remove_others(self.manifest())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """For the moment of a commit: whoever writes without the lock, since its file was removed, is kept out too."""
        handle = os.open(self.directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise EngineError(f"Somebody else commits in {self.directory} without the lock of writers.") from error
            try:
                yield
            finally:
                # A child that was forked meanwhile has the handle too, and must not keep the lock.
                fcntl.flock(handle, fcntl.LOCK_UN)
        finally:
            os.close(handle)

    def _require(self, after: Manifest, newest: Manifest, manifest: Manifest) -> None:
        """That nobody else has written here without the lock, or taken away what is new."""
        new = manifest.files() - newest.files()
        if after != newest or not all(os.path.exists(self._place + name) for name in new):
            raise EngineError(
                f"The index in {self.directory} was changed by somebody else meanwhile, and nothing by this writer: "
                "was the file of a lock removed, or the directory replaced?"
            )

    def _remove_others(self, manifest: Manifest) -> None:
        kept = manifest.files()
        for name in os.listdir(self.directory):
            if name.endswith((SEGMENT, DELETED)) and name not in kept:
                remove_file(self._place + name)

    def size(self) -> int:
        """Bytes on the disk."""
        total = 0
        with reading(str(self.directory)):
            for name in os.listdir(self.directory):
                # A commit may remove files meanwhile.
                with suppress(FileNotFoundError):
                    total += (self.directory / name).stat().st_size
        return total

    def _newest(self) -> tuple[Manifest, tuple[Member, ...]]:
        manifest = self.manifest()
        if not all(segment.file.unchanged() for segment in self._segments.values()):
            # Somebody wrote to a file. What was checked of it counts no longer, and what was cut off must not be read.
            self._segments, self._deletions, self._opened, self._snapshot = {}, {}, None, None
        while self._opened is None or self._opened[0] is not manifest:
            try:
                self._open(manifest)
            except IndexDamaged as error:
                newer = self.manifest()
                # A commit in between takes away what the one before had.
                if newer is manifest or not isinstance(error.__cause__, FileNotFoundError):
                    raise
                manifest = newer
        return self._opened

    def _open(self, manifest: Manifest) -> None:
        self._take(manifest, tuple(map(self._member, manifest.segments)))

    def _take(self, manifest: Manifest, members: tuple[Member, ...]) -> None:
        """What a commit has is open. members: with the names of their files of deletions."""
        self._segments = {member.name: member.segment for member in members}
        self._deletions = {
            member.stored: member.deleted for member in members if member.stored and member.deleted is not None
        }
        self._opened = manifest, members

    def _member(self, entry: Entry) -> Member:
        segment = self._segments.get(entry.name)
        if segment is None:
            segment = Segment(self.path(entry.name))
            shape.check(segment)
        if (segment.file.size, segment.articles, segment.paragraphs) != (entry.size, entry.articles, entry.paragraphs):
            raise damaged(segment, f"it is not the one that its commit names: {entry}.")
        if entry.deleted is None:
            return Member(entry.name, segment)
        deleted = self._deletions.get(entry.deleted)
        if deleted is None:
            deleted = _deletions(self.path(entry.deleted, DELETED), entry)
        return Member(entry.name, segment, deleted, entry.deleted)

    def _stored(self, member: Member) -> Member:
        """The same, once the file that says what is deleted is written."""
        if member.deleted is None or member.stored is not None:
            return member
        name = new_name()
        file = ArrayWriter(self.path(name, DELETED))
        try:
            file.add(_ARTICLES, member.deleted)
            file.close({})
        except BaseException:
            file.abort()
            raise
        return Member(member.name, member.segment, member.deleted, name)


def _united(some: Array, others: Array) -> Array:
    """Numbers that are among some or others, ascending: ``np.union1d`` takes several times as long for few."""
    found = np.concatenate((some, others))
    found.sort()
    new = np.ones(len(found), bool)
    np.not_equal(found[1:], found[:-1], out=new[1:])
    return found[new]


def new_name() -> str:
    """A name for a file that nobody has used: random, so that no other process can choose it too."""
    return secrets.token_hex(8)


def _deletions(path: str, entry: Entry) -> Array:
    file = ArrayFile(path)
    with reading(path):
        found = file[_ARTICLES]
        if len(found) != entry.deleted_articles or np.any(found[1:] <= found[:-1]) or found[-1] >= entry.articles:
            raise ValueError(f"it does not name {entry.deleted_articles} of {entry.articles} articles")
        if any(file.broken()):
            raise ValueError("its checksum is wrong")
        # Not where the file is mapped: nobody looks at it again.
        return found.copy()
