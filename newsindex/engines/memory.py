"""The memory engine: small, exact and slow. For tests, and to read what engines/base.py means.

Nothing is clever here: every search looks at every token of every article that the asker may see.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from itertools import islice

from newsindex.analysis import Token, edit_distance, keyword, length, stemming_language, tokens
from newsindex.engines.base import EVERYTHING as SEES_ALL
from newsindex.engines.base import (
    SUGGESTION_KINDS,
    ArticleHit,
    Document,
    Engine,
    Explanation,
    Facet,
    FacetCount,
    Filters,
    Health,
    Marked,
    MonthCount,
    ParagraphHit,
    Purged,
    Rebuild,
    SearchPage,
    SearchRequest,
    Stats,
    Suggestion,
    SuggestionKind,
    Writer,
)
from newsindex.engines.closeness import enough, rarity
from newsindex.engines.completion import MOST_TEXTS, MOST_TITLES, READ, Typed, completions, is_common
from newsindex.engines.correction import SPELT_IN, Visible, correction, is_looked_at
from newsindex.engines.counting import facet, month_of, spelling, tally, timeline, within_days
from newsindex.engines.explanation import Counts, asked_tree, explanation
from newsindex.engines.paging import Place, decode_cursor, encode_cursor, place
from newsindex.engines.relatedness import POOL, candidate_leaves, chosen, like_request, said_in, telling, unmarked
from newsindex.engines.spelling import Candidate, beginning, bound
from newsindex.exceptions import ContractError, WriterBusy
from newsindex.matching import meant, occurrences, readings, slop_of, spans
from newsindex.query.nodes import (
    And,
    Everything,
    Keyword,
    Leaf,
    Node,
    Not,
    Or,
    Published,
    Simple,
    alternatives,
    leaves,
)
from newsindex.ranking import (
    DECIMALS,
    FIELDS,
    LEVELS,
    PASSAGE_SHARE,
    SYNONYM,
    asked_length,
    kept,
    leaf_weights,
    newness,
    saturated,
    weighed,
)


class Article:
    """A document with its tokens. texts: for each field the texts that an occurrence must not cross, as tokens."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.written: dict[str, tuple[str, ...]] = {
            "title": (document.title,),
            "summary": (document.summary,),
            "tags": document.tags,
            "text": tuple(paragraph.text for paragraph in document.paragraphs),
        }
        self.texts: dict[str, tuple[list[Token], ...]] = {
            name: tuple(tokens(text, document.language) for text in self.written[name]) for name in FIELDS
        }
        self.lengths = {name: sum(length(found) for found in self.texts[name]) for name in FIELDS}

    def values(self, name: Facet) -> tuple[str, ...]:
        """What the article has for a facet, as it is spelt there."""
        if name == "section":
            return (self.document.section,)
        return self.document.tags if name == "tag" else self.document.authors

    def keywords(self, name: Facet) -> set[str]:
        return {keyword(value) for value in self.values(name)} - {""}

    def texts_with(self, word: str) -> Iterator[str]:
        """The texts that have a folded word, as they were written, in the order of ``completion.READ``."""
        for name in READ:
            for text, found in zip(self.written[name], self.texts[name], strict=True):
                if any(token.word == word and not token.pair for token in found):
                    yield text

    def words(self) -> set[str]:
        """The folded words of all texts, without pairs."""
        every = (token for texts in self.texts.values() for found in texts for token in found)
        return {token.word for token in every if not token.pair}

    def first_text(self, word: str) -> tuple[str, bool]:
        """The text that ``correction.Visible.texts`` means, and whether it is no paragraph."""
        document = self.document
        for paragraph, found in zip(document.paragraphs, self.texts["text"], strict=True):
            if any(token.word == word and not token.pair for token in found):
                return paragraph.text, False
        for name, texts in (("summary", (document.summary,)), ("title", (document.title,)), ("tags", document.tags)):
            for text, found in zip(texts, self.texts[name], strict=True):
                if any(token.word == word and not token.pair for token in found):
                    return text, True
        return "", True


