"""Driver: ``saved SLUG`` saves an article, and leaves it to others to index it."""

from __future__ import annotations

from newsindex.models import Article


def main(slug: str) -> dict[str, int]:
    Article.objects.create(slug=slug, title=f"Ferry {slug}", body="One.\n\nTwo.", status="published")
    return {"acknowledged": 1}
