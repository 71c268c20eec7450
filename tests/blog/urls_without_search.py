"""URLs of a site that forgot those of newsindex."""

from typing import Any

urlpatterns: list[Any] = []
