"""Text to tokens: the one definition of a word, for the index, the query and the marks. Pure.

A token stands at a position, covers code points of the text as given (never of a normalised copy), and
carries the terms by which it can be found. Rules, each the same for index and query:

- letters, digits and combining marks make a word (Python's ``\\w`` leaves out vowel signs of Hindi or Thai);
- words are folded: NFKC, case, and accents on Latin and Greek letters (й, が, Indic signs stay);
- words joined by ``. _ - '`` (2.7.1, U.S., e-mail, O'Reilly, l'école) give one token for the whole, joined up
  (dots between digits stay), and one for each part, at consecutive positions;
- an English possessive or contraction is no part of its own;
- Han, kana, Hangul, Thai, Lao, Khmer and Burmese runs become overlapping pairs of characters;
- a token's terms are its stem in the article's language, taken from the folded form, and, where that differs,
  the folded stem of the accented form, so that a query without accents always finds.

Stemming: Snowball (https://snowballstem.org) through PyStemmer. Bigrams for CJK: Manning, Raghavan, Schütze,
Introduction to Information Retrieval, section 2.2.1.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from array import array
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

import Stemmer

#: Snowball algorithm for each language; a language that is not here is indexed unstemmed.
STEMMERS: Final = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "da": "danish", "nl": "dutch",
    "en": "english", "fi": "finnish", "fr": "french", "de": "german", "el": "greek", "hi": "hindi",
    "hu": "hungarian", "id": "indonesian", "ga": "irish", "it": "italian", "lt": "lithuanian", "ne": "nepali",
    "nb": "norwegian", "nn": "norwegian", "no": "norwegian", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "es": "spanish", "sv": "swedish", "ta": "tamil", "tr": "turkish",
    "yi": "yiddish",
}  # fmt: skip

#: Longer runs without a space (a URL, a base64 blob) are cut here; the rest is not searchable.
MAX_WORD: Final = 64
#: A whole joined from more parts than this is noise, not a word.
MAX_JOINED_PARTS: Final = 4

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
# Any of these after the first one, in any order; said so that letters, which come in rows, are taken a row at a time.
_WORD = rf"(?:[^\W_]|[{_MARKS}])[^\W_]*(?:[{_MARKS}{_INVISIBLE}]+[^\W_]*)*"
_JOINER = r"[._'\u2019\u02bc\uff07\-\u2010\u2011]"
#: A run: words and the joiners between them. The tokens of a text are those of its runs, one after the other.
RUN: Final = re.compile(rf"{_WORD}(?:{_JOINER}{_WORD})*")
_PART = re.compile(_WORD)
_APOSTROPHES = "'\u2019\u02bc\uff07"
_CONTRACTIONS = frozenset({"s", "t", "d", "m", "re", "ve", "ll"})
_PAIRED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af]"
)
_CLUSTER = re.compile(rf".[{_MARKS}{_INVISIBLE}\uff9e\uff9f]*", re.DOTALL)
_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ŧ": "t", "ħ": "h"}
)
_UNTYPED = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x200B, *range(0xD800, 0xE000)), " "),
    **dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)),
}
#: What ``character_kinds`` has: no part of a run; part of a word, alone or in pairs with its neighbours; part of a run
#: between two words; part of the word before it, where there is one.
OTHER, WORD, PAIRED, JOINING, INVISIBLE = range(5)
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


@lru_cache(maxsize=65_536)
def fold(word: str) -> str:
    """``word`` without case, width, invisible characters, and accents on Latin and Greek letters."""
    if word.isascii():
        return word.lower()
    composed = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    out: list[str] = []
    foldable = False
    for char in unicodedata.normalize("NFD", composed):
        if char in _INVISIBLE:
            continue
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

    What no query can hold (marks of writing direction, the zero-width space) is left out here too.
    """
    return " ".join(fold(part) for part in value.translate(_UNTYPED).split())


