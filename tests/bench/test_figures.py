"""Figures from what was seen: what is missing counts as lost, what came twice as a repeat."""

import pytest

from bench.cases import CASES, Case, wanted
from bench.figures import Arrival, Figures, History, Published, Seen, against, figures, percentile, summary
from bench.processes import Used

BEGAN = 1000.0
NOTHING = {"temporal": Used(), "im": Used(), "sink": Used()}
SPENT = {
    "temporal": Used(cpu_seconds=0.2, rss_bytes=1_000_000, peak_bytes=3_000_000),
    "im": Used(cpu_seconds=0.3),
    "sink": Used(cpu_seconds=0.1),
}


def _published(events: int = 10, **parts: object) -> Published:
    accepted = {f"evt-{number}": (BEGAN + number, BEGAN + number + 0.5) for number in range(events)}
    known = {"began": BEGAN, "ended": BEGAN + 10, "accepted": accepted, "refused": 0}
    return Published.model_validate(known | {"cpu_seconds": 1.0, "peak_bytes": 5_000_000} | parts)


def _arrivals(published: Published, subscribers: int = 1, after: float = 0.25) -> list[Arrival]:
    names = [f"/ok/{number}" for number in range(subscribers)]
    return [(event, name, sent + after) for event, (sent, _) in published.accepted.items() for name in names]


def _figures(published: Published, arrivals: list[Arrival], case: Case = CASES[0], offered: int = 10) -> Figures:
    history = History(workflows=2, events=40, bytes=9000)
    return figures(Seen(case, offered, published, arrivals, NOTHING, SPENT, SPENT, history))


def test_a_run_in_which_all_arrived_once() -> None:
    published = _published()
    found = _figures(published, _arrivals(published))
    assert (found["lost"], found["repeats"], found["unaccepted"], found["refused"]) == (0, 0, 0, 0)
    assert found["accepted_per_s"] == 1
    assert found["deliveries_per_s"] == pytest.approx(10 / 9.25)
    assert found["p50_ms"] == pytest.approx(250)
    assert found["cpu_ms_per_delivery"] == pytest.approx(50)
    assert found["cpu_ms_sink"] == pytest.approx(10)
    assert found["core_percent_load"] == 10
    assert (found["rss_mb_temporal"], found["peak_mb_temporal"], found["peak_mb_load"]) == (1, 3, 5)
    assert (found["history_bytes_per_event"], found["history_events_per_event"], found["workflows"]) == (900, 4, 2)


def test_an_event_that_did_not_arrive_is_lost() -> None:
    published = _published()
    assert _figures(published, _arrivals(published)[1:])["lost"] == 1


def test_an_event_that_one_of_several_subscribers_missed_is_lost() -> None:
    published = _published()
    case = Case("x3", "", 10, 3)
    assert _figures(published, _arrivals(published, 3)[:-1], case)["lost"] == 1


def test_a_repeat_makes_up_for_no_loss() -> None:
    published = _published()
    arrivals = _arrivals(published)
    found = _figures(published, [*arrivals[1:], arrivals[-1]])
    assert (found["lost"], found["repeats"]) == (1, 1)


def test_a_repeat_does_not_count_for_latency_or_throughput() -> None:
    published = _published()
    arrivals = _arrivals(published)
    again = [(event, path, at + 0.1) for event, path, at in arrivals[:5]]
    plain, repeated = _figures(published, arrivals), _figures(published, arrivals + again)
    assert repeated["repeats"] == 5
    assert repeated["p99_ms"] == plain["p99_ms"]
    assert repeated["deliveries_per_s"] == plain["deliveries_per_s"]


def test_arrivals_of_neighbours_and_of_other_cases_do_not_count() -> None:
    published = _published()
    strangers = [("evt-0", "/fail/x", BEGAN), ("evt-0", "/good/x", BEGAN), ("evt-of-before", "/ok/0", BEGAN)]
    assert _figures(published, strangers)["lost"] == 10
    assert _figures(published, [*_arrivals(published), *strangers])["repeats"] == 0


def test_an_event_that_was_never_accepted_is_told_and_is_not_lost() -> None:
    published = _published(9)
    found = _figures(published, _arrivals(published))
    assert (found["unaccepted"], found["lost"]) == (1, 0)


def test_with_no_arrival_everything_is_lost_and_nothing_fails() -> None:
    found = _figures(_published(), [])
    assert found["lost"] == 10
    assert "p99_ms" not in found
    assert "deliveries_per_s" not in found


def test_the_work_for_a_healthy_neighbour_is_not_charged_to_the_subscriber() -> None:
    published = _published()
    burst = next(case for case in CASES if case.beside == "good")
    assert _figures(published, _arrivals(published), burst)["cpu_ms_per_delivery"] == pytest.approx(25)


def test_isolation_is_a_ratio_to_the_control() -> None:
    run = against({"p50_ms": 30, "p99_ms": 50, "lost": 0}, {"p50_ms": 20, "p99_ms": 50, "lost": 0})
    assert (run["p50_ratio"], run["p99_ratio"], run["p50_ms"]) == (1.5, 1, 30)


def test_an_isolation_case_brings_its_control() -> None:
    assert [case.name for case in wanted(["burst-slow"])] == ["burst", "burst-slow"]
    assert wanted(None) == list(CASES)


def test_every_control_comes_before_what_is_compared_with_it_and_has_as_many_neighbours() -> None:
    names = [case.name for case in CASES]
    for case in CASES:
        if case.control:
            control = CASES[names.index(case.control)]
            assert names.index(control.name) < names.index(case.name)
            assert (control.events, control.subscribers, bool(control.beside)) == (case.events, case.subscribers, True)


def test_percentiles_of_few_values() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 3
    assert percentile([1.0, 2.0], 99) == 2


def test_a_summary_has_median_and_range_of_each_figure() -> None:
    found = summary([{"p50_ms": 1}, {"p50_ms": 5, "lost": 1}, {"p50_ms": 2}])
    assert (found["p50_ms"].median, found["p50_ms"].low, found["p50_ms"].high) == (2, 1, 5)
    assert found["lost"].median == 1
