"""The example newsroom, run as a newcomer runs it: in its own process, with a database and an index of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = Path(__file__).resolve().parent.parent
MANAGE = ROOT / "example_project" / "manage.py"

#: Words that stand in one article each, none of which a visitor may see now.
HIDDEN = {
    "whistleblower": "a draft",
    "laudation": "an embargoed article",
    "resurfacing": "an expired article",
    "wireless": "an episode that is not yet released",
    "saxophone": "an episode that was withdrawn",
}

# Prints status and body of each address in argv as JSON lines, asked with the test client of Django.
ASK = """
import json, logging, sys
import django
django.setup()
logging.getLogger("django.request").setLevel(logging.ERROR)  # A 404 that is asked for is no news.
from django.test import Client
for path in sys.argv[1:]:
    for _attempt in range(5):  # A busy machine may need more time than the page allows itself.
        answer = Client().get(path)
        if b'"partial": true' not in answer.content:
            break
    print(json.dumps([answer.status_code, answer.content.decode()]))
"""


# Each of these ends the process with an exit code of its own where something is wrong.
IN_ORDER = """
import django
django.setup()
from django.core.management import call_command
call_command("check")
call_command("makemigrations", check=True, dry_run=True)
call_command("newsindex_verify")
"""


class Newsroom:
    """An example newsroom in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "newsroom.settings",
            "NEWSROOM_DATABASE": str(directory / "db.sqlite3"),
            "NEWSROOM_INDEX": str(directory / "search_index"),
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(MANAGE.parent))),
        }

    def run(self, *arguments: str) -> str:
        """The output of a Python process that must end well and say nothing on stderr."""
        done = subprocess.run(
            [sys.executable, *arguments], env=self.environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    def manage(self, *arguments: str) -> str:
        return self.run(str(MANAGE), *arguments)

    def get(self, *paths: str) -> list[tuple[int, str]]:
        return [tuple(json.loads(line)) for line in self.run("-c", ASK, *paths).splitlines()]


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    site = Newsroom(tmp_path_factory.mktemp("newsroom"))
    output = site.manage("newsroom", "--no-serve")
    assert "33 new articles and 5 new podcast episodes were loaded." in output
    assert "http://127.0.0.1:8000/search/?q=voting+barrier" in output
    assert re.search(r"user editor, password \S{8,}", output)
    yield site


def readme_queries() -> list[str]:
    table = (ROOT / "README.md").read_text().partition("## The query language")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


def test_checks_migrations_and_index_are_in_order(newsroom: Newsroom) -> None:
    output = newsroom.run("-c", IN_ORDER)
    assert "no issues" in output
    assert "No changes" in output


def test_the_command_can_be_repeated(newsroom: Newsroom) -> None:
    output = newsroom.manage("newsroom", "--no-serve", "--port", "8123")
    assert "0 new articles and 0 new podcast episodes were loaded." in output
    assert "http://127.0.0.1:8123/admin/   user editor, password as before" in output
    ((_status, body),) = newsroom.get("/search/json/?q=avocets")
    keys = [hit["key"] for hit in json.loads(body)["hits"]]
    assert len(keys) == len(set(keys)) > 3


def test_the_editors_password_stays_until_another_is_asked_for(newsroom: Newsroom) -> None:
    stored = (
        "import django; django.setup(); from django.contrib.auth.models import User; print(User.objects.get().password)"
    )
    first = newsroom.run("-c", stored)
    newsroom.manage("newsroom", "--no-serve")
    assert newsroom.run("-c", stored) == first
    output = newsroom.manage("newsroom", "--no-serve", "--new-password")
    assert re.search(r"user editor, password \S{8,}$", output, re.MULTILINE)
    assert newsroom.run("-c", stored) != first


def test_a_bad_port_is_refused_with_its_value(newsroom: Newsroom) -> None:
    done = subprocess.run(
        [sys.executable, str(MANAGE), "newsroom", "--port", "99999"],
        env=newsroom.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "a port is a number from 1 to 65535, not '99999'" in done.stderr


def test_search_marks_words_under_the_masthead(newsroom: Newsroom) -> None:
    (status, page), (home, _) = newsroom.get("/search/?q=voting+barriers", "/")
    assert status == 200
    assert home == 302
    assert "The Brackwater Lantern" in page
    assert "<mark>barrier</mark>" in page
    assert "<mark>voted</mark>" in page


def test_hits_lead_to_their_places_on_both_kinds_of_page(newsroom: Newsroom) -> None:
    article, episode = newsroom.get("/search/json/?q=avocets+hide", "/search/json/?q=bathtub")
    urls = [json.loads(body)["hits"][0]["paragraphs"][0]["url"] for _status, body in (article, episode)]
    assert urls[0].startswith("/search/article/avocets-return-to-the-saltmarsh/?q=")
    assert urls[1].startswith("/podcast/the-gate-and-the-tide/?q=bathtub#p-")
    for url, (status, page) in zip(urls, newsroom.get(*(url.partition("#")[0] for url in urls)), strict=True):
        anchor = url.partition("#")[2].partition(":~:")[0]
        assert status == 200
        assert f'id="{anchor}"' in page
        assert "<mark>" in page


def test_what_is_hidden_is_in_no_answer(newsroom: Newsroom) -> None:
    """Not even half a word finds it, and no suggestion names it."""
    pages = ("?q={0}", "json/?q={0}", "suggest/?q={1}", "feed/?q={0}")
    addresses = {(word, page): f"/search/{page.format(word, word[:6])}" for word in HIDDEN for page in pages}
    for (word, page), (status, body) in zip(addresses, newsroom.get(*addresses.values()), strict=True):
        assert status == 200
        if page.startswith("json"):
            assert json.loads(body)["total"] == 0
        elif page.startswith("suggest"):
            assert word not in body
        else:
            assert "<mark>" not in body
            assert "<entry>" not in body


def test_hidden_articles_have_no_page(newsroom: Newsroom) -> None:
    paths = [
        "/search/article/harbour-trust-missing-ledger/",
        "/search/article/honours-list/",
        "/search/article/tannery-lane-resurfacing/",
        "/podcast/the-lighthouse-keepers-choir/",
        "/podcast/the-wrong-recording/",
    ]
    assert [status for status, _body in newsroom.get(*paths)] == [404] * len(paths)


def test_every_query_of_the_readme_finds_something(newsroom: Newsroom) -> None:
    queries = [*readme_queries(), "Sturmflut"]
    assert len(queries) > 10
    everything, *found = newsroom.get("/search/json/", *(f"/search/json/?q={quote(query)}" for query in queries))
    totals = {query: json.loads(body)["total"] for query, (_status, body) in zip(queries, found, strict=True)}
    assert [query for query, total in totals.items() if not total] == []
    answer = json.loads(everything[1])
    assert len(answer["facets"]["section"]) >= 6
    assert len(answer["timeline"]) >= 20
