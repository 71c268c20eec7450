"""Texts to numbers: the forms that stand in texts, and where, found for many texts at once.

A text consists of runs (``analysis.RUN``), and the tokens of a run depend on nothing but the run and the language. So
each run is analysed once, and what remains is to cut texts into runs and to look these up. A few texts are cut by the
regular expression; for many, which is several times as fast, all their bytes are cut together: bytes are sorted into
those of words, those of joiners and others, and the runs lie between the edges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, filterfalse
from string import ascii_letters, digits
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from newsindex.analysis import (
    GROUPING,
    INVISIBLE,
    JOINING,
    MAX_JOINED_PARTS,
    MAX_WORD,
    OTHER,
    PAIRED,
    RUN,
    SIGN,
    SPACING,
    WORD,
    Token,
    character_kinds,
    length,
    plain_terms,
    run_tokens,
)
from newsindex.engines.whoosh.arrays import Array
from newsindex.engines.whoosh.layout import form_key, plain_keys, stem_key

#: A run with more tokens is analysed whenever it comes: text without spaces hardly repeats itself.
_MOST_TOKENS: Final = MAX_JOINED_PARTS + 1
#: Runs of so many bytes are looked up all at once.
_SHORT: Final = 16
#: Stands for no run.
_UNKNOWN: Final = 0xFFFFFFFF
#: What to keep of 8 bytes of which the first 0, 1, ... 8 count.
_FIRST_BYTES: Final = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
#: Odd numbers without a pattern, to spread runs over a table.
_SPREAD: Final = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)

_ZERO: Final = np.zeros(1, np.int64)
_PLUS: Final = ord("+")
_DIGITS, _LETTERS = (
    np.isin(np.arange(256), np.frombuffer(chars, np.uint8)) for chars in (digits.encode(), ascii_letters.encode())
)

Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of some texts.

    forms: numbers of ``Lexicon.forms``. positions: where they stand, counted on from one text to the next, with one
    free position after each. lengths: of each text in positions, without the free one.
    """

    forms: NDArray[np.uint32]
    positions: Numbers
    lengths: Numbers


@dataclass(frozen=True, slots=True)
class Runs:
    """Where the runs of some texts stand in ``data``: run i is ``data[starts[i]:ends[i]]``. counts: of each text."""

    data: bytes
    starts: Numbers
    ends: Numbers
    counts: Numbers


def cut(texts: Sequence[str]) -> Runs:
    """All runs of the texts, in their order. A run of plain pairs comes as its pairs, each two characters.

    A run of n characters that all go in pairs has the tokens of its n - 1 runs of two of them.
    """
    data, sizes = joined(texts, "\n")
    # The zeros let 8 bytes be read from any byte of a text on.
    data += bytes(_SHORT)
    ascii = data.isascii()
    if ascii:
        # Fewer runs: the tokens of words in ASCII have no case.
        data = data.lower()
    kinds = np.frombuffer(bytearray(data.translate(_kinds_of_bytes())), np.uint8)
    found = np.frombuffer(data, np.uint8)
    within = _within_ascii(found, kinds) if ascii else _within(found, kinds)
    edges = np.flatnonzero(within[1:] != within[:-1]) + 1
    if len(within) and within[0]:
        edges = np.concatenate(([0], edges))
    starts, ends = edges[::2], edges[1::2]
    if not ascii:
        starts, ends = _pairs(kinds, starts, ends)
    borders = np.cumsum(sizes + 1)
    return Runs(data, starts, ends, differences(starts.searchsorted(borders)))


def cut_few(texts: Sequence[str]) -> list[list[str]]:
    """The runs of each text."""
    return [_cut_ascii(text) if text.isascii() else RUN.findall(text) for text in texts]


def _cut_ascii(text: str) -> list[str]:
    """The runs of a text: between what belongs to none, most pieces are words, and the others are cut by RUN."""
    # Full stops and commas at the ends of words join nothing.
    pieces = text.encode().translate(_spaces()).replace(b". ", b" ").replace(b", ", b" ").decode().split()
    runs: list[str] = []
    for piece in pieces:
        if piece.isalnum():
            runs.append(piece)
        else:
            runs += RUN.findall(piece)
    return runs


@lru_cache(maxsize=1)
def _spaces() -> bytes:
    """For ``bytes.translate``: a space in the place of each character of ASCII that no run can have."""
    kinds = character_kinds(128)
    return bytes(32 if kinds[code] == OTHER else code for code in range(128)) + bytes(128)


