"""The contract of an engine: what goes in, what is asked, what comes out, and what it means.

Everything here is plain data and abstract methods: an engine reads no Django settings and runs in a plain script.
The meaning is kept by ``tests/contract``, which every engine passes, and is readable in ``engines/memory.py``.

What every engine keeps:

- an article matches when each wanted word stands anywhere in it (title, summary, tags, any paragraph); a phrase,
  with slop too, stands inside one of these; paragraphs are the passages shown for it;
- an article is seen by a request when it shares an audience with it and ``published_at <= now < expires_at``
  (None is open); a request with ``EVERYTHING`` sees all. What is ``hidden`` is seen by nobody. What is not seen is in
  no hit, total, facet, timeline, suggestion or score;
- totals, facet counts and the timeline count articles, exactly;
- order: score, then the newer, then the key ("relevance"); date, then key ("newest", "oldest"), undated last.
  Scores are rounded before they are compared. A walk over all pages meets each article once;
- ranking is that of ``newsindex.ranking``, matching that of ``newsindex.matching``.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta, timezone
from types import TracebackType
from typing import Final, Literal, TypeAlias

from newsindex.exceptions import ContractError
from newsindex.paragraphs import Paragraph
from newsindex.query.nodes import Everything, Node

Span: TypeAlias = tuple[int, int]
Sort: TypeAlias = Literal["relevance", "newest", "oldest"]
Match: TypeAlias = Literal["all", "any"]
Facet: TypeAlias = Literal["tag", "author", "section"]

#: The audience of what everybody may see.
PUBLIC: Final = "public"
#: As the audiences of a request: sees every document, whatever its audience and dates. For the admin.
EVERYTHING: Final = frozenset({"*"})
#: A larger boost would leave no room for anything else in the score.
MAX_BOOST: Final = 1e9
FACETS: Final[tuple[Facet, ...]] = ("tag", "author", "section")
SuggestionKind: TypeAlias = Literal["word", "tag", "author", "section", "title"]
SUGGESTION_KINDS: Final[tuple[SuggestionKind, ...]] = ("word", "tag", "author", "section", "title")


@dataclass(frozen=True, slots=True)
class Document:
    """What a source makes of one row for the index.

    key: ``app_label.model:pk``. version: changes when anything else here changes (see ``fingerprint``).
    published_at, expires_at: aware datetimes or None. audiences: who may see it; nobody when empty (a draft).
    language: a code such as "en" or "pt-br", or "". boost: a factor above 0 on the score.
    """

    key: str
    title: str
    paragraphs: tuple[Paragraph, ...] = ()
    version: str = ""
    summary: str = ""
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    section: str = ""
    published_at: datetime | None = None
    expires_at: datetime | None = None
    language: str = ""
    audiences: frozenset[str] = frozenset({PUBLIC})
    url: str = ""
    boost: float = 1.0

    def __post_init__(self) -> None:
        source, colon, pk = self.key.partition(":")
        if not (source and colon and pk):
            raise ContractError(f"A document's key must look like 'blog.post:1', not {self.key!r}.")
        for name in ("published_at", "expires_at"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise ContractError(f"{self.key}: {name} must be an aware datetime, not {moment!r}.")
            if moment is not None and moment.year in (MINYEAR, MAXYEAR):
                object.__setattr__(self, name, _within_the_calendar(moment))
        if "*" in self.audiences:
            raise ContractError(f"{self.key}: no document can have the audience '*', it means everything.")
        if not 0 < self.boost <= MAX_BOOST:
            raise ContractError(f"{self.key}: boost must be above 0 and at most {MAX_BOOST:g}, not {self.boost!r}.")

    @property
    def source(self) -> str:
        """The label of the source, ``app_label.model``."""
        return self.key.partition(":")[0]


def _within_the_calendar(moment: datetime) -> datetime:
    """``moment``, or the first or last that there is in UTC where its year would be 0 or 10000 there."""
    try:
        moment.astimezone(timezone.utc)
    except OverflowError:
        return (datetime.min if moment.year == MINYEAR else datetime.max).replace(tzinfo=timezone.utc)
    return moment


def fingerprint(document: Document) -> str:
    """A short hash of all that ``document`` says but its version: the same content gives the same version.

    Tags count as a set: databases give them in any order.
    """
    content = [
        document.key, document.title, document.summary, sorted(document.tags), document.authors, document.section,
        [(p.anchor, p.kind, p.text) for p in document.paragraphs],
        document.published_at and document.published_at.timestamp(),
        document.expires_at and document.expires_at.timestamp(),
        document.language, sorted(document.audiences), document.url, document.boost,
    ]  # fmt: skip
    text = json.dumps(content, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def versioned(document: Document) -> Document:
    """``document`` with its fingerprint as version."""
    return replace(document, version=fingerprint(document))


@dataclass(frozen=True, slots=True)
class Filters:
    """What restricts a search beside its words; empty means no restriction.

    Each of tags, authors, sections, sources and keys is a choice: one of its values is enough; all given kinds must
    hold. Tags, authors and sections are compared by ``analysis.keyword``. start, end: published on or after the day
    ``start``, before the day ``end``, in the time zone of the request's ``now``.
    """

    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    sources: tuple[str, ...] = ()
    keys: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One question to an engine.

    now, audiences: when it is asked and by whom; neither has a default. Days and months are in the time zone of
    ``now``. match: "all" wants every word, "any" some of them: what an article has of ``query.nodes.alternatives`` must
    weigh ``engines.closeness.enough``. cursor: the ``next_cursor``
    of the page before; then offset must be 0. paragraphs_per_article: how many of the best paragraphs to return.
    facets: which counts to make, at most facet_limit values each. recency: the age at which an article has lost half
    of the gain that a new one gets, or None for no gain. timeout: seconds after which the engine may stop and
    return what it has, marked partial. content: False leaves titles, paragraphs and fields of the hits empty.
    correct: False for who shows no suggestion, so that none is looked for; a suggestion is one of
    ``engines.correction``, which also says of how few results. hidden: keys that count as not there.
    """

    query: Node
    now: datetime
    audiences: frozenset[str]
    filters: Filters = Filters()
    sort: Sort = "relevance"
    offset: int = 0
    limit: int = 10
    cursor: str | None = None
    paragraphs_per_article: int = 3
    facets: tuple[Facet, ...] = ()
    facet_limit: int = 20
    timeline: bool = False
    match: Match = "all"
    recency: timedelta | None = None
    timeout: float | None = None
    content: bool = True
    correct: bool = True
    hidden: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ContractError(f"SearchRequest.now must be an aware datetime, not {self.now!r}.")
        if self.offset < 0 or self.limit < 0 or self.paragraphs_per_article < 0:
            raise ContractError("SearchRequest: offset, limit and paragraphs_per_article must not be negative.")
        if self.recency is not None and self.recency <= timedelta(0):
            raise ContractError(f"SearchRequest.recency must be a time above zero, or None, not {self.recency!r}.")
        if self.cursor is not None and self.offset:
            raise ContractError("SearchRequest: give a cursor or an offset, not both.")
        if self.sort not in ("relevance", "newest", "oldest"):
            raise ContractError(f"SearchRequest.sort must be relevance, newest or oldest, not {self.sort!r}.")
        if unknown := set(self.facets) - set(FACETS):
            raise ContractError(f"SearchRequest.facets must be among {', '.join(FACETS)}, not {unknown}.")

    @property
    def unrestricted(self) -> bool:
        """Whether audiences and dates of documents don't matter."""
        return self.audiences == EVERYTHING

    @property
    def has_words(self) -> bool:
        return not isinstance(self.query, Everything)


