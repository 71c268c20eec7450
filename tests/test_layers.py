"""The order of the house: who may import whom, and what may be used in one place only. Read from the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "newsindex"

#: Each entry uses only entries before it. An entry stands for its submodules too, except for ``engines``, whose
#: modules have places of their own. A new module gets its place here before anything imports it.
ORDER = [
    *["exceptions", "conf", "logs", "tasks", "deadline", "pace"],
    *["languages", "numerals"],
    *["analysis", "stopwords", "markup", "paragraphs", "query", "matching", "ranking"],
    *["models", "migrations", "prepared"],
    *[
        "engines.base",
        "engines.paging",
        "engines.counting",
        "engines.closeness",
        "engines.completion",
        "engines.spelling",
        "engines.correction",
        "engines.explanation",
        "engines.relatedness",
    ],
    *["engines.memory", "engines.whoosh", "engines.opensearch", "engines"],
    *["sources", "highlighting"],
    "replicas",
    *["runs", "documents", "masking", "curating", "synonym_rules"],
    *["indexing", "searching"],
    *["operations", "monitoring", "watching", "comparing"],
    *["explaining", "importing", "forms", "navigation", "receivers", "triggers", "checks", "answering"],
    *["views", "feeds", "health", "templatetags", "admin", "management", "contrib"],
    *["urls", "apps", "testing"],
]

#: Entries that know nothing of each other, although one of them stands later.
STRANGERS = [
    {"sources", "highlighting"},
    {"indexing", "searching"},
    {"engines.memory", "engines.whoosh"},
    {"engines.memory", "engines.opensearch"},
    {"engines.whoosh", "engines.opensearch"},
    {"urls", "apps"},
]

#: These run in a plain script: nothing that they import, however far away, is Django.
WITHOUT_DJANGO = {
    *["exceptions", "logs", "deadline"],
    *["languages", "numerals"],
    *["analysis", "stopwords", "markup", "paragraphs", "query", "matching", "ranking"],
}

#: What belongs to one place: the top of an imported name, and the entry that may import it.
OWNERS = {
    "whoosh": "engines.whoosh",
    "numpy": "engines.whoosh",
    "opensearchpy": "engines.opensearch",
    "django.conf": "conf",
}

#: Whatever makes text safe, or says that it is.
SAFE_MAKERS = {"mark_safe", "format_html", "format_html_join", "SafeString", "SafeText", "SafeData", "html_safe"}

LONGEST_FUNCTION = 59


def module_name(path: Path) -> str:
    """``query.nodes`` for newsindex/query/nodes.py, "" for newsindex/__init__.py."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
MODULES = sorted(FILES)


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text(encoding="utf-8"), str(FILES[module]))


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(module)))


