"""Numbers with separators: 1,000,000 and 1.000.000 and 1’000’000 are 1000000. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

#: Spaces that stand inside numbers: no-break, figure, thin, narrow no-break.
SPACES: Final = "\u00a0\u2007\u2009\u202f"
_APOSTROPHES: Final = "'\u2019"
#: Digits in groups, whatever is between these.
NUMBERS: Final = re.compile(rf"[vV]?[0-9]+(?:[.,{_APOSTROPHES}{SPACES}][0-9]+)+")
_SEPARATOR: Final = re.compile(rf"[.,{_APOSTROPHES}{SPACES}]")
_THREES: Final = re.compile(r"[0-9]{1,3}(?: [0-9]{3})+")
# In India, the groups before the last have two digits.
_GROUPS: Final = re.compile(r"[0-9]{1,3}(?: [0-9]{2,3})* [0-9]{3}")


class Numeral(NamedTuple):
    """A number as it is found. terms: its spellings without grouping. alone: its groups of digits are no numbers."""

    terms: tuple[str, ...]
    alone: bool


@lru_cache(maxsize=4_096)
def numeral(text: str) -> Numeral | None:
    """What a match of ``NUMBERS`` means; None for a list of numbers, a range, a blob.

    A comma or a dot with three digits behind it groups thousands; with a dot, which may as well be a decimal point or
    part of a version, both meanings stand. Of two different separators the last one is the decimal point.
    """
    if text[0] in "vV":
        rest = numeral(text[1:])
        return Numeral((text.lower(), *rest.terms), False) if rest and not rest.alone and "," not in text else None
    kinds = {" " if sign in SPACES else "'" if sign in _APOSTROPHES else sign for sign in _SEPARATOR.findall(text)}
    groups = _SEPARATOR.split(text)
    if len(kinds) == 2:
        return _with_decimals(text, groups)
    if len(kinds) > 2:
        return None
    (kind,) = kinds
    spaced = " ".join(groups)
    digits = "".join(groups)
    if kind == ".":
        return Numeral((text, digits) if _THREES.fullmatch(spaced) else (text,), False)
    if kind == "," and _GROUPS.fullmatch(spaced) or kind != "," and _THREES.fullmatch(spaced):
        return Numeral((digits,), True)
    if kind == "," and len(groups) == 2 and (len(groups[1]) < 3 or len(groups[0]) < 4):
        return Numeral((".".join(groups),), False)
    return None


def _with_decimals(text: str, groups: list[str]) -> Numeral | None:
    signs = _SEPARATOR.findall(text)
    whole = " ".join(groups[:-1])
    if signs[-1] in ".," and signs[-1] not in signs[:-1] and _GROUPS.fullmatch(whole):
        return Numeral(("".join(groups[:-1]) + "." + groups[-1],), True)
    return None
