"""The order of hits and the cursor that stands for a place in it. Pure."""

from __future__ import annotations

import base64
import binascii
import math
from datetime import datetime, timedelta, timezone
from typing import Final, TypeAlias

from newsindex.engines.base import Sort
from newsindex.exceptions import ContractError

#: Hits are in ascending order of these: (-score, 1 if undated else 0, -date or date, key). The score is 0.0 where
#: the order is by date, the date is in microseconds since 1970 and 0 where there is none.
Place: TypeAlias = tuple[float, int, int, str]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
MAX_CURSOR: Final = 4_096
_MICROSECOND: Final = timedelta(microseconds=1)
_MOST_MICROSECONDS: Final = 2**62


def microseconds(moment: datetime) -> int:
    """An aware ``moment`` as microseconds since 1970 in UTC, exact."""
    return (moment - EPOCH) // _MICROSECOND


def place(sort: Sort, score: float, published_at: datetime | None, key: str) -> Place:
    """Where a hit stands. score: rounded to ``ranking.DECIMALS``."""
    at = 0 if published_at is None else microseconds(published_at)
    return (
        -score if sort == "relevance" else 0.0,
        int(published_at is None),
        at if sort == "oldest" else -at,
        key,
    )


def encode_cursor(sort: Sort, last: Place) -> str:
    """The cursor for the hits after ``last``: letters, digits, ``-`` and ``_``."""
    text = "|".join((sort, repr(float(last[0])), str(int(last[1])), str(int(last[2])), last[3]))
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode("ascii").rstrip("=")


def decode_cursor(sort: Sort, cursor: str) -> Place:
    """The place of the last hit before the page. ContractError where ``cursor`` was not made for ``sort``."""
    try:
        if len(cursor) > MAX_CURSOR:
            raise ValueError
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode(errors="surrogatepass")
        made_for, score, undated, at, key = text.split("|", 4)
        last = (float(score), int(undated), int(at), key)
    except (ValueError, binascii.Error):
        last = (math.nan, 0, 0, "")
        made_for = ""
    sound = math.isfinite(last[0]) and last[1] in (0, 1) and abs(last[2]) < _MOST_MICROSECONDS
    if not sound or made_for != sort:
        raise ContractError(f"SearchRequest.cursor {cursor[:60]!r} was not given for a page sorted by {sort}.")
    return last
