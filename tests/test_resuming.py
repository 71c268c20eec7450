"""A rebuild that was killed is gone on with: what it has finished is used where it still is right, and nowhere else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError

from newsindex import indexing, operations
from newsindex.engines import engines
from newsindex.engines.whoosh import WhooshEngine, rebuild, writer
from newsindex.engines.whoosh.manifest import decoded
from newsindex.exceptions import NewsIndexError, WriterBusy
from newsindex.languages import treat_like
from newsindex.models import Article, IndexRun
from newsindex.sources import ArticleSource
from tests.factories import make_article
from tests.test_commands import run

pytestmark = [pytest.mark.engine("whoosh"), pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PER_MEGABYTE", 1)


@pytest.fixture
def ten(settings: Any) -> list[Article]:
    settings.NEWSINDEX_UPDATE = "command"
    made = [make_article(f"Ferry {number}", "One.\n\nTwo.") for number in range(10)]
    indexing.rebuild()
    return made


def interrupt(after: int, error: BaseException | None = None) -> None:
    """Rebuild until so many rows were read, and end there."""

    def advance(done: int, total: int) -> None:
        if done >= after:
            raise error or KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, NewsIndexError, ZeroDivisionError)):
        indexing.rebuild(batch_size=1, progress=advance)


def path() -> Path:
    engine = engines["default"]
    assert isinstance(engine, WhooshEngine)
    return engine.path


def generations() -> list[str]:
    return sorted(each.name for each in (path() / "generations").iterdir())


def unfinished() -> Path:
    (found,) = [each.parent for each in (path() / "generations").glob("*/rebuilding")]
    return found


def held() -> dict[str, str]:
    return dict(engines["default"].scan())


def test_what_was_written_is_used_again(ten: list[Article]) -> None:
    before = held()
    interrupt(after=7)
    assert held() == before and len(generations()) == 3
    name = unfinished().name
    report = indexing.rebuild()
    assert (report.stats.articles, report.stats.generation) == (10, name)
    assert report.reused == 7
    assert report.figures["reused"] == report.reused
    assert held() == before and not list(path().rglob("rebuilding")) and not list(path().rglob("touched"))
    assert indexing.verify().ok
    assert indexing.rebuild().reused == 0


def test_changes_while_it_was_dead_are_in_it(ten: list[Article]) -> None:
    interrupt(after=8)
    ten[0].title = "Bridge"
    ten[0].save()
    indexing.update()
    ten[1].delete()
    # Without any signal: only the row itself tells.
    Article.objects.filter(pk=ten[2].pk).update(title="Tunnel")
    ten[3].status = "draft"
    ten[3].save()
    make_article("Later", slug="later")
    report = indexing.rebuild()
    assert report.reused == 4 and report.stats.articles == 10
    assert indexing.verify().ok and not indexing.status().pending
    fresh = held()
    assert indexing.rebuild(fresh=True).reused == 0
    assert held() == fresh


def test_changes_while_it_goes_on_are_in_it(ten: list[Article], monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(after=8)
    validated = indexing._validated

    def change(*args: Any) -> Any:
        monkeypatch.setattr(indexing, "_validated", validated)
        found = validated(*args)
        ten[0].title = "Bridge"
        ten[0].save()
        ten[9].delete()
        indexing.update()
        return found

    monkeypatch.setattr(indexing, "_validated", change)
    assert indexing.rebuild().reused > 0
    assert indexing.verify().ok and len(held()) == 9


def test_a_source_that_says_something_else_now_is_believed(ten: list[Article], monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(after=8)
    monkeypatch.setattr(ArticleSource, "section", lambda self, article: "harbour")
    assert indexing.rebuild().reused == 0
    assert indexing.verify().ok


def test_a_row_that_fails_now_is_left_out(ten: list[Article], monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(after=8)
    real = ArticleSource.title

    def title(self: ArticleSource, article: Article) -> str:
        if article.pk == ten[0].pk:
            raise ValueError("unreadable")
        return real(self, article)

    monkeypatch.setattr(ArticleSource, "title", title)
    report = indexing.rebuild()
    assert (report.failed, report.stats.articles) == (1, 9)
    assert f"newsindex.article:{ten[0].pk}" not in held()


def test_a_database_that_goes_away_loses_nothing(ten: list[Article]) -> None:
    interrupt(after=8, error=DatabaseError("gone"))
    assert indexing.rebuild().reused == 8


def test_it_may_be_stopped_several_times(ten: list[Article]) -> None:
    before = held()
    for after in (3, 6, 9):
        interrupt(after=after)
        assert held() == before
    report = indexing.rebuild()
    assert report.reused == 9 and held() == before and len(generations()) == 2


def test_several_processes_keep_what_each_has_finished(ten: list[Article], settings: Any) -> None:
    settings.NEWSINDEX = {"default": {**settings.NEWSINDEX["default"], "OPTIONS": {"path": path(), "processes": 2}}}
    engines.close_all()
    interrupt(after=9)
    report = indexing.rebuild()
    assert report.stats.articles == 10
    assert indexing.verify().ok


def bend(what: str, directory: Path) -> None:
    if what == "format":
        (directory / "rebuilding").write_bytes(b'{"format": 1}')
    elif what == "analysis":
        said = json.loads((directory / "rebuilding").read_bytes())
        said["analysis"]["sample"] = "0" * 16
        (directory / "rebuilding").write_text(json.dumps(said, sort_keys=True))
    elif what == "no commit":
        (directory / "commit").unlink()
    elif what == "segment gone":
        next(directory.glob("*.segment")).unlink()
    else:
        file = next(directory.glob("*.segment"))
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 16
        file.write_bytes(data)


@pytest.mark.parametrize("what", ["format", "analysis", "no commit", "segment gone", "a bit"])
def test_what_is_doubtful_is_not_used(ten: list[Article], what: str) -> None:
    before = held()
    interrupt(after=8)
    left = unfinished()
    bend(what, left)
    report = indexing.rebuild()
    assert report.reused == 0 and report.stats.generation != left.name and not left.exists()
    assert held() == before


def test_what_was_made_by_another_setting_of_languages_is_not_used(ten: list[Article]) -> None:
    interrupt(after=8)
    try:
        treat_like({"lb": "de"})
        assert indexing.rebuild().reused == 0
    finally:
        treat_like({})


def test_files_that_no_commit_names_are_removed(ten: list[Article]) -> None:
    interrupt(after=8)
    stray = unfinished() / ("0" * 16 + ".segment")
    shutil.copy(next(unfinished().glob("*.segment")), stray)
    assert indexing.rebuild().reused > 0
    assert not stray.exists() and len(held()) == 10


def test_what_was_written_is_kept_after_a_while_too(ten: list[Article], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PER_MEGABYTE", 300_000)
    interrupt(after=8)
    assert len(generations()) == 2  # nothing was finished, so nothing is left
    monkeypatch.setattr(rebuild, "KEEP_AFTER", 0.0)
    interrupt(after=8)
    assert len(decoded(Path(), (unfinished() / "commit").read_bytes()).segments) >= 6


def test_the_lock_is_given_back(ten: list[Article]) -> None:
    interrupt(after=8)
    one = engines["default"].rebuild(go_on=True)
    with pytest.raises(WriterBusy):
        engines["default"].rebuild(go_on=True)
    one.leave()
    two = engines["default"].rebuild(go_on=True)
    assert two.kept is not None and len(two.kept) > 0
    two.abort()
    assert len(generations()) == 2


def test_a_purge_throws_it_away(ten: list[Article]) -> None:
    interrupt(after=8)
    assert indexing.purge()[0].purged.generations == 1
    assert indexing.rebuild().reused == 0


def test_the_command_says_so(ten: list[Article]) -> None:
    interrupt(after=8)
    assert "  note        A rebuild of the index in " in run("newsindex_status")[0]
    assert "kept 8 articles so far" in run("newsindex_status")[0]
    assert "note A rebuild of the index" in run("newsindex_verify")[0]
    out, _, error = run("newsindex_rebuild")
    assert out.startswith("default: a rebuild was left unfinished; this one goes on with it (--fresh begins anew).\n")
    assert "default: 10 articles, 8 of them written before, 20 paragraphs in " in out and error == ""
    assert IndexRun.objects.get(kind="rebuild").figures == {
        "articles": 10, "paragraphs": 20, "failed": 0, "reused": 8
    }  # fmt: skip
    assert "note" not in run("newsindex_status")[0]


def test_the_command_begins_anew_when_told_to(ten: list[Article]) -> None:
    interrupt(after=8)
    out, _, _ = run("newsindex_rebuild", "--fresh")
    assert "unfinished" not in out and "before" not in out
    assert operations.rebuild().reused == 0


def test_an_error_that_is_no_interruption_leaves_nothing(ten: list[Article]) -> None:
    interrupt(after=8, error=ZeroDivisionError())
    assert len(generations()) == 2
    assert indexing.rebuild().reused == 0
