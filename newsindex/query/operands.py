"""From the text of one word, phrase or field value to its nodes, with notes on what could not be used so. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date, timedelta
from typing import Final, TypeAlias

from newsindex.analysis import SIGNS, Token, edits_allowed, keyword, tokens
from newsindex.query.limits import Limits
from newsindex.query.nodes import Fuzzy, KeywordField, LeafField, Node, Phrase, Prefix, Published, Word
from newsindex.query.notes import Notes

KEYWORD_FIELDS: Final[dict[str, KeywordField]] = {"tag": "tag", "author": "author", "section": "section"}
DATE_FIELDS: Final = ("after", "before", "on")
FIELDS: Final = frozenset({"title", *KEYWORD_FIELDS, *DATE_FIELDS})
OPERATORS: Final = frozenset({"OR", "AND"})

_LONGEST_FIELD = max(map(len, FIELDS))
_DIGITS = frozenset("0123456789")
# Colons, and what stands between the words of a list in the scripts of the world.
_DIVIDER = re.compile(r"[:,;，；、،؛]")
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")

Nodes: TypeAlias = tuple[Node, ...]


def trimmed(text: str) -> str:
    """``text`` without punctuation, symbols, spaces and invisible characters around it."""
    start, end = 0, len(text)
    while start < end and is_edge(text[start]):
        start += 1
    while end > start and is_edge(text[end - 1]):
        end -= 1
    sign = SIGNS.match(text, end)
    return text[start : sign.end() if sign else end]


def is_edge(char: str) -> bool:
    """Whether ``char`` can neither begin nor end a word."""
    return not char.isalnum() and unicodedata.category(char)[0] in "PSZC"


def is_punctuation(text: str) -> bool:
    """Whether ``text`` is the kind of thing that stands between words ("-", "&", "/") and means nothing alone."""
    return all(unicodedata.category(char)[0] in "PC" or (char.isascii() and not char.isalnum()) for char in text)


def word_nodes(run: str, field: LeafField, limits: Limits, notes: Notes) -> Nodes:
    """The words of ``run``, a text without spaces: one, or several where colons or commas divide it."""
    first = next((at for at, char in enumerate(run) if not is_edge(char)), len(run))
    if "*" in run[:first]:
        notes.add("star_place", run)
    elif first == len(run) and not is_punctuation(run):
        notes.add("not_searchable", run)
    found = (_word(part, field, limits, notes) for part in _divided(run, first))
    return tuple(node for node in found if node)


def phrase_node(text: str, field: LeafField, limits: Limits, notes: Notes) -> Phrase | None:
    """The phrase that stood between quotation marks."""
    phrase = trimmed(" ".join(text.split()))
    found = tokens(phrase, "")
    if not found:
        notes.add(*(("not_searchable", text.strip()) if text.strip() else ("empty_quotes",)))
        return None
    within = [token for token in found if token.position < limits.max_phrase_words]
    if len(within) < len(found):
        notes.add("long_phrase", phrase)
        # The last one is a part, never a whole that reaches beyond the limit.
        phrase = trimmed(phrase[: within[-1].end]) if within else ""
    return Phrase(phrase, field) if phrase else None


def near_phrase(phrase: Phrase, digits: str, limits: Limits, notes: Notes) -> Phrase:
    """``phrase`` with the number that stood behind it; a single word has nothing to be near to."""
    if not tokens(phrase.text, "")[-1].position:
        return phrase
    digits = digits.lstrip("0")
    # Python reads no more than some thousand digits.
    slop = int(digits or 0) if len(digits) < 10 else 10**9
    if slop > limits.max_slop:
        notes.add("large_slop", limits.max_slop)
    return replace(phrase, slop=min(slop, limits.max_slop))


def keyword_value(text: str, quoted: bool, notes: Notes) -> str:
    """The value of a tag, author or section; "" where there is none.

    Its punctuation stays, C++ and C# are tags; but in a list (``tag:a, tag:b``) the comma is none of it.
    """
    value = " ".join(text.split())
    if not quoted:
        shorter = value.rstrip(",;*")
        if "*" in value[len(shorter) :]:
            notes.add("star_place", value)
        return "" if is_punctuation(shorter) else shorter
    if not keyword(value):
        notes.add(*(("not_searchable", value) if value else ("empty_quotes",)))
        return ""
    return value


def published(field: str, text: str) -> Published | None:
    """The days that ``after:``, ``before:`` or ``on:`` a day, month or year means; None for what is no date."""
    match = _DATE.fullmatch(trimmed(text))
    if not match:
        return None
    year, month, day = (int(group) if group else None for group in match.groups())
    try:
        start = date(year or 0, month or 1, day or 1)
    except ValueError:
        return None
    if field == "after":
        return Published(start=start)
    if field == "before":
        return Published(end=start)
    return Published(start, _following(start, month, day))


def plain_word(text: str, field: LeafField) -> Word:
    """A word; in small letters where it would be an operator when typed again."""
    return Word(text.lower() if text in OPERATORS and not field else text, field)


def as_leaf_field(field: str) -> LeafField:
    return "title" if field == "title" else ""


def _following(start: date, month: int | None, day: int | None) -> date | None:
    """The first day after the day, month or year that begins with ``start``; None where the calendar ends."""
    try:
        if day:
            return start + timedelta(days=1)
        if month and month < 12:
            return date(start.year, month + 1, 1)
        return date(start.year + 1, 1, 1)
    except (OverflowError, ValueError):
        return None


def _divided(run: str, start: int) -> list[str]:
    """The parts of ``run`` from ``start`` on, where a sign divides it: foo:bar and foo,bar are two words, 10:30 is one.

    A field name always ends a part, so no part is taken for a field when it is typed again.
    """
    parts = []
    for match in _DIVIDER.finditer(run):
        at = match.start()
        if at > start and _divides(run, start, at):
            parts.append(run[start:at])
            start = at + 1
            while start < len(run) and is_edge(run[start]):
                start += 1
    parts.append(run[start:])
    return parts


def _divides(run: str, start: int, at: int) -> bool:
    before, after = run[at - 1], run[at + 1 : at + 2]
    if before.isalnum() and after.isalnum():
        return not (before.isdigit() and after.isdigit())
    return run[at] == ":" and at - start <= _LONGEST_FIELD and run[start:at].lower() in FIELDS


def _word(part: str, field: LeafField, limits: Limits, notes: Notes) -> Node | None:
    text, mark, number = _marked(part)
    if "*" in text:
        notes.add("star_place", part)
    if len(text) > limits.max_word_characters:
        notes.add("long_word", text)
        text = _marked(_shortened(text, limits.max_word_characters))[0]
    found = tokens(text, "")
    if not found:
        if text:
            notes.add("not_searchable", part)
        return None
    if number not in ("", "1", "2"):
        notes.add("fuzzy_number", number)
    if mark == "*":
        return _prefix(text, found, field, notes)
    return _fuzzy(text, found, field, notes) if mark == "~" else plain_word(text, field)


def _prefix(text: str, found: list[Token], field: LeafField, notes: Notes) -> Node:
    if all(token.pair for token in found):
        return Prefix(text, field)
    if not _is_one(found):
        notes.add("star_place", f"{text}*")
    elif len(found[0].word) < 2:
        notes.add("star_short", f"{text}*")
    else:
        return Prefix(text, field)
    return plain_word(text, field)


def _fuzzy(text: str, found: list[Token], field: LeafField, notes: Notes) -> Node:
    if not _is_one(found):
        notes.add("fuzzy_place", f"{text}~")
    elif not edits_allowed(found[0].word):
        notes.add("fuzzy_short", f"{text}~")
    else:
        return Fuzzy(text, field)
    return plain_word(text, field)


def _is_one(found: list[Token]) -> bool:
    """Whether the tokens are one word: a single one, or a whole followed by its parts."""
    return not any(token.pair for token in found) and found[0].end >= found[-1].end


def _marked(part: str) -> tuple[str, str, str]:
    """``part`` without what surrounds it, the mark "*" or "~" that stood behind it, and the number after "~"."""
    end = len(part)
    mark = number = ""
    while end:
        digits = end
        while digits and part[digits - 1] in _DIGITS:
            digits -= 1
        if digits and part[digits - 1] == "~":
            mark, number, end = mark or "~", part[digits:end], digits - 1
        elif digits == end and is_edge(part[end - 1]):
            mark = "*" if part[end - 1] == "*" else mark
            end -= 1
        else:
            break
    sign = SIGNS.match(part, end)
    text = trimmed(part[: sign.end() if sign and not mark else end])
    # 3~5 is a range, ~5 is "about five": text, not a word with other spellings.
    if number and (not text or text.isdigit()):
        return trimmed(part), "*" if mark == "*" else "", ""
    return text, mark, number


def _shortened(text: str, limit: int) -> str:
    """The beginning of ``text``, cut between two words where it has several: half a word finds nothing."""
    ends = [token.end for token in tokens(text, "") if token.end <= limit]
    return text[: max(ends, default=limit)]
