"""Writing: batches for the cluster's bulk interface, tried again item by item, and the writers that fill them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from newsindex.analysis import stemming_language
from newsindex.engines.base import Document, Writer
from newsindex.engines.opensearch.connection import Connection, Refused, Unavailable, reason
from newsindex.engines.opensearch.documents import body, identity
from newsindex.exceptions import ContractError, DocumentsRefused

#: A request to the cluster has at most so many items and characters.
MOST_ITEMS: Final = 500
MOST_CHARACTERS: Final = 8_000_000
#: Seconds to wait before an item is tried again, at first and at most.
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_STALE: Final = 409
_TOO_LARGE: Final = 413
#: The cluster is busy or a copy moves; the same item may go through a little later.
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
#: The index takes nothing, or not from this user, or is gone: no fault of any item.
_NOTHING: Final = frozenset({401, 403, 404})

#: A change: the key, and the document, or None where it is taken out.
Change = tuple[str, Document | None]


@dataclass
class Written:
    """What became of a batch. stale: items that a later writer was faster with. failed: why, by key."""

    applied: int = 0
    stale: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """A line or two of a bulk request."""

    key: str
    lines: str


class Bulk:
    """Sends changes to one index, all with the version ``clock``: what is there with a higher one stays.

    patience: seconds after which what the cluster will not take is given up.
    """

    def __init__(self, connection: Connection, index: str, clock: int, patience: float) -> None:
        self._connection = connection
        self._index = index
        self._clock = clock
        self._patience = patience

    def send(self, changes: Iterable[Change]) -> Written:
        """Apply the changes. Raises Unavailable where the cluster stays away; some may be applied then."""
        written = Written()
        batch: list[Item] = []
        size = 0
        for key, document in changes:
            item = self._item(key, document)
            if batch and (len(batch) >= MOST_ITEMS or size + len(item.lines) > MOST_CHARACTERS):
                self._deliver(batch, written)
                batch, size = [], 0
            batch.append(item)
            size += len(item.lines)
        self._deliver(batch, written)
        return written

    def _item(self, key: str, document: Document | None) -> Item:
        # Deletes have versions too: without one, what comes after them is refused.
        action = {"_id": identity(key), "version": self._clock, "version_type": "external_gte"}
        name = "delete" if document is None else "index"
        lines = [json.dumps({name: action})]
        if document is not None:
            lines.append(json.dumps(body(document), ensure_ascii=False, separators=(",", ":")))
        return Item(key, "\n".join(lines) + "\n")

    def _deliver(self, batch: Sequence[Item], written: Written) -> None:
        until = time.monotonic() + self._patience
        pause = _FIRST_PAUSE
        left = list(batch)
        why: Exception
        while left:
            try:
                left, why = self._once(left, written)
            except Refused as error:
                if error.status == _TOO_LARGE:
                    self._in_parts(left, written, str(error))
                    return
                if error.status not in _AGAIN:
                    raise
                why = error
            except Unavailable as error:
                # It may have been applied or not: with explicit versions it does no harm to send it again.
                why = error
            if left:
                if time.monotonic() + pause > until:
                    raise why
                time.sleep(pause * (0.5 + random.random() / 2))
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _in_parts(self, batch: Sequence[Item], written: Written, why: str) -> None:
        """Deliver what is too large at once; what is too large alone is refused."""
        if len(batch) == 1:
            written.failed[batch[0].key] = why
            return
        half = len(batch) // 2
        self._deliver(batch[:half], written)
        self._deliver(batch[half:], written)

    def _once(self, batch: Sequence[Item], written: Written) -> tuple[list[Item], Exception]:
        """Send a batch; what to send again, and why."""
        text = "".join(item.lines for item in batch)
        answer = self._connection.tell("POST", f"/{self._index}/_bulk", text, require_alias="false")
        again: list[Item] = []
        why: Exception = Unavailable("OpenSearch is too busy to write.")
        for item, result in zip(batch, answer["items"], strict=True):
            outcome = next(iter(result.values()))
            status = int(outcome["status"])
            if status in _AGAIN:
                again.append(item)
                why = Unavailable(f"OpenSearch is too busy to write: {reason(outcome.get('error'))}")
            elif status == _STALE:
                written.stale += 1
            elif "error" in outcome and status in _NOTHING:
                raise Refused(f"OpenSearch refused ({status}): {reason(outcome['error'])}", status, "")
            elif "error" in outcome:
                written.failed[item.key] = reason(outcome["error"])
            else:
                written.applied += 1
        return again, why


def languages_of(changes: Mapping[str, Document | None]) -> set[str]:
    """The codes of ``stemming_language`` of the documents."""
    return {stemming_language(document.language) for document in changes.values() if document is not None}


class OpenSearchWriter(Writer):
    """Collects changes by key, so that the last one counts. Committing or cancelling ends it.

    commit: applies the changes, and keeps ``serial``. flush: applies those that may be seen early, and says whether it
    did; None for a writer whose changes wait for the commit. release: is called at the end, whatever happened.
    """

    def __init__(
        self,
        commit: Callable[[Mapping[str, Document | None], int | None], None],
        release: Callable[[], None],
        flush: Callable[[Mapping[str, Document | None]], None] | None = None,
    ) -> None:
        self._apply = commit
        self._early = flush
        self._release = release
        self._changes: dict[str, Document | None] = {}
        self._open = True

    def put(self, document: Document) -> None:
        self._change(document.key, document)

    def delete(self, key: str) -> None:
        self._change(key, None)

    def flush(self) -> None:
        if self._open and self._early is not None:
            changes, self._changes = self._changes, {}
            self._early(changes)

    def commit(self) -> None:
        if self._open:
            try:
                self._apply(self._changes, self.serial)
            finally:
                self.cancel()

    def cancel(self) -> None:
        if self._open:
            self._open = False
            self._changes = {}
            self._release()

    def _change(self, key: str, document: Document | None) -> None:
        if not self._open:
            raise ContractError("This writer has committed or was cancelled; open another one with engine.writer().")
        self._changes[key] = document
        if self._early is not None and len(self._changes) >= MOST_ITEMS:
            self.flush()


def refused(written: Written) -> DocumentsRefused:
    """The error for items that the cluster will never take."""
    key, why = next(iter(written.failed.items()))
    text = f"OpenSearch refused {len(written.failed)} of the documents, the first being {key}: {why}"
    return DocumentsRefused(text, written.failed)
