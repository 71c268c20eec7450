"""Completions of what is being typed: which words, names and titles fit, and in which order. Pure.

An engine shows what stands in articles that the asker may see (``Visible``); everything else is decided here, so that
all engines offer the same. What each kind is:

- a word: the query with the word being typed completed, or with a word after it that follows in texts;
- a tag, an author or a section, where any word of the name begins so;
- a title: those that begin so, then those where a later word does, then those that have all the words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Final, NamedTuple, Protocol, TypeAlias
from unicodedata import normalize

from newsindex.analysis import RUN, Token, fold, has_marks, has_marks_of_its_own, keyword, lowered, tokens
from newsindex.engines.base import FACETS, SUGGESTION_KINDS, Facet, Suggestion, SuggestionKind
from newsindex.engines.paging import microseconds
from newsindex.languages import DIGRAPHS, ELISIONS
from newsindex.query import unparse
from newsindex.query.nodes import Keyword

#: More than this is no beginning of a title.
MAX_TYPED: Final = 200
#: Of titles that begin with the first word typed, and of all others, so many are looked at, the newest ones.
MOST_TITLES: Final = 24
#: Of the articles that have the words typed so far, so many are read for what comes next, the newest ones.
MOST_READ: Final = 20
#: In each of them, so many of the texts that have the last of the words, and so many characters of each.
MOST_TEXTS: Final = 2
MOST_CHARACTERS: Final = 4_000
#: In which order they are taken: names and summaries say less about what follows.
READ: Final = ("title", "text", "summary", "tags")
#: Where no word follows in the first of them, the rest says little, either. Then so many of the most frequent words
#: that begin so, and of those that were found, are counted beside the others. So many of the former are read, in one
#: article each.
READ_FIRST: Final = 8
MOST_BESIDE: Final = 4
MOST_KNOWN: Final = 2
MOST_OTHERS: Final = 2
#: So many articles say how a word is spelt.
SPELLERS: Final = 3
#: Of so many words that begin alike it is looked up whether they are spelt as what is typed: "Müll" for "muell".
MOST_ALIKE: Final = 6
#: So many words before the one being typed matter.
MOST_BEFORE: Final = 4
#: So many words of what was typed are looked for in titles, the last ones.
MOST_SLOTS: Final = 8
#: From so many articles on, a word that is in more than half of them is not offered: it would narrow nothing.
MANY_ARTICLES: Final = 20
#: Longer pieces of a text without a space are not remembered.
_LONGEST_PIECE: Final = 64
#: From so many letters on, a word of the same paragraph will do where none follows directly.
_ENOUGH_LETTERS: Final = 2

#: A run as written, folded, and whether only white space stands before it.
_Spelt: TypeAlias = tuple[str, str, bool]

_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u200b\ud800-\udfff]")
_FIELD = re.compile(r'(?:^|(?<=[\s(]))(tag|author|section):(?:["“„«]([^"“”„«»]*)|([^\s"“”„«»()]*))$', re.IGNORECASE)
_TITLE = re.compile(r"(?<![^\s(-])title:", re.IGNORECASE)
# What is no word to look for: exclusions, other fields with their values, operators.
_SYNTAX = re.compile(
    r'(?<!\S)[-−–](?:"[^"]*"?|\S*)|(?<![^\s(])(?i:tag|author|section|after|before|on):(?:"[^"]*"?|\S*)'
    r"|(?<!\S)(?:OR|AND)(?!\S)"
)
_OPERATOR = re.compile(r"(?<!\S)(?:OR|AND)(?!\S)|[()]")
_LETTER = r"[^\W_]"
_AT_WORD = rf"(?<!{_LETTER})"
_REST = rf"{_LETTER}*(?:-{_LETTER}+|['’](?!s\b){_LETTER}+|(?<=[0-9])[.,][0-9]{_LETTER}*)*"
_REST_OF_WORD = re.compile(_REST, re.ASCII)
_SPACE = re.compile(r"\s+", re.ASCII)
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
_POSSESSIVE = re.compile("['’][sS]$")
_APOSTROPHES: Final = dict.fromkeys(map(ord, "`\u00b4\u2018\u2019\u02bc\uff07"), "'")
_ELIDED = re.compile(rf"({_LETTER}{{1,8}})['`\u00b4\u2018\u2019\u02bc\uff07](?={_LETTER})")
_ELISIONS: Final = frozenset().union(*ELISIONS.values())
_DIGRAPH = re.compile("[aou]e|aa")


class Slot(NamedTuple):
    """A word that a title has to have. whole: not only its beginning. pair: of a script without spaces."""

    word: str
    whole: bool
    pair: bool

    def meets(self, token: Token) -> bool:
        if self.pair:
            # A pair may be typed in part only.
            return token.pair and (self.word in token.word if len(self.word) == 1 else token.word.startswith(self.word))
        return not token.pair and (token.word == self.word if self.whole else token.word.startswith(self.word))


class Typed:
    """What the visitor typed.

    text: the folded beginning of a title or name, "" where it has no letter or digit. ended: whether a space came after
    it. field: the kind of name asked for ("author" in ``storm author:pri``), or "". head: what stays as it was typed.
    before: folded words before the one being typed, as far as they belong to it; after: the last of them as it is
    written, folded. last: the one being typed, folded, "" where none is begun; begun: the same as it is written.
    elided: what stands before its apostrophe, and that ("l'" in "l'eau"), or "". slots: what a title must have.
    """

    def __init__(self, text: str) -> None:
        clean = _UNFIT.sub(" ", text[:MAX_TYPED])
        body = " ".join(clean.split())
        self.ended = clean[-1:].isspace() and bool(body)
        if self.ended:
            body += " "
        self.field: Facet | None = None
        self.before: tuple[str, ...] = ()
        self.slots: tuple[Slot, ...] = ()
        self.last = self.begun = self.after = self.elided = self._last_typed = ""
        self._body = body
        field = _FIELD.search(body)
        if field:
            self._read_field(body, field)
        else:
            self._read_words(body)
            self.slots = _slots(_SYNTAX.sub(" ", _TITLE.sub("", body)))[-MOST_SLOTS:]
            self.text = _bare(body)
        found = tokens(self.text, "")
        # Where words are written without spaces, every character may begin one.
        begin = "" if found and found[0].pair else _AT_WORD
        end = rf"(?!{_LETTER})" if self.ended else ""
        self._pattern = re.compile(begin + re.escape(self.text) + end)

    def without_digraphs(self) -> Typed | None:
        """The same with u for ue; None where there is nothing of the kind."""
        if not _DIGRAPH.search(self.text):
            return None
        alike = Typed(_without_digraphs(self._body))
        alike.head = self.head
        return alike

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to complete."""
        return not self.text and not self.field

    def place(self, value: str) -> int | None:
        """0 where ``value`` begins with what was typed, 1 where a later word of it does, None where none does."""
        if not self.text:
            return 0 if self.field else None
        found = self._pattern.search(_folded(value))
        return None if found is None else min(found.start(), 1)

    def is_exact(self, letters: int) -> bool:
        """Whether a word that begins with this many letters of ``text``, if it has so many, is one that fits."""
        return not self.ended and len(self.text) <= letters

    def fits(self, title: Iterable[Token]) -> bool:
        """Whether a title of these tokens has all the words."""
        found = list(title)
        return bool(self.slots) and all(any(slot.meets(token) for token in found) for slot in self.slots)

    def begins(self, title: Iterable[Token]) -> bool:
        """Whether a title of these tokens begins with the first word."""
        return any(self.slots[0].meets(token) for token in title if token.position == 0)

    def completed(self, word: str) -> str:
        """The query with ``word`` in the place of the one being typed."""
        return self._closed(self.head + (self._beside_typed(word) if self.before else word))

    def continued(self, word: str) -> str:
        """The query with ``word`` after the one being typed."""
        return self._closed(f"{self.head}{self._last_typed} {self._beside_typed(word)}")

    def named(self, kind: Facet, name: str) -> str:
        """The query for a name: with all that was typed before it where its field was, too."""
        return (self.head if self.field else "") + unparse(Keyword(kind, name))

    def _beside_typed(self, word: str) -> str:
        """``word`` without its marks where they would say that the words typed before it, without any, mean none."""
        return fold(word) if has_marks_of_its_own(word) and not has_marks(self.head + self._last_typed) else word

    def _closed(self, text: str) -> str:
        return text + '"' if text.count('"') % 2 else text

    def _read_field(self, body: str, field: re.Match[str]) -> None:
        name, quoted, plain = field.groups()
        value = plain if quoted is None else quoted
        self.field = next(kind for kind in FACETS if kind == name.lower())
        self.head = body[: field.start()]
        self.ended = value[-1:].isspace()
        self.text = _bare(value)

    def _read_words(self, body: str) -> None:
        self.head = body
        runs = list(RUN.finditer(body))
        if not runs:
            return
        context = body
        if " " not in body[runs[-1].end() :]:
            first, end = runs[-1].span()
            self.head = context = body[:first]
            self._last_typed = body[first:end]
            self.last = _plain_word(self._last_typed)
            if not self.last:
                return
            self.begun = _as_written(self._last_typed)
            self.elided = self.begun[: _elision(self.begun)]
        context = _SYNTAX.sub(" ", _TITLE.sub("", _OPERATOR.split(context)[-1]))
        words = RUN.findall(context)[-MOST_BEFORE:]
        before = [_plain_word(word[_elision(word) :]) for word in words]
        if before and all(before):
            self.before, self.after = tuple(before), _as_written(words[-1])


