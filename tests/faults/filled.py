"""Driver: ``filled COUNT`` makes tables, so many articles with much the same words, and an index of them."""

from __future__ import annotations

from newsindex import indexing
from newsindex.models import Article
from tests.faults.driving import set_up

TEXT = "\n\n".join(f"A quay in paragraph {number}, with rope and tar and what else a quay has." for number in range(12))


def main(count: int) -> dict[str, int]:
    set_up()
    Article.objects.bulk_create(
        [Article(slug=f"quay-{n}", title=f"Quay {n}", body=TEXT, status="published") for n in range(count)]
    )
    indexing.rebuild()
    return {}
