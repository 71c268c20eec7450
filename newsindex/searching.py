"""The read path: search, suggest, related, and rows of a queryset that match; nothing is ever written here.

Whatever an engine answers passes the last gate before anybody sees it: the rows are loaded through their
``Source.public`` as they are now, and audience and dates are looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, TypeVar, overload
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.db.models import Case, CharField, F, IntegerField, Model, QuerySet, UUIDField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat, Replace, StrIndex
from django.urls import NoReverseMatch
from django.utils import timezone
from django.utils.formats import localize
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from newsindex.analysis import keyword
from newsindex.curating import MOST_PINNED, NOTHING, Curation, curation
from newsindex.engines import engines, named
from newsindex.engines.base import (
    EVERYTHING,
    FACETS,
    PUBLIC,
    SUGGESTION_KINDS,
    ArticleHit,
    Document,
    Engine,
    Explanation,
    Facet,
    FacetCount,
    Filters,
    Marked,
    Match,
    MonthCount,
    ParagraphHit,
    SearchPage,
    SearchRequest,
    Sort,
    SuggestionKind,
)
from newsindex.engines.closeness import few_results
from newsindex.engines.counting import month_of
from newsindex.engines.paging import Place, place
from newsindex.exceptions import ConfigurationError, EngineError, NewsIndexError
from newsindex.highlighting import escaped, number_writer, on_one_line, text_fragment
from newsindex.logs import get_logger
from newsindex.masking import Mask
from newsindex.masking import mask as mask_of
from newsindex.matching import spans
from newsindex.paragraphs import Paragraph
from newsindex.query import Note, Query, parse
from newsindex.query.nodes import And, Everything, Node, Or, Prefix, Synonyms, Word, alternatives
from newsindex.replicas import require_current
from newsindex.sources import Source, lies_elsewhere, sources

logger = get_logger(__name__)
T = TypeVar("T")
M = TypeVar("M", bound=Model)

#: The audiences of a visitor of whom nothing is known.
EVERYBODY: Final = frozenset({PUBLIC})
#: The key of a text that is no row.
_NO_ROW: Final = "newsindex.text:0"
#: How many rows ``matching`` finds at most.
MATCHING_LIMIT: Final = 10_000
# Keys are ranked in groups: a database looks each group up by its set, then one key in a short text.
_RANKED_TOGETHER: Final = 500
_WIDEST_KEY: Final = 1_000
_BETWEEN: Final = "\x1f"
_DROPPED: Final = re.compile(r"[\x00- \\\x7f]")

#: What a note of the query language says, by its code: ``query.MESSAGES`` where translators find it.
NOTE_MESSAGES: Final[Mapping[str, str | Promise]] = {
    "text_cut": _("Only the first {value} characters were read."),
    "too_many_words": _("Only the first {value} words were used."),
    "too_many_exclusions": _("Only the first {value} exclusions were used."),
    "too_many_prefixes": _("Only the first {value} stars were used; the other words were searched as they are."),
    "too_many_fuzzies": _("Only the first {value} words with ~ were used so; the others were searched as they are."),
    "too_deep": _("Ignored parentheses nested deeper than {value} levels."),
    "large_slop": _("Read the number after a closing quotation mark as {value}, the largest there is."),
    "long_word": _("Only the beginning of the long word “{value}” was used."),
    "long_phrase": _("Only the beginning of the long phrase “{value}” was used."),
    "unclosed_quote": _("Ignored the quotation mark {value} that is never closed."),
    "unbalanced_parenthesis": _("Ignored the parenthesis {value} that has no partner."),
    "empty_quotes": _("Ignored quotation marks with nothing between them."),
    "after_quotes": _("Ignored {value} after a closing quotation mark."),
    "stray_or": _("Ignored an OR that does not stand between two words."),
    "not_a_word": _("Read {value} as a word: to leave a word out, write a minus before it, as in -word."),
    "dash": _("Read the minus before {value} as a dash, as in a headline: to leave the word out, write -({value})."),
    "star_place": _("Ignored the star in “{value}”: it works at the end of a single word."),
    "star_short": _("Ignored the star in “{value}”: it needs at least two characters before it."),
    "fuzzy_place": _("Ignored the ~ of “{value}”: it works at the end of a single word."),
    "fuzzy_short": _("Ignored the ~ of “{value}”: the word is too short to be searched with other spellings."),
    "fuzzy_number": _("Ignored the number {value} after ~: how many letters may differ depends on the word."),
    "empty_field": _("Read “{value}” as a word: write what you look for directly after it, without a space."),
    "not_a_date": _("Read “{value}” as words: a date looks like 2024-11-01, 2024-11 or 2024."),
    "synonyms": _("Also searched for: {value}. A word in quotation marks stands for itself alone."),
    "too_many_synonyms": _("Only the first {value} synonyms were searched for as well."),
    "not_searchable": _("Ignored “{value}”: it has no letters or digits."),
}


@dataclass(frozen=True)
class ResultParagraph:
    """A matched paragraph. url: the article's page at this paragraph, "" where the article has no page."""

    number: int
    anchor: str
    kind: str
    url: str
    score: float
    marked: Marked