class Visible(Protocol):
    """What an engine shows of the articles that the asker may see."""

    @property
    def articles(self) -> int:
        """How many there are."""

    def titles(self, typed: Typed, enough: int) -> Iterable[tuple[str, str, datetime | None]]:
        """(title, key, published_at) of those that ``typed`` fits.

        Of those whose title begins with the first word, and of the others, the newest MOST_TITLES each; of these may be
        left out what is not among the first ``enough`` by ``Typed.place`` and then by date.
        """

    def labels(self, kind: Facet, typed: Typed, enough: int) -> Iterable[tuple[str, int]]:
        """(spelling, number of articles) of names, among them all that ``Typed.place`` has a place for.

        Those may be left out that are not among the first ``enough`` by place, then by number, then by keyword.
        """

    def words(self, prefix: str, enough: int) -> Iterable[tuple[str, int]]:
        """(folded word, number of articles) of those that begin so and are not ``is_common``; at least the first
        ``enough`` by number, then by the alphabet."""

    def is_common(self, word: str) -> bool:
        """Whether a folded word stands in so many articles that ``is_common`` holds."""

    def texts(self, words: Sequence[str], most: int) -> Iterable[Sequence[str]]:
        """Of the newest ``most`` articles that have all of these folded words, the texts that have the last of them.

        At most MOST_TEXTS of each article, in the order of READ.
        """

    def together(self, before: Sequence[str], words: Sequence[str]) -> Sequence[int]:
        """In how many articles that have all of the folded words ``before`` each of ``words`` stands."""