@dataclass(frozen=True)
class Found:
    """How often a leaf occurs in an article: by field, and in each of its paragraphs. A synonym counts in part."""

    fields: Mapping[str, float]
    paragraphs: tuple[float, ...]


@dataclass(frozen=True)
class Generation:
    """All articles by key. Never changed: a commit makes another one."""

    name: str
    built_at: datetime
    articles: Mapping[str, Article]
    serial: int = 0


class View:
    """The articles that one asker may see at one moment, with the statistics that are taken over them."""

    def __init__(
        self, generation: Generation, now: datetime, audiences: frozenset[str], hidden: frozenset[str]
    ) -> None:
        self.now = now
        self.articles = {
            key: article
            for key, article in generation.articles.items()
            if key not in hidden and is_visible(article.document, now, audiences)
        }
        everyone = self.articles.values()
        self.average = {name: _average([article.lengths[name] for article in everyone]) for name in FIELDS}
        self.average_paragraph = _average([length(p) for article in everyone for p in article.texts["text"]])
        self.largest_boost = max((article.document.boost for article in everyone), default=1.0)
        self._found: dict[Leaf, dict[str, Found]] = {}

    def found(self, leaf: Leaf) -> dict[str, Found]:
        """The articles in which ``leaf`` occurs, by key."""
        if leaf not in self._found:
            counted = {key: count(leaf, article) for key, article in self.articles.items()}
            self._found[leaf] = {key: found for key, found in counted.items() if any(found.fields.values())}
        return self._found[leaf]

    def idf(self, leaf: Leaf) -> float:
        n = len(self.found(leaf))
        return rarity(n, len(self.articles))

    def matching(self, node: Node) -> set[str]:
        """The keys of the articles that match."""
        if isinstance(node, And):
            return set(self.articles).intersection(*(self.matching(child) for child in node.children))
        if isinstance(node, Or):
            return set().union(*(self.matching(child) for child in node.children))
        if isinstance(node, Not):
            return set(self.articles) - self.matching(node.child)
        if isinstance(node, Keyword):
            wanted = keyword(node.value)
            return {key for key, article in self.articles.items() if wanted in article.keywords(node.field)}
        if isinstance(node, Published):
            return self.published(Filters(start=node.start, end=node.end))
        if isinstance(node, Everything):
            return set(self.articles)
        return set(self.found(node))

    def closest(self, parts: Sequence[Node], keys: set[str]) -> set[str]:
        """Those of ``keys`` that have enough of ``parts``; all where there are none."""
        met = [self.matching(part) for part in parts]
        shares = leaf_weights(parts)
        weights = [share * rarity(len(found), len(self.articles)) for share, found in zip(shares, met, strict=True)]
        least = enough(weight for weight, found in zip(weights, met, strict=True) if found & keys)
        return {key for key in keys if sum(w for w, found in zip(weights, met, strict=True) if key in found) >= least}

    def published(self, days: Filters) -> set[str]:
        zone = self.now.tzinfo
        return {
            key
            for key, article in self.articles.items()
            if within_days(article.document.published_at, days.start, days.end, zone)
        }

    def passing(self, filters: Filters) -> set[str]:
        """The keys of the articles that the filters let through."""
        keys = self.published(filters)
        choices: tuple[tuple[Facet, tuple[str, ...]], ...] = (
            ("tag", filters.tags),
            ("author", filters.authors),
            ("section", filters.sections),
        )
        for name, values in choices:
            if values:
                wanted = {keyword(value) for value in values}
                keys = {key for key in keys if wanted & self.articles[key].keywords(name)}
        if filters.sources:
            keys = {key for key in keys if self.articles[key].document.source in filters.sources}
        return keys if filters.keys is None else keys & set(filters.keys)

    def hits(self, request: SearchRequest) -> set[str]:
        """The keys of all hits."""
        keys = self.matching(asked_tree(request)) & self.passing(request.filters)
        return self.closest(alternatives(request.query), keys) if request.match == "any" else keys

    def words(self) -> Counter[str]:
        """In how many articles each folded word stands."""
        counts: Counter[str] = Counter()
        for article in self.articles.values():
            counts.update(article.words())
        return counts

    def score(self, key: str, wanted: Sequence[Leaf], recency: timedelta | None) -> float:
        """The score of an article, as ``newsindex.ranking`` has it."""
        article = self.articles[key]
        idfs = self.idfs(wanted)
        total = sum(idf * self._saturation(leaf, article) for idf, leaf in zip(idfs, wanted, strict=True))
        best = max((score for _, score in self.paragraph_scores(key, wanted)), default=0.0)
        exact, coverage = self._is_exact(key, wanted), self._coverage(key, wanted, idfs)
        boost = self.largest_boost if exact else article.document.boost
        score = boost * (total + PASSAGE_SHARE * best) * coverage
        if recency:
            score *= LEVELS[1 if exact else -1 if coverage < 1 else 0] * self._gain(article, recency)
        return round(score, DECIMALS)

    def _gain(self, article: Article, recency: timedelta) -> float:
        published_at = article.document.published_at
        if published_at is None or published_at > self.now:
            return 1.0
        return newness(self.now - published_at, recency)

    def _is_exact(self, key: str, wanted: Sequence[Leaf]) -> bool:
        """Whether the title is what is asked for, and nothing else."""
        found = [self.found(leaf).get(key) for leaf in wanted]
        whole = all(each is not None and each.fields["title"] for each in found)
        return whole and bool(found) and self.articles[key].lengths["title"] <= asked_length(wanted)

    def paragraph_scores(self, key: str, wanted: Sequence[Leaf]) -> list[tuple[int, float]]:
        """(index, score) of the paragraphs in which any leaf occurs, in the order of the article."""
        out = []
        idfs = self.idfs(wanted)
        for index, text in enumerate(self.articles[key].texts["text"]):
            score = 0.0
            for idf, leaf in zip(idfs, wanted, strict=True):
                found = self.found(leaf).get(key)
                if found and found.paragraphs[index]:
                    size = max(length(text), self.average_paragraph)
                    score += idf * saturated(weighed("text", found.paragraphs[index], size, self.average_paragraph))
            if score:
                out.append((index, score))
        return out

    def idfs(self, wanted: Sequence[Leaf]) -> list[float]:
        """What the occurrence of each leaf is worth."""
        return [weight * self.idf(leaf) for weight, leaf in zip(leaf_weights(wanted), wanted, strict=True)]

    def _saturation(self, leaf: Leaf, article: Article) -> float:
        found = self.found(leaf).get(article.document.key)
        if found is None:
            return 0.0
        sizes, average = article.lengths, self.average
        return saturated(sum(weighed(name, found.fields[name], sizes[name], average[name]) for name in FIELDS))

    def _coverage(self, key: str, wanted: Sequence[Leaf], idfs: Sequence[float]) -> float:
        """What the score of an article is multiplied with, by what it lacks of all that occurs anywhere."""
        occurring = [(idf, self.found(leaf)) for idf, leaf in zip(idfs, wanted, strict=True) if self.found(leaf)]
        lacked = sum(idf for idf, articles in occurring if key not in articles)
        return kept(lacked, sum(idf for idf, _ in occurring))


