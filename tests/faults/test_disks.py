"""Broken disks: saving works, pages answer rightly or say 503, verify names the file, and repair brings the index back.

NEWSINDEX_SEED repeats a run that failed; the seed is part of every message.
"""

from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from newsindex import indexing, views
from newsindex.engines import engines
from newsindex.engines.base import Engine
from newsindex.models import Article, PendingChange, Replica
from tests.factories import make_article
from tests.faults.calls import watched
from tests.faults.conftest import SEED, counts, slow, trials
from tests.faults.driving import differences

pytestmark = [pytest.mark.engine("whoosh", verify=False), pytest.mark.django_db(transaction=True)]

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=timezone.utc)
QUESTIONS = [
    "/search/json/?q=ferry",
    "/search/json/?q=%22the+ferry+waits%22",
    "/search/json/?q=harb*+-storm",
    "/search/json/?q=briige~",
    "/search/json/?tag=Weather&sort=oldest",
    "/search/json/?q=author:byron",
    "/search/json/?q=harbuor",
    "/search/suggest/?q=har",
    "/search/feed/?q=storm",
]


@pytest.fixture
def index(default_engine: Engine, tmp_path: Path) -> Path:
    """An index of several segments, some of it deleted, where most bytes stand for something that is asked for."""
    filler = " ".join(f"number{number} of{number % 97}" for number in range(400))
    for number in range(12):
        make_article(
            f"Harbour bridge {number}",
            f"The ferry waits {number} hours.\n\nA storm comes to the quay." + ("" if number else f"\n\n{filler}."),
            tags=["Weather", "Ferries"][: number % 3],
            authors="Ada Byron" if number % 2 else "",
            section="Harbour",
            published_at=NOW + timedelta(days=number),
        )
        if number in (5, 9):
            indexing.maintain()
    Article.objects.get(slug="article-3").delete()
    assert list(default_engine.verify()) == []
    path = tmp_path / "index"
    shutil.copytree(path, tmp_path / "whole")
    return path


@pytest.fixture
def whole(index: Path) -> Callable[[], None]:
    """Puts the index back as it was."""

    def put_back() -> None:
        engines.close_all()
        shutil.rmtree(index, ignore_errors=True)
        shutil.copytree(index.with_name("whole"), index)
        # What a rebuild has told the database since; otherwise this is an older copy, and refused as one.
        Replica.objects.all().delete()

    return put_back


def answers(client: Client) -> list[bytes | None]:
    """What the pages say, None for 503."""
    found: list[bytes | None] = []
    for question in QUESTIONS:
        response = client.get(question)
        assert response.status_code in (200, 503), (question, response.status_code, SEED)
        content = response.content
        if response.status_code == 200 and "/json/" in question:
            content = json.dumps({**json.loads(content), "took_ms": 0}).encode()
        found.append(content if response.status_code == 200 else None)
    assert client.get("/search/?q=ferry").status_code in (200, 503)
    return found


def assert_right(found: list[bytes | None], right: list[bytes | None], what: object) -> None:
    """Each answer is the right one, or none."""
    for question, each, expected in zip(QUESTIONS, found, right, strict=True):
        counts["answers from damaged indexes"] += 1
        counts["wrong answers"] += each is not None and each != expected
        assert each is None or each == expected, f"{what}: {question} is wrong; seed {SEED}"


def data_files(index: Path) -> list[Path]:
    """The files whose content matters: all but those that are only locked."""
    name = json.loads((index / "live").read_bytes())["generation"]
    files = [path for path in (index / "generations" / name).iterdir() if not path.name.endswith(".lock")]
    return [index / "live", *sorted(files)]


def assert_named(file: Path, what: object) -> None:
    report = indexing.verify()
    assert any(file.name in line for line in report.index_errors), f"{what}: {report.index_errors}; seed {SEED}"


def assert_heals(client: Client, right: list[bytes | None], word: str) -> None:
    """Saving works while the index is damaged, and after the repair everything is found."""
    saved = make_article(f"Saved {word}", f"In spite of {word}.", slug=f"saved-{word}")
    call_command("newsindex_verify", "--repair", verbosity=0)
    assert client.get(f"/search/json/?q={word}").json()["total"] == 1, word
    saved.delete()
    # Whoever saves leaves an engine that has just failed alone for a while; the command does not.
    indexing.update()
    for question, found, expected in zip(QUESTIONS, answers(client), right, strict=True):
        assert found is not None and expected is not None and unscored(found) == unscored(expected), question
    assert not PendingChange.objects.exists() and differences() == []
    counts["repairs"] += 1


def unscored(content: bytes) -> bytes:
    """Without scores: a deleted article counts for how rare a word is until its segment is written anew."""
    return re.sub(rb'"score": [0-9.]+', b"", content)


