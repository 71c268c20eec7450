"""The dictionary of a segment: which of the known forms and stems it has, in the order of their keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newsindex.engines.whoosh.arrays import Array, ArrayWriter, smallest
from newsindex.engines.whoosh.lexicon import Lexicon, Names, Numbers


def ranked(lexicon: Lexicon, tokens: Iterable[NDArray[np.uint32]]) -> tuple[Numbers, NDArray[np.uint32]]:
    """The forms of some tokens in the order of their keys, and the place of each known form in this order.

    tokens: the forms of all of them, in pieces.
    """
    known = len(lexicon.forms)
    mask = np.zeros(known, bool)
    for forms in tokens:
        mask[forms] = True
    used = lexicon.forms.ordered(mask.nonzero()[0])
    # Only the places of forms that are used are ever read.
    return used, _ranks(used, known)


def write_dictionary(writer: ArrayWriter, lexicon: Lexicon, used: Numbers, ranks: NDArray[np.uint32]) -> None:
    """Write the forms and stems. used, ranks: of ``ranked``."""
    _names(writer, "form", lexicon.forms, used)
    sizes, letters = lexicon.words()
    writer.add("form_size", smallest(sizes[used]))
    writer.add("form_letters", letters[used])
    stems, forms = lexicon.stem.values[used].astype(np.int64), ranks[used]
    others = lexicon.other_forms.values
    if len(others):
        mask = np.zeros(len(lexicon.forms), bool)
        mask[used] = True
        there = mask[others]
        stems = np.concatenate((stems, lexicon.other_stems.values[there]))
        forms = np.concatenate((forms, ranks[others[there]]))
    mask = np.zeros(len(lexicon.stems), bool)
    mask[stems] = True
    ordered = lexicon.stems.ordered(mask.nonzero()[0])
    _names(writer, "stem", lexicon.stems, ordered)
    pairs = _ranks(ordered, len(lexicon.stems))[stems].astype(np.int64) << 32 | forms
    pairs.sort()
    writer.add("stem_forms_at", places_of(np.bincount(pairs >> 32, minlength=len(ordered))))
    writer.add("stem_forms", smallest(pairs & 0xFFFFFFFF))


def places_of(sizes: Any) -> Array:
    """Where each begins of things of these sizes, and where the last ends."""
    places = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, dtype=np.int64, out=places[1:])
    return smallest(places)


def _ranks(used: Numbers, known: int) -> NDArray[np.uint32]:
    ranks = np.empty(known, np.uint32)
    ranks[used] = np.arange(len(used), dtype=np.uint32)
    return ranks


def _names(writer: ArrayWriter, name: str, known: Names, used: Numbers) -> None:
    data = b"".join(map(known.names.__getitem__, used.tolist()))
    writer.add(name, np.frombuffer(data, np.uint8))
    writer.add(f"{name}_at", places_of(known.sizes[used]))