class LikenessView(View):
    """A view that is asked for what is like a document: each leaf has a weight in the place of its idf."""

    weights: Mapping[Leaf, float]

    def idfs(self, wanted: Sequence[Leaf]) -> list[float]:
        return [self.weights[leaf] for leaf in wanted]

    def _is_exact(self, key: str, wanted: Sequence[Leaf]) -> bool:
        # Nobody asked for a title.
        return False

    def pool(self, own: str) -> set[str]:
        """The keys of the articles that have most of the leaves, by weight. own: the key of what is left out."""
        mass = {key: 0.0 for leaf in self.weights for key in self.found(leaf) if key != own}
        for leaf, weight in self.weights.items():
            for key in self.found(leaf).keys() & mass.keys():
                mass[key] += weight
        dates = {key: self.articles[key].document.published_at for key in mass}
        ranked = sorted(place("relevance", round(mass[key], DECIMALS), dates[key], key) for key in mass)
        return {key for _, _, _, key in ranked[:POOL]}


class Offered:
    """What ``completion.Visible`` wants, of the articles of a view."""

    def __init__(self, view: View) -> None:
        newest = {
            key: place("newest", 0.0, article.document.published_at, key) for key, article in view.articles.items()
        }
        self._newest = [view.articles[key] for key in sorted(newest, key=lambda key: newest[key])]
        self._words = view.words()
        self.articles = len(self._newest)

    def titles(self, typed: Typed, enough: int) -> Iterator[tuple[str, str, datetime | None]]:
        fitting = [article for article in self._newest if typed.fits(article.texts["title"][0])]
        begun = [article for article in fitting if typed.begins(article.texts["title"][0])]
        others = [article for article in fitting if article not in begun]
        for article in (*begun[:MOST_TITLES], *others[:MOST_TITLES]):
            yield article.document.title, article.document.key, article.document.published_at

    def labels(self, kind: Facet, typed: Typed, enough: int) -> Iterator[tuple[str, int]]:
        counts, spellings = tally(article.values(kind) for article in self._newest)
        return ((spelling(spellings[name]), count) for name, count in counts.items())

    def words(self, prefix: str, enough: int) -> Iterator[tuple[str, int]]:
        begun = ((word, count) for word, count in self._words.items() if word.startswith(prefix))
        return ((word, count) for word, count in begun if not is_common(count, self.articles))

    def is_common(self, word: str) -> bool:
        return is_common(self._words[word], self.articles)

    def texts(self, words: Sequence[str], most: int) -> Iterator[list[str]]:
        having = (article for article in self._newest if article.words().issuperset(words))
        for article in islice(having, most):
            yield list(islice(article.texts_with(words[-1]), MOST_TEXTS))

    def together(self, before: Sequence[str], words: Sequence[str]) -> list[int]:
        having = [article.words() for article in self._newest if article.words().issuperset(before)]
        return [sum(word in own for own in having) for word in words]


