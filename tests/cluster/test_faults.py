"""A site on three nodes that are killed, frozen and cut off, while people save, delete and search."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from newsindex.documents import chunks
from tests.cluster.load import PARTIAL, SENTENCE, IllLoad
from tests.cluster.nodes import Cluster
from tests.cluster.shared import nodes
from tests.cluster.sites import Site, site_at
from tests.counted import FULL, counts, trials
from tests.faults.load import over_http
from tests.faults.test_processes import served

pytest.importorskip("opensearchpy", reason="opensearch-py is not installed")

#: Seconds of load with all nodes there, before a fault and after it.
CALM = trials(3, 30)
#: Seconds in which a search has whole answers again, on a machine that has other things to do as well.
BOUND = 180.0
#: Words in a query.
_ASKED = 60
#: A node that says nothing for so long is given up by the others: 3 * 10 seconds where nobody says otherwise.
_NOTICED = {
    "cluster.fault_detection.follower_check.timeout": "3s",
    "cluster.fault_detection.leader_check.timeout": "3s",
}


@pytest.fixture(scope="module")
def started() -> Iterator[Cluster]:
    with nodes(3, heap="384m", settings=None if FULL else _NOTICED) as made:
        yield made


@pytest.fixture
def cluster(started: Cluster) -> Cluster:
    """Three nodes, all of them there."""
    complete(started)
    return started


def complete(cluster: Cluster) -> None:
    for number in range(cluster.size):
        if number not in cluster.alive():
            cluster.start(number)
    cluster.wait(status="green")


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Iterator[Site]:
    made = site_at(tmp_path, cluster.hosts, f"site{counts['sites']}")
    counts["sites"] += 1
    cluster.wait(status="green")
    yield made
    complete(cluster)
    made.drop()


@contextmanager
def under_load(site: Site, folder: Path, writers: int = 2, readers: int = 3) -> Iterator[IllLoad]:
    """Writers and readers at work. Afterwards one drain, and everything is as they left it."""
    log = folder / "log"
    with served(site, log) as port:
        load = IllLoad(over_http(port), writers, readers)
        load.fill()
        if site.pending():
            # A save that had no more time to write; the next one would.
            assert site.command("newsindex_update")[0] == 0
        load.start()
        try:
            time.sleep(CALM)
            yield load
        except BaseException:
            load.stop()
            raise
        settle(site, load, log)


def settle(site: Site, load: IllLoad, log: Path) -> None:
    """Stop the load: every acknowledged article is found, every deleted one is not, and nothing twice."""
    load.stop()
    for name in ("errors", "shrunken answers", "duplicates", "half written", "losses", "ghosts"):
        load.counted[name] += 0
    site.run("settled", 1)
    assert site.pending() == []
    wanted = sorted({word for word in load.acknowledged.values() if word not in ("", "start")})
    for words in chunks(wanted, _ASKED):
        load.counted["losses"] += len(words) - total(load, words)
    for words in chunks(sorted(set(load.gone) - {"start"}), _ASKED):
        load.counted["ghosts"] += total(load, words)
    counts.update(load.counted)
    counts["slowest save, ms"] = max(counts["slowest save, ms"], round(load.slowest("POST") * 1000))
    counts["slowest search, ms"] = max(counts["slowest search, ms"], round(load.slowest("GET") * 1000))
    said = log.read_text()
    assert load.wrong == [], f"{len(load.wrong)}: {load.wrong[:5]}\n{said[-3000:]}"
    assert not load.counted["losses"] and not load.counted["ghosts"]
    assert "Internal Server Error" not in said, said[-3000:]


def total(load: IllLoad, words: Sequence[str]) -> int:
    """How many articles have one of the words; a search may fail once more while the breaker is open."""
    asked = urlencode({"q": " OR ".join(words)})
    for _ in range(30):
        status, content = load.say("GET", f"/search/json/?{asked}", None)
        answer = json.loads(content)
        if status == 200 and not answer["partial"]:
            return int(answer["total"])
        time.sleep(1)
    raise AssertionError((words, status, content))


def whole_again(load: IllLoad, since: float, what: str) -> None:
    """Wait until every search has been answered in full for a while, and count how long that took."""
    until = time.monotonic() + BOUND
    while not load.looks or time.monotonic() - max(since + load.since(since), since) < CALM:
        assert time.monotonic() < until, load.looks[-20:]
        assert load.wrong == [], load.wrong[:3]
        time.sleep(0.2)
    counts[f"{what}: whole answers after, ms"] = round(load.since(since) * 1000)


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + BOUND
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)


def kill_primaries(cluster: Cluster) -> int:
    number = cluster.busiest()
    cluster.kill(number)
    return number


def kill_manager(cluster: Cluster) -> int:
    number = cluster.manager()
    cluster.kill(number)
    return number


def freeze(cluster: Cluster) -> int:
    number = cluster.busiest()
    cluster.freeze(number)
    return number


@pytest.mark.parametrize("fault", [kill_primaries, kill_manager, freeze], ids=lambda fault: fault.__name__)
def test_a_node_is_lost_under_load(
    cluster: Cluster, site: Site, tmp_path: Path, fault: Callable[[Cluster], int]
) -> None:
    with under_load(site, tmp_path) as load:
        for _ in range(trials(1, 5)):
            before = time.monotonic()
            number = fault(cluster)
            counts["nodes lost"] += 1
            try:
                whole_again(load, before, fault.__name__)
                other = next(alive for alive in cluster.alive() if alive != number)
                cluster.wait(nodes=2, through=other, status="green")
            finally:
                if fault is freeze:
                    cluster.thaw(number)
                else:
                    cluster.start(number)
            back = time.monotonic()
            cluster.wait(status="green", through=other)
            whole_again(load, back, f"{fault.__name__}, it is back")


def test_two_of_three_are_down(cluster: Cluster, site: Site, tmp_path: Path) -> None:
    with under_load(site, tmp_path) as load:
        left = next(n for n in cluster.alive() if n != cluster.manager())
        for number in {0, 1, 2} - {left}:
            cluster.kill(number)
            counts["nodes lost"] += 1
        time.sleep(2 * CALM)
        # All is saved, nothing is written.
        before = load.counted["acknowledged"]
        wait_until(lambda: load.counted["acknowledged"] > before + 10)
        assert site.pending() != []
        counts[f"two down: the page is {page_says_so(load)}"] += 1
        status, content = load.say("GET", "/search/health/", None)
        assert (status, json.loads(content)) == (503, {"status": "degraded"})
        code, said = site.command("newsindex_status", "--json")
        assert code and json.loads(said)[0]["ok"] is False and json.loads(said)[0]["pending"] > 0, said
        # The last one as well: then there is nobody to ask.
        cluster.kill(left)
        assert load.look("page").kind == "unavailable"
        status, content = load.say("GET", "/search/?q=lighthouse", None)
        assert status == 503 and SENTENCE in content.decode()
        for number in range(3):
            cluster.start(number)
        back = time.monotonic()
        cluster.wait(status="green")
        whole_again(load, back, "all were down, they are back")


def test_a_rebuild_under_load_never_blanks_the_search(cluster: Cluster, site: Site, tmp_path: Path) -> None:
    # What takes long on a machine with other things to do is not what is asked here.
    site = replace(site, options=(("search_timeout", 30.0),))
    with under_load(site, tmp_path) as load:
        for number in range(trials(2, 40)):
            live = current(cluster, site)
            process = site.begin("newsindex_rebuild", "--verbosity", "0")
            if number % 2 == 0:
                # Once its index is there, so that it is killed in the middle.
                until = time.monotonic() + 60
                while len(set(site.generations())) < 2 + (number > 0) and process.poll() is None:
                    assert time.monotonic() < until
                    time.sleep(0.02)
                process.send_signal(signal.SIGKILL)
            _, said = process.communicate(timeout=300)
            assert process.returncode in (0, -signal.SIGKILL), said
            if process.returncode:
                counts["rebuilds killed"] += 1
                assert current(cluster, site) == live
            else:
                counts["rebuilds that ended"] += 1
                assert current(cluster, site) != live
                assert len(site.generations()) == 2
        assert {look.kind for look in load.looks} == {"whole"}
    assert counts["rebuilds killed"] and counts["rebuilds that ended"]


def page_says_so(load: IllLoad) -> str:
    """What a visitor reads while articles are missing: which of the two sentences, in words on the page."""
    status, content = load.say("GET", "/search/?q=lighthouse", None)
    text = " ".join(re.sub(r"<[^>]*>", " ", content.decode().partition("<body")[2]).split())
    said = [words for words in (PARTIAL, SENTENCE) if words in text]
    assert (status, said) in [(200, [PARTIAL]), (503, [SENTENCE])], (status, text)
    return "partial" if status == 200 else "unavailable"


def current(cluster: Cluster, site: Site) -> str:
    """The live generation."""
    (live,) = cluster.ask(0, f"/_alias/{site.name}")
    return str(live)