@dataclass(frozen=True)
class Result:
    """An article that matched and may be shown. object: its row, as it is now.

    url: its page, http, https or relative, with the words to mark where the source says how; else "".
    """

    key: str
    object: Any
    source: Source[Any]
    title: Marked
    summary: Marked
    url: str
    score: float
    published_at: datetime | None
    tags: tuple[str, ...]
    authors: tuple[str, ...]
    section: str
    language: str
    matched_paragraphs: int
    paragraphs: tuple[ResultParagraph, ...]
    #: Whether it stands first because an editor has pinned it to this query.
    pinned: bool = False

    @property
    def more_paragraphs(self) -> int:
        """How many matched paragraphs are not among ``paragraphs``."""
        return max(0, self.matched_paragraphs - len(self.paragraphs))

    @property
    def more_label(self) -> str:
        """ "2 more paragraphs match", in the language of the moment."""
        more = self.more_paragraphs
        said = ngettext("%(number)s more paragraph matches", "%(number)s more paragraphs match", more)
        return said % {"number": localize(more)}

    @property
    def passages(self) -> list[tuple[object, ...]]:
        """The paragraphs, escaped for a loop: kind, label, url, and the text with its marks, not escaped."""
        said, written = gettext("Paragraph %(number)s"), number_writer()
        return escaped(
            (one.kind, said % {"number": written(one.number)}, one.url, one.marked) for one in self.paragraphs
        )


@dataclass(frozen=True)
class Completion:
    """What the visitor may be typing. kind: "word", "tag", "author", "section" or "title".

    url: of the article of a title, else "". query: what to search for, such as ``author:"Ada Byron"``.
    """

    text: str
    kind: SuggestionKind
    url: str = ""
    query: str = ""


@dataclass(frozen=True)
class Matches:
    """Which rows of one model match, best first.

    pks: ``str(pk)`` of each, at most the limit asked for. total: how many match, whatever the limit. suggestion: the
    query with unknown words corrected, or "".
    """

    query: Query
    pks: tuple[str, ...]
    total: int
    suggestion: str = ""

    @property
    def capped(self) -> bool:
        """Whether more rows match than ``pks`` holds."""
        return self.total > len(self.pks)


@dataclass(frozen=True)
class _Answer:
    """A page from an engine after the gate. rows: a Result, or None for what was dropped, at each place.

    added: how many pinned articles are counted that do not match. apart: the keys of those that the engine was to leave
    out, since they are pinned.
    """

    page: SearchPage
    rows: tuple[Result | None, ...]
    offset: int
    limit: int
    took: float
    added: int = 0
    apart: frozenset[str] = frozenset()

    @property
    def dropped(self) -> tuple[ArticleHit, ...]:
        return tuple(hit for hit, row in zip(self.page.hits, self.rows, strict=True) if row is None)

    def covers(self, start: int, stop: int) -> bool:
        return self.offset <= start and min(stop, self.page.total) <= self.offset + self.limit


@dataclass(frozen=True)
class _Question:
    """What is asked, and of whom."""

    alias: str
    query: Query
    request: SearchRequest
    relax: bool = True
    follow: bool = True
    #: What editors say of queries, and whether what they have pinned to one comes first.
    said: Curation = NOTHING
    pins: bool = False
    #: The keys of the articles that they have pinned to the query.
    pinned: tuple[str, ...] = ()

    def about(self, asked: Query) -> _Question:
        """The same of a query as it was parsed, with what editors say of it."""
        query = self.said.understood(asked)
        pinned = self.said.pinned(asked, self.request.now) if self.pins else ()
        return replace(self, query=query, request=replace(self.request, query=query.tree), pinned=pinned)