def joined(texts: Sequence[str], separator: str = "") -> tuple[bytes, Numbers]:
    """The texts in UTF-8 with the separator, one character of ASCII or none, between them, and the size of each."""
    text = separator.join(texts)
    if text.isascii():
        return text.encode(), np.fromiter(map(len, texts), np.int64, len(texts))
    pieces = [each.encode(errors="surrogatepass") for each in texts]
    return separator.encode().join(pieces), np.fromiter(map(len, pieces), np.int64, len(pieces))


def differences(ends: Numbers) -> Numbers:
    """How large things are that lie one after the other from 0 on. ``np.diff`` takes long for few."""
    sizes = ends.copy()
    sizes[1:] -= ends[:-1]
    return sizes


@lru_cache(maxsize=1)
def _kinds_of_bytes() -> bytes:
    return character_kinds(128) + bytes(128)


def _within_ascii(data: NDArray[np.uint8], kinds: Array) -> NDArray[np.bool_]:
    """Which bytes belong to runs: those of words, and what joins two of them."""
    within: NDArray[np.bool_] = kinds == WORD
    within[_joining(data, kinds, within)] = True
    return within


def _joining(data: NDArray[np.uint8], kinds: Array, within: NDArray[np.bool_]) -> Numbers:
    """The bytes of ASCII that belong to runs, as others are ``within``, for what is around them."""
    # The byte before the first is the last, a zero.
    signs = np.flatnonzero((kinds >= JOINING) & (data < 0x80))
    own = kinds[signs]
    joiners = signs[own == JOINING]
    commas = signs[own == GROUPING]
    found = [
        joiners[within[joiners - 1] & within[joiners + 1]],
        commas[_DIGITS[data[commas - 1]] & _DIGITS[data[commas + 1]]],
    ]
    behind = signs[own == SIGN]
    behind = behind[_LETTERS[data[behind - 1]]]
    if len(behind):
        double = (data[behind] == _PLUS) & (data[behind + 1] == _PLUS)
        after = behind + 1 + double
        complete = (double | (data[behind] != _PLUS)) & (kinds[after] != SIGN)
        behind, double = behind[complete], double[complete]
        found += [behind, behind[double] + 1]
    return np.concatenate(found)


def _within(data: NDArray[np.uint8], kinds: Array) -> NDArray[np.bool_]:
    """The same for any UTF-8. Puts the kinds of the other characters into ``kinds``, at each of their bytes."""
    firsts = np.flatnonzero(data >= 0xC0)
    sizes = 2 + (data[firsts] >= 0xE0) + (data[firsts] >= 0xF0).astype(np.int64)
    codes = data[firsts].astype(np.int64) & (0x7F >> sizes)
    for step in range(1, 4):
        longer = sizes > step
        codes[longer] = codes[longer] << 6 | data[firsts[longer] + step] & 0x3F
    found = np.frombuffer(character_kinds(), np.uint8)[codes]
    # Pairs of four bytes each would be too long to be looked up together.
    found[(found == PAIRED) & (sizes != 3)] = WORD
    for step in range(4):
        longer = sizes > step
        kinds[firsts[longer] + step] = found[longer]
    within: NDArray[np.bool_] = (kinds == WORD) | (kinds == PAIRED)
    hidden = found == INVISIBLE
    for first, size in zip(firsts[hidden].tolist(), sizes[hidden].tolist(), strict=True):
        within[first : first + size] = within[first - 1]
    joined = _joining(data, kinds, within)
    wide = (found == JOINING) | (found == SPACING)
    firsts, sizes, spaces = firsts[wide], sizes[wide], found[wide] == SPACING
    between = within[firsts - 1] & within[firsts + sizes]
    after = (firsts + sizes)[spaces]
    threes = _DIGITS[data[after]] & _DIGITS[data[after + 1]] & _DIGITS[data[after + 2]] & ~_DIGITS[data[after + 3]]
    between[spaces] = _DIGITS[data[firsts[spaces] - 1]] & threes
    within[joined] = True
    for step in range(4):
        within[firsts[between & (sizes > step)] + step] = True
    return within


