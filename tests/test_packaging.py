"""The wheel: what a site gets when it installs django-newsindex."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from email import message_from_string
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

import newsindex

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "newsindex"

pytestmark = pytest.mark.skipif(
    not os.environ.get("CI") and not all(importlib.util.find_spec(name) for name in ("build", "hatchling")),
    reason="needs build and hatchling: pip install build hatchling",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_string(wheel.read(name).decode())


def in_the_tree() -> set[str]:
    """Every file of the package, as a path in the wheel."""
    paths = (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in paths}


def test_every_file_of_the_package_is_in_the_wheel(wheel: ZipFile) -> None:
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == in_the_tree()


@pytest.mark.parametrize(
    "name",
    [
        "newsindex/py.typed",
        "newsindex/migrations/0001_initial.py",
        "newsindex/management/commands/newsindex_rebuild.py",
        "newsindex/templates/newsindex/search.html",
        "newsindex/static/newsindex/newsindex.css",
    ],
)
def test_the_wheel_holds_more_than_modules(wheel: ZipFile, name: str) -> None:
    assert name in wheel.namelist()


def test_every_translation_is_compiled() -> None:
    catalogues = {path.with_suffix("") for path in PACKAGE.rglob("locale/*/LC_MESSAGES/*.po")}
    assert catalogues == {path.with_suffix("") for path in PACKAGE.rglob("locale/*/LC_MESSAGES/*.mo")}


def test_the_metadata_says_what_it_is(metadata: Message) -> None:
    assert metadata["Name"] == "django-newsindex"
    assert metadata["Version"] == newsindex.__version__
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.10"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert {"test", "browser", "dev"} <= set(metadata.get_all("Provides-Extra", []))


def test_a_site_installs_only_what_search_needs(metadata: Message) -> None:
    """Neither a test tool nor a second distribution of Whoosh comes with a plain install."""
    requirements = [one for one in metadata.get_all("Requires-Dist", []) if "extra ==" not in one]
    names = {one.split(";")[0].strip().partition(">")[0].partition("=")[0].lower() for one in requirements}
    assert {"django", "django-taggit", "numpy", "whoosh"} <= names
    assert not names & {"pytest", "hypothesis", "playwright", "ruff", "mypy", "hatchling", "whoosh3"}
    assert "whoosh==2.7.4" in {one.lower() for one in requirements}
