"""The query language: from what a visitor typed to a tree of nodes. Pure, lenient, bounded; never raises.

    climate summit          articles with both words, anywhere in the article
    "climate summit"        the words next to each other, in this order; also “ ”, „ “, « », » «
    "climate summit"~3      the words near each other, with up to three more among them; two that are next to each
                            other in the other order count as two more. The largest number is 50. A space before
                            the ~ does not matter
    -summit                 without it; also -"a phrase", -(a group), -tag:sport. A minus before the last word or
                            two of a headline in capitals (OIL SEEN FALLING NEXT YEAR AGAIN -MINISTER) is a dash
    summit OR conference    one of them is enough; OR in capitals. It binds tighter than the space between words, as
                            in web search engines: ``a b OR c`` is a and (b or c)
    (a b) OR c              groups
    clim*                   words that begin so (two characters at least; one in scripts without spaces)
    climte~                 words spelt much like this; a number after ~ is accepted and means nothing
    title:summit            in the title; also title:"a phrase", title:clim*
    tag:climate             with this tag; tag:"climate change" where it has spaces; likewise author: and section:
    title:(a OR b)          a field before a group is the field of each word in it; likewise tag:, author:, section:
    after:2024-11-01        published on that day or later; also after:2024-11, after:2024
    before:2024-11-01       published before that day
    on:2024-11              published on that day, in that month, in that year

Names of fields are not case-sensitive. Everything else is text: NOT, NEAR, |, [a TO b], foo:bar (the words foo and
bar), 10:30, https://example.org/. AND in capitals between two operands is ignored, since all words are wanted anyway.
A quotation mark or parenthesis without its partner reads as a space. Everything that was ignored, cut or read in
another way is told by a note, but for punctuation between words.

The tree is flat (no And in an And, no Or in an Or), has no double negation, and a Not stands only in an And that also
has something positive: a query of only exclusions is ``And((Everything(), Not(...)))``. Its size and depth are bounded
by ``Limits``, its order is that of the text. An empty query, or one of which nothing is left, is ``Everything()``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from newsindex.analysis import has_marks
from newsindex.query.lexer import Piece, cleaned, pieces
from newsindex.query.limits import DEFAULT_LIMITS, Limits
from newsindex.query.nodes import And, Everything, Fuzzy, Leaf, Node, Not, Or, Prefix, leaves, with_marks
from newsindex.query.notes import Note, Notes
from newsindex.query.operands import Nodes, plain_word


@dataclass(frozen=True)
class Query:
    """A parsed query. text: as typed, cut and cleaned, so that it can be encoded and shown (escaped) again.

    synonyms: what is searched for beside the words of ``text``, if anything was added to the tree.
    """

    text: str
    tree: Node
    notes: tuple[Note, ...] = ()
    synonyms: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for: everything matches."""
        return isinstance(self.tree, Everything)

    @property
    def words(self) -> tuple[Leaf, ...]:
        """The leaves that are ranked and marked, in order; none of what is excluded."""
        return tuple(leaves(self.tree))


def parse(text: str, limits: Limits = DEFAULT_LIMITS) -> Query:
    """Read ``text`` as a query. Any string is one; the cost is linear in its length up to the limit."""
    notes = Notes()
    text = cleaned(text, limits, notes)
    tree = _Parser(limits, notes).tree(pieces(text, limits, notes))
    if text and tree is None and not notes:
        notes.add("not_searchable", text)
    if tree is not None and not text.isascii() and any(has_marks(leaf.text) for leaf in _all_leaves(tree)):
        tree = with_marks(tree)
    return Query(text, tree or Everything(), notes.found())


def _all_leaves(node: Node) -> Iterator[Leaf]:
    """Those that are excluded, too."""
    if isinstance(node, And | Or):
        for child in node.children:
            yield from _all_leaves(child)
    elif isinstance(node, Not):
        yield from _all_leaves(node.child)
    else:
        yield from leaves(node)


@dataclass
class _Group:
    """What stands between parentheses: all of its clauses are wanted, one operand of each."""

    negated: bool = False
    clauses: list[list[Node]] = field(default_factory=list)
    #: The operand to come belongs to the last clause, since OR stood before it.
    joins: bool = False


