"""The words of a segment, for leaves that mean many: those nearly so, and pairs with a character."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.layout import form_word, letters, word_prefix
from newsindex.engines.whoosh.runs import Places
from newsindex.engines.whoosh.segments import Segment

#: Stands after the last letter of a word.
_NO_LETTER: Final = np.uint32(0xFFFFFFFF)
#: From which first byte on a character takes two, three, four bytes in UTF-8.
_LONGER: Final = np.array([0xC0, 0xE0, 0xF0], np.uint8)
#: So many characters make a pair.
_PAIR: Final = 2


def forms_near(segment: Segment, word: str, edits: int) -> Places:
    """The forms, pairs left out, whose word is at most ``edits`` edits away by ``analysis.edit_distance``."""
    return near(segment, word, edits)[0]


def near(segment: Segment, word: str, edits: int, begin: str = "") -> tuple[Places, Array]:
    """The forms as in ``forms_near``, ascending, and how far away each is. begin: what their words begin with."""
    forms = _likely(segment, word, edits, begin)
    sizes = segment["form_size"][forms].astype(np.intp)
    distances = edit_distances(_spelt(segment, forms, sizes), sizes, word, edits)
    close = distances <= edits
    return forms[close], distances[close]


def pairs_with(segment: Segment, char: str) -> Places:
    """The forms of the pairs that have ``char`` in them."""
    first, end = segment.forms_with(word_prefix("", pair=True))
    needed = np.uint32(letters(char))
    likely = first + np.flatnonzero(segment["form_letters"][first:end] & needed == needed)
    spelt = char.encode(errors="surrogatepass")
    data, begins = segment["form"], segment["form_at"][likely].astype(np.intp) + 1
    # How many bytes the first character of a pair takes, by its first byte.
    sizes = np.searchsorted(_LONGER, data.take(begins, mode="clip"), side="right") + 1
    found = _spelt_at(data, begins, spelt) | _spelt_at(data, begins + sizes, spelt)
    # Marks that stand with a character are counted with it. UTF-8 has no character inside another, and the rest of the
    # key only repeats the pair.
    for at in np.flatnonzero(~found & (segment["form_size"][likely] > _PAIR)).tolist():
        found[at] = spelt in segment.forms[int(likely[at])]
    pairs: Places = likely[found]
    return pairs


def _spelt_at(data: Array, begins: Places, spelt: bytes) -> NDArray[np.bool_]:
    """Whether ``data`` has these bytes from each of ``begins`` on."""
    found = np.ones(len(begins), bool)
    for place, byte in enumerate(spelt):
        found &= data.take(begins + place, mode="clip") == byte
    return found


def edit_distances(words: NDArray[np.uint32], sizes: Places, word: str, limit: int) -> NDArray[np.uint8]:
    """``analysis.edit_distance`` of each of some words and ``word``: ``limit`` + 1 where it is larger.

    words: code points, a column for each word, which has its letters in the first ``sizes`` rows. limit: below 100.
    Only what is at most ``limit`` beside the diagonal can stay within it, so nothing else is worked out.
    """
    far = limit + 1
    found = np.where(sizes == 0, min(len(word), far), far).astype(np.uint8)
    same = [words == np.uint32(ord(char)) for char in word]
    before: dict[int, NDArray[np.uint8]] = {}
    previous = {j: np.full(words.shape[1], j, np.uint8) for j in range(min(limit, len(word)) + 1)}
    for i in range(1, len(words) + 1):
        current = {0: np.full(words.shape[1], i, np.uint8)} if i <= limit else {}
        for j in range(max(i - limit, 1), min(i + limit, len(word)) + 1):
            cost = previous[j - 1] + ~same[j - 1][i - 1]
            for shorter in (previous.get(j), current.get(j - 1)):
                if shorter is not None:
                    np.minimum(cost, shorter + np.uint8(1), out=cost)
            if j - 2 in before:
                swapped = same[j - 2][i - 1] & same[j - 1][i - 2]
                np.minimum(cost, before[j - 2] + np.uint8(1), out=cost, where=swapped)
            current[j] = cost
        before, previous = previous, current
        if len(word) in current:
            np.minimum(current[len(word)], far, out=found, where=sizes == i)
    return found


def _likely(segment: Segment, word: str, edits: int, begin: str) -> Places:
    """The forms whose words may be near: by length, and by the letters they have.

    A letter put in or left out changes one bit at most, one in the place of another two, and a swap none.
    """
    first, end = segment.forms_with(word_prefix(begin))
    apart = segment["form_size"][first:end].astype(np.int16)
    apart -= len(word)
    np.abs(apart, out=apart)
    changed = count_bits(segment["form_letters"][first:end] ^ np.uint32(letters(word)))
    likely: Places = first + np.flatnonzero((changed + apart <= 2 * edits) & (apart <= edits))
    return likely


def bits_of(numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """How many bits are set in each number: of each two, then of each four and eight, all eights added up at once."""
    numbers = numbers - ((numbers >> np.uint32(1)) & np.uint32(0x55555555))
    numbers = (numbers & np.uint32(0x33333333)) + ((numbers >> np.uint32(2)) & np.uint32(0x33333333))
    numbers = (numbers + (numbers >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
    return numbers * np.uint32(0x01010101) >> np.uint32(24)


#: numpy 1 has none of its own.
count_bits: Final = getattr(np, "bitwise_count", bits_of)


def _spelt(segment: Segment, forms: Places, sizes: Places) -> NDArray[np.uint32]:
    """The code points of the words of some forms, as ``edit_distances`` takes them."""
    rows = np.arange(int(sizes.max(initial=0)))[:, np.newaxis]
    data, at = segment["form"], segment["form_at"][forms].astype(np.intp) + 1
    words = np.where(rows < sizes, data.take(at + rows, mode="clip"), _NO_LETTER).astype(np.uint32)
    # The word ends at the first NUL, which is there after as many bytes as code points where those are all ASCII.
    for column in np.flatnonzero(data[at + sizes] != 0).tolist():
        spelt = form_word(segment.forms[int(forms[column])])
        words[: len(spelt), column] = [ord(char) for char in spelt]
    return words
