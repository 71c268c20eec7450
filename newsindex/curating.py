"""What editors say of queries, as searches need it: the synonyms and pinned results in the database.

Each process keeps them in mind. A search reads one row, which says whether they are still the same: so a change holds
from the moment at which it is committed, in every process, and nothing is built anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import router
from django.db.models import QuerySet
from django.utils.translation import get_language

from newsindex.conf import conf
from newsindex.models import CurationVersion, PinnedResult, Synonym
from newsindex.prepared import Prepared
from newsindex.query import Entry, Query, Thesaurus, expanded
from newsindex.query.nodes import And, Node, Phrase, Word
from newsindex.query.notes import Notes
from newsindex.query.synonyms import MOST_ADDED, spelling, terms_of

#: So many pinned results are shown for one query, the first by their positions.
MOST_PINNED: Final = 5


@dataclass(frozen=True)
class Pin:
    """An article that is pinned. starts, ends: when; language: of the page, "" for all."""

    key: str
    position: int = 1
    starts: datetime | None = None
    ends: datetime | None = None
    language: str = ""

    def holds(self, now: datetime, language: str) -> bool:
        """Whether it is pinned at ``now``, on a page in ``language``."""
        begun = self.starts is None or self.starts <= now
        over = self.ends is not None and self.ends <= now
        return begun and not over and _speaks(language, self.language)


@dataclass(frozen=True)
class Curation:
    """All that editors say. pins: by the ``spelling`` of a query, the first one first."""

    thesaurus: Thesaurus = field(default_factory=Thesaurus)
    pins: Mapping[tuple[str, ...], tuple[Pin, ...]] = field(default_factory=dict)

    def understood(self, query: Query) -> Query:
        """``query`` with its synonyms, and notes of them."""
        found = expanded(query.tree, self.thesaurus)
        if not found.added and found.tree == query.tree:
            return query
        notes = Notes()
        if found.added:
            notes.add("synonyms", ", ".join(found.added))
        if found.cut:
            notes.add("too_many_synonyms", MOST_ADDED)
        return Query(query.text, found.tree, (*query.notes, *notes.found()), found.added)

    def pinned(self, query: Query, now: datetime) -> tuple[str, ...]:
        """The keys of the articles to show first for ``query``, which is one as it was parsed, before all others."""
        if not self.pins or not is_plain(query.tree):
            return ()
        language = get_language() or conf.LANGUAGE_CODE
        pins = self.pins.get(spelling(query.text), ())
        return tuple(dict.fromkeys(pin.key for pin in pins if pin.holds(now, language)))[:MOST_PINNED]


NOTHING: Final = Curation()

_version: Final = Prepared(lambda: CurationVersion.objects.filter(pk=1).values_list("token"))


def curation() -> Curation:
    """What editors say now: one query for one row, and two more after each change."""
    using = router.db_for_write(CurationVersion)
    # Read before the rows, so these are at least as new: what is kept under a token is never older than that.
    for (current,) in _version.rows(using):
        known = _known.get(using)
        if known is None or known[0] != current:
            known = _known[using] = current, _read(using)
        return known[1]
    return NOTHING


def entries(rows: QuerySet[Synonym]) -> Iterator[Entry]:
    """What ``rows`` say, in the order in which they were made."""
    found = rows.order_by("pk").values_list("words", "targets", "language")
    return (Entry(terms_of(words), terms_of(targets), language) for words, targets, language in found)


def query_texts(queries: str) -> Iterator[str]:
    """The texts of ``PinnedResult.queries``."""
    return (text for line in queries.splitlines() if (text := " ".join(line.split())))


def _read(using: str) -> Curation:
    pins: dict[tuple[str, ...], list[Pin]] = {}
    for row in PinnedResult.objects.using(using).order_by("position", "pk"):
        pin = Pin(row.key, row.position, row.starts, row.ends, row.language)
        for text in query_texts(row.queries):
            pins.setdefault(spelling(text), []).append(pin)
    thesaurus = Thesaurus(entries(Synonym.objects.using(using)), conf.LANGUAGE_CODE)
    return Curation(thesaurus, {words: tuple(own) for words, own in pins.items() if words})


def is_plain(tree: Node) -> bool:
    """Whether a query is nothing but words and exact phrases, without fields."""
    parts: Iterable[Node] = tree.children if isinstance(tree, And) else (tree,)
    return all(
        (isinstance(part, Word) and not part.field) or (isinstance(part, Phrase) and part == Phrase(part.text))
        for part in parts
    )


def _speaks(spoken: str, wanted: str) -> bool:
    spoken, wanted = (code.lower().replace("_", "-") for code in (spoken, wanted))
    return not wanted or spoken == wanted or spoken.startswith(f"{wanted}-")


#: By database, the token of what was read last and what that was.
_known: Final[dict[str, tuple[str, Curation]]] = {}
