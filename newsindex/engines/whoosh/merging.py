"""Several segments into one, without what is deleted: arrays are copied and renumbered, nothing is analysed again.

Texts and records are copied as they lie, in runs of articles that stay. Forms and stems of the inputs are sorted, so
that each input's forms keep their order in the merged dictionary, and a range of merged forms is a range of forms in
each input: postings are handled in such ranges, each small enough for the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from newsindex.analysis import stemming_language
from newsindex.engines.whoosh.arrays import Array, ArrayWriter, Directory, ascending, smallest, smallest_type
from newsindex.engines.whoosh.layout import LABELS, Strings, article_type
from newsindex.engines.whoosh.segments import Segment, damaged
from newsindex.engines.whoosh.shape import ARTICLE_COLUMNS, FORM_COLUMNS, PARAGRAPH_COLUMNS, PLACES
from newsindex.engines.whoosh.storage import reading
from newsindex.engines.whoosh.unions import Sorted, Union, union
from newsindex.ranking import FIELDS

Mask = NDArray[np.bool_]
#: How many positions are handled at a time, and how many bytes of texts.
BLOCK: Final = 1 << 21
_BYTES: Final = 1 << 22
#: Columns that have one type, whatever their values are.
_FIXED: Final = frozenset({"published", "expires", "boost", "form_letters"})


def merge(inputs: Sequence[tuple[Segment, Array | None]], path: Path | str) -> Directory:
    """Write the segment of all articles of ``inputs``, in their order, but those deleted.

    inputs: segments, each with the numbers of its deleted articles, ascending, or None. OSError where the system
    refuses, IndexDamaged where a segment is not what was written; then there is no file.
    """
    first = 0
    sources = []
    for segment, deleted in inputs:
        _check(segment)
        sources.append(_Source(segment, deleted, first))
        first += sources[-1].count
    writer = ArrayWriter(path)
    try:
        _articles(writer, sources)
        _labels(writer, sources)
        _paragraphs(writer, sources)
        _postings(writer, sources, _dictionary(writer, sources))
        paragraphs = sum(source.paragraphs for source in sources)
        return writer.close({"articles": first, "paragraphs": paragraphs, "languages": _languages(sources)})
    except BaseException:
        writer.abort()
        raise


def _check(segment: Segment) -> None:
    """What was changed on the disk must not get a new checksum that says it is right."""
    for name in segment.file.broken():
        raise damaged(segment, f"its array {name} is not what was written.")
    with reading(f"segment {segment.id}"):
        # Memory is taken by what these say.
        for name, _, _ in PLACES:
            ascending(segment[name], name)
        for field in FIELDS:
            if int(segment[f"{field}_counts"].sum(dtype=np.int64)) != len(segment[f"{field}_positions"]):
                raise ValueError(f"its postings in {field} do not have as many positions as they count")
    segment.file.release()


class _Source:
    """A segment to be merged.

    live: which articles stay, None for all. first: the number of its first article in the merged segment.
    """

    def __init__(self, segment: Segment, deleted: Array | None, first: int) -> None:
        self.segment = segment
        self.first = first
        self.live: Mask | None = None
        self.count = segment.articles
        if deleted is not None and len(deleted):
            self.live = np.ones(segment.articles, bool)
            self.live[deleted] = False
            self.count -= len(deleted)

    def __getitem__(self, name: str) -> Array:
        return self.segment[name]

    @cached_property
    def numbers(self) -> Array:
        """For each article its number in the merged segment; of no meaning for deleted ones."""
        if self.live is None:
            return np.arange(self.first, self.first + self.count, dtype=np.uint32)
        return (np.cumsum(self.live, dtype=np.uint32) + np.uint32(self.first) - np.uint32(1)).astype(np.uint32)

    @cached_property
    def live_paragraphs(self) -> Mask | None:
        if self.live is None:
            return None
        return np.repeat(self.live, sizes_between(self["first_paragraph"]))

    @property
    def paragraphs(self) -> int:
        live = self.live_paragraphs
        return self.segment.paragraphs if live is None else int(np.count_nonzero(live))

    def sizes(self, field: str) -> tuple[Array, Array]:
        """For each form, how many postings and how many positions in a field stay."""
        if self.live is None:
            return sizes_between(self[f"{field}_at"]), sizes_between(self[f"{field}_positions_at"])
        return self._counted[field]

    def written(self, field: str) -> None:
        """Forget what only the writing of this field needed."""
        if self.live is not None:
            del self._counted[field]

    @cached_property
    def _counted(self) -> dict[str, tuple[Array, Array]]:
        return {field: self._count(field) for field in FIELDS}

    def _count(self, field: str) -> tuple[Array, Array]:
        assert self.live is not None
        at, positions_at = self[f"{field}_at"], self[f"{field}_positions_at"]
        postings, positions = (np.zeros(len(at) - 1, np.uint32) for _ in range(2))
        for begin, end in ranges(positions_at, BLOCK):
            first, last = int(at[begin]), int(at[end])
            live = self.live[self[f"{field}_articles"][first:last]]
            places = at[begin : end + 1].astype(np.int64) - first
            postings[begin:end] = np.diff(_running(live)[places])
            positions[begin:end] = np.diff(_running(live * self[f"{field}_counts"][first:last])[places])
        return postings, positions

    @cached_property
    def forms(self) -> Array | None:
        """The forms of which anything stays, ascending; None for all."""
        if self.live is None:
            return None
        return np.flatnonzero(sum(self.sizes(field)[0] for field in FIELDS))

    def piece(self, field: str, begin: int, end: int) -> dict[str, Array]:
        """What stays of the postings of the forms from ``begin`` to ``end``: articles, counts, positions, best."""
        first, last = (int(self[f"{field}_at"][at]) for at in (begin, end))
        start, stop = (int(self[f"{field}_positions_at"][at]) for at in (begin, end))
        names = ("articles", "counts", "best") if field == "text" else ("articles", "counts")
        found = {name: self[f"{field}_{name}"][first:last] for name in names}
        found["positions"] = self[f"{field}_positions"][start:stop]
        if self.live is not None:
            live = self.live[found["articles"]]
            if not live.all():
                found["positions"] = found["positions"][np.repeat(live, found["counts"])]
                found.update((name, found[name][live]) for name in names)
        return found


def ranges(places: Array, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of what has ``places``, one after the other, with up to ``most`` values each, or of one thing alone."""
    begin, count = 0, len(places) - 1
    while begin < count:
        end = int(np.searchsorted(places, int(places[begin]) + most, side="right")) - 1
        end = min(max(end, begin + 1), count)
        yield begin, end
        begin = end


