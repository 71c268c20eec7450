"""Did you mean: a query whose words hardly stand in any article, with words in their place that do. Pure.

The engine that asks says what is visible to the asker; nothing else comes into a correction, and each word of it
stands in an article that the asker may see and that the filters let through.
"""

from __future__ import annotations

import heapq
import math
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Final
from unicodedata import normalize

from newsindex.analysis import MAX_WORD, edits_allowed, lowered, tokens
from newsindex.engines.base import Match, SearchRequest
from newsindex.engines.spelling import FREQUENCY, SPACE, Candidate, Scored, best, edits_tried
from newsindex.query import parse, unparse
from newsindex.query.nodes import And, Leaf, Node, Or, Phrase, Synonyms, Word, leaves, relaxed, with_marks

#: With more unknown words than this the query is no misspelling, and looking for each costs too much.
MAX_CORRECTED: Final = 3
#: A query that finds more is not looked at.
FEW_RESULTS: Final = 2
#: A visible word is doubted where it stands in at most so many articles, ...
_RARE: Final = 2
#: ... has so many letters, and another one, a slip of this cost away at most, stands in so many times as many; or two
#: words that it may be cut into, for which less is enough where it is only found by its stem.
_LONG: Final = 5
_SURE: Final = 3.85
_TIMES: Final = 100
_TIMES_UNSEEN: Final = 10
#: How many words are tried for one, and how many queries.
_TRIED_ALONE: Final = 8
_TRIED_TOGETHER: Final = 4
_TRIED_QUERIES: Final = 12
#: How many ways to cut a word in two are looked up in texts, and how many pairs of words are put together.
_TRIED_CUTS: Final = 4
_TRIED_JOINS: Final = 8
_SHORTEST_PART: Final = 2
#: How many articles say how a word is spelt.
SPELT_IN: Final = 8
#: ... and how many characters of them are read for that.
_READ: Final = 20_000
#: How much it counts in how many articles all words of a query stand.
_TOGETHER: Final = 2 * FREQUENCY
#: How numbers and versions begin that have letters: "v3.2", "3.2-rc1".
_NUMBER: Final = re.compile(r"v?\d+\.\d")
_HIDDEN: Final = dict.fromkeys(map(ord, "\u00ad\u2060"))
#: After these, a word begins with a capital letter whatever it is.
_ENDS: Final = frozenset(".!?:;…\"'“”„«»‘’‚([*#–—")


class Visible(ABC):
    """What the asker may see, as far as corrections need to know. Words are folded, pairs left out."""

    @abstractmethod
    def articles(self, leaf: Leaf) -> int:
        """In how many visible articles ``leaf`` occurs."""

    @abstractmethod
    def matching(self, node: Node) -> int:
        """How many visible articles that the filters let through match."""

    @abstractmethod
    def standing(self, word: str) -> tuple[int, frozenset[str]]:
        """In how many visible articles ``word`` stands, and the stemming languages of those."""

    @abstractmethod
    def near(self, word: str, edits: int) -> Iterable[Candidate]:
        """The words at most ``edits`` away that begin with ``spelling.beginning``, ordered by ``spelling.bound``.

        Each once; words may be among them that are not visible.
        """

    @abstractmethod
    def texts(self, word: str) -> Iterable[tuple[str, bool]]:
        """The first text in which ``word`` stands of each of the SPELT_IN newest visible articles that have it.

        Paragraphs are the first texts of an article, then come its summary, its title and its tags. With each,
        whether it is one of those three.
        """


@dataclass(frozen=True)
class _Change:
    """Leaves next to each other that are replaced by one or two words.

    score: less is better. cost: of slips alone. articles: how many have these words as they are written here.
    """

    leaves: tuple[Word, ...]
    words: tuple[str, ...]
    score: float
    cost: float
    articles: int


def is_looked_at(request: SearchRequest, total: int) -> bool:
    """Whether a query that finds ``total`` articles may be corrected; of the closest matches, however many."""
    return request.correct and (request.match == "any" or total <= FEW_RESULTS)


def correction(query: Node, total: int, visible: Visible, match: Match = "all") -> str:
    """The query with words replaced, where that finds (more) articles; "" for none.

    total: how many articles the query finds as it is, at most FEW_RESULTS. Where ``match`` is "any" these are the
    closest ones, however many, and so is what the correction finds: in the place of words that stand nowhere it has
    some that stand somewhere, if not together. Numbers, versions, words under three characters, scripts without spaces,
    and what is no plain word stay as they are.
    """
    words = [leaf for leaf in dict.fromkeys(leaves(query)) if isinstance(leaf, Word) and _plain(leaf)]
    known = {leaf: visible.articles(leaf) for leaf in words}
    wrong = [leaf for leaf in words if not known[leaf] and edits_allowed(_plain(leaf))]
    if len(wrong) > MAX_CORRECTED:
        return ""
    lacking = bool(wrong) and match == "any"
    offered = "" if total and not lacking else _mended(query, wrong, visible, match)
    if offered or wrong or match == "any":
        return offered
    doubted = (leaf for leaf in words if 0 < known[leaf] <= _RARE and len(_plain(leaf)) >= _LONG)
    return _offered(query, total, doubted, visible)


