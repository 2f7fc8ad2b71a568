"""``make bench``: throughput, latency and isolation of the whole platform, every part a process of its own.

Starts a Temporal dev server on a database file (WAL), `im serve`, a sink and a load process; runs each case several
times on fresh servers; checks that every event arrived; prints a table with medians and ranges; writes JSON for
`bench.report` and `bench.plots`. Compare figures of one run only, and leave the machine alone meanwhile.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from bench import growth
from bench.cases import CASES, WARM_UP, wanted
from bench.figures import Figures, against
from bench.measure import measure
from bench.report import console
from bench.results import CaseResult, Options, Results, this_machine
from bench.stage import stage, temporal_cli


async def main() -> int:
    """Run what was asked for, print the table, write the JSON; 1 when an event was lost."""
    asked = _asked()
    options = Options(repeat=asked.repeat, scale=asked.scale, workers=asked.workers, synchronous=asked.synchronous)
    results = Results(machine=this_machine(temporal_cli()), options=options)
    if asked.case or asked.growth is None:
        await run_cases(results, asked.case)
    if asked.growth is not None:
        results.growth = await growth.run(options, asked.growth)
    await asyncio.to_thread(asked.json.write_text, results.model_dump_json(indent=1) + "\n")
    print("\n" + console(results))
    for trouble in results.incomplete:
        print(f"NOT COMPLETE {trouble}", file=sys.stderr)
    return 1 if results.incomplete else 0


async def run_cases(results: Results, names: list[str] | None) -> None:
    """Run cases, as often as the options say, into the results."""
    options = results.options
    for number in range(options.repeat):
        this_run: dict[str, Figures] = {}
        async with stage(workers=options.workers, synchronous=options.synchronous) as found:
            await measure(found, WARM_UP, options.scale)
            for case in wanted(names):
                figures = await measure(found, case, options.scale)
                this_run[case.name] = against(figures, this_run[case.control]) if case.control else figures
                results.cases.setdefault(case.name, CaseResult(title=case.title)).add(this_run[case.name])
                _progress(number, case.name, this_run[case.name])


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="only these")
    parser.add_argument("--repeat", type=_positive, default=3, help="runs of each case, on fresh servers (default 3)")
    parser.add_argument("--scale", type=_share, default=1.0, help="share of each case's events (default 1)")
    parser.add_argument("--workers", type=_positive, default=1, help="processes of im serve (default 1)")
    parser.add_argument(
        "--synchronous", choices=["NORMAL", "FULL"], default="NORMAL", help="SQLite's pragma under Temporal"
    )
    parser.add_argument(
        "--growth",
        nargs="*",
        choices=list(growth.GROWING),
        help="what work costs as things grow; no cases without --case",
    )
    parser.add_argument("--json", type=_writable, default="bench-results.json", help="where the figures go")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 < number <= 100:
        raise argparse.ArgumentTypeError("must be more than 0; 0.1 is a tenth of the work")
    return number


def _writable(text: str) -> Path:
    """Found out before the work rather than after it."""
    path = Path(text)
    try:
        path.open("a").close()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot be written: {error.strerror}") from None
    return path


def _progress(number: int, case: str, figures: Figures) -> None:
    shown = ("accepted_per_s", "deliveries_per_s", "p50_ms", "p99_ms", "lost", "repeats", "cpu_ms_per_delivery")
    brief = "  ".join(f"{name} {figures[name]:.4g}" for name in (*shown, "p99_ratio") if name in figures)
    print(f"run {number + 1}  {case:<10}  {brief}", flush=True)


if __name__ == "__main__":
    status = asyncio.run(main())
    sys.stdout.flush()
    os._exit(status)  # the SDK's threads sometimes abort at interpreter exit
