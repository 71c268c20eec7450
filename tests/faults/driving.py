"""What the drivers have in common: Django set up on a place that several processes share, forks, and the comparison.

A driver is a module whose ``main`` runs in a process of its own (driver.py), forks those that are killed, raises where
a promise is broken, and returns what it counted.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from newsindex import indexing
from newsindex.engines import engines
from newsindex.engines.base import EVERYTHING, SearchRequest
from newsindex.models import Article, PendingChange
from newsindex.query import parse

LABEL = "newsindex.article"


def set_up() -> None:
    """Tables, and an empty index."""
    call_command("migrate", verbosity=0, run_syncdb=True)
    indexing.rebuild()


def forked(work: Callable[[], None]) -> int:
    """The id of a new process that does ``work``; its exit status is 1 where that raises."""
    connections.close_all()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def exit_status(pid: int) -> int:
    """How a process ended: its exit status, or minus the number of its signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def asked(word: str) -> list[str]:
    """The keys of all articles that have the word, whoever may see them."""
    request = SearchRequest(parse(word).tree, timezone.now(), EVERYTHING, limit=1_000, correct=False)
    page = engines["default"].search(request)
    assert page.total == len(page.hits), (word, page.total, len(page.hits))
    return [hit.key for hit in page.hits]


def key(pk: int) -> str:
    return f"{LABEL}:{pk}"


def differences() -> list[str]:
    """How the index differs from the database, once nothing is pending any more."""
    found = [f"pending: {row}" for row in PendingChange.objects.all()]
    report = indexing.verify()
    found += [f"{what}: {key}" for what in ("missing", "stale", "ghost") for key in getattr(report, what)]
    found += [f"index: {line}" for line in report.index_errors] + [f"failed: {line}" for line in report.failed]
    keys = Counter(key for key, _ in engines["default"].scan())
    found += [f"twice: {key}" for key, times in keys.items() if times > 1]
    return found


def titles() -> dict[int, str]:
    return dict(Article.objects.values_list("pk", "title"))


def is_sqlite() -> bool:
    return "sqlite" in settings.DATABASES["default"]["ENGINE"]
