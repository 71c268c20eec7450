"""What a site's tests do to its search index: nothing to the live one, and what they ask for to their own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.test import TestCase

from newsindex.conf import conf
from newsindex.engines import engines
from newsindex.engines.memory import MemoryEngine
from newsindex.engines.whoosh import WhooshEngine
from newsindex.models import Article, PendingChange
from newsindex.searching import search
from newsindex.testing import SearchIndex, SearchIndexMixin
from newsindex.testing.pytest import search_index  # noqa: F401  # the fixture
from tests.factories import make_article

ROOT = Path(__file__).resolve().parent.parent

SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent
SECRET_KEY = "x"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "taggit", "newsindex"]
ROOT_URLCONF = "urls"
"""
URLS = """
from django.urls import include, path
urlpatterns = [path("search/", include("newsindex.urls"))]
"""
#: As somebody writes tests who has never thought of a search index.
TESTS = """
from django.test import TestCase, TransactionTestCase
from newsindex import indexing
from newsindex.models import Article
from newsindex.searching import search

class Plain(TestCase):
    def test_it(self):
        Article.objects.create(title="plain", slug="plain", status="published")
        indexing.update()
        self.assertEqual([r.title.text for r in search("plain")[:5]], ["plain"])

class Committed(TransactionTestCase):
    def test_it(self):
        Article.objects.create(title="committed", slug="committed", status="published")
        self.assertEqual([r.title.text for r in search("committed")[:5]], ["committed"])
        self.assertEqual([r.title.text for r in search("live")[:5]], [])

class Rebuilt(TransactionTestCase):
    def test_it(self):
        Article.objects.create(title="rebuilt", slug="rebuilt", status="published")
        indexing.rebuild()
        self.assertEqual(len(search("rebuilt")), 1)
"""


class Site:
    """A new site with one article, which is in its live index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("settings.py", SETTINGS), ("urls.py", URLS), ("test_site.py", TESTS)):
            (folder / name).write_text(text)
        self.manage("migrate", "-v", "0")
        self.manage("newsindex_rebuild", "-v", "0")
        self.python("-c", "import django; django.setup(); from newsindex.models import Article as A; "
                    "A.objects.create(title='live', slug='live', status='published')")  # fmt: skip
        assert "live" in self.manage("newsindex_search", "live").stdout

    def python(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join((str(self.folder), str(ROOT)))
        done = subprocess.run(
            [sys.executable, *args],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": path},
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def manage(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "django", *args, check=check)

    def index(self) -> dict[str, str]:
        """Every file of the live index, with a digest of its content."""
        files = sorted(path for path in (self.folder / "search_index").rglob("*") if path.is_file())
        assert files
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


RUNNERS = {
    "manage.py test": ("-m", "django", "test", "--noinput"),
    "manage.py test --parallel": ("-m", "django", "test", "--noinput", "--parallel", "2"),
    "pytest": ("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_site.py"),
}
if find_spec("xdist"):
    RUNNERS["pytest -n 2"] = (*RUNNERS["pytest"], "-n", "2")


def test_the_tests_of_a_site_do_not_touch_its_live_index(site: Site) -> None:
    before = site.index()
    for name, command in RUNNERS.items():
        done = site.python(*command)
        assert "Ran 3 tests" in done.stderr or "3 passed" in done.stdout, name
        assert site.index() == before, name
    assert "live" in site.manage("newsindex_search", "live").stdout
    site.manage("newsindex_verify")


def test_an_index_refuses_the_changes_of_another_database(site: Site) -> None:
    """Even where the settings lead tests to the live index: it knows the database that it was built from."""
    with (site.folder / "settings.py").open("a") as file:
        file.write(
            'NEWSINDEX = {"default": {"BACKEND": "newsindex.engines.whoosh.WhooshEngine", '
            '"OPTIONS": {"path": BASE_DIR / "search_index"}, "TEST": {}}}\n'
        )
    before = site.index()
    done = site.python(*RUNNERS["manage.py test"], check=False)
    assert "was built from another database" in done.stderr and "tests do not replace it" in done.stderr
    assert {name: one for name, one in site.index().items() if not name.endswith(".lock")} == {
        name: one for name, one in before.items() if not name.endswith(".lock")
    }
    site.manage("newsindex_verify")


def test_an_engine_of_the_start_is_kept_in_memory(tmp_path: Path, settings, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    live = {"BACKEND": "newsindex.engines.whoosh.WhooshEngine", "OPTIONS": {"path": tmp_path / "live"}}
    settings.NEWSINDEX = {"default": {**live, "REPLICA": "web1"}}
    assert conf.replica("default") == "web1" and isinstance(engines["default"], WhooshEngine)
    monkeypatch.setattr(conf, "_at_start", dict(conf._configured()))
    assert conf.test_database()
    assert isinstance(engines["default"], WhooshEngine), "made before: a test never meets this"
    engines.close_all()
    assert isinstance(engines["default"], MemoryEngine) and conf.replica("default") is None
    engines.close_all()
    monkeypatch.setattr(conf, "_databases", {})
    assert not conf.test_database() and isinstance(engines["default"], WhooshEngine)
    settings.NEWSINDEX = {"default": {**live, "TEST": {"OPTIONS": {"path": tmp_path / "other"}}}}


def test_an_entry_says_what_is_used_with_a_test_database(tmp_path: Path, settings, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    live = {"BACKEND": "newsindex.engines.whoosh.WhooshEngine", "OPTIONS": {"path": tmp_path / "live"}}
    settings.NEWSINDEX = {"default": {**live, "TEST": {"OPTIONS": {"path": tmp_path / "other"}}}}
    monkeypatch.setattr(conf, "_at_start", dict(conf._configured()))
    engine = engines["default"]
    assert isinstance(engine, WhooshEngine) and engine.path == tmp_path / "other"


@pytest.mark.parametrize("search_index", ["memory", "whoosh"], indirect=True)
def test_the_fixture(search_index: SearchIndex) -> None:  # noqa: F811
    make_article("Ferry")
    assert len(search("ferry")) == 0
    assert search_index.update().indexed == 1
    assert [result.title.text for result in search("ferry")] == ["Ferry"]


@pytest.mark.parametrize("search_index", ["memory", "whoosh"], indirect=True)
def test_the_fixture_is_new_for_each_test(search_index: SearchIndex) -> None:  # noqa: F811
    assert len(search("ferry")) == 0
    make_article("Quay")
    PendingChange.objects.all().delete()
    search_index.rebuild()
    assert len(search("quay")) == 1


class WithTheMixin(SearchIndexMixin, TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        Article.objects.create(title="Ferry", slug="ferry", status="published")

    def test_one(self) -> None:
        self.search_index.update()
        self.assertEqual(len(search("ferry")), 1)
        Article.objects.create(title="Another ferry", slug="another", status="published")
        self.search_index.update()
        self.assertEqual(len(search("ferry")), 2)

    def test_two(self) -> None:
        self.assertEqual(len(search("ferry")), 0)
        self.search_index.update()
        self.assertEqual(len(search("ferry")), 1)


class WithWhoosh(WithTheMixin):
    search_engine = "whoosh"
