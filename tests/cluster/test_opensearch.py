"""What OpenSearch keeps beside the contract: failures of the cluster, locks, generations, deep pages, many shards."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from newsindex.analysis import length, stemming_language, tokens
from newsindex.engines.base import Engine, FacetCount
from newsindex.exceptions import EngineError, IndexDamaged, IndexNotBuilt, WriterBusy
from newsindex.query.nodes import Everything
from tests.cluster.nodes import free_ports
from tests.cluster.shared import cluster_engine, drop, empty_engine, give_back
from tests.conftest import build_empty
from tests.contract.asking import article, ask, day, found, index
from tests.contract.news import FLOOD, NEWS
from tests.faults.conftest import ROOT

pytest.importorskip("opensearchpy", reason="opensearch-py is not installed")
opensearch = pytest.importorskip("newsindex.engines.opensearch")
answering = pytest.importorskip("newsindex.engines.opensearch.answering")
connection = pytest.importorskip("newsindex.engines.opensearch.connection")
counting = pytest.importorskip("newsindex.engines.opensearch.counting")
documents = pytest.importorskip("newsindex.engines.opensearch.documents")
generations = pytest.importorskip("newsindex.engines.opensearch.generations")
locks = pytest.importorskip("newsindex.engines.opensearch.locks")
writing = pytest.importorskip("newsindex.engines.opensearch.writing")

Said = list[tuple[str, str, str]]
Script = Callable[[str, str, str], tuple[int, dict[str, Any]]]


@contextmanager
def pretender(script: Script) -> Iterator[tuple[str, Said]]:
    """A server on loopback that answers as ``script`` says; its address, and all that it was asked."""
    said: Said = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            said.append((self.command, self.path, body))
            status, answer = script(self.command, self.path, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", said
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def items_of(body: str) -> list[tuple[str, str]]:
    """(action, _id) of each item of a bulk request."""
    lines = [json.loads(line) for line in body.splitlines()]
    found = [next(iter(line.items())) for line in lines if line.keys() & {"index", "delete"}]
    return [(action, meta["_id"]) for action, meta in found]


def bulk_answer(body: str, outcome: Callable[[str], dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    return 200, {"items": [{action: {"_id": key, **outcome(key)}} for action, key in items_of(body)]}


@pytest.fixture
def sender() -> Iterator[Callable[[str], Any]]:
    """Makes a ``Bulk`` to an address, with the version 7."""
    made: list[Any] = []

    def make(address: str) -> Any:
        made.append(connection.Connection([address], {}, 10.0, 10.0))
        return writing.Bulk(made[-1], "news", 7, 30.0)

    yield make
    for one in made:
        one.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine on a real node, with an empty live generation."""
    made = empty_engine(build_empty)
    yield made
    assert list(made.verify()) == []
    give_back(made)


@pytest.fixture
def own() -> Iterator[Callable[..., Any]]:
    """Makes engines on a real node that no other test uses, with nothing built."""
    made: list[Engine] = []

    def make(**options: Any) -> Engine:
        made.append(cluster_engine(**options))
        return made[-1]

    yield make
    for one in made:
        drop(one)
        one.close()


# Without a cluster


@limits(deadline=None)
@given(
    st.text(
        st.sampled_from("ab109_+#\u00a0 \n\u0301\u00ad\u0947の京か\u3099é,.'’-/@ŞİßﷺⅣ\ud800") | st.characters(),
        max_size=40,
    ),
    st.sampled_from(["", "en", "fr", "tr", "vi", "zh"]),
)
def test_texts_are_indexed_as_the_terms_of_their_tokens(text: str, language: str) -> None:
    """Runs that come again are not taken apart again; what comes out is the same."""
    stems_in = stemming_language(language)
    seen = tokens(text, stems_in)
    indexed = documents.body(replace(FLOOD, summary=text, title="", tags=(), paragraphs=(), language=language))
    assert indexed["summary"] == documents.stream(seen, stems_in)
    assert indexed["size_summary"] == length(seen)
    assert indexed["has"] == sorted({one for token in seen for one in documents.token_terms(token, stems_in)})
    assert indexed["words"] == sorted({documents.written(token.word) for token in seen if not token.pair})


