"""Is the index whole: every file read, and what its arrays say compared. And is its place safe."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.base import Problem
from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.layout import LABELS, Strings, form_terms, form_word, key_hash, letters, stem_key
from newsindex.engines.whoosh.manifest import SEGMENT
from newsindex.engines.whoosh.merging import BLOCK, ranges, sizes_between
from newsindex.engines.whoosh.records import KINDS
from newsindex.engines.whoosh.segments import MOST_PLACES, Segment
from newsindex.engines.whoosh.shape import PLACES
from newsindex.engines.whoosh.storage import reading
from newsindex.engines.whoosh.store import Member, Store
from newsindex.exceptions import IndexDamaged
from newsindex.ranking import FIELDS

#: Strings that are sorted, each there once.
_SORTED: Final = ("form", "stem", *(f"{kind}_names" for kind in LABELS))


def problems(directory: Path) -> list[str]:
    """What is wrong inside the generation in a directory, a line each."""
    try:
        # Opened anew: what this process has mapped of a file that was cut off since would end it.
        members = Store(directory).members()[1]
    except IndexDamaged as error:
        return [str(error)]
    found = []
    for member in members:
        try:
            found += [f"Segment {member.name}{SEGMENT}: {line}" for line in _segment(member.segment)]
        except IndexDamaged as error:
            found.append(str(error))
    return found or list(_doubled(members))


def _segment(segment: Segment) -> list[str]:
    """What is wrong inside a segment. What its arrays say is compared where they are what was written."""
    broken = [f"its array {name} is not what was written." for name in segment.file.broken()]
    if broken:
        return broken
    with reading(f"segment {segment.id}"):
        # Each step reads in safety what those before it have found to be right.
        for step in (_places, _dictionary, _articles, _paragraphs, _labels, _stems, _postings, _positions):
            found = list(step(segment))
            if found:
                return found
    return []


def _places(segment: Segment) -> Iterator[str]:
    for name, _, _ in PLACES:
        if not _ascending(segment[name]):
            yield f"its array {name} does not ascend."


def _dictionary(segment: Segment) -> Iterator[str]:
    for name in _SORTED:
        values = _strings(segment, name)
        if any(before >= value for before, value in zip(values, values[1:], strict=False)):
            yield f"its array {name} is not sorted."
    words = [form_word(key) for key in _strings(segment, "form")]
    if not np.array_equal(segment["form_size"], np.fromiter(map(len, words), np.int64, len(words))):
        yield "its array form_size does not have the sizes of its forms."
    if not np.array_equal(segment["form_letters"], np.fromiter(map(letters, words), np.int64, len(words))):
        yield "its array form_letters does not have the letters of its forms."


def _articles(segment: Segment) -> Iterator[str]:
    keys = [segment.key(article) for article in range(segment.articles)]
    order, hashes = segment["key_order"], segment["key_hash"]
    if not np.array_equal(np.sort(order), np.arange(segment.articles)) or not _ascending(hashes):
        yield "its array key_order does not have each article once, in the order of key_hash."
    elif hashes.tolist() != [key_hash(keys[article]) for article in order.tolist()]:
        yield "its array key_hash does not have the hashes of its keys."
    for article, key in enumerate(keys):
        try:
            segment.record(article)
        except IndexDamaged:
            yield f"the record of {key} can't be read."
    boosts = segment["boost"]
    if not np.all((boosts > 0) & np.isfinite(boosts)):
        yield "its array boost has values that are no boost."


def _paragraphs(segment: Segment) -> Iterator[str]:
    if np.any(segment["paragraph_kind"] >= len(KINDS)):
        yield "its array paragraph_kind has kinds that there are not."
    starts, lengths = (segment[name].astype(np.int64) for name in ("paragraph_start", "paragraph_length"))
    first = segment["first_paragraph"].astype(np.int64)
    expected = np.zeros(len(starts) + 1, np.int64)
    # As if all stood in one article, less where their own article begins.
    np.cumsum(lengths + 1, out=expected[1:])
    if not np.array_equal(starts, expected[:-1] - np.repeat(expected[first[:-1]], sizes_between(first))):
        yield "its array paragraph_start does not fit its array paragraph_length."
    whole = expected - np.arange(len(expected))
    if not np.array_equal(np.diff(whole[first]), segment["text_length"]):
        yield "its array text_length does not fit its array paragraph_length."


def _labels(segment: Segment) -> Iterator[str]:
    for kind in LABELS:
        values, at = segment[f"{kind}_values"], segment[f"{kind}_at"]
        names = len(segment[f"{kind}_names_at"]) - 1
        if not np.array_equal(np.unique(values), np.arange(names)):
            yield f"its array {kind}_values does not have each of {names} values."
            return
        if not _ascending(values, at):
            yield f"its array {kind}_values does not ascend within an article."
            return
    own = {kind: segment.labels(kind) for kind in LABELS}
    for article in range(segment.articles):
        record = segment.record(article)
        source = segment.key(article).partition(":")[0]
        said: tuple[Sequence[str], ...] = (record.tags, record.authors, (record.section,), record.audiences, (source,))
        for (kind, labels), written in zip(own.items(), said, strict=True):
            places = labels.values[labels.at[article] : labels.at[article + 1]].tolist()
            if [labels.names[place] for place in places] != sorted(set(written)):
                yield f"its array {kind}_values does not have what {segment.key(article)} has."
                return


def _stems(segment: Segment) -> Iterator[str]:
    forms, at = segment["stem_forms"], segment["stem_forms_at"]
    if not _ascending(forms, at) or np.any(sizes_between(at) <= 0):
        yield "its array stem_forms does not have ascending forms for each stem."
        return
    stems = _strings(segment, "stem")
    pairs = [
        (stem_key(term, language), form)
        for form, key in enumerate(_strings(segment, "form"))
        for language, terms in [form_terms(key)]
        for term in terms
    ]
    owners = np.repeat(np.arange(len(stems)), sizes_between(at))
    if sorted(pairs) != [(stems[stem], form) for stem, form in zip(owners.tolist(), forms.tolist(), strict=True)]:
        yield "its stems are not those of its forms."
    # Words are looked for in these languages only. One whose articles have no words has no stems.
    own = {stem.partition(b":")[0].decode() for stem in stems}
    if list(segment.languages) != sorted({*segment.languages, *own}):
        yield f"its languages {segment.languages!r:.200} are not those of its stems."


def _postings(segment: Segment) -> Iterator[str]:
    used = np.zeros(len(segment["form_size"]), bool)
    for field in FIELDS:
        used |= sizes_between(segment[f"{field}_at"]) > 0
        for begin, end in ranges(segment[f"{field}_positions_at"], BLOCK):
            found = _block(segment, field, begin, end)
            if found:
                yield f"the postings in {field} of its forms {begin} to {end} {found}"
                return
    if not used.all():
        yield f"its form {int(np.argmin(used))} stands nowhere."


def _block(segment: Segment, field: str, begin: int, end: int) -> str:
    """What is wrong with the postings of a range of forms, "" for nothing."""
    at, positions_at = (segment[f"{field}_{name}"][begin : end + 1].astype(np.int64) for name in ("at", "positions_at"))
    articles, counts = (segment[f"{field}_{name}"][at[0] : at[-1]] for name in ("articles", "counts"))
    positions = segment[f"{field}_positions"][positions_at[0] : positions_at[-1]]
    if np.any(articles >= segment.articles) or not _ascending(articles, at - at[0], strictly=True):
        return "do not have ascending articles."
    ends = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=ends[1:])
    if not np.all(counts) or not np.array_equal(ends[at - at[0]], positions_at - positions_at[0]):
        return "do not have as many positions as they count."
    if not _ascending(positions, ends):
        return "do not have ascending positions."
    if field != "text":
        return ""
    best = segment["text_best"][at[0] : at[-1]]
    if np.any(best > counts) or not np.all(best):
        return "have the most in one paragraph wrong."
    first = segment["first_paragraph"].astype(np.int64)
    starts, lengths = segment["paragraph_start"], segment["paragraph_length"]
    # The last position of each posting lies inside its article.
    last = np.maximum(first[articles + 1] - 1, 0)
    inside = (first[articles + 1] > first[articles]) & (
        positions[ends[1:] - 1] < starts[last].astype(np.int64) + lengths[last]
    )
    return "" if np.all(inside) else "have positions outside of their articles."


def _positions(segment: Segment) -> Iterator[str]:
    """Of what is no paragraph: each position up to the length is taken, but for the free ones between two tags."""
    tags = np.fromiter((len(segment.record(article).tags) for article in range(segment.articles)), np.int64)
    for field in (name for name in FIELDS if name != "text"):
        lengths = segment[f"{field}_length"].astype(np.int64)
        sizes = lengths + np.maximum(tags - 1, 0) if field == "tags" else lengths
        if not _fit(segment, field, lengths, np.where(lengths > 0, sizes, 0)):
            yield f"its array {field}_length does not fit its array {field}_positions."


def _fit(segment: Segment, field: str, lengths: NDArray[np.int64], sizes: NDArray[np.int64]) -> bool:
    """Whether the field has positions at so many of the places of each article, and none beyond. sizes: of each."""
    ends = sizes.cumsum()
    size = int(sizes.sum())
    if size > MOST_PLACES * (len(segment[f"{field}_positions"]) + MOST_PLACES):
        return False
    taken = np.zeros(size, bool)
    at, positions_at = segment[f"{field}_at"], segment[f"{field}_positions_at"]
    for begin, end in ranges(positions_at, BLOCK):
        own = slice(int(at[begin]), int(at[end]))
        articles = segment[f"{field}_articles"][own].repeat(segment[f"{field}_counts"][own])
        positions = segment[f"{field}_positions"][int(positions_at[begin]) : int(positions_at[end])]
        if np.any(positions >= sizes[articles]):
            return False
        taken[(ends - sizes)[articles] + positions] = True
    having = sizes > 0
    return not size or np.array_equal(np.add.reduceat(taken, (ends - sizes)[having], dtype=np.int64), lengths[having])


def _ascending(values: Array, at: Array | None = None, *, strictly: bool = False) -> bool:
    """Whether values ascend, equal ones allowed unless ``strictly``; with ``at``, between each two of its places."""
    wrong = values[1:] <= values[:-1] if strictly else values[1:] < values[:-1]
    if at is not None:
        inner = at[(at > 0) & (at < len(values))].astype(np.int64)
        wrong[inner - 1] = False
    return not wrong.any()


def _strings(segment: Segment, name: str) -> list[bytes]:
    strings = Strings(segment.file, name)
    return [strings[number] for number in range(len(strings))]


def _doubled(members: Sequence[Member]) -> Iterator[str]:
    hashes = []
    for member in members:
        order = member.segment["key_order"]
        live = np.ones(member.segment.articles, bool)
        if member.deleted is not None:
            live[member.deleted] = False
        hashes.append(member.segment["key_hash"][live[order]])
    found, counts = np.unique(np.concatenate(hashes) if hashes else np.empty(0, np.uint64), return_counts=True)
    # Two keys with one hash are no fault; keys are compared where there may be one.
    for hashed in found[counts > 1].tolist():
        keys = [key for member in members for key in _keys(member, hashed)]
        yield from (f"{key} is in the index twice." for key in sorted({key for key in keys if keys.count(key) > 1}))


def _keys(member: Member, hashed: int) -> list[str]:
    """The keys of live articles with this hash."""
    places = np.flatnonzero(member.segment["key_hash"] == np.uint64(hashed))
    articles = set(member.segment["key_order"][places].tolist())
    articles -= set() if member.deleted is None else set(member.deleted.tolist())
    return [member.segment.key(article) for article in sorted(articles)]


def place_problems(path: Path) -> list[Problem]:
    """What a system check should say about the place of the index and about Whoosh itself."""
    return [*_directory(path), *_distributions()]


def _directory(path: Path) -> Iterator[Problem]:
    if not path.is_absolute():
        yield Problem(
            "warning", "newsindex.W018",
            f"The path of the index, {path}, is relative: each process takes it from the directory it was started in.",
            f"Set OPTIONS['path'] of the engine to the whole path, for example to BASE_DIR / {path.name!r}.",
        )  # fmt: skip
    try:
        yield from _place(path)
    except PermissionError as error:
        yield Problem(
            "error", "newsindex.E011", f"This process may not look at the directory of the index, {path}: {error}.",
            "Give it and the directories above it to the user that runs the site, or let that user into them.",
        )  # fmt: skip


def _place(path: Path) -> Iterator[Problem]:
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
    status = path.stat()
    if status.st_uid != os.geteuid():
        yield Problem(
            "warning", "newsindex.W012",
            f"The directory of the index, {path}, belongs to user {status.st_uid}; this is user {os.geteuid()}.",
            "Run the commands of newsindex as the user that runs the site: it can't write the files of another one.",
        )  # fmt: skip
    elif _usable(path):
        yield from _files(path)
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield Problem(
            "warning", "newsindex.W010", f"Others may write in the directory of the index, {path}.",
            f"Whoever can write there decides what the site finds and shows. {_close(path)}",
        )  # fmt: skip
    elif status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Problem(
            "warning", "newsindex.W013", f"Others may read in the directory of the index, {path}.",
            f"It holds drafts and restricted articles. {_close(path)}",
        )  # fmt: skip


def _files(path: Path) -> Iterator[Problem]:
    """The first file of somebody else: a command that ran as root leaves such, in a directory of the site's user."""
    for each in (file for pattern in ("*", "generations/*", "generations/*/*") for file in sorted(path.glob(pattern))):
        try:
            owner = each.lstat().st_uid
        except OSError:
            continue  # gone by now, or within what was named before
        if owner == os.geteuid():
            continue
        hint = f"Run: chown -R {os.geteuid()} {path}, and the commands of newsindex as the user that runs the site."
        if _usable(each):
            message = f"{each} belongs to user {owner}; this is user {os.geteuid()}."
            yield Problem("warning", "newsindex.W012", message, hint)
        else:
            message = f"This process may not use {each}: it belongs to user {owner}; this is user {os.geteuid()}."
            yield Problem("error", "newsindex.E011", message, hint)
        return


def _close(path: Path) -> str:
    """What to do about a directory that is open to others; to be closed it has to be the index's alone."""
    own = ("live", "generations", "token", "purge", "lost+found")
    if any(not (each.name.startswith((*own, ".")) or each.suffix == ".lock") for each in path.iterdir()):
        return "There are other files in it: set OPTIONS['path'] of the engine to a directory of its own."
    return f"Run: chmod 700 {path}"


def _usable(path: Path) -> bool:
    """Whether this process may do all that is done with a directory, or a file, of the index."""
    if path.is_dir():
        return os.access(path, os.R_OK | os.W_OK | os.X_OK)
    return os.access(path, os.R_OK | os.W_OK if path.suffix == ".lock" else os.R_OK)


def _distributions() -> Iterator[Problem]:
    providers = set(packages_distributions().get("whoosh", ()))
    if len(providers) > 1:
        names = ", ".join(sorted(providers))
        yield Problem(
            "warning", "newsindex.W011", f"Several distributions provide the package whoosh: {names}.",
            "They overwrite each other's files. Uninstall all of them, then install one.",
        )  # fmt: skip
