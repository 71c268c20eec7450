"""What a segment's file holds: the names of its arrays, and how terms are spelt in it.

Below, A articles have P paragraphs; F forms and S stems occur in them. Arrays of positions, counts and places in
other arrays have the smallest unsigned type that will do. ``x`` with ``x_at`` are strings: string number i is
``x[x_at[i]:x_at[i + 1]]``. Positions of an article's field count on from one of its texts to the next, with one free
position between two texts, which no phrase can cross; the texts of the field "text" are the paragraphs.

Articles, in the order in which they were put:
    key, key_at                     their keys
    key_hash, key_order             hashes of the keys, sorted, 64 bit, and the articles they belong to
    record, record_at               ``records.encoded_article``
    published, expires              microseconds since 1970, 64 bit, UNDATED and NEVER where there is none
    boost                           doubles
    first_paragraph                 A + 1: the paragraphs of article a are first_paragraph[a] to first_paragraph[a + 1]
    title_length, ..., text_length  for each field, positions without the free ones
Labels: for each kind of LABELS, K different values, M pairs of an article and a value, each once, by article:
    tag_names, tag_names_at         the values, in order of bytes
    tag_at                          A + 1: the pairs of article a are tag_at[a] to tag_at[a + 1]
    tag_values                      M: numbers of values
Paragraphs, those of an article next to each other, in their order:
    paragraph, paragraph_at         their texts, UTF-8
    anchor, anchor_at               their anchors, UTF-8
    paragraph_number                as in Paragraph
    paragraph_kind                  places in ``records.KINDS``
    paragraph_start                 the position at which the paragraph begins in the field "text" of its article
    paragraph_length                positions
Forms: a form is a word as it stands in texts of one language, with the terms it is found by; in order of bytes:
    form, form_at                   ``form_key``
    form_size                       code points of the word
    form_letters                    which letters the word has: bit ``code point % 32``, 32 bit
Stems, in order of bytes:
    stem, stem_at                   ``stem_key``
    stem_forms_at, stem_forms       S + 1 places, and the forms that are found by the stem, ascending
Postings, for each field of FIELDS, N in all, those of a form next to each other, by article:
    text_at                         F + 1: the postings of form f are text_at[f] to text_at[f + 1]
    text_articles                   N: articles, ascending within a form, of ``article_type(A)``
    text_counts                     N: how often the form stands in the article
    text_positions_at               F + 1: where the positions of a form begin and end
    text_positions                  the positions, ascending within a posting
    text_best                       N, for "text" alone: the most that the form stands in one paragraph of the article
The meta of the file: {"articles": A, "paragraphs": P, "languages": the stemming languages of its articles, sorted}.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np

from newsindex.engines.whoosh.arrays import Array, ArrayFile, ascending, smallest_type

#: Stand for no date: earlier than all for ``published``, later than all for ``expires``.
UNDATED: Final = np.iinfo(np.int64).min
NEVER: Final = np.iinfo(np.int64).max
#: What articles have any number of.
LABELS: Final = ("tag", "author", "section", "audience", "source")
#: How far apart the strings of the index over a dictionary are.
_STRIDE: Final = 32


def article_type(articles: int) -> np.dtype[Any]:
    """The type of the numbers of articles in the postings of a segment of so many: 16 bit where these do, or 32."""
    # Readers look for the article after the last one, too.
    return smallest_type(max(articles, 0x100))


def form_key(word: str, pair: bool, language: str, terms: Sequence[str]) -> bytes:
    """How a form is spelt: "w" or, for a pair, "p", the word, the stemming language, the terms.

    No word, term or language has a NUL, so forms come in the order of their words, and prefixes are ranges.
    """
    return "\0".join(("p" + word if pair else "w" + word, language, *terms)).encode("utf-8", "surrogatepass")


def plain_keys(words: Iterable[str], stems: Iterable[str], language: str) -> tuple[list[bytes], list[bytes]]:
    """``form_key`` and ``stem_key`` of words of ASCII with one stem each, for many."""
    forms = [f"w{word}\0{language}\0{stem}".encode() for word, stem in zip(words, stems, strict=True)]
    return forms, [f"{language}:{stem}".encode() for stem in stems]


def word_prefix(word: str, pair: bool = False) -> bytes:
    """What the keys of all forms begin with whose word begins with ``word``; with a NUL, those of this word."""
    return (b"p" if pair else b"w") + word.encode(errors="surrogatepass")


def form_word(key: bytes) -> str:
    """The word of a form, or the pair."""
    return key[1 : key.index(b"\0")].decode(errors="surrogatepass")


def form_terms(key: bytes) -> tuple[str, tuple[str, ...]]:
    """The stemming language of a form, and the terms it is found by."""
    _, language, *terms = key.decode(errors="surrogatepass").split("\0")
    return language, tuple(terms)


def stem_key(stem: str, language: str) -> bytes:
    """A stem of a language, apart from those of the other languages. No language code has a colon."""
    return f"{language}:{stem}".encode(errors="surrogatepass")


def letters(word: str) -> int:
    """The letters of a word, as in ``form_letters``: words with few common bits are far apart."""
    mask = 0
    for char in word:
        mask |= 1 << (ord(char) & 31)
    return mask


# A key that is put is looked for in each segment.
@lru_cache(maxsize=16)
def key_hash(key: str) -> int:
    """64 bits of a key, for ``key_hash``."""
    return int.from_bytes(hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


class Strings:
    """Strings of bytes in a file: ``strings[i]``, and for sorted ones ``place``."""

    def __init__(self, file: ArrayFile, name: str) -> None:
        self._file, self._name = file, name
        self._samples: list[bytes] | None = None

    def __len__(self) -> int:
        return max(len(self._at) - 1, 0)

    def __getitem__(self, number: int) -> bytes:
        first, end = self._at[number], self._at[number + 1]
        self._file.check(self._name, first, end)
        return bytes(self._data[first:end])

    # Only when they are asked for: to look at them is to check them.
    @cached_property
    def _data(self) -> memoryview:
        return self._file.bytes(self._name)

    @cached_property
    def _at(self) -> memoryview:
        name = f"{self._name}_at"
        return memoryview(ascending(self._file[name], name))

    def some(self, numbers: Iterable[int]) -> list[bytes]:
        """Several of them, at less cost than one by one."""
        at, data, check, name = self._at, self._data, self._file.check, self._name
        found = []
        for number in numbers:
            first, end = at[number], at[number + 1]
            check(name, first, end)
            found.append(bytes(data[first:end]))
        return found

    def place(self, string: bytes) -> int:
        """The number of the first string that is not before ``string`` in the order of bytes."""
        if self._samples is None:
            # A search would read a page of the file for each of its first steps.
            self._samples = [self[number] for number in range(0, len(self), _STRIDE)]
        block = max(bisect_left(self._samples, string) - 1, 0) * _STRIDE
        end = min(block + _STRIDE + 1, len(self))
        if block >= end:
            return block
        at, data = self._at, self._data
        # All of them at once: to check each of those that are looked at takes longer.
        self._file.check(self._name, at[block], at[end])
        numbers = range(block, end)
        return block + bisect_left(numbers, string, key=lambda number: bytes(data[at[number] : at[number + 1]]))

    def find(self, string: bytes) -> int | None:
        """The number of ``string``, None where it is not among them."""
        number = self.place(string)
        return number if number < len(self) and self[number] == string else None


def numbers(values: Sequence[int], kind: str) -> Array:
    """A list as an array; ``np.array`` would take a list without values for doubles."""
    return np.fromiter(values, kind, len(values))
