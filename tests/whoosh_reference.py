"""A segment written the slow and obvious way, by the text of layout.py: what the fast writer and merges must equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from newsindex.analysis import length, stemming_language, tokens
from newsindex.engines.base import Document
from newsindex.engines.whoosh.arrays import ArrayWriter, smallest
from newsindex.engines.whoosh.layout import (
    LABELS,
    NEVER,
    UNDATED,
    form_key,
    form_terms,
    form_word,
    key_hash,
    letters,
    stem_key,
)
from newsindex.engines.whoosh.records import KINDS, encoded_article, number
from newsindex.ranking import FIELDS

#: form -> article -> positions.
Postings = dict[bytes, dict[int, list[int]]]


def write_reference(path: Path, documents: Sequence[Document]) -> None:
    """Write the segment of ``documents``, in their order."""
    arrays, languages = reference(documents)
    writer = ArrayWriter(path)
    for name, values in arrays.items():
        writer.add(name, values)
    paragraphs = sum(len(document.paragraphs) for document in documents)
    writer.close({"articles": len(documents), "paragraphs": paragraphs, "languages": languages})


def reference(documents: Sequence[Document]) -> tuple[dict[str, Any], list[str]]:
    """The arrays of the segment, and its languages."""
    fields = {field: _texts(documents, field) for field in FIELDS}
    postings: dict[str, Postings] = {}
    arrays: dict[str, Any] = {**_articles(documents), **_labels(documents), **_paragraphs(documents)}
    for field in FIELDS:
        postings[field], lengths, starts, sizes = _inverted(documents, fields[field])
        arrays[f"{field}_length"] = smallest(np.array(lengths, np.int64))
        if field == "text":
            arrays["paragraph_start"] = smallest(np.array(starts, np.int64))
            arrays["paragraph_length"] = smallest(np.array(sizes, np.int64))
    forms = sorted(set().union(*postings.values()))
    arrays.update(_dictionary(forms))
    first = arrays["first_paragraph"].tolist()
    for field in FIELDS:
        arrays.update(_postings(field, forms, postings[field], "<u2" if len(documents) < 1 << 16 else "<u4"))
    arrays["text_best"] = smallest(
        np.array(
            [
                _best(positions, arrays["paragraph_start"][first[article] : first[article + 1]].tolist())
                for form in forms
                for article, positions in sorted(postings["text"].get(form, {}).items())
            ],
            np.int64,
        )
    )
    return arrays, sorted({stemming_language(document.language) for document in documents})


def _texts(documents: Sequence[Document], field: str) -> list[Sequence[str]]:
    if field == "text":
        return [[paragraph.text for paragraph in document.paragraphs] for document in documents]
    if field == "tags":
        return [document.tags for document in documents]
    return [[getattr(document, field)] for document in documents]


def _inverted(
    documents: Sequence[Document], texts: Sequence[Sequence[str]]
) -> tuple[Postings, list[int], list[int], list[int]]:
    """Postings, the length of the field in each article, and where each text begins and how long it is."""
    postings: Postings = defaultdict(lambda: defaultdict(list))
    lengths, starts, sizes = [], [], []
    for article, (document, own) in enumerate(zip(documents, texts, strict=True)):
        language = stemming_language(document.language)
        start = total = 0
        for text in own:
            found = tokens(text, language)
            for token in found:
                form = form_key(token.word, token.pair, language, token.terms)
                postings[form][article].append(start + token.position)
            starts.append(start)
            sizes.append(length(found))
            total += length(found)
            start += length(found) + 1
        lengths.append(total)
    return postings, lengths, starts, sizes


def _best(positions: Sequence[int], starts: Sequence[int]) -> int:
    """The most of the ascending positions that lie in one paragraph."""
    own = np.searchsorted(np.array(starts), np.array(positions), side="right")
    return int(np.unique(own, return_counts=True)[1].max())


def _postings(field: str, forms: Sequence[bytes], postings: Postings, kind: str) -> dict[str, Any]:
    articles: list[int] = []
    counts: list[int] = []
    positions: list[int] = []
    at, positions_at = [0], [0]
    for form in forms:
        for article, own in sorted(postings.get(form, {}).items()):
            articles.append(article)
            counts.append(len(own))
            positions.extend(sorted(own))
        at.append(len(articles))
        positions_at.append(len(positions))
    return {
        f"{field}_at": smallest(np.array(at)),
        f"{field}_articles": np.array(articles, kind),
        f"{field}_counts": smallest(np.array(counts, np.int64)),
        f"{field}_positions_at": smallest(np.array(positions_at)),
        f"{field}_positions": smallest(np.array(positions, np.int64)),
    }


def _dictionary(forms: Sequence[bytes]) -> dict[str, Any]:
    stems: dict[bytes, list[int]] = defaultdict(list)
    for at, form in enumerate(forms):
        language, terms = form_terms(form)
        for term in terms:
            stems[stem_key(term, language)].append(at)
    names = sorted(stems)
    ends = np.cumsum([0, *(len(stems[name]) for name in names)])
    return {
        **_strings("form", forms),
        "form_size": smallest(np.array([len(form_word(form)) for form in forms], np.int64)),
        "form_letters": np.array([letters(form_word(form)) for form in forms], np.uint32),
        **_strings("stem", names),
        "stem_forms_at": smallest(ends),
        "stem_forms": smallest(np.array([at for name in names for at in stems[name]], np.int64)),
    }


def _articles(documents: Sequence[Document]) -> dict[str, Any]:
    hashes = sorted((key_hash(document.key), at) for at, document in enumerate(documents))
    return {
        **_strings("key", [document.key.encode(errors="surrogatepass") for document in documents]),
        "key_hash": np.array([hashed for hashed, _ in hashes], np.uint64),
        "key_order": smallest(np.array([at for _, at in hashes], np.int64)),
        **_strings("record", [encoded_article(document) for document in documents]),
        "published": np.array([number(document.published_at, UNDATED) for document in documents], np.int64),
        "expires": np.array([number(document.expires_at, NEVER) for document in documents], np.int64),
        "boost": np.array([document.boost for document in documents], np.float64),
        "first_paragraph": smallest(np.cumsum([0, *(len(document.paragraphs) for document in documents)])),
    }


def _labels(documents: Sequence[Document]) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for kind in LABELS:
        own = [sorted(set(_values(document, kind))) for document in documents]
        names = sorted({value.encode(errors="surrogatepass") for values in own for value in values})
        place = {name.decode(errors="surrogatepass"): at for at, name in enumerate(names)}
        arrays |= _strings(f"{kind}_names", names)
        arrays[f"{kind}_at"] = smallest(np.cumsum([0, *map(len, own)]))
        arrays[f"{kind}_values"] = smallest(
            np.array([at for values in own for at in sorted(place[value] for value in values)], np.int64)
        )
    return arrays


def _values(document: Document, kind: str) -> Iterable[str]:
    if kind == "section":
        return [document.section]
    if kind == "source":
        return [document.source]
    values: Iterable[str] = {"tag": document.tags, "author": document.authors, "audience": document.audiences}[kind]
    return values


def _paragraphs(documents: Sequence[Document]) -> dict[str, Any]:
    paragraphs = [paragraph for document in documents for paragraph in document.paragraphs]
    return {
        **_strings("paragraph", [paragraph.text.encode(errors="surrogatepass") for paragraph in paragraphs]),
        **_strings("anchor", [paragraph.anchor.encode() for paragraph in paragraphs]),
        "paragraph_number": smallest(np.array([paragraph.number for paragraph in paragraphs], np.int64)),
        "paragraph_kind": smallest(np.array([KINDS.index(paragraph.kind) for paragraph in paragraphs], np.int64)),
    }


def _strings(name: str, values: Sequence[bytes]) -> dict[str, Any]:
    return {
        name: np.frombuffer(b"".join(values), np.uint8),
        f"{name}_at": smallest(np.cumsum([0, *map(len, values)])),
    }
