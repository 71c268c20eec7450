"""Every check once, with what it says to the developer."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import models
from django.utils import timezone

from newsindex import checks
from newsindex.engines.base import Problem, Stats
from newsindex.engines.memory import MemoryEngine
from newsindex.models import PendingChange
from newsindex.sources import Source, register, unregister
from tests.blog.models import Story

MEMORY = "newsindex.engines.memory.MemoryEngine"
WHOOSH = "newsindex.engines.whoosh.WhooshEngine"


def found(**kwargs: Any) -> list[CheckMessage]:
    return [message for message in run_checks(**kwargs) if (message.id or "").startswith("newsindex.")]


def only(**kwargs: Any) -> CheckMessage:
    (message,) = found(**kwargs)
    return message


@pytest.fixture
def story() -> Iterator[type[Story]]:
    yield Story
    unregister(Story)


def test_the_settings_of_the_tests_are_fine() -> None:
    assert found() == []


def test_the_default_settings_are_fine(settings: Any, tmp_path: Any) -> None:
    del settings.NEWSINDEX
    settings.BASE_DIR = tmp_path
    assert [message for message in found() if message.is_serious()] == []


@pytest.mark.parametrize("value", [[], "whoosh", {"BACKEND": MEMORY}])
@pytest.mark.usefixtures("default_engine")
def test_e001_no_dict_of_engines(settings: Any, value: object) -> None:
    settings.NEWSINDEX = value
    message = only()
    assert message.id == "newsindex.E001"
    assert repr(value) in message.msg and message.hint is not None and "NEWSINDEX = {" in message.hint
    settings.NEWSINDEX = {"default": {"BACKEND": MEMORY}}


def test_e002_no_default(settings: Any) -> None:
    settings.NEWSINDEX = {"other": {"BACKEND": MEMORY}}
    assert (only().id, only().msg) == (
        "newsindex.E002",
        "NEWSINDEX has no engine 'default', only: 'other'.",
    )


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"BACKEND": MEMORY, "PATH": "/srv"}, "has the unknown key 'PATH'"),
        ({"BACKEND": MEMORY, "OPTIONS": ["path"]}, r"\['OPTIONS'\] must be a dict .* not \['path'\]"),
    ],
)
def test_e003_keys_of_an_engine(settings: Any, setting: dict[str, Any], words: str) -> None:
    settings.NEWSINDEX = {"default": setting}
    assert only().id == "newsindex.E003"
    assert re.search(words, only().msg)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({}, "must be the dotted path of an engine"),
        ({"BACKEND": "newsindex.engines.nothing.Engine"}, "No module named 'newsindex.engines.nothing'"),
        ({"BACKEND": MEMORY, "OPTIONS": {"pth": "/srv"}}, "unknown option 'pth'; MemoryEngine takes none"),
        ({"BACKEND": WHOOSH}, "OPTIONS has no 'path'; WhooshEngine takes path, writer_mb, processes"),
        ({"BACKEND": WHOOSH, "OPTIONS": {"PATH": "/srv"}}, "has no 'path' and has the unknown option 'PATH'; Whoosh"),
        ({"BACKEND": WHOOSH, "OPTIONS": {"path": "/srv/a\0b"}}, "path must be the path of a directory, not '/srv/a"),
        ({"BACKEND": "django.db.models.Model"}, "'django.db.models.Model' is no Engine"),
        ({"BACKEND": "newsindex.engines.whoosh"}, "'newsindex.engines.whoosh' is no Engine"),
        ({"BACKEND": "builtins.dict"}, "'builtins.dict' is no Engine"),
    ],
)
def test_e004_an_engine_that_can_not_be_made(settings: Any, setting: dict[str, Any], words: str) -> None:
    settings.NEWSINDEX = {"default": {"BACKEND": MEMORY}, "other": setting}
    assert only().id == "newsindex.E004"
    assert "NEWSINDEX['other']" in only().msg
    assert re.search(words, only().msg)


def test_e005_when_to_update(settings: Any) -> None:
    settings.NEWSINDEX_UPDATE = "later"
    assert only().id == "newsindex.E005"
    assert only().msg == "NEWSINDEX_UPDATE must be 'inline', 'task' or 'command', not 'later'."
    settings.NEWSINDEX_UPDATE = None
    assert only().msg == "NEWSINDEX_UPDATE must be 'inline', 'task' or 'command', not None."


def test_e006_a_source_without_paragraphs(story: type[Story]) -> None:
    @register(story)
    class StorySource(Source[Story]):
        pass

    assert only().id == "newsindex.E006"
    assert "StorySource does not define paragraphs(), so blog.story has no text" in only().msg


def test_e007_a_composite_primary_key(story: type[Story], monkeypatch: pytest.MonkeyPatch) -> None:
    @register(story)
    class StorySource(Source[Story]):
        def paragraphs(self, story: Story) -> tuple[()]:
            return ()

    fields = [models.IntegerField(), models.IntegerField()]
    monkeypatch.setattr(Story._meta, "pk_fields", fields)
    assert only().id == "newsindex.E007"


def test_e008_what_is_followed_is_no_relation(story: type[Story]) -> None:
    @register(story)
    class StorySource(Source[Story]):
        follow = ("chapters", "name", "chapters__story", "writer")

        def paragraphs(self, story: Story) -> tuple[()]:
            return ()

    assert [message.id for message in found()] == ["newsindex.E008"] * 2
    assert [message.msg for message in found()] == [
        "StorySource.follow has 'name', which is no relation of blog.story.",
        "StorySource.follow has 'writer', which is no relation of blog.story.",
    ]
    assert (found()[0].hint or "").startswith(
        "Its relations are: chapters, prequels, remarks, saga, sequels. What follow names replaces"
    )


def test_w001_urls_are_not_included(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.blog.urls_without_search"
    message = only()
    assert (message.id, message.is_serious()) == ("newsindex.W001", False)
    assert message.hint is not None and 'include("newsindex.urls")' in message.hint


@pytest.mark.django_db
def test_w002_an_index_that_was_never_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryEngine, "persistent", True)
    monkeypatch.setattr(MemoryEngine, "stats", lambda self: Stats())
    assert found() == []
    message = only(databases=["default"])
    assert (message.id, message.hint) == ("newsindex.W002", "Run manage.py newsindex_rebuild")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (models.CharField(max_length=256, primary_key=True), True),
        (models.TextField(primary_key=True), True),
        (models.CharField(max_length=255, primary_key=True), False),
        (models.UUIDField(primary_key=True), False),
    ],
)
def test_w003_a_key_that_is_too_long(
    key: models.Field[Any, Any], told: bool, story: type[Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    @register(story)
    class StorySource(Source[Story]):
        def paragraphs(self, story: Story) -> tuple[()]:
            return ()

    monkeypatch.setattr(Story._meta, "pk", key)
    said = [message for message in checks.check_sources(None) if message.id == "newsindex.W003"]
    assert [message.msg.partition(" may")[0] for message in said] == (
        ["StorySource: the primary key of blog.story"] if told else []
    )


def test_what_an_engine_finds_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = [
        Problem("error", "newsindex.memory.E001", "It is broken.", "Mend it."),
        Problem("warning", "newsindex.memory.W001", "It is old."),
    ]
    monkeypatch.setattr(MemoryEngine, "check", lambda self: problems)
    assert [(one.id, one.msg, one.hint, one.is_serious()) for one in found()] == [
        ("newsindex.memory.E001", "It is broken.", "Mend it.", True),
        ("newsindex.memory.W001", "It is old.", None, False),
    ]


def test_the_table_of_ids_is_complete_and_has_none_twice() -> None:
    with open(checks.__file__, encoding="utf-8") as file:
        code = file.read().split('"""', 2)[2]
    documented = re.findall(r"^(newsindex\.[EW]\d{3})  ", checks.__doc__ or "", re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == set(re.findall(r'"(newsindex\.[EW]\d{3})"', code))


def test_e020_and_w020_a_task_for_nobody(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NEWSINDEX_UPDATE = "task"
    for backend, id in (("", "newsindex.E020"), ("ImmediateBackend", "newsindex.W020"), ("DatabaseBackend", None)):
        monkeypatch.setattr("newsindex.tasks._backend", lambda backend=backend: backend)
        assert [message.id for message in found()] == ([id] if id else [])


def test_e020_a_backend_that_has_no_queue_for_it(settings: Any) -> None:
    pytest.importorskip("django.tasks")
    settings.NEWSINDEX_UPDATE = "task"
    immediate = "django.tasks.backends.immediate.ImmediateBackend"
    for queues, id in ((["mail"], "newsindex.E020"), (["mail", "default"], "newsindex.W020"), ([], "newsindex.W020")):
        settings.TASKS = {"default": {"BACKEND": immediate, "QUEUES": queues}}
        assert only().id == id


@pytest.mark.engine("whoosh")
@pytest.mark.parametrize("as_entry", [str, lambda place: ("search", str(place))])
def test_e021_an_index_among_static_files(settings: Any, tmp_path: Any, as_entry: Any) -> None:
    settings.STATICFILES_DIRS = [as_entry(tmp_path)]
    assert "newsindex.E021" in {message.id for message in found()}
    assert any("inside of STATICFILES_DIRS" in message.msg for message in found())


@pytest.mark.engine("whoosh")
@pytest.mark.parametrize("name", ["MEDIA_ROOT", "STATIC_ROOT"])
def test_e021_an_index_that_is_served(settings: Any, tmp_path: Any, name: str) -> None:
    setattr(settings, name, str(tmp_path / "served"))
    assert found() == []
    setattr(settings, name, str(tmp_path))
    message = only()
    assert message.id == "newsindex.E021"
    assert f"inside of {name}: everybody can download it" in message.msg


@pytest.mark.parametrize("lag", [0, -5, "1 hour", None, True])
def test_e022_a_lag_that_is_no_number(settings: Any, lag: object) -> None:
    settings.NEWSINDEX_MAX_LAG = lag
    assert (only().id, repr(lag) in only().msg) == ("newsindex.E022", True)


@pytest.mark.parametrize("languages", ["de", {"lb": "xx"}, {"lb": None}, {1: "de"}, None])
def test_e023_languages_without_a_stemmer(settings: Any, languages: object) -> None:
    settings.NEWSINDEX_LANGUAGES = languages
    assert (only().id, repr(languages) in only().msg) == ("newsindex.E023", True)


def test_languages_that_are_treated_like_others(settings: Any) -> None:
    settings.NEWSINDEX_LANGUAGES = {"lb": "de", "nl": ""}
    assert found() == []


@pytest.mark.parametrize("wanted", ["False", 1, None])
def test_e024_triggers_are_wanted_or_not(settings: Any, wanted: object) -> None:
    settings.NEWSINDEX_TRIGGERS = wanted
    assert (only().id, repr(wanted) in only().msg) == ("newsindex.E024", True)


def test_e025_dates_without_a_time_zone(settings: Any) -> None:
    settings.USE_TZ = False
    assert (only().id, only().hint) == (
        "newsindex.E025",
        "Set USE_TZ = True, as it is by default. TIME_ZONE may stay what it is.",
    )


@pytest.mark.parametrize("entry", [{"TEST": []}, {"TEST": {"path": "x"}}, {"REPLICA_DAYS": "7"}, {"REPLICA": 3}])
def test_e030_other_keys_of_an_engine(settings: Any, entry: dict[str, Any]) -> None:
    settings.NEWSINDEX = {"default": {"BACKEND": MEMORY, **entry}}
    (value,) = entry.values()
    assert (only().id, repr(value) in only().msg, bool(only().hint)) == ("newsindex.E030", True, True)


@pytest.mark.parametrize("inner", [".", "second"])
def test_e012_two_engines_in_one_directory(settings: Any, tmp_path: Any, inner: str) -> None:
    places = {"default": tmp_path / "index", "other": tmp_path / "index" / inner}
    settings.NEWSINDEX = {alias: {"BACKEND": WHOOSH, "OPTIONS": {"path": path}} for alias, path in places.items()}
    assert only().id == "newsindex.E012"
    settings.NEWSINDEX = {
        alias: {"BACKEND": WHOOSH, "OPTIONS": {"path": tmp_path / alias}} for alias in ("default", "other")
    }
    assert found() == []


def test_w004_a_setting_that_nobody_reads(settings: Any) -> None:
    settings.NEWSINDEX_MAXLAG = 60
    assert (only().id, only().hint) == ("newsindex.W004", "Did you mean NEWSINDEX_MAX_LAG?")


@pytest.mark.django_db
def test_w021_a_change_that_waits_for_too_long(settings: Any) -> None:
    change = PendingChange.objects.create(source="blog.post", object_pk="1")
    assert found(databases=["default"]) == []
    PendingChange.objects.filter(pk=change.pk).update(created=timezone.now() - timedelta(hours=2))
    assert found() == []
    message = only(databases=["default"])
    assert (message.id, message.hint) == ("newsindex.W021", "Run manage.py newsindex_update, and see what it says.")
    assert "pending for 120 minutes: the index 'default'" in message.msg
    settings.NEWSINDEX_MAX_LAG = 20
    PendingChange.objects.filter(pk=change.pk).update(created=timezone.now() - timedelta(seconds=30))
    assert re.search("pending for 3[0-9] seconds: the index", only(databases=["default"]).msg)


@pytest.mark.engine("whoosh")
def test_w012_and_w013_whose_directory_it_is(default_engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found() == []
    default_engine.path.chmod(0o750)
    assert only().id == "newsindex.W013"
    assert "It holds drafts and restricted articles." in (only().hint or "")
    default_engine.path.chmod(0o700)
    owner = default_engine.path.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    assert only().id == "newsindex.W012"
    assert f"belongs to user {owner}" in only().msg


@pytest.mark.engine("whoosh")
@pytest.mark.parametrize("mode", [0o750, 0o777])
def test_a_directory_with_other_files_is_not_to_be_closed(default_engine: Any, mode: int) -> None:
    default_engine.path.chmod(mode)
    assert "Run: chmod 700" in (only().hint or "")
    (default_engine.path / "manage.py").touch()
    assert "chmod" not in (only().hint or "") and "a directory of its own" in (only().hint or "")


def test_w018_a_path_from_wherever_a_process_was_started(
    settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings.NEWSINDEX = {"default": {"BACKEND": WHOOSH, "OPTIONS": {"path": "~/index"}}}
    assert only().id == "newsindex.W018"
    assert "~/index, is relative" in only().msg


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.engine("whoosh")
def test_files_of_another_user_in_a_directory_of_ours(default_engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command that was run as root leaves behind."""
    rebuild = default_engine.rebuild()
    with rebuild.exclusive():
        rebuild.swap()
    assert found() == []
    os.chown(default_engine.path / "live", 12345, -1)
    assert (only().id, str(default_engine.path / "live") in only().msg) == ("newsindex.W012", True)
    assert f"chown -R {os.geteuid()} {default_engine.path}" in (only().hint or "")
    usable = os.access
    monkeypatch.setattr("os.access", lambda path, mode: path.name != "live" and usable(path, mode))
    assert (only().id, "may not use" in only().msg) == ("newsindex.E011", True)
