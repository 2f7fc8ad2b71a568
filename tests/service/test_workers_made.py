"""What every worker says of itself.

Which code it runs: left to the SDK, each process reads all code that is loaded for it. And, of workflows, what runs
them: left to the SDK, a sandbox that costs half of the CPU, and leaves evicted runs to the garbage collector.
"""

import ast
from pathlib import Path

from service.limits import HEARD_EVERY
from workflows import policies

SERVICE = Path(__file__).parents[2] / "service"


def _workers() -> list[tuple[str, dict[str | None, ast.expr]]]:
    return [
        (f"{path.name}:{node.lineno}", {keyword.arg: keyword.value for keyword in node.keywords})
        for path in SERVICE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Worker"
    ]


def test_every_worker_names_its_build() -> None:
    made = _workers()
    assert made
    assert [place for place, options in made if "build_id" not in options] == []


def test_every_worker_of_workflows_takes_evicted_runs_apart() -> None:
    runners = {
        place: ast.unparse(options["workflow_runner"]) if "workflow_runner" in options else "the SDK's own"
        for place, options in _workers()
        if "workflows" in options
    }
    assert runners
    assert set(runners.values()) == {"FreeingRunner()"}, runners


def test_of_a_process_that_hangs_temporal_learns_in_time_and_hands_its_polls_one_succession_at_most() -> None:
    (made,) = (
        options for _, options in _workers() if "serve_limited" in ast.unparse(options.get("activities", ast.List([])))
    )
    said = {
        name: ast.unparse(made[name])
        for name in ("max_concurrent_activity_task_polls", "max_heartbeat_throttle_interval")
    }
    assert list(said.values()) == ["1", "HEARD_EVERY"]
    assert policies.SERVE_HEARTBEAT / 2 + HEARD_EVERY <= policies.SERVE_HEARTBEAT
