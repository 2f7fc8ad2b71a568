"""Plots of results: ``python -m bench.plots results.json ... docs/images`` writes PNGs.

Needs matplotlib, which `make bench` installs.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.figures import Figures
from bench.peers import COMPARISONS, Comparison
from bench.results import Results, read

OURS, SVIX, OUTPOST, DARK = "#0b6e4f", "#8d99ae", "#c9ada7", "#2b2d42"
_BAR = 0.26
_STYLE: Any = {
    "figure.dpi": 150,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.alpha": 0.3,
    "axes.axisbelow": True,
}
Axes = Any


def main() -> int:
    """Write what the results allow."""
    parser = argparse.ArgumentParser(prog="python -m bench.plots", description=__doc__)
    parser.add_argument("results", nargs="+", type=Path, help="what bench.run wrote")
    parser.add_argument("folder", type=Path, help="where the PNGs go")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for path in asked.results:
        for name, figure in plots_of(read(path)).items():
            figure.savefig(asked.folder / name, metadata={"Software": None})
            print(asked.folder / name)
    return 0


def plots_of(results: Results) -> dict[str, Figure]:
    """Every plot that results give, by file name."""
    found: dict[str, Figure] = {}
    with mpl.rc_context(_STYLE):
        if _compared(results, "deliveries_per_s"):
            found["throughput.png"] = _throughput(results)
        if _compared(results, "p99_ms"):
            found["latency.png"] = _latency(results)
        if results.growth:
            found["growth.png"] = _growth(results.growth)
    return found


def _compared(results: Results, *figures: str) -> list[Comparison]:
    return [
        each
        for each in COMPARISONS
        if each.figure in figures and each.case in results.cases and each.figure in results.cases[each.case].summary
    ]


def _throughput(results: Results) -> Figure:
    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    axes = figure.subplots()
    shown = _compared(results, "deliveries_per_s")
    _bars(axes, results, shown, [each.what.rpartition(", ")[0] for each in shown])
    axes.set_title("Deliveries a second (more is better)")
    axes.set_xlabel(
        f"im with Temporal on {results.machine.cpus} cores; the peers with PostgreSQL, Redis and RabbitMQ on 2",
        fontsize=7,
    )
    return figure


def _latency(results: Results) -> Figure:
    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    shown = [each for each in _compared(results, "p50_ms", "p99_ms") if each.case == "20/s"]
    beside = _compared(results, "p99_ratio")
    left, *right = figure.subplots(1, 2 if beside else 1, squeeze=False)[0]
    _bars(left, results, shown, [each.figure.removesuffix("_ms") for each in shown])
    left.set_title("Publish to arrival at 20/s, ms\n(less is better)")
    if right:
        _bars(right[0], results, beside, [each.what.removeprefix("p99 ").rpartition(", ")[0] for each in beside])
        right[0].axhline(1, color=DARK, linewidth=0.8, linestyle="--")
        right[0].set_title("p99 of a healthy subscriber in a burst,\ntimes its control (1: undisturbed)")
    return figure


def _bars(axes: Axes, results: Results, shown: Sequence[Comparison], labels: Sequence[str]) -> None:
    """A group of bars for each comparison: ours with its range, and the peers that were measured."""
    for place, each in enumerate(shown):
        ours = results.cases[each.case].summary[each.figure]
        bars = [(OURS, "im", ours.median), (SVIX, "Svix", each.svix), (OUTPOST, "Outpost", each.outpost)]
        there = [(colour, label, value) for colour, label, value in bars if value is not None]
        for number, (colour, label, value) in enumerate(there):
            x, top = place + (number - (len(there) - 1) / 2) * _BAR, ours.high if label == "im" else value
            axes.bar(x, value, _BAR * 0.92, color=colour, label=label)
            if label == "im":
                spread = [[value - ours.low], [ours.high - value]]
                axes.errorbar(x, value, yerr=spread, color=DARK, capsize=2, linewidth=0.8, fmt="none")
            axes.annotate(_said(value), (x, top), (0, 3), textcoords="offset points", ha="center", fontsize=7)
    axes.set_xticks(range(len(shown)), labels)
    axes.set_xlim(-0.6, len(shown) - 0.4)
    handles, names = axes.get_legend_handles_labels()
    once = dict(zip(names, handles, strict=True))
    axes.legend(once.values(), once.keys(), frameon=False)
    axes.margins(y=0.15)


def _growth(growth: dict[str, list[Figures]]) -> Figure:
    panels: dict[str, tuple[str, str, dict[str, str]]] = {
        "subscribers": ("Subscribers an event", "deliveries/s", {"deliveries_per_s": "deliveries/s"}),
        "directory": (
            "Subscribers in the directory, one matching",
            "ms",
            {"p50_ms": "publish to arrival, p50", "snapshot_ms": "snapshot of the directory", "add_ms": "an add"},
        ),
        "visibility": (
            "Events in visibility",
            "ms",
            {"p50_ms": "publish to arrival, p50", "list_ms": "list 100", "find_ms": "find one"},
        ),
        "ledger": (
            "Outcomes in the ledger",
            "ms",
            {"health_ms": "ask for all", "health_one_ms": "ask for one", "signal_p50_ms": "signal of 500, p50"},
        ),
    }
    figure = Figure(figsize=(8, 5.6), layout="constrained")
    for axes, (name, (title, unit, lines)) in zip(figure.subplots(2, 2).flat, panels.items(), strict=True):
        _curves(axes, growth.get(name, []), lines)
        axes.set_title(title)
        axes.set_ylabel(unit)
    return figure


def _curves(axes: Axes, rows: Sequence[Figures], lines: dict[str, str]) -> None:
    for colour, (figure, label) in zip((OURS, "#d1495b", "#30638e"), lines.items(), strict=False):
        points = [(row["size"], row[figure]) for row in rows if figure in row]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, color=colour, label=label)
    axes.set_xscale("symlog", linthresh=min((row["size"] for row in rows if row["size"]), default=1))
    axes.set_xticks([row["size"] for row in rows], [_brief(row["size"]) for row in rows])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=7)


def _said(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{round(value, 1 if value >= 10 else 2):g}"


def _brief(size: float) -> str:
    """1,000 and more as 1k, 1M: sizes stand close together."""
    for least, unit in ((1_000_000, "M"), (1000, "k")):
        if size >= least:
            return f"{size / least:g}{unit}"
    return f"{size:g}"


if __name__ == "__main__":
    sys.exit(main())