def sizes_between(places: Array) -> NDArray[np.int64]:
    """How much lies between each two of ascending places."""
    return places[1:].astype(np.int64) - places[:-1]


def _running(values: Array) -> Array:
    """Sums of the values before each, and of all."""
    sums = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


# Articles and paragraphs


def _articles(writer: ArrayWriter, sources: Sequence[_Source]) -> None:
    lives = [source.live for source in sources]
    _strings(writer, sources, "key", lives)
    _strings(writer, sources, "record", lives)
    for name in ARTICLE_COLUMNS:
        _column(writer, sources, name, lives)
    paragraphs = [_kept(sizes_between(source["first_paragraph"]), source.live) for source in sources]
    writer.add("first_paragraph", smallest(_running(np.concatenate(paragraphs))))
    hashes, articles = [], []
    for source in sources:
        order = source["key_order"]
        live = None if source.live is None else source.live[order]
        hashes.append(_kept(source["key_hash"], live))
        articles.append(source.numbers[_kept(order, live)])
    joined = np.concatenate(hashes)
    # Stable: equal hashes stay in the order of their articles.
    order = np.argsort(joined, kind="stable")
    writer.add("key_hash", joined[order])
    writer.add("key_order", smallest(np.concatenate(articles)[order]))


def _labels(writer: ArrayWriter, sources: Sequence[_Source]) -> None:
    for kind in LABELS:
        counts, values = [], []
        for source in sources:
            own = sizes_between(source[f"{kind}_at"])
            counts.append(_kept(own, source.live))
            live = None if source.live is None else np.repeat(source.live, own)
            values.append(_kept(source[f"{kind}_values"], live))
        used = [_different(np.sort(each)) for each in values]
        names = union([_sorted(source, f"{kind}_names", own) for source, own in zip(sources, used, strict=True)])
        _add_strings(writer, f"{kind}_names", names)
        writer.add(f"{kind}_at", smallest(_running(np.concatenate(counts))))
        renumbered = [
            place[np.searchsorted(own, each)] for place, own, each in zip(names.places, used, values, strict=True)
        ]  # fmt: skip
        writer.add(f"{kind}_values", smallest(np.concatenate(renumbered)))


def _paragraphs(writer: ArrayWriter, sources: Sequence[_Source]) -> None:
    lives = [source.live_paragraphs for source in sources]
    _strings(writer, sources, "paragraph", lives)
    _strings(writer, sources, "anchor", lives)
    for name in PARAGRAPH_COLUMNS:
        _column(writer, sources, name, lives)


def _languages(sources: Sequence[_Source]) -> list[str]:
    found: set[str] = set()
    for source in sources:
        possible = set(source.segment.languages)
        if source.live is None or len(possible) == 1:
            found |= possible if source.count else set()
            continue
        # A language goes with the last of its articles; usually the first few name all of them.
        for article in np.flatnonzero(source.live).tolist():
            if possible <= found:
                break
            found.add(stemming_language(source.segment.record(article).language))
    return sorted(found)


