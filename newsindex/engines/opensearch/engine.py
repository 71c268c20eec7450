"""OpenSearchEngine: the distributed engine. The articles of a site in an OpenSearch cluster."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from newsindex.engines.base import (
    SUGGESTION_KINDS,
    ArticleHit,
    Document,
    Engine,
    Explanation,
    Health,
    Problem,
    Purged,
    Rebuild,
    SearchPage,
    SearchRequest,
    Stats,
    Suggestion,
    SuggestionKind,
    Writer,
)
from newsindex.engines.completion import Typed, completions
from newsindex.engines.opensearch.answering import Search
from newsindex.engines.opensearch.compiling import ARTICLES
from newsindex.engines.opensearch.compiling import keys as compiled_keys
from newsindex.engines.opensearch.completing import Offered
from newsindex.engines.opensearch.connection import Connection, Refused
from newsindex.engines.opensearch.documents import identity
from newsindex.engines.opensearch.generations import Generations
from newsindex.engines.opensearch.likeness import like
from newsindex.engines.opensearch.locks import Control, Lock
from newsindex.engines.opensearch.purging import expunge
from newsindex.engines.opensearch.rebuild import TOUCHED, OpenSearchRebuild, statistics
from newsindex.engines.opensearch.serials import keep_serial, kept_serial
from newsindex.engines.opensearch.view import Live, View, document_of
from newsindex.engines.opensearch.writing import Bulk, OpenSearchWriter, languages_of, refused
from newsindex.engines.relatedness import like_request
from newsindex.exceptions import EngineError, IndexNotBuilt

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
_LOOPBACK: Final = re.compile(r"(http://)?(localhost|127\.[0-9.]+|\[::1\])([:/]|$)", re.IGNORECASE)
_MISSING: Final = 404
_SCANNED: Final = 2_000
_KEEP_ALIVE: Final = "5m"
_HEALTH_TIMEOUT: Final = 1.0


class OpenSearchEngine(Engine):
    """Searches and changes indices in an OpenSearch cluster, version 3.

    hosts: addresses of nodes, such as "https://search1.example.org:9200". index: what the indices of this site are
    called; two sites in a cluster need two names. client: more arguments for ``opensearchpy.OpenSearch``, such as
    http_auth or ca_certs. settings: of an index, such as {"number_of_shards": 3, "number_of_replicas": 1}.
    search_timeout: seconds at most for each request of a search. write_timeout: for one of a writer. patience: seconds
    that a writer goes on trying while the cluster is too busy. purge_wait: seconds that a purge waits until it may
    rewrite the files, about half a minute; with 0 it leaves that to the merges of the cluster. refresh: whether a
    commit waits until it can be seen.
    """

    supports_like = True
    supports_explain = True

    def __init__(
        self,
        *,
        hosts: str | Sequence[str] = "http://localhost:9200",
        index: str = "newsindex",
        client: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        search_timeout: float = 2.0,
        write_timeout: float = 30.0,
        patience: float = 60.0,
        purge_wait: float = 120.0,
        refresh: bool = True,
    ) -> None:
        addresses = [hosts] if isinstance(hosts, str) else list(hosts)
        if not addresses or not all(isinstance(host, str) and host for host in addresses):
            raise TypeError(f"OpenSearchEngine: hosts must be one or more addresses, not {hosts!r}.")
        if not isinstance(index, str) or not _NAME.fullmatch(index):
            raise TypeError(f"OpenSearchEngine: index must be small letters, digits, '-' and '_', not {index!r}.")
        for name, seconds in (("search_timeout", search_timeout), ("write_timeout", write_timeout)):
            if not isinstance(seconds, int | float) or not seconds > 0:
                raise TypeError(f"OpenSearchEngine: {name} must be a number of seconds above 0, not {seconds!r}.")
        for name, seconds in (("patience", patience), ("purge_wait", purge_wait)):
            if not isinstance(seconds, int | float) or not seconds >= 0:
                raise TypeError(f"OpenSearchEngine: {name} must be a number of seconds, not {seconds!r}.")
        self.hosts = addresses
        self.index = index
        self._settings = dict(settings or {})
        options = client or {}
        self._says_who = bool({"http_auth", "headers"} & set(options)) or any("@" in host for host in addresses)
        self._encrypts = bool(options.get("use_ssl"))
        self._patience = float(patience)
        self._purge_wait = float(purge_wait)
        self._refreshes = refresh
        self._connection = Connection(addresses, client or {}, float(search_timeout), float(write_timeout))
        self._generations = Generations(self._connection, index, self._settings)
        self._control = Control(self._connection, f".{index}-control")
        self._writing = Lock(self._control, "writer", f"A writer of the index {index!r}")
        self._rebuilding = Lock(self._control, "rebuild", f"A rebuild of the index {index!r}")

    # Reading

    def search(self, request: SearchRequest) -> SearchPage:
        began = time.perf_counter()
        live = self._generations.live(request.timeout)
        try:
            page = self._search(live, request)
        except Refused as error:
            if error.status != _MISSING:
                raise
            # A rebuild has swapped the index and thrown an older one away in between.
            page = self._search(self._generations.live(request.timeout), request)
        return replace(page, took=time.perf_counter() - began)

    def _search(self, live: Live, request: SearchRequest) -> SearchPage:
        view = View(self._connection, live, request.now, request.audiences, request.hidden, request.timeout)
        return Search(view, request).answer()

    def suggest(
        self,
        text: str,
        *,
        now: datetime,
        audiences: frozenset[str],
        hidden: frozenset[str] = frozenset(),
        limit: int = 8,
        kinds: Collection[SuggestionKind] = SUGGESTION_KINDS,
        timeout: float | None = None,
    ) -> tuple[Suggestion, ...]:
        view = View(self._connection, self._generations.live(timeout), now, audiences, hidden, timeout)
        return completions(Typed(text), Offered(view), limit, kinds)

    def related(
        self,
        key: str,
        *,
        now: datetime,
        audiences: frozenset[str],
        hidden: frozenset[str] = frozenset(),
        limit: int = 5,
        timeout: float | None = None,
    ) -> tuple[ArticleHit, ...]:
        view = View(self._connection, self._generations.live(timeout), now, audiences, hidden, timeout)
        document = view.document(key)
        if document is None:
            return ()
        return like(view, document, like_request(now, audiences, hidden, limit, 0), limit)

    def like(
        self,
        document: Document,
        *,
        now: datetime,
        audiences: frozenset[str],
        hidden: frozenset[str] = frozenset(),
        limit: int = 5,
        timeout: float | None = None,
        paragraphs: int = 0,
    ) -> tuple[ArticleHit, ...]:
        view = View(self._connection, self._generations.live(timeout), now, audiences, hidden, timeout)
        return like(view, document, like_request(now, audiences, hidden, limit, paragraphs), limit)

    def explain(self, request: SearchRequest, key: str) -> Explanation | None:
        live = self._generations.live(request.timeout)
        view = View(self._connection, live, request.now, request.audiences, request.hidden, request.timeout)
        document = view.document(key)
        return None if document is None else Search(view, request).explanation(document)

    def get(self, key: str) -> Document | None:
        live = self._generations.live()
        # Within the body: a key may hold anything.
        found = self._connection.ask("POST", f"/{live.index}/_mget", {"docs": [{"_id": identity(key)}]})["docs"][0]
        return document_of(found) if found.get("found") else None

    def scan(self) -> Iterator[tuple[str, str]]:
        for hit in self._walk(self._generations.live(), ["version"]):
            yield str(hit["sort"][0]), str(hit["fields"]["version"][0])

    def _walk(self, live: Live, fields: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """All articles by key, as they are when it begins."""
        tell = self._connection.tell
        point = tell("POST", f"/{live.index}/_search/point_in_time", keep_alive=_KEEP_ALIVE)["pit_id"]
        body: dict[str, Any] = {
            "size": _SCANNED,
            "pit": {"id": point, "keep_alive": _KEEP_ALIVE},
            "query": ARTICLES,
            "sort": [{"key": "asc"}],
            "track_total_hits": False,
            "_source": False,
            "docvalue_fields": list(fields),
        }
        try:
            while True:
                hits = tell("POST", "/_search", body, allow_partial_search_results="false")["hits"]["hits"]
                yield from hits
                if len(hits) < _SCANNED:
                    return
                body["search_after"] = hits[-1]["sort"]
        finally:
            tell("DELETE", "/_search/point_in_time", {"pit_id": [point]})

    # Writing

    def writer(self, *, wait: float = 0.0) -> Writer:
        return self._writer(wait, nullcontext)

    def brief_writer(self) -> Writer:
        return self._writer(0.0, self._connection.hurried)

    def _writer(self, wait: float, pace: Callable[[], AbstractContextManager[None]]) -> Writer:
        with pace():
            self._generations.live()
            held = self._writing.take(wait)

        def commit(changes: Mapping[str, Document | None], serial: int | None) -> None:
            with pace():
                held.assure()
                self._commit(changes, serial, held.clock)

        def release() -> None:
            with pace():
                held.release()

        return OpenSearchWriter(commit, release)

    def rebuild(self, *, go_on: bool = False) -> Rebuild:
        self._control.create()
        held = self._rebuilding.take(0.0)
        try:
            self._generations.drop_unfinished()
            return OpenSearchRebuild(
                self._connection, self._generations, self._control, self._writing, held, self._patience
            )
        except BaseException:
            held.release()
            raise

    def refresh(self) -> None:
        self._connection.tell("POST", f"/{self._generations.live().index}/_refresh")

    def purge(self, keys: Collection[str], *, wait: float = 0.0) -> Purged:
        try:
            done = self._take_out(keys, wait)
        except IndexNotBuilt:
            return Purged(frozenset(keys))
        held = self._rebuilding.take(wait)
        try:
            done += self._take_out(keys, wait)
            live = self._generations.live()
            dropped = self._generations.drop_others({live.index})
            if self._purge_wait:
                expunge(self._connection, live.index, self._purge_wait)
        finally:
            held.release()
        return replace(done, generations=dropped)

    def _take_out(self, keys: Collection[str], wait: float) -> Purged:
        with self.writer(wait=wait) as writer:
            for key in keys:
                writer.delete(key)
            query = compiled_keys(keys)
            there = self._connection.tell("POST", f"/{self._generations.live().index}/_count", {"query": query})
        return Purged(frozenset(keys), int(there["count"]))

    def _commit(self, changes: Mapping[str, Document | None], serial: int | None, clock: int) -> None:
        if not changes and serial is None:
            return
        if changes and self._rebuilding.held() is not None:
            # Before they are applied: what the rebuild has read of these may be older.
            self._control.note(f"{TOUCHED}-{clock}", TOUCHED, {"keys": sorted(changes)})
        live = self._generations.learn(self._generations.live(), languages_of(changes))
        patience = 0.0 if self._connection.hurries else self._patience
        written = Bulk(self._connection, live.index, clock, patience).send(changes.items())
        if serial is not None:
            # Only now: what is not in the index must not be taken for seen by it.
            keep_serial(self._connection, self._control.index, live.index, serial)
        if changes and self._refreshes:
            self._connection.tell("POST", f"/{live.index}/_refresh")
        if written.failed:
            raise refused(written)

    def token(self) -> str:
        return str(self._control.read("token", quickly=True).value.get("token", ""))

    def set_token(self, token: str) -> None:
        self._control.create()
        self._control.note("token", "token", {"token": token})

    def serial(self) -> int | None:
        return kept_serial(self._connection, self._control.index, self.index)

    # Upkeep

    def stats(self) -> Stats:
        try:
            return statistics(self._connection, self._generations.live())
        except IndexNotBuilt:
            return Stats()

    def health(self) -> Health:
        try:
            live = self._generations.live(_HEALTH_TIMEOUT)
            found = self._connection.ask("GET", f"/_cluster/health/{live.index}", timeout=_HEALTH_TIMEOUT)
        except EngineError as error:
            return Health(ok=False, message=str(error))
        if found["status"] == "red":
            return Health(ok=False, message=f"Shards of {live.index} are missing: searches would miss articles.")
        missing = int(found["unassigned_shards"])
        return Health(ok=True, message=f"{missing} copies of shards have no node." if missing else "")

    def verify(self) -> Sequence[str]:
        try:
            live = self._generations.live()
        except IndexNotBuilt:
            return ()
        health = self.health()
        return [
            *([] if health.ok else [health.message]),
            *(
                f"{hit['_id']!r} holds the document {hit['sort'][0]!r}."
                for hit in self._walk(live, [])
                if hit["_id"] != identity(str(hit["sort"][0]))
            ),
        ]

    def check(self) -> list[Problem]:
        # Without a scheme it is http.
        places = [_place(host) for host in self.hosts if not host.lower().startswith("https://")]
        open_hosts = [place for place in places if not _LOOPBACK.match(place)]
        if not open_hosts or self._encrypts or not self._says_who:
            return []
        return [
            Problem(
                "warning",
                "newsindex.W017",
                f"The password for the cluster goes unencrypted to {', '.join(open_hosts)}.",
                "Give addresses that begin with https:// in OPTIONS['hosts'].",
            )
        ]

    def close(self) -> None:
        self._connection.close()


def _place(host: str) -> str:
    """An address without the name and the password that may be in it."""
    scheme, mark, rest = host.rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
