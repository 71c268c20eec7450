"""Locks that processes on several machines share: documents in the control index, held for as long as they are renewed.

Whoever takes the writer lock takes the next number of a clock with it: it is the version of all that is written under
the lock. A writer that was paused, and lost the lock meanwhile, comes with an older number, and the cluster refuses it.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from newsindex.engines.opensearch.connection import Connection, Refused
from newsindex.engines.opensearch.schema import CONTROL_BODY
from newsindex.exceptions import EngineError, WriterBusy

#: A holder that was not heard of for so many seconds is taken for dead. It renews its lock three times as often.
LEASE: Final = 60.0
_EVERY: Final = 0.05
#: Seconds between two tries to let go of a lock, while the cluster is away.
_AGAIN: Final = 1.0
_CONFLICT: Final = 409
_MISSING: Final = 404


@dataclass(frozen=True)
class Note:
    """A document of the control index. place: (sequence number, term), by which a change of it is conditional."""

    value: dict[str, Any]
    place: tuple[int, int] | None


class Control:
    """Small documents beside the articles, each read and changed at once."""

    def __init__(self, connection: Connection, index: str) -> None:
        self._connection = connection
        self.index = index

    def create(self) -> None:
        """Make the control index where there is none. EngineError where its name belongs to somebody else's."""
        try:
            self._connection.tell("PUT", f"/{self.index}", CONTROL_BODY)
        except Refused as error:
            if error.kind != "resource_already_exists_exception":
                raise
            self._make_own()

    def _make_own(self) -> None:
        """Replace what the cluster has made by itself, as it does for whoever writes to what somebody has deleted."""
        found = self._connection.tell("GET", f"/{self.index}/_mapping")
        if all(each["mappings"].get("dynamic") == "strict" for each in found.values()):
            return
        fields = {field for each in found.values() for field in each["mappings"].get("properties", {})}
        if foreign := sorted(fields - CONTROL_BODY["mappings"]["properties"].keys()):
            raise EngineError(
                f"The index {self.index} has fields that newsindex does not write ({', '.join(foreign[:5])}), so it is "
                'left alone. Give the engine another "index" in its OPTIONS, or rename that one.'
            )
        self._connection.tell("DELETE", f"/{self.index}")
        self._connection.tell("PUT", f"/{self.index}", CONTROL_BODY)

    def read(self, name: str, *, quickly: bool = False) -> Note:
        """The document ``name``; an empty one where there is none. quickly: within the limit for searches."""
        send = self._connection.ask if quickly else self._connection.tell
        try:
            found = send("GET", f"/{self.index}/_doc/{name}")
        except Refused as error:
            if error.status != _MISSING:
                raise
            if error.kind == "index_not_found_exception" and not quickly:
                # It was lost. Whoever is to write there must not have the cluster make one of its own.
                self.create()
            return Note({}, None)
        return Note(found["_source"]["value"], (found["_seq_no"], found["_primary_term"]))

    def write(self, name: str, kind: str, value: dict[str, Any], before: Note) -> Note | None:
        """Put ``value`` in the place of ``before``; None where somebody else was faster."""
        condition: dict[str, Any] = {"op_type": "create"}
        if before.place is not None:
            condition = {"if_seq_no": before.place[0], "if_primary_term": before.place[1]}
        try:
            made = self._connection.tell(
                "PUT", f"/{self.index}/_doc/{name}", {"kind": kind, "name": name, "value": value}, **condition
            )
        except Refused as error:
            if error.status == _CONFLICT:
                return None
            raise
        return Note(value, (made["_seq_no"], made["_primary_term"]))

    def note(self, name: str, kind: str, value: dict[str, Any]) -> None:
        """Put ``value`` there, whatever was."""
        self._connection.tell("PUT", f"/{self.index}/_doc/{name}", {"kind": kind, "name": name, "value": value})

    def all_of(self, kind: str) -> list[dict[str, Any]]:
        """The values of all documents of a kind."""
        self._connection.tell("POST", f"/{self.index}/_refresh")
        out: list[dict[str, Any]] = []
        after: list[Any] = []
        while True:
            body: dict[str, Any] = {"size": 1_000, "query": {"term": {"kind": kind}}, "sort": [{"name": "asc"}]}
            if after:
                body["search_after"] = after
            hits = self._connection.tell("POST", f"/{self.index}/_search", body)["hits"]["hits"]
            if not hits:
                return out
            out += [hit["_source"]["value"] for hit in hits]
            after = hits[-1]["sort"]

    def remove(self, kind: str) -> None:
        """Take all documents of a kind out."""
        body = {"query": {"term": {"kind": kind}}}
        self._connection.tell("POST", f"/{self.index}/_delete_by_query", body, refresh="true", conflicts="proceed")


