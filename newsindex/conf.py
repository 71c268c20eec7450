"""The only reader of settings: one property per setting, read live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings


class Conf:
    """Each property has the name of its setting, so that a search for the setting finds every use."""

    @property
    def NEWSINDEX(self) -> dict[str, dict[str, Any]]:
        """Engines by alias: ``{"default": {"BACKEND": dotted path, "OPTIONS": {...}}}``."""
        configured = getattr(settings, "NEWSINDEX", None)
        if configured is not None:
            engines: dict[str, dict[str, Any]] = configured
            return engines
        base = Path(getattr(settings, "BASE_DIR", "."))
        return {
            "default": {
                "BACKEND": "newsindex.engines.whoosh.WhooshEngine",
                "OPTIONS": {"path": base / "search_index"},
            }
        }

    @property
    def NEWSINDEX_UPDATE(self) -> str:
        """When the index sees a change: "inline" (right after its transaction) or "command" (newsindex_update)."""
        return str(getattr(settings, "NEWSINDEX_UPDATE", "inline"))

    @property
    def LANGUAGE_CODE(self) -> str:
        """Django's own: the language of articles that name none."""
        return str(settings.LANGUAGE_CODE)


conf = Conf()
