"""The simulated cluster is a cluster as exporters see one."""

import json
from collections import Counter, defaultdict
from random import Random
from typing import Any

import pytest

from cli.simulated_cluster import MOST_INCIDENTS, Mix, SimulatedCluster
from cli.simulated_records import Dialect, Record
from domain.zeebe import ParsedRecords
from domain.zeebe_parsing import parse_records

BEGAN = 1766759400000
STEP_MS = 20


def run(count: int, *, began: int = BEGAN, chance: int = 1, **mix: Any) -> tuple[SimulatedCluster, list[Record]]:
    """So many records, the next one always 20 ms later."""
    cluster = SimulatedCluster(Random(chance), Mix(**mix), began)  # noqa: S311 - nothing is secret here
    return cluster, [cluster.next(began + number * STEP_MS) for number in range(count)]


def parsed(records: list[Record]) -> ParsedRecords:
    found = parse_records(json.dumps(records).encode())
    assert not found.bad
    return found


def kinds(records: list[Record]) -> Counter[str]:
    return Counter(f"{one['valueType']} {one['recordType']} {one['intent']}" for one in records)


@pytest.mark.parametrize("dialect", Dialect)
def test_positions_and_keys_grow_on_each_partition(dialect: Dialect) -> None:
    _, records = run(3000, dialect=dialect)
    logs: dict[int, list[Record]] = defaultdict(list)
    for one in records:
        logs[one["partitionId"]].append(one)
    assert sorted(logs) == [1, 2, 3]
    for partition, log in logs.items():
        places = [one["position"] for one in log]
        assert places == sorted(set(places))
        assert all(one["sourceRecordPosition"] < one["position"] for one in log)
        raised = [one["key"] for one in log if one["intent"] == "CREATED" and one["valueType"] == "INCIDENT"]
        assert raised == sorted(set(raised))
        assert {key >> 51 for key in raised} == {partition}


def test_keys_of_the_fourth_partition_are_past_what_a_double_holds() -> None:
    _, records = run(3000, partitions=4)
    big = [record.key for record in parsed(records).incidents if record.partition == 4]
    assert big
    assert all(int(key) > 2**53 for key in big)


@pytest.mark.parametrize("dialect", Dialect)
def test_one_percent_of_10_000_records_are_100_incidents(dialect: Dialect) -> None:
    cluster, records = run(10_000, incidents=0.01, dialect=dialect)
    found = parsed(records).incidents
    assert cluster.raised == sum(not one.resolved for one in found) == 100
    assert cluster.resolved == sum(one.resolved for one in found) > 90
    assert len({(one.partition, one.position) for one in found}) == len(found)


@pytest.mark.parametrize("incidents", [0.0, MOST_INCIDENTS])
def test_the_share_of_incidents_holds_at_its_ends(incidents: float) -> None:
    cluster, _ = run(5000, incidents=incidents, resolve_after_ms=100)
    assert cluster.raised == pytest.approx(5000 * incidents, abs=1)


def test_the_share_of_incidents_holds_when_the_exporter_was_held_up_before_the_end() -> None:
    late = SimulatedCluster(Random(1), Mix(incidents=0.05, resolve_after_ms=1000), BEGAN)  # noqa: S311 - nothing secret
    for number in range(2000):
        late.next(BEGAN + (0 if number < 1900 else 60_000))  # every one of them is to be resolved at once
    assert late.raised == 100


def test_an_incident_is_resolved_after_its_time_and_no_sooner() -> None:
    cluster, records = run(2000, incidents=0.02, resolve_after_ms=2000)
    raised = {one.key: one.timestamp for one in parsed(records).incidents if not one.resolved}
    ended = {one.key: one.timestamp for one in parsed(records).incidents if one.resolved}
    assert len(ended) == cluster.resolved > 30
    assert all(2000 <= ended[key] - raised[key] <= 2000 + 10 * STEP_MS for key in ended)


def test_every_incident_is_resolved_in_the_end() -> None:
    cluster, records = run(1000, incidents=0.05, resolve_after_ms=60_000)
    assert cluster.resolved == 0
    records += cluster.ending(BEGAN + 60_000)
    assert cluster.raised == cluster.resolved == 50
    found = parsed(records).incidents
    assert {one.key for one in found if one.resolved} == {one.key for one in found if not one.resolved}
    assert cluster.count == len(records)