class Results:
    """The answer to ``search``: lazy, sliceable, countable; a page of Django's Paginator costs one call.

    Iterating it walks over all results, ``limit`` at a time. Everything here may raise EngineError.
    """

    def __init__(self, question: _Question) -> None:
        self._question = question
        self._first: _Answer | None = None
        self._match: Match = question.request.match
        self._suggestion = ""
        self._corrected = False
        #: What was searched for in the end: what was asked, or the suggestion in its place.
        self._meant = question
        self._mask: Mask | None = None
        self._complete = 0

    @property
    def query(self) -> Query:
        """The query as it was understood."""
        return self._question.query

    @property
    def has_words(self) -> bool:
        """Whether there is a word that can be marked."""
        return bool(self.query.words)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What of the query was corrected or ignored, and what else was searched for."""
        if not (self.has_words and self.corrected):
            return self.query.notes
        # Synonyms are those of what was searched for in the end.
        own = (note for note in self.query.notes if note.code not in ("synonyms", "too_many_synonyms"))
        return tuple(dict.fromkeys((*own, *self._meant.query.notes)))

    @property
    def synonyms(self) -> tuple[str, ...]:
        """What was searched for as well."""
        self._answer()
        return self._meant.query.synonyms

    def count(self) -> int:
        """How many articles match, without those of the page at hand that may not be shown."""
        answer = self._answer()
        return max(0, answer.page.total - len(answer.dropped))

    @property
    def places(self) -> int:
        """How many places there are to slice: ``count()``, and those of the page at hand that are not shown."""
        return self._answer().page.total

    def __len__(self) -> int:
        return self.count()

    def __bool__(self) -> bool:
        return self.count() > 0

    def __iter__(self) -> Iterator[Result]:
        start, step = 0, max(1, self._question.request.limit)
        while start < self._answer().page.total:
            yield from self._between(start, start + step)
            start += step

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> list[Result]: ...

    def __getitem__(self, index: int | slice) -> Result | list[Result]:
        """A result or a list of results; a slice lacks what the gate dropped from its places."""
        if isinstance(index, slice):
            start = index.start or 0
            if start < 0 or (index.stop or 0) < 0 or index.step not in (None, 1):
                raise ValueError("Search results take no negative index and no step.")
            return self._between(start, self._answer().page.total if index.stop is None else index.stop)
        if index < 0:
            raise ValueError("Search results take no negative index and no step.")
        found = self._between(index, index + 1)
        if not found:
            raise IndexError(f"There is no result {index}.")
        return found[0]

    @property
    def facets(self) -> dict[Facet, tuple[FacetCount, ...]]:
        """How many articles have each tag, author, section."""
        answer = self._answer()
        return {
            name: _lowered(counts, [_facet_values(hit, name) for hit in answer.dropped])
            for name, counts in answer.page.facets.items()
        }

    @property
    def timeline(self) -> tuple[MonthCount, ...]:
        """How many articles were published in each month that has any."""
        answer = self._answer()
        if not answer.dropped:
            return answer.page.timeline
        zone = self._question.request.now.tzinfo
        gone = [month_of(hit.published_at, zone) for hit in answer.dropped if hit.published_at]
        left = (replace(month, count=month.count - gone.count(month.month)) for month in answer.page.timeline)
        return tuple(month for month in left if month.count > 0)

    @property
    def suggestion(self) -> str:
        """The query with unknown words corrected, or ""."""
        self._answer()
        return self._suggestion

    @property
    def corrected(self) -> bool:
        """Whether nothing was found as it was asked for, and these are the results of ``suggestion``."""
        self._answer()
        return self._corrected

    @property
    def relaxed(self) -> bool:
        """Whether no article has all the words, or few have, and these are the closest: they have some of them."""
        self._answer()
        return self._match == "any"

    @property
    def complete(self) -> int:
        """How many articles have all the words; all of them where the results are not ``relaxed``."""
        self._answer()
        return self._complete if self.relaxed else self.count()

    @property
    def partial(self) -> bool:
        """Whether the time was up before everything was looked at."""
        return self._answer().page.partial

    @property
    def withheld(self) -> bool:
        """Whether so much is pending that nothing is counted: no facets, timeline or suggestion, ``count()`` at least.

        ``count()`` then says of results after the page at hand only whether there are any.
        """
        self._answer()
        return self._mask is not None and not self._mask.complete

    @property
    def took(self) -> float:
        """Seconds that the engine took."""
        return self._answer().took

    def explain(self, key: str) -> Explanation | None:
        """Why the article of ``key`` is or is not among these results, and where its score comes from.

        None where it may not be shown, the engine can't say, or so much is pending that nothing is counted.
        """
        apart = self._answer().apart - {key}
        request = replace(self._question.request, query=self._meant.query.tree, match=self._match, hidden=apart)
        return _explained(self._question.alias, request, key, self._mask)

    def _answer(self) -> _Answer:
        if self._first is None:
            self._first = self._ask_first(self._question.request)
        return self._first

    def _between(self, start: int, stop: int) -> list[Result]:
        if stop <= start:
            return []
        request = self._question.request
        expected = request.offset <= start and stop <= request.offset + request.limit
        if self._first is None and not expected:
            self._first = self._ask_first(replace(request, offset=start, limit=stop - start))
        answer = self._answer()
        if not answer.covers(start, stop):
            # What is counted was counted with the first slice.
            other = replace(request, offset=start, limit=stop - start, facets=(), timeline=False, correct=False)
            answer = self._gated(replace(other, query=self._meant.query.tree, match=self._match))
        rows = answer.rows[start - answer.offset : stop - answer.offset]
        return [row for row in rows if row is not None]

    def _ask_first(self, request: SearchRequest) -> _Answer:
        """The page asked for, or of the suggestion where that finds nothing, or the same page of the closest ones."""
        strict = self._ask(request)
        # What is not to be followed is nevertheless said.
        request = replace(request, query=self._meant.query.tree, correct=request.correct and not self._suggestion)
        # There are none where there is just one word, or nothing but filters.
        parts = alternatives(request.query)
        complete = max(0, strict.page.total - strict.added - len(strict.dropped))
        # Where nothing may be counted, it is not known how few there are.
        few = _few(request, parts) if self._mask is None or self._mask.complete else 1
        if not (self._question.relax and parts) or complete >= few:
            return strict
        meant = self._meant
        close = self._ask(replace(request, match="any"))
        if self._meant is meant and close.page.total - close.added <= complete:
            return strict
        self._match = "any"
        self._complete = complete
        return replace(close, took=strict.took + close.took)

    def _ask(self, request: SearchRequest) -> _Answer:
        """A page; where there is none, that of the suggestion."""
        plain = self._gated(request)
        self._suggestion = self._suggestion or plain.page.suggestion
        if not plain.page.suggestion or plain.page.total or not self._question.follow:
            return plain
        self._meant = self._question.about(parse(self._suggestion))
        mended = self._gated(replace(request, query=self._meant.query.tree, correct=False))
        if mended.page.total > len(mended.dropped):
            self._corrected = True
            return replace(mended, took=plain.took + mended.took)
        # Nothing of that may be shown.
        self._suggestion, self._meant = "", self._question
        return plain

    def _gated(self, request: SearchRequest) -> _Answer:
        if self._mask is None:
            self._mask = mask_of(self._question.alias, audiences=request.audiences, now=request.now)
        if self._meant.pinned and self._mask.complete:
            pins = _pins(self._meant, request, self._mask)
            if pins.hits:
                return _with_pins(self._meant, pins, self._mask)
        page = _masked_search(self._question.alias, request, self._mask)
        rows = tuple(_results(page.hits, self._meant.query, request.now, request.audiences))
        if not self._mask.complete:
            # No more than that there is another page, and nothing where nothing may be shown.
            most = request.offset + request.limit + 1 if any(rows) or not rows else len(rows)
            page = replace(page, total=min(page.total, most))
        return _Answer(page, rows, request.offset, request.limit, page.took)


def search(
    text: str,
    *,
    engine: str | None = None,
    tags: Iterable[str] = (),
    authors: Iterable[str] = (),
    sections: Iterable[str] = (),
    after: date | None = None,
    before: date | None = None,
    sources: Iterable[str] = (),
    sort: Sort = "relevance",
    audiences: Collection[str] = EVERYBODY,
    now: datetime | None = None,
    offset: int = 0,
    limit: int = 10,
    paragraphs: int = 3,
    facets: Iterable[Facet] = FACETS,
    facet_limit: int = 20,
    timeline: bool = True,
    relax: bool = True,
    correct: bool = True,
    follow: bool = True,
    pins: bool = True,
    curated: Curation | None = None,
    recency: timedelta | None = None,
    timeout: float | None = None,
) -> Results:
    """Articles that match ``text`` (the query language) and may be shown to ``audiences`` at ``now``.

    engine: its alias, as in all functions here; None for the one of NEWSINDEX_ENGINE. tags, authors, sections, sources:
    a choice each, one of its values is enough. after: published on that day or later; before: before that day. offset,
    limit: the slice that will be asked for first, so that ``count()`` and that slice cost one call together. relax:
    where no article has all the words, show the closest. correct: where none has them, or hardly any, look for other
    spellings (``Results.suggestion``). follow: where nothing was found as it is, show what another spelling finds
    (``Results.corrected``). pins: put what editors have pinned to the query first, by relevance and where nothing but
    ``sources`` narrows the search. curated: what editors say, to try it out; None for what they have said. timeout:
    seconds. ``audiences=EVERYTHING`` shows drafts too; it is for code that has asked for permissions itself.
    """
    asked = parse(text)
    said = curated if curated is not None else curation() if asked.words else NOTHING
    request = SearchRequest(
        query=asked.tree,
        now=_moment(now),
        audiences=frozenset(audiences),
        filters=Filters(tuple(tags), tuple(authors), tuple(sections), after, before, tuple(sources)),
        sort=sort,
        offset=offset,
        limit=limit,
        paragraphs_per_article=paragraphs,
        facets=tuple(facets),
        facet_limit=facet_limit,
        timeline=timeline,
        recency=recency,
        timeout=timeout,
        correct=correct,
    )
    question = _Question(named(engine), asked, request, relax, follow, said, pins and _is_plain(request))
    return Results(question.about(asked))


def _is_plain(request: SearchRequest) -> bool:
    """Whether nothing but sources narrows or sorts the search."""
    return request.sort == "relevance" and request.filters == Filters(sources=request.filters.sources)


def understood(text: str) -> Query:
    """``text`` as a search understands it: parsed, and with the synonyms of its words."""
    query = parse(text)
    return curation().understood(query) if query.words else query


def suggest(
    text: str,
    *,
    engine: str | None = None,
    audiences: Collection[str] = EVERYBODY,
    now: datetime | None = None,
    limit: int = 8,
    kinds: Collection[SuggestionKind] = SUGGESTION_KINDS,
    timeout: float | None = None,
) -> list[Completion]:
    """Completions of ``text``: words, tags, authors, sections, and titles of articles that may be shown.

    A space at the end of ``text`` ends its last word. timeout: seconds after which some may be missing.
    """
    moment, who, engine = _moment(now), frozenset(audiences), named(engine)
    mask = mask_of(engine, audiences=who, now=moment)
    # Where too much is pending, nobody knows whose words and names there are; titles are looked at again.
    safe = [kind for kind in kinds if mask.complete or kind == "title"]
    found = _guarded(
        engine,
        lambda it: it.suggest(
            text, now=moment, audiences=who, hidden=mask.keys, limit=limit, kinds=safe, timeout=timeout
        ),
    )
    shown = _visible_rows([one.key for one in found if one.key], moment, who)
    completions = []
    for one in found:
        query = one.query or one.text
        if not one.key:
            completions.append(Completion(one.text, one.kind, query=query))
        elif one.key in shown:
            source, row = shown[one.key]
            completions.append(Completion(one.text, one.kind, _url(source, row), query))
    return completions


def related(
    obj: Model,
    *,
    engine: str | None = None,
    audiences: Collection[str] = EVERYBODY,
    now: datetime | None = None,
    limit: int = 5,
    timeout: float | None = None,
) -> list[Result]:
    """Articles that share telling words and tags with ``obj``, a saved row of a registered model.

    A row that the index does not have yet, or not as it is now, is read from the database where it may be shown.
    timeout: seconds after which there may be fewer or none; at most twice as many pass.
    """
    key = _source_of(type(obj)).key(obj)
    moment, who, engine = _moment(now), frozenset(audiences), named(engine)
    mask = mask_of(engine, audiences=who, now=moment)
    if not mask.complete and key not in _visible_rows([key], moment, who):
        # What it is like is nobody's business then, and the engine may not know that yet.
        return []
    hits = _guarded(
        engine,
        lambda it: it.related(key, now=moment, audiences=who, hidden=mask.keys, limit=limit, timeout=timeout),
    )
    if not hits and (key in mask.keys or _guarded(engine, lambda it: it.get(key)) is None):
        document = _shown_document(key, moment, who)
        if document is not None:
            hits = _guarded(
                engine,
                lambda it: it.like(document, now=moment, audiences=who, hidden=mask.keys, limit=limit, timeout=timeout),
            )
    return [row for row in _results(hits, parse(""), moment, who) if row is not None]


def more_like(
    about: str | Model,
    *,
    paragraph: int | None = None,
    language: str = "",
    engine: str | None = None,
    audiences: Collection[str] = EVERYBODY,
    now: datetime | None = None,
    limit: int = 5,
    paragraphs: int = 1,
    timeout: float | None = None,
) -> list[Result]:
    """Articles like a text, or like the paragraph of this number of a row, each with its best paragraphs.

    about: a text of ``language``, or a saved row of a registered model; one that may not be shown to ``audiences`` at
    ``now``, or that has no such paragraph, is like nothing. timeout: as for ``related``.
    """
    moment, who, engine = _moment(now), frozenset(audiences), named(engine)
    if isinstance(about, str):
        written = (Paragraph(1, "", "paragraph", about),)
        document: Document | None = Document(_NO_ROW, "", written, language=language)
    else:
        document = _shown_document(_source_of(type(about)).key(about), moment, who)
    if document is not None and paragraph is not None:
        document = _only(document, paragraph)
    if document is None:
        return []
    mask = mask_of(engine, audiences=who, now=moment)
    meant = document
    hits = _guarded(
        engine,
        lambda it: it.like(
            meant,
            now=moment,
            audiences=who,
            hidden=mask.keys,
            limit=limit,
            timeout=timeout,
            paragraphs=paragraphs,
        ),
    )
    return [row for row in _results(hits, parse(""), moment, who) if row is not None]


def passage(
    key: str,
    number: int,
    *,
    engine: str | None = None,
    audiences: Collection[str] = EVERYBODY,
    now: datetime | None = None,
) -> tuple[Result, ResultParagraph] | None:
    """The paragraph of this number of the article of ``key``, as its row is now, and the article with no others.

    None where ``audiences`` may not see it at ``now``, where the index does not know it, or it has no such paragraph.
    """
    moment, who, engine = _moment(now), frozenset(audiences), named(engine)
    # What is no key of the index is not worth a question to the database, which may refuse to be asked for it.
    if _guarded(engine, lambda it: it.get(key)) is None:
        return None
    document = _shown_document(key, moment, who)
    found = _only(document, number) if document is not None else None
    if document is None or found is None:
        return None
    own = tuple(ParagraphHit(p.number, p.anchor, p.kind, 0.0, Marked(p.text)) for p in found.paragraphs)
    hit = ArticleHit(key, 0.0, Marked(document.title), paragraphs=own, language=document.language)
    (result,) = _results([hit], parse(""), moment, who)
    return None if result is None else (result, result.paragraphs[0])


def explain(
    text: str,
    key: str,
    *,
    engine: str | None = None,
    audiences: Collection[str] = EVERYBODY,
    now: datetime | None = None,
    typing: bool = False,
) -> Explanation | None:
    """Why the article of ``key`` is or is not found by all the words of ``text``; None as in ``Results.explain``.

    typing: as for ``matching_keys``.
    """
    tree, engine = understood(text).tree, named(engine)
    request = SearchRequest(
        query=_unfinished(tree) if typing and text[-1:].strip() else tree,
        now=_moment(now),
        audiences=frozenset(audiences),
    )
    mask = mask_of(engine, audiences=request.audiences, now=request.now)
    return _explained(engine, request, key, mask)


def matching_keys(
    text: str,
    model: type[Model],
    *,
    engine: str | None = None,
    audiences: Collection[str] = EVERYBODY,
    now: datetime | None = None,
    limit: int = MATCHING_LIMIT,
    typing: bool = False,
    correct: bool = False,
) -> Matches:
    """Which rows of ``model`` match ``text``, best first: keys only, rows are not loaded.

    typing: the last word may be unfinished, as in an autocomplete field. correct: look for other spellings where none,
    or hardly any, match.
    """
    query, engine = understood(text), named(engine)
    request = SearchRequest(
        query=_unfinished(query.tree) if typing and text[-1:].strip() else query.tree,
        now=_moment(now),
        audiences=frozenset(audiences),
        filters=Filters(sources=(_source_of(model).label,)),
        limit=limit,
        paragraphs_per_article=0,
        content=False,
        correct=correct,
    )
    page = _masked_search(engine, request, mask_of(engine, audiences=request.audiences, now=request.now))
    return Matches(query, tuple(hit.pk for hit in page.hits), page.total, page.suggestion)


def matching(
    text: str,
    queryset: QuerySet[M],
    *,
    engine: str | None = None,
    audiences: Collection[str] = EVERYBODY,
    now: datetime | None = None,
    limit: int = MATCHING_LIMIT,
) -> QuerySet[M]:
    """The rows of ``queryset`` that match ``text``, the most relevant first; filter and order it further at will.

    At most ``limit`` articles are found, the best ones. Unlike ``search`` the rows of ``queryset`` are not limited by
    ``Source.public`` as it is now: give a queryset of what may be shown.
    """
    found = matching_keys(text, queryset.model, engine=engine, audiences=audiences, now=now, limit=limit)
    return matched(queryset, found)


def matched(queryset: QuerySet[M], found: Matches) -> QuerySet[M]:
    """The rows of ``queryset`` that are among ``found``, in the order of ``found``."""
    to_python = queryset.model._meta.pk.to_python
    keys = [to_python(pk) for pk in found.pks]
    rows: QuerySet[M] = queryset.filter(pk__in=keys) if keys else queryset.none()
    return rows.order_by(relevance_order(queryset.model, keys), "pk") if keys else rows


def relevance_order(model: type[Model], keys: list[Any]) -> Combinable:
    """An expression to order rows of ``model`` by their place in ``keys`` (values of the primary key)."""
    text: Any = Cast(F("pk"), CharField(max_length=255))
    if isinstance(model._meta.pk, UUIDField):
        # Databases disagree on how a UUID looks as text; without dashes they agree.
        text = Replace(text, Value("-"), Value(""))
    wanted = Concat(Value(_BETWEEN), text, Value(_BETWEEN), output_field=CharField())
    whens = []
    for start in range(0, len(keys), _RANKED_TOGETHER):
        group = keys[start : start + _RANKED_TOGETHER]
        names = [key.hex if isinstance(key, UUID) else str(key) for key in group]
        line = _BETWEEN + _BETWEEN.join(names) + _BETWEEN
        rank = Value(start * _WIDEST_KEY, output_field=IntegerField()) + StrIndex(Value(line), wanted)
        whens.append(When(pk__in=group, then=rank))
    return Case(*whens, default=Value(0), output_field=IntegerField()).asc()


def hits_for(
    keys: Iterable[str],
    text: str,
    *,
    engine: str | None = None,
    audiences: Collection[str] = EVERYBODY,
    now: datetime | None = None,
    paragraphs: int = 1,
    typing: bool = False,
) -> dict[str, ArticleHit]:
    """How the articles with these keys (``app_label.model:pk``) match ``text``, by key; others are left out.

    Data of the index, not passed through the gate: for rows that the caller shows anyway.
    """
    wanted = tuple(keys)
    if not wanted:
        return {}
    tree = understood(text).tree
    request = SearchRequest(
        query=_unfinished(tree) if typing and text[-1:].strip() else tree,
        now=_moment(now),
        audiences=frozenset(audiences),
        filters=Filters(keys=wanted),
        limit=len(wanted),
        paragraphs_per_article=paragraphs,
        correct=False,
    )
    page = _guarded(named(engine), lambda it: it.search(request))
    return {hit.key: hit for hit in page.hits}


def mark(text: str, query: Query, language: str, *, place: Literal["text", "title", "summary"] = "text") -> Marked:
    """``text``, a text of ``language``, with the words of ``query`` that stand in it. place: where."""
    return Marked(text, spans(query.words, text, language, place))


def allows(source: Source[Any], obj: Any, *, audiences: Collection[str], now: datetime) -> bool:
    """Whether ``obj``, a row that ``source.public`` lets through, is for one of ``audiences`` at ``now``."""
    start, end = source.published_at(obj), source.expires_at(obj)
    if (start is not None and start > now) or (end is not None and end <= now):
        return False
    return not frozenset(audiences).isdisjoint(source.audiences(obj))


def correction_message(results: Results) -> str:
    """What to say of results that are ``corrected``."""
    said = gettext("Nothing was found for “%(query)s”. These are the results for “%(suggestion)s”.")
    return said % {"query": results.query.text, "suggestion": results.suggestion}


def closeness_message(results: Results) -> str:
    """What to say of results that are ``relaxed``."""
    if not results.complete:
        return gettext("No article has all of these words; these are the closest matches.")
    return ngettext(
        "%(number)d article has all of these words; it is among the closest matches.",
        "%(number)d articles have all of these words; they are among the closest matches.",
        results.complete,
    ) % {"number": results.complete}


def note_messages(notes: Iterable[Note]) -> list[str]:
    """What ``notes`` say, in the language of the moment."""
    return [str(NOTE_MESSAGES[note.code]).format(value=note.value) for note in notes]


def safe_url(url: str) -> str:
    """``url`` where it is http, https or relative; else "", so that no link runs a script."""
    # Browsers drop control characters and read a backslash as a slash before they look at the scheme.
    if _DROPPED.search(url):
        return ""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        return ""
    return url if scheme in ("", "http", "https") else ""


def _moment(now: datetime | None) -> datetime:
    """``now`` or the present, in the time zone of the moment, which decides about days and months."""
    return timezone.localtime(timezone.now()) if now is None else now


def _few(request: SearchRequest, parts: Sequence[Node]) -> int:
    """With fewer results than this, the closest are better. By date, they would push aside what has all the words."""
    return few_results(parts) if request.sort == "relevance" else 1


def _guarded(alias: str, ask: Callable[[Engine], T]) -> T:
    """What the engine answers; whatever goes wrong inside it is an EngineError, so that pages can say so."""
    engine = engines[alias]
    require_current(alias)
    try:
        return ask(engine)
    except NewsIndexError:
        raise
    except Exception as error:
        raise EngineError(f"The engine {alias!r} failed: {type(error).__name__}: {error}") from error


def _masked_search(alias: str, request: SearchRequest, mask: Mask) -> SearchPage:
    """The answer to ``request``, as if what ``mask`` hides were not there; hits still have to pass the gate."""
    if mask.complete:
        request = replace(request, hidden=request.hidden | mask.keys) if mask.keys else request
        return _guarded(alias, lambda engine: engine.search(request))
    # Too much to tell what may be counted.
    bare = replace(request, facets=(), timeline=False, correct=False)
    return _guarded(alias, lambda engine: engine.search(bare))


@dataclass(frozen=True)
class _Pins:
    """What is pinned and may be shown, in order, with what of it matches; where all words are wanted.

    matching: the keys of those that match. request: the one whose other hits come after them.
    """

    hits: tuple[ArticleHit, ...]
    rows: tuple[Result, ...]
    matching: frozenset[str]
    request: SearchRequest


def _pins(question: _Question, request: SearchRequest, mask: Mask) -> _Pins:
    """What is pinned to a query and stands in the index, as far as who asks may see it."""

    def hits(wanted: Iterable[str], asked: SearchRequest, **changes: Any) -> dict[str, ArticleHit]:
        filters = replace(request.filters, keys=tuple(wanted))
        few = replace(asked, filters=filters, offset=0, limit=MOST_PINNED, facets=(), timeline=False, correct=False)
        page = _masked_search(question.alias, replace(few, **changes), mask) if filters.keys else SearchPage()
        return {hit.key: hit for hit in page.hits}

    found = hits(question.pinned, request, match="all")
    others = hits((key for key in question.pinned if key not in found), request, query=Everything(), match="all")
    if request.match == "any":
        # Whether an article comes close depends on the others: these are none of them, so that they stand here alone.
        request = replace(request, hidden=request.hidden | frozenset(others))
        found = hits(found, request)
    there = {**found, **others}
    inside = tuple(there[key] for key in question.pinned if key in there)
    rows = zip(inside, _results(inside, question.query, request.now, request.audiences), strict=True)
    seen = [(hit, replace(row, pinned=True)) for hit, row in rows if row is not None]
    return _Pins(
        tuple(hit for hit, _row in seen),
        tuple(row for _hit, row in seen),
        frozenset(hit.key for hit, _row in seen if hit.key in found),
        request,
    )


def _with_pins(question: _Question, pins: _Pins, mask: Mask) -> _Answer:
    """The page of ``pins.request`` where the pinned articles come first, and stand nowhere else.

    The others move back by as many places. Some pinned ones may stand before this page, where nobody looks: how many is
    told by their places, and the page is asked for with room for those that stand on it.
    """
    request = pins.request
    first = max(0, request.offset - len(pins.hits))
    size = max(0, request.offset + request.limit - len(pins.hits) - first)
    wider = replace(request, offset=first, limit=size + len(pins.matching) if size else 0)
    page = _masked_search(question.alias, wider, mask)
    before = 0
    if first and page.hits:
        begin = _place(page.hits[0])
        before = sum(_place(hit) < begin for hit in pins.hits if hit.key in pins.matching)
    others = [hit for hit in page.hits if hit.key not in pins.matching][before : before + size]
    here = slice(request.offset, request.offset + request.limit)
    added = len(pins.hits) - len(pins.matching)
    shown = replace(page, hits=(*pins.hits[here], *others), total=page.total + added, next_cursor=None)
    rows = (*pins.rows[here], *_results(others, question.query, request.now, request.audiences))
    return _Answer(shown, rows, request.offset, request.limit, page.took, added, request.hidden)


def _place(hit: ArticleHit) -> Place:
    return place("relevance", hit.score, hit.published_at, hit.key)


def _explained(alias: str, request: SearchRequest, key: str, mask: Mask | None) -> Explanation | None:
    """None where the article may not be shown, or where it can't be told what may be counted."""
    if mask is None or not mask.complete or key not in _visible_rows([key], request.now, request.audiences):
        return None
    asked = replace(request, hidden=request.hidden | mask.keys, timeout=None)
    return _guarded(alias, lambda engine: engine.explain(asked, key))


