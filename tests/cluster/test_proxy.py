"""Storms of refusals, cut connections, half-failed bulks, requests delivered twice: before a real node, by a proxy."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from django.test import Client
from django.utils.module_loading import import_string

from newsindex import indexing
from newsindex.engines import engines
from newsindex.exceptions import EngineError, NewsIndexError, WriterBusy
from newsindex.models import Article, PendingChange
from tests.cluster.load import SENTENCE
from tests.cluster.proxy import (
    Answer,
    Fault,
    Proxy,
    Request,
    answer_lost,
    cut,
    half_failed,
    item_failed,
    items_of,
    late,
    never_arrived,
    refused,
    twice,
)
from tests.cluster.shared import drop, hosts
from tests.counted import FULL, SEED, counts, trials
from tests.factories import make_article

pytest.importorskip("opensearchpy", reason="opensearch-py is not installed")
pytestmark = pytest.mark.django_db(transaction=True)

#: Seconds that a request gets here. Long enough for the node, short enough to wait for in a test.
LIMIT = 5.0
T = TypeVar("T")


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy(hosts()[0]).running() as made:
        yield made


@pytest.fixture
def site(proxy: Proxy, settings: Any) -> Iterator[Proxy]:
    """The default engine speaks to the node through the proxy; changes wait for ``indexing.update``."""
    options = {
        "hosts": proxy.address,
        "index": f"proxied-{random.SystemRandom().randrange(10**9)}",
        "search_timeout": LIMIT,
        "write_timeout": LIMIT,
        "patience": 1.0,
        "settings": {"number_of_shards": 2, "number_of_replicas": 0},
    }
    settings.NEWSINDEX = {"default": {"BACKEND": "newsindex.engines.opensearch.OpenSearchEngine", "OPTIONS": options}}
    settings.NEWSINDEX_UPDATE = "command"
    engines.close_all()
    patiently(indexing.rebuild)
    proxy.seen.clear()
    yield proxy
    proxy.plan = lambda request: None
    drop(engines["default"])
    engines.close_all()


def patiently(call: Callable[[], T]) -> T:
    """What ``call`` says where no fault is in its way: a machine with much else to do takes longer than LIMIT."""
    until = time.monotonic() + 60
    while True:
        try:
            return call()
        except EngineError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def verified() -> indexing.VerifyReport:
    """EngineError where the node did not tell in time how it is."""
    report = indexing.verify()
    if report.index_errors:
        raise EngineError(str(report))
    return report


def settled() -> None:
    """One drain when all is well again, and the index is what the database says."""
    report = settle_once()
    assert report.ok and not report.busy, report
    assert not PendingChange.objects.exists()
    found = patiently(verified)
    assert found.ok, found
    keys = patiently(lambda: [key for key, _ in engines["default"].scan()])
    assert len(keys) == len(set(keys)) == Article.objects.count()


def settle_once() -> indexing.Report:
    """A drain, once the breaker of the searches has closed again."""
    until = time.monotonic() + 30
    while not (report := indexing.update(wait=90)).ok and time.monotonic() < until:
        time.sleep(0.5)
    return report


def storm(chance: random.Random, share: float) -> Callable[[Request], Fault | None]:
    """A plan by which so many of the requests meet one of all faults."""
    faults: list[Fault] = [
        *(refused(status) for status in (429, 502, 503, 504)),
        *(answer_lost(status) for status in (429, 503, 504)),
        *(half_failed(chance, status) for status in (429, 503)),
        *(never_arrived, cut, twice),
    ]

    def plan(request: Request) -> Fault | None:
        if chance.random() > share:
            return None
        return late(LIMIT + 0.5) if chance.random() < 0.01 else chance.choice(faults)

    return plan


def change(chance: random.Random, number: int) -> None:
    """Save, change, hide and delete some articles."""
    for count in range(chance.randrange(1, 12)):
        there = list(Article.objects.values_list("pk", flat=True))
        what = chance.choice(["new", "new", "change", "hide", "delete"]) if there else "new"
        if what == "new":
            make_article(f"Storm {number} {count}", "One.\n\nThe storm again.", slug=f"storm-{number}-{count}")
            continue
        article = Article.objects.get(pk=chance.choice(there))
        if what == "delete":
            article.delete()
        else:
            article.title = f"Storm {number} {count} again"
            article.status = "draft" if what == "hide" else "published"
            article.save()
        counts["changes in a storm"] += 1


@pytest.mark.parametrize("number", range(trials(3, 100)))
def test_nothing_is_lost_in_a_storm(site: Proxy, number: int) -> None:
    chance = random.Random(f"{SEED} {number}")
    site.plan = storm(chance, chance.choice([0.1, 0.3, 0.6]))
    for step in range(8):
        change(chance, step)
        report = indexing.update()
        counts["drains that failed" if report.error or report.busy else "drains that ended"] += 1
        if not (report.error or report.busy):
            assert not PendingChange.objects.exists()
    counts["faults"] += site.faults
    site.plan = lambda request: None
    settled()


@pytest.mark.parametrize(
    "fault",
    [refused(429), refused(503), answer_lost(503), never_arrived, cut, late(LIMIT + 1)],
    ids=["429", "503", "503 but done", "closed", "cut", "late"],
)
def test_a_page_in_a_storm_says_so_or_answers(site: Proxy, fault: Fault) -> None:
    make_article("Lighthouse", "One.", slug="lighthouse")
    settled()
    site.plan = lambda request: fault
    for _ in range(3):
        answer = Client().get("/search/?q=lighthouse")
        assert answer.status_code == 503 and SENTENCE in answer.content.decode()
        assert Client().get("/search/health/").status_code == 503
    site.plan = lambda request: None
    until = time.monotonic() + 60
    while (answer := Client().get("/search/?q=lighthouse")).status_code == 503 and time.monotonic() < until:
        assert SENTENCE in answer.content.decode()
        time.sleep(0.5)
    assert answer.status_code == 200 and "<mark>" in answer.content.decode()


def test_half_an_answer_about_facets_is_no_answer(site: Proxy) -> None:
    """A request of a page that fails after others of it were answered."""
    make_article("Lighthouse", "One.", slug="lighthouse")
    settled()
    seen = 0

    def plan(request: Request) -> Fault | None:
        nonlocal seen
        seen += request.is_search
        return cut if request.is_search and seen % 2 == 0 else None

    site.plan = plan
    answer = Client().get("/search/?q=lighthouse")
    assert answer.status_code == 503 and SENTENCE in answer.content.decode()


def refusing(pk: int) -> Fault:
    """No document of this article is ever taken."""

    def fault(request: Request, node: Callable[[Request], Answer]) -> Answer:
        items = list(items_of(request.body))
        ill = [b'"index"' in item[:10] and f"article:{pk}".encode() in item[:200] for item in items]
        kept = b"".join(item for item, refused in zip(items, ill, strict=True) if not refused)
        told = iter(json.loads(node(Request(request.method, request.path, kept))[1])["items"] if kept else ())  # type: ignore[index]
        said = [
            item_failed(item, 400, "no such field") if refused else next(told)
            for item, refused in zip(items, ill, strict=True)
        ]
        return 200, json.dumps({"items": said}).encode()

    return fault


def test_what_is_refused_for_good_stays_pending_with_the_reason(site: Proxy) -> None:
    ill = make_article("Ill", "One.", slug="ill")
    well = [make_article(f"Well {n}", "One.", slug=f"well-{n}") for n in range(5)]
    site.plan = lambda request: refusing(ill.pk) if request.is_bulk else None
    report = indexing.update()
    assert (report.indexed, report.failed, report.error) == (len(well), 1, "")
    assert report.failures[0][0] == f"newsindex.article:{ill.pk}" and "no such field" in report.failures[0][1]
    (row,) = PendingChange.objects.all()
    assert row.object_pk == str(ill.pk) and "no such field" in row.error
    # So does a rebuild, and leaves nothing else out.
    rebuilt = indexing.rebuild()
    assert (rebuilt.stats.articles, rebuilt.failed) == (len(well), 1)
    site.plan = lambda request: None
    settled()


def test_what_is_refused_for_good_as_it_changes_during_a_rebuild_stops_no_rebuild(site: Proxy) -> None:
    ill = make_article("Ill", "One.", slug="ill")
    make_article("Well", "One.", slug="well")
    settled()

    def change_it(done: int, total: int) -> None:
        site.plan = lambda request: refusing(ill.pk) if request.is_bulk else None
        ill.title = "Changed"
        ill.save()
        assert indexing.update().failed == 1

    rebuilt = indexing.rebuild(progress=change_it)
    assert (rebuilt.stats.articles, rebuilt.failed) == (1, 1)
    # Not as it was before, either.
    assert engines["default"].get(f"newsindex.article:{ill.pk}") is None
    (row,) = PendingChange.objects.all()
    assert row.object_pk == str(ill.pk) and "no such field" in row.error
    site.plan = lambda request: None
    settled()


def test_what_the_cluster_is_too_busy_for_stays_pending_with_all_else(site: Proxy) -> None:
    make_article("Lighthouse", "One.", slug="lighthouse")
    chance = random.Random(1)

    def busy(request: Request, node: Callable[[Request], Answer]) -> Answer:
        items = [item_failed(item, 429, "the queue is full") for item in items_of(request.body)]
        chance.shuffle(items)
        return 200, json.dumps({"items": items}).encode()

    site.plan = lambda request: busy if request.is_bulk else None
    report = indexing.update()
    assert "the queue is full" in report.error and not report.indexed
    (row,) = PendingChange.objects.all()
    assert (row.attempts, row.error) == (0, "")
    site.plan = lambda request: None
    settled()


def test_what_is_delivered_again_much_later_changes_nothing(site: Proxy) -> None:
    article = make_article("Before", "One.", slug="lighthouse")
    gone = make_article("Gone", "One.", slug="gone")
    settled()
    old = [request for request in site.seen if request.is_bulk]
    article.title = "After"
    article.save()
    gone.delete()
    settled()
    for request in old:
        site.node(request)
    engines["default"].refresh()
    settled()
    assert engines["default"].get(f"newsindex.article:{article.pk}").title == "After"  # type: ignore[union-attr]


def test_a_save_does_not_wait_for_what_a_drain_waits_for(site: Proxy, settings: Any) -> None:
    options = {**settings.NEWSINDEX["default"]["OPTIONS"], "write_timeout": 60.0, "patience": 60.0}
    settings.NEWSINDEX = {"default": {**settings.NEWSINDEX["default"], "OPTIONS": options}}
    settings.NEWSINDEX_UPDATE = "inline"
    engines.close_all()
    for number, fault in enumerate((late(20.0), refused(429))):
        engines.close_all()
        site.plan = lambda request, fault=fault: fault if request.is_bulk else None  # type: ignore[misc]
        began = time.monotonic()
        make_article("Lighthouse", "One.", slug=f"lighthouse-{number}")
        # Its own limit, for the bulk request, and for letting the lock go.
        assert time.monotonic() - began < 15
        assert PendingChange.objects.count() == number + 1
    site.plan = lambda request: None
    settled()


def test_a_lock_whose_answer_was_lost_stops_nobody_here(site: Proxy) -> None:
    make_article("Lighthouse", "One.", slug="lighthouse")
    site.plan = lambda request: answer_lost(503) if "_doc/writer" in request.path else None
    assert indexing.update().error
    site.plan = lambda request: None
    report = indexing.update()
    assert report.ok and not report.busy and report.indexed == 1
    settled()


@pytest.mark.parametrize("fault", [refused(503), never_arrived], ids=["503", "closed"])
def test_a_lock_that_could_not_be_let_go_is_free_when_the_cluster_is_back(
    site: Proxy, fault: Fault, settings: Any
) -> None:
    engine = engines["default"]
    other = import_string(settings.NEWSINDEX["default"]["BACKEND"])(
        **{**settings.NEWSINDEX["default"]["OPTIONS"], "hosts": hosts()[0]}
    )
    with engine.writer():
        site.plan = lambda request: fault if "_doc/writer" in request.path and request.method == "PUT" else None
    with pytest.raises(WriterBusy):
        other.writer()
    site.plan = lambda request: None
    # Far less than a lease.
    with other.writer(wait=30.0):
        pass
    other.close()


@pytest.mark.parametrize("fault", [answer_lost(503), never_arrived], ids=["answer lost", "closed"])
def test_a_rebuild_that_fails_at_any_request_leaves_an_index(site: Proxy, fault: Fault) -> None:
    make_article("Lighthouse", "One.", slug="lighthouse")
    settled()
    site.seen.clear()
    indexing.rebuild()
    kinds = [(request.method, request.path.partition("?")[0].rpartition("/")[2][:9]) for request in site.seen]
    places = range(len(kinds)) if FULL else sorted({kinds.index(kind) for kind in kinds})
    for failing in places:
        left = failing

        def plan(request: Request) -> Fault | None:
            nonlocal left
            left -= 1
            return fault if left == -1 else None

        site.plan = plan
        try:
            indexing.rebuild()
            counts["rebuilds that ended"] += 1
        except NewsIndexError:
            counts["rebuilds that failed"] += 1
        site.plan = lambda request: None
        engines["default"]._connection._breaker.answered()
        assert patiently(engines["default"].stats).articles == 1, (failing, kinds[failing])
    patiently(indexing.rebuild)
    assert len(patiently(engines["default"]._generations.all)) == 2
    settled()
