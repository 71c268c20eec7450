"""The words of a segment, for leaves that mean many words: those that begin so, those nearly so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.whoosh.analysis import following, pair_term, spelt, word_term
from newsindex.engines.whoosh.postings import ByteCache, Postings


@dataclass(frozen=True)
class Vocabulary:
    """All words of a field of a segment, in order. by_length: places in ``words``, by length; letters: a row each."""

    words: tuple[str, ...]
    by_length: dict[int, NDArray[np.int64]]
    letters: dict[int, NDArray[np.uint32]]
    nbytes: int

    def near(self, word: str, edits: int) -> list[str]:
        """The words at most ``edits`` edits away from ``word``, by ``analysis.edit_distance``."""
        found: list[str] = []
        for size in range(max(1, len(word) - edits), len(word) + edits + 1):
            if size in self.letters:
                distances = edit_distances(self.letters[size], word)
                found += [self.words[place] for place in self.by_length[size][distances <= edits]]
        return found


def vocabulary(segment: str, postings: Postings, field: str, cache: ByteCache) -> Vocabulary:
    """The words in a field of unstemmed words, without pairs."""
    key = (segment, field, "vocabulary")
    found: Vocabulary | None = cache.get(key)
    if found is None:
        words = tuple(map(spelt, postings.terms_between(field, word_term(""), following(word_term("")))))
        found = cache.put(key, _vocabulary(words))
    return found


def words_between(postings: Postings, field: str, prefix: str) -> list[bytes]:
    """The terms of the words that begin with ``prefix``."""
    low = word_term(prefix)
    return postings.terms_between(field, low, following(low))


def pairs_with(postings: Postings, field: str, char: str) -> list[bytes]:
    """The terms of the pairs that have ``char`` in them."""
    low = pair_term("")
    return [term for term in postings.terms_between(field, low, following(low)) if char in spelt(term)]


def edit_distances(letters: NDArray[np.uint32], word: str) -> NDArray[np.int64]:
    """``analysis.edit_distance`` without a limit, of each row of ``letters`` (words of one length) and ``word``."""
    count, size = letters.shape
    target = [ord(char) for char in word]
    before = np.zeros((len(target) + 1, count), np.int64)
    previous = np.repeat(np.arange(len(target) + 1)[:, None], count, axis=1)
    for i in range(1, size + 1):
        current = np.empty_like(previous)
        current[0] = i
        for j, char in enumerate(target, 1):
            replaced = previous[j - 1] + (letters[:, i - 1] != char)
            cost = np.minimum(np.minimum(previous[j], current[j - 1]) + 1, replaced)
            if i > 1 and j > 1:
                swapped = (letters[:, i - 1] == target[j - 2]) & (letters[:, i - 2] == char)
                cost = np.where(swapped, np.minimum(cost, before[j - 2] + 1), cost)
            current[j] = cost
        before, previous = previous, current
    distances: NDArray[np.int64] = previous[-1]
    return distances


def _vocabulary(words: tuple[str, ...]) -> Vocabulary:
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    by_length = {int(size): np.flatnonzero(lengths == size) for size in np.unique(lengths)}
    letters = {size: _letters([words[place] for place in places], size) for size, places in by_length.items()}
    weight = sum(60 + len(word) for word in words) + sum(array.nbytes for array in letters.values()) + 8 * len(words)
    return Vocabulary(words, by_length, letters, weight)


def _letters(words: Sequence[str], size: int) -> NDArray[np.uint32]:
    encoded = b"".join(_utf32(words))
    return np.frombuffer(encoded, "<u4").reshape(len(words), size)


def _utf32(words: Sequence[str]) -> Iterator[bytes]:
    return (word.encode("utf-32-le", "surrogatepass") for word in words)