def is_visible(document: Document, now: datetime, audiences: frozenset[str]) -> bool:
    """Whether who has these audiences may see ``document`` now."""
    if audiences == SEES_ALL:
        return True
    begun = document.published_at is None or document.published_at <= now
    over = document.expires_at is not None and document.expires_at <= now
    return begun and not over and bool(document.audiences & audiences)


def count(leaf: Leaf, article: Article) -> Found:
    """How often ``leaf`` occurs in ``article``."""
    word, *others = (_count(each, article) for each in meant(leaf, article.document.language))
    if not others:
        return word
    fields = {name: word.fields[name] + SYNONYM * sum(o.fields[name] for o in others) for name in FIELDS}
    each = zip(word.paragraphs, *(other.paragraphs for other in others), strict=True)
    return Found(fields, tuple(own + SYNONYM * sum(rest) for own, *rest in each))


def _count(leaf: Simple, article: Article) -> Found:
    ways, slop = readings(leaf, article.document.language), slop_of(leaf)

    def times(name: str) -> list[int]:
        if leaf.field not in ("", name):
            return [0 for _ in article.texts[name]]
        return [sum(o.count for way in ways for o in occurrences(way, found, slop)) for found in article.texts[name]]

    by_field = {name: times(name) for name in FIELDS}
    return Found({name: sum(by_field[name]) for name in FIELDS}, tuple(by_field["text"]))


def _average(lengths: Sequence[int]) -> float:
    return (sum(lengths) / len(lengths) if lengths else 0.0) or 1.0


def _page(
    view: View, keys: set[str], wanted: Sequence[Leaf], request: SearchRequest
) -> tuple[list[tuple[str, float]], str | None]:
    """(key, score) of the hits of the page in order, and the cursor for the page after."""
    ranked: list[tuple[Place, str, float]] = []
    for key in keys:
        score = view.score(key, wanted, request.recency)
        published_at = view.articles[key].document.published_at
        ranked.append((place(request.sort, score, published_at, key), key, score))
    ranked.sort()
    if request.cursor is not None:
        last = decode_cursor(request.sort, request.cursor)
        ranked = [hit for hit in ranked if hit[0] > last]
    page = ranked[request.offset : request.offset + request.limit]
    more = request.offset + request.limit < len(ranked)
    cursor = encode_cursor(request.sort, page[-1][0]) if page and more else None
    return [(key, score) for _, key, score in page], cursor


