"""Text to tokens: the one definition of a word, for the index, the query and the marks. Pure.

A token stands at a position, covers code points of the text as given (never of a normalised copy), and
carries the terms by which it can be found. Rules, each the same for index and query:

- letters, digits and combining marks make a word (Python's ``\\w`` leaves out vowel signs of Hindi or Thai), with
  the ++ or # of C++ and C# behind it;
- words are folded: NFKC, case, digits of any script, accents on Latin and Greek letters (й, が, Indic signs stay);
- words joined by ``. _ - '`` (2.7.1, U.S., e-mail, O'Reilly) give one token for the whole, joined up (dots between
  digits stay), and one for each part, at consecutive positions;
- a number is one whatever separates its groups (1,000,000 is 1000000), and is found inside a longer name
  (2.7.1 in ruby-2.7.1.tar.gz), as ``newsindex.numerals`` has it;
- an English possessive or contraction is no part of its own, nor is an elided article before its word (l'école) or a
  Turkish ending behind it;
- Han, kana, Hangul, Thai, Lao, Khmer and Burmese runs become overlapping pairs of characters;
- a token's terms are its stem in the article's language, taken from the folded form, and, where they differ, the
  folded stem of the accented form, so that a query without accents always finds, and the stem of the spelling with
  two letters (Mueller for Müller);
- in Vietnamese, where marks tell words apart, a word with marks has itself and UNMARKED with its folded form for terms,
  and ``sought`` says which of them a query looks for.

Stemming: Snowball (https://snowballstem.org) through PyStemmer. Bigrams for CJK: Manning, Raghavan, Schütze,
Introduction to Information Retrieval, section 2.2.1.
"""

from __future__ import annotations

import re
import string
import threading
import unicodedata
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple, TypeAlias

import Stemmer

from newsindex.languages import (
    DIGRAPHS,
    ELISIONS,
    ENDINGS_BEHIND_APOSTROPHES,
    STEMMERS,
    TOLD_APART_BY_MARKS,
    WITHOUT_DIGRAPHS,
)
from newsindex.languages import stemming_language as stemming_language
from newsindex.numerals import NUMBERS, SPACES, Numeral, numeral

#: Longer runs without a space (a URL, a base64 blob) are cut here; the rest is not searchable.
MAX_WORD: Final = 64
#: A whole joined from more parts than this is noise, not a word.
MAX_JOINED_PARTS: Final = 4
#: An acronym with dots may have more.
_MOST_INITIALS: Final = 12

