"""The promises of the code's structure, held by reading it and by importing it."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("lynccap", "dissectors")
HEAVY = ("scapy", "pyshark", "pandas", "numpy", "jinja2")


def python(code):
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def modules(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.py") if path.name != "__init__.py")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def names_in_tests():
    """Every module that a test file imports, by dotted name."""
    return {name for path in (ROOT / "tests").rglob("test_*.py") for name in imports(path)}


def test_imports_keep_to_the_layers():
    check = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "path",
    [*modules("dissectors"), *modules("lynccap/reference")],
    ids=lambda path: f"{path.parent.name}.{path.stem}",
)
def test_a_module_of_knowledge_has_a_test(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    package = name.rpartition(".")[0]
    assert {name, package} & names_in_tests() - set(PACKAGES), f"no test imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "dissectors").rglob("*.py")), ids=lambda path: path.stem)
def test_dissectors_need_only_the_standard_library(path):
    roots = {name.partition(".")[0] for name in imports(path)}
    assert roots <= sys.stdlib_module_names | {"dissectors"}


def test_importing_the_program_loads_nothing_heavy():
    loaded = python("import sys, lynccap; print(*sys.modules)")
    assert "lynccap" in loaded
    assert not set(HEAVY) & set(loaded)


def test_importing_the_reference_loads_nothing_but_itself():
    loaded = python("import sys; before = {*sys.modules}; import lynccap.reference; print(*{*sys.modules} - before)")
    roots = {name.partition(".")[0] for name in loaded}
    assert roots <= sys.stdlib_module_names | {"lynccap"}


def test_knowledge_is_read_only_when_it_is_asked_for():
    read = python("import lynccap.reference as r; r.roles(); print(r.roles.cache_info().currsize)")
    unread = python("import lynccap.reference as r; r.roles(); print(r.ports.cache_info().currsize)")
    assert (read, unread) == (["1"], ["0"])


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_that_it_is_typed(package):
    assert (ROOT / package / "py.typed").is_file()