def _mended(query: Node, wrong: Sequence[Word], visible: Visible, match: Match) -> str:
    """The query with all words replaced that stand nowhere; for the closest matches, those that can be."""
    alone = len(list(leaves(query))) == 1
    options = {leaf: _options(leaf, visible, _TRIED_ALONE if alone else _TRIED_TOGETHER) for leaf in wrong}
    joins = _joins(query, visible)
    if match == "any":
        joins = [join for join in joins if not set(join.leaves).isdisjoint(wrong)]
        wrong = [leaf for leaf in wrong if options[leaf]]
    ways = [way for way in _ways(wrong, options, joins) if way]
    ways.sort(key=lambda way: (sum(change.score for change in way), [change.words for change in way]))
    found: list[tuple[float, int, Node, tuple[_Change, ...]]] = []
    for place, way in enumerate(ways[:_TRIED_QUERIES]):
        tree = _changed(query, way)
        together = visible.matching(relaxed(tree) if match == "any" else tree)
        if together and all(visible.matching(_words(change, change.leaves[0])) for change in way):
            # A stem may bring many more articles than the word that is offered stands in.
            together = min(together, *(change.articles for change in way))
            score = sum(change.cost for change in way) - _TOGETHER * math.log1p(together)
            found.append((score, place, tree, way))
            if alone or match == "any":
                break
    if not found:
        return ""
    _, _, tree, way = min(found, key=lambda each: each[:2])
    return _written(query, way, tree, visible, match)


def spelt(word: str, texts: Iterable[tuple[str, bool]]) -> str:
    """``word`` as most of ``texts`` (of ``Visible.texts``) write it; in small letters rather than in capitals.

    The beginning of a sentence or a title says nothing about capitals: a word that stands nowhere else gets small ones.
    """
    sure: Counter[str] = Counter()
    unsure: Counter[str] = Counter()
    left = _READ
    for text, title in texts:
        text, left = text[:left], left - len(text[:left])
        for token in tokens(text, ""):
            if token.word == word and not token.pair:
                piece = normalize("NFC", text[token.start : token.end]).translate(_HIDDEN)
                before = text[: token.start].rstrip()
                begins = title or not before or before[-1] in _ENDS
                (unsure if begins and piece[:1].isupper() else sure)[piece] += 1
    if not sure:
        sure.update({lowered(piece) if piece.istitle() else piece: count for piece, count in unsure.items()})
    return min(sure, key=lambda piece: (-sure[piece], not piece.islower(), piece), default=word)


def _plain(leaf: Word) -> str:
    """The folded word of a leaf; "" where it is not one plain word, or a number or version."""
    found = tokens(leaf.text, "")
    if not found or found[0].pair or found[0].end < found[-1].end:
        return ""
    word = found[0].word
    # Another number is no slip: whoever asks for 3.2.9 does not mean 3.2.0.
    return "" if _NUMBER.match(word) or not any(map(str.isalpha, word)) else word


def _options(leaf: Word, visible: Visible, wanted: int) -> list[_Change]:
    """What may be meant by a word that stands nowhere, the best first."""
    word = _plain(leaf)
    # What stands in a text, but not where it is wanted, is no slip.
    if not edits_tried(word) or visible.standing(word)[0]:
        return []
    found = [_replaced(leaf, each) for each in islice(_near(word, visible), wanted)]
    return sorted([*found, *_cuts(leaf, word, visible)], key=lambda change: (change.score, change.words))[:wanted]


def _replaced(leaf: Word, scored: Scored) -> _Change:
    return _Change((leaf,), (scored.word,), scored.score, scored.cost, scored.articles)


def _near(word: str, visible: Visible) -> Iterator[Scored]:
    for edits in edits_tried(word):
        some = False
        for each in best(word, visible.near(word, edits), visible.standing):
            some = True
            yield each
        if some:
            return


def _cuts(leaf: Word, word: str, visible: Visible) -> Iterator[_Change]:
    """Two words that were typed without the space between them: both stand in texts, one after the other."""
    both = []
    for at in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
        left = visible.standing(word[:at])[0]
        right = left and visible.standing(word[at:])[0]
        if right:
            both.append((-min(left, right), word[:at], word[at:]))
    for _, left_word, right_word in heapq.nsmallest(_TRIED_CUTS, both):
        together = visible.articles(Phrase(f"{left_word} {right_word}", leaf.field))
        if together:
            score = SPACE - FREQUENCY * math.log1p(together)
            yield _Change((leaf,), (left_word, right_word), score, SPACE, together)