def flip(path: Path, chance: random.Random) -> int:
    data = bytearray(path.read_bytes())
    bit = chance.randrange(len(data) * 8)
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    return bit


def cut(path: Path, chance: random.Random) -> int:
    size = chance.choice([0, chance.randrange(path.stat().st_size)])
    os.truncate(path, size)
    return size


@slow
@pytest.mark.parametrize(("damage", "few", "full"), [(flip, 100, 1_000), (cut, 25, 200)])
def test_damage_is_named_and_never_a_wrong_answer(
    client: Client, index: Path, whole: Callable[[], None], damage: Callable[..., int], few: int, full: int
) -> None:
    chance = random.Random(f"{SEED}-{damage.__name__}")
    right = answers(client)
    assert None not in right
    for number in range(trials(few, full)):
        whole()
        # Every other time the damage is done to what this process reads from.
        if number % 2:
            assert answers(client) == right
        files = data_files(index)
        file = files[number % len(files)]
        what = f"{damage.__name__} {file.name} at {damage(file, chance)}"
        found = answers(client)
        assert_right(found, right, what)
        counts["answers refused"] += found.count(None)
        assert_named(file, what)
        counts[f"damage: {damage.__name__}"] += 1
        if number % 10 == 0:
            assert_heals(client, right, f"word{number}x")


@pytest.mark.parametrize("what", ["live", "commit", "segment", "generation", "generations", "everything", "a file"])
def test_what_is_taken_away_is_made_again(client: Client, index: Path, whole: Callable[[], None], what: str) -> None:
    right = answers(client)
    files = data_files(index)
    taken = {
        "live": index / "live",
        "commit": next(path for path in files if path.name == "commit"),
        "segment": next(path for path in files if path.suffix == ".segment"),
        "generation": files[-1].parent,
        "generations": index / "generations",
    }.get(what, index)
    if taken.is_dir():
        shutil.rmtree(taken)
    else:
        taken.unlink()
    if what == "a file":
        index.write_text("not a directory")
    assert_right(answers(client), right, what)
    make_article("Saved meanwhile", "In spite of it.", slug="meanwhile")
    assert PendingChange.objects.count() == (0 if what == "segment" else 1) or what == "segment"
    if what == "a file":
        index.unlink()
    Article.objects.get(slug="meanwhile").delete()
    assert_heals(client, right, "meanwhilex")


#: The calls that a full disk refuses; others only make room.
FILLING = {"open", "write", "pwrite", "fsync", "mkdir", "truncate", "ftruncate"}
REFUSALS = {
    "full": (errno.ENOSPC, FILLING),
    "read-only": (errno.EROFS, FILLING | {"replace", "rename", "unlink", "remove", "rmdir"}),
    "of somebody else": (errno.EACCES, {"open", "mkdir", "replace", "rename", "unlink", "remove", "rmdir"}),
    "failing": (errno.EIO, {"fsync", "write", "pwrite"}),
}


@pytest.mark.parametrize("disk", REFUSALS)
def test_saving_works_on_a_disk_that_is(client: Client, index: Path, disk: str) -> None:
    """At every call from the n-th on, for every n."""
    number, refused = -1, 1
    while refused:
        number += 1
        engines.close_all()
        refusing = Refusing(number, *REFUSALS[disk])
        with watched(refusing):
            article = make_article(f"Full w{number}w", f"Text w{number}w.", slug=f"full-{number}")
            status = client.get("/search/?q=ferry").status_code
        refused = refusing.refused
        assert status == 200, (disk, number)
        total = client.get(f"/search/json/?q=w{number}w").json()["total"]
        assert total == 1 or PendingChange.objects.filter(object_pk=str(article.pk)).exists()
        counts["refused calls"] += refused
        # Nothing needs to be cleaned up by hand.
        report = indexing.update()
        assert not report.error and client.get(f"/search/json/?q=w{number}w").json()["total"] == 1
    assert number > 3
    assert differences() == []
    left = {path.name for path in data_files(index)} - {"live", "commit"}
    store = engines["default"]._store(engines["default"]._generations.live())
    assert left == store.manifest().files(), "files are left lying"


class Refusing:
    """Refuses some calls, from the n-th on, with an error of the system. refused: how many it has refused."""

    def __init__(self, at: int, error: int, names: set[str]) -> None:
        self.at, self.error, self.names = at, error, names
        self.calls = self.refused = 0

    def __call__(self, name: str, args: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        if name in self.names:
            self.calls += 1
            if self.calls > self.at:
                self.refused += 1
                raise OSError(self.error, os.strerror(self.error))
        return call()


@pytest.fixture(autouse=True)
def nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A failed engine is left alone for a while, and a slow answer is partial: neither is a part of these tests."""
    monkeypatch.setattr(views.SearchMixin, "timeout", None)
    yield
    indexing._holds.clear()