def _shown_document(key: str, now: datetime, audiences: frozenset[str]) -> Document | None:
    """What the source of a row says of it now; None where it may not be shown, or the source raises."""
    shown = _visible_rows([key], now, audiences)
    if key not in shown:
        return None
    source, row = shown[key]
    try:
        return source.document(row, public=True)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # as for ``_allows``
        logger.exception("newsindex: %s can't be read: its source raises.", key)
        return None


def _only(document: Document, number: int) -> Document | None:
    """``document`` with nothing but one of its paragraphs; None where it has none of this number."""
    own = tuple(paragraph for paragraph in document.paragraphs if paragraph.number == number)
    return replace(document, title="", summary="", tags=(), paragraphs=own) if own else None


def _source_of(model: type[Model]) -> Source[Any]:
    source = sources.for_model(model)
    if source is None:
        raise ConfigurationError(
            f"{model._meta.label} is not searched: register a Source for it, in search_sources.py of its app."
        )
    return source


def _unfinished(tree: Node) -> Node:
    """``tree`` with its last word also taken as the beginning of one."""
    if isinstance(tree, Word | Synonyms):
        return Or((tree, Prefix(tree.text, tree.field)))
    if isinstance(tree, And | Or) and tree.children:
        return replace(tree, children=(*tree.children[:-1], _unfinished(tree.children[-1])))
    return tree


