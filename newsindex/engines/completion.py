"""Completions of what is being typed: which titles, tags and words fit, and in which order. Pure.

The engine gives what stands in articles that the asker may see; everything else is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from newsindex.analysis import keyword, tokens
from newsindex.engines.base import Suggestion
from newsindex.engines.paging import microseconds

#: More than this is no beginning of a title.
MAX_TYPED = 200


class Typed:
    """What the visitor typed, as its folded beginning of a title, a tag or a word.

    text: "" where it has no letter or digit. is_word: whether it is the beginning of a single word.
    """

    def __init__(self, text: str) -> None:
        self.text = re.sub(r"^[\W_]+|[\W_]+$", "", keyword(text[:MAX_TYPED]))
        found = tokens(self.text, "")
        self.is_word = len(found) == 1 and not found[0].pair
        # Where words are written without spaces, every character may begin one.
        anywhere = bool(found) and found[0].pair
        self._pattern = re.compile(("" if anywhere else r"(?<![^\W_])") + re.escape(self.text))

    def place(self, value: str) -> int | None:
        """0 where ``value`` begins with what was typed, 1 where a later word of it does, None where none does."""
        found = self._pattern.search(keyword(value)) if self.text else None
        return None if found is None else min(found.start(), 1)


def completions(
    typed: Typed,
    titles: Iterable[tuple[str, str, datetime | None]],
    tags: Iterable[tuple[str, int]],
    words: Iterable[tuple[str, int]],
    limit: int,
) -> tuple[Suggestion, ...]:
    """At most ``limit`` completions: titles, then tags, then words that are no tag.

    titles: (title, key, published_at) of articles. tags: (spelling, number of articles). words: (folded word, number
    of articles), unused unless ``typed.is_word``. What does not fit is left out here.
    """
    offered = _tags(typed, tags)
    known = {keyword(suggestion.text) for suggestion in offered}
    more = [suggestion for suggestion in _words(typed, words) if suggestion.text not in known]
    return (*_titles(typed, titles), *offered, *more)[: max(limit, 0)]


def _titles(typed: Typed, titles: Iterable[tuple[str, str, datetime | None]]) -> list[Suggestion]:
    """Those that begin so first, then the newest, undated ones last."""
    ranked = []
    for title, key, published_at in titles:
        place = typed.place(title)
        if place is not None:
            dated = (1, 0) if published_at is None else (0, -microseconds(published_at))
            ranked.append((place, dated, key, title))
    return [Suggestion(title, "title", key) for _, _, key, title in sorted(ranked)]


def _tags(typed: Typed, tags: Iterable[tuple[str, int]]) -> list[Suggestion]:
    """Those that begin so first, then the most frequent."""
    ranked = [(place, -count, keyword(tag), tag) for tag, count in tags if (place := typed.place(tag)) is not None]
    return [Suggestion(tag, "tag") for *_, tag in sorted(ranked)]


def _words(typed: Typed, words: Iterable[tuple[str, int]]) -> list[Suggestion]:
    """The most frequent first; a word that is there already completes nothing."""
    if not typed.is_word:
        return []
    ranked = [(-count, word) for word, count in words if word != typed.text and word.startswith(typed.text)]
    return [Suggestion(word, "word") for _, word in sorted(ranked)]
