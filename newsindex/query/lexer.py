"""From query text to pieces: operands, parentheses and operators, in one pass from left to right. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from newsindex.numerals import SPACES
from newsindex.query.limits import Limits
from newsindex.query.nodes import Keyword, Phrase
from newsindex.query.notes import Notes
from newsindex.query.operands import (
    DATE_FIELDS,
    FIELDS,
    KEYWORD_FIELDS,
    OPERATORS,
    Nodes,
    as_leaf_field,
    is_edge,
    is_punctuation,
    keyword_value,
    near_phrase,
    phrase_node,
    published,
    word_nodes,
)

Kind: TypeAlias = Literal["operand", "open", "close", "minus", "or", "and"]

#: Any of these closes what any of them opened: languages disagree on which is which.
CURLY: Final = "“”„‟«»"
MINUSES: Final = "-−–"

_MARKS = re.compile(rf'["(){CURLY}]')
_CURLY = re.compile(rf"[{CURLY}]")
_END_OF_RUN = re.compile(rf'[\s"(){CURLY}]')
# A space before the sign is a slip where a number follows: "a b" ~3.
_AFTER_QUOTES = re.compile(r"[~*]([0-9]*)|[ ]+~([0-9]+)(?=[\s()]|$)")
# The end of a word in a sentence, and no end of any that ``unparse`` writes outside of quotation marks.
_SENTENCE = re.compile(r"[^\W_][.,;?!](?:\s|$)")
_FEWEST_IN_CAPITALS: Final = 8
# A headline of a news agency, in capitals, with whom it goes back to: OIL PRICES SEEN FALLING NEXT YEAR -MINISTER. No
# operators and no fields.
_WORD_IN_HEADLINE = rf"[^{MINUSES}\s:*~][^\s:*~]*"
_SOURCED = re.compile(
    rf"(?:(?!(?:OR|AND)\s){_WORD_IN_HEADLINE}\s+){{5,}}[{MINUSES}]{_WORD_IN_HEADLINE}(?:\s+{_WORD_IN_HEADLINE})?"
)
# Controls, lone surrogates and the zero-width space separate words.
_SEPARATORS = re.compile("[\x00-\x1f\x7f-\x9f\u200b\ud800-\udfff]")
# Marks of writing direction and byte order come along when text is pasted, and mean nothing here.
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# A space that groups digits is no space between words.
_SPACED_NUMBER = re.compile(rf"(?<![0-9])[0-9]{{1,3}}(?:[{SPACES}][0-9]{{3}})+(?![0-9])")
_SPACES = re.compile(rf"[{SPACES}]")


@dataclass(frozen=True, slots=True)
class Piece:
    """nodes: of an operand, its words (none where they were ignored); of "and", the word that it also is."""

    kind: Kind
    nodes: Nodes = ()


def cleaned(text: str, limits: Limits, notes: Notes) -> str:
    """``text``, not longer than allowed, in NFC, without controls and lone surrogates: safe to encode and show."""
    if len(text) > limits.max_characters:
        notes.add("text_cut", limits.max_characters)
        text = _cut(text, limits)
    text = _DIRECTIONS.sub("", _SEPARATORS.sub(" ", text))
    text = _SPACED_NUMBER.sub(lambda number: _SPACES.sub("", number[0]), text)
    return unicodedata.normalize("NFC", text).strip()


def pieces(text: str, limits: Limits, notes: Notes) -> list[Piece]:
    """The pieces of a cleaned text; each "open" has its "close"."""
    return _Lexer(text, limits, notes).pieces


def _cut(text: str, limits: Limits) -> str:
    kept = text[: limits.max_characters]
    if text[limits.max_characters].isspace():
        return kept
    # Half a word would be a wanted word that finds nothing.
    for size in range(1, min(limits.max_word_characters, len(kept)) + 1):
        if kept[-size].isspace():
            return kept[:-size]
    return kept


def _paired(text: str, limits: Limits, notes: Notes) -> tuple[str, dict[int, int]]:
    """``text`` with a space for each quotation mark and parenthesis that is to be ignored, and where quotes close."""
    ignored: set[int] = set()
    quotes: dict[int, int] = {}
    parentheses: list[int] = []
    done = 0
    for match in _MARKS.finditer(text):
        at = match.start()
        if at < done:
            continue
        if match.group() in "()":
            parentheses.append(at)
        elif (close := _closing(text, at)) is None:
            ignored.add(at)
            notes.add("unclosed_quote", match.group())
        else:
            quotes[at] = close
            done = close + 1
    ignored |= _without_partner(text, parentheses, notes)
    ignored |= _too_deep(text, [at for at in parentheses if at not in ignored], limits, notes)
    return "".join(" " if at in ignored else char for at, char in enumerate(text)), quotes


def _closing(text: str, at: int) -> int | None:
    """Where the quotation that opens at ``at`` closes.

    Nothing is searched for twice in vain: where a mark has no partner, none of its kind follows.
    """
    if text[at] == '"':
        found = text.find('"', at + 1)
        return found if found > 0 else None
    match = _CURLY.search(text, at + 1)
    return match.start() if match else None


def _without_partner(text: str, parentheses: list[int], notes: Notes) -> set[int]:
    ignored = set()
    opened: list[int] = []
    for at in parentheses:
        if text[at] == "(":
            opened.append(at)
        elif opened:
            opened.pop()
        else:
            ignored.add(at)
            notes.add("unbalanced_parenthesis", ")")
    if opened:
        notes.add("unbalanced_parenthesis", "(")
    return ignored.union(opened)


def _too_deep(text: str, parentheses: list[int], limits: Limits, notes: Notes) -> set[int]:
    ignored = set()
    depth = 0
    for at in parentheses:
        depth += text[at] == "("
        if depth > limits.max_depth:
            ignored.add(at)
            notes.add("too_deep", limits.max_depth)
        depth -= text[at] == ")"
    return ignored


def _is_in_capitals(text: str, quotes: dict[int, int]) -> bool:
    """Whether ``text`` is sentences all in capitals, so that OR and AND in it mean no more than or and and.

    A text of operators and acronyms ("NASA OR ESA") is shorter, or has no punctuation behind a word: so ``unparse``
    never makes one that is read in this way.
    """
    ends = [0, *(close + 1 for close in quotes.values())]
    outside = " ".join(text[start:end] for start, end in zip(ends, [*quotes, len(text)], strict=True))
    words = [word for word in outside.split() if word.isupper() and word not in OPERATORS]
    return outside.isupper() and len(words) >= _FEWEST_IN_CAPITALS and bool(_SENTENCE.search(outside))


def is_sourced(text: str) -> bool:
    """Whether ``text`` is a headline in capitals that ends with its source, so that the minus in it is a dash."""
    return text.isupper() and not _MARKS.search(text) and bool(_SOURCED.fullmatch(text.strip()))


class _Lexer:
    def __init__(self, text: str, limits: Limits, notes: Notes) -> None:
        self.text, self.quotes = _paired(text, limits, notes)
        self.in_capitals = _is_in_capitals(self.text, self.quotes)
        self.is_sourced = is_sourced(self.text)
        self.limits = limits
        self.notes = notes
        self.pieces: list[Piece] = []
        # The field of each open parenthesis: title:(a b) is title:a title:b.
        self.fields = [""]
        position = 0
        while position < len(self.text):
            position = self._step(position)

    def _step(self, at: int) -> int:
        """Read what stands at ``at``; return the position after it."""
        char = self.text[at]
        if char.isspace():
            return at + 1
        if char == "(":
            return self._open(at, self.fields[-1])
        if char == ")":
            self.fields.pop()
            self.pieces.append(Piece("close"))
            return at + 1
        if at in self.quotes:
            return self._quotation(at, self.fields[-1])
        if self._is_minus(at):
            if self.is_sourced:
                self.notes.add("dash", self.text[at + 1 :].split()[0])
            else:
                self.pieces.append(Piece("minus"))
            return at + 1
        return self._run(at)

    def _open(self, at: int, field: str) -> int:
        self.fields.append(field)
        self.pieces.append(Piece("open"))
        return at + 1

    def _is_minus(self, at: int) -> bool:
        """Whether what follows is excluded: one minus, at the start of a word (not of --help)."""
        before, after = self.text[at - 1 : at], self.text[at + 1 : at + 2]
        return (
            self.text[at] in MINUSES
            and (not before or before.isspace() or before == "(")
            and bool(after)
            and not after.isspace()
            and after not in MINUSES
        )

    def _quotation(self, at: int, field: str, before: Nodes = ()) -> int:
        close = self.quotes[at]
        nodes = self._value(field, self.text[at + 1 : close], quoted=True)
        match = _AFTER_QUOTES.match(self.text, close + 1)
        slop = (match[1] or match[2]) if match and match[0].lstrip()[0] == "~" else ""
        if slop and nodes and isinstance(nodes[-1], Phrase):
            nodes = (*nodes[:-1], near_phrase(nodes[-1], slop, self.limits, self.notes))
        elif match:
            self.notes.add("after_quotes", match.group().strip())
        self._operand(before + nodes)
        return match.end() if match else close + 1

    def _run(self, at: int) -> int:
        """Read a text without spaces, with the quotation or parenthesis that is the value of its field."""
        match = _END_OF_RUN.search(self.text, at)
        end = match.start() if match else len(self.text)
        run = self.text[at:end]
        is_word = self.in_capitals or (self.pieces and self.pieces[-1].kind == "minus")
        if run in OPERATORS and not is_word:
            # AND says what is so anyway; it becomes a word only where it joins nothing ("AND gate").
            self.pieces.append(Piece("or") if run == "OR" else Piece("and", self._value(self.fields[-1], run)))
            return end
        if run == "NOT" and self.text[end:].strip() and not self.text.isupper():
            self.notes.add("not_a_word", run)
        name, colon, value = _field(run)
        if colon and name.lower() in FIELDS:
            return self._with_field(name, value, end)
        if colon and not value and end in self.quotes and not self.fields[-1]:
            return self._quotation(end, "", before=self._words(run))
        self._operand(self._value(self.fields[-1], run))
        return end

    def _with_field(self, name: str, value: str, end: int) -> int:
        field = name.lower()
        if not value and end in self.quotes:
            return self._quotation(end, field)
        if not value and self.text[end : end + 1] == "(" and field not in DATE_FIELDS:
            return self._open(end, field)
        if is_punctuation(value):
            self.notes.add("empty_field", f"{name}:")
            self._operand(self._words(name))
        else:
            self._operand(self._value(field, value))
        return end

    def _value(self, field: str, text: str, quoted: bool = False) -> Nodes:
        """The nodes of ``text``, which stands in ``field`` or, with "", anywhere."""
        if field in KEYWORD_FIELDS:
            value = keyword_value(text, quoted, self.notes)
            return (Keyword(KEYWORD_FIELDS[field], value),) if value else ()
        if field in DATE_FIELDS:
            days = published(field, text)
            return (days,) if days else self._no_date(field, text, quoted)
        if not quoted:
            return self._words(text, field)
        phrase = phrase_node(text, as_leaf_field(field), self.limits, self.notes)
        return (phrase,) if phrase else ()

    def _no_date(self, field: str, text: str, quoted: bool) -> Nodes:
        found = self._value("", text, quoted)
        if quoted and not found:
            return ()
        self.notes.add("not_a_date", f"{field}:{text}")
        return self._words(field) + found

    def _words(self, run: str, field: str = "") -> Nodes:
        return word_nodes(run, as_leaf_field(field), self.limits, self.notes)

    def _operand(self, nodes: Nodes) -> None:
        self.pieces.append(Piece("operand", nodes))


def _field(run: str) -> tuple[str, str, str]:
    """``run`` divided at its first colon, without punctuation before it (+tag:x, #tag:x)."""
    start = 0
    while start < len(run) and is_edge(run[start]) and run[start] != "*":
        start += 1
    return run[start:].partition(":")