def _results(
    hits: Iterable[ArticleHit], query: Query, now: datetime, audiences: frozenset[str]
) -> Iterator[Result | None]:
    """The last gate: a result for each hit, None for what may not be shown."""
    hits = tuple(hits)
    rows = _visible_rows([hit.key for hit in hits], now, audiences)
    words = quote(query.text, safe="", errors="replace") if query.words else ""
    for hit in hits:
        if hit.key in rows:
            yield _result(hit, *rows[hit.key], words)
        else:
            logger.info("newsindex: %s is in the index but may not be shown; it was left out.", hit.key)
            yield None


def _visible_rows(keys: Iterable[str], now: datetime, audiences: frozenset[str]) -> dict[str, tuple[Source[Any], Any]]:
    """Source and row of each key that may be shown; one query (and its prefetches) for each source."""
    by_label: dict[str, list[str]] = {}
    for key in keys:
        label, _colon, pk = key.partition(":")
        by_label.setdefault(label, []).append(pk)
    visible: dict[str, tuple[Source[Any], Any]] = {}
    for label, pks in by_label.items():
        source = sources.get(label)
        if source is None:
            continue
        everything = audiences == EVERYTHING
        for pk, row in _loaded(source, pks, everything).items():
            if everything or _allows(source, row, audiences, now):
                visible[f"{label}:{pk}"] = (source, row)
    return visible