@pytest.mark.parametrize(
    "options",
    [
        *[{"hosts": ""}, {"hosts": []}, {"hosts": [9200]}, {"index": "News"}, {"index": "a/b"}],
        *[{"search_timeout": 0}, {"patience": "a minute"}, {"purge_wait": -1}],
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="OpenSearchEngine"):
        opensearch.OpenSearchEngine(**options)


def test_a_cluster_that_is_away_is_an_engine_error_and_no_more() -> None:
    engine = opensearch.OpenSearchEngine(hosts=f"http://127.0.0.1:{free_ports(1)[0]}")
    assert engine.health().ok is False
    for call in (lambda: ask(engine, "x"), lambda: engine.writer(), lambda: engine.get("a.b:1")):
        with pytest.raises(EngineError):
            call()
    engine.close()


def test_why_a_cluster_is_away_is_said_once() -> None:
    engine = opensearch.OpenSearchEngine(hosts=f"http://127.0.0.1:{free_ports(1)[0]}")
    said = engine.health().message
    assert said.startswith("OpenSearch did not answer: ")
    assert said.count("Connection refused") == 1
    engine.close()


@pytest.mark.parametrize(
    "answer",
    [True, None, [], "welcome", {"status": "ok"}, {"status": True}, {"news": {"mappings": ["x"]}}],
    ids=json.dumps,
)
def test_what_is_no_cluster_is_an_engine_error_and_no_more(answer: Any) -> None:
    with pretender(lambda method, path, body: (200, answer)) as (address, _):
        engine = opensearch.OpenSearchEngine(hosts=address)
        assert engine.health().ok is False
        for call in (
            lambda: ask(engine, "x"),
            lambda: engine.suggest("x", now=day(2026, 1, 1), audiences=frozenset()),
            lambda: engine.brief_writer(),
            lambda: engine.rebuild(),
            lambda: engine.stats(),
            lambda: engine.token(),
            lambda: engine.serial(),
        ):
            with pytest.raises(EngineError):
                call()
        engine.close()


@pytest.mark.parametrize("answer", [{"detail": "Not found."}, ["Not found."]], ids=json.dumps)
def test_what_a_stranger_does_not_find_is_no_missing_index(answer: Any) -> None:
    with pretender(lambda method, path, body: (404, answer)) as (address, _):
        engine = opensearch.OpenSearchEngine(hosts=address)
        # For an index that was never built there would be nothing to do.
        with pytest.raises(EngineError):
            engine.purge({"a.b:1"})
        with pytest.raises(EngineError):
            engine.stats()
        engine.close()


def test_after_failures_nothing_is_sent_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = threading.Event()

    def script(method: str, path: str, body: str) -> tuple[int, dict[str, Any]]:
        missing = {"error": {"type": "index_not_found_exception", "reason": "nothing here"}}
        return (404, missing) if healthy.is_set() else (503, {"error": "starting"})

    with pretender(script) as (address, said):
        engine = opensearch.OpenSearchEngine(hosts=address)
        for _ in range(10):
            with pytest.raises(EngineError):
                ask(engine, "x")
        assert len(said) == connection.FAILURES
        monkeypatch.setattr(connection, "REST", 0.0)
        engine._connection._breaker._until = 0.0
        healthy.set()
        for _ in range(3):
            with pytest.raises(IndexNotBuilt, match="newsindex_rebuild"):
                ask(engine, "x")
        assert len(said) == connection.FAILURES + 3
        engine.close()


def test_what_the_cluster_is_too_busy_for_is_sent_again_alone(sender: Callable[[str], Any]) -> None:
    refusals = {"news.story:1": 2, "news.story:3": 1}

    def outcome(key: str) -> dict[str, Any]:
        left = refusals.get(key, 0)
        refusals[key] = left - 1
        return {"status": 429, "error": {"reason": "queue is full"}} if left > 0 else {"status": 200}

    with pretender(lambda method, path, body: bulk_answer(body, outcome)) as (address, said):
        written = sender(address).send([(f"news.story:{n}", article(n, "x")) for n in range(4)])
    assert (written.applied, written.failed) == (4, {})
    assert [[key for _, key in items_of(body)] for _, _, body in said] == [
        ["news.story:0", "news.story:1", "news.story:2", "news.story:3"],
        ["news.story:1", "news.story:3"],
        ["news.story:1"],
    ]


def test_what_is_too_large_is_sent_in_parts(sender: Callable[[str], Any]) -> None:
    def script(method: str, path: str, body: str) -> tuple[int, dict[str, Any]]:
        if len(items_of(body)) > 2:
            return 413, {"error": "too large"}
        return bulk_answer(body, lambda key: {"status": 200})

    with pretender(script) as (address, _):
        written = sender(address).send([(f"news.story:{n}", article(n, "x")) for n in range(7)])
    assert written.applied == 7


def test_what_is_too_large_alone_keeps_no_other_back(sender: Callable[[str], Any]) -> None:
    def script(method: str, path: str, body: str) -> tuple[int, dict[str, Any]]:
        if "news.story:1" in [key for _, key in items_of(body)]:
            return 413, {"error": "too large"}
        return bulk_answer(body, lambda key: {"status": 200})

    with pretender(script) as (address, _):
        written = sender(address).send([(f"news.story:{n}", article(n, "x")) for n in range(7)])
    assert written.applied == 6
    assert list(written.failed) == ["news.story:1"]
    assert "too large" in written.failed["news.story:1"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_index_that_takes_nothing_is_no_fault_of_the_items(sender: Callable[[str], Any], status: int) -> None:
    def outcome(key: str) -> dict[str, Any]:
        return {"status": status, "error": {"type": "cluster_block_exception", "reason": "index read-only"}}

    with pretender(lambda method, path, body: bulk_answer(body, outcome)) as (address, said):
        with pytest.raises(EngineError, match="index read-only"):
            sender(address).send([("news.story:1", article(1, "x"))])
        # To delete what is not there is no error.
        gone = sender(address).send([])
    assert len(said) == 1 and gone.failed == {}


def test_an_item_that_is_refused_keeps_no_other_back(sender: Callable[[str], Any]) -> None:
    def outcome(key: str) -> dict[str, Any]:
        broken = {"status": 400, "error": {"reason": "mapper said no", "caused_by": {"reason": "too deep"}}}
        return broken if key.endswith(":1") else {"status": 409, "error": {}} if key.endswith(":2") else {"status": 200}

    with pretender(lambda method, path, body: bulk_answer(body, outcome)) as (address, _):
        written = sender(address).send([(f"news.story:{n}", article(n, "x")) for n in range(4)])
    assert (written.applied, written.stale, written.failed) == (2, 1, {"news.story:1": "too deep"})


def test_a_broken_request_is_sent_again_and_deletes_have_versions(sender: Callable[[str], Any]) -> None:
    tries = iter([502, 429])

    def script(method: str, path: str, body: str) -> tuple[int, dict[str, Any]]:
        status = next(tries, 200)
        return (status, {"error": "gateway"}) if status != 200 else bulk_answer(body, lambda key: {"status": 200})

    with pretender(script) as (address, said):
        written = sender(address).send([("news.story:1", None)])
    assert written.applied == 1
    action = json.loads(said[-1][2])["delete"]
    assert (action["version"], action["version_type"]) == (7, "external_gte")


def test_a_password_on_an_open_line_is_warned_of() -> None:
    def ids(**options: Any) -> list[str]:
        return [problem.id for problem in opensearch.OpenSearchEngine(**options).check()]

    auth = {"http_auth": ("news", "secret")}
    assert ids(hosts="http://search.example.org:9200", client=auth) == ["newsindex.W017"]
    assert ids(hosts="https://search.example.org:9200", client=auth) == []
    assert ids(hosts="http://127.0.0.1:9200", client=auth) == []
    assert ids(hosts="http://search.example.org:9200") == []
    # It may stand in the address, and an address need not say how.
    assert ids(hosts="http://news:secret@search.example.org:9200") == ["newsindex.W017"]
    assert ids(hosts="search.example.org:9200", client=auth) == ["newsindex.W017"]
    assert ids(hosts="search.example.org:9200", client={**auth, "use_ssl": True}) == []
    assert ids(hosts="news:secret@localhost:9200") == []
    engine = opensearch.OpenSearchEngine(hosts="http://news:secret@search.example.org:9200")
    assert "secret" not in engine.check()[0].message


# On a real node


def test_writers_of_two_processes_exclude_each_other(engine: Engine, own: Callable[..., Any]) -> None:
    other = own(index=engine.index)
    with engine.writer() as writer:
        writer.put(FLOOD)
        with pytest.raises(WriterBusy):
            other.writer()
    with other.writer() as writer:
        writer.delete(FLOOD.key)
    assert engine.get(FLOOD.key) is None
    rebuild = engine.rebuild()
    with pytest.raises(WriterBusy):
        other.rebuild()
    rebuild.abort()


_HOLDER = """
import os, sys
from pathlib import Path
from newsindex.engines.opensearch import OpenSearchEngine
# By an id that no process has outside.
Path("/proc/sys/kernel/ns_last_pid").write_text("32000")
if os.fork():
    os.wait()
    sys.exit()
writer = OpenSearchEngine(hosts=sys.argv[1], index=sys.argv[2], search_timeout=60).writer()
print("held", flush=True)
sys.stdin.read()
writer.cancel()
"""


def test_a_writer_in_a_container_of_the_same_name_is_not_dead(engine: Engine) -> None:
    apart = ["unshare", "--pid", "--fork", "--mount-proc"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("this user can't make a process that does not see the others")
    command = [*apart, sys.executable, "-c", _HOLDER, engine.hosts[0], engine.index]  # type: ignore[attr-defined]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(WriterBusy):
            engine.writer()
        holder.communicate()
    index(engine, FLOOD)


def test_a_writer_that_was_taken_for_dead_overwrites_nothing(
    engine: Engine, own: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = own(index=engine.index)
    paused = engine.writer()
    paused.put(FLOOD)
    monkeypatch.setattr(locks, "LEASE", 0.2)
    newer = replace(FLOOD, title="Newer", version="newer")
    with other.writer(wait=60) as writer:
        writer.put(newer)
    monkeypatch.undo()
    paused.commit()
    assert engine.get(FLOOD.key) == newer
    index(engine, FLOOD)
    assert engine.get(FLOOD.key) == FLOOD


def test_what_was_built_otherwise_wants_a_rebuild(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(generations, "fingerprint", lambda: "another")
        with pytest.raises(IndexNotBuilt, match="newsindex_rebuild"):
            ask(engine, "x")
        assert engine.health().ok is False
    assert engine.health().ok


def test_an_index_of_somebody_else_is_left_alone(own: Callable[..., Any]) -> None:
    engine = own()
    assert engine.stats().generation == ""
    with pytest.raises(IndexNotBuilt):
        engine.writer()
    engine._connection.tell("PUT", f"/{engine.index}")
    with pytest.raises(IndexDamaged, match=engine.index):
        ask(engine, "x")
    engine._connection.tell("DELETE", f"/{engine.index}")


def test_a_name_that_somebody_else_has_is_known_before_anything_is_built(own: Callable[..., Any]) -> None:
    engine = own()
    theirs = f"theirs-{engine.index}"
    for name, body in ((engine.index, {}), (theirs, {"aliases": {engine.index: {}}})):
        engine._connection.tell("PUT", f"/{name}", body)
        with pytest.raises(IndexDamaged, match="choose another name"):
            build_empty(engine)
        assert engine._generations.all() == []
        engine._connection.tell("DELETE", f"/{name}")
    build_empty(engine)


def test_a_block_on_an_index_of_somebody_else_stops_no_rebuild(own: Callable[..., Any]) -> None:
    engine, neighbour = own(), own()
    tell = engine._connection.tell
    tell("PUT", f"/{neighbour.index}", {"settings": {"index": {"blocks.metadata": True}}})
    try:
        build_empty(engine)
        assert engine.health().ok
    finally:
        tell("PUT", f"/{neighbour.index}/_settings", {"index": {"blocks.metadata": None}})
        tell("DELETE", f"/{neighbour.index}")


def test_a_generation_that_was_closed_goes_as_others_do(own: Callable[..., Any]) -> None:
    engine = own()
    build_empty(engine)
    closed = engine._generations.live().index
    engine._connection.tell("POST", f"/{closed}/_close")
    for _ in range(2):
        build_empty(engine)
    left = engine._connection.tell("GET", f"/{engine.index}-*/_settings", expand_wildcards="all")
    assert closed not in left and len(left) == 2


def test_a_generation_that_was_deleted_while_it_was_built_never_goes_live(own: Callable[..., Any]) -> None:
    engine = own()
    build_empty(engine)
    index(engine, FLOOD)
    rebuild = engine.rebuild()
    for number, language in enumerate(("en", "en", "de")):
        # The cluster makes an index of its own for the second one, and the third is told of in it.
        with rebuild.writer() as writer:
            writer.put(article(number, "x", language=language))
        if not number:
            engine._connection.tell("DELETE", f"/{rebuild._live.index}")
    with pytest.raises(IndexDamaged, match="deleted"), rebuild.exclusive():
        rebuild.swap()
    rebuild.abort()
    assert engine.get(FLOOD.key) == FLOOD
    assert len(engine._connection.tell("GET", f"/{engine.index}-*/_mapping")) == 1


def test_a_control_index_that_was_deleted_during_a_rebuild(own: Callable[..., Any]) -> None:
    engine = own()
    build_empty(engine)
    rebuild = engine.rebuild()
    engine._connection.tell("DELETE", f"/{engine._control.index}")
    # Nobody knows any more that a rebuild is to hear of this.
    index(engine, FLOOD)
    with pytest.raises(WriterBusy), rebuild.exclusive():
        rebuild.swap()
    rebuild.abort()
    assert engine.get(FLOOD.key) == FLOOD


@pytest.mark.filterwarnings("ignore:index name .* starts with a dot")
def test_a_control_index_that_the_cluster_has_made_by_itself(own: Callable[..., Any]) -> None:
    engine = own()
    build_empty(engine)
    writer = engine.writer()
    engine._connection.tell("DELETE", f"/{engine._control.index}")
    writer.cancel()
    rebuild = engine.rebuild()
    index(engine, FLOOD)
    with rebuild.exclusive():
        assert rebuild.touched() == {FLOOD.key}
    rebuild.abort()


@pytest.mark.filterwarnings("ignore:index name .* starts with a dot")
def test_somebody_elses_index_under_the_name_of_the_control_index_is_left_alone(own: Callable[..., Any]) -> None:
    engine = own()
    tell, control = engine._connection.tell, engine._control.index
    tell("PUT", f"/{control}/_doc/1", {"name": "mine", "customer": "Ada", "price": 3}, refresh="true")
    with pytest.raises(EngineError, match=r"newsindex does not write \(customer, price\).* another \"index\""):
        engine.rebuild()
    assert tell("GET", f"/{control}/_doc/1")["_source"]["customer"] == "Ada"
    tell("DELETE", f"/{control}")


def test_a_name_of_thousands_of_wide_characters(engine: Engine) -> None:
    long = replace(FLOOD, authors=("京" * 12_000,), version="long")
    index(engine, long)
    assert engine.get(FLOOD.key) == long


def test_one_generation_is_kept_and_unfinished_ones_go(own: Callable[..., Any]) -> None:
    engine = own()
    neighbour = own(index=f"{engine.index}-neighbour")
    build_empty(neighbour)
    for _ in range(3):
        build_empty(engine)
    kept = engine._generations.all()
    assert len(kept) == 2
    unfinished = engine._generations.create()
    assert unfinished.index in engine._generations.all()
    engine.rebuild().abort()
    assert engine._generations.all() == kept
    assert len(neighbour._generations.all()) == 1


def test_pages_deeper_than_the_cluster_goes_at_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    index(engine, *(article(n, "x " * (1 + n % 3), published_at=day(2026, 1, 1 + n % 4)) for n in range(20)))
    whole = {sort: found(engine, "x", sort=sort, limit=100) for sort in ("relevance", "newest")}
    monkeypatch.setattr(answering, "MOST_RESULTS", 8)
    monkeypatch.setattr(answering, "_BARE", 3)
    monkeypatch.setattr(answering, "_WITH_CONTENT", 2)
    for sort, keys in whole.items():
        assert found(engine, "x", sort=sort, limit=100) == keys
        for offset in (4, 5, 6, 17, 19, 20, 100):
            page = ask(engine, "x", sort=sort, offset=offset, limit=3, facets=("tag",))
            assert [hit.pk for hit in page.hits] == keys[offset : offset + 3]
            assert page.total == 20
            assert (page.next_cursor is None) == (offset + 3 >= 20)


def test_counts_over_several_shards_are_exact(own: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_TOLD", 1)
    engine = own(settings={"number_of_shards": 3, "number_of_replicas": 0})
    build_empty(engine)
    # Each article has a tag of its own, most often on one shard, and one that all share in pairs.
    index(engine, *(article(n, "x", tags=(f"own {n % 11}", f"pair {n % 7}")) for n in range(60)))
    expected = sorted([*((f"pair {n}", len(range(n, 60, 7))) for n in range(7))], key=lambda pair: (-pair[1], pair[0]))
    counted = ask(engine, Everything(), facets=("tag",), facet_limit=3).facets["tag"]
    assert counted == tuple(FacetCount(value, number) for value, number in expected[:3])
    assert ask(engine, "x").total == 60
    assert engine.stats().articles == 60


def test_what_was_purged_is_in_no_segment(own: Callable[..., Any]) -> None:
    engine = own(purge_wait=240.0)
    build_empty(engine)
    index(engine, *NEWS, article("secret", "Qzxwvut", "plumbing"))
    index(engine, article("later", "Later", "text"))
    assert engine.purge(["news.story:secret"]).documents == 1
    documents = engine._connection.tell("GET", f"/{engine.index}/_stats/docs")["_all"]["total"]["docs"]
    assert documents["deleted"] == 0
    assert ask(engine, "later").total == 1
