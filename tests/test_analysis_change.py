"""An update of newsindex or a library: an index that was made otherwise is named, and used as far as it can be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone

from newsindex import indexing, operations
from newsindex.engines import engines
from newsindex.engines.base import EVERYTHING, SearchRequest
from newsindex.engines.whoosh import fingerprint, generations, manifest
from newsindex.languages import treat_like
from newsindex.query import parse
from tests.factories import make_article
from tests.test_commands import run

pytestmark = [pytest.mark.engine("whoosh", verify=False), pytest.mark.django_db(transaction=True)]


def live() -> Path:
    path: Path = engines["default"].path  # type: ignore[attr-defined]
    return path / "live"


def rewritten(**changes: Any) -> None:
    """What the pointer says, changed, with the right checksum."""
    content = json.loads(live().read_bytes())
    del content["checksum"]
    content.update(changes)
    content = {name: value for name, value in content.items() if value is not None}
    live().write_text(json.dumps({**content, "checksum": generations._checksum(content)}))


def found(text: str) -> list[str]:
    request = SearchRequest(parse(text).tree, timezone.now(), EVERYTHING, limit=10, correct=False)
    return [hit.title.text for hit in engines["default"].search(request).hits]


def ids() -> set[str]:
    return {message.id for message in run_checks() if message.id.startswith("newsindex")}


@pytest.fixture
def other_languages() -> Iterator[None]:
    yield
    treat_like({})


def test_nothing_is_said_of_an_index_made_as_now() -> None:
    make_article("Ferries")
    assert indexing.status().notices == () and "newsindex.W014" not in ids()
    assert fingerprint.outdated(fingerprint.analysis()) == ""
    other = {**fingerprint.analysis(), "PyStemmer": "1.0"}
    assert fingerprint.outdated(other) == "", "a library that changes nothing needs no rebuild"


def test_another_analysis_is_named_and_searches_go_on(client: Client, admin_client: Client) -> None:
    make_article("Harbour lights", "Ferries sail.")
    assert found("ferry") == found("harbour") == ["Harbour lights"]
    rewritten(analysis={**fingerprint.analysis(), "sample": "0" * 16, "PyStemmer": "2.0.0"})
    # Words that are cut as before are found as before.
    assert found("ferry") == found("harbour") == ["Harbour lights"]
    (notice,) = indexing.status().notices
    assert notice.kind == "analysis" and "PyStemmer 2.0.0, now " in notice.message
    assert "newsindex.W014" in ids()
    out, _, error = run("newsindex_status")
    assert "  health      ok\n" in out and "  note        The index in " in out and error == ""
    out, _, error = run("newsindex_verify")
    assert out.startswith("index The index in ") and "run newsindex_rebuild" in error
    page = admin_client.get("/admin/newsindex/indexrun/").content.decode()
    assert "was made by another analysis of words" in page and "Searches are answered." in page
    assert client.get("/search/health/").status_code == 200
    assert client.get("/search/?q=harbour").status_code == 200
    # What is written meanwhile is indexed as now.
    make_article("Ferries too", slug="later")
    assert sorted(found("ferries")) == ["Ferries too", "Harbour lights"]
    assert "1 article" not in run("newsindex_rebuild", "--if-needed")[0]
    assert sorted(found("ferries")) == ["Ferries too", "Harbour lights"]
    assert indexing.status().notices == () and "newsindex.W014" not in ids() and indexing.verify().ok


def test_another_setting_of_languages_is_named_until_a_rebuild(other_languages: None) -> None:
    make_article("Ferien", "Ferienwohnungen am Hafen.", language="lb")
    assert found("ferienwohnung") == []
    treat_like({"lb": "de"})
    (notice,) = indexing.status().notices
    assert 'NEWSINDEX_LANGUAGES {}, now {"lb": "de"}' in notice.message and "newsindex.W014" in ids()
    assert not indexing.verify().ok and found("hafen") == ["Ferien"]
    indexing.rebuild()
    assert found("ferienwohnung") == ["Ferien"]
    assert indexing.status().notices == () and indexing.verify().ok
    # An index that was made before this was noted says nothing of it.
    before = {name: value for name, value in fingerprint.analysis().items() if name != "NEWSINDEX_LANGUAGES"}
    assert fingerprint.outdated(before) == ""


def test_an_index_that_does_not_say_how_it_was_made_is_named() -> None:
    rewritten(analysis=None)
    assert [notice.kind for notice in indexing.status().notices] == ["analysis"]


def test_repair_makes_it_as_now() -> None:
    make_article("Ferries")
    rewritten(analysis={"sample": "0" * 16, "Unicode": "9.0.0"})
    report = operations.verify()
    assert "Unicode 9.0.0, now " in report.index_errors[0] and "PyStemmer none, now " in report.index_errors[0]
    operations.repair(report)
    assert operations.verify().ok


def test_an_older_format_is_refused_and_named(client: Client, admin_client: Client) -> None:
    make_article("Ferries")
    rewritten(format=manifest.INDEX_FORMAT - 1)
    said = f"has format {manifest.INDEX_FORMAT - 1} (according to live), this version of newsindex reads "
    response = client.get("/search/?q=ferry")
    assert response.status_code == 503 and "Ferries" not in response.content.decode()
    assert said in indexing.status().health.message
    assert "newsindex.W016" in ids()
    out, _, error = run("newsindex_status")
    assert said in out and "Searches are not answered by: default" in error
    assert said in run("newsindex_verify")[0]
    assert said in admin_client.get("/admin/newsindex/indexrun/").content.decode()
    assert client.get("/search/health/").status_code == 503
    # Saving goes on, and one rebuild mends it.
    make_article("Later ferries", slug="later")
    assert "2 articles" in run("newsindex_rebuild", "--if-needed")[0]
    assert len(found("ferries")) == 2 and "newsindex.W016" not in ids()
