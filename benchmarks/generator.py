"""Synthetic news: the same for the same seed, and about as uneven as real news is.

What is drawn, all documented here because every figure depends on it:

- 200,000 types. The first 107 are function words of English with their real shares (together 42 % of all words);
  the others are invented from syllables, each base with up to three inflections that stemmers undo. The share of the
  others falls with their rank by two powers: 1.05 down to rank 6,000, 1.7 behind it, so that new words go on
  appearing as they do in news, but not as fast as under one power.
- An article has 12 paragraphs of 30 to 90 words (uniform), a title of 4 to 10 words, 1 to 5 of 500 tags, one of 12
  sections, 1 or 2 of 300 authors, and a day in ten years. Tags and sections are uneven, too: a share as 1 / (rank + 5).
- Burst: an article belongs to one of 400 topics of 60 words each. 8 % of its words are replaced by words of its topic,
  half of them by just three of these, which therefore come again and again in this article.
- 3,000 collocations, pairs of words of medium frequency: about one word in 100 begins one.
- Sentences of 8 to 24 words, with capitals, full stops and some commas.

Real news is burstier, has names, numbers, hyphens, apostrophes and accents. Tags begin with a letter with which no
invented word begins, so that no query word meets a tag.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpus import DAYS, Article, day_of

Ids: TypeAlias = NDArray[np.int64]

TYPES: Final = 200_000
PARAGRAPHS: Final = 12
SHORTEST, LONGEST = 30, 90
TOPICS, TOPIC_WORDS = 400, 60
COLLOCATIONS: Final = 3_000
TAGS, SECTIONS, AUTHORS = 500, 12, 300
_KNEE, _HEAD, _TAIL = 6_000, 1.05, 1.7
_BLOCK: Final = 500
# How often the function words stand in 100,000 words of English news, rounded.
_FUNCTION_WORDS: Final = (
    "the 6100 of 2900 and 2600 to 2550 a 2250 in 2150 that 1000 is 950 for 930 was 850 on 750 it 740 with 700 as 680 "
    "he 650 be 560 at 540 by 530 said 510 his 470 i 450 from 430 are 420 have 400 but 390 has 370 not 360 an 350 this "
    "330 they 320 will 300 had 300 who 290 their 280 been 270 were 260 or 260 which 250 we 250 its 240 more 230 would "
    "220 about 210 one 205 her 200 up 195 you 190 new 185 when 180 than 175 there 170 she 165 also 160 after 155 out "
    "150 all 145 if 140 year 135 two 130 people 128 can 126 first 122 into 120 time 118 last 116 over 114 years 112 "
    "could 110 what 108 some 106 no 104 other 102 so 100 him 98 just 96 them 94 like 92 do 90 because 88 now 86 only "
    "84 most 82 before 80 how 78 many 76 our 74 where 72 while 70 made 68 my 66 back 64 three 62 then 60 get 58 down "
    "56 even 54 between 52 may 50 during 48 these 46 being 44 should 42 through 40 any 38 each 36 under 34 against 32"
)
_SOUNDS: Final = (
    "b c d f g h j k l m n p r s t v w z bl br cl cr dr fl gr pl pr sl sp st str tr th sh ch",
    "a e i o u a e i o ai ea ou",
    "b d g k l m n p r t x nd nt rk lt mp rt nk",
)
_ONSETS, _VOWELS, _CODAS = (sounds.split() for sounds in _SOUNDS)
_ENDINGS: Final = ("", "s", "ing", "ed")
# Forms of each word in the text: as it is, capital, with a comma, with a full stop.
_CAPITAL, _COMMA, _STOP = TYPES, 2 * TYPES, 3 * TYPES


class Generator:
    """Writes articles; ``articles(first, count)`` gives the same ones for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        words = _vocabulary(rng)
        self._forms = [
            *words,
            *(word.capitalize() for word in words),
            *(word + "," for word in words),
            *(word + "." for word in words),
        ]
        self._cumulative = np.cumsum(_shares())
        middle = np.arange(300, 20_000)
        self._topics = np.stack([rng.choice(middle, TOPIC_WORDS, replace=False) for _ in range(TOPICS)])
        self._pairs = rng.choice(np.arange(200, 12_000), (COLLOCATIONS, 2))
        self._seed = seed

    def articles(self, count: int, *, round: int = 0) -> Iterator[Article]:
        """``count`` articles, numbered from 0. Another round gives other texts."""
        for block, first in enumerate(range(0, count, _BLOCK)):
            rng = np.random.default_rng((self._seed, round, block))
            yield from self._block(rng, first, min(_BLOCK, count - first))

    def _block(self, rng: np.random.Generator, first: int, count: int) -> Iterator[Article]:
        # The whole block is drawn, so that what an article says does not depend on how many are asked for.
        lengths = rng.integers(SHORTEST, LONGEST + 1, _BLOCK * PARAGRAPHS)
        titles = rng.integers(4, 11, _BLOCK)
        texts = self._texts(rng, lengths, np.repeat(np.arange(_BLOCK), PARAGRAPHS))
        headings = self._texts(rng, titles, np.arange(_BLOCK), sentences=False)
        days = rng.integers(0, DAYS, _BLOCK)
        sections = _uneven(rng, SECTIONS, _BLOCK)
        writers = rng.integers(0, AUTHORS, (_BLOCK, 2))
        tags = _uneven(rng, TAGS, (_BLOCK, 5))
        many = rng.integers(1, 6, _BLOCK)
        for place in range(count):
            yield Article(
                first + place,
                headings[place],
                day_of(int(days[place])),
                f"Section {sections[place] + 1}",
                [f"Author {number + 1}" for number in sorted({*writers[place].tolist()})],
                [f"q{number:03d}" for number in sorted({*tags[place, : many[place]].tolist()})],
                texts[place * PARAGRAPHS : (place + 1) * PARAGRAPHS],
            )

    def _texts(self, rng: np.random.Generator, lengths: Ids, owners: Ids, sentences: bool = True) -> list[str]:
        """A text of each length. owners: the article of each, ascending: those of one share a topic."""
        ends = np.cumsum(lengths)
        total = int(ends[-1])
        ids = np.searchsorted(self._cumulative, rng.random(total), side="right").astype(np.int64)
        np.minimum(ids, TYPES - 1, out=ids)
        self._burst(rng, ids, np.repeat(owners, lengths))
        begins = np.flatnonzero(rng.random(total - 1) < 0.01)
        pairs = self._pairs[rng.integers(0, COLLOCATIONS, len(begins))]
        ids[begins], ids[begins + 1] = pairs[:, 0], pairs[:, 1]
        if sentences:
            _punctuate(rng, ids, ends)
        else:
            ids[ends - lengths] += _CAPITAL
        shown = [self._forms[number] for number in ids.tolist()]
        starts = (ends - lengths).tolist()
        return [" ".join(shown[start:end]) for start, end in zip(starts, ends.tolist(), strict=True)]

    def _burst(self, rng: np.random.Generator, ids: Ids, owners: Ids) -> None:
        count = int(owners[-1]) + 1
        topic = rng.integers(0, TOPICS, count)
        favourites = rng.integers(0, TOPIC_WORDS, (count, 3))
        places = np.flatnonzero(rng.random(len(ids)) < 0.08)
        owner = owners[places]
        any_word = rng.integers(0, TOPIC_WORDS, len(places))
        favourite = favourites[owner, rng.integers(0, 3, len(places))]
        chosen = np.where(rng.random(len(places)) < 0.5, favourite, any_word)
        ids[places] = self._topics[topic[owner], chosen]