def _loaded(source: Source[Any], pks: list[str], everything: bool) -> dict[str, Any]:
    """EngineError where a site's source can't tell its rows: nobody knows then what may be shown."""
    try:
        return source.load(pks) if everything else source.load_public(pks)
    except NewsIndexError:
        raise
    except Exception as error:
        if isinstance(error, OperationalError | InterfaceError) and not lies_elsewhere(source):
            raise
        raise EngineError(f"The rows of {source.label} can't be loaded: {type(error).__name__}: {error}") from error


def _allows(source: Source[Any], row: Any, audiences: frozenset[str], now: datetime) -> bool:
    """``allows``, and False where the source can't tell: one ill row must not take the results of all others down."""
    try:
        return allows(source, row, audiences=audiences, now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # the fault boundary around a site's source: in doubt nobody sees the row
        logger.exception("newsindex: %s is left out: its source can't say who may see it.", source.key(row))
        return False


def _result(hit: ArticleHit, source: Source[Any], row: Any, words: str) -> Result:
    url = _url(source, row, words)
    page = url.partition("#")[0] if url else None
    # A search box, the headline and the standfirst come before the paragraphs, and a browser takes the first.
    above = on_one_line("\n".join((unquote(words), hit.title.text, hit.summary.text)))
    return Result(
        key=hit.key,
        object=row,
        source=source,
        title=hit.title,
        summary=hit.summary,
        url=url,
        score=hit.score,
        published_at=hit.published_at,
        tags=hit.tags,
        authors=hit.authors,
        section=hit.section,
        language=hit.language,
        matched_paragraphs=hit.matched_paragraphs,
        paragraphs=tuple(_result_paragraph(paragraph, page, above) for paragraph in hit.paragraphs),
    )


def _result_paragraph(hit: ParagraphHit, page: str | None, above: str) -> ResultParagraph:
    """page: the address of its article, without a place on it. above: what that page shows before it."""
    place = "" if page is None else f"{page}#{quote(hit.anchor)}{text_fragment(hit.marked, above)}"
    return ResultParagraph(hit.number, hit.anchor, hit.kind, place, hit.score, hit.marked)


def _url(source: Source[Any], row: Any, words: str = "") -> str:
    """The page of ``row``, with ``words`` to mark, quoted, where its source names a parameter for them."""
    try:
        url = safe_url(str(source.url(row) or ""))
    except NoReverseMatch:
        # One row without a page, for example with an empty slug, must not take the results of all others down.
        logger.warning("newsindex: %s has no page: its URL can't be made.", source.key(row))
        return ""
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # the fault boundary around a site's source, for the same reason
        logger.exception("newsindex: %s has no page: its URL can't be made.", source.key(row))
        return ""
    if not (url and words and source.mark_parameter):
        return url
    pair = f"{quote(source.mark_parameter, safe='')}={words}"
    if "?" not in url and "#" not in url:
        return f"{url}?{pair}"
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=f"{parts.query}&{pair}" if parts.query else pair))


def _facet_values(hit: ArticleHit, facet: Facet) -> frozenset[str]:
    values = {"tag": hit.tags, "author": hit.authors, "section": (hit.section,)}[facet]
    return frozenset(keyword(value) for value in values)


def _lowered(counts: Iterable[FacetCount], gone: list[frozenset[str]]) -> tuple[FacetCount, ...]:
    """``counts`` without the articles whose values are ``gone``."""
    if not gone:
        return tuple(counts)
    left = (replace(one, count=one.count - sum(keyword(one.value) in v for v in gone)) for one in counts)
    return tuple(one for one in left if one.count > 0)
