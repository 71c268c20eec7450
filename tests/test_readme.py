"""The README and docs/reference.md say what the code does: every name in them is real, and every name is in them."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.template import engines as template_engines
from django.test import Client, TestCase
from django.urls import get_resolver

from newsindex.conf import Conf
from newsindex.indexing import update
from newsindex.models import Article
from newsindex.query import parse
from newsindex.query.nodes import And, Fuzzy, Keyword, Not, Or, Phrase, Prefix, Published, Word
from newsindex.sources import Source, sources
from newsindex.views import SearchView
from tests.factories import make_article

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "newsindex"
README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
PAGES = {path.name: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
BOTH = README + REFERENCE

#: What each query in the table of the README has to become.
QUERIES = {
    "flooded ferry": And((Word("flooded"), Word("ferry"))),
    '"harbour master"': Phrase("harbour master"),
    '"new ferry"~3': Phrase("new ferry", slop=3),
    "ferry -electric": And((Word("ferry"), Not(Word("electric")))),
    "ferry OR launch": Or((Word("ferry"), Word("launch"))),
    "storm (ferry OR launch)": And((Word("storm"), Or((Word("ferry"), Word("launch"))))),
    "flood*": Prefix("flood"),
    "Achtenberg~": Fuzzy("Achtenberg"),
    "title:barrier": Word("barrier", "title"),
    "tag:flooding": Keyword("tag", "flooding"),
    'author:"Priya Nandakumar"': Keyword("author", "Priya Nandakumar"),
    'section:"Town Hall"': Keyword("section", "Town Hall"),
    "after:2025-06-01": Published(start=date(2025, 6, 1)),
    "before:2026": Published(end=date(2026, 1, 1)),
    "on:2025-01": Published(date(2025, 1, 1), date(2025, 2, 1)),
}


def part(text: str, heading: str) -> str:
    """What stands under a heading, down to the next of its rank or above."""
    marks, _space, _title = heading.partition(" ")
    assert f"\n{heading}\n" in text, heading
    below = text.partition(f"\n{heading}\n")[2]
    return re.split(rf"^#{{1,{len(marks)}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def cells(text: str, column: int = 0) -> list[str]:
    """A column of the tables in ``text``, without their heads."""
    rows = [line.strip().strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
    heads = {number - 1 for number, row in enumerate(rows) if set("".join(row)) <= set("|-: ")}
    kept = [row for number, row in enumerate(rows) if number not in heads and not set("".join(row)) <= set("|-: ")]
    return [row[column].strip(" |") for row in kept]


def names(text: str) -> list[str]:
    """What stands in backquotes."""
    return re.findall(r"`([^`]+)`", text)


def code(language: str) -> Iterator[tuple[str, str]]:
    for page, text in PAGES.items():
        for block in re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            yield page, block


def python_blocks() -> list[Any]:
    return [pytest.param(block, id=f"{page}-{number}") for number, (page, block) in enumerate(code("python"))]


def readme_test_case() -> type[TestCase]:
    """The test that the README gives to sites, over the foreign app of these tests."""
    block = next(block for _page, block in code("python") if "class PostSearchTest" in block)
    namespace: dict[str, Any] = {"__name__": __name__}
    exec(compile(block.replace("from blog.", "from tests.blog."), "README.md", "exec"), namespace)
    return namespace["PostSearchTest"]


#: Collected like any other test.
PostSearchTest = readme_test_case()


def mentioned_ids(text: str) -> set[str]:
    return set(re.findall(r"\bnewsindex\.[EWC]\d{3}\b", text))


def test_the_first_two_commands_are_the_whole_setup() -> None:
    blocks = [block.strip() for page, block in code("console") if page == "README.md"]
    site, tests = blocks[:2]
    assert site.endswith("example_project/manage.py newsroom")
    assert tests.endswith("-m pytest -n auto")
    for command in (site, tests):
        assert "\n" not in command
        assert command.startswith('python3 -m venv .venv && .venv/bin/pip install -e ".[test]" && ')


@pytest.mark.parametrize("block", python_blocks())
def test_python_compiles_and_its_imports_are_real(block: str) -> None:
    tree = ast.parse(block)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("newsindex"):
            module = import_module(node.module or "")
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def test_the_whole_idea_fits_ten_lines() -> None:
    block = next(block for page, block in code("python") if page == "README.md")
    lines = [line for line in block.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 10


def test_the_worked_source_is_that_of_the_example_project() -> None:
    shown = next(block for _page, block in code("python") if "class EpisodeSource" in block)
    real = (ROOT / "example_project/newsroom/search_sources.py").read_text()
    assert methods(shown) == methods(real)


def methods(text: str) -> dict[str, str]:
    """Each method of the classes in ``text`` as its statements, annotations aside."""
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    return {function.name: "\n".join(map(ast.unparse, function.body)) for function in functions}


def test_the_query_table_is_parsed_as_claimed() -> None:
    shown = [name for cell in cells(part(README, "## The query language")) for name in names(cell)]
    assert shown == list(QUERIES)
    for text, tree in QUERIES.items():
        query = parse(text)
        assert query.tree == tree
        assert query.notes == ()
    assert parse("a b OR c").tree == And((Word("a"), Or((Word("b"), Word("c")))))


def test_settings() -> None:
    real = {name for name, value in vars(Conf).items() if isinstance(value, property)}
    ours = {name for name in real if name.startswith("NEWSINDEX")}
    assert {name for cell in cells(part(README, "## Settings")) for name in names(cell)} == ours
    assert set(re.findall(r"\bNEWSINDEX\w*", BOTH)) == ours
    assert [name for name in real if name not in README] == []


def test_commands() -> None:
    real = {path.stem for path in (PACKAGE / "management/commands").glob("newsindex_*.py")}
    shown = cells(part(README, "## Commands"))
    assert {names(cell)[0].split()[0] for cell in shown} == real
    assert set(re.findall(r"\bnewsindex_(?!form|box|pages)[a-z]+\b", BOTH)) == real


def test_options_of_commands() -> None:
    for row in part(README, "## Commands").splitlines():
        if match := re.match(r"\| `(newsindex_\w+)", row):
            command = import_module(f"newsindex.management.commands.{match[1]}").Command()
            known = command.create_parser("manage.py", match[1]).format_help()
            assert [option for option in re.findall(r"--[a-z-]+", row) if option not in known] == []


def test_url_names() -> None:
    patterns = get_resolver("newsindex.urls").url_patterns
    real = {f"newsindex:{pattern.name}": f"search/{pattern.pattern}" for pattern in patterns}
    table = part(REFERENCE, "## Addresses").partition("Parameters of a search")[0]
    shown = {name.strip("`"): path.strip("`") for name, path in zip(cells(table), cells(table, 1), strict=True)}
    assert {name: re.sub(r"<\w+:", "<", path) for name, path in real.items()} == shown
    views = [getattr(pattern.callback, "view_class", type(pattern.callback)).__name__ for pattern in patterns]
    assert [name.strip("`") for name in cells(table, 2)] == views


@pytest.mark.django_db
def test_articles_for_members(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source and the views that the reference gives: members find an article and open it, others do neither."""
    blocks = re.findall(r"^```python\n(.*?)^```$", part(REFERENCE, "## Articles for members"), re.MULTILINE | re.DOTALL)
    monkeypatch.setattr(sources, "_by_label", dict(sources._by_label))
    addresses = ModuleType("addresses_for_members")
    for block in blocks:
        exec(compile(block, "reference.md", "exec"), addresses.__dict__)
    monkeypatch.setitem(sys.modules, addresses.__name__, addresses)
    settings.ROOT_URLCONF = addresses.__name__
    article = make_article("Regatta", "Sails.", ["sailing"], slug="regatta", section="Members")
    update()
    member = Client()
    member.force_login(get_user_model().objects.create_user("ada"))
    paths = ["/search/article/regatta/", "/search/tag/sailing/", f"/search/like/newsindex.article:{article.pk}/1/"]
    assert [member.get(path).status_code for path in paths] == [200, 200, 200]
    assert [Client().get(path).status_code for path in paths] == [404, 404, 404]
    for path in (
        "/search/?q=regatta",
        "/search/json/?q=regatta",
        "/search/suggest/?q=reg",
        "/search/suggest/json/?q=reg",
    ):
        assert "article/regatta" in member.get(path).content.decode()
        assert "article/regatta" not in Client().get(path).content.decode()
    assert b"Regatta" not in member.get("/search/feed/").content


