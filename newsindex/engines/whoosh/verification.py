"""Is the index whole: every record and every posting list read, and what they say compared. And is its place safe."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np

from newsindex.engines.base import Problem
from newsindex.engines.whoosh.schema import words_field
from newsindex.engines.whoosh.segments import Part, Segment, Snapshot
from newsindex.engines.whoosh.store import Store
from newsindex.exceptions import IndexDamaged
from newsindex.ranking import FIELDS

#: Above all terms: no UTF-8 has this byte.
_LAST = b"\xff"


def problems(store: Store) -> list[str]:
    """What is wrong inside a generation, a line each."""
    try:
        snapshot = store.snapshot()
        return [
            *_doubled(snapshot),
            *(line for part in snapshot.parts for line in [*_records(part), *_postings(part.segment)]),
        ]
    except IndexDamaged as error:
        return [str(error)]


def _doubled(snapshot: Snapshot) -> Iterator[str]:
    seen: set[str] = set()
    for ordinal in snapshot.ordinals():
        key = snapshot.columns.keys[ordinal]
        if key in seen:
            yield f"{key} is in the index twice."
        seen.add(key)


def _records(part: Part) -> Iterator[str]:
    """Whether each head is followed by the paragraphs that it names."""
    segment = part.segment
    for head in segment.columns.heads.tolist():
        record = segment.article(head)
        found = [segment.paragraph(head + 1 + at).number for at in range(len(record.paragraphs))]
        if found != [number for number, _ in record.paragraphs]:
            yield f"{record.key} has paragraphs {found} in the place of {[n for n, _ in record.paragraphs]}."


def _postings(segment: Segment) -> Iterator[str]:
    """Whether each posting list can be read, names documents that exist, and has a position for each occurrence."""
    columns = segment.columns
    for field in FIELDS:
        for name in (field, words_field(field)):
            for term in segment.postings.terms_between(name, b"", _LAST):
                found = segment.postings.term(name, term)
                if found is None or not len(found.docs):
                    yield f"Segment {segment.id}: the term {term!r} of {name} has no postings."
                elif np.any(found.docs[1:] <= found.docs[:-1]) or found.docs[-1] >= columns.documents:
                    yield f"Segment {segment.id}: the term {term!r} of {name} names no document of it."
                elif name == field and len(found.positions) != int(found.counts.sum()):
                    yield f"Segment {segment.id}: the term {term!r} of {name} lacks positions."


def place_problems(path: Path) -> list[Problem]:
    """What a system check should say about the place of the index and about Whoosh itself."""
    return [*_directory(path), *_distributions()]


def _directory(path: Path) -> Iterator[Problem]:
    if not path.exists():
        parent = next((each for each in path.absolute().parents if each.exists()), path)
        if not parent.is_dir():
            yield Problem(
                "error", "newsindex.E010", f"The index can't be made in {path}: {parent} is not a directory.",
                "Set OPTIONS['path'] of the engine to a directory of its own.",
            )  # fmt: skip
        return
    if not path.is_dir():
        yield Problem(
            "error", "newsindex.E010", f"The path of the index, {path}, is not a directory.",
            "Set OPTIONS['path'] of the engine to a directory of its own.",
        )  # fmt: skip
        return
    if not _usable(path):
        yield Problem(
            "error", "newsindex.E011", f"This process may not write in the directory of the index, {path}.",
            "Give it to the user that runs the site.",
        )  # fmt: skip
    if stat.S_IMODE(path.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
        yield Problem(
            "warning", "newsindex.W010", f"Others may write in the directory of the index, {path}.",
            f"Whoever can write there can run code in the site. Run: chmod 700 {path}",
        )  # fmt: skip


def _usable(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK | os.X_OK)


def _distributions() -> Iterator[Problem]:
    providers = set(packages_distributions().get("whoosh", ()))
    if len(providers) > 1:
        names = ", ".join(sorted(providers))
        yield Problem(
            "warning", "newsindex.W011", f"Several distributions provide the package whoosh: {names}.",
            "They overwrite each other's files. Uninstall all of them, then install one.",
        )  # fmt: skip