def is_common(count: int, articles: int) -> bool:
    """Whether a word in ``count`` of the visible articles is in too many to be worth offering."""
    return articles >= MANY_ARTICLES and count * 2 > articles


def completions(
    typed: Typed, visible: Visible, limit: int, kinds: Collection[SuggestionKind] = SUGGESTION_KINDS
) -> tuple[Suggestion, ...]:
    """At most ``limit`` completions of these kinds: words, then names, then titles, each text of a kind once."""
    if limit <= 0 or typed.is_empty:
        return ()
    wanted = [kind for kind in kinds if typed.field in (None, kind)]
    share = _share(limit)
    facets = [kind for kind in FACETS if kind in wanted]
    names = list(_names(typed, visible, facets, limit))
    titles = list(_titles(typed, visible, limit)) if "title" in wanted else []
    if alike := typed.without_digraphs():
        names = names or _spelt_so(typed, _names(alike, visible, facets, limit))
        titles = titles or (_spelt_so(typed, _titles(alike, visible, limit)) if "title" in wanted else [])
    # Words cost most, so no more of them are looked for than there may be places.
    most = limit - min(len(names), share[1]) - min(len(titles), share[2])
    words: list[Suggestion] = []
    if "word" in wanted:
        # A word that is also a name is offered as that.
        words = list(_words(typed, visible, {_folded(one.text) for one in names[: share[1]]}, most))
        known = {_folded(one.text) for one in words}
        names = [one for at, one in enumerate(names) if at < share[1] or _folded(one.text) not in known]
    return _shared((words, names, titles), share, limit)