def _column(writer: ArrayWriter, sources: Sequence[_Source], name: str, lives: Sequence[Mask | None]) -> None:
    values = np.concatenate([_kept(source[name], live) for source, live in zip(sources, lives, strict=True)])
    writer.add(name, values if name in _FIXED else smallest(values))


def _strings(writer: ArrayWriter, sources: Sequence[_Source], name: str, lives: Sequence[Mask | None]) -> None:
    """Copy the strings that stay, as they lie."""
    sizes = [_kept(sizes_between(source[f"{name}_at"]), live) for source, live in zip(sources, lives, strict=True)]
    at = _running(np.concatenate(sizes))
    writer.add(f"{name}_at", smallest(at))
    writer.reserve(name, np.uint8, int(at[-1]))
    for source, live in zip(sources, lives, strict=True):
        data, places = source[name], source[f"{name}_at"]
        for piece in _gathered(data, *_runs(places, live)):
            writer.append(name, piece)
        source.segment.file.release()


def _runs(places: Array, live: Mask | None) -> tuple[list[int], list[int]]:
    """Where runs of strings that stay begin and end."""
    if live is None:
        return [int(places[0])], [int(places[-1])]
    edges = np.diff(live.astype(np.int8), prepend=0, append=0)
    return places[np.flatnonzero(edges == 1)].tolist(), places[np.flatnonzero(edges == -1)].tolist()


def _gathered(data: Array, begins: Iterable[int], ends: Iterable[int]) -> Iterator[Array]:
    """Runs of bytes in pieces of a good size: to write each of many short ones would be slow."""
    waiting: list[Array] = []
    size = 0
    for begin, end in zip(begins, ends, strict=True):
        for at in range(begin, end, _BYTES):
            waiting.append(data[at : min(at + _BYTES, end)])
            size += len(waiting[-1])
            if size >= _BYTES:
                yield np.concatenate(waiting) if len(waiting) > 1 else waiting[0]
                waiting, size = [], 0
    if waiting:
        yield np.concatenate(waiting)


def _kept(values: Array, live: Mask | None) -> Array:
    return values if live is None else values[live]


# The dictionary


def _dictionary(writer: ArrayWriter, sources: Sequence[_Source]) -> list[Array]:
    """Write forms and stems. For each source: the merged numbers of the forms of which anything stays, ascending."""
    forms = union([_sorted(source, "form", source.forms) for source in sources])
    _add_strings(writer, "form", forms)
    for name in FORM_COLUMNS:
        values = np.zeros(len(forms.sizes), np.uint32)
        for source, place in zip(sources, forms.places, strict=True):
            values[place] = source[name] if source.forms is None else source[name][source.forms]
        writer.add(name, values if name in _FIXED else smallest(values))
    _stems(writer, sources, forms.places)
    return forms.places


def _stems(writer: ArrayWriter, sources: Sequence[_Source], places: Sequence[Array]) -> None:
    """Write the stems: of each the forms that any of the sources has for it."""
    used: list[Array | None] = []
    own_pairs: list[tuple[Array, Array]] = []
    for source, place in zip(sources, places, strict=True):
        at, forms = source["stem_forms_at"], source["stem_forms"]
        stem_of = np.repeat(np.arange(len(at) - 1), sizes_between(at))
        if source.forms is None:
            used.append(None)
            own_pairs.append((stem_of, place[forms]))
            continue
        merged = np.full(len(source["form_size"]), -1)
        merged[source.forms] = place
        stays = merged[forms] >= 0
        stem_of, forms = stem_of[stays], merged[forms][stays]
        used.append(_different(stem_of))
        own_pairs.append((np.cumsum(np.diff(stem_of, prepend=-1) > 0) - 1, forms))
    stems = union([_sorted(source, "stem", chosen) for source, chosen in zip(sources, used, strict=True)])
    pairs = [
        number[stem_of].astype(np.uint64) << np.uint64(32) | forms.astype(np.uint64)
        for number, (stem_of, forms) in zip(stems.places, own_pairs, strict=True)
    ]
    found = _different(np.sort(np.concatenate(pairs)))
    _add_strings(writer, "stem", stems)
    counts = np.bincount((found >> np.uint64(32)).astype(np.int64), minlength=len(stems.sizes))
    writer.add("stem_forms_at", smallest(_running(counts)))
    writer.add("stem_forms", smallest(found & np.uint64(0xFFFFFFFF)))


def _different(values: Array) -> Array:
    """Ascending values, each once: ``np.unique`` takes several times as long."""
    new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return values[new]


