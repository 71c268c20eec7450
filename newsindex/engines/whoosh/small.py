"""A small segment: for one article, calling numpy for each field and column takes longer than all there is to do.

So all fields are inverted together, and short columns are lists. What comes out is what building.py writes of the
same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from itertools import accumulate, chain
from struct import pack
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.whoosh.arrays import ArrayWriter, Directory, packed, smallest, smallest_type
from newsindex.engines.whoosh.layout import LABELS, article_type, key_hash
from newsindex.engines.whoosh.lexicon import Lexicon, Names, Numbers
from newsindex.engines.whoosh.rows import Row
from newsindex.ranking import FIELDS

#: Rows of so many bytes together make a small segment: some 30 paragraphs.
SMALL: Final = 1 << 14


def small_segment(writer: ArrayWriter, lexicon: Lexicon, rows: Sequence[Row]) -> Directory:
    """Write the segment of some rows. OSError where the system refuses."""
    found = _Texts(lexicon, rows)
    _articles(writer, rows)
    _labels(writer, rows)
    _paragraphs(writer, rows, found)
    forms_of, forms = _dictionary(writer, lexicon, found.tokens.forms)
    for at, field in enumerate(FIELDS):
        _lengths(writer, field, found, at, len(rows))
    _postings(writer, found, forms_of, forms, len(rows))
    paragraphs = sum(len(row.text) for row in rows)
    languages = sorted({row.language for row in rows})
    return writer.close({"articles": len(rows), "paragraphs": paragraphs, "languages": languages})


class _Texts:
    """The texts of all fields, one field after the other, and the words in them.

    lengths: of each text in positions. starts: where the positions of each begin, counted on through all fields with
    one free position after each text. owners: for each text, the number of its field times the number of articles plus
    that of its article. bases: for each text, where the first of its owner begins.
    """

    def __init__(self, lexicon: Lexicon, rows: Sequence[Row]) -> None:
        texts: list[str] = []
        languages: list[str] = []
        self.owners: list[int] = []
        for at, field in enumerate(FIELDS):
            for article, row in enumerate(rows, at * len(rows)):
                own: tuple[str, ...] = getattr(row, field)
                texts += own
                languages += [row.language] * len(own)
                self.owners += [article] * len(own)
        self.tokens = lexicon.tokens(texts, languages)
        self.lengths: list[int] = self.tokens.lengths.tolist()
        self.starts = list(accumulate((length + 1 for length in self.lengths), initial=0))
        firsts: dict[int, int] = {}
        self.bases = [firsts.setdefault(*each) for each in zip(self.owners, self.starts, strict=False)]

    def of_field(self, field: int, articles: int) -> slice:
        """The texts of a field."""
        owners = self.owners
        first = next((at for at, owner in enumerate(owners) if owner >= field * articles), len(owners))
        end = next((at for at, owner in enumerate(owners) if owner >= (field + 1) * articles), len(owners))
        return slice(first, end)


def _articles(writer: ArrayWriter, rows: Sequence[Row]) -> None:
    _strings(writer, "key", [row.key.encode(errors="surrogatepass") for row in rows])
    hashes = sorted((key_hash(row.key), at) for at, row in enumerate(rows))
    writer.put("key_hash", "<u8", pack(f"<{len(rows)}Q", *(hashed for hashed, _ in hashes)))
    _numbers(writer, "key_order", [at for _, at in hashes])
    _strings(writer, "record", [row.record for row in rows])
    writer.put("published", "<i8", pack(f"<{len(rows)}q", *(row.published for row in rows)))
    writer.put("expires", "<i8", pack(f"<{len(rows)}q", *(row.expires for row in rows)))
    writer.put("boost", "<f8", pack(f"<{len(rows)}d", *(row.boost for row in rows)))
    _places(writer, "first_paragraph", [row.text for row in rows])


def _labels(writer: ArrayWriter, rows: Sequence[Row]) -> None:
    for at, kind in enumerate(LABELS):
        own = [row.labels[at] for row in rows]
        names = sorted(set(chain(*own)))
        place = {name: number for number, name in enumerate(names)}
        _strings(writer, f"{kind}_names", [name.encode(errors="surrogatepass") for name in names])
        _places(writer, f"{kind}_at", own)
        _numbers(writer, f"{kind}_values", [place[name] for name in chain(*own)])


def _paragraphs(writer: ArrayWriter, rows: Sequence[Row], found: _Texts) -> None:
    _strings(writer, "paragraph", [text.encode(errors="surrogatepass") for row in rows for text in row.text])
    _strings(writer, "anchor", [anchor.encode() for row in rows for anchor in row.anchors])
    _numbers(writer, "paragraph_number", [number for row in rows for number in row.numbers])
    _numbers(writer, "paragraph_kind", list(chain(*(row.kinds for row in rows))))
    own = found.of_field(FIELDS.index("text"), len(rows))
    starts = zip(found.starts[own], found.bases[own], strict=True)
    _numbers(writer, "paragraph_start", [start - base for start, base in starts])
    _numbers(writer, "paragraph_length", found.lengths[own])


def _lengths(writer: ArrayWriter, field: str, found: _Texts, number: int, articles: int) -> None:
    lengths = [0] * articles
    own = found.of_field(number, articles)
    for owner, length in zip(found.owners[own], found.lengths[own], strict=True):
        lengths[owner - number * articles] += length
    _numbers(writer, f"{field}_length", lengths)


def _dictionary(writer: ArrayWriter, lexicon: Lexicon, tokens: NDArray[np.uint32]) -> tuple[Numbers, int]:
    """Write the forms and stems: the place of the form of each token among the forms, and how many forms there are."""
    # What goes through all that a lexicon knows takes longer than to sort what a few articles have.
    known = _different(np.sort(tokens))
    forms, places = _sorted(lexicon.forms, known)
    _names(writer, "form", lexicon.forms, forms)
    sizes, letters = lexicon.words()
    writer.add("form_size", smallest(sizes[forms]))
    writer.add("form_letters", letters[forms])
    stem_of, form_of = lexicon.stem.values[known], places
    others = lexicon.other_forms.values
    if len(others):
        at = known.searchsorted(others)
        there = (known[np.minimum(at, len(known) - 1)] == others).nonzero()[0] if len(known) else at[:0]
        stem_of = np.concatenate((stem_of, lexicon.other_stems.values[there]))
        form_of = np.concatenate((form_of, places[at[there]]))
    used = _different(np.sort(stem_of))
    stems, stem_places = _sorted(lexicon.stems, used)
    _names(writer, "stem", lexicon.stems, stems)
    pairs = stem_places[used.searchsorted(stem_of)] << 32 | form_of
    pairs.sort()
    _ascending(writer, "stem_forms_at", _borders(pairs >> 32, len(stems)))
    writer.add("stem_forms", smallest(pairs & 0xFFFFFFFF))
    return places[known.searchsorted(tokens)], len(forms)


def _sorted(names: Names, numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Ascending numbers of names in the order of these, and the place of each in it."""
    found = names.ordered(numbers)
    return found, found.argsort()


