"""Who may import whom: the table in CONTRIBUTING.md, proved on the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "domain": {"domain"},
    "workflows": {"workflows", "domain", "activities"},
    "activities": {"activities", "domain"},
    "service": {"service", "workflows", "activities", "domain"},
    "api": {"api", "service", "domain"},
    "cli": {"cli", "service", "domain"},
}
DOMAIN_LIBRARIES = {"pydantic"}
OURS = set(ALLOWED) | {"bench", "tests"}


def imports(path: Path) -> Iterator[str]:
    """The top-level names of everything a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_the_table_allows(room: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files(room)
        for name in imports(path)
        if name in OURS and name not in ALLOWED[room]
    }
    assert not wrong


def test_the_domain_uses_the_standard_library_and_pydantic_alone() -> None:
    foreign = {
        f"{path.name} imports {name}"
        for path in files("domain")
        for name in imports(path)
        if name not in sys.stdlib_module_names and name not in DOMAIN_LIBRARIES | {"domain"}
    }
    assert not foreign


@pytest.mark.parametrize("room", ["api", "cli", "domain"])
def test_only_service_workflows_and_activities_know_temporal(room: str) -> None:
    assert not [path for path in files(room) if "temporalio" in imports(path)]


def test_workflows_import_activities_for_references_only() -> None:
    """Workflow files name activity classes; nothing else of activities/ may be called there."""
    for path in files("workflows"):
        tree = ast.parse(path.read_text())
        named = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("activities")
            for alias in node.names
        }
        assert all(name.endswith("Activities") for name in named), path


def test_a_command_that_sends_nothing_does_not_wait_for_what_sends_to_be_loaded() -> None:
    """aiohttp takes a sixth of the time until a command asks Temporal."""
    asked = "import sys, service.gateway; print(sys.modules.keys() & {'aiohttp', 'fastapi', 'uvicorn', 'jinja2'} or '')"
    loaded = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""


@pytest.mark.parametrize("room", ALLOWED)
def test_each_room_says_what_it_is_for(room: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text())) or ""
    assert "May be here" in docstring
    assert "May not be here" in docstring
