"""A proxy on loopback before a real node, that does to requests what networks and busy servers do to them."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """What was asked of the node."""

    method: str
    path: str
    body: bytes

    @property
    def is_bulk(self) -> bool:
        return self.path.partition("?")[0].endswith("/_bulk")

    @property
    def is_search(self) -> bool:
        return self.path.partition("?")[0].endswith("/_search")


#: An answer: the status, and the body; None for a connection that is closed in the place of one.
Answer = tuple[int, bytes] | None
#: What is done to a request. It gets the request and a way to the node.
Fault = Callable[[Request, Callable[[Request], Answer]], Answer]
#: Which fault a request gets, None for none.
Plan = Callable[[Request], Fault | None]
#: An answer that breaks off: its beginning is sent.
CUT = -1


def refused(status: int) -> Fault:
    """Not done, and said so."""

    def fault(request: Request, node: Callable[[Request], Answer]) -> Answer:
        return status, json.dumps({"error": {"reason": "refused by the proxy"}, "status": status}).encode()

    return fault


def answer_lost(status: int) -> Fault:
    """Done, and answered with an error."""

    def fault(request: Request, node: Callable[[Request], Answer]) -> Answer:
        node(request)
        return refused(status)(request, node)

    return fault


def never_arrived(request: Request, node: Callable[[Request], Answer]) -> Answer:
    """Not done; the connection is closed."""
    return None


def cut(request: Request, node: Callable[[Request], Answer]) -> Answer:
    """Done; the answer breaks off in the middle."""
    answer = node(request)
    return (CUT, answer[1]) if answer else None


def twice(request: Request, node: Callable[[Request], Answer]) -> Answer:
    """Delivered twice, as by a load balancer that tries again; the second answer is given."""
    node(request)
    return node(request)


def late(seconds: float) -> Fault:
    """Done, but answered when nobody waits any more."""

    def fault(request: Request, node: Callable[[Request], Answer]) -> Answer:
        answer = node(request)
        time.sleep(seconds)
        return answer

    return fault


def half_failed(chance: random.Random, status: int) -> Fault:
    """A bulk request of which some items are done and answered as failed, and some are not done at all."""

    def fault(request: Request, node: Callable[[Request], Answer]) -> Answer:
        if not request.is_bulk:
            return node(request)
        items = list(items_of(request.body))
        fates = [chance.choice(["well", "well", "unsaid", "undone"]) for _ in items]
        done = [item for item, fate in zip(items, fates, strict=True) if fate != "undone"]
        answer = node(Request(request.method, request.path, b"".join(done))) if done else (200, b'{"items": []}')
        if answer is None or answer[0] != 200:
            return answer
        told = iter(json.loads(answer[1])["items"])
        out = []
        for item, fate in zip(items, fates, strict=True):
            said = {} if fate == "undone" else next(told)
            out.append(said if fate == "well" else item_failed(item, status))
        return 200, json.dumps({"took": 1, "errors": True, "items": out}).encode()

    return fault


def items_of(body: bytes) -> Iterator[bytes]:
    """The items of a bulk request: a line or two each."""
    lines = iter(body.splitlines(keepends=True))
    for line in lines:
        yield line + (next(lines) if b'"index"' in line[:10] else b"")


def item_failed(item: bytes, status: int, reason: str = "failed by the proxy") -> dict[str, Any]:
    ((action, about),) = json.loads(item.splitlines()[0]).items()
    error = {"type": "es_rejected_execution_exception", "reason": reason}
    return {action: {"_id": about["_id"], "status": status, "error": error}}


class Proxy:
    """address: where it listens. plan: may be changed at any time. faults: how many requests had one."""

    def __init__(self, node: str) -> None:
        self.plan: Plan = lambda request: None
        self.faults = 0
        self.seen: list[Request] = []
        self._place = urlsplit(node).netloc
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def node(self, request: Request) -> Answer:
        """What the node itself answers."""
        connection = http.client.HTTPConnection(self._place, timeout=60)
        try:
            connection.request(request.method, request.path, request.body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def answer(self, request: Request) -> Answer:
        self.seen.append(request)
        fault = self.plan(request)
        if fault is None:
            return self.node(request)
        self.faults += 1
        return fault(request, self.node)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are sent apart; without this the second waits for the first.
            disable_nagle_algorithm = True

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = proxy.answer(Request(self.command, self.path, body))
                self.close_connection = answer is None or answer[0] == CUT
                if answer is None:
                    return
                status, data = answer
                self.send_response(200 if status == CUT else status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                try:
                    self.wfile.write(data[: len(data) // 2] if status == CUT else data)
                except OSError:
                    # Nobody waits any more.
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = pass_on

            def log_message(self, *args: object) -> None:
                pass

        return Handler

    @contextmanager
    def running(self) -> Iterator[Proxy]:
        thread = threading.Thread(target=self._server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()