def _sorted(source: _Source, name: str, chosen: Array | None) -> Sorted:
    return Sorted(Strings(source.segment.file, name), source[name], source[f"{name}_at"], chosen)


def _add_strings(writer: ArrayWriter, name: str, found: Union) -> None:
    writer.add(f"{name}_at", smallest(_running(found.sizes)))
    writer.add(name, found.data)


# Postings


def _postings(writer: ArrayWriter, sources: Sequence[_Source], places: Sequence[Array]) -> None:
    forms = 1 + max((int(place[-1]) for place in places if len(place)), default=-1)
    for field in FIELDS:
        counted = []
        for source, place in zip(sources, places, strict=True):
            postings, positions = source.sizes(field)
            if source.forms is not None:
                postings, positions = postings[source.forms], positions[source.forms]
            counted.append((source, place, postings, positions))
        at, positions_at = (np.zeros(forms + 1, np.int64) for _ in range(2))
        for _, place, postings, positions in counted:
            # Each form is there once in a source, so that no sum is lost.
            at[1:][place] += postings
            positions_at[1:][place] += positions
        np.cumsum(at, out=at)
        np.cumsum(positions_at, out=positions_at)
        writer.add(f"{field}_at", smallest(at))
        writer.add(f"{field}_positions_at", smallest(positions_at))
        _merged_field(writer, field, counted, at, positions_at)
        for source in sources:
            source.written(field)


def _merged_field(
    writer: ArrayWriter,
    field: str,
    counted: Sequence[tuple[_Source, Array, Array, Array]],
    at: Array,
    positions_at: Array,
) -> None:
    """Write the postings of a field, by ranges of merged forms."""
    names = ("articles", "counts", "best", "positions") if field == "text" else ("articles", "counts", "positions")
    kinds = {name: _kind([source for source, *_ in counted], field, name) for name in names[1:]}
    kinds["articles"] = article_type(sum(source.count for source, *_ in counted))
    for name in names:
        writer.reserve(f"{field}_{name}", kinds[name], int((positions_at if name == "positions" else at)[-1]))
    for begin, end in ranges(positions_at, BLOCK):
        starts, positions_starts = at[begin:end] - at[begin], positions_at[begin:end] - positions_at[begin]
        sizes = {name: int(at[end] - at[begin]) for name in names}
        sizes["positions"] = int(positions_at[end] - positions_at[begin])
        block = {name: np.empty(sizes[name], kinds[name]) for name in names}
        for source, place, postings, positions in counted:
            first, last = (int(each) for each in np.searchsorted(place, (begin, end)))
            if first == last:
                continue
            own = place[first:last] - begin
            whole = (first, last) if source.forms is None else (source.forms[first], source.forms[last - 1] + 1)
            found = source.piece(field, int(whole[0]), int(whole[1]))
            found["articles"] = source.numbers[found["articles"]]
            target = _targets(starts, own, postings[first:last])
            for name in names[:-1]:
                block[name][target] = found[name]
            block["positions"][_targets(positions_starts, own, positions[first:last])] = found["positions"]
        for name in names:
            writer.append(f"{field}_{name}", block[name])
        if end < len(at) - 1:
            for source, *_ in counted:
                source.segment.file.release()


def _targets(starts: Array, own: Array, sizes: Array) -> Any:
    """Where the values of a source go in a block, whose forms are filled up to ``starts``, which moves on.

    own: which forms the source has. sizes: how many values for each. A slice where they lie next to each other.
    """
    if len(own) == 1:
        begin = int(starts[own[0]])
        starts[own[0]] += sizes[0]
        return slice(begin, int(starts[own[0]]))
    before = _running(sizes)
    target = np.repeat(starts[own] - before[:-1], sizes)
    target += np.arange(before[-1])
    starts[own] += sizes
    return target


def _kind(sources: Sequence[_Source], field: str, name: str) -> np.dtype[Any]:
    """The smallest type for what stays of an array."""
    kind = smallest_type(0)
    for source in sorted(sources, key=lambda source: source.live is not None):
        values = source[f"{field}_{name}"]
        if len(values) and values.dtype.itemsize > kind.itemsize:
            kind = values.dtype if source.live is None else max(kind, _needed(source, field, name), key=_size)
    return kind


def _needed(source: _Source, field: str, name: str) -> np.dtype[Any]:
    """The smallest type for what stays of an array of one source: looks on until a value needs all of its type."""
    kind = smallest_type(0)
    for begin, end in ranges(source[f"{field}_positions_at"], BLOCK):
        values = source.piece(field, begin, end)[name]
        if len(values):
            kind = max(kind, smallest_type(int(values.max())), key=_size)
        if kind == source[f"{field}_{name}"].dtype:
            break
    return kind


def _size(kind: np.dtype[Any]) -> int:
    return kind.itemsize
