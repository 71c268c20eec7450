"""A purge: what was taken out or replaced is gone for good, and everything else stays as it is."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from newsindex.engines.base import Engine
from newsindex.exceptions import WriterBusy
from tests.contract.asking import article, ask, index, matching
from tests.contract.news import FERRY, FLOOD, NEWS


def test_what_is_named_is_gone_and_the_rest_stays(engine: Engine) -> None:
    index(engine, *NEWS)
    purged = engine.purge([FLOOD.key, "news.story:never"])
    assert purged.documents == 1
    assert purged.keys == {FLOOD.key, "news.story:never"}
    assert engine.get(FLOOD.key) is None
    assert {key for key, _ in engine.scan()} == {document.key for document in NEWS} - {FLOOD.key}
    assert engine.get(FERRY.key) == FERRY
    assert matching(engine, "bridge") == {"ferry"}


def test_twice_is_harmless(engine: Engine) -> None:
    index(engine, *NEWS)
    engine.purge([FLOOD.key])
    again = engine.purge([FLOOD.key])
    assert (again.documents, again.segments, again.generations) == (0, 0, 0)
    assert ask(engine, "bridge").total == 1


def test_all_can_go(engine: Engine) -> None:
    index(engine, *NEWS)
    assert engine.purge([document.key for document in NEWS]).documents == len(NEWS)
    assert list(engine.scan()) == []
    index(engine, FLOOD)
    assert matching(engine, "bridge") == {"flood"}


def test_what_was_put_again_afterwards_is_there(engine: Engine) -> None:
    index(engine, *NEWS)
    engine.purge([FLOOD.key])
    index(engine, replace(FLOOD, title="Dry again"))
    assert matching(engine, "dry") == {"flood"}


def test_a_purge_waits_for_a_rebuild_and_takes_out_what_that_has_read(engine: Engine) -> None:
    index(engine, *NEWS)
    rebuild = engine.rebuild()
    with rebuild.writer() as writer:
        for document in NEWS:
            writer.put(document)
    with pytest.raises(WriterBusy):
        engine.purge([FLOOD.key])
    assert engine.get(FLOOD.key) is None, "the live generation is purged at once"
    assert FLOOD.key in rebuild.touched()

    purging = threading.Thread(target=engine.purge, args=[[FLOOD.key]], kwargs={"wait": 60.0})
    purging.start()
    with rebuild.exclusive():
        rebuild.swap()
    purging.join()
    assert engine.get(FLOOD.key) is None
    assert ask(engine, "bridge").total == 1


def test_searches_and_writers_go_on_meanwhile(engine: Engine) -> None:
    keys = [f"news.story:{n}" for n in range(60)]
    for n in range(0, 60, 20):
        index(engine, *[article(at, "secret" if at % 2 else "open", "text") for at in range(n, n + 20)])
    failures: list[BaseException] = []
    stop = threading.Event()

    def reading() -> None:
        try:
            while not stop.is_set():
                assert ask(engine, "open").total >= 30
        except BaseException as error:
            failures.append(error)

    def writing() -> None:
        number = 1_000
        try:
            while not stop.is_set():
                with engine.writer(wait=30.0) as writer:
                    writer.put(article(number % 1_005, "open", "late"))
                number += 1
                # The lock knows no queue: whoever takes it again in the same moment lets nobody in.
                stop.wait(0.05)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=target) for target in (reading, writing)]
    for thread in threads:
        thread.start()
    for at in range(1, 60, 6):
        engine.purge(keys[at : at + 6 : 2], wait=30.0)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ask(engine, "secret").total == 0
    assert ask(engine, "open").total >= 30
