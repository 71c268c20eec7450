"""Documents on their way into the cluster and back: the body that is indexed, and the document that it keeps."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

from newsindex.analysis import MAX_WORD, RUN, Token, keyword, length, run_tokens, stemming_language, tokens
from newsindex.engines.base import Document
from newsindex.engines.completion import MAX_TYPED, word_starts
from newsindex.engines.opensearch.schema import MOST_PARAGRAPHS
from newsindex.engines.paging import EPOCH, microseconds
from newsindex.paragraphs import Paragraph

BEGINNING: Final = -(2**62)
END: Final = 2**62
SEPARATOR: Final = "\x1f"
# Lucene takes no term of more than 32,766 bytes, and an _id of at most 512.
_LONGEST: Final = 200
_LONGEST_ID: Final = 400
_LONGEST_SPELLING: Final = 7_500
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def term(value: str) -> str:
    """``value`` as a term of a keyword field: shortened by a hash where it is too long or no valid text."""
    if len(value) <= _LONGEST and not _SURROGATES.search(value):
        return value
    return _SURROGATES.sub("?", value[: _LONGEST - 50]) + "#" + _hashed(value)


def identity(key: str) -> str:
    """The ``_id`` of the document of ``key``."""
    plain = key.isprintable() and len(key.encode(errors="surrogatepass")) <= _LONGEST_ID and key[:1] != "#"
    return key if plain and key else "#" + _hashed(key)


def _hashed(value: str) -> str:
    return hashlib.blake2b(value.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def stream(found: Sequence[Token], language: str) -> str:
    """The terms of a text at their positions. language: from ``stemming_language``."""
    places: list[list[str]] = [[] for _ in range(length(found))]
    for token in found:
        places[token.position] += token_terms(token, language)
    return " ".join("|".join(dict.fromkeys(here)) for here in places)


def token_terms(token: Token, language: str) -> list[str]:
    """What a token is found by."""
    out = [stem(one, language) for one in token.terms]
    out.append(pair(token.word, language) if token.pair else "w:" + written(token.word))
    return out


def stem(one: str, language: str) -> str:
    """The term for a stem of ``language``."""
    return f"{language}:{written(one)}"


def pair(chars: str, language: str) -> str:
    """The term for a pair of characters in texts of ``language``."""
    return f"p:{language}:{chars}"


def written(word: str) -> str:
    """A folded word without what separates terms: a ligature may have become several words."""
    return word.replace(" ", "_") if " " in word else word


def unwritten(word: str) -> str:
    """What ``written`` has made ``word`` of: no folded word has a "_" of its own."""
    return word.replace("_", " ")


class _Run(NamedTuple):
    """A run of a text as it is indexed. stream: its terms at its positions. size: how many these are."""

    stream: str
    size: int
    terms: tuple[str, ...]
    words: tuple[str, ...]


def _run(run: str, language: str) -> _Run:
    found = run_tokens(run, language)
    terms = dict.fromkeys(one for token in found for one in token_terms(token, language))
    words = dict.fromkeys(written(token.word) for token in found if not token.pair)
    return _Run(stream(found, language), length(found), tuple(terms), tuple(words))


#: Most runs come again and again. Some 700 bytes each.
_known_run: Final = lru_cache(maxsize=16_384)(_run)


class _Streamed(NamedTuple):
    """A text as it is indexed: what ``stream`` makes of its tokens, and ``length``, with less to do."""

    text: str
    size: int
    runs: list[_Run]

    @classmethod
    def of(cls, text: str, language: str) -> _Streamed:
        found = (match.group() for match in RUN.finditer(text))
        # A blob without spaces would keep its memory.
        runs = [(_known_run if len(run) <= MAX_WORD else _run)(run, language) for run in found]
        return cls(" ".join(run.stream for run in runs), sum(run.size for run in runs), runs)


def body(document: Document) -> dict[str, Any]:
    """What is indexed for ``document``."""
    language = stemming_language(document.language)
    title, summary = _Streamed.of(document.title, language), _Streamed.of(document.summary, language)
    tags = [_Streamed.of(tag, language) for tag in document.tags]
    texts = [_Streamed.of(paragraph.text, language) for paragraph in document.paragraphs]
    every = set(chain(title.runs, summary.runs, *(each.runs for each in (*tags, *texts))))
    first = [token for token in tokens(document.title, language) if not token.position]
    published = document.published_at
    return {
        "doc": stored(document),
        "key": document.key,
        "version": document.version,
        "source": term(document.source),
        **_keywords("tag", document.tags),
        **_keywords("author", document.authors),
        **_keywords("section", (document.section,)),
        "audiences": [term(audience) for audience in sorted(document.audiences)],
        "from": BEGINNING if published is None else microseconds(published),
        "until": END if document.expires_at is None else microseconds(document.expires_at),
        "undated": int(published is None),
        **({} if published is None else _dates(published)),
        "boost": document.boost,
        "has": sorted(set(chain.from_iterable(run.terms for run in every))),
        "words": sorted(set(chain.from_iterable(run.words for run in every))),
        "title": title.text,
        "summary": summary.text,
        "tags": [tag.text for tag in tags],
        "size_title": title.size,
        "size_summary": summary.size,
        "size_tags": sum(tag.size for tag in tags),
        "size_text": sum(text.size for text in texts),
        "paragraphs": len(texts),
        "language": language,
        "head": _text([document.title, None if published is None else microseconds(published)]),
        "title_first": sorted({one for token in first for one in token_terms(token, language)}),
        "tag_starts": _name_starts(document.tags),
        "author_starts": _name_starts(document.authors),
        "section_starts": _name_starts((document.section,)),
        "p": [{"text": text.text, "size": text.size} for text in texts[:MOST_PARAGRAPHS]],
    }


def _keywords(name: str, values: Iterable[str]) -> dict[str, list[str]]:
    given = {value: term(keyword(value)) for value in values if keyword(value)}
    spelt = {f"{key}{SEPARATOR}{_SURROGATES.sub('?', value)[:_LONGEST_SPELLING]}" for value, key in given.items()}
    return {name: sorted(set(given.values())), f"{name}_spelt": sorted(spelt)}


def _dates(published: datetime) -> dict[str, int]:
    at = microseconds(published)
    return {"published": at, "day": at // 1000}


def starts(value: str) -> list[str]:
    """``value`` from each place on where a completion may begin: words, and signs of scripts without spaces."""
    return [value[place : place + MAX_TYPED] for place in sorted(set(word_starts(value)))]


def _name_starts(names: Iterable[str]) -> list[str]:
    """ "0" for the beginning of a name and "1" for a later word, the name from there on, and the whole name."""
    found = set()
    for name in filter(None, map(keyword, names)):
        whole = term(name)
        found |= {f"{int(not name.startswith(start))}{start}{SEPARATOR}{whole}" for start in starts(name)}
    return sorted(found)


def stored(document: Document) -> str:
    """The document as the text that is kept of it."""
    published, expires = document.published_at, document.expires_at
    values = [
        document.key, document.version, document.title, document.summary, document.tags, document.authors,
        document.section, document.language, sorted(document.audiences), document.url, document.boost,
        None if published is None else microseconds(published), None if expires is None else microseconds(expires),
        [(p.number, p.anchor, p.kind, p.text) for p in document.paragraphs],
    ]  # fmt: skip
    return _text(values)


def _text(values: Sequence[Any]) -> str:
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate is no UTF-8: it goes as an escape.
    return json.dumps(values, separators=(",", ":")) if _SURROGATES.search(text) else text


def restored(text: str) -> Document:
    """The document that ``stored`` made the text of. ValueError or TypeError where it is none."""
    key, version, title, summary, tags, authors, section, language, audiences, url, boost, at, until, rows = json.loads(
        text
    )
    return Document(
        key=key,
        title=title,
        paragraphs=tuple(Paragraph(*row) for row in rows),
        version=version,
        summary=summary,
        tags=tuple(tags),
        authors=tuple(authors),
        section=section,
        published_at=_moment(at),
        expires_at=_moment(until),
        language=language,
        audiences=frozenset(audiences),
        url=url,
        boost=boost,
    )


def headed(text: str) -> tuple[str, datetime | None]:
    """The title and the date that are kept beside a document. ValueError or TypeError where it is none."""
    title, at = json.loads(text)
    return str(title), _moment(at)


def _moment(at: int | None) -> datetime | None:
    return None if at is None else EPOCH + timedelta(microseconds=at)