class _Parser:
    def __init__(self, limits: Limits, notes: Notes) -> None:
        self.limits = limits
        self.notes = notes
        self.groups = [_Group()]
        self.units = self.prefixes = self.fuzzies = self.exclusions = 0
        self.limited = False

    def tree(self, found: list[Piece]) -> Node | None:
        negated = False
        for number, piece in enumerate(found):
            if piece.kind == "minus":
                negated = True
                continue
            if piece.kind == "open":
                self.groups.append(_Group(negated))
            elif piece.kind == "close":
                group = self.groups.pop()
                node = self._built(group)
                self._add((node,) if node else (), group.negated)
            elif piece.kind == "or":
                self._or()
            elif piece.kind == "operand" or not self._is_connector(found, number):
                self._operand(piece.nodes, negated)
            negated = False
        return self._built(self.groups.pop())

    def _is_connector(self, found: list[Piece], number: int) -> bool:
        """Whether the AND at ``number`` stands between two operands."""
        return bool(self.groups[-1].clauses) and number + 1 < len(found) and found[number + 1].kind != "close"

    def _or(self) -> None:
        group = self.groups[-1]
        if group.clauses and not group.joins:
            group.joins = True
        elif not self.limited:
            self.notes.add("stray_or")

    def _operand(self, nodes: Nodes, negated: bool) -> None:
        counted = tuple(self._counted(nodes))
        if len(counted) > 1 and len(self.groups) <= self.limits.max_depth:
            self._add((all_of(counted),), negated)
            return
        if len(counted) > 1:
            self.notes.add("too_deep", self.limits.max_depth)
        self._add(counted, negated)

    def _counted(self, nodes: Nodes) -> Iterable[Node]:
        for node in nodes:
            if self.units == self.limits.max_units:
                self.limited = True
                self.notes.add("too_many_words", self.limits.max_units)
                return
            self.units += 1
            yield self._affordable(node)

    def _affordable(self, node: Node) -> Node:
        """``node``, or a plain word where it is one expansion too many."""
        if isinstance(node, Prefix):
            self.prefixes += 1
            if self.prefixes > self.limits.max_prefixes:
                self.notes.add("too_many_prefixes", self.limits.max_prefixes)
                return plain_word(node.text, node.field)
        if isinstance(node, Fuzzy):
            self.fuzzies += 1
            if self.fuzzies > self.limits.max_fuzzies:
                self.notes.add("too_many_fuzzies", self.limits.max_fuzzies)
                return plain_word(node.text, node.field)
        return node

    def _add(self, nodes: Nodes, negated: bool) -> None:
        """Put the nodes of one operand into the open group; an OR before an operand that is gone goes with it."""
        group = self.groups[-1]
        for node in nodes:
            if negated and not self._may_exclude():
                continue
            node = negation(node) if negated else node
            if group.joins:
                group.clauses[-1].append(node)
            else:
                group.clauses.append([node])
            group.joins = False
        self._end_or(group)

    def _may_exclude(self) -> bool:
        if self.exclusions == self.limits.max_exclusions:
            self.limited = True
            self.notes.add("too_many_exclusions", self.limits.max_exclusions)
            return False
        self.exclusions += 1
        return True

    def _end_or(self, group: _Group) -> None:
        # What a limit took away has its own note.
        if group.joins and not self.limited:
            self.notes.add("stray_or")
        group.joins = False

    def _built(self, group: _Group) -> Node | None:
        self._end_or(group)
        return all_of(any_of(clause) for clause in group.clauses) if group.clauses else None


def all_of(nodes: Iterable[Node]) -> Node:
    """The And of ``nodes`` (one at least), flat, with something positive in it."""
    flat: list[Node] = []
    for node in nodes:
        flat += node.children if isinstance(node, And) else (node,)
    wanted = [node for node in flat if not isinstance(node, Everything)]
    if all(isinstance(node, Not) for node in wanted):
        return And((Everything(), *wanted))
    return wanted[0] if len(wanted) == 1 else And(tuple(wanted))


def any_of(nodes: Iterable[Node]) -> Node:
    """The Or of ``nodes`` (one at least), flat; a single one stays what it is."""
    flat: list[Node] = []
    for node in nodes:
        flat += node.children if isinstance(node, Or) else (node,)
    if len(flat) == 1:
        return flat[0]
    return Or(tuple(And((Everything(), node)) if isinstance(node, Not) else node for node in flat))


def negation(node: Node) -> Node:
    """What does not match ``node``; what is only excluded in it becomes wanted."""
    if isinstance(node, Not):
        return node.child
    if isinstance(node, And) and isinstance(node.children[0], Everything):
        return any_of(child.child for child in node.children if isinstance(child, Not))
    return Not(node)
