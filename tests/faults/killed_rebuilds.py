"""Driver: a rebuild is killed, before each of its calls that change a file and at random moments, and gone on with.

Rows change before, while it is dead, and while it goes on. The index of before answers all the while; what the rebuild
that goes on makes is what one that begins anew would make. See test_kills.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

from django.conf import settings
from django.db import connections

from newsindex import indexing
from newsindex.engines import engines
from newsindex.engines.whoosh import writer
from newsindex.models import Article
from tests.faults.calls import Counted, watched
from tests.faults.driving import asked, differences, exit_status, forked, key, set_up
from tests.faults.killed_calls import KILLED, article, files, held

ARTICLES = 12


def changed(number: int) -> None:
    """A change of each kind, with and without a note of it."""
    some = list(Article.objects.order_by("pk"))
    some[number % len(some)].delete()
    article = some[(number + 3) % len(some)]
    article.title = f"Ferry changed {number}"
    article.save()
    Article.objects.create(slug=f"n{number}-{time.monotonic_ns()}", title=f"Ferry new {number}", status="published")
    if number % 2:
        indexing.update(wait=5.0)


def gone_on(counted: Counter[str], what: object) -> None:
    """The rebuild that goes on after a kill: everything is in the index, once, and as the database has it."""
    before = held()
    assert not list(engines["default"].verify()), what
    assert len(asked("ferry")) == len(before), what
    report = indexing.rebuild(batch_size=2)
    counted["rebuilds gone on with"] += report.reused > 0
    counted["articles used again"] += report.reused
    found = differences()
    counted["losses"] += len(found)
    assert not found, (what, found)
    assert set(held()) == {key(pk) for pk in Article.objects.values_list("pk", flat=True)}, what
    assert not files(Path(os.environ["NEWSINDEX_FAULTS_INDEX"])), what


def before_every_call(index: Path, backup: Path, counted: Counter[str]) -> None:
    at, status = -1, KILLED
    while status == KILLED:
        at += 1
        shutil.rmtree(index)
        shutil.copytree(backup, index)
        engines.close_all()
        before = held()
        engines.close_all()

        def work(at: int = at) -> None:
            with watched(Counted(at, lambda: os._exit(KILLED))):
                indexing.rebuild(batch_size=2)

        status = exit_status(forked(work))
        assert status in (0, KILLED), (at, status)
        counted["kills"] += status == KILLED
        if status == KILLED:
            now = held()
            # The pointer may have moved with the call before.
            assert now == before or not indexing.verify().drift, at
            changed(at)
            gone_on(counted, at)
    assert at > 30, at


def slowly() -> None:
    def advance(done: int, total: int) -> None:
        time.sleep(0.004)

    while True:
        indexing.rebuild(batch_size=1, progress=advance)


def at_random(trials: int, seed: int, counted: Counter[str]) -> None:
    chance = random.Random(seed)
    for number in range(trials):
        for _ in range(chance.choice([1, 1, 2, 3])):
            pid = forked(slowly)
            until = time.monotonic() + chance.uniform(0.0, 0.25)
            while time.monotonic() < until:
                changed(chance.randrange(1_000))
            os.kill(pid, signal.SIGKILL)
            assert exit_status(pid) == -signal.SIGKILL, number
            counted["kills"] += 1
        connections.close_all()
        engines.close_all()
        gone_on(counted, (number, seed))
        counted["trials"] += 1


def main(trials: int, seed: int) -> dict[str, int]:
    settings.NEWSINDEX_UPDATE = "command"
    # Some three articles in a segment.
    writer.PER_MEGABYTE = 30
    set_up()
    for number in range(ARTICLES):
        article(number)
    indexing.update()
    counted: Counter[str] = Counter(losses=0)
    index = Path(os.environ["NEWSINDEX_FAULTS_INDEX"])
    backup = index.with_name("backup")
    # From an index with a rebuild that was killed half-way, so that to go on is killed as well.
    killed = forked(lambda: indexing.rebuild(batch_size=2, progress=lambda done, _: done > 5 and os._exit(KILLED)))
    assert exit_status(killed) == KILLED
    engines.close_all()
    shutil.copytree(index, backup)
    before_every_call(index, backup, counted)
    at_random(trials, seed, counted)
    assert counted["rebuilds gone on with"] > trials / 3, dict(counted)
    return counted