def _punctuate(rng: np.random.Generator, ids: Ids, ends: Ids) -> None:
    """Cut the texts, which end at ``ends``, into sentences."""
    total = len(ids)
    stops = np.cumsum(rng.integers(8, 25, total // 8 + 1)) - 1
    last = np.zeros(total, bool)
    last[stops[stops < total]] = True
    last[ends - 1] = True
    first = np.concatenate(([True], last[:-1]))
    comma = (rng.random(total) < 0.05) & ~last & ~first
    ids += np.where(last, _STOP, np.where(first, _CAPITAL, np.where(comma, _COMMA, 0)))


def _shares() -> NDArray[np.float64]:
    """The share of each type, by its number; they add up to one."""
    heads = np.array([float(number) for number in _FUNCTION_WORDS.split()[1::2]]) / 100_000
    rank = np.arange(1, TYPES - len(heads) + 1, dtype=float)
    # The constants behind the rank keep the invented words rarer than the function words.
    tail = np.where(rank <= _KNEE, (rank + 25) ** -_HEAD, _KNEE ** (_TAIL - _HEAD) * (rank + 25) ** -_TAIL)
    shares = np.concatenate((heads, tail / tail.sum() * (1 - heads.sum())))
    result: NDArray[np.float64] = shares / shares.sum()
    return result


def _vocabulary(rng: np.random.Generator) -> list[str]:
    """The types: function words, then invented ones, the forms of a base scattered over the ranks."""
    function_words = _FUNCTION_WORDS.split()[::2]
    seen = set(function_words)
    bases: list[str] = []
    while len(bases) * len(_ENDINGS) < TYPES:
        base = "".join(_syllable(rng) for _ in range(2 + int(rng.random() < 0.4)))
        if len(base) >= 4 and base not in seen:
            seen.add(base)
            bases.append(base)
    forms = [base + ending for base in bases for ending in _ENDINGS]
    forms = [form for form in dict.fromkeys(forms) if form not in function_words]
    while len(forms) < TYPES - len(function_words):
        forms.append(f"{bases[len(forms) % len(bases)]}ax")
    order = rng.permutation(len(forms))[: TYPES - len(function_words)]
    return [*function_words, *(forms[place] for place in order)]


def _syllable(rng: np.random.Generator) -> str:
    parts = [_ONSETS[rng.integers(len(_ONSETS))], _VOWELS[rng.integers(len(_VOWELS))]]
    if rng.random() < 0.4:
        parts.append(_CODAS[rng.integers(len(_CODAS))])
    return "".join(parts)


def _uneven(rng: np.random.Generator, values: int, shape: Any) -> Ids:
    shares = 1 / (np.arange(values) + 5.0)
    drawn: Ids = rng.choice(values, shape, p=shares / shares.sum())
    return drawn