@dataclass(frozen=True, slots=True)
class Marked:
    """Text with places. spans: code points, half open, sorted, not overlapping, inside the text."""

    text: str
    spans: tuple[Span, ...] = ()

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ParagraphHit:
    """A matched paragraph. score: its own, for the order among the paragraphs of its article."""

    number: int
    anchor: str
    kind: str
    score: float
    marked: Marked


@dataclass(frozen=True, slots=True)
class ArticleHit:
    """A matched article with its best paragraphs, best first. matched_paragraphs counts all that match."""

    key: str
    score: float
    title: Marked = Marked("")
    summary: Marked = Marked("")
    paragraphs: tuple[ParagraphHit, ...] = ()
    matched_paragraphs: int = 0
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    section: str = ""
    published_at: datetime | None = None
    language: str = ""
    url: str = ""

    @property
    def source(self) -> str:
        return self.key.partition(":")[0]

    @property
    def pk(self) -> str:
        return self.key.partition(":")[2]


@dataclass(frozen=True, slots=True)
class FacetCount:
    """How many matching articles have a value; spelt as most of them spell it, then alphabetically."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class MonthCount:
    """How many matching articles were published in a month ("2024-11"); months without any are left out."""

    month: str
    count: int


@dataclass(frozen=True, slots=True)
class SearchPage:
    """The answer. total counts all matching articles. facets: most frequent first, then by ``keyword(value)``.

    suggestion: the query with unknown or doubtful words replaced by visible ones, where that finds more, or "". For
    match="any", where there are no hits at all but closest ones to the suggestion.
    partial: the time was up, so total, counts and hits may miss some. took: seconds. next_cursor: for the page after,
    None at the end.
    """

    hits: tuple[ArticleHit, ...] = ()
    total: int = 0
    facets: dict[Facet, tuple[FacetCount, ...]] = field(default_factory=dict)
    timeline: tuple[MonthCount, ...] = ()
    suggestion: str = ""
    partial: bool = False
    took: float = 0.0
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A completion of what is being typed: the query with a word more, a name, or a title (with its article's key).

    query: what to search for where that is not ``text``: ``author:"Ada Byron"`` for the name of an author.
    """

    text: str
    kind: SuggestionKind
    key: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a leaf of a query stands in an article. name: a field of ``ranking.FIELDS``.

    forms: how it is written there, the most frequent first. length, average: of the field, in positions. tf: what this
    adds to the leaf's tf.
    """

    name: str
    frequency: float
    forms: tuple[str, ...]
    length: int
    average: float
    tf: float


@dataclass(frozen=True, slots=True)
class LeafPart:
    """What a leaf of a query adds to a score. text: as it is typed. articles: in how many visible ones it occurs.

    weight: less than 1 for a function word. places: none where the article lacks it; then tf and score are 0.
    """

    text: str
    articles: int
    idf: float
    weight: float
    places: tuple[Placed, ...]
    tf: float
    score: float

    @property
    def worth(self) -> float:
        """What tf, saturated, is multiplied with."""
        return self.weight * self.idf


@dataclass(frozen=True, slots=True)
class PassageWord:
    """What a leaf adds to the score of a paragraph."""

    text: str
    frequency: float
    score: float


@dataclass(frozen=True, slots=True)
class PassagePart:
    """A paragraph with its score, not rounded, and what that is the sum of."""

    number: int
    anchor: str
    score: float
    words: tuple[PassageWord, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an article has its score:

        score = boost * (words + passage_share * score of the first passage) * completeness * newness, rounded

    matches: whether it is a hit; if not, the score is what it would have. lacks: the parts of the query that keep it
    from being one or that it lacks, as they are typed. articles: how many the asker may see. words: the sum of
    ``leaves``. passages: the best, best first. boost: the largest of all for an exact match. completeness: less than 1
    where it lacks a leaf. newness: not 1 where recency is asked for, by the article's age and level.
    """

    key: str
    title: str
    matches: bool
    lacks: tuple[str, ...]
    score: float
    articles: int
    leaves: tuple[LeafPart, ...]
    words: float
    passages: tuple[PassagePart, ...]
    passage_share: float
    boost: float
    completeness: float
    newness: float

    @property
    def passage(self) -> float:
        """What the best paragraph adds to ``words``."""
        return self.passage_share * self.passages[0].score if self.passages else 0.0