def _names(writer: ArrayWriter, name: str, known: Names, numbers: Numbers) -> None:
    writer.put(name, "|u1", b"".join(map(known.names.__getitem__, numbers.tolist())))
    _ascending(writer, f"{name}_at", _running(known.sizes[numbers]))


def _postings(writer: ArrayWriter, found: _Texts, forms_of: Numbers, forms: int, articles: int) -> None:
    """Write the postings of all fields. forms_of: the form of each token, of so many."""
    lengths, owners = found.tokens.lengths, np.array(found.owners, np.int64)
    text_of = np.arange(len(lengths)).repeat(lengths + 1)
    # The fields one after the other, so that each is a slice of all that follows.
    fields = owners // max(articles, 1) * forms
    keys = forms_of + fields[text_of[found.tokens.positions]] << 32 | found.tokens.positions
    keys.sort()
    form, positions = keys >> 32, keys & 0xFFFFFFFF
    text = text_of[positions]
    owner = owners[text]
    positions -= np.array(found.bases, np.int64)[text]
    begins = _changing(form, owner)
    firsts = begins.nonzero()[0]
    counts = _until(firsts, len(form))
    numbers = (owner[firsts] % max(articles, 1)).astype(article_type(articles))
    borders = _borders(form, len(FIELDS) * forms)
    at = _borders(form[firsts], len(FIELDS) * forms)
    for number, name in enumerate(FIELDS):
        own = slice(number * forms, (number + 1) * forms + 1)
        these, those = slice(at[own.start], at[own.stop - 1]), slice(borders[own.start], borders[own.stop - 1])
        _ascending(writer, f"{name}_at", at[own] - these.start)
        writer.add(f"{name}_articles", numbers[these])
        writer.add(f"{name}_counts", smallest(counts[these]))
        _ascending(writer, f"{name}_positions_at", borders[own] - those.start)
        writer.add(f"{name}_positions", smallest(positions[those]))
        if name == "text":
            inside = _changing(form[those], text[those]).nonzero()[0]
            best = _until(inside, those.stop - those.start)
            if len(best):
                best = np.maximum.reduceat(best, begins[those][inside].nonzero()[0])
            writer.add("text_best", smallest(best))


def _different(values: Any) -> Any:
    """Ascending values, each once."""
    new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return values[new]


def _borders(values: Numbers, end: int) -> Numbers:
    """Where those of each number below ``end`` begin among ascending values, and where the last end."""
    return _running(np.bincount(values, minlength=end))


def _running(values: Any) -> Numbers:
    """Sums of the values before each, and of all."""
    sums = np.zeros(len(values) + 1, np.int64)
    values.cumsum(out=sums[1:])
    return sums


def _changing(form: Numbers, other: Numbers) -> NDArray[np.bool_]:
    """Where the form is another than before, or the other thing."""
    new = np.ones(len(form), bool)
    new[1:] = (form[1:] != form[:-1]) | (other[1:] != other[:-1])
    return new


def _until(firsts: Numbers, end: int) -> Numbers:
    """How much lies from each place to the next, and from the last to the end."""
    sizes = -firsts
    sizes[:-1] += firsts[1:]
    sizes[-1:] += end
    return sizes


def _strings(writer: ArrayWriter, name: str, values: Sequence[bytes]) -> None:
    writer.put(name, "|u1", b"".join(values))
    _places(writer, f"{name}_at", values)


def _places(writer: ArrayWriter, name: str, things: Iterable[Sized]) -> None:
    """Where each of some things begins, and where the last ends."""
    places = list(accumulate(map(len, things), initial=0))
    writer.put(name, *packed(places, places[-1]))


def _numbers(writer: ArrayWriter, name: str, values: Sequence[int]) -> None:
    writer.put(name, *packed(values, max(values, default=0)))


def _ascending(writer: ArrayWriter, name: str, values: Numbers) -> None:
    """At least one number, the last the largest."""
    kind = smallest_type(int(values[-1]))
    writer.put(name, kind.str, values.astype(kind).tobytes())
