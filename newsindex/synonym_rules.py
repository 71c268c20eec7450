"""What makes an entry of synonyms or a pinned query a good one, and what to say of one that is not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from django.utils.translation import gettext

from newsindex.analysis import stemming_language, tokens
from newsindex.conf import conf
from newsindex.curating import is_plain
from newsindex.query import Entry, parse
from newsindex.query.synonyms import ARROW, is_acronym, spelling, stems
from newsindex.stopwords import STOP_WORDS

#: Each side of an entry has at most so many terms, of at most so many words and characters.
MOST_TERMS: Final = 20
MOST_WORDS: Final = 6
LONGEST_TERM: Final = 100
#: No line that says an entry is longer: two sides of such terms, with what stands between them.
LONGEST_LINE: Final = 2 * MOST_TERMS * (LONGEST_TERM + 2)
#: So many entries are kept in mind by every process.
MOST_ENTRIES: Final = 5_000
#: A pinned result has at most so many queries, of at most so many characters.
MOST_QUERIES: Final = 20
LONGEST_QUERY: Final = 200
#: Between and around words these mean nothing, in texts as in queries.
_MEANINGLESS: Final = frozenset(" .,'’‘-–‐‑&/_")
_CODE: Final = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")

#: What is wrong: the field ("words", "targets", "language"; "" for the whole) and the message.
Trouble = tuple[str, str]


class Entries:
    """The entries that there are, to compare another one with: by what finds what."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.count = 0
        self._pairs: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Entry] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        self.count += 1
        for pair in _pairs(entry):
            self._pairs.setdefault((entry.language, *pair), entry)

    def troubles(self, entry: Entry) -> list[Trouble]:
        """What is wrong with an entry that is to be added; empty for a good one."""
        if self.count >= MOST_ENTRIES:
            # First of all: a file may have many more lines, and to look at each of them takes minutes.
            full = gettext("There are %(most)d entries already, and there can be no more.") % {"most": MOST_ENTRIES}
            return [("", full)]
        found = [*_of_sides(entry), *_of_language(entry.language)]
        return found or [*self._of_others(entry)]

    def _of_others(self, entry: Entry) -> Iterator[Trouble]:
        pairs = list(_pairs(entry))
        known = [self._pairs.get((entry.language, word, other)) for word, other in pairs]
        if all(known):
            yield "", gettext("The entry “%(entry)s” says this already.") % {"entry": known[0]}
            return
        for word, other in pairs if entry.targets else ():
            back = self._pairs.get((entry.language, other, word))
            if back is not None:
                text = gettext("The entry “%(entry)s” leads back: make one of both that works two ways.")
                yield "", text % {"entry": back}
                return


def query_troubles(texts: Iterable[str]) -> Iterator[str]:
    """What is wrong with the queries of a pinned result."""
    known: dict[tuple[str, ...], str] = {}
    for number, text in enumerate(texts, 1):
        words = spelling(text)
        if number > MOST_QUERIES:
            yield gettext("Give at most %(most)d.") % {"most": MOST_QUERIES}
            return
        if not words:
            yield gettext("“%(term)s” has no letters or digits.") % {"term": text}
        elif len(text) > LONGEST_QUERY:
            yield gettext("“%(term)s” is too long.") % {"term": _short(text)}
        elif not is_plain(parse(text).tree):
            yield gettext("“%(term)s” is more than words: only searches for plain words have pinned results.") % {
                "term": text
            }
        elif words in known:
            yield _same(known[words], text)
        known.setdefault(words, text)
    if not known:
        yield gettext("Give at least one.")


def _of_sides(entry: Entry) -> Iterator[Trouble]:
    if not entry.words:
        yield "words", gettext("Give at least one.")
    elif len(entry.words) < 2 and not entry.targets:
        yield "words", gettext("Give at least two words, or say what else one of them finds.")
    known: dict[tuple[str, ...], tuple[str, str]] = {}
    for side, terms in (("words", entry.words), ("targets", entry.targets)):
        if len(terms) > MOST_TERMS:
            yield side, gettext("Give at most %(most)d.") % {"most": MOST_TERMS}
            continue
        for term in terms:
            # An acronym that finds other words; found by them, it would be the word in small letters.
            finds = side == "words" and bool(entry.targets) and is_acronym(term, entry.language or conf.LANGUAGE_CODE)
            if trouble := _of_term(term, entry.language, finds):
                yield side, trouble
                continue
            key = stems(term, _stemming(entry.language))
            before = known.setdefault(key, (side, term))
            if before[0] != side:
                yield side, gettext("“%(term)s” stands on both sides.") % {"term": term}
            elif before[1] is not term:
                yield side, _same(before[1], term)


def _of_term(term: str, language: str, finds: bool) -> str:
    words = spelling(term)
    values = {"term": _short(term), "most": MOST_WORDS}
    if ARROW in term:
        return gettext("Write what stands after => into the second field.")
    if not words:
        return gettext("“%(term)s” has no letters or digits.") % values
    if len(term) > LONGEST_TERM:
        return gettext("“%(term)s” is too long.") % values
    if not any(token.pair for token in tokens(term, "")) and len(words) > MOST_WORDS:
        return gettext("“%(term)s” is too long: at most %(most)d words.") % values
    if signs := _dropped(term):
        text = gettext("“%(term)s” would be searched as “%(read)s”: leave out %(signs)s.")
        return text % {**values, "read": " ".join(words), "signs": signs}
    if not finds and STOP_WORDS.get(_base(language), frozenset()).issuperset(words):
        if is_acronym(term, language or conf.LANGUAGE_CODE):
            text = gettext(
                "“%(term)s” is a common word in small letters: it can only find others, as in “%(term)s => …”."
            )
            return text % values
        return gettext("“%(term)s” has only words that stand in almost every text.") % values
    return ""


def _of_language(language: str) -> Iterator[Trouble]:
    if language and not _CODE.fullmatch(language):
        yield "language", gettext("A language is a code such as “en” or “pt-br”.")


def _same(first: str, second: str) -> str:
    return gettext("“%(first)s” and “%(second)s” are the same to a search.") % {"first": first, "second": second}


def _dropped(term: str) -> str:
    """The signs of a term that are not searched, and may have been meant to be."""
    kept = {at for token in tokens(term, "") for at in range(token.start, token.end)}
    return "".join(dict.fromkeys(c for at, c in enumerate(term) if at not in kept and c not in _MEANINGLESS))


def _pairs(entry: Entry) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    language = _stemming(entry.language)
    known = {term: stems(term, language) for term in (*entry.words, *entry.targets)}
    return ((known[word], known[other]) for word, other in entry.pairs)


def _stemming(language: str) -> str:
    return stemming_language(language or conf.LANGUAGE_CODE)


def _base(language: str) -> str:
    return (language or conf.LANGUAGE_CODE).lower().replace("_", "-").partition("-")[0]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TERM else text[: LONGEST_TERM - 1] + "…"