@dataclass(frozen=True, slots=True)
class Stats:
    """What an index holds. size: bytes. generation, built_at: of the live one, "" and None where there is none."""

    articles: int = 0
    paragraphs: int = 0
    segments: int = 0
    size: int = 0
    generation: str = ""
    built_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did. keys: all that were to be taken out, also by one before it that was not finished.

    documents: how many were in the live index. segments: files written anew. generations: thrown away, as they could
    not be read or were never finished.
    """

    keys: frozenset[str] = frozenset()
    documents: int = 0
    segments: int = 0
    generations: int = 0

    def __add__(self, other: Purged) -> Purged:
        return Purged(
            self.keys | other.keys,
            self.documents + other.documents,
            self.segments + other.segments,
            self.generations + other.generations,
        )


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the engine can answer; message says why not, for an operator."""

    ok: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What an operator should know of an index that answers searches. message: in a line, with what to do."""

    kind: Literal["analysis", "purge", "rebuild"]
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What a system check finds: turned into a Django check message by ``newsindex.checks``."""

    level: Literal["error", "warning"]
    id: str
    message: str
    hint: str = ""


class Writer(ABC):
    """Changes an index. A context manager: leaving it commits, leaving it by an exception changes nothing.

    One writer at a time; others get WriterBusy. Within one writer the last call for a key counts.
    """

    #: What ``Engine.serial`` says after the commit, which is one even if nothing changes; None leaves it as it was.
    serial: int | None = None

    @abstractmethod
    def put(self, document: Document) -> None:
        """Add ``document``, in place of the one with its key."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Take the document with this key out; harmless where there is none."""

    @abstractmethod
    def commit(self) -> None:
        """Make all changes durable, and visible to every search that begins later. Ends the writer."""

    @abstractmethod
    def cancel(self) -> None:
        """Forget all changes. Ends the writer."""

    def flush(self) -> None:  # noqa: B027
        """Give memory back where the engine buffers; commits nothing."""

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.cancel()