def test_url_parameters() -> None:
    table = part(REFERENCE, "## Addresses").partition("Parameters of a search")[2]
    shown = {name for cell in cells(table) for name in names(cell)}
    assert shown == {*SearchView.form_class.base_fields, "page"}


def test_template_tags_and_filters() -> None:
    library = template_engines["django"].engine.template_libraries["newsindex"]
    rows = "".join(cells(part(README, "## Templates")))
    assert set(re.findall(r"\{% (\w+)", rows)) - {"load"} == set(library.tags)
    assert set(re.findall(r"\|(\w+)", rows.replace("\\|", "|"))) == set(library.filters)


def test_templates() -> None:
    folder = PACKAGE / "templates" / "newsindex"
    real = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    tree = re.search(r"^newsindex/\n(.*?)^```$", part(REFERENCE, "## Templates"), re.MULTILINE | re.DOTALL)
    assert tree is not None
    shown = {line.split()[0] for line in tree[1].splitlines()}
    assert shown == real


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("newsindex/search.html", "/search/?q=ferry"),
        ("newsindex/article_detail.html", "/search/article/crossing/"),
        ("newsindex/tag_detail.html", "/search/tag/harbour/"),
        ("newsindex/opensearch.xml", "/search/opensearch.xml"),
    ],
)
def test_contexts(template: str, path: str) -> None:
    article = Article.objects.create(title="Crossing", slug="crossing", body="A ferry.", status="published")
    article.tags.add("harbour")
    response = Client().get(path)
    assert response.status_code == 200
    shown = [name for cell in cells(part(REFERENCE, f"### {template}")) for name in names(cell)]
    assert response.template_name == [template]
    assert sorted(shown) == sorted(set(response.context_data) - {"view", *response.resolver_match.kwargs})


