"""A host of a site: a process that does what it is told, a JSON line each, and answers with one."""

from __future__ import annotations

import json
import random
import sys
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402  # after setup
from django.utils import timezone  # noqa: E402

from newsindex import indexing, replicas, searching, triggers  # noqa: E402
from newsindex.engines import engines  # noqa: E402
from newsindex.exceptions import NewsIndexError  # noqa: E402
from newsindex.models import Article, PendingChange, Replica  # noqa: E402
from tests.blog.models import Note  # noqa: E402


def write(number: int, seed: int) -> int:
    """So many changes of all kinds."""
    chance = random.Random(seed)
    for count in range(number):
        with transaction.atomic():
            mine = list(Article.objects.filter(section=str(seed)).values_list("pk", flat=True)[:50])
            kind = chance.choice(["create", "create", "change", "delete", "withdraw", "tag"]) if mine else "create"
            if kind == "create":
                Article.objects.create(
                    title=f"storm {seed} {count}", slug=f"{seed}-{count}", section=str(seed), status="published"
                )
                continue
            article = Article.objects.get(pk=chance.choice(mine))
            if kind == "delete":
                article.delete()
            elif kind == "tag":
                article.tags.add(chance.choice(["flood", "ferry"]))
            else:
                article.title = f"storm {seed} {count} again"
                article.status = "draft" if kind == "withdraw" else "published"
                article.save()
    return number


_open: list[Any] = []


def hold(slug: str) -> None:
    """Save an article in a transaction that stays open."""
    block = transaction.atomic()
    block.__enter__()
    _open.append(block)
    Article.objects.create(title="storm held", slug=slug, status="published")


def commit() -> None:
    _open.pop().__exit__(None, None, None)


def update() -> dict[str, Any]:
    report = indexing.update(wait=30)
    return {"failed": report.failed, "busy": report.busy, "error": report.error}


def rebuild() -> int:
    return indexing.rebuild().stats.articles


def dump() -> dict[str, str]:
    return dict(engines["default"].scan())


def verify() -> bool:
    return indexing.verify().ok


def search(text: str) -> list[str]:
    return sorted(result.title.text for result in searching.search(text)[:100])


def pending() -> dict[str, int]:
    rows = PendingChange.objects.values_list("replica", flat=True)
    return {name: sum(row == name for row in rows) for name in set(rows)}


def names() -> list[str]:
    return sorted(Replica.objects.values_list("name", flat=True))


def age(name: str, days: int) -> None:
    """As if a replica had not been heard of for so long."""
    Replica.objects.filter(name=name).update(seen=timezone.now() - timedelta(days=days))


def bulk(number: int) -> int:
    triggers.install("default")
    return len(Note.objects.bulk_create([Note(text=f"storm {n}") for n in range(number)]))


def forget_known() -> None:
    """As if the seconds had passed for which a process takes its replica for granted."""
    replicas._current.clear()


def main() -> None:
    for line in sys.stdin:
        name, *args = json.loads(line)
        try:
            answer = {"ok": globals()[name](*args)}
        except NewsIndexError as error:
            answer = {"error": type(error).__name__, "text": str(error)}
        if not connection.in_atomic_block:
            connection.close()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
