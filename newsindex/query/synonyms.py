"""Words that mean the same: entries and their text format, a thesaurus of them, and a query widened by it. Pure.

    car, automobile, motor car      each of them also finds the others
    tv, telly => television         the left ones also find the right ones, but not the other way round
    # language: de                  what follows holds for texts in German; "# language:" alone, for all texts
    # anything else                 is a comment

A word that a visitor types is compared by its stem, several words that stand next to each other as a whole: the longest
that an entry has counts. What was found so is not looked up again, so entries make no chains and no circles. Whoever
wants just one word writes it in quotation marks: neither phrases nor ``word*`` nor ``word~`` are widened. An acronym
that is another word in small letters ("IT", "WHO") is looked up where the visitor types capitals or full stops.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from newsindex.analysis import Token, stemming_language, tokens
from newsindex.query.nodes import And, LeafField, Node, Not, Or, Other, Phrase, Synonyms, Word
from newsindex.stopwords import is_word_too

#: So many synonyms are added to one query, each word's own counted.
MOST_ADDED: Final = 48
#: What stands between the two sides of an entry that works one way.
ARROW: Final = "=>"
_LANGUAGE = re.compile(r"#\s*language:\s*([A-Za-z0-9-]*)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """words: each also finds the others; where there are ``targets``, it finds those instead. language: "" for all."""

    words: tuple[str, ...]
    targets: tuple[str, ...] = ()
    language: str = ""

    @property
    def pairs(self) -> Iterator[tuple[str, str]]:
        """What finds what."""
        for number, word in enumerate(self.words):
            others = self.targets or (*self.words[:number], *self.words[number + 1 :])
            yield from ((word, other) for other in others)

    def __str__(self) -> str:
        sides = (self.words, self.targets) if self.targets else (self.words,)
        return f" {ARROW} ".join(", ".join(side) for side in sides)


def terms_of(text: str) -> tuple[str, ...]:
    """The terms of a list with commas of any script (or lines), each with single spaces, in order."""
    found = (" ".join(part.split()) for part in re.split(r"[,،、，\n]", text))
    return tuple(term for term in found if term)


def read_entry(line: str, language: str = "") -> Entry:
    """The entry that ``line`` says; it may be wrong in any way but having more than two sides, a ValueError.

    ``a => a, b`` is how other programs say that a stays: that is so anyway, and left out.
    """
    left, arrow, right = line.partition(ARROW)
    if ARROW in right:
        raise ValueError(line)
    words, targets = terms_of(left), terms_of(right)
    if not arrow:
        return Entry(words, (), language)
    own = {stems(word, language) for word in words} if len(words) == 1 else set()
    return Entry(words, tuple(target for target in targets if stems(target, language) not in own), language)


def read_lines(lines: Iterable[str], language: str = "") -> Iterator[tuple[int, str, str]]:
    """(number of the line, text, language) of each line of a file that is no comment."""
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("\ufeff")
        if named := _LANGUAGE.fullmatch(text):
            language = named[1]
        elif text and not text.startswith("#"):
            yield number, text, language


def written_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """The lines of a file with ``entries``, those of a language together."""
    by_language: dict[str, list[Entry]] = {}
    for entry in entries:
        by_language.setdefault(entry.language, []).append(entry)
    for language, own in sorted(by_language.items()):
        if language:
            yield f"# language: {language}"
        yield from map(str, own)


def stems(text: str, language: str) -> tuple[str, ...]:
    """What ``text`` is compared by: the stem of each word, a compound being one word. language: of the stems."""
    return tuple(token.terms[0] for token in _wholes(text, language))


def spelling(text: str) -> tuple[str, ...]:
    """The words of ``text`` without case, accents and what stands between them, in any inflection they have."""
    return tuple(token.word for token in _wholes(text, ""))


#: For the stems of a term, what else it means, and in texts of which language.
_Table: TypeAlias = dict[tuple[str, ...], dict[tuple[str, str], None]]


class Thesaurus:
    """Entries to look words up in. default_language: of the stems by which entries for all languages are compared."""

    def __init__(self, entries: Iterable[Entry] = (), default_language: str = "") -> None:
        self._default = default_language
        self._tables: dict[str, _Table] = {}
        #: For what is typed in capitals.
        self._acronyms: dict[str, _Table] = {}
        self.longest = 0
        for entry in entries:
            self._add(entry)

    def __bool__(self) -> bool:
        return bool(self._tables or self._acronyms)

    @property
    def languages(self) -> tuple[str, ...]:
        """Those of the stems."""
        return tuple({**self._tables, **self._acronyms})

    def others(
        self, stems: tuple[str, ...], language: str, *, in_capitals: bool = False
    ) -> tuple[tuple[str, str], ...]:
        """(synonym, language of the texts to look in) for the stems of a term, in the order of the entries."""
        tables = (self._tables, self._acronyms) if in_capitals else (self._tables,)
        return tuple(dict.fromkeys(other for table in tables for other in table.get(language, {}).get(stems, ())))

    def _add(self, entry: Entry) -> None:
        language = stemming_language(entry.language or self._default)
        # Once for each term: an entry of 40 terms has 400 pairs.
        known = {term: (stems(term, language), (term, entry.language)) for term in (*entry.words, *entry.targets)}
        for word, other in entry.pairs:
            key, (meant, found) = known[word][0], known[other]
            if key and meant and key != meant:
                tables = self._acronyms if is_acronym(word, entry.language or self._default) else self._tables
                tables.setdefault(language, {}).setdefault(key, {})[found] = None
                self.longest = max(self.longest, len(key))


@dataclass(frozen=True)
class Expansion:
    """A widened query. added: the synonyms that are searched for, each once; cut: whether there are more of them."""

    tree: Node
    added: tuple[str, ...] = ()
    cut: bool = False


def expanded(tree: Node, thesaurus: Thesaurus) -> Expansion:
    """``tree`` with ``Synonyms`` in place of the words that ``thesaurus`` has."""
    if not thesaurus:
        return Expansion(tree)
    widening = _Widening(thesaurus)
    found = widening.node(tree, True)
    return Expansion(found, tuple(widening.added), widening.cut)


@dataclass
class _Widening:
    thesaurus: Thesaurus
    count: int = 0
    added: dict[str, None] = field(default_factory=dict)
    cut: bool = False

    def node(self, node: Node, wanted: bool) -> Node:
        if isinstance(node, Word):
            return self.words([node], wanted)[0]
        if isinstance(node, Not):
            return replace(node, child=self.node(node.child, not wanted))
        if isinstance(node, Or):
            return replace(node, children=tuple(self.node(child, wanted) for child in node.children))
        if isinstance(node, And):
            return replace(node, children=tuple(self.children(node.children, wanted)))
        return node

    def children(self, children: Sequence[Node], wanted: bool) -> Iterator[Node]:
        row: list[Word] = []
        for child in children:
            if isinstance(child, Word) and (not row or row[0].field == child.field):
                row.append(child)
                continue
            yield from self.words(row, wanted)
            row = [child] if isinstance(child, Word) else []
            if not row:
                yield self.node(child, wanted)
        yield from self.words(row, wanted)

    def words(self, row: Sequence[Word], wanted: bool) -> list[Node]:
        """The words of a row, which stand next to each other in one field."""
        found: list[dict[Other, None]] = [{} for _ in row]
        for language in self.thesaurus.languages:
            for first, end, others in _matches(self.thesaurus, row, language):
                for text, within in others:
                    self.add(found[first:end], Other(_leaf(text, row[0].field), within), text, wanted)
        return [Synonyms(word, tuple(own)) if own else word for word, own in zip(row, found, strict=True)]

    def add(self, places: Sequence[dict[Other, None]], other: Other, text: str, wanted: bool) -> None:
        # Each word of "united states" may also be met by "usa", which is to say that both are.
        if all(other in place for place in places):
            return
        if self.count + len(places) > MOST_ADDED:
            self.cut = True
            return
        self.count += len(places)
        for place in places:
            place[other] = None
        if wanted:
            self.added[text] = None


def _matches(
    thesaurus: Thesaurus, row: Sequence[Word], language: str
) -> Iterator[tuple[int, int, tuple[tuple[str, str], ...]]]:
    """(first word, end, synonyms) of the terms in a row of words, the longest first, none inside another."""
    first = 0
    by_stems = [stems(word.text, language) for word in row]
    while first < len(row):
        end = min(len(row), first + thesaurus.longest)
        while end > first:
            key = tuple(stem for word in by_stems[first:end] for stem in word)
            in_capitals = all(word.text.isupper() or "." in word.text for word in row[first:end])
            others = thesaurus.others(key, language, in_capitals=in_capitals)
            if others:
                yield first, end, others
                break
            end -= 1
        first = max(end, first + 1)


def is_acronym(term: str, language: str) -> bool:
    """Whether ``term`` is one word in capitals that in small letters is another one, of ``language``: "IT", "WHO"."""
    words = spelling(term)
    return term.isupper() and len(words) == 1 and is_word_too(words[0], language)


def _leaf(text: str, field: LeafField) -> Word | Phrase:
    return Phrase(text, field) if " " in text else Word(text, field)


def _wholes(text: str, language: str) -> Iterator[Token]:
    done = 0
    for token in tokens(text, language):
        # The whole of a compound comes before its parts; pairs overlap, and are all there is.
        if token.pair or token.start >= done:
            yield token
            done = token.end