def _hit(view: View, key: str, score: float, wanted: Sequence[Leaf], request: SearchRequest) -> ArticleHit:
    if not request.content:
        return ArticleHit(key, score)
    document = view.articles[key].document
    scores = view.paragraph_scores(key, wanted)
    paragraphs = [_paragraph_hit(document, index, score, wanted) for index, score in scores]
    paragraphs.sort(key=lambda hit: (-hit.score, hit.number))
    return ArticleHit(
        key=key,
        score=score,
        title=_marked(document, document.title, wanted, "title"),
        summary=_marked(document, document.summary, wanted, "summary"),
        paragraphs=tuple(paragraphs[: request.paragraphs_per_article]),
        matched_paragraphs=len(paragraphs),
        tags=document.tags,
        authors=document.authors,
        section=document.section,
        published_at=document.published_at,
        language=document.language,
        url=document.url,
    )


def _paragraph_hit(document: Document, index: int, score: float, wanted: Sequence[Leaf]) -> ParagraphHit:
    paragraph = document.paragraphs[index]
    marked = _marked(document, paragraph.text, wanted, "text")
    return ParagraphHit(paragraph.number, paragraph.anchor, paragraph.kind, round(score, DECIMALS), marked)


def _marked(document: Document, text: str, wanted: Sequence[Leaf], name: str) -> Marked:
    return Marked(text, spans(wanted, text, document.language, name))


def _facets(view: View, keys: set[str], request: SearchRequest) -> dict[Facet, tuple[FacetCount, ...]]:
    counted = {name: tally(view.articles[key].values(name) for key in keys) for name in request.facets}
    return {name: facet(counts, written, request.facet_limit) for name, (counts, written) in counted.items()}


def _timeline(view: View, keys: set[str]) -> tuple[MonthCount, ...]:
    dates = (view.articles[key].document.published_at for key in keys)
    return timeline(Counter(month_of(moment, view.now.tzinfo) for moment in dates if moment))


class _Words(Visible):
    """What corrections are made of: the words of the articles of a view."""

    def __init__(self, view: View, filters: Filters) -> None:
        self._view = view
        self._passing = view.passing(filters)
        self._counts = view.words()

    def articles(self, leaf: Leaf) -> int:
        return len(self._view.found(leaf))

    def matching(self, node: Node) -> int:
        return len(self._view.matching(node) & self._passing)

    def standing(self, word: str) -> tuple[int, frozenset[str]]:
        having = self._having(word)
        return len(having), frozenset(stemming_language(article.document.language) for article in having)

    def near(self, word: str, edits: int) -> list[Candidate]:
        begin = beginning(word, edits)
        found = [
            Candidate(other, distance, articles)
            for other, articles in self._counts.items()
            if other.startswith(begin) and (distance := edit_distance(word, other, edits)) <= edits
        ]
        return sorted(found, key=lambda candidate: bound(candidate.edits, candidate.at_most))

    def texts(self, word: str) -> list[tuple[str, bool]]:
        having = self._having(word)
        having.sort(key=lambda article: place("newest", 0.0, article.document.published_at, article.document.key))
        return [article.first_text(word) for article in having[:SPELT_IN]]

    def _having(self, word: str) -> list[Article]:
        return [article for article in self._view.articles.values() if word in article.words()]


def _correction(view: View, request: SearchRequest, total: int) -> str:
    if not is_looked_at(request, total):
        return ""
    return correction(request.query, total, _Words(view, request.filters), request.match)


def _changed(articles: Mapping[str, Article], changes: Mapping[str, Article | None]) -> dict[str, Article]:
    merged = {**articles, **changes}
    return {key: article for key, article in merged.items() if article is not None}


