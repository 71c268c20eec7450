"""How an article is scored: the formula and its parameters, shared by the engines. Pure.

BM25F in its simple form (Robertson, Zaragoza, Taylor 2004, "Simple BM25 extension to multiple weighted fields";
Robertson and Zaragoza 2009, "The probabilistic relevance framework: BM25 and beyond"). For each leaf of the query:

    n      visible articles in which the leaf occurs, N all visible articles
    idf    ln(1 + (N - n + 0.5) / (n + 0.5))
    tf     sum over fields of WEIGHT[f] * frequency[f] / (1 - B[f] + B[f] * length[f] / average length[f])
    score  idf * tf * (K1 + 1) / (K1 + tf)

An article's score is its boost times (the sum over its leaves, plus PASSAGE_SHARE times the score of its best
paragraph); a paragraph's score is the same with one field, the length of the paragraph against the average
paragraph, a shorter one counting as average: a heading is no better passage than what stands under it. The field
"text" is all paragraphs of the article together. A leaf that is typed twice counts twice.
Statistics are taken over the articles that the asker may see, so a score tells nothing about hidden ones.
"""

from __future__ import annotations

from typing import Final

FIELDS: Final = ("title", "summary", "tags", "text")
WEIGHT: Final = {"title": 3.0, "summary": 1.5, "tags": 2.0, "text": 1.0}
B: Final = {"title": 0.5, "summary": 0.5, "tags": 0.3, "text": 0.7}
K1: Final = 1.5
#: How much of the best paragraph's score is added to its article's.
PASSAGE_SHARE: Final = 0.5
#: How much of its score the newest article gains where recency is asked for.
RECENCY_SHARE: Final = 0.25
#: Scores are rounded to so many decimals before they are compared, so that ties are ties on every engine.
DECIMALS: Final = 6