# Combining marks that Python's \w leaves out, by block: general, Hebrew, Arabic, Indic, Thai, Lao, Tibetan,
# Burmese, Khmer, Mongolian, Balinese to Vedic, supplements, kana voicing, Indic in the higher BMP, half marks.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u0816-\u082d"
    "\u0859-\u085b\u0898-\u0903\u093a-\u093c\u093e-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09cd"
    "\u09d7\u09e2\u09e3\u0a01-\u0a03\u0a3c-\u0a51\u0a70\u0a71\u0a75\u0a81-\u0a83\u0abc-\u0acd\u0ae2\u0ae3"
    "\u0afa-\u0aff\u0b01-\u0b03\u0b3c-\u0b57\u0b62\u0b63\u0b82\u0bbe-\u0bcd\u0bd7\u0c00-\u0c04\u0c3c-\u0c56"
    "\u0c62\u0c63\u0c81-\u0c83\u0cbc-\u0cd6\u0ce2\u0ce3\u0d00-\u0d03\u0d3b-\u0d4d\u0d57\u0d62\u0d63\u0d81-\u0d83"
    "\u0dca-\u0ddf\u0df2\u0df3\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u0f18\u0f19"
    "\u0f35\u0f37\u0f39\u0f3e\u0f3f\u0f71-\u0f84\u0f86\u0f87\u0f8d-\u0fbc\u0fc6\u102b-\u103e\u1056-\u1059"
    "\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u135d-\u135f"
    "\u1712-\u1715\u17b4-\u17d3\u17dd\u180b-\u180d\u18a9\u1920-\u193b\u1a17-\u1a1b\u1a55-\u1a7f\u1ab0-\u1ace"
    "\u1b00-\u1b04\u1b34-\u1b44\u1b80-\u1b82\u1ba1-\u1bad\u1c24-\u1c37\u1cd0-\u1cf9\u1dc0-\u1dff\u20d0-\u20f0"
    "\u2cef-\u2cf1\u2de0-\u2dff\u302a-\u302f\u3099\u309a\ua66f-\ua672\ua674-\ua67d\ua69e\ua69f\ua6f0\ua6f1"
    "\ua802\ua806\ua80b\ua823-\ua827\ua880\ua881\ua8b4-\ua8c5\ua8e0-\ua8f1\ua926-\ua92d\ua947-\ua953"
    "\ua980-\ua983\ua9b3-\ua9c0\uaa29-\uaa36\uaa43\uaa4c\uaa4d\uaab0-\uaabf\uaac1\uaaeb-\uaaef\uabe3-\uabed"
    "\ufb1e\ufe00-\ufe0f\ufe20-\ufe2f"
)
# Invisible characters that stand inside words: soft hyphen, zero-width (non-)joiner, word joiner.
_INVISIBLE = "\u00ad\u200c\u200d\u2060"
# A letter to Unicode, and an apostrophe to those who write it: Ukrainian памʼять, Uzbek maʼno.
_LETTER_APOSTROPHE = "\u02bc"
_LETTER = rf"[^\W_{_LETTER_APOSTROPHE}]"
# Any of these after the first one, in any order; said so that letters, which come in rows, are taken a row at a time.
_WORD = rf"(?:{_LETTER}|[{_MARKS}]){_LETTER}*(?:[{_MARKS}{_INVISIBLE}]+{_LETTER}*)*"
# Between digits, what groups them joins as well.
_JOINER = r"[._'`\u00b4\u2018\u2019\u02bc\u05f3\u05f4\uff07\-\u2010\u2011]"
_GROUPING = rf"(?<=[0-9])(?:,(?=[0-9])|[{SPACES}](?=[0-9]{{3}}(?![0-9])))"
_SIGNS = r"(?<=[A-Za-z])(?:\+\+|#)(?![+#])"
#: A run: words and what joins them. The tokens of a text are those of its runs, one after the other.
RUN: Final = re.compile(rf"{_WORD}(?:(?:{_JOINER}|{_GROUPING}|{_SIGNS}){_WORD})*(?:{_SIGNS})?")
#: What belongs to the word before it, in C++ and C#.
SIGNS: Final = re.compile(_SIGNS)
_PART = re.compile(_WORD)
_APOSTROPHES = "'`\u00b4\u2018\u2019\u02bc\uff07"
_TYPED = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x200B, *range(0xD800, 0xE000)), " "),
    **dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)),
    **dict.fromkeys(map(ord, _APOSTROPHES), "'"),
    **dict.fromkeys((0x2010, 0x2011), "-"),
}
_LISTING = frozenset(f",{SPACES}")
_CONTRACTIONS = frozenset({"s", "t", "d", "m", "re", "ve", "ll"})
_PAIRED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af]"
)
#: A character of a script without spaces, with its marks.
CLUSTER: Final = re.compile(rf".[{_MARKS}{_INVISIBLE}\uff9e\uff9f]*", re.DOTALL)
_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ŧ": "t", "ħ": "h"}
    # Letters of Arabic and Persian keyboards that look alike: alef, yeh, kaf.
    | {"\u0671": "\u0627", "\u0649": "\u064a", "\u06cc": "\u064a", "\u06a9": "\u0643"}
)
# Signs of transliteration that stand for no letter: ʻ in Hawaiʻi, ʿ in ʿAlī.
_SPACERS = frozenset("\u02b9\u02ba\u02bb\u02bd\u02be\u02bf")
#: What ``character_kinds`` has: no part of a run; part of a word, alone or in pairs with its neighbours; part of a run
#: between two words; part of the word before it, where there is one; part of a run between two digits, or between a
#: digit and three of them; part of a run behind a letter. From JOINING on, what is around decides.
OTHER, WORD, PAIRED, JOINING, INVISIBLE, GROUPING, SPACING, SIGN = range(8)
#: Where each number in a run begins, its end, and what it is.
Numbers: TypeAlias = Mapping[int, tuple[int, Numeral]]

#: What the term begins with by which a word with marks is found without them, where ``languages`` tells words apart
#: by marks. No word has it.
UNMARKED: Final = "="
# The marks of Vietnamese that stand for tones: grave, acute, hook, tilde, dot below.
_TONES = frozenset("\u0300\u0301\u0309\u0303\u0323")
_WITHOUT_BARRED_D = str.maketrans("", "", "\u0110\u0111")
# Letters of no other widespread language but the d with a stroke.
_VIETNAMESE = re.compile("[\u0110\u0111\u01a0\u01a1\u01af\u01b0\u1ea0-\u1ef9]")

