"""Driver: ``newsindex_rebuild`` with a source that takes its time, and a line of progress each second."""

from __future__ import annotations

import time
from typing import Any

from django.core.management import call_command

from newsindex.management.commands import newsindex_rebuild
from newsindex.sources import ArticleSource


def main() -> dict[str, int]:
    document = ArticleSource.document

    def slowly(self: ArticleSource, *args: Any, **options: Any) -> Any:
        time.sleep(0.2)
        return document(self, *args, **options)

    ArticleSource.document = slowly  # type: ignore[method-assign]
    newsindex_rebuild.LINE_AFTER = 1.0  # type: ignore[misc]
    call_command("newsindex_rebuild", batch_size=5)
    return {}
