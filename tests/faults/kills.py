"""Driver: writers commit, the drainer and they themselves are killed, and afterwards nothing is lost. See test_kills.

Every second round the writers drain for themselves, as a site does that updates inline.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections

from newsindex import indexing
from newsindex.models import Article
from tests.faults.driving import asked, differences, exit_status, forked, key, set_up, titles

WRITERS = 3
CHANGES = 12
#: How many articles a writer has; it changes no others.
OWN = 15


class Journal:
    """What a writer wanted and what was acknowledged, a line each, written at once so that no kill takes it back."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, what: str, slug: str, word: str) -> None:
        os.write(self._handle, (json.dumps([what, slug, word]) + "\n").encode())


def write(journal: Path, number: int, seed: int) -> None:
    chance, noted = random.Random(seed), Journal(journal)
    for change in range(CHANGES):
        slug = f"w{number}-{chance.randrange(OWN)}"
        # A word of its own for each change, to be found by.
        word = f"x{seed}y{change}z"
        article = Article.objects.filter(slug=slug).first()
        if article is not None and chance.random() < 0.3:
            noted.note("wants", slug, "")
            article.delete()
            noted.note("has", slug, "")
        else:
            noted.note("wants", slug, word)
            article = article or Article(slug=slug, status="published")
            article.title, article.body = word, f"A ferry called {word}.\n\nIt sails."
            article.save()
            noted.note("has", slug, word)


def drain() -> None:
    while True:
        indexing.update(wait=1.0)
        indexing.maintain()
        time.sleep(0.002)


def states(journal: Path, known: dict[str, str]) -> dict[str, set[str]]:
    """For each slug what it may be: what was acknowledged last, and what was wanted after that."""
    found: dict[str, set[str]] = {}
    for line in journal.read_text().splitlines():
        what, slug, word = json.loads(line)
        if what == "has":
            found[slug] = {word}
        else:
            # It may or may not have come about, until it is acknowledged.
            found.setdefault(slug, {known.get(slug, "")}).add(word)
    return found


def one_round(number: int, seed: int, known: dict[str, str], counted: Counter[str]) -> None:
    chance = random.Random(f"{seed}-{number}")
    inline = number % 2 == 1
    settings.NEWSINDEX_UPDATE = "inline" if inline else "command"
    folder = Path(os.environ["NEWSINDEX_FAULTS_INDEX"]).parent
    journals = [folder / f"journal-{number}-{writer}" for writer in range(WRITERS)]
    began = [forked(lambda w=w: write(journals[w], w, seed * 100_000 + number * WRITERS + w)) for w in range(WRITERS)]
    left = list(began)
    for kill in range(3):
        drainer = forked(drain)
        time.sleep(chance.uniform(0, 0.25))
        os.kill(drainer, signal.SIGKILL)
        assert exit_status(drainer) in (-signal.SIGKILL,)
        counted["kills"] += 1
        if inline and left and kill:
            victim = left.pop(chance.randrange(len(left)))
            os.kill(victim, signal.SIGKILL)
            counted["kills"] += exit_status(victim) == -signal.SIGKILL
    for pid in left:
        assert exit_status(pid) == 0, "A writer got an error."
    connections.close_all()
    # One drain.
    report = indexing.update(wait=30.0)
    assert not report.error and not report.failed, report
    check(journals, known, counted)
    counted["trials"] += 1


def check(journals: list[Path], known: dict[str, str], counted: Counter[str]) -> None:
    now = dict(Article.objects.values_list("slug", "title"))
    pks = dict(Article.objects.values_list("slug", "pk"))
    for journal in journals:
        if not journal.exists():
            continue
        counted["acknowledged"] += journal.read_text().count('["has"')
        for slug, words in states(journal, known).items():
            counted["losses"] += now.get(slug, "") not in words
            old = known.get(slug, "")
            if old and old != now.get(slug, ""):
                counted["found though replaced"] += bool(asked(old))
        journal.unlink()
    for slug, word in now.items():
        found = asked(word)
        counted["losses"] += found == []
        counted["duplicates"] += len(found) > 1
        counted["wrong answers"] += bool(found) and found[0] != key(pks[slug])
    wrong = differences()
    assert not wrong, wrong
    known.clear()
    known.update(now)
    assert len(titles()) == len(asked("ferry")), "not every article is found by what all of them have"


def main(trials: int, seed: int) -> dict[str, Any]:
    set_up()
    counted: Counter[str] = Counter()
    known: dict[str, str] = {}
    for number in range(trials):
        one_round(number, seed, known, counted)
    for wrong in ("losses", "duplicates", "wrong answers", "found though replaced"):
        counted[wrong] += 0
        assert not counted[wrong], dict(counted)
    return counted
