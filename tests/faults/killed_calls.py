"""Driver: each of the things that change an index is killed before each of its calls that change a file.

The index of before is put back for each kill; the database stays as it is, with the same changes pending. Afterwards
the index is what it was, or what it should be; one drain makes it what the database says, and the next goes on.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from newsindex import indexing, replicas
from newsindex.engines import engines
from newsindex.engines.whoosh import upkeep
from newsindex.exceptions import IndexDamaged
from newsindex.models import Article, PendingChange, Replica
from tests.faults.calls import Counted, watched
from tests.faults.driving import LABEL, differences, exit_status, forked, key, set_up, titles

KILLED = 77


def article(number: int) -> Article:
    return Article.objects.create(slug=f"a{number}", title=f"Ferry {number}", body="One.\n\nTwo.", status="published")


def prepared() -> list[int]:
    """Articles in several segments; the keys of those that change afterwards."""
    upkeep.SMALL = 100
    made = []
    for start in range(4):
        made += [article(start * 3 + number) for number in range(3)]
        indexing.update()
    made[1].delete()
    indexing.update()
    return [made[0].pk, made[2].pk, made[5].pk]


def held() -> dict[str, str]:
    engines.close_all()
    return dict(engines["default"].scan())


def merged() -> None:
    upkeep.SMALL = 1
    indexing.update()


def maintained() -> None:
    upkeep.SMALL = 1
    indexing.maintain()


def repaired() -> None:
    indexing.repair(indexing.verify())


def purged() -> None:
    engines["default"].purge([key(Article.objects.order_by("pk")[4].pk)])  # type: ignore[attr-defined]


WORKS: dict[str, Callable[[], Any]] = {
    "commit": lambda: indexing.update(),
    "merge": merged,
    "maintain": maintained,
    "rebuild": lambda: indexing.rebuild(),
    "repair": repaired,
}


def damage(index: Path) -> None:
    """Change a bit of the largest file."""
    file = max(index.rglob("*.segment"), key=lambda path: path.stat().st_size)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 16
    file.write_bytes(data)


def files(index: Path) -> set[str]:
    """The files that belong to no commit, by the generations that are live or were."""
    generations = engines["default"]._generations  # type: ignore[attr-defined]
    pointer = generations.live()
    found = {path.name for path in (index / "generations").iterdir()} - {pointer.generation, pointer.previous}
    store = engines["default"]._store(pointer)  # type: ignore[attr-defined]
    kept = store.manifest().files() | {"commit", "merge.lock", "commit.new"}
    return found | {path.name for path in store.directory.iterdir() if path.name not in kept}


def kill_everywhere(name: str, index: Path, backup: Path, pending: list[int], counted: Counter[str]) -> None:
    before = None
    outcomes = set()
    at, status = -1, KILLED
    while status == KILLED:
        at += 1
        shutil.rmtree(index)
        shutil.copytree(backup, index)
        engines.close_all()
        # What the database knows of the index goes back with it.
        Replica.objects.update(serial=engines["default"].serial(), announced=engines["default"].serial())
        replicas._current.clear()
        PendingChange.objects.all().delete()
        PendingChange.objects.bulk_create(
            PendingChange(engine="default", source=LABEL, object_pk=str(pk)) for pk in pending
        )
        before = before or held()
        if name == "repair":
            damage(index)
        engines.close_all()

        def work(at: int = at) -> None:
            with watched(Counted(at, lambda: os._exit(KILLED))):
                WORKS[name]()

        status = exit_status(forked(work))
        assert status in (0, KILLED), (name, at, status)
        counted["kills"] += status == KILLED
        outcomes.add(checked(name, at, before))
    assert at > 3 and (name in ("maintain", "purge") or outcomes == {True, False}), (name, at, outcomes)
    left = files(index)
    assert not left, (name, left)


def checked(name: str, at: int, before: dict[str, str]) -> bool:
    """Whether the index was still the one of before. Afterwards all is as the database says."""
    old = True
    try:
        now = held()
        problems = list(engines["default"].verify())
    except IndexDamaged:
        problems = ["damaged"]
    if name == "repair" and problems:
        # The damaged generation is still live, and said to be damaged.
        indexing.repair(indexing.verify())
    else:
        assert problems == [], (name, at, problems)
        old = now == before
        assert set(now) <= set(before) | {key(pk) for pk in titles()}, (name, at)
        if not old and name not in ("purge", "maintain"):
            report = indexing.verify()
            assert not report.drift, (name, at, report)
    report = indexing.update(wait=5.0)
    assert not report.error and not report.busy and not report.failed, (name, at, report)
    if name == "purge":
        indexing.update(Article.objects.all())
    # The next writer goes on, and sweeps up.
    indexing.update(Article.objects.filter(slug="a9"))
    indexing.maintain()
    wrong = differences()
    assert not wrong, (name, at, wrong)
    return old


def main() -> dict[str, int]:
    settings.NEWSINDEX_UPDATE = "command"
    set_up()
    pending = prepared()
    index = Path(os.environ["NEWSINDEX_FAULTS_INDEX"])
    backup = index.with_name("backup")
    engines.close_all()
    shutil.copytree(index, backup)
    Article.objects.filter(pk=pending[0]).update(title="Bridge")
    Article.objects.filter(pk=pending[1]).delete()
    Article.objects.filter(pk=pending[2]).update(body="Three.\n\nFour.\n\nFive.")
    counted: Counter[str] = Counter()
    works = dict(WORKS, purge=purged) if hasattr(engines["default"], "purge") else WORKS
    WORKS.update(works)
    for name in works:
        kills = counted["kills"]
        kill_everywhere(name, index, backup, pending, counted)
        counted[f"calls of {name}"] = counted["kills"] - kills
    return counted