def _stats(generation: Generation) -> Stats:
    documents = [article.document for article in generation.articles.values()]
    texts = [
        text
        for document in documents
        for text in (document.title, document.summary, *(paragraph.text for paragraph in document.paragraphs))
    ]
    return Stats(
        articles=len(documents),
        paragraphs=sum(len(document.paragraphs) for document in documents),
        segments=1,
        size=sum(len(text.encode(errors="surrogatepass")) for text in texts),
        generation=generation.name,
        built_at=generation.built_at,
    )


class MemoryEngine(Engine):
    """Keeps documents in this process and nowhere else. Takes no options; there is always a live generation.

    ``timeout`` is not looked at: an answer is never partial.
    """

    persistent = False
    supports_like = True
    supports_explain = True

    def __init__(self) -> None:
        self._writing = threading.Lock()
        self._rebuilding = threading.Lock()
        # Guards what a commit and a swap change together.
        self._swapping = threading.Lock()
        self._generations = 1
        self._live = Generation("memory-1", datetime.now(timezone.utc), {})
        self._rebuild: MemoryRebuild | None = None

    def search(self, request: SearchRequest) -> SearchPage:
        began = time.perf_counter()
        view = View(self._live, request.now, request.audiences, request.hidden)
        keys = view.hits(request)
        wanted = tuple(leaves(asked_tree(request)))
        ordered, next_cursor = _page(view, keys, wanted, request)
        return SearchPage(
            hits=tuple(_hit(view, key, score, wanted, request) for key, score in ordered),
            total=len(keys),
            facets=_facets(view, keys, request),
            timeline=_timeline(view, keys) if request.timeline else (),
            suggestion=_correction(view, request, len(keys)),
            took=time.perf_counter() - began,
            next_cursor=next_cursor,
        )

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
        return completions(Typed(text), Offered(View(self._live, now, audiences, hidden)), limit, kinds)

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
        view = View(self._live, now, audiences, hidden)
        # Whoever may not see an article learns nothing from what it is like.
        if key not in view.articles:
            return ()
        document = view.articles[key].document
        return self.like(document, now=now, audiences=audiences, hidden=hidden, limit=limit)

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
        view = LikenessView(self._live, now, audiences, hidden)
        leaves = candidate_leaves(document)
        counted = ((leaf, leaves[leaf], len(view.found(leaf))) for leaf in leaves)
        view.weights = telling(counted, len(view.articles), int(document.key in view.articles))
        request = like_request(now, audiences, hidden, limit, paragraphs)
        ordered, _ = _page(view, view.pool(document.key), tuple(view.weights), request)
        hits = [unmarked(_hit(view, key, score, tuple(view.weights), request)) for key, score in ordered]
        return chosen(document, hits, lambda hit: said_in(view.articles[hit.key].document), limit)

    def explain(self, request: SearchRequest, key: str) -> Explanation | None:
        view = View(self._live, request.now, request.audiences, request.hidden)
        if key not in view.articles:
            return None
        counts = Counts(
            len(view.articles),
            lambda leaf: len(view.found(leaf)),
            view.average,
            view.average_paragraph,
            view.largest_boost,
        )
        return explanation(
            view.articles[key].document,
            request,
            counts,
            matches=key in view.hits(request),
            meets=lambda node: key in view.matching(node),
        )

    def get(self, key: str) -> Document | None:
        article = self._live.articles.get(key)
        return article.document if article else None

    def scan(self) -> Iterator[tuple[str, str]]:
        return iter([(key, article.document.version) for key, article in self._live.articles.items()])

    def writer(self, *, wait: float = 0.0) -> Writer:
        if not self._writing.acquire(timeout=max(wait, 0.0)):
            raise WriterBusy(f"Another writer of this memory engine is open; waited {wait} seconds.")
        return MemoryWriter(self._commit, self._writing.release)

    def serial(self) -> int | None:
        return self._live.serial

    def rebuild(self, *, go_on: bool = False) -> Rebuild:
        if not self._rebuilding.acquire(blocking=False):
            raise WriterBusy("Another rebuild of this memory engine is under way.")
        with self._swapping:
            self._generations += 1
            self._rebuild = MemoryRebuild(self, f"memory-{self._generations}")
            return self._rebuild

    def stats(self) -> Stats:
        return _stats(self._live)

    def health(self) -> Health:
        return Health(ok=True)

    def verify(self) -> Sequence[str]:
        return [
            f"{key} holds the document {article.document.key}."
            for key, article in self._live.articles.items()
            if key != article.document.key
        ]

    def purge(self, keys: Collection[str], *, wait: float = 0.0) -> Purged:
        done = self._take_out(keys, wait)
        if not self._rebuilding.acquire(timeout=max(wait, 0.0)):
            raise WriterBusy("A rebuild of this memory engine is under way: purge it again when that has ended.")
        try:
            return done + self._take_out(keys, wait)
        finally:
            self._rebuilding.release()

    def _take_out(self, keys: Collection[str], wait: float) -> Purged:
        before = self._live.articles
        with self.writer(wait=wait) as writer:
            for key in keys:
                writer.delete(key)
        return Purged(frozenset(keys), len(before.keys() & set(keys)))

    def _commit(self, changes: Mapping[str, Article | None], serial: int | None) -> None:
        with self._swapping:
            serial = self._live.serial if serial is None else serial
            self._live = replace(self._live, articles=_changed(self._live.articles, changes), serial=serial)
            if self._rebuild:
                self._rebuild.note(changes)

    def _end_rebuild(self, new: Generation | None) -> None:
        with self._swapping:
            self._live = new or self._live
            self._rebuild = None
        self._rebuilding.release()