class Held:
    """A lock that this process holds, renewed by a thread until it is released. clock: the number that came with it."""

    def __init__(self, lock: Lock, note: Note, release: Callable[[], None]) -> None:
        self.clock = int(note.value["clock"])
        self.lost = False
        self._let = False
        self._lock = lock
        self._note = note
        self._release = release
        self._ended = threading.Event()
        self._changing = threading.Lock()
        self._thread = threading.Thread(target=self._renew, name="newsindex-lease", daemon=True)
        self._thread.start()

    def assure(self, *, now: bool = False) -> None:
        """WriterBusy where the lock was lost: somebody else took this holder for dead. now: look, for it may be so."""
        if now and not self._lock.is_held(self.clock):
            self.lost = True
        if self.lost:
            raise WriterBusy("The lock was lost while the cluster was away; what was written is still pending.")

    def release(self) -> None:
        """Let others in. Harmless when it is done twice.

        While the cluster is away, the thread goes on trying for as long as others would wait for the lease to end.
        """
        if self._ended.is_set():
            return
        self._ended.set()
        try:
            self._let_go()
        finally:
            self._release()

    def _let_go(self) -> bool:
        """Whether the cluster said that nobody holds it, or that somebody else does."""
        with self._changing:
            if not (self.lost or self._let):
                try:
                    self._lock.change({**self._note.value, "owner": ""}, self._note)
                except EngineError:
                    return False
                self._let = True
            return True

    def _renew(self) -> None:
        while not self._ended.wait(LEASE / 3):
            with self._changing:
                if self._ended.is_set():
                    break
                try:
                    value = {**self._note.value, "renewed": int(self._note.value.get("renewed", 0)) + 1}
                    renewed = self._lock.change(value, self._note)
                except EngineError:
                    continue
                if renewed is None:
                    self.lost = True
                    return
                self._note = renewed
        until = time.monotonic() + LEASE
        while not self._let_go() and time.monotonic() < until:
            time.sleep(_AGAIN)


class Lock:
    """A lock by name, one holder in all processes. what: for the message to whoever finds it held."""

    def __init__(self, control: Control, name: str, what: str) -> None:
        self._control = control
        self._name = name
        self._what = what
        self._own = uuid.uuid4().hex
        self._here = threading.Lock()
        # The holder that is watched, and when it was seen first in this state.
        self._watched: tuple[object, float] | None = None

    def take(self, wait: float) -> Held:
        """The lock, after at most ``wait`` seconds, or WriterBusy."""
        until = time.monotonic() + max(wait, 0.0)
        if not self._here.acquire(timeout=max(wait, 0.0)):
            raise self._busy(wait)
        try:
            while True:
                note = self._try()
                if note is not None:
                    return Held(self, note, self._here.release)
                if time.monotonic() >= until:
                    raise self._busy(wait)
                time.sleep(_EVERY)
        except BaseException:
            self._here.release()
            raise

    def held(self) -> dict[str, Any] | None:
        """What the holder says, None where there is none."""
        found = self._control.read(self._name).value
        return found if found.get("owner") else None

    def is_held(self, clock: int) -> bool:
        """Whether the lock is still held by whoever took it with this number."""
        found = self._control.read(self._name).value
        return bool(found.get("owner")) and found.get("clock") == clock

    def change(self, value: dict[str, Any], before: Note) -> Note | None:
        return self._control.write(self._name, "lock", value, before)

    def _try(self) -> Note | None:
        found = self._control.read(self._name)
        owner = found.value.get("owner")
        # One of our own was taken or let go by a request whose answer got lost: nobody here holds it.
        mine = f"{_machine()}:{os.getpid()}:{self._own}"
        if owner and owner != mine and not self._dead(found):
            return None
        value = {
            "owner": mine,
            # The time of day, so that a clock that was lost with its index does not begin again below the articles.
            "clock": max(int(found.value.get("clock", 0)) + 1, time.time_ns() // 1_000_000),
            "renewed": 0,
        }
        return self.change(value, found)

    def _dead(self, found: Note) -> bool:
        host, pid, _ = str(found.value["owner"]).rsplit(":", 2)
        if host == _machine() and not _runs(int(pid)):
            return True
        # By our own clock: those of machines differ.
        if self._watched is None or self._watched[0] != found.place:
            self._watched = (found.place, time.monotonic())
        return time.monotonic() - self._watched[1] > LEASE

    def _busy(self, wait: float) -> WriterBusy:
        return WriterBusy(f"{self._what} is open elsewhere; waited {wait} seconds.")


@cache
def _machine() -> str:
    """Where process ids are known: containers may share the name of a host, and do not see each other's processes."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _runs(pid: int) -> bool:
    if pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
