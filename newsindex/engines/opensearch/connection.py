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


class Answer(dict[str, Any]):
    """What a request answers: a JSON object. What it lacks of what it must have, no cluster has answered."""

    def __missing__(self, name: str) -> Any:
        raise Unavailable(f"There is no {name!r} in an answer; is it OpenSearch that is at its address?")


#: After so many failures in a row nothing is sent for REST seconds; then one request tries.
FAILURES: Final = 3
REST: Final = 5.0
#: Least time that a request gets, so that a spent limit does not become none.
_LEAST: Final = 0.05
_TROUBLE: Final = (502, 503, 504)
#: A node that was away is tried again after so many seconds, where others answer meanwhile.
_DEAD: Final = 5
#: So much of what a stranger answers goes into messages.
_QUOTED: Final = 300


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
            # Its message has the cause; the client's own chain of errors says it three times more.
            raise _translated(error) from None
        except (client_errors.OpenSearchException, OSError, ValueError) as error:
            raise Unavailable(f"OpenSearch: {type(error).__name__}: {str(error)[:_QUOTED]}") from error
        except (AttributeError, TypeError, LookupError) as error:
            # So the client fails at JSON that is none of the cluster's, and at options that are none of its own.
            raise Unavailable(f"OpenSearch: the client can't read the answer, or its options: {error}") from error
        if not isinstance(answer, dict):
            quoted = f"{answer!r}"[:_QUOTED]
            raise Unavailable(f"What answers at the address of OpenSearch is no OpenSearch: it says {quoted}")
        return Answer(answer)

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
        # The error of the client is that of urllib3, said twice, which may be a list that ends with what has happened.
        last = getattr(error.info, "args", ())[-1:]
        why = last[0] if last and isinstance(last[0], str) else error.error
        unavailable = Unavailable(f"OpenSearch did not answer: {str(why)[:_QUOTED]}")
        unavailable.away = not isinstance(error, client_errors.ConnectionTimeout)
        return unavailable
    kind, why = str(error.error), reason(error.info)
    # A proxy says what it says in words of its own, and no more.
    said = kind[:_QUOTED] if error.info is None or why == kind else f"{kind[:_QUOTED]}: {why}"
    return Refused(f"OpenSearch refused ({status}): {said or 'it says nothing more'}", status, kind)


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
