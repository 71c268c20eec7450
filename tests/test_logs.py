"""Log lines: one for each message, whatever users have written, with fields for those who read them by machine."""

from __future__ import annotations

import logging
from io import StringIO
from typing import Any

import pytest

from newsindex import indexing
from newsindex.logs import get_logger, one_line
from newsindex.models import PendingChange
from newsindex.sources import sources
from tests.factories import make_article

FORGED = "2026-01-01 00:00:00 INFO django.security: all is well"
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]


class Log:
    """What a site's handler writes."""

    def __init__(self, name: str) -> None:
        self.stream = StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self.logger = logging.getLogger(name)
        self.logger.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def log() -> Any:
    log = Log("newsindex")
    yield log
    log.logger.removeHandler(log.handler)


@pytest.mark.parametrize("ending", BREAKS)
@pytest.mark.parametrize("name", ["newsindex", "newsindex.views", "newsindex.engines"])
def test_an_argument_can_not_begin_a_line(log: Log, name: str, ending: str) -> None:
    logger = get_logger(name)
    logger.error("A row was refused: %s", f"bad{ending}{FORGED}")
    logger.error("A row was refused: %s", ValueError(f"bad{ending}{FORGED}"))
    assert len(log.lines) == 2
    assert not any(line.startswith(FORGED) for line in log.lines)
    assert all(FORGED in line for line in log.lines)


@pytest.mark.parametrize("ending", BREAKS)
def test_the_text_of_an_exception_can_not_begin_a_line(log: Log, ending: str) -> None:
    try:
        try:
            raise ValueError(f"bad{ending}{FORGED}")
        except ValueError as error:
            raise KeyError(f"worse{ending}{FORGED}") from error
    except KeyError:
        get_logger("newsindex").exception("It failed")
    assert not any(line.startswith(FORGED) for line in log.lines)
    assert sum(FORGED in line for line in log.lines) == 2
    # The traceback is the one that Python writes.
    assert log.lines[1] == "Traceback (most recent call last):"
    assert any(line.startswith('  File "') for line in log.lines)


def test_what_is_harmless_stays_as_it_is(log: Log) -> None:
    get_logger("newsindex").warning("%s of %d in %.1f s: %r", "Läufe – 日本", 3, 0.25, "a\tb")
    assert log.lines[0].endswith("Läufe – 日本 of 3 in 0.2 s: 'a\\tb'")
    assert one_line("a\x1b[31mb\nc") == r"a\x1b[31mb\nc"


@pytest.mark.django_db
def test_a_source_that_quotes_its_text_forges_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, article: Any) -> Any:
        raise ValueError(f"can't read {article.body}")

    make_article("Harbour", f"text\n{FORGED}")
    monkeypatch.setattr(type(sources["newsindex.article"]), "paragraphs", broken)
    indexing.update()
    assert log.lines
    assert not any(line.startswith(FORGED) for line in log.lines)


@pytest.mark.django_db
def test_a_key_forges_nothing(log: Log) -> None:
    PendingChange.objects.create(source=f"blog.post\n{FORGED}", object_pk=f"1\n{FORGED}")
    indexing.enqueue(f"blog.post\n{FORGED}", ["x" * 300])
    indexing.update()
    assert not any(line.startswith(FORGED) for line in log.lines)


@pytest.mark.django_db
def test_records_have_fields(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Any, article: Any) -> Any:
        raise ValueError("no text")

    article = make_article("Harbour")
    monkeypatch.setattr(type(sources["newsindex.article"]), "paragraphs", broken)
    indexing.update()
    (record,) = caplog.records
    assert (record.event, record.key) == ("row.failed", f"newsindex.article:{article.pk}")