class Kept(ABC):
    """The documents that a rebuild which was killed has left in its generation, for the next one to go on with."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def version(self, key: str) -> str | None:
        """The version that is there of a document; None where it is not."""

    @abstractmethod
    def others(self) -> Iterator[str]:
        """The keys of those whose version nobody has asked for."""


class Rebuild(ABC):
    """A new generation beside the live one, which goes on answering and taking changes until ``swap``.

    Usage: write every document through ``writer()``; then, inside ``exclusive()``, write the keys of ``touched()``
    again from their rows, and ``swap()``. ``abort()`` at any time leaves the live generation as it is. Where there are
    ``kept`` documents, those with the right version need not be put again, and ``others()`` are to be deleted.
    """

    generation: str
    #: What this rebuild goes on with; None where it begins anew.
    kept: Kept | None = None

    def leave(self) -> None:
        """End here, for the next rebuild to go on with what is finished, where the engine can do that."""
        self.abort()

    @abstractmethod
    def writer(self) -> Writer:
        """Writes into the new generation. May be asked for several times, one after the other.

        What it has finished by then may stay in the generation although it is cancelled.
        """

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[None]:
        """Waits for the writer lock of the live generation and holds it, so that nothing changes meanwhile."""

    @abstractmethod
    def touched(self) -> frozenset[str]:
        """The keys that were put into or deleted from the live generation since the rebuild began."""

    @abstractmethod
    def validate(self) -> Stats:
        """What the new generation holds, read back from it. Raises IndexDamaged where it can't be read."""

    @abstractmethod
    def swap(self, serial: int = 0) -> None:
        """Make the new generation the live one, in one step; the one before is kept for going back.

        serial: what ``Engine.serial`` says from then on; more than before, if it is given.
        """

    @abstractmethod
    def abort(self) -> None:
        """Throw the new generation away."""