def _pairs(kinds: Array, starts: Numbers, ends: Numbers) -> tuple[Numbers, Numbers]:
    """The runs with those of three or more PAIRED characters taken apart, three bytes each."""
    paired = np.concatenate(([0], np.cumsum(kinds == PAIRED, dtype=np.int64)))
    sizes = ends - starts
    apart = (paired[ends] - paired[starts] == sizes) & (sizes > 6)
    if not apart.any():
        return starts, ends
    counts = np.where(apart, sizes // 3 - 1, 1)
    run = np.repeat(np.arange(len(starts)), counts)
    step = np.arange(len(run)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = starts[run] + 3 * step
    return starts, np.where(apart[run], starts + 6, ends[run])


class Column:
    """An array to which values are added."""

    def __init__(self, kind: Any) -> None:
        self._values = np.zeros(64, kind)
        self._size = 0
        self._new: list[int] = []
        self.append = self._new.append
        self.extend = self._new.extend

    def join(self, values: Array) -> None:
        """Add those of an array."""
        before = self.values
        end = self._size + len(values)
        if end > len(self._values):
            self._values = np.concatenate((before, np.zeros(end, before.dtype)))
        self._values[self._size : end] = values
        self._size = end

    @property
    def values(self) -> Array:
        """All values so far; to be asked for again once others were added."""
        if self._new:
            end = self._size + len(self._new)
            if end > len(self._values):
                self._values = np.concatenate((self._values, np.zeros(end, self._values.dtype)))
            self._values[self._size : end] = self._new
            self._size = end
            self._new.clear()
        return self._values[: self._size]


class Names:
    """Strings of bytes that have numbers, in order of their arrival: ``names[string]`` gives a new one its number."""

    def __init__(self) -> None:
        self.names: list[bytes] = []
        self._numbers: dict[bytes, int] = {}
        self._sizes = Column(np.uint32)
        #: Their first 8 bytes and the next 8, as numbers that come in the order of the bytes.
        self._low, self._high = Column(np.uint64), Column(np.uint64)
        self._ordered = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: bytes) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            self.names.append(name)
        return number

    def numbers(self, names: Sequence[bytes]) -> list[int]:
        """The numbers of many."""
        numbers = self._numbers
        found = [numbers.setdefault(name, len(numbers)) for name in names]
        add = self.names.append
        at = len(self.names)
        for name, number in zip(names, found, strict=True):
            if number == at:
                add(name)
                at += 1
        return found

    @property
    def sizes(self) -> Array:
        """How many bytes each has."""
        self._describe()
        return self._sizes.values

    def ordered(self, used: Numbers) -> Numbers:
        """The numbers ``used``, ascending, none twice, in the order of what they stand for."""
        self._describe()
        if len(used) * 8 < len(self.names):
            return self._in_order(used)
        if len(self._ordered) < len(self.names):
            self._ordered = self._in_order(np.arange(len(self.names)))
        mask = np.zeros(len(self.names), bool)
        mask[used] = True
        return self._ordered[mask[self._ordered]]

    def _describe(self) -> None:
        """Note what is asked of all names, for the new ones."""
        new = self.names[len(self._sizes.values) :]
        if new:
            sizes = np.fromiter(map(len, new), np.int64, len(new))
            low, high = _loaded(b"".join((*new, bytes(_SHORT))), np.cumsum(sizes) - sizes, sizes)
            self._sizes.join(sizes)
            self._low.join(low.byteswap())
            self._high.join(high.byteswap())

    def _in_order(self, used: Numbers) -> Numbers:
        """The numbers of names, none twice, in the order of these."""
        low, high = self._low.values[used], self._high.values[used]
        order = np.lexsort((high, low))
        used, low, high = used[order], low[order], high[order]
        alike = (low[1:] == low[:-1]) & (high[1:] == high[:-1])
        if alike.any():
            edges = np.flatnonzero(np.diff(alike, prepend=False, append=False))
            for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
                used[first : last + 1] = sorted(used[first : last + 1].tolist(), key=self.names.__getitem__)
        return used


def _loaded(data: bytes, starts: Numbers, sizes: Numbers) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The first 8 bytes of strings in ``data``, and the next 8, filled up with zeros. 16 bytes follow the last."""
    words = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    low = words[starts] & _FIRST_BYTES[np.minimum(sizes, 8)]
    return low, words[starts + 8] & _FIRST_BYTES[np.clip(sizes - 8, 0, 8)]


class _Table:
    """Numbers of runs of up to 16 bytes: an open-addressing table that is asked for many of them at once.

    low, high: the first 8 bytes and the others, filled up with zeros, which no run has: nothing is taken for
    something else. A run that finds no free place near its own is not in the table.
    """

    _PROBES: Final = 6

    def __init__(self) -> None:
        self._clear(12)

    def _clear(self, bits: int) -> None:
        self._bits = bits
        self._count = 0
        self._low = np.zeros(1 << bits, np.uint64)
        self._high = np.zeros(1 << bits, np.uint64)
        self._numbers = np.zeros(1 << bits, np.uint32)

    def find(self, low: Array, high: Array) -> NDArray[np.uint32]:
        """The numbers of runs, _UNKNOWN where a run is not in the table."""
        slots = self._slots(low, high, 0)
        found = self._look(slots, low, high)
        left = np.flatnonzero(found == _UNKNOWN)
        low, high = low[left], high[left]
        for step in range(1, self._PROBES):
            if not len(left):
                break
            slots = self._slots(low, high, step)
            tried = self._look(slots, low, high)
            found[left] = tried
            on = np.flatnonzero((tried == _UNKNOWN) & (self._low[slots] != 0))
            left, low, high = left[on], low[on], high[on]
        return found

    def add(self, low: Array, high: Array, numbers: Array) -> None:
        """Runs that are not in the table, none twice."""
        if (self._count + len(low)) * 2 > 1 << self._bits:
            self._grow(len(low))
        for step in range(self._PROBES):
            slots = self._slots(low, high, step)
            places, first = np.unique(slots, return_index=True)
            free = self._low[places] == 0
            places, first = places[free], first[free]
            self._low[places], self._high[places] = low[first], high[first]
            self._numbers[places] = numbers[first]
            self._count += len(first)
            low, high, numbers = (np.delete(each, first) for each in (low, high, numbers))

    def _grow(self, coming: int) -> None:
        full = np.flatnonzero(self._low)
        before = self._low[full], self._high[full], self._numbers[full]
        self._clear((4 * (self._count + coming)).bit_length())
        self.add(*before)

    def _look(self, slots: Array, low: Array, high: Array) -> NDArray[np.uint32]:
        hit = (self._low[slots] == low) & (self._high[slots] == high)
        return np.where(hit, self._numbers[slots], np.uint32(_UNKNOWN))

    def _slots(self, low: Array, high: Array, step: int) -> Array:
        mixed = high * _SPREAD[1]
        mixed ^= low
        mixed *= _SPREAD[0]
        mixed >>= np.uint64(64 - self._bits)
        slots: Array = mixed.astype(np.int64)
        return (slots + step) & ((1 << self._bits) - 1) if step else slots


class _Known(dict[str, int]):
    """Runs of a language by their numbers; one that is asked for the first time is learned."""

    def __init__(self, language: str, learn: Callable[[str, str], tuple[int, bool]]) -> None:
        self.table = _Table()
        self._language = language
        self._learn = learn

    def __missing__(self, run: str) -> int:
        number, keep = self._learn(run, self._language)
        if keep:
            self[run] = number
        return number


class Lexicon:
    """What is known of runs and forms; serves one segment after the other, and one thread at a time.

    forms, stems: the keys of layout.py. ``stem`` has the first stem of each form; ``other_forms`` and ``other_stems``
    have one value for each further stem of a form. runs: how many are known.
    """

    def __init__(self, most: int = 400_000, many: int = 20_000, many_plain: int = 8_000, full: int = 400_000) -> None:
        """most: a lexicon that knows more runs starts again with the next segment. 100,000 are about 40 MB.

        full: one that knows more than so many has enough for a segment, whose making takes twice as much again.

        many: so many characters are cut all together, fewer by the regular expression. many_plain: the same where all
        are ASCII.
        """
        self._most, self._full = most, full
        self._least = many, many_plain
        self._begin()

    def _begin(self) -> None:
        self.forms, self.stems = Names(), Names()
        self.stem = Column(np.uint32)
        self._sizes, self._letters = Column(np.uint32), Column(np.uint32)
        self.other_forms, self.other_stems = Column(np.int64), Column(np.int64)
        self._known: dict[str, _Known] = {}
        # Of each run: its first form, its length, how many forms follow, and where these are in the last two.
        self._first, self._length = Column(np.uint32), Column(np.uint32)
        self._more, self._more_at = Column(np.uint32), Column(np.int64)
        self._more_forms, self._more_positions = Column(np.uint32), Column(np.uint32)
        self.runs = self._followers = 0
        # Run 0 stands in for those in ``_passing``.
        for column in (self._first, self._length, self._more, self._more_at):
            column.append(0)
        self._passing: list[tuple[list[int], list[int], int]] = []

    @property
    def is_full(self) -> bool:
        """Whether it knows so much that the next segment should begin."""
        return self._knows_more_than(max(self._most, self._full))

    def forget(self) -> None:
        """A segment is finished: numbers of forms need not stay."""
        if self._knows_more_than(self._most):
            self._begin()

    def _knows_more_than(self, count: int) -> bool:
        return self.runs > count or len(self.forms) > count

    def tokens(self, texts: Sequence[str], languages: Sequence[str]) -> Tokens:
        """The tokens of texts. languages: of each, from ``stemming_language``."""
        try:
            if sum(map(len, texts)) < self._least[all(map(str.isascii, texts))]:
                return self._expanded(*self._few(texts, languages))
            return self._expanded(*self._many(texts, languages))
        finally:
            self._passing.clear()

    def words(self) -> tuple[Array, Array]:
        """The sizes and the letters, as layout.py has them, of the words of all forms."""
        new = self.forms.names[len(self._sizes.values) :]
        if new:
            sizes, letters = _described(new)
            self._sizes.join(sizes)
            self._letters.join(letters)
        return self._sizes.values, self._letters.values

    def _few(self, texts: Sequence[str], languages: Sequence[str]) -> tuple[Numbers, Numbers]:
        """The numbers of all runs, negative for those in ``_passing``, and how many each text has."""
        cut_up = cut_few(texts)
        counts = np.fromiter(map(len, cut_up), np.int64, len(cut_up))
        runs = list(chain.from_iterable(cut_up))
        spoken = sorted(set(languages))
        if len(spoken) == 1:
            return self._numbers(runs, spoken[0]), counts
        numbers = np.zeros(len(runs), np.int64)
        own = np.fromiter(map(spoken.index, languages), np.int64, len(languages)).repeat(counts)
        for at, language in enumerate(spoken):
            these = np.flatnonzero(own == at)
            numbers[these] = self._numbers([runs[place] for place in these.tolist()], language)
        return numbers, counts

    def _numbers(self, runs: list[str], language: str) -> Numbers:
        known = self._of(language)
        # All that is new at once: each look at the stemmer and the tables has its price.
        if unseen := dict.fromkeys(filterfalse(known.__contains__, runs)):
            self._learn_plain(list(unseen), language)
        return np.fromiter(map(known.__getitem__, runs), np.int64, len(runs))

    def _many(self, texts: Sequence[str], languages: Sequence[str]) -> tuple[Numbers, Numbers]:
        runs = cut(texts)
        spoken = sorted(set(languages))
        if len(spoken) == 1:
            return self._looked_up(runs.data, runs.starts, runs.ends, spoken[0]), runs.counts
        numbers = np.zeros(len(runs.starts), np.int64)
        own = np.repeat(np.fromiter(map(spoken.index, languages), np.int64, len(languages)), runs.counts)
        for at, language in enumerate(spoken):
            these = np.flatnonzero(own == at)
            numbers[these] = self._looked_up(runs.data, runs.starts[these], runs.ends[these], language)
        return numbers, runs.counts

    def _looked_up(self, data: bytes, starts: Numbers, ends: Numbers, language: str) -> Numbers:
        """The numbers of the runs of a language."""
        known = self._of(language)
        sizes = ends - starts
        low, high = _loaded(data, starts, sizes)
        found = known.table.find(low, high)
        found[sizes > _SHORT] = _UNKNOWN
        numbers = found.astype(np.int64)
        missing = np.flatnonzero(found == _UNKNOWN)
        if not len(missing):
            return numbers
        places = zip(starts[missing].tolist(), ends[missing].tolist(), strict=True)
        unseen = [data[start:end].decode("utf-8", "surrogatepass") for start, end in places]
        self._learn_plain([run for run in dict.fromkeys(unseen) if run not in known], language)
        numbers[missing] = [known[run] for run in unseen]
        # Those that can be looked up next time, each once.
        new, first = np.unique(numbers[missing], return_index=True)
        at = missing[first[new >= 0]]
        at = at[sizes[at] <= _SHORT]
        known.table.add(low[at], high[at], numbers[at].astype(np.uint32))
        return numbers

    def _of(self, language: str) -> _Known:
        known = self._known.get(language)
        if known is None:
            known = self._known[language] = _Known(language, self._learn)
        return known

    def _learn(self, run: str, language: str) -> tuple[int, bool]:
        """The number of a run that is not known, and whether it is to be kept."""
        found = run_tokens(run, language)
        forms = [self._form(token, language) for token in found]
        if len(run) > MAX_WORD or len(found) > _MOST_TOKENS:
            self._passing.append((forms, [token.position for token in found], length(found)))
            return -len(self._passing), False
        self._first.append(forms[0])
        self._length.append(length(found))
        self._more.append(len(forms) - 1)
        self._more_at.append(self._followers)
        for form, token in zip(forms[1:], found[1:], strict=True):
            self._more_forms.append(form)
            self._more_positions.append(token.position)
        self._followers += len(forms) - 1
        self.runs += 1
        return self.runs, True

    def _learn_plain(self, runs: list[str], language: str) -> None:
        """Learn those of the runs, which are not known, that are one word each: nearly all of them."""
        runs = [run for run in runs if run.isascii() and run.isalnum() and len(run) <= MAX_WORD]
        if not runs:
            return
        words = [run.lower() for run in runs]
        stems = plain_terms(words, language)
        at = len(self.forms)
        keys, stem_keys = plain_keys(words, stems, language)
        forms = self.forms.numbers(keys)
        new = []
        for form, stem in zip(forms, stem_keys, strict=True):
            if form == at:
                new.append(stem)
                at += 1
        self.stem.extend(self.stems.numbers(new))
        self._of(language).update(zip(runs, range(self.runs + 1, self.runs + 1 + len(runs)), strict=True))
        self.runs += len(runs)
        self._first.extend(forms)
        self._length.extend([1] * len(runs))
        for column in (self._more, self._more_at):
            column.extend([0] * len(runs))

    def _form(self, token: Token, language: str) -> int:
        at = len(self.forms)
        form = self.forms[form_key(token.word, token.pair, language, token.terms)]
        if form == at:
            stem, *others = [self.stems[stem_key(term, language)] for term in token.terms]
            self.stem.append(stem)
            for other in others:
                self.other_forms.append(form)
                self.other_stems.append(other)
        return form

    def _expanded(self, numbers: Numbers, counts: Numbers) -> Tokens:
        """The tokens of runs. counts: the runs of each text."""
        passing = np.flatnonzero(numbers < 0) if self._passing else _ZERO[:0]
        of_passing = [self._passing[-1 - number] for number in numbers[passing].tolist()]
        numbers = np.maximum(numbers, 0) if len(passing) else numbers
        forms, lengths, more = (each.values[numbers] for each in (self._first, self._length, self._more))
        lengths = lengths.astype(np.int64)
        for at, (own, _, size) in zip(passing.tolist(), of_passing, strict=True):
            forms[at], lengths[at], more[at] = own[0], size, 0
        ends = np.concatenate((_ZERO, lengths.cumsum()))
        starts = ends[:-1] + np.arange(len(counts)).repeat(counts)
        sizes = differences(ends[counts.cumsum()])
        pieces = [(forms, starts)]
        if more.any():
            pieces.append(self._followers_of(numbers, starts, more))
        for at, (own, positions, _) in zip(passing.tolist(), of_passing, strict=True):
            pieces.append((np.array(own[1:], np.uint32), starts[at] + np.array(positions[1:], np.int64)))
        if len(pieces) == 1:
            return Tokens(forms, starts, sizes)
        found, positions = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        return Tokens(found, positions, sizes)

    def _followers_of(self, numbers: Numbers, starts: Numbers, more: Array) -> tuple[Array, Numbers]:
        """The tokens of runs but their first ones. more: how many each has."""
        runs = np.flatnonzero(more)
        counts = more[runs].astype(np.int64)
        sources = self._more_at.values[numbers[runs]] - (np.cumsum(counts) - counts)
        sources = np.repeat(sources, counts) + np.arange(counts.sum())
        return self._more_forms.values[sources], np.repeat(starts[runs], counts) + self._more_positions.values[sources]


def _described(keys: list[bytes]) -> tuple[Numbers, NDArray[np.uint32]]:
    """The sizes and the letters, as ``layout.letters`` has them, of the words of forms."""
    # No key has a line feed; the word is what stands between the first byte of a key and its first NUL.
    text = b"\n".join((*keys, b"\0")).decode("utf-8", "surrogatepass")
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    first = np.concatenate(([0], np.flatnonzero(codes == 10) + 1))[: len(keys)] + 1
    nuls = np.flatnonzero(codes == 0)
    end = nuls[np.searchsorted(nuls, first)]
    bits = np.left_shift(np.uint32(1), codes & np.uint32(31), dtype=np.uint32)
    letters = np.bitwise_or.reduceat(bits, np.stack((first, end), 1).ravel())[::2]
    # The reduction of nothing takes the next.
    return end - first, np.where(end > first, letters, np.uint32(0))
