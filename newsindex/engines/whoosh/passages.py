"""The hits of a page: the article with its best paragraphs, and the places to mark in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from newsindex.engines.base import ArticleHit, Marked, ParagraphHit
from newsindex.engines.whoosh.columns import Floats
from newsindex.engines.whoosh.records import moment
from newsindex.engines.whoosh.segments import Segment, Snapshot
from newsindex.matching import spans
from newsindex.query.nodes import Leaf
from newsindex.ranking import DECIMALS


def article_hit(
    snapshot: Snapshot, ordinal: int, score: float, paragraph_scores: Floats, leaves: Sequence[Leaf], best: int
) -> ArticleHit:
    """A hit with its content. paragraph_scores: for each document. best: how many paragraphs at most."""
    segment, head = snapshot.place(ordinal)
    record = segment.article(head)
    first, end = snapshot.documents_of(ordinal)
    scores = np.round(paragraph_scores[first + 1 : end], DECIMALS)
    matched = np.flatnonzero(paragraph_scores[first + 1 : end]).tolist()
    ranked = sorted(matched, key=lambda at: (-scores[at], record.paragraphs[at][0]))

    def marked(text: str, field: str) -> Marked:
        return Marked(text, spans(leaves, text, record.language, field))

    return ArticleHit(
        key=record.key,
        score=score,
        title=marked(record.title, "title"),
        summary=marked(record.summary, "summary"),
        paragraphs=tuple(_paragraph_hit(segment, head + 1 + at, float(scores[at]), marked) for at in ranked[:best]),
        matched_paragraphs=len(matched),
        tags=record.tags,
        authors=record.authors,
        section=record.section,
        published_at=moment(record.published),
        language=record.language,
        url=record.url,
    )


def _paragraph_hit(segment: Segment, doc: int, score: float, marked: Any) -> ParagraphHit:
    paragraph = segment.paragraph(doc)
    return ParagraphHit(paragraph.number, paragraph.anchor, paragraph.kind, score, marked(paragraph.text, "text"))