_local = threading.local()


class Token(NamedTuple):
    """A word where it stands.

    terms: what it is found by, the plain stem first; never empty, no duplicates.
    word: the folded form, unstemmed: what prefixes and fuzzy words are compared with.
    position: counts parts from 0; a whole stands at the position of its first part.
    start, end: code points of the analysed text, half open.
    pair: it is two characters of a run without spaces.
    """

    terms: tuple[str, ...]
    word: str
    position: int
    start: int
    end: int
    pair: bool = False


def fold(word: str) -> str:
    """``word`` without case, width, invisible characters, and accents on Latin and Greek letters."""
    return word.lower() if word.isascii() else _folded(word)


@lru_cache(maxsize=8_192)
def _folded(word: str) -> str:
    letters, folded = _letters()
    return word.translate(folded) if letters.fullmatch(word) else _folded_by_marks(word)


@lru_cache(maxsize=1)
def _letters() -> tuple[re.Pattern[str], dict[int, str]]:
    """Letters of Latin, Greek and Cyrillic that are folded one by one, whatever stands beside them, and how.

    Most words with a letter beyond ASCII have no others, and a table takes a third of the time.
    """
    found = {
        char: _folded_by_marks(char)
        for char in map(chr, (*range(0xC0, 0x250), *range(0x386, 0x3D0), *range(0x400, 0x460)))
        if unicodedata.category(char) in ("Lu", "Ll")
    }
    # Marks that stay may belong with what follows.
    found = {char: to for char, to in found.items() if to.isalpha() and unicodedata.is_normalized("NFC", to)}
    table = {ord(char): to for char, to in found.items()} | {ord(char): char.lower() for char in string.ascii_uppercase}
    return re.compile(f"[0-9A-Za-z{''.join(found)}]+"), table


def _folded_by_marks(word: str) -> str:
    composed = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    out: list[str] = []
    foldable = False
    for char in unicodedata.normalize("NFD", composed):
        if char in _INVISIBLE or char in _SPACERS:
            continue
        if char.isdecimal():
            char = str(unicodedata.decimal(char))
        if unicodedata.combining(char):
            if foldable and "\u0300" <= char <= "\u036f":
                continue
            if "\u064b" <= char <= "\u0655" or char == "\u0670" or "\u0591" <= char <= "\u05c7":
                continue
        else:
            # Latin and Greek blocks, and Cyrillic е so that ё and е meet.
            foldable = char < "\u0400" or "\u1e00" <= char <= "\u1fff" or char == "\u0435"
        if char != "\u0640":
            out.append(char)
    folded = unicodedata.normalize("NFC", "".join(out)).translate(_LETTERS_WITHOUT_DECOMPOSITION)
    # A vowel sign without its letter is still a word.
    return folded or composed


def keyword(value: str) -> str:
    """The form in which tags, authors and sections are compared: folded, white space collapsed.

    Apostrophes and hyphens are those of the keyboard, and what no query can hold (marks of writing direction, the
    zero-width space) is left out.
    """
    return " ".join(fold(part) for part in value.translate(_TYPED).split())


def lowered(text: str) -> str:
    """``text`` in small letters, as people write them: İ becomes an i, without a second dot above it."""
    return text.replace("\u0130", "i").lower()


@lru_cache(maxsize=8_192)
def terms(word: str, language: str) -> tuple[str, ...]:
    """What ``word`` is found by in a text of ``language`` (a code from ``stemming_language``)."""
    folded = fold(word)
    if folded.isdigit() or not language and word.isascii():
        return (folded,)
    if language in TOLD_APART_BY_MARKS:
        marked = _marked(word)
        return (folded,) if marked == folded else (marked, UNMARKED + folded)
    plain = _stem(folded, language) or folded if language else folded
    if word.isascii():
        return (plain,)
    composed = unicodedata.normalize("NFC", word).lower()
    accented = fold(_stem(composed, language)) if language else folded
    found = [plain, accented or folded]
    if language not in WITHOUT_DIGRAPHS and (spelt := composed.translate(DIGRAPHS)) != composed:
        found.append(_stem(fold(spelt), language) if language else fold(spelt))
    return tuple(dict.fromkeys(found))


