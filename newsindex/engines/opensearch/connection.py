"""One cluster as the engine sees it: requests with a time limit, errors by their meaning, and a breaker before them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from newsindex.deadline import Deadline
from newsindex.exceptions import EngineError

try:
    import opensearchpy
    from opensearchpy import exceptions as client_errors
except ImportError as error:
    raise ImportError(
        "newsindex.engines.opensearch needs opensearch-py: pip install 'django-newsindex[opensearch]'"
    ) from error

#: What a request answers: JSON.
Answer = dict[str, Any]
#: After so many failures in a row nothing is sent for REST seconds; then one request tries.
FAILURES: Final = 3
REST: Final = 5.0
#: Least time that a request gets, so that a spent limit does not become none.
_LEAST: Final = 0.05
_TROUBLE: Final = (502, 503, 504)
#: A node that was away is tried again after so many seconds, where others answer meanwhile.
_DEAD: Final = 5


class Unavailable(EngineError):
    """The cluster can't be reached, or did not answer in time. away: nobody was there at all."""

    away = False


class Refused(EngineError):
    """The cluster answered that it does not do this. status: of HTTP; kind: the name it has for the error."""

    def __init__(self, message: str, status: int, kind: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class Breaker:
    """Spares pages the wait for a cluster that is away, or failed FAILURES times in a row, until REST is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._until = 0.0

    def admit(self) -> None:
        """Raise Unavailable while the breaker is open; whoever comes first when the rest is over may try."""
        with self._lock:
            if self._failures < FAILURES:
                return
            now = time.monotonic()
            if now < self._until:
                raise Unavailable("The cluster did not answer a moment ago; it is asked again in a few seconds.")
            self._until = now + REST

    def failed(self, *, away: bool = False) -> None:
        with self._lock:
            self._failures = FAILURES if away else self._failures + 1
            self._until = time.monotonic() + REST

    def answered(self) -> None:
        with self._lock:
            self._failures = 0


class _Transport(opensearchpy.Transport):
    """Leaves a node alone for a while that did not answer in time, too: one that hangs would get its share for ever."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._asked = threading.local()

    def get_connection(self) -> Any:
        self._asked.connection = super().get_connection()
        return self._asked.connection

    def perform_request(self, *args: Any, **options: Any) -> Any:
        try:
            return super().perform_request(*args, **options)
        except client_errors.ConnectionTimeout:
            self.mark_dead(self._asked.connection)
            raise


class Connection:
    """Sends requests to the cluster. Nothing is connected before the first one.

    hosts: addresses such as "https://search.example.org:9200". options: more arguments of ``opensearchpy.OpenSearch``,
    for example http_auth or ca_certs. search_timeout, write_timeout: seconds at most for a request of either kind.
    """

    def __init__(
        self, hosts: Sequence[str], options: Mapping[str, Any], search_timeout: float, write_timeout: float
    ) -> None:
        self._hosts = list(hosts)
        self._options = dict(options)
        self._search_timeout = search_timeout
        self._write_timeout = write_timeout
        self._breaker = Breaker()
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._client: opensearchpy.OpenSearch | None = None
        self._hurry = threading.local()

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """For this thread ``tell`` is ``ask`` in it, and all requests together get the limit for one search.

        For what is written while somebody waits.
        """
        self._hurry.deadline = Deadline(self._search_timeout)
        try:
            yield
        finally:
            self._hurry.deadline = None

    @property
    def hurries(self) -> bool:
        return getattr(self._hurry, "deadline", None) is not None

    def ask(
        self, method: str, path: str, body: object = None, *, timeout: float | None = None, **params: Any
    ) -> Answer:
        """A request of somebody who waits: once, within ``timeout`` and the limit for searches, behind the breaker."""
        self._breaker.admit()
        limit = self._search_timeout if timeout is None else min(timeout, self._search_timeout)
        if self.hurries:
            if self._hurry.deadline.passed:
                raise Unavailable("OpenSearch takes longer than somebody who saves shall wait.")
            limit = min(limit, self._hurry.deadline.left)
        try:
            answer = self._send(method, path, body, max(limit, _LEAST), params)
        except Unavailable as error:
            self._breaker.failed(away=error.away)
            raise
        except Refused as error:
            # A full queue or a node that is going away is no reason to leave the cluster alone for good.
            if error.status in _TROUBLE:
                self._breaker.failed()
            else:
                self._breaker.answered()
            raise
        self._breaker.answered()
        return answer

    def tell(
        self, method: str, path: str, body: object = None, *, timeout: float | None = None, **params: Any
    ) -> Answer:
        """A request of a writer or an operator: not held back by the breaker, with the longer limit."""
        if self.hurries:
            return self.ask(method, path, body, timeout=timeout, **params)
        return self._send(method, path, body, timeout or self._write_timeout, params)

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _send(self, method: str, path: str, body: object, limit: float, params: Mapping[str, Any]) -> Answer:
        try:
            answer = self._connected().transport.perform_request(
                method, path, params={**params, "request_timeout": limit}, body=body
            )
        except client_errors.TransportError as error:
            raise _translated(error) from error
        except (client_errors.OpenSearchException, OSError, ValueError) as error:
            raise Unavailable(f"OpenSearch: {type(error).__name__}: {error}") from error
        # HEAD answers with a bool, plain text endpoints are not used.
        return answer if isinstance(answer, dict) else {"found": bool(answer)}

    def _connected(self) -> opensearchpy.OpenSearch:
        with self._lock:
            # Sockets belong to the process that opened them.
            if self._client is None or self._process != os.getpid():
                self._process = os.getpid()
                self._client = opensearchpy.OpenSearch(self._hosts, **{**self._defaults(), **self._options})
            return self._client

    def _defaults(self) -> dict[str, Any]:
        """What the client is told where the site says nothing else: whoever waits must not wait for several tries."""
        return {
            "transport_class": _Transport,
            "max_retries": 1 if len(self._hosts) > 1 else 0,
            "retry_on_timeout": False,
            "retry_on_status": (502, 503),
            "dead_timeout": _DEAD,
        }


def _translated(error: client_errors.TransportError) -> EngineError:
    status = error.status_code
    if not isinstance(status, int):
        unavailable = Unavailable(f"OpenSearch did not answer: {error.error}: {str(error.info)[:300]}")
        unavailable.away = not isinstance(error, client_errors.ConnectionTimeout)
        return unavailable
    return Refused(f"OpenSearch refused ({status}): {error.error}: {reason(error.info)}", status, str(error.error))


def reason(info: object) -> str:
    """The innermost reason of an error that the cluster reported, shortened."""
    found = info
    if isinstance(found, Mapping):
        found = found.get("error", found)
    if isinstance(found, Mapping):
        causes = found.get("root_cause") or [found]
        inner = found.get("caused_by") or causes[0]
        found = inner.get("reason", found) if isinstance(inner, Mapping) else inner
    return str(found)[:500]