class MemoryWriter(Writer):
    """Collects changes by key, so that the last one counts. Committing or cancelling ends it."""

    def __init__(
        self, commit: Callable[[Mapping[str, Article | None], int | None], None], release: Callable[[], None]
    ) -> None:
        self._apply = commit
        self._release = release
        self._changes: dict[str, Article | None] = {}
        self._open = True

    def put(self, document: Document) -> None:
        self._change(document.key, Article(document))

    def delete(self, key: str) -> None:
        self._change(key, None)

    def commit(self) -> None:
        if self._open:
            self._apply(self._changes, self.serial)
            self.cancel()

    def cancel(self) -> None:
        if self._open:
            self._open = False
            self._changes = {}
            self._release()

    def _change(self, key: str, article: Article | None) -> None:
        if not self._open:
            raise ContractError("This writer has committed or was cancelled; open another one with engine.writer().")
        self._changes[key] = article


class MemoryRebuild(Rebuild):
    """A second dictionary beside the live one."""

    def __init__(self, engine: MemoryEngine, generation: str) -> None:
        self.generation = generation
        self._engine = engine
        self._articles: Mapping[str, Article] = {}
        self._touched: frozenset[str] = frozenset()
        self._writing = threading.Lock()
        self._ended = False

    def writer(self) -> Writer:
        if self._ended:
            raise ContractError(f"The rebuild {self.generation} is over.")
        if not self._writing.acquire(blocking=False):
            raise WriterBusy(f"Another writer of the rebuild {self.generation} is open.")
        return MemoryWriter(self._commit, self._writing.release)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._engine._writing:
            yield

    def touched(self) -> frozenset[str]:
        return self._touched

    def note(self, changes: Mapping[str, object]) -> None:
        """Remember the keys that a writer of the live generation has changed."""
        self._touched |= changes.keys()

    def validate(self) -> Stats:
        return _stats(self._made())

    def swap(self, serial: int = 0) -> None:
        if self._ended:
            raise ContractError(f"The rebuild {self.generation} is over.")
        self._ended = True
        self._engine._end_rebuild(replace(self._made(), serial=serial))

    def abort(self) -> None:
        if not self._ended:
            self._ended = True
            self._engine._end_rebuild(None)

    def _commit(self, changes: Mapping[str, Article | None], serial: int | None) -> None:
        self._articles = _changed(self._articles, changes)

    def _made(self) -> Generation:
        return Generation(self.generation, datetime.now(timezone.utc), self._articles)