def sought(found: tuple[str, ...], language: str, marked: bool = False) -> tuple[str, ...]:
    """The terms by which a word with the terms ``found`` looks for words in texts of ``language``: mostly the same.

    In Vietnamese, one with marks looks for these marks; one without for any, or for none where the query is ``marked``.
    """
    if language not in TOLD_APART_BY_MARKS:
        return found
    own = tuple(term for term in found if not term.startswith(UNMARKED))
    return own if marked or len(own) < len(found) else (*found, *(UNMARKED + term for term in found))


def has_marks(text: str) -> bool:
    """Whether ``text`` has letters of Vietnamese, so that who wrote it writes marks where there are any."""
    return not text.isascii() and bool(_VIETNAMESE.search(unicodedata.normalize("NFC", text)))


def has_marks_of_its_own(text: str) -> bool:
    """Whether ``text`` has letters of Vietnamese that Croatian and Serbian, which write đ as well, do not have."""
    return has_marks(text.translate(_WITHOUT_BARRED_D))


def plain_terms(words: Sequence[str], language: str) -> list[str]:
    """The one term of each of the folded words of ASCII letters and digits: what ``terms`` gives, for many."""
    if not language or language in TOLD_APART_BY_MARKS:
        return list(words)
    stems = _stemmer(language).stemWords(words)
    return [word if word.isdigit() else stem or word for word, stem in zip(words, stems, strict=True)]


def tokens(text: str, language: str) -> list[Token]:
    """The tokens of ``text`` in order of position, the whole of a compound before its parts."""
    stems_in = stemming_language(language)
    out: list[Token] = []
    position = 0
    for match in RUN.finditer(text):
        offset = match.start()
        run = match.group()
        found = run_tokens(run, stems_in)
        for token in found:
            out.append(
                Token(
                    token.terms,
                    token.word,
                    token.position + position,
                    token.start + offset,
                    token.end + offset,
                    token.pair,
                )
            )
        position += length(found)
    return out


def run_tokens(run: str, language: str) -> tuple[Token, ...]:
    """The tokens of a match of ``RUN``, counted from its own beginning. language: from ``stemming_language``."""
    # A blob without spaces would keep its memory in the memo.
    return _run(run, language) if len(run) <= MAX_WORD else _run.__wrapped__(run, language)


@lru_cache(maxsize=2)
def character_kinds(size: int = 0x110000) -> bytes:
    """What each code point below ``size`` is to ``RUN``, for those who look for runs without it: OTHER, WORD, ..."""
    # Unicode has no words beyond its fourth plane.
    characters = array("I", range(min(size, 0x40000))).tobytes().decode("utf-32", "surrogatepass")
    kinds = bytearray(size)
    for kind, pattern in (
        (JOINING, _JOINER),
        (INVISIBLE, f"[{_INVISIBLE}]"),
        (WORD, rf"[\w{_MARKS}]+"),
        (JOINING, f"[_{_LETTER_APOSTROPHE}]"),
        (GROUPING, ","),
        (SPACING, f"[{SPACES}]"),
        (SIGN, "[+#]"),
        (PAIRED, rf"(?:(?![\W_{_MARKS}\uff9e\uff9f]){_PAIRED.pattern})+"),
    ):
        for match in re.finditer(pattern, characters):
            first, end = match.span()
            kinds[first:end] = bytes([kind]) * (end - first)
    return bytes(kinds)


def length(found: Sequence[Token]) -> int:
    """How many positions the tokens take: the length that ranking counts with."""
    return found[-1].position + 1 if found else 0


def edits_allowed(word: str) -> int:
    """How many edits a fuzzy ``word`` forgives: none below 3 characters, 2 from 8 on."""
    size = len(fold(word))
    return 0 if size < 3 else 1 if size < 8 else 2