def stemming_language(language: str) -> str:
    """The language code that decides the stems of ``language`` ("pt-BR" gives "pt"); "" for none."""
    base = language.lower().replace("_", "-").partition("-")[0]
    return base if base in STEMMERS else ""


@lru_cache(maxsize=65_536)
def terms(word: str, language: str) -> tuple[str, ...]:
    """What ``word`` is found by in a text of ``language`` (a code from ``stemming_language``)."""
    folded = fold(word)
    if not language or folded.isdigit():
        return (folded,)
    plain = _stem(folded, language) or folded
    if word.isascii():
        return (plain,)
    accented = fold(_stem(unicodedata.normalize("NFC", word).lower(), language)) or folded
    return (plain,) if accented == plain else (plain, accented)


def plain_terms(words: Sequence[str], language: str) -> list[str]:
    """The one term of each of the folded words of ASCII letters and digits: what ``terms`` gives, for many."""
    if not language:
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
        (JOINING, "_"),
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
    if text.isalnum() and not _PAIRED.search(text):
        # Most runs: one word, which the rest of this function would find as well.
        _word(text, 0, language, 0, out)
        return tuple(out)
    parts = _parts(text)
    if 1 < len(parts) <= MAX_JOINED_PARTS and len(text) <= MAX_WORD and not _PAIRED.search(text):
        whole = _joined(text, parts)
        out.append(Token(terms(whole, language), fold(whole), 0, parts[0][0], parts[-1][1]))
    position = 0
    for first, last in parts:
        position = _part(text[first:last], first, language, position, out)
    return tuple(out)


def _parts(text: str) -> list[tuple[int, int]]:
    """Where the parts of a run stand; a possessive is left out, a contraction stays with its word."""
    found = [match.span() for match in _PART.finditer(text)]
    while len(found) > 1:
        first, last = found[-1]
        ending = text[first:last].lower()
        if text[first - 1] not in _APOSTROPHES or ending not in _CONTRACTIONS:
            break
        found[-2:] = [(found[-2][0], found[-2][1] if ending == "s" else last)]
    return found


def _joined(text: str, parts: list[tuple[int, int]]) -> str:
    """The parts in one word: dots stay, but in an acronym."""
    acronym = all(last - first == 1 and text[first].isalpha() for first, last in parts)
    pieces = [text[slice(*parts[0])]]
    for (_, before), (first, last) in zip(parts, parts[1:], strict=False):
        if text[before] == "." and not acronym:
            pieces.append(".")
        pieces.append(text[first:last])
    return "".join(pieces)


def _part(text: str, start: int, language: str, position: int, out: list[Token]) -> int:
    """Append the tokens of one part; return the next free position."""
    if not _PAIRED.search(text):
        return _word(text, start, language, position, out)
    clusters = [match.span() for match in _CLUSTER.finditer(text)]
    for paired, group in groupby(clusters, key=lambda span: bool(_PAIRED.match(text, span[0]))):
        spans = list(group)
        if paired:
            position = _pairs(text, spans, start, position, out)
        else:
            first, last = spans[0][0], spans[-1][1]
            position = _word(text[first:last], start + first, language, position, out)
    return position


def _word(text: str, start: int, language: str, position: int, out: list[Token]) -> int:
    text = text[:MAX_WORD]
    bare = text if text.isalnum() else "".join(char for char in text if char not in _APOSTROPHES)
    out.append(Token(terms(bare, language), fold(bare), position, start, start + len(text)))
    return position + 1


def _pairs(text: str, clusters: list[tuple[int, int]], start: int, position: int, out: list[Token]) -> int:
    if len(clusters) == 1:
        clusters = [clusters[0], clusters[0]]
    for (first, _), (_, last) in zip(clusters, clusters[1:], strict=False):
        pair = fold(text[first:last])
        out.append(Token((pair,), pair, position, start + first, start + last, pair=True))
        position += 1
    return position
