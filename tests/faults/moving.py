"""Driver: ``moving load SECONDS`` moves a site to a second engine and back while it is written to and searched.

``moving build``, ``moving save WORD`` and ``moving found OLD NEW`` are what a process does between two restarts.
"""

from __future__ import annotations

import json
import time
from collections import Counter

from django.conf import settings
from django.test import Client

from newsindex import indexing, replicas
from newsindex.engines import engines
from newsindex.engines.base import SearchPage, SearchRequest
from newsindex.models import PendingChange
from newsindex.searching import search
from tests.faults.driving import set_up
from tests.faults.load import FIXED, Load

ENGINES = ("default", "second")


def say(method: str, path: str, form: dict[str, str] | None) -> tuple[int, bytes]:
    client = Client()
    response = client.post(path, form) if method == "POST" else client.get(path)
    return response.status_code, response.content


def main(part: str, *args: str | int) -> dict[str, int]:
    return {"load": under_load, "build": build, "save": save, "found": found}[part](*args)


def under_load(seconds: int) -> dict[str, int]:
    """One engine, then two, the second asked, the first again: each for so many seconds. Nothing is built but once."""
    both = settings.NEWSINDEX
    settings.NEWSINDEX = {"default": both["default"]}
    set_up()
    load = Load(say, 2, 2)
    load.fill()
    load.start()
    try:
        time.sleep(seconds)
        settings.NEWSINDEX = both
        asked = counted()
        time.sleep(seconds)
        indexing.rebuild(engine="second")
        built = generations()
        time.sleep(seconds)
        for alias, other in (("second", "default"), ("default", "second")):
            settings.NEWSINDEX_ENGINE = alias
            # What was asked before that may still be under way.
            time.sleep(seconds)
            before = Counter(asked)
            time.sleep(seconds)
            assert asked[other] == before[other] and asked[alias] > before[alias], (alias, before, asked)
    finally:
        load.stop()
    assert load.wrong == [], load.wrong[:5]
    assert generations() == built
    for alias in ENGINES:
        assert not replicas.needed(alias), replicas.needed(alias)
    level(load.acknowledged)
    return {"searches while moving": load.counted["reads"], "changes while moving": load.counted["acknowledged"]}


def counted() -> Counter[str]:
    """How often each engine was asked."""
    asked: Counter[str] = Counter()
    for alias in ENGINES:
        engine = engines[alias]

        def answer(request: SearchRequest, alias: str = alias, ask=engine.search) -> SearchPage:
            asked[alias] += 1
            return ask(request)

        engine.search = answer
    return asked


def generations() -> list[str]:
    return [engines[alias].stats().generation for alias in ENGINES]


def level(acknowledged: dict[str, str]) -> None:
    """Both engines have what the database has, and find all that was acknowledged."""
    report = indexing.update(wait=60.0)
    assert report.ok, report
    assert not PendingChange.objects.exists()
    for alias in ENGINES:
        report = indexing.verify(engine=alias)
        assert report.ok, report
        lost = [word for word in acknowledged.values() if word not in ("", "start") and total(word, alias) != 1]
        assert not lost, (alias, lost)


def total(word: str, alias: str | None = None) -> int:
    return search(word, engine=alias, correct=False, relax=False).count()


def build() -> dict[str, int]:
    set_up()
    Load(say, 0, 0).fill()
    indexing.update()
    indexing.rebuild(engine="second")
    return {}


def save(word: str) -> dict[str, int]:
    """Save all articles with another word; with NEWSINDEX_UPDATE = "command" that stays pending."""
    for number in range(FIXED):
        assert say("POST", f"/save/fixed-{number}/", {"word": word})[0] == 200
    assert PendingChange.objects.count() == FIXED * len(ENGINES)
    return {}


def found(old: str, new: str) -> dict[str, int]:
    """The engine that is asked has what it had, then what was pending for it; the other one's stays pending."""
    alias = settings.NEWSINDEX_ENGINE
    built = generations()
    assert PendingChange.objects.of(alias).count() == FIXED
    for word, wanted in ((old, FIXED), (new, 0), ("lighthouse", FIXED)):
        assert answered(word) == wanted, word
    assert indexing.update(engine=alias, wait=60.0).ok
    for word, wanted in ((old, 0), (new, FIXED), ("lighthouse", FIXED)):
        assert answered(word) == wanted, word
    assert generations() == built
    return {}


def answered(word: str) -> int:
    """How many articles the page finds with the word, in no other spelling."""
    status, content = say("GET", f"/search/json/?q={word}", None)
    assert status == 200, content
    answer = json.loads(content)
    return 0 if answer["corrected"] or answer["relaxed"] else int(answer["total"])
