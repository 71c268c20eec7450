"""The hits of a page: the article with its best paragraphs, and the places to mark in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from newsindex.deadline import OutOfTime
from newsindex.engines.base import ArticleHit, Marked, ParagraphHit
from newsindex.engines.whoosh.evaluation import Evaluation
from newsindex.engines.whoosh.records import moment
from newsindex.engines.whoosh.segments import Segment
from newsindex.engines.whoosh.selection import Hit
from newsindex.matching import spans
from newsindex.query.nodes import Leaf
from newsindex.ranking import DECIMALS


def article_hit(evaluation: Evaluation, hit: Hit, leaves: Sequence[Leaf], best: int) -> ArticleHit:
    """A hit with its content. best: how many paragraphs at most; no others are read.

    What there is no time to mark has no marks.
    """
    snapshot = evaluation.snapshot
    segment, article = snapshot.place(hit.ordinal)
    record = segment.record(article)
    first = segment.paragraphs_of(article)[0]
    matched = np.flatnonzero(hit.paragraphs)
    scores = np.round(hit.paragraphs[matched], DECIMALS)
    shown: list[int] = []
    if best > 0:
        shown = np.lexsort((segment["paragraph_number"][first + matched], -scores))[:best].tolist()

    def marked(text: str, field: str) -> Marked:
        if evaluation.partial:
            return Marked(text)
        try:
            return Marked(text, spans(leaves, text, record.language, field, evaluation.deadline))
        except OutOfTime:
            evaluation.partial = True
            return Marked(text)

    def paragraph_hit(at: int) -> ParagraphHit:
        paragraph = segment.paragraph(first + int(matched[at]))
        text = marked(paragraph.text, "text")
        return ParagraphHit(paragraph.number, paragraph.anchor, paragraph.kind, float(scores[at]), text)

    return ArticleHit(
        key=segment.key(article),
        score=hit.score,
        title=marked(record.title, "title"),
        summary=marked(record.summary, "summary"),
        paragraphs=tuple(paragraph_hit(at) for at in shown),
        matched_paragraphs=len(matched),
        tags=record.tags,
        authors=record.authors,
        section=record.section,
        published_at=moment(_published(segment, article)),
        language=record.language,
        url=record.url,
    )


def _published(segment: Segment, article: int) -> int:
    return int(segment["published"][article])
