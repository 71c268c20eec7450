"""The commit file: which segments an index has, and what is deleted of them. Replaced in one step by every commit.

A generation's directory holds:

    commit                 JSON: {"format": f, "number": n, "serial": s, "segments": [...], "checksum": CRC-32 of the
                           others}
    <16 hex>.segment       a segment, see layout.py
    <16 hex>.deleted       which articles of a segment are deleted: the array "articles", ascending, 32 bit
    merge.lock             held by whoever merges segments; says which ones (upkeep.py)
    <16 hex>.merging       a segment that is being written beside the commits

Files that no commit names are left by what did not come to an end, and removed by the next commit.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from newsindex.exceptions import IndexDamaged

#: Changes with whatever makes older indexes unreadable: files, arrays, stored records, the analysis of text.
INDEX_FORMAT: Final = 4
COMMIT: Final = "commit"
#: What the commit is written to before it gets its name.
ASIDE: Final = "commit.new"
SEGMENT: Final = ".segment"
DELETED: Final = ".deleted"
MERGING: Final = ".merging"
_NAME: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A segment of a commit.

    name: of its file, without the ending. size: of its file in bytes. articles, paragraphs: in its file, whether
    deleted or not. deleted: the name of the file that says what is deleted, None where nothing is.
    """

    name: str
    size: int
    articles: int
    paragraphs: int
    deleted: str | None = None
    deleted_articles: int = 0


_ENTRY: Final = tuple(field.name for field in fields(Entry))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a commit file says. number: counts the commits of the generation. serial: ``Engine.serial``."""

    number: int
    segments: tuple[Entry, ...] = ()
    serial: int = 0

    def files(self) -> frozenset[str]:
        """The names of the files that belong to the commit."""
        segments = {entry.name + SEGMENT for entry in self.segments}
        return frozenset(segments | {entry.deleted + DELETED for entry in self.segments if entry.deleted})


def encoded(manifest: Manifest) -> bytes:
    """The content of a commit file."""
    content = {
        "format": INDEX_FORMAT,
        "number": manifest.number,
        "serial": manifest.serial,
        "segments": [{name: getattr(entry, name) for name in _ENTRY} for entry in manifest.segments],
    }
    return json.dumps({**content, "checksum": _checksum(content)}).encode()


def decoded(path: Path, data: bytes) -> Manifest:
    """What the commit file at ``path`` with the content ``data`` says. IndexDamaged where that makes no sense."""
    try:
        content = json.loads(data)
        written, checksum = content["format"], content.pop("checksum", None)
        computed = _checksum(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, f"it is no commit of an index: {data[:100]!r}") from error
    # A flipped bit may look like the number of another format.
    if checksum in (None, computed) and written != INDEX_FORMAT:
        raise _damaged(path, f"it has format {written!r}, this version of newsindex reads {INDEX_FORMAT}")
    if checksum != computed:
        raise _damaged(path, "it was changed after it was written: its checksum is wrong")
    try:
        segments = tuple(Entry(**entry) for entry in content["segments"])
        # The first commits of this format have no serial.
        manifest = Manifest(content["number"], segments, content.get("serial", 0))
        sound = _sound(manifest.segments) and _count(manifest.number) and _count(manifest.serial)
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, f"it lacks what a commit has ({error!r})") from error
    if not sound:
        raise _damaged(path, "it names what no segment can be")
    return manifest


def _sound(entries: Sequence[Entry]) -> bool:
    names = [entry.name for entry in entries]
    return len(set(names)) == len(names) and all(
        _NAME.fullmatch(entry.name)
        and (entry.deleted is None) == (entry.deleted_articles == 0)
        and (entry.deleted is None or _NAME.fullmatch(entry.deleted))
        and all(map(_count, (entry.size, entry.articles, entry.paragraphs, entry.deleted_articles)))
        and entry.deleted_articles <= entry.articles
        for entry in entries
    )


def _count(value: object) -> bool:
    return type(value) is int and value >= 0


def _checksum(content: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, separators=(",", ":"), sort_keys=True).encode())


def _damaged(path: Path, what: str) -> IndexDamaged:
    return IndexDamaged(
        f"The index file {path} can't be read: {what}. Make a new index with: manage.py newsindex_rebuild"
    )