@pytest.mark.django_db
def test_json_keys() -> None:
    shown = re.search(r"^```\n(\{query.*?)^```$", REFERENCE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    answer = Client().get("/search/json/?q=ferry").json()
    keys = re.findall(r"\w+", re.sub(r": \[\{.*?\}\](?=[,}])", "", re.sub(r"\s+", " ", shown[1]), flags=re.DOTALL))
    assert set(answer) <= set(keys)
    assert set(keys) <= set(answer) | {"title", "text", "spans", "paragraphs", "tag", "author", "section"}


def test_what_a_source_may_say() -> None:
    hooks = {"from_plain", "from_markdown", "from_html"}
    internal = {"model", "label", "key", "pk_text", "document", "load", "load_public", "public_pks", "batches"}
    real = {name for name in vars(Source) if not name.startswith("_")} - internal - hooks
    real |= set(Source.__annotations__) - internal
    rows = part(README, "## Sources").partition("### ")[0]
    table = cells(rows[rows.index("| Name | Says") :])
    assert {name.partition("(")[0] for cell in table for name in names(cell)} == real


def test_attributes_of_the_search_view() -> None:
    table = part(REFERENCE, "## Attributes of SearchView")
    for name, value in zip(cells(table), cells(table, 1), strict=True):
        attribute = name.strip("`")
        if attribute == "form_class":
            continue
        assert getattr(SearchView, attribute) == ast.literal_eval(value.strip("`")), attribute


def test_options_of_the_engines() -> None:
    table = part(REFERENCE, "## Options of the engines")
    columns = (cells(table, number) for number in range(3))
    shown = {
        (engine.strip("`"), option.strip("`"), value.strip("`")) for engine, option, value in zip(*columns, strict=True)
    }
    real = set()
    for path in ("newsindex.engines.whoosh.WhooshEngine", "newsindex.engines.memory.MemoryEngine"):
        module, _dot, name = path.rpartition(".")
        options = inspect.signature(getattr(import_module(module), name)).parameters.values()
        real |= {(path, one.name, default(one)) for one in options} or {(path, "none", "")}
    # Those of the cluster are in its own chapter.
    assert {row for row in shown if not row[2].startswith("all in ")} == real


def default(parameter: inspect.Parameter) -> str:
    return "must be given" if parameter.default is parameter.empty else repr(parameter.default)


def test_check_ids() -> None:
    real = set()
    for path in PACKAGE.rglob("*.py"):
        real |= mentioned_ids(path.read_text())
    shown = [name for cell in cells(part(REFERENCE, "## System checks")) for name in names(cell)]
    assert len(shown) == len(set(shown))
    assert set(shown) == real
    assert mentioned_ids(README) <= real


def test_the_stable_names_can_be_imported() -> None:
    table = part(README, "## Stability")
    for module, found in zip(cells(table), cells(table, 1), strict=True):
        imported = import_module(module.strip("`"))
        assert [name for name in names(found) if not hasattr(imported, name)] == []


def test_versions_are_those_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    pythons = re.findall(r"Python :: (3\.\d+)", project)
    djangos = re.findall(r"Django :: (\d\.\d)", project)
    assert f"Python {pythons[0]} to {pythons[-1]}" in README
    assert [version for version in djangos if version not in part(README, "## Stability")] == []


def test_links_and_pictures_are_there() -> None:
    for page, text in PAGES.items():
        folder = ROOT if page == "README.md" else ROOT / "docs"
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
            if not target.startswith("http"):
                assert (folder / target).exists(), f"{page}: {target}"
    assert [path.name for path in (ROOT / "docs").glob("*.png") if path.stat().st_size >= 300_000] == []


def test_length() -> None:
    """A README that is longer than this is a manual: what is looked up belongs into docs/."""
    assert len(README.splitlines()) <= 430
