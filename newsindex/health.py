"""The health view, for a monitor: whether searches are answered, and their index is not far behind."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.utils.cache import add_never_cache_headers
from django.views.generic import View

from newsindex import indexing, replicas
from newsindex.engines import engines, named
from newsindex.exceptions import ConfigurationError
from newsindex.logs import get_logger
from newsindex.monitoring import is_late, status_data

logger = get_logger(__name__)


class HealthView(View):
    """``{"status": "ok"}`` with status 200, or ``{"status": "degraded"}`` with 503: nothing else to the public.

    Degraded: the engine of NEWSINDEX_ENGINE can't answer, the database can't be asked, or a change has been pending for
    that engine for longer than NEWSINDEX_MAX_LAG. Another one, which is being built perhaps, wakes nobody. Whoever may
    see the page of the index in the admin gets ``engines`` as well: a list of what ``newsindex_status --json`` says.
    """

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> JsonResponse:
        ok = True
        data: dict[str, Any] = {}
        try:
            ok = self.is_ok()
            if self.may_see_details(request):
                data["engines"] = [status_data(indexing.status(engine=alias)) for alias in engines]
        except (ConfigurationError, DatabaseError, InterfaceError) as error:
            logger.error("The health of the index can't be told: %s", error, extra={"event": "health.failed"})
            ok = False
        response = JsonResponse({"status": "ok" if ok else "degraded", **data}, status=200 if ok else 503)
        add_never_cache_headers(response)
        return response

    def is_ok(self) -> bool:
        """Whether nobody needs to be woken. Cheap: opens what a search opens, and looks for the oldest change."""
        asked = named(None)
        return replicas.health(asked).ok and not is_late(indexing.lag(engine=asked))

    def may_see_details(self, request: HttpRequest) -> bool:
        """Whether the details go along: names of engines, figures, messages with paths."""
        user = getattr(request, "user", None)
        return user is not None and user.is_active and user.has_perm("newsindex.manage_index")