class Engine(ABC):
    """What stores and searches. Options are keyword arguments of the class; an unknown one is a TypeError.

    An engine is shared by the threads of a process. Every method but ``check`` may raise EngineError.
    """

    #: Whether ``next_cursor`` is given and ``cursor`` understood.
    supports_cursor = True
    #: Whether ``search`` may give a suggestion and ``suggest`` answers.
    supports_suggest = True
    #: Whether ``related`` answers.
    supports_related = True
    #: Whether ``like`` answers.
    supports_like = False
    #: Whether ``explain`` answers.
    supports_explain = False
    #: Whether documents outlive the process.
    persistent = True

    @abstractmethod
    def search(self, request: SearchRequest) -> SearchPage:
        """Answer ``request``. Never writes."""

    @abstractmethod
    def suggest(
        self,
        text: str,
        *,
        now: datetime,
        audiences: frozenset[str],
        hidden: frozenset[str] = frozenset(),
        limit: int = 8,
        kinds: Collection[SuggestionKind] = SUGGESTION_KINDS,
        timeout: float | None = None,
    ) -> tuple[Suggestion, ...]:
        """Completions of ``text`` from the words, names and titles of visible articles, as engines/completion.py says.

        A space at the end of ``text`` ends its last word. hidden: keys that count as not there. timeout: seconds after
        which the engine may stop and return what it has.
        """

    @abstractmethod
    def related(
        self,
        key: str,
        *,
        now: datetime,
        audiences: frozenset[str],
        hidden: frozenset[str] = frozenset(),
        limit: int = 5,
        timeout: float | None = None,
    ) -> tuple[ArticleHit, ...]:
        """Visible articles that share telling words and tags with the one of ``key``; empty where there is none.

        None of them says nearly the same as it or as another of them. hidden: keys that count as not there, ``key``
        too. timeout: seconds for choosing the words, and as many for the search; then there may be fewer or none.
        """

    def like(
        self,
        document: Document,
        *,
        now: datetime,
        audiences: frozenset[str],
        hidden: frozenset[str] = frozenset(),
        limit: int = 5,
        timeout: float | None = None,
        paragraphs: int = 0,
    ) -> tuple[ArticleHit, ...]:
        """``related`` to a document that need not be in the index; the article with its key is left out.

        paragraphs: how many of the best paragraphs each hit brings. Nothing is marked.
        """
        return ()

    def explain(self, request: SearchRequest, key: str) -> Explanation | None:
        """Why the article of ``key`` is or is not a hit of ``request``, and where its score comes from.

        None where the asker sees no such article. Sort, paging, facets and counts of the request don't matter.
        """
        return None

    @abstractmethod
    def get(self, key: str) -> Document | None:
        """The document as it stands in the index."""

    @abstractmethod
    def scan(self) -> Iterator[tuple[str, str]]:
        """(key, version) of every document, in no order."""

    @abstractmethod
    def writer(self, *, wait: float = 0.0) -> Writer:
        """Opens the live generation for change; WriterBusy after ``wait`` seconds, IndexNotBuilt without one."""

    def brief_writer(self) -> Writer:
        """A writer for somebody who waits for a save: an engine that can't take changes now says so within seconds."""
        return self.writer()

    @abstractmethod
    def rebuild(self, *, go_on: bool = False) -> Rebuild:
        """Begins a new generation; WriterBusy where another rebuild is under way.

        go_on: what a killed rebuild has left may be in it already (``Rebuild.kept``). The caller then takes out what
        does not belong there.
        """

    @abstractmethod
    def stats(self) -> Stats:
        """What the index holds; all zero where nothing was built."""

    @abstractmethod
    def health(self) -> Health:
        """Whether a search would be answered now. Never raises."""

    @abstractmethod
    def purge(self, keys: Collection[str], *, wait: float = 0.0) -> Purged:
        """Take the documents of ``keys`` out, and leave nothing in any file of what is or was taken out or replaced.

        That includes an index kept for going back: what the live one does not hold in the same version goes. Searches
        and writers go on meanwhile. What was not finished, for whatever reason, the next purge finishes. Nothing to do
        where nothing was built. wait: seconds to wait for others, among them a rebuild; then WriterBusy, and the live
        generation is purged already.
        """

    def refresh(self) -> None:  # noqa: B027
        """Make what is committed visible at once, where that is not so anyway."""

    def maintain(self) -> bool:
        """Do what keeps searches fast and is left over from commits; whether there was anything. May take a while.

        Searches and writers go on meanwhile. WriterBusy where a writer stays in its way.
        """
        return False

    def token(self) -> str:
        """What ``set_token`` was last given; "" where it never was. It outlives a rebuild."""
        return getattr(self, "_token", "")

    def set_token(self, token: str) -> None:
        """Keep a short text beside the index, by which its owner knows it again. Kept as long as the documents are."""
        self._token = token

    def serial(self) -> int | None:
        """The number that came with the last commit that had one (``Writer.serial``), or with the swap.

        Part of what a copy of the index has, so that an older one says an older number. None where none is kept.
        IndexNotBuilt where there is no live generation.
        """
        return None

    def verify(self) -> Sequence[str]:
        """What is wrong inside the index itself, a line each."""
        return ()

    def notices(self) -> Sequence[Notice]:
        """That the index was made by another analysis of words, and what was begun and not finished. Never raises."""
        return ()

    def check(self) -> list[Problem]:
        """What a system check should say about the options and the place of the index."""
        return []

    def close(self) -> None:  # noqa: B027
        """Give files and memory back; the next call opens them again."""