def edit_distance(a: str, b: str, limit: int) -> int:
    """Optimal string alignment distance of ``a`` and ``b``, or ``limit`` + 1 where it is larger.

    Insertions, deletions, substitutions and swaps of neighbours cost 1 (Damerau 1964, restricted form).
    """
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        current = [i]
        for j, y in enumerate(b, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return limit + 1
        before, previous = previous, current
    return min(previous[-1], limit + 1)


def _marked(word: str) -> str:
    """``word`` without case and width, with its marks. Tones go to its end: hòa and hoà are one word."""
    letters = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", word).casefold())
    tones = "".join(char for char in letters if char in _TONES)
    if tones:
        letters = "".join(char for char in letters if char not in _TONES)
    return unicodedata.normalize("NFC", "".join(char for char in letters if char not in _INVISIBLE)) + tones


def _stem(word: str, language: str) -> str:
    stemmed: str = _stemmer(language).stemWord(word)
    return stemmed


def _stemmer(language: str) -> Stemmer.Stemmer:
    # A PyStemmer object keeps a buffer, so it belongs to one thread.
    stemmers: dict[str, Stemmer.Stemmer] | None = getattr(_local, "stemmers", None)
    if stemmers is None:
        stemmers = _local.stemmers = {}
    if language not in stemmers:
        # Without its memo: those of this module know all words that come often.
        stemmers[language] = Stemmer.Stemmer(STEMMERS[language], 0)
    return stemmers[language]


# A few hundred bytes each.
@lru_cache(maxsize=16_384)
def _run(text: str, language: str) -> tuple[Token, ...]:
    """The tokens of one run of words and joiners, counted from its own beginning."""
    out: list[Token] = []
    if text.isalnum() and _LETTER_APOSTROPHE not in text and not _PAIRED.search(text):
        # Most runs: one word, which the rest of this function would find as well.
        _word(text, 0, language, 0, out)
        return tuple(out)
    position = 0
    pieces = [piece for match in _PART.finditer(text) for piece in _by_script(text, *match.span())]
    numbers = _numbers(text, pieces) if len(pieces) > 1 else {}
    for paired, spans in _stretches(pieces, text, numbers):
        if paired:
            position = _pairs(text, spans, position, out)
        else:
            position = _compound(text, spans, language, numbers, position, out)
    return tuple(out)


class _Part(NamedTuple):
    """A part of a run. number: where it is all of a number whose groups of digits are no parts."""

    start: int
    end: int
    number: Numeral | None = None


#: Characters that go in pairs (True), or the parts of a compound.
_Piece: TypeAlias = tuple[bool, list[_Part]]


def _stretches(pieces: list[_Piece], text: str, numbers: Numbers) -> Iterator[_Piece]:
    """The pieces of a run that belong together: those of a compound in one, characters that go in pairs apart."""
    stretch: list[_Part] = []
    counted = 0
    for paired, spans in pieces:
        # A comma that is in no number stands between two things.
        listed = text[spans[0].start - 1] in _LISTING and spans[0].start >= counted
        if stretch and (paired or listed):
            yield False, stretch
            stretch = []
        if paired:
            yield True, spans
        elif not stretch or not stretch[-1].number or spans[0].start >= stretch[-1].end:
            end, number = numbers.get(spans[0].start, (0, None))
            stretch += [_Part(spans[0].start, end, number)] if number and number.alone else spans
            counted = max(counted, end)
    if stretch:
        yield False, stretch


def _numbers(text: str, pieces: list[_Piece]) -> Numbers:
    """The numbers with separators in a run: where each begins, its end, and what it is."""
    starts = {spans[0].start for paired, spans in pieces if not paired}
    ends = {spans[-1].end for paired, spans in pieces if not paired}
    spans = ((*match.span(), match.group()) for match in NUMBERS.finditer(text))
    # What begins or ends inside of a word, as in 2.7.0rc1, is none.
    found = (
        (start, end, numeral(written))
        for start, end, written in spans
        if start in starts and end in ends and end - start <= MAX_WORD
    )
    return {start: (end, number) for start, end, number in found if number}


def _by_script(text: str, start: int, end: int) -> Iterator[_Piece]:
    """A part divided into words and what goes in pairs: the characters of these, each with its marks."""
    if not _PAIRED.search(text, start, end):
        yield False, [_Part(start, end)]
        return
    clusters = [_Part(*match.span()) for match in CLUSTER.finditer(text, start, end)]
    for paired, group in groupby(clusters, key=lambda cluster: bool(_PAIRED.match(text, cluster.start))):
        spans = list(group)
        yield paired, spans if paired else [_Part(spans[0].start, spans[-1].end)]


def _contracted(text: str, parts: list[_Part]) -> list[_Part]:
    """``parts`` of a compound without a possessive; a contraction stays with its word."""
    while len(parts) > 1:
        before, last = parts[-2:]
        ending = text[last.start : last.end].lower()
        if text[last.start - 1] not in _APOSTROPHES or ending not in _CONTRACTIONS:
            break
        parts[-2:] = [before if ending == "s" else _Part(before.start, last.end)]
    return parts


def _compound(text: str, parts: list[_Part], language: str, numbers: Numbers, position: int, out: list[Token]) -> int:
    """Append the tokens of parts that are joined: the whole, and each part. Return the next free position."""
    parts = _contracted(text, parts)
    kept = _without_apostrophes(text, parts, language) if len(parts) > 1 else parts
    if len(kept) == 1:
        dropped = len(parts) > 1 and parts[-1].end - parts[0].start <= MAX_WORD
        return _single(text, kept[0], language, position, out, terms(_joined(text, parts), language) if dropped else ())
    first, last = kept[0].start, _signed(text, kept[-1].end)
    all_of_it, number = numbers.get(first, (0, None))
    if number and all_of_it == last:
        out.append(Token(number.terms, number.terms[0], position, first, last))
    elif last - first <= MAX_WORD and (len(kept) <= MAX_JOINED_PARTS or _is_acronym(text, kept)):
        whole = _joined(text, kept)
        out.append(Token(terms(whole, language), fold(whole), position, first, last))
    for part in kept:
        end, number = numbers.get(part.start, (0, None))
        if number and not number.alone and (part.start, end) != (first, last):
            out.append(Token(number.terms, number.terms[0], position, part.start, end))
        position = _single(text, part, language, position, out)
    return position


def _without_apostrophes(text: str, parts: list[_Part], language: str) -> list[_Part]:
    """``parts`` without elided articles, or endings behind apostrophes."""
    articles = ELISIONS.get(language, frozenset())
    first, last = 0, len(parts) - 1
    while first < last and text[parts[first + 1].start - 1] in _APOSTROPHES:
        if fold(text[parts[first].start : parts[first].end]) not in articles:
            break
        first += 1
    while language in ENDINGS_BEHIND_APOSTROPHES and first < last and text[parts[last].start - 1] in _APOSTROPHES:
        last -= 1
    return parts[first : last + 1]


def _is_acronym(text: str, parts: list[_Part]) -> bool:
    return len(parts) <= _MOST_INITIALS and all(
        part.end - part.start == 1 and text[part.start].isalpha() for part in parts
    )


def _joined(text: str, parts: list[_Part]) -> str:
    """The parts in one word: dots stay, but in an acronym."""
    acronym = _is_acronym(text, parts)
    pieces: list[str] = []
    for part in parts:
        if pieces and not acronym and text[part.start - 1] == ".":
            pieces.append(".")
        pieces.append(part.number.terms[0] if part.number else text[part.start : _signed(text, part.end)])
    return "".join(pieces)


def _signed(text: str, end: int) -> int:
    """The end of a part with the ++ or # behind it."""
    return end + (2 if text.startswith("++", end) else text.startswith("#", end))


def _single(text: str, part: _Part, language: str, position: int, out: list[Token], more: tuple[str, ...] = ()) -> int:
    """Append a part, as a word or a number, and before it what it is with its sign; return the next free position.

    more: other terms that it is found by.
    """
    start, end, number = part
    if number:
        out.append(Token(number.terms, number.terms[0], position, start, end))
        return position + 1
    signed = _signed(text, end)
    if signed > end and signed - start <= MAX_WORD:
        name = fold(text[start:signed])
        out.append(Token((name,), name, position, start, signed))
    return _word(text[start:end], start, language, position, out, more)


def _word(text: str, start: int, language: str, position: int, out: list[Token], more: tuple[str, ...] = ()) -> int:
    text = text[:MAX_WORD]
    plain = text.isalnum() and _LETTER_APOSTROPHE not in text
    bare = text if plain else "".join(char for char in text if char not in _APOSTROPHES)
    found = terms(bare, language)
    if more:
        found = tuple(dict.fromkeys((*found, *more)))
    out.append(Token(found, fold(bare), position, start, start + len(text)))
    return position + 1


def _pairs(text: str, clusters: list[_Part], position: int, out: list[Token]) -> int:
    """Append the pairs of neighbours; return the next free position.

    The character that a word touches stands there alone as well: 年 in 2024年の, which is asked for as 2024年.
    """
    if len(clusters) == 1:
        clusters = [clusters[0], clusters[0]]
    first, last = clusters[0], clusters[-1]
    for before, after in zip(clusters, clusters[1:], strict=False):
        if before is not after:
            if before is first and text[: first.start]:
                _alone(text, before, position, out)
            if after is last and text[last.end :]:
                _alone(text, after, position, out)
        pair = fold(text[before.start : after.end])
        out.append(Token((pair,), pair, position, before.start, after.end, pair=True))
        position += 1
    return position


def _alone(text: str, cluster: _Part, position: int, out: list[Token]) -> None:
    char = fold(text[cluster.start : cluster.end])
    out.append(Token((char,), char, position, cluster.start, cluster.end, pair=True))
