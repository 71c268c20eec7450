"""What the parser says about a query: what was ignored, cut or read in another way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Every code that a note can have, with its English message. Pages translate by code.
MESSAGES: Final = {
    # A limit was reached; the value is the limit.
    "text_cut": "Only the first {value} characters were read.",
    "too_many_words": "Only the first {value} words were used.",
    "too_many_exclusions": "Only the first {value} exclusions were used.",
    "too_many_prefixes": "Only the first {value} stars were used; the other words were searched as they are.",
    "too_many_fuzzies": "Only the first {value} words with ~ were used so; the others were searched as they are.",
    "too_deep": "Ignored parentheses nested deeper than {value} levels.",
    "large_slop": "Read the number after a closing quotation mark as {value}, the largest there is.",
    # A limit was reached; the value is the text that was cut.
    "long_word": "Only the beginning of the long word “{value}” was used.",
    "long_phrase": "Only the beginning of the long phrase “{value}” was used.",
    # A sign has no partner or no place; the value is the sign or the text with it.
    "unclosed_quote": "Ignored the quotation mark {value} that is never closed.",
    "unbalanced_parenthesis": "Ignored the parenthesis {value} that has no partner.",
    "empty_quotes": "Ignored quotation marks with nothing between them.",
    "after_quotes": "Ignored {value} after a closing quotation mark.",
    "stray_or": "Ignored an OR that does not stand between two words.",
    "not_a_word": "Read {value} as a word: to leave a word out, write a minus before it, as in -word.",
    "dash": "Read the minus before {value} as a dash, as in a headline: to leave the word out, write -({value}).",
    "star_place": "Ignored the star in “{value}”: it works at the end of a single word.",
    "star_short": "Ignored the star in “{value}”: it needs at least two characters before it.",
    "fuzzy_place": "Ignored the ~ of “{value}”: it works at the end of a single word.",
    "fuzzy_short": "Ignored the ~ of “{value}”: the word is too short to be searched with other spellings.",
    "fuzzy_number": "Ignored the number {value} after ~: how many letters may differ depends on the word.",
    # A field has no usable value; the value is what was typed.
    "empty_field": "Read “{value}” as a word: write what you look for directly after it, without a space.",
    "not_a_date": "Read “{value}” as words: a date looks like 2024-11-01, 2024-11 or 2024.",
    # What the editors say of the words; the value is the other words, or how many of them are searched for.
    "synonyms": "Also searched for: {value}. A word in quotation marks stands for itself alone.",
    "too_many_synonyms": "Only the first {value} synonyms were searched for as well.",
    # Nothing can be found by this text.
    "not_searchable": "Ignored “{value}”: it has no letters or digits.",
}

MAX_VALUE: Final = 60
#: More notes than this help nobody; the first ones are kept.
MAX_NOTES: Final = 20


@dataclass(frozen=True)
class Note:
    """One remark. code: a key of ``MESSAGES``; value: at most ``MAX_VALUE`` characters of plain, unescaped text."""

    code: str
    value: str = ""

    @property
    def message(self) -> str:
        """The remark in English, plain text."""
        return MESSAGES[self.code].format(value=self.value)

    def __str__(self) -> str:
        return self.message


class Notes:
    """Collects notes in order, each once."""

    def __init__(self) -> None:
        self._found: dict[Note, None] = {}

    def add(self, code: str, value: object = "") -> None:
        text = str(value)
        if len(text) > MAX_VALUE:
            text = text[: MAX_VALUE - 1] + "…"
        if len(self._found) < MAX_NOTES:
            self._found[Note(code, text)] = None

    def __bool__(self) -> bool:
        return bool(self._found)

    def found(self) -> tuple[Note, ...]:
        return tuple(self._found)