def place(module: str) -> str:
    """The entry of ORDER that ``module`` belongs to."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        entry = ".".join(parts[:length])
        if entry in ORDER and (entry != "engines" or entry == module):
            return entry
    raise AssertionError(f"newsindex.{module} has no place: give it one in ORDER of {Path(__file__).name}.")


def imported(module: str) -> Iterator[tuple[str, int]]:
    """Each name that ``module`` imports, at any depth of the file, in full, with its line."""
    for node in nodes(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def own_imports(module: str) -> Iterator[tuple[str, int]]:
    """Each module of newsindex that ``module`` imports, without the prefix, with its line."""
    for name, line in imported(module):
        if name.split(".")[0] == "newsindex":
            inner = name.removeprefix("newsindex").removeprefix(".")
            yield (inner if inner in FILES else inner.rpartition(".")[0]), line


def within(name: str, owner: str) -> bool:
    return name == owner or name.startswith(f"{owner}.")


def where(module: str, line: int) -> str:
    return f"{FILES[module].relative_to(ROOT)}:{line}"


def functions(module: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_every_module_has_a_place() -> None:
    for module in MODULES:
        if module:
            place(module)


def test_the_package_itself_imports_nothing() -> None:
    """It is imported before anything else of newsindex, by every module."""
    assert list(imported("")) == []


@pytest.mark.parametrize("module", [name for name in MODULES if name])
def test_each_module_imports_only_what_stands_before_it(module: str) -> None:
    mine = place(module)
    wrong = []
    for other, line in own_imports(module):
        theirs = place(other) if other else mine
        if theirs != mine and ORDER.index(theirs) > ORDER.index(mine):
            wrong.append(f"{where(module, line)}: {mine} comes before {theirs}")
        if {mine, theirs} in STRANGERS:
            wrong.append(f"{where(module, line)}: {mine} and {theirs} know nothing of each other")
    assert wrong == []


def test_no_module_imports_itself_by_a_detour() -> None:
    finished: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, "a loop: " + " -> ".join((*path[path.index(module) :], module))
        if module not in finished:
            for other, _line in own_imports(module):
                visit(other, (*path, module))
            finished.add(module)

    for module in MODULES:
        visit(module, ())


def test_imports_are_absolute() -> None:
    relative = [
        where(module, node.lineno)
        for module in MODULES
        for node in nodes(module)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_no_function_imports_except_ready() -> None:
    """Django allows models and receivers no earlier than ``ready``; all others import at the top."""
    inside = {
        where(module, node.lineno)
        for module in MODULES
        for function in functions(module)
        if (module, function.name) != ("apps", "ready")
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert inside == set()


def test_only_the_engines_are_loaded_by_a_dotted_path() -> None:
    loaders = {"import_string", "import_module", "__import__"}
    found = {
        module
        for module in MODULES
        for node in nodes(module)
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in loaders
    }
    assert found <= {"engines"}


def test_nothing_is_unpickled() -> None:
    """Whoever could write such a file would run code in the site."""
    picklers = {"pickle", "_pickle", "cPickle", "shelve", "dill", "cloudpickle", "jsonpickle"}
    found = [
        where(module, line) for module in MODULES for name, line in imported(module) if name.split(".")[0] in picklers
    ]
    assert found == []


@pytest.mark.parametrize(("name", "owner"), OWNERS.items())
def test_what_belongs_to_one_place_is_imported_nowhere_else(name: str, owner: str) -> None:
    elsewhere = [
        where(module, line)
        for module in MODULES
        if not within(module, owner)
        for found, line in imported(module)
        if within(found, name)
    ]
    assert elsewhere == []


def test_only_conf_reads_settings() -> None:
    """Not even by a detour: ``settings`` as an attribute of something imported."""
    readers = [
        where(module, node.lineno)
        for module in MODULES
        if module != "conf"
        for node in nodes(module)
        if isinstance(node, ast.Attribute) and node.attr == "settings"
    ]
    assert readers == []


@pytest.mark.parametrize(
    "module",
    [name for name in MODULES if name.split(".")[0] in WITHOUT_DJANGO or name.startswith("engines.")],
)
def test_pure_modules_and_engines_need_no_django(module: str) -> None:
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting.extend(other for other, _line in own_imports(current))
    found = [where(one, line) for one in sorted(seen) for name, line in imported(one) if within(name, "django")]
    assert found == []


def test_only_highlighting_makes_text_safe() -> None:
    """Elsewhere such a name may stand in an annotation, where it makes nothing."""
    found = []
    for module in MODULES:
        if module == "highlighting":
            continue
        annotated = {id(node) for annotation in annotations(module) for node in ast.walk(annotation)}
        for node in nodes(module):
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if name in SAFE_MAKERS and id(node) not in annotated:
                found.append(where(module, node.lineno))
        makers = SAFE_MAKERS - {"SafeString"}
        found += [where(module, line) for name, line in imported(module) if name.rpartition(".")[2] in makers]
    assert found == []


def annotations(module: str) -> Iterator[ast.expr]:
    for node in nodes(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            yield node.returns
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation


def test_no_template_switches_escaping_off() -> None:
    switches = re.compile(r"\|\s*safe(seq)?\b|autoescape\s+off")
    found = [
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("templates/**/*")
        if path.is_file() and switches.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert [path for path in FILES.values() if drawers & set(path.relative_to(PACKAGE).with_suffix("").parts)] == []


def test_every_file_says_in_its_first_line_what_lives_there() -> None:
    silent = []
    for module, path in FILES.items():
        text = path.read_text(encoding="utf-8")
        generated = within(module, "migrations")
        if text.strip() and not generated and (not text.startswith('"""') or not ast.get_docstring(tree(module))):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []


def test_functions_fit_a_screen() -> None:
    long = [
        f"{where(module, function.lineno)} {function.name}: {length} lines"
        for module in MODULES
        for function in functions(module)
        if (length := (function.end_lineno or function.lineno) - function.lineno + 1) > LONGEST_FUNCTION
    ]
    assert long == []
