"""From what was seen to figures: pure, so that a test can lose an event on purpose."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from bench.cases import Case
from bench.processes import Used

Arrival = tuple[str, str, float]  # event id, path, seconds since 1970
Figures = dict[str, float]

HEALTHY = "/ok/"
MEGABYTE = 1_000_000
PLATFORM = ("temporal", "im")  # the groups whose CPU a delivery costs


class Published(BaseModel):
    """What the load process reports; see `bench.load`."""

    began: float
    ended: float
    accepted: dict[str, tuple[float, float]]
    refused: int
    cpu_seconds: float
    peak_bytes: int


class History(BaseModel):
    """The histories of a case's workflows, added up."""

    workflows: int = 0
    events: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Seen:
    """One run of one case, as it was seen from outside.

    Attributes:
        offered: events that were to be published.
        before: what each group had used before; ``arrived`` likewise once the last delivery had arrived, and
            ``settled`` once every workflow had closed.
    """

    case: Case
    offered: int
    published: Published
    arrivals: Sequence[Arrival]
    before: Mapping[str, Used]
    arrived: Mapping[str, Used]
    settled: Mapping[str, Used]
    history: History


def figures(seen: Seen) -> Figures:
    """The figures of one run; those that need an arrival are missing where there is none."""
    published, healthy = seen.published, healthy_of(seen.arrivals, seen.published.accepted)
    unique = len({(event, path) for event, path, _ in healthy})
    found: Figures = {
        "accepted_per_s": len(published.accepted) / (published.ended - published.began),
        "unaccepted": seen.offered - len(published.accepted),
        "lost": len(published.accepted) * seen.case.subscribers - unique,
        "repeats": len(healthy) - unique,
        "refused": published.refused,
    }
    if healthy:
        lasted = max(at for *_, at in healthy) - published.began
        found |= {"deliveries_per_s": unique / lasted} | _waits(healthy, published.accepted) | _shares(seen, lasted)
        if not seen.case.control:  # else part of the work is for the neighbour
            found |= _cpu(seen, unique * (2 if seen.case.beside else 1))
    return found | _memory(seen) | _history(seen)


def healthy_of(arrivals: Iterable[Arrival], accepted: Mapping[str, object]) -> list[Arrival]:
    """Arrivals at the subscribers that are counted, of this case's events: a late repeat of another's is not."""
    return [arrival for arrival in arrivals if arrival[1].startswith(HEALTHY) and arrival[0] in accepted]


def _waits(healthy: Sequence[Arrival], accepted: Mapping[str, tuple[float, float]]) -> Figures:
    """From the moment of sending to the first arrival at each subscriber."""
    first: dict[tuple[str, str], float] = {}
    for event, path, at in healthy:
        first[event, path] = min(at, first.get((event, path), at))
    waits = sorted((at - accepted[event][0]) * 1000 for (event, _), at in first.items())
    return {f"p{share}_ms": percentile(waits, share) for share in (50, 95, 99)}


def percentile(ordered: Sequence[float], share: int) -> float:
    """Of sorted values; ``share`` in per cent."""
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def _shares(seen: Seen, lasted: float) -> Figures:
    """Per cent of one core, from the first request to the last arrival; the load's while it published."""
    spent = {name: seen.arrived[name].cpu_seconds - used.cpu_seconds for name, used in seen.before.items()}
    shares = {f"core_percent_{name}": seconds * 100 / lasted for name, seconds in spent.items()}
    publishing = seen.published.ended - seen.published.began
    return shares | {"core_percent_load": seen.published.cpu_seconds * 100 / publishing}


def _cpu(seen: Seen, deliveries: int) -> Figures:
    """CPU until every workflow has closed, which is after the last arrival."""
    spent = {name: seen.settled[name].cpu_seconds - used.cpu_seconds for name, used in seen.before.items()}
    spent["load"] = seen.published.cpu_seconds
    each = {f"cpu_ms_{name}": seconds * 1000 / deliveries for name, seconds in spent.items()}
    return {"cpu_ms_per_delivery": sum(each[f"cpu_ms_{name}"] for name in PLATFORM)} | each


def _memory(seen: Seen) -> Figures:
    peaks = {f"peak_mb_{name}": used.peak_bytes / MEGABYTE for name, used in seen.settled.items()}
    rss = {f"rss_mb_{name}": used.rss_bytes / MEGABYTE for name, used in seen.settled.items()}
    return rss | peaks | {"peak_mb_load": seen.published.peak_bytes / MEGABYTE}


def _history(seen: Seen) -> Figures:
    events = len(seen.published.accepted) or 1
    return {
        "workflows": seen.history.workflows,
        "history_bytes_per_event": seen.history.bytes / events,
        "history_events_per_event": seen.history.events / events,
    }


def against(run: Figures, control: Figures) -> Figures:
    """A run with its latencies as multiples of those of a control on the same servers."""
    names = [name for name in ("p50_ms", "p95_ms", "p99_ms") if name in run and name in control]
    return run | {name.replace("_ms", "_ratio"): run[name] / control[name] for name in names}


class Summary(BaseModel):
    """A figure over several runs."""

    median: float
    low: float
    high: float


def summary(runs: Sequence[Figures]) -> dict[str, Summary]:
    """Every figure of several runs of one case."""
    names = dict.fromkeys(name for run in runs for name in run)
    values = {name: [run[name] for run in runs if name in run] for name in names}
    return {
        name: Summary(median=statistics.median(all_), low=min(all_), high=max(all_)) for name, all_ in values.items()
    }
