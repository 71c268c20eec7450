"""The articles in ``content/``: files with front matter, read and saved as rows of newsindex.

The name of a file is the slug, its suffix the format. An article that is already there is left as it is, so that
what somebody edits in the admin stays edited.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from newsindex.models import Article

CONTENT = Path(__file__).resolve().parent / "content"
FORMATS = {
    ".txt": Article.BodyFormat.PLAIN,
    ".md": Article.BodyFormat.MARKDOWN,
    ".html": Article.BodyFormat.HTML,
}


def load_articles() -> int:
    """Save the articles that are missing and say how many those were."""
    known = set(Article.objects.values_list("slug", flat=True))
    missing = [path for path in sorted(CONTENT.iterdir()) if path.suffix in FORMATS and path.stem not in known]
    for path in missing:
        save_article(path)
    return len(missing)


def save_article(path: Path) -> Article:
    """One file as one article with its tags."""
    front, body = split_front_matter(path.read_text(encoding="utf-8"))
    article = Article.objects.create(
        slug=path.stem,
        title=front["title"],
        summary=front.get("summary", ""),
        body=body,
        body_format=FORMATS[path.suffix],
        authors=", ".join(front["authors"]),
        section=front["section"],
        language=front.get("language", ""),
        status=front.get("status", Article.Status.PUBLISHED),
        published_at=moment(front["date"]),
        expires_at=moment(front["expires"]) if "expires" in front else None,
    )
    article.tags.add(*front["tags"])
    return article


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The YAML between the two lines of dashes, and the text after them."""
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body.strip()


def moment(value: object) -> datetime:
    """``2025-01-09 07:30`` as a moment in the newsroom's time zone."""
    parsed = value if isinstance(value, datetime) else parse_datetime(str(value))
    if parsed is None:
        raise ValueError(f"A date must look like 2025-01-09 07:30, not {value!r}.")
    return timezone.make_aware(parsed)
