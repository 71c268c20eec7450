"""Queries whose SQL is kept answer as the query does, again and again, for each of their arguments."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import QuerySet

from newsindex.models import PendingChange
from newsindex.prepared import Prepared


def of(engine: str, most: int) -> QuerySet[PendingChange, Any]:
    return PendingChange.objects.filter(engine=engine).order_by("pk").values_list("object_pk", "source")[:most]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["default", "100%s", "it's"])
def test_rows_are_those_of_the_query(name: str) -> None:
    kept = Prepared(of)
    for number in range(3):
        PendingChange.objects.create(engine=name, source="news.story", object_pk=str(number))
        PendingChange.objects.create(engine="other", source="news.story", object_pk="other")
        for most in (1, 2, 5):
            assert kept.rows("default", name, most) == list(of(name, most))
    PendingChange.objects.all().delete()
    assert kept.rows("default", name, 5) == []
