"""Who may import whom: the table in CONTRIBUTING.md, proved on the source."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.platform import clean_environment

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


def loaded_by(what: str, state: Path) -> set[str]:
    """The modules that a process has loaded once it did so much with a gateway."""
    script = f"""
import sys
from types import SimpleNamespace
from service.gateway import Gateway
from service.settings import Settings
gateway = Gateway(Settings(), SimpleNamespace(namespace="default"))
{what}
print(*sys.modules)"""
    env = clean_environment() | {"IM_STATE_DIR": str(state)}
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return set(ended.stdout.split())


def test_a_command_does_not_wait_for_what_serves_sends_works_or_logs_to_be_loaded(tmp_path: Path) -> None:
    """Whatever it asks of the gateway: together they take a third of the time until a command asks Temporal."""
    heavy = {"fastapi", "httptools", "httpx", "jinja2", "rich", "structlog", "temporalio.worker", "uvicorn"}
    assert loaded_by("gateway.load()", tmp_path) & heavy == set()


def test_a_command_loads_what_it_asks_for_alone(tmp_path: Path) -> None:
    parts = set(re.findall(r"^ +from (service\.\w+) import", (ROOT / "service/gateway.py").read_text(), re.MULTILINE))
    assert loaded_by("", tmp_path) & parts == set()
    assert loaded_by("gateway.incidents", tmp_path) & parts == {"service.incidents", "service.retention"}
    assert loaded_by("gateway.load()", tmp_path) & parts == parts


def test_what_is_loaded_before_processes_are_forked_is_all_that_they_load(tmp_path: Path) -> None:
    """One that is started anew, from code that was upgraded beneath it, would mix two versions."""
    forked = "from cli.serve import API_APP, import_from_string; import_from_string(API_APP)"
    more = loaded_by(f"{forked}; gateway.load()", tmp_path) - loaded_by(forked, tmp_path)
    assert {name for name in more if name.partition(".")[0] in ALLOWED} == set()


@pytest.mark.parametrize("room", ALLOWED)
def test_each_room_says_what_it_is_for(room: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text())) or ""
    assert "May be here" in docstring
    assert "May not be here" in docstring
