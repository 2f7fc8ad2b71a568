"""Every worker says which code it runs; left to the SDK, each process reads all code that is loaded for it."""

import ast
from pathlib import Path

SERVICE = Path(__file__).parents[2] / "service"


def test_every_worker_names_its_build() -> None:
    made = [
        (path.name, node.lineno, {keyword.arg for keyword in node.keywords})
        for path in SERVICE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Worker"
    ]
    assert made
    assert [(name, line) for name, line, options in made if "build_id" not in options] == []
