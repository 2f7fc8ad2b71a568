"""Tables of results: ``python -m bench.report results.json ...`` prints them.

``--write docs/performance.md`` puts them between the page's markers instead, so that no figure is copied by hand.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.columns import CPU, GROWTH, ISOLATION, MEMORY, THROUGHPUT, Columns
from bench.figures import Figures, Summary
from bench.peers import COMPARISONS
from bench.results import CaseResult, Results, read

_MARKED = re.compile(r"(<!-- bench:([a-z0-9-]+) -->\n).*?(<!-- /bench -->)", re.DOTALL)


def main() -> int:
    """Print the tables, or write them; 1 when the page asks for one that the results do not have."""
    parser = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__)
    parser.add_argument("results", nargs="+", type=Path, help="what bench.run wrote; of equal options the last counts")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables between this page's markers")
    asked = parser.parse_args()
    tables: dict[str, str] = {}
    for path in asked.results:
        tables |= tables_of(read(path))
    if asked.write is None:
        print("\n\n".join(f"**{name}**\n\n{table}" for name, table in tables.items()))
        return 0
    page, missing = filled(asked.write.read_text(), tables)
    asked.write.write_text(page)
    for name in missing:
        print(f"{asked.write} asks for the table {name!r}, which these results do not have", file=sys.stderr)
    return 1 if missing else 0


def filled(page: str, tables: dict[str, str]) -> tuple[str, list[str]]:
    """A page with its tables put in, and the names of those that there are none of, which stay as they were."""
    missing = [name for _, name, _ in _MARKED.findall(page) if name not in tables]

    def put(found: re.Match[str]) -> str:
        start, name, end = found.groups()
        return f"{start}{tables[name]}\n{end}" if name in tables else found[0]

    return _MARKED.sub(put, page), missing


def tables_of(results: Results) -> dict[str, str]:
    """Every table that results give, by the name that a page's markers call it.

    Runs of several processes, or with ``synchronous`` FULL, have names of their own (``cases-workers-2``,
    ``cases-full``), beside those of the plain run.
    """
    options = results.options
    suffix = f"-workers-{options.workers}" if options.workers > 1 else ""
    suffix += "-full" if options.synchronous == "FULL" else ""
    plain = {name: case for name, case in results.cases.items() if "p99_ratio" not in case.summary}
    compared = {name: case for name, case in results.cases.items() if name == "burst" or name not in plain}
    found = {"machine" if results.cases else "growth-machine": _machine(results)}
    if results.cases:
        found |= {"cases": _cases(plain, THROUGHPUT), "cpu": _cases(plain, CPU), "memory": _cases(plain, MEMORY)}
        found["peers"] = _peers(results)
    if len(compared) > 1:
        found["isolation"] = _cases(compared, ISOLATION)
    found |= {f"growth-{name}": _growth(name, rows) for name, rows in results.growth.items()}
    return {f"{name}{suffix}": table for name, table in found.items()}


def console(results: Results) -> str:
    """Everything, for a terminal."""
    return "\n\n".join(tables_of(results).values())


def _machine(results: Results) -> str:
    machine, options = results.machine, results.options
    how = [_times(options.repeat, "run")] if results.cases else []
    how += [f"{_times(options.workers, 'process', 'processes')} of `im serve`", f"synchronous {options.synchronous}"]
    how += [f"scale {options.scale:g}"] if options.scale != 1 else []
    return (
        f"Measured on {machine.at:%Y-%m-%d} with {machine.cpus} cores ({machine.processor}), "
        f"{machine.memory_bytes / 2**30:.0f} GiB,\n{machine.system}, Python {machine.python}, {machine.temporal}.\n"
        f"Commit {machine.commit}{' with changes' if machine.changed else ''}; {', '.join(how)}."
    )


def _times(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


def _cases(cases: dict[str, CaseResult], columns: Columns) -> str:
    rows = [
        [case.title, *(_spread(case.summary[figure]) if figure in case.summary else "" for _, figure in columns)]
        for case in cases.values()
    ]
    return table(["Case", *(heading for heading, _ in columns)], rows)


def _peers(results: Results) -> str:
    """Ours beside the peers', and whether the aim is reached."""
    rows = []
    for each in COMPARISONS:
        case = results.cases.get(each.case)
        if case is None or each.figure not in case.summary:
            continue
        ours = case.summary[each.figure]
        reached = ours.median <= each.aim if each.less_is_better else ours.median >= each.aim
        others = ["" if theirs is None else _number(theirs) for theirs in (each.svix, each.outpost)]
        sign = "≤" if each.less_is_better else "≥"
        rows.append([each.what, _spread(ours), *others, f"{sign} {_number(each.aim)}", "yes" if reached else "no"])
    return table(["What", "im", "Svix", "Outpost", "Aim", "Reached"], rows)


def _growth(name: str, rows: Sequence[Figures]) -> str:
    columns = GROWTH[name]
    return table(
        [heading for heading, _ in columns],
        [[_number(row[figure]) if figure in row else "" for _, figure in columns] for row in rows],
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, padded so that it reads as one in a terminal too."""
    widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]
    lines = [
        _line(headings, widths),
        "|".join(["", "-" * (widths[0] + 2), *("-" * (w + 1) + ":" for w in widths[1:]), ""]),
    ]
    return "\n".join([*lines, *(_line(row, widths) for row in rows)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]) + " |"


def _spread(summary: Summary) -> str:
    """The median, and the range where there is one."""
    median, low, high = (_number(value) for value in (summary.median, summary.low, summary.high))
    return median if low == high else f"{median} ({low} to {high})"


def _number(value: float) -> str:
    """Three digits that mean something, thousands apart."""
    if value >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


if __name__ == "__main__":
    sys.exit(main())
