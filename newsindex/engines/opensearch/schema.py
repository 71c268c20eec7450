"""The shape of an index in the cluster: settings, mappings, and the fingerprint by which a stale one is known.

Texts are analysed here, by ``newsindex.analysis``, and stored as streams of terms: what stands between two spaces is
one position, ``|`` joins the terms that stand at it. A term begins with its kind: ``en:`` and the like for stems of a
language (``:`` for none), ``w:`` for words as written, folded, ``p:en:`` and the like for pairs of characters.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

#: Change it when documents are made in another way, although the mappings stay.
FORMAT: Final = 6
#: Positions between two tags, and how far a phrase with slop may reach: never from one tag to the next.
GAP: Final = 100_000
MOST_SLOP: Final = 50_000
#: An article with more paragraphs than this is searched up to here.
MOST_PARAGRAPHS: Final = 20_000
MOST_RESULTS: Final = 10_000

#: What the score of a term or phrase is in the cluster: how often it stands there. All else is ``ranking.py``.
_FREQUENCY: Final = {"type": "scripted", "script": {"source": "return query.boost * doc.freq;"}}

_KEYWORD: Final = {"type": "keyword", "norms": False}
#: Searched, but never counted or sorted by.
_FINDABLE: Final = {"type": "keyword", "norms": False, "doc_values": False}
_SHOWN: Final = {"type": "keyword", "index": False}
_TEXT: Final = {
    "type": "text",
    "analyzer": "terms",
    "similarity": "frequency",
    "norms": False,
    "index_options": "positions",
}
_NUMBER: Final = {"type": "long"}
_SIZE: Final = {"type": "integer", "index": False}

MAPPINGS: Final[dict[str, Any]] = {
    "dynamic": "strict",
    # What is searched is made anew from the database: only the document itself is stored.
    "_source": {"includes": ["doc", "head"]},
    "properties": {
        "doc": {"type": "keyword", "index": False, "doc_values": False},
        # Title and date, for who needs no more.
        "head": {"type": "keyword", "index": False, "doc_values": False},
        "key": _KEYWORD,
        "language": _KEYWORD,
        "version": _SHOWN,
        "source": _KEYWORD,
        "tag": _KEYWORD,
        "author": _KEYWORD,
        "section": _KEYWORD,
        # A keyword, U+001F, and how it is spelt.
        "tag_spelt": _SHOWN,
        "author_spelt": _SHOWN,
        "section_spelt": _SHOWN,
        "audiences": _KEYWORD,
        # Microseconds since 1970; an open window has the ends of the numbers.
        "from": _NUMBER,
        "until": _NUMBER,
        "published": _NUMBER,
        "undated": {"type": "byte"},
        "day": {"type": "date", "format": "epoch_millis"},
        "boost": {"type": "double", "index": False},
        # All terms of the article, for what matches it.
        "has": _FINDABLE,
        "words": _SHOWN,
        "title": _TEXT,
        "summary": _TEXT,
        "tags": {**_TEXT, "position_increment_gap": GAP},
        "size_title": _SIZE,
        "size_summary": _SIZE,
        "size_tags": _SIZE,
        "size_text": _SIZE,
        "paragraphs": _SIZE,
        # For completions: what the title begins with; "0" or "1", a name from a word on, U+001F, the name.
        "title_first": _FINDABLE,
        "tag_starts": _KEYWORD,
        "author_starts": _KEYWORD,
        "section_starts": _KEYWORD,
        "p": {"type": "nested", "properties": {"text": _TEXT, "size": _SIZE}},
    },
}

_ANALYSIS: Final[dict[str, Any]] = {
    "tokenizer": {"positions": {"type": "char_group", "tokenize_on_chars": [" "], "max_token_length": 10_000}},
    "filter": {"at_once": {"type": "pattern_capture", "preserve_original": False, "patterns": ["([^|]+)"]}},
    "analyzer": {"terms": {"type": "custom", "tokenizer": "positions", "filter": ["at_once"]}},
}


def _index_settings() -> dict[str, Any]:
    return {
        "analysis": _ANALYSIS,
        "similarity": {"frequency": _FREQUENCY},
        "max_result_window": MOST_RESULTS,
        "mapping.nested_objects.limit": MOST_PARAGRAPHS,
        # A delete is remembered so long: a writer that was taken for dead can't bring the article back before.
        "gc_deletes": "1h",
        # What was deleted shall not stay in the files for the sake of copies that are away.
        "soft_deletes.retention_lease.period": "5m",
        "merge.policy.expunge_deletes_allowed": 0,
    }


def fingerprint() -> str:
    """A short hash of all that decides how documents lie in the index."""
    text = json.dumps([FORMAT, MAPPINGS, _ANALYSIS, _FREQUENCY], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def index_body(generation: str, built_at: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What makes a new index. settings: of the site, such as number_of_shards."""
    meta = {"newsindex": {"schema": fingerprint(), "generation": generation, "built_at": built_at}}
    return {
        "settings": {"index": {**_index_settings(), **settings}},
        "mappings": {**MAPPINGS, "_meta": meta},
    }


#: The index that holds no articles: locks, the token, what a rebuild must write again.
CONTROL_BODY: Final[dict[str, Any]] = {
    "settings": {"index": {"number_of_shards": 1, "auto_expand_replicas": "0-2", "hidden": True}},
    "mappings": {
        "dynamic": "strict",
        "properties": {
            "kind": {"type": "keyword"},
            "name": {"type": "keyword"},
            "value": {"type": "object", "enabled": False},
        },
    },
}