def test_an_incident_that_is_never_resolved_stays_open() -> None:
    cluster, records = run(1000, incidents=0.05, resolve_after_ms=None)
    records += cluster.ending(BEGAN + 60_000)
    assert (cluster.raised, cluster.resolved) == (50, 0)


def test_a_bad_deployment_raises_its_incidents_first_and_at_one_element() -> None:
    cluster, records = run(3 * 500, burst=500)
    found = parsed(records).incidents
    assert cluster.raised == len(found) == 500
    assert len({(one.process_id, one.element_id, one.error_type) for one in found}) == 1
    assert len({one.key for one in found}) == 500


def test_a_burst_does_not_count_as_the_steady_share() -> None:
    cluster, _ = run(3 * 500 + 1000, burst=500, incidents=0.01, resolve_after_ms=None)
    assert cluster.raised == 510


@pytest.mark.parametrize("dialect", Dialect)
def test_the_canary_raises_and_resolves_at_once_and_is_counted_apart(dialect: Dialect) -> None:
    cluster, records = run(1500, incidents=0.0, canary="canary", canary_every_ms=10_000, dialect=dialect)
    found = parsed(records).incidents
    assert (cluster.beats, cluster.raised, cluster.resolved) == (3, 0, 0)
    assert [(one.process_id, one.resolved) for one in found] == [("canary", False), ("canary", True)] * 3
    assert [one.timestamp - BEGAN for one in found if not one.resolved] == pytest.approx([0, 10_000, 20_000], abs=100)


def test_the_canary_does_not_wait_for_a_burst() -> None:
    _, records = run(1500, burst=500, canary="canary", canary_every_ms=10_000)
    beats = [one.timestamp - BEGAN for one in parsed(records).incidents if one.process_id == "canary"]
    assert beats[::2] == pytest.approx([0, 10_000, 20_000], abs=200)


def test_commands_come_before_what_they_lead_to() -> None:
    for dialect, command in ((Dialect.OF_2020, "CREATE"), (Dialect.CURRENT, None)):
        _, records = run(3000, dialect=dialect, resolve_after_ms=1000)
        told = kinds(records)
        assert 0 <= told["INCIDENT COMMAND RESOLVE"] - told["INCIDENT EVENT RESOLVED"] <= 1
        assert told["INCIDENT EVENT RESOLVED"] > 20
        assert told["INCIDENT COMMAND CREATE"] == (told["INCIDENT EVENT CREATED"] if command else 0)
        by_key = [one for one in records if one["valueType"] == "INCIDENT" and one["key"] > 0]
        for place, one in enumerate(by_key):
            if one["intent"] == "RESOLVED":
                assert "RESOLVE" in [other["intent"] for other in by_key[:place] if other["key"] == one["key"]]


def test_each_dialect_has_its_own_names_alone() -> None:
    old, new = (json.dumps(run(2000, dialect=dialect)[1]) for dialect in (Dialect.OF_2020, Dialect.CURRENT))
    for text, has, lacks in (
        (old, ("workflowKey", "workflowInstanceKey", "WORKFLOW_INSTANCE"), ("processInstanceKey", "brokerVersion")),
        (new, ("processDefinitionKey", "processInstanceKey", "tenantId", "brokerVersion"), ("workflow", "WORKFLOW")),
    ):
        assert all(name in text for name in has)
        assert not any(name in text for name in lacks)


def test_most_records_are_none_of_incidents() -> None:
    told = kinds(run(3000)[1])
    assert len(told) > 8
    assert told["JOB EVENT CREATED"] > 100, "intents of other values, which must not be taken for incidents"


def test_the_same_chance_gives_the_same_records() -> None:
    assert run(500)[1] == run(500)[1]
    assert run(500)[1] != run(500, chance=2)[1]


def test_a_later_run_repeats_no_key() -> None:
    keys = [{one["key"] for one in run(2000, began=at, incidents=0.2)[1]} for at in (BEGAN, BEGAN + 60_000)]
    assert keys[0] & keys[1] <= {-1}
