"""The bench itself, on a hundredth of its work: real servers, real processes, and the promised JSON and tables."""

import asyncio
import sys
from pathlib import Path

import pytest
import pytest_asyncio

import bench
from bench.columns import CPU, ISOLATION, MEMORY, THROUGHPUT
from bench.report import console, filled, tables_of
from bench.results import CaseResult, Results

ROOT = Path(bench.__file__).parents[1]
CASES = ("batch100", "burst-fail")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    path = tmp_path_factory.mktemp("bench") / "results.json"
    chosen = [argument for name in CASES for argument in ("--case", name)]
    command = [sys.executable, "-m", "bench.run", "--repeat", "1", "--scale", "0.01", "--json", str(path), *chosen]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return Results.model_validate_json(path.read_text())


async def test_nothing_is_lost_and_the_figures_are_those_promised(results: Results) -> None:
    assert list(results.cases) == ["batch100", "burst", "burst-fail"]  # with the control that was not asked for
    assert not results.incomplete
    for name in ("batch100", "burst"):
        run = results.cases[name].runs[0]
        assert {figure for _, figure in (*THROUGHPUT, *CPU, *MEMORY)} <= set(run)
        assert run["deliveries_per_s"] > 0
        assert run["cpu_ms_per_delivery"] > 0
        assert run["history_bytes_per_event"] > 100
        assert run["peak_mb_temporal"] > 10
        assert run["peak_mb_im"] > 10
    assert {figure for _, figure in ISOLATION} <= set(results.cases["burst-fail"].runs[0])


async def test_the_results_say_where_they_were_measured(results: Results) -> None:
    machine = results.machine
    assert machine.cpus >= 1
    assert machine.python == sys.version.partition(" ")[0]
    assert "Server" in machine.temporal
    assert results.options.scale == 0.01


async def test_the_page_gets_its_tables_and_keeps_its_words(results: Results) -> None:
    page = "before\n<!-- bench:cases -->\nold\n<!-- /bench -->\nbetween\n<!-- bench:other -->\nkept\n<!-- /bench -->\n"
    found, missing = filled(page, tables_of(results))
    assert missing == ["other"]
    assert "old" not in found
    assert found.startswith("before\n<!-- bench:cases -->\n| Case")
    assert found.endswith("<!-- /bench -->\nbetween\n<!-- bench:other -->\nkept\n<!-- /bench -->\n")
    assert filled(found, tables_of(results))[0] == found


async def test_a_lost_event_is_said_aloud(results: Results) -> None:
    run = results.cases["burst"].runs[0] | {"lost": 2.0}
    lossy = CaseResult(title="lossy")
    lossy.add(run)
    changed = results.model_copy(update={"cases": {"burst": lossy}})
    assert changed.incomplete == ["burst: 2 lost"]
    assert "Commit" in console(changed)


async def test_runs_of_other_options_have_tables_of_their_own(results: Results) -> None:
    options = results.options.model_copy(update={"synchronous": "FULL", "workers": 2})
    assert "cases-workers-2-full" in tables_of(results.model_copy(update={"options": options}))


def test_the_page_on_performance_asks_only_for_tables_that_exist() -> None:
    known = {"machine", "cases", "cpu", "memory", "isolation", "peers"}
    known |= {f"growth-{name}" for name in ("machine", "subscribers", "directory", "visibility", "ledger")}
    known |= {f"{name}{suffix}" for name in ("machine", "cases", "cpu") for suffix in ("-full", "-workers-2")}
    asked = filled((ROOT / "docs" / "performance.md").read_text(), {})[1]
    assert asked
    assert set(asked) <= known
