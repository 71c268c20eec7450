"""What a monitor reads of an engine: the stable keys of ``newsindex_status --json`` and of the health view."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from newsindex.conf import conf
from newsindex.indexing import Status
from newsindex.models import IndexRun


def status_data(status: Status) -> dict[str, Any]:
    """Everything that is known of an engine, ready for JSON. Times are ISO 8601, or None."""
    stats = status.stats
    return {
        "engine": status.engine,
        "backend": status.backend,
        "asked": status.asked,
        "ok": status.health.ok,
        "message": status.health.message,
        "generation": stats.generation,
        "built_at": _time(stats.built_at),
        "articles": stats.articles,
        "paragraphs": stats.paragraphs,
        "segments": stats.segments,
        "size": stats.size,
        "notices": [{"kind": notice.kind, "message": notice.message} for notice in status.notices],
        "pending": status.pending,
        "objects": status.objects,
        "failed": status.failed,
        "oldest_pending": _time(status.oldest),
        "lag_seconds": round(status.lag, 1),
        "late": is_late(status.lag),
        **{f"last_{kind}": run_data(status.runs.get(kind)) for kind in IndexRun.Kind.values},
    }


def run_data(run: IndexRun | None) -> dict[str, Any] | None:
    """A run, ready for JSON; None for none."""
    if run is None:
        return None
    return {
        "outcome": run.outcome,
        "started": _time(run.started),
        "finished": _time(run.finished),
        "seen": _time(run.seen),
        "progress": run.progress,
        "total": run.total,
        "remaining_seconds": run.remaining,
        "figures": run.shown_figures,
        "message": run.message,
    }


def is_late(lag: float) -> bool:
    """Whether a change has been pending for longer than the site allows."""
    return lag > conf.NEWSINDEX_MAX_LAG


def measured(size: int) -> tuple[float, str]:
    """A number of bytes as it is shown, with its unit: of thousands, as the documentation counts."""
    return (size / 1e6, "MB") if size >= 1e6 else (size / 1e3, "kB")


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