def _joins(query: Node, visible: Visible) -> list[_Change]:
    """Words next to each other that stand in texts as one."""
    found = []
    for left, right in islice(_neighbours(query), _TRIED_JOINS):
        word = _plain(left) + _plain(right)
        if len(word) <= MAX_WORD and (articles := visible.standing(word)[0]):
            score = SPACE - FREQUENCY * math.log1p(articles)
            found.append(_Change((left, right), (word,), score, SPACE, articles))
    return found


def _neighbours(node: Node) -> Iterator[tuple[Word, Word]]:
    """Plain words of the same field that are typed one after the other."""
    if not isinstance(node, And | Or):
        return
    if isinstance(node, And):
        for left, right in zip(node.children, node.children[1:], strict=False):
            if not isinstance(left, Word) or not isinstance(right, Word):
                continue
            if left.field == right.field and _plain(left) and _plain(right):
                yield left, right
    for child in node.children:
        yield from _neighbours(child)


def _ways(
    wrong: Sequence[Word], options: Mapping[Word, Sequence[_Change]], joins: Iterable[_Change]
) -> Iterator[tuple[_Change, ...]]:
    """Each way to replace all of the wrong words, without a join and with one of them."""
    for join in (None, *joins):
        left = [leaf for leaf in wrong if join is None or leaf not in join.leaves]
        for chosen in product(*(options[leaf] for leaf in left)):
            yield (*chosen, join) if join else chosen


def _offered(query: Node, total: int, rare: Iterable[Word], visible: Visible) -> str:
    """The query with what stands almost nowhere replaced by something much more frequent."""
    for change, times in _doubts(query, total, rare, visible):
        tree = _changed(query, (change,))
        if visible.matching(tree) >= times * max(total, 1):
            return _written(query, (change,), tree, visible)
    return ""


def _doubts(query: Node, total: int, rare: Iterable[Word], visible: Visible) -> Iterator[tuple[_Change, int]]:
    """What may be meant since it stands in many times as many articles, and how many times as many it has to find."""
    for leaf in islice(rare, MAX_CORRECTED):
        word = _plain(leaf)
        standing = visible.standing(word)[0]
        articles = max(visible.articles(leaf), standing)
        if articles > _RARE:
            continue
        for each in islice(best(word, _others(word, visible), visible.standing), 1):
            if each.cost <= _SURE and each.articles >= _TIMES * articles:
                yield _replaced(leaf, each), _TIMES
        times = _TIMES if standing else _TIMES_UNSEEN
        yield from ((cut, times) for cut in _cuts(leaf, word, visible) if cut.articles >= times * articles)
    yield from ((join, _TIMES) for join in _joins(query, visible))


def _others(word: str, visible: Visible) -> Iterator[Candidate]:
    return (each for each in visible.near(word, 1) if each.word != word)


def _written(query: Node, way: Sequence[_Change], tree: Node, visible: Visible, match: Match = "all") -> str:
    """The corrected query as it is shown: its new words as texts spell them, where that means the same."""
    as_written = [
        replace(change, words=tuple(spelt(word, visible.texts(word)) for word in change.words)) for change in way
    ]
    shown = _changed(query, as_written)
    text = unparse(shown)
    read = parse(text).tree
    if read == _flat(shown):
        return text
    marked = any(isinstance(leaf, Word) and leaf.marked for leaf in leaves(query))
    if with_marks(read, False) == with_marks(_flat(shown), False):
        # New words with marks say of all others that they mean those they have, as in a query that has some already.
        found, wanted = (visible.matching(relaxed(each) if match == "any" else each) for each in (read, tree))
        if found == wanted or (found and marked):
            return text
    return "" if marked else unparse(tree)


def _changed(node: Node, way: Sequence[_Change]) -> Node:
    """``node`` with the changes made, outside of what is excluded."""
    if isinstance(node, Word):
        for change in way:
            if change.leaves == (node,):
                return _words(change, node)
        return node
    if not isinstance(node, And | Or):
        return node
    children: list[Node] = []
    joined: dict[tuple[Node, ...], _Change] = {}
    if isinstance(node, And):
        joined = {change.leaves: change for change in way if len(change.leaves) > 1}
    rest = list(node.children)
    while rest:
        child = rest.pop(0)
        pair = (child, *rest[:1])
        if pair in joined:
            rest.pop(0)
            children.append(_words(joined[pair], child))
        else:
            children.append(_changed(child, way))
    return children[0] if len(children) == 1 else replace(node, children=tuple(children))


def _words(change: _Change, leaf: Node) -> Node:
    assert isinstance(leaf, Word)
    # As they are looked up, they have no marks.
    words = tuple(replace(leaf, text=word, marked=False) for word in change.words)
    return words[0] if len(words) == 1 else And(words)


def _flat(node: Node) -> Node:
    """``node`` without synonyms, and without groups of words inside groups of words, as ``parse`` makes it."""
    if isinstance(node, Synonyms):
        return node.word
    if not isinstance(node, And | Or):
        return node
    children: list[Node] = []
    for child in map(_flat, node.children):
        children += child.children if type(child) is type(node) and isinstance(child, And | Or) else (child,)
    return replace(node, children=tuple(children))
