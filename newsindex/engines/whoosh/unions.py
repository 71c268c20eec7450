"""Sorted lists of strings into one: the dictionaries of a merge, which have hundreds of thousands of words each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.layout import Strings

Numbers = NDArray[np.int64]
#: How many strings of each list are handled at a time, about.
_STEP: Final = 4096
#: Fewer strings are handled one by one.
FEW: Final = 2_000
#: So are those that would take more bytes than this, all made as long as the longest: that may have thousands.
_PADDED: Final = 1 << 25


@dataclass(frozen=True)
class Sorted:
    """Some of the strings of an array, ascending, each there once. chosen: their numbers, ascending; None for all."""

    strings: Strings
    data: Array
    at: Array
    chosen: Array | None = None

    def __len__(self) -> int:
        return len(self.at) - 1 if self.chosen is None else len(self.chosen)

    def __getitem__(self, place: int) -> bytes:
        return self.strings[place if self.chosen is None else int(self.chosen[place])]

    def numbers(self, begin: int, end: int) -> tuple[Array, Array]:
        """Where the strings from place ``begin`` to ``end`` begin and end in the data."""
        if self.chosen is None:
            return self.at[begin:end].astype(np.int64), self.at[begin + 1 : end + 1].astype(np.int64)
        own = self.chosen[begin:end]
        return self.at[own].astype(np.int64), self.at[own + 1].astype(np.int64)


@dataclass(frozen=True)
class Union:
    """The different strings of some lists, sorted, as layout.py keeps strings, and where those of each list are."""

    data: NDArray[np.uint8]
    sizes: Numbers
    places: list[Numbers]


def union(lists: Sequence[Sorted]) -> Union:
    """The union of sorted lists."""
    data, sizes = [np.empty(0, np.uint8)], [np.empty(0, np.int64)]
    places: list[list[Numbers]] = [[] for _ in lists]
    first = 0
    for begins, ends in _ranges(lists):
        part = _united(lists, begins, ends)
        data.append(part.data)
        sizes.append(part.sizes)
        for own, found in zip(places, part.places, strict=True):
            own.append(found + first)
        first += len(part.sizes)
    return Union(np.concatenate(data), np.concatenate(sizes), [np.concatenate(own) for own in places])


def _ranges(lists: Sequence[Sorted]) -> Iterator[tuple[list[int], list[int]]]:
    """Where ranges of strings begin and end in each list, the same strings in all of them."""
    begins = [0 for _ in lists]
    samples = sorted({each[at] for each in lists for at in range(_STEP, len(each), _STEP)})
    # Of k lists every k-th, so that a range has no more than 2 * k * _STEP strings.
    for border in samples[len(lists) - 1 :: len(lists)]:
        ends = [bisect_left(each, border) for each in lists]
        yield begins, ends
        begins = ends
    yield begins, [len(each) for each in lists]


def _united(lists: Sequence[Sorted], begins: Sequence[int], ends: Sequence[int]) -> Union:
    """The union of a range of each list."""
    pieces = [each.numbers(begin, end) for each, begin, end in zip(lists, begins, ends, strict=True)]
    counts = [len(starts) for starts, _ in pieces]
    if sum(counts) <= FEW:
        return _of_few(lists, pieces)
    width = max(1, *(int((stops - starts).max()) for starts, stops in pieces if len(starts)))
    if sum(counts) * width > _PADDED:
        return _of_few(lists, pieces)
    padded = np.zeros((sum(counts), width), np.uint8)
    sizes = np.concatenate([stops - starts for starts, stops in pieces])
    inside = np.arange(width) < sizes[:, None]
    row = 0
    for each, (starts, stops) in zip(lists, pieces, strict=True):
        rows = slice(row, row + len(starts))
        padded[rows][inside[rows]] = _bytes(each, starts, stops)
        row += len(starts)
    keys = padded.view(f"S{width}").ravel()
    # The lists are sorted already: a sort that finds this out, and only merges them.
    order = np.argsort(keys, kind="stable")
    ordered, sizes = keys[order], sizes[order]
    new = np.ones(len(ordered), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    if np.any(sizes[1:][~new[1:]] != sizes[:-1][~new[1:]]):
        # Some differ by zeros at their ends alone, which this comparison does not see.
        return _of_few(lists, pieces)
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.cumsum(new) - 1
    chosen = order[new]
    return Union(padded[chosen][inside[chosen]], sizes[new], _split(ranks, counts))


def _bytes(strings: Sorted, starts: Array, stops: Array) -> Array:
    """The bytes of some of the strings, one after the other."""
    if not len(starts):
        return np.empty(0, np.uint8)
    data = strings.data[starts[0] : stops[-1]]
    if strings.chosen is None:
        return data
    # What lies between two of them belongs to others.
    steps = np.zeros(len(data) + 1, np.int8)
    np.add.at(steps, starts - starts[0], np.int8(1))
    np.add.at(steps, stops - starts[0], np.int8(-1))
    return data[np.cumsum(steps[:-1], dtype=np.int8) > 0]


def _of_few(lists: Sequence[Sorted], pieces: Sequence[tuple[Array, Array]]) -> Union:
    """The same, string by string."""
    place: dict[bytes, int] = {}
    numbered = []
    for each, (starts, stops) in zip(lists, pieces, strict=True):
        first = int(starts[0]) if len(starts) else 0
        data = each.data[first : int(stops[-1])].tobytes() if len(starts) else b""
        bounds = zip((starts - first).tolist(), (stops - first).tolist(), strict=True)
        numbered.append([place.setdefault(data[start:stop], len(place)) for start, stop in bounds])
    merged = sorted(place)
    rank = np.empty(len(merged), np.int64)
    rank[[place[key] for key in merged]] = np.arange(len(merged))
    return Union(
        np.frombuffer(b"".join(merged), np.uint8),
        np.fromiter(map(len, merged), np.int64, len(merged)),
        [rank[np.array(numbers, np.int64)] for numbers in numbered],
    )


def _split(values: Any, counts: Sequence[int]) -> list[Numbers]:
    return np.split(values, np.cumsum(counts)[:-1])