def _spelt_so(typed: Typed, found: Iterable[Suggestion]) -> list[Suggestion]:
    """Those of some names or titles that ``typed`` fits once ü is written ue."""
    with_digraphs = ((one, _spelt_out(one.text)) for one in found)
    return [one for one, text in with_digraphs if typed.place(text) is not None or typed.fits(tokens(text, ""))]


def _share(limit: int) -> tuple[int, int, int]:
    """How many places words, names and titles have at least, where there are so many of them."""
    words = -(-3 * limit // 8)
    names = min(-(-limit // 4), limit - words)
    return words, names, limit - words - names


def _shared(offered: tuple[list[Suggestion], ...], share: tuple[int, int, int], limit: int) -> tuple[Suggestion, ...]:
    counts = [min(len(own), places) for own, places in zip(offered, share, strict=True)]
    for number, own in enumerate(offered):
        counts[number] += min(len(own) - counts[number], limit - sum(counts))
    return tuple(one for own, count in zip(offered, counts, strict=True) for one in own[:count])


def _titles(typed: Typed, visible: Visible, limit: int) -> Iterator[Suggestion]:
    """Those that begin so first, then those with a later word that does, then the others; the newest first of each."""
    if not typed.slots:
        return
    ranked = []
    for title, key, published_at in visible.titles(typed, limit):
        place = typed.place(title)
        dated = (1, 0) if published_at is None else (0, -microseconds(published_at))
        ranked.append((2 if place is None else place, dated, key, title))
    seen: set[str] = set()
    for *_, key, title in sorted(ranked):
        # Nobody can tell apart what reads the same.
        if _folded(title) not in seen:
            seen.add(_folded(title))
            yield Suggestion(title, "title", key)


def _names(typed: Typed, visible: Visible, kinds: Sequence[Facet], limit: int) -> Iterator[Suggestion]:
    """Those that begin so first, then the most frequent."""
    ranked = [
        (place, -count, number, keyword(name), name)
        for number, kind in enumerate(kinds)
        for name, count in visible.labels(kind, typed, limit)
        if (place := typed.place(name)) is not None
    ]
    for _, _, number, _, name in sorted(ranked)[:limit]:
        yield Suggestion(name, kinds[number], query=typed.named(kinds[number], name))


def _words(typed: Typed, visible: Visible, known: set[str], limit: int) -> Iterator[Suggestion]:
    """The query with its last word completed, the most frequent first; then with one more word."""
    if limit <= 0:
        return
    seen = {_folded(typed.head + typed.last), *known}
    for text in _queries(typed, visible, limit + len(known) + 1):
        if _folded(text) not in seen:
            seen.add(_folded(text))
            yield Suggestion(text, "word")
            limit -= 1
        if limit <= 0:
            return


def _queries(typed: Typed, visible: Visible, enough: int) -> Iterator[str]:
    if typed.before:
        prefix = typed.begun if typed.elided else typed.last
        yield from map(typed.completed, following(visible, typed.before, typed.after, prefix, enough))
    elif typed.last:
        yield from map(typed.completed, _begun(typed, visible, enough))
        # What is typed may be a whole word already.
        whole = (_plain_word(typed.begun[len(typed.elided) :]),)
        yield from map(typed.continued, following(visible, whole, typed.begun, "", enough))


def _begun(typed: Typed, visible: Visible, enough: int) -> Iterator[str]:
    """Words that begin so, the most frequent first, as they are spelt; where there are none, those with ü for ue."""
    found = list(visible.words(typed.last, enough))
    offered = [(-count, word, spelling) for word, count in found if word != typed.last]
    if typed.elided:
        rest = _plain_word(typed.begun[len(typed.elided) :])
        offered += [(-count, word, partial(_elided, typed.elided)) for word, count in visible.words(rest, MOST_ALIKE)]
    elif not found and (letters := _without_digraphs(typed.last)) != typed.last:
        spelt_so = partial(_with_digraphs, typed.last)
        offered += [(-count, word, spelt_so) for word, count in visible.words(letters, MOST_ALIKE)]
    for _, word, spelt in sorted(offered, key=lambda each: each[:2]):
        if written := spelt(visible, word):
            yield written


def _elided(before: str, visible: Visible, word: str) -> str:
    """A folded word with what is elided before it, where texts have that; else ""."""
    for texts in visible.texts((word,), SPELLERS):
        for text in texts:
            for written, folded, _ in _runs(text[:MOST_CHARACTERS]):
                if folded == before + word:
                    return _small(written)
    return ""


def _with_digraphs(beginning: str, visible: Visible, word: str) -> str:
    """A folded word as most texts spell it, where that begins so once ü is written ue; else ""."""
    written = spelling(visible, word)
    return written if fold(_spelt_out(written)).startswith(beginning) else ""


def _spelt_out(text: str) -> str:
    """``text`` in small letters with ue for ü."""
    return normalize("NFC", text).lower().translate(DIGRAPHS)


def _without_digraphs(word: str) -> str:
    return _DIGRAPH.sub(lambda found: found[0][0], word)


def spelling(visible: Visible, word: str) -> str:
    """A folded word as most texts spell it, in small letters; of several, rather with its accents."""
    found: Counter[str] = Counter()
    for texts in visible.texts((word,), SPELLERS):
        found[_spelt(word, texts)] += 1
        if 2 * max(found.values()) > SPELLERS:
            # The others can't say anything else.
            break
    return min(found, key=lambda spelt: (-found[spelt], spelt == word, spelt), default=word)


def _spelt(word: str, texts: Iterable[str]) -> str:
    cut = [text[:MOST_CHARACTERS] for text in texts]
    for text in cut:
        if text.isascii() and word in text.lower():
            return word
        for written, folded, _ in _runs(text):
            if folded == word:
                return _small(written)
    # Only as the whole or a part of a compound.
    found = ((text, token) for text in cut for token in tokens(text, "") if token.word == word)
    return next((_small(text[token.start : token.end]) for text, token in found), word)


class _Followers:
    """Words that stand in texts with another one: in how many articles each follows it, and in how many it does not.

    prefix: how they begin, folded.
    """

    def __init__(self, word: str, prefix: str) -> None:
        self.direct: Counter[str] = Counter()
        self.near: Counter[str] = Counter()
        self._spelt: dict[str, Counter[str]] = {}
        self._scan = _scanner(word, prefix)

    def __contains__(self, word: str) -> bool:
        return word in self._spelt

    def read(self, texts: Iterable[str], only: str = "", articles: int = 1) -> None:
        """Count what texts of an article say; only: of this word, as if so many articles said it."""
        here: dict[str, bool] = {}
        for text in texts:
            for word, follows in self._scan(text[:MOST_CHARACTERS]):
                folded = _as_written(word)
                if not only or folded == only:
                    here[folded] = here.get(folded, False) or follows
                    self._spelt.setdefault(folded, Counter())[_small(word)] += 1
        for word, follows in here.items():
            (self.direct if follows else self.near)[word] += articles

    def best(self) -> list[str]:
        """The words, first those that follow, the most frequent first."""
        return sorted(self._spelt, key=lambda word: (-self.direct[word], -self.near[word], word))

    def spelling(self, word: str) -> str:
        own = self._spelt[word]
        return min(own, key=lambda written: (-own[written], written == word, written))


def following(visible: Visible, before: Sequence[str], after: str, prefix: str, enough: int) -> Iterator[str]:
    """Words that follow the last of ``before`` where an article has all of these, as they are spelt, in small letters.

    after: the last of them as it is written. prefix: how they begin, folded. Those that follow in the most articles
    come first; those that only stand in the same text, or article, come after all that follow directly.
    """
    found = _Followers(after, prefix)
    # Fewer letters begin too many words, and to look for those would cost too much.
    enough_letters = len(prefix) > _ENOUGH_LETTERS
    for read, texts in enumerate(visible.texts(before, MOST_READ)):
        if read == READ_FIRST and enough_letters and not found.direct:
            break
        found.read(texts)
    if enough_letters and not found.direct:
        _look_beside(visible, before, prefix, found)
    for word in found.best():
        if enough <= 0:
            return
        written = found.spelling(word)
        if word not in before and not _is_clause(written) and not visible.is_common(word):
            yield written
            enough -= 1


def _look_beside(visible: Visible, before: Sequence[str], prefix: str, found: _Followers) -> None:
    """Count the words by the articles that have them and ``before``; with those that the newest lack and many have."""
    known = found.best()[:MOST_KNOWN]
    frequent = sorted(visible.words(prefix, MOST_BESIDE), key=lambda each: (-each[1], each[0]))[:MOST_BESIDE]
    others = [word for word, _ in frequent if word not in found]
    counts = dict(zip((*known, *others), visible.together(before, (*known, *others)), strict=True))
    for word in known:
        # A compound is written in another way than it is counted.
        found.near[word] = max(found.near[word], counts[word])
    for word in sorted(others, key=lambda word: (-counts[word], word))[:MOST_OTHERS]:
        for texts in visible.texts((*before, word), 1):
            found.read(texts, word, counts[word])


def _scanner(word: str, prefix: str) -> Callable[[str], Iterable[tuple[str, bool]]]:
    """What finds (word, whether it follows ``word`` directly) in a text, of the words that begin so."""
    with_near = len(prefix) >= _ENOUGH_LETTERS

    def scan(text: str) -> Iterator[tuple[str, bool]]:
        if not text.isascii():
            yield from _scan_runs(text, word, prefix, with_near)
            return
        small = text.lower()
        for at in _at_words(small, word):
            space = _SPACE.match(text, at + len(word))
            end = _end(small, prefix, space.end()) if space else 0
            if space and end:
                yield text[space.end() : end], True
        if with_near:
            done = 0
            for at in _at_words(small, prefix):
                if at >= done:
                    done = _end(small, prefix, at)
                    yield text[at:done], False

    return scan


def _at_words(text: str, word: str) -> Iterator[int]:
    """Where ``word`` stands in a text of ASCII with no letter or digit before it."""
    at = text.find(word)
    while at >= 0:
        if not at or not text[at - 1].isalnum():
            yield at
        at = text.find(word, at + 1)


def _end(text: str, prefix: str, at: int) -> int:
    """Where the word ends that stands at a place of a text and begins with ``prefix``; 0 where there is none."""
    if not text.startswith(prefix, at) or not text[at : at + 1].isalnum():
        return 0
    rest = _REST_OF_WORD.match(text, at + len(prefix))
    return rest.end() if rest else 0


def _scan_runs(text: str, word: str, prefix: str, with_near: bool) -> Iterator[tuple[str, bool]]:
    """The same where letters have to be folded."""
    previous = ""
    for written, folded, spaced in _runs(text):
        follows = spaced and previous == word
        if (follows or with_near) and folded.startswith(prefix):
            yield written, follows
        previous = folded


def _runs(text: str) -> Iterator[_Spelt]:
    """The runs of a text without possessives: as written, folded, whether only white space is before it."""
    open_end = True
    # No run goes over a space, and most of what stands between two of them comes again and again.
    for piece in text.split(" "):
        found, head, tail = _piece(piece) if len(piece) <= _LONGEST_PIECE else _piece.__wrapped__(piece)
        if not found:
            open_end = open_end and tail
            continue
        written, folded, _ = found[0]
        yield written, folded, open_end and head
        if len(found) > 1:
            yield from found[1:]
        open_end = tail


@lru_cache(maxsize=8_192)
def _piece(piece: str) -> tuple[tuple[_Spelt, ...], bool, bool]:
    """What ``_runs`` says of the runs of a piece; whether only white space is before the first, and after the last."""
    found: list[_Spelt] = []
    head, end = True, 0
    for match in RUN.finditer(piece):
        between = piece[end : match.start()]
        if not found:
            head = not between.strip()
        written = _POSSESSIVE.sub("", match.group())
        found.append((written, _as_written(written), between.isspace()))
        end = match.end()
    return tuple(found), head, not piece[end:].strip()


def word_starts(value: str) -> Iterator[int]:
    """Where a name, folded by ``analysis.keyword``, may begin to match what is typed."""
    inside = False
    for at, char in enumerate(value):
        letter = char.isalnum()
        if letter and (not inside or _is_paired(char)):
            yield at
        inside = letter


def _is_paired(char: str) -> bool:
    return not char.isascii() and any(token.pair for token in tokens(char, ""))


def _is_clause(written: str) -> bool:
    """Whether a run is no word but all that stands between two signs, in a script without spaces. Korean has spaces."""
    return any(_is_paired(char) and not _HANGUL.match(char) for char in normalize("NFC", written))


def _folded(value: str) -> str:
    """``analysis.keyword``, at less cost for most titles."""
    return " ".join(value.lower().split()) if value.isascii() and value.isprintable() else keyword(value)


def _bare(text: str) -> str:
    """Folded, without signs around it."""
    return re.sub(r"^[\W_]+|[\W_]+$", "", keyword(text))


def _plain_word(run: str) -> str:
    """The folded word that a run is found by, "" where it has pairs."""
    found = tokens(run, "")
    return "" if not found or any(token.pair for token in found) else found[0].word


def _as_written(run: str) -> str:
    """A run folded, with its hyphens and apostrophes, but without a possessive."""
    return fold(_POSSESSIVE.sub("", run)).translate(_APOSTROPHES)


def _elision(run: str) -> int:
    """How many characters of a run are elided before a word: 2 of "l'eau"."""
    found = _ELIDED.match(run)
    return found.end() if found and fold(found[1]) in _ELISIONS else 0


def _small(word: str) -> str:
    return lowered(word.replace("\u00ad", ""))


def _slots(text: str) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    runs = list(RUN.finditer(text))
    for number, run in enumerate(runs, 1):
        whole = number < len(runs) or " " in text[run.end() :]
        found = tokens(run.group()[_elision(run.group()) :], "")
        if not any(token.pair for token in found):
            # The whole of a compound stands for its parts.
            found = found[:1]
        for place, token in enumerate(found, 1):
            slots.append(Slot(token.word, whole or place < len(found), token.pair))
    return tuple(dict.fromkeys(slots))
