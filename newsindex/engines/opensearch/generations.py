"""The indices of a site in the cluster: the live one, where the alias points to, the one before, unfinished ones."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Final

from newsindex.engines.opensearch.connection import Connection, Refused
from newsindex.engines.opensearch.schema import fingerprint, index_body
from newsindex.engines.opensearch.view import Live
from newsindex.exceptions import EngineError, IndexDamaged, IndexNotBuilt

_MISSING = 404
_NO_INDEX: Final = "index_not_found_exception"
#: Seconds for which a new index waits at most for its copies before it goes live without them.
COPIES_WAIT: Final = 600.0
_EVERY: Final = 0.1
#: What an index of ours says of itself, beside its languages.
_SAID: Final = frozenset({"schema", "generation", "built_at"})
_FOREIGN: Final = "{0!r} is an index or alias that newsindex has not made; choose another name."


class Generations:
    """alias: the name under which the live index is found; the indices are called after it."""

    def __init__(self, connection: Connection, alias: str, settings: Mapping[str, Any]) -> None:
        self._connection = connection
        self.alias = alias
        self._settings = dict(settings)

    def live(self, timeout: float | None = None) -> Live:
        """The live index. IndexNotBuilt where there is none, or where it was built in another way than this."""
        try:
            # From the node that answers: what it knows of the cluster is what it searches.
            found = self._connection.ask(
                "GET", f"/{self.alias}/_mapping", timeout=timeout, local="true", filter_path="*.mappings._meta"
            )
        except Refused as error:
            # A proxy that knows nothing of the cluster says 404 as well.
            if error.status == _MISSING and error.kind == _NO_INDEX:
                raise IndexNotBuilt(f"There is no index {self.alias!r} yet: run newsindex_rebuild.") from None
            raise
        if len(found) > 1:
            raise IndexDamaged(f"The alias {self.alias!r} stands for several indices: {', '.join(sorted(found))}.")
        index, meta = next(((index, _meta(found[index])) for index in found), ("", {}))
        if index in ("", self.alias) or not meta:
            raise IndexDamaged(_FOREIGN.format(self.alias))
        if meta.get("schema") != fingerprint() or not meta.keys() >= _SAID:
            raise IndexNotBuilt(f"The index {index!r} was built by another version: run newsindex_rebuild.")
        languages = frozenset(meta.get("languages", ()))
        return Live(index, str(meta["generation"]), str(meta["built_at"]), languages)

    def create(self) -> Live:
        """A new index that nobody sees yet, fast to fill: without copies, and not refreshed."""
        now = datetime.now(timezone.utc)
        # To the microsecond: what comes first by its name was begun first.
        generation = f"{now:%Y%m%d%H%M%S%f}-{uuid.uuid4().hex[:6]}"
        live = Live(f"{self.alias}-{generation}", generation, now.isoformat(), frozenset())
        settings = {**self._settings, "number_of_replicas": 0, "refresh_interval": "-1"}
        settings.pop("auto_expand_replicas", None)
        self._connection.tell("PUT", f"/{live.index}", index_body(generation, live.built_at, settings))
        return live

    def learn(self, live: Live, languages: set[str]) -> Live:
        """``live`` with these languages among its own, so that queries ask for their stems."""
        if languages <= live.languages:
            return live
        grown = Live(live.index, live.generation, live.built_at, live.languages | languages)
        meta = {
            "schema": fingerprint(),
            "generation": live.generation,
            "built_at": live.built_at,
            "languages": sorted(grown.languages),
        }
        self._connection.tell("PUT", f"/{live.index}/_mapping", {"_meta": {"newsindex": meta}})
        return grown

    def spread(self, new: Live) -> None:
        """Give ``new`` its copies, and wait until those are there that have a node: then it may lose one."""
        self._connection.tell(
            "PUT", f"/{new.index}/_settings", {"index": {"number_of_replicas": None, "refresh_interval": None}}
        )
        wanted = {name: value for name, value in self._settings.items() if name in _LATER}
        if wanted:
            self._connection.tell("PUT", f"/{new.index}/_settings", {"index": wanted})
        until = time.monotonic() + COPIES_WAIT
        while self._connection.tell("GET", f"/_cluster/health/{new.index}")["initializing_shards"]:
            if time.monotonic() > until:
                return
            time.sleep(_EVERY)

    def publish(self, new: Live) -> None:
        """Point the alias to ``new``, in one step. The live one before is kept, all others go."""
        before = self._pointed_to()
        actions = [{"remove": {"index": index, "alias": self.alias}} for index in before]
        add = {"add": {"index": new.index, "alias": self.alias, "is_write_index": True}}
        try:
            self._connection.tell("POST", "/_aliases", {"actions": [*actions, add]})
        except EngineError:
            # It may have been done, and the answer lost.
            if self._pointed_to() != [new.index]:
                raise
        # What can't be dropped now goes with the next rebuild.
        with suppress(EngineError):
            self.drop_others({new.index, *before})

    def drop(self, index: str) -> bool:
        """Delete an index; whether there was one."""
        try:
            self._connection.tell("DELETE", f"/{index}")
        except Refused as error:
            if error.status == _MISSING:
                return False
            raise
        return True

    def drop_others(self, kept: set[str]) -> int:
        """Delete all generations of this alias but those; how many there were."""
        return sum(self.drop(index) for index in self.all() if index not in kept)

    def drop_unfinished(self) -> int:
        """Delete what rebuilds left behind that never ended; how many there were. IndexDamaged as ``_pointed_to``."""
        live = self._pointed_to()
        # Names are in the order of time; a finished one that is newer than the live one was given up by going back.
        return self.drop_others({index for index in self.all() if live and index <= live[-1]})

    def all(self) -> list[str]:
        """The names of all generations."""
        pattern = f"{self.alias}-*"
        found = self._connection.tell(
            "GET", f"/{pattern}/_mapping", filter_path="*.mappings._meta", expand_wildcards="all"
        )
        # Another site may have an alias that begins with ours.
        return sorted(index for index in found if index == f"{self.alias}-{_meta(found[index]).get('generation')}")

    def holds(self, live: Live) -> bool:
        """Whether the index is as we made it: for whoever writes to a deleted one, the cluster makes another."""
        try:
            found = self._connection.tell("GET", f"/{live.index}/_mapping")
        except Refused as error:
            if error.status == _MISSING:
                return False
            raise
        return bool(found[live.index]["mappings"].get("dynamic") == "strict")

    def _pointed_to(self) -> list[str]:
        """The indices that the alias stands for. IndexDamaged where somebody else has its name."""
        # Asked of this name alone: a cluster may have other indices, and keep them to itself.
        found = self._connection.tell("GET", f"/{self.alias}/_mapping", ignore_unavailable="true")
        if any(not index.startswith(f"{self.alias}-") and not _meta(found[index]) for index in found):
            raise IndexDamaged(_FOREIGN.format(self.alias))
        return sorted(found)


#: Settings that a generation gets when it goes live.
_LATER = ("number_of_replicas", "auto_expand_replicas", "refresh_interval")


def _meta(found: object) -> dict[str, Any]:
    """What an index says of itself; nothing where newsindex has not made it."""
    for name in ("mappings", "_meta", "newsindex"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}
