"""Numbers with separators."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsindex.numerals import NUMBERS, numeral


@pytest.mark.parametrize(
    ("text", "terms", "alone"),
    [
        ("1,000,000", ("1000000",), True),
        ("12,34,567", ("1234567",), True),
        ("1\u202f000", ("1000",), True),
        ("1’000", ("1000",), True),
        ("1.000", ("1.000", "1000"), False),
        ("2.7.1", ("2.7.1",), False),
        ("v2.7", ("v2.7", "2.7"), False),
        ("3,14", ("3.14",), False),
        ("1,234.56", ("1234.56",), True),
        ("1.234.567,8", ("1234567.8",), True),
        ("1\u00a0234,5", ("1234.5",), True),
    ],
)
def test_what_a_number_means(text: str, terms: tuple[str, ...], alone: bool) -> None:
    assert numeral(text) == (terms, alone)


@pytest.mark.parametrize("text", ["1,2,3", "2019,2020", "12.5,13.5", "2020\u00a0100", "1,2.3,4", "1’2"])
def test_what_is_no_number(text: str) -> None:
    assert numeral(text) is None


@given(st.text("0123456789.,'’\u00a0v", max_size=25))
def test_every_match_can_be_read(text: str) -> None:
    for match in NUMBERS.finditer(text):
        found = numeral(match.group())
        assert found is None or all(found.terms)


@given(st.integers(1_000, 10**15), st.sampled_from([",", ".", "\u202f", "’"]))
def test_however_it_is_grouped_it_is_the_same_number(number: int, separator: str) -> None:
    found = numeral(f"{number:,}".replace(",", separator))
    assert found and str(number) in found.terms
