"""What a cluster's records come to: repeats, endings, groups, and the limits of what is remembered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidRequestError
from domain.incidents import Severity, check_declaration
from domain.sources import (
    ClusterChange,
    Grouping,
    SeverityRule,
    ZeebeCluster,
    apply_cluster_change,
    check_token,
    parse_rule,
)
from domain.zeebe import IncidentRecord
from domain.zeebe_cluster import MAX_ENDED, MAX_OPEN, ClusterState, activity_of
from domain.zeebe_declarations import ClusterSettings, check_operate_url, declaration_of
from tests.support.builders import NOW

BY_INCIDENT = ClusterSettings()
BY_ELEMENT = ClusterSettings(group_by=Grouping.ELEMENT)


def record(key: int = 2251799813685263, *, at: int = 1000, resolved: bool = False, **parts: Any) -> IncidentRecord:
    known: dict[str, Any] = {
        "key": str(key),
        "partition": 1,
        "position": str(at),
        "timestamp": at,
        "error_type": "JOB_NO_RETRIES",
        "error_message": "card service said no",
        "process_id": "payment",
        "element_id": "charge",
        "process_instance_key": "2251799813685258",
        "resolved": resolved,
    }
    return IncidentRecord(**(known | parts))


def declared(state: ClusterState, settings: ClusterSettings, *records: IncidentRecord) -> None:
    """Take records, and declare at once what is to be declared."""
    for number, one in enumerate(records):
        for group in state.take(one, settings):
            if group.incident_id is None and group.declaration is not None:
                state.declared(group, f"INC-{number + 1}", group.total)


def test_a_created_incident_is_to_be_declared_once() -> None:
    state = ClusterState(cluster="prod")
    (group,) = state.take(record(), BY_INCIDENT)
    assert group.declaration is not None
    assert group.declaration.title == "JOB_NO_RETRIES at charge in payment (prod): card service said no"
    assert group.declaration.severity is Severity.SEV_3
    assert state.take(record(), BY_INCIDENT) == []
    assert activity_of(state).model_dump(include={"raised", "repeated", "open"}) == {
        "raised": 1,
        "repeated": 1,
        "open": 1,
    }


def test_a_resolved_incident_is_over_and_its_records_stay_repeats() -> None:
    state = ClusterState(cluster="prod")
    declared(state, BY_INCIDENT, record())
    (group,) = state.take(record(at=2000, resolved=True), BY_INCIDENT)
    assert group.over
    assert state.closing == [group]
    state.closed(group)
    for again in (record(), record(at=2000, resolved=True), record()):
        assert state.take(again, BY_INCIDENT) == []
    assert activity_of(state).open == 0


def test_a_resolution_that_overtakes_its_creation_pages_nobody() -> None:
    state = ClusterState(cluster="prod")
    assert state.take(record(at=2000, resolved=True), BY_INCIDENT) == []
    assert state.take(record(at=1000), BY_INCIDENT) == []
    assert state.groups == {}


def test_a_cluster_set_up_anew_may_use_its_keys_again() -> None:
    state = ClusterState(cluster="prod")
    declared(state, BY_INCIDENT, record(at=1000))
    old, new = state.take(record(at=9000), BY_INCIDENT)
    assert old.over
    assert not new.over
    assert old.key != new.key


def test_one_element_is_one_incident_and_ends_with_its_last() -> None:
    state = ClusterState(cluster="prod")
    declared(state, BY_ELEMENT, *(record(key, at=key) for key in range(1, 5001)))
    (group,) = state.groups.values()
    assert (group.incident_id, group.total, len(group.open)) == ("INC-1", 5000, 5000)
    for key in range(1, 5000):
        state.take(record(key, at=10_000 + key, resolved=True), BY_ELEMENT)
    assert not group.over
    state.take(record(5000, at=20_000, resolved=True), BY_ELEMENT)
    assert group.over
    (following,) = state.take(record(6000, at=30_000), BY_ELEMENT)
    assert following is not group
    assert following.declaration is not None


def test_elements_processes_and_error_types_are_told_apart() -> None:
    state = ClusterState(cluster="prod")
    declared(
        state,
        BY_ELEMENT,
        record(1),
        record(2, element_id="refund"),
        record(3, process_id="order"),
        record(4, error_type="IO_MAPPING_ERROR"),
    )
    assert len(state.groups) == 4


def test_more_than_eight_thousand_open_ones_join_one_incident_per_element(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.zeebe_cluster.MAX_OPEN", 3)
    state = ClusterState(cluster="prod")
    declared(state, BY_INCIDENT, *(record(key, at=key) for key in range(1, 9)))
    assert len(state.groups) == 4
    assert state.open_count == 3
    assert [group.unfollowed for group in state.groups.values()] == [0, 0, 0, 5]


def test_what_ended_long_ago_is_too_old_rather_than_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.zeebe_cluster.MAX_ENDED", 3)
    state = ClusterState(cluster="prod")
    for key in range(1, 6):
        declared(state, BY_INCIDENT, record(key, at=key * 10))
        state.take(record(key, at=key * 10 + 5, resolved=True), BY_INCIDENT)
    assert state.take(record(1, at=10), BY_INCIDENT) == []
    assert state.take(record(5, at=50), BY_INCIDENT) == []
    assert (state.too_old, state.repeated) == (1, 1)


def test_an_alert_whose_end_is_never_told_is_declared_once_and_forgotten() -> None:
    state = ClusterState(cluster="saas")
    declared(state, BY_INCIDENT, record(lasting=False), record(lasting=False))
    assert (state.groups, state.raised, state.repeated) == ({}, 1, 1)


def test_the_state_survives_being_written_and_read() -> None:
    state = ClusterState(cluster="prod")
    declared(state, BY_ELEMENT, record(1), record(2, at=1001))
    read = ClusterState.model_validate_json(state.model_dump_json(exclude_none=True))
    assert read.take(record(1), BY_ELEMENT) == []
    (group,) = read.take(record(1, at=3000, resolved=True), BY_ELEMENT)
    assert len(group.open) == 1


@pytest.mark.parametrize("grouping", [BY_INCIDENT, BY_ELEMENT])
def test_the_fullest_state_fits_a_payload(grouping: ClusterSettings) -> None:
    state = ClusterState(cluster="prod")
    for number in range(10_000):
        if number < MAX_OPEN - 3000:
            declared(state, BY_INCIDENT, record(6755399441055744 + number, at=1_780_000_000_000 + number))
        state.take(record(9007199254740993 + number, at=1_780_000_100_000 + number, resolved=True), BY_INCIDENT)
    for number in range(5_000):
        long: dict[str, Any] = {"element_id": f"element-{number}", "error_message": "\U0001f525" * 2000}
        state.take(record(4503599627370496 + number, at=1_780_000_200_000 + number, **long), grouping)
    for number in range(1_000):  # their incidents here are still to be resolved
        state.take(record(6755399441055744 + number, at=1_780_000_300_000, resolved=True), grouping)
    assert (state.open_count + len(state.closing), len(state.ended)) == (MAX_OPEN, MAX_ENDED)
    assert len(state.model_dump_json(exclude_none=True).encode()) < 2 * 1024 * 1024 - 64 * 1024
    again = ClusterState.model_validate_json(state.model_dump_json(exclude_none=True))
    assert (again._waiting, again._waiting_bytes) == (state._waiting, state._waiting_bytes)


def test_those_that_wait_in_a_flood_join_by_element_and_every_one_is_resolved() -> None:
    state = ClusterState(cluster="prod")
    for number in range(1_000):
        state.take(record(number + 1, at=1_780_000_000_000 + number, error_message="x" * 1000), BY_INCIDENT)
    alone = [group for group in state.groups.values() if group.total == 1]
    assert 40 < len(alone) < 200
    assert sum(group.total for group in state.groups.values()) == 1_000
    for group in list(state.groups.values()):
        state.declared(group, f"INC-{group.id}", group.total)
    assert state._waiting_bytes == 0
    for number in range(1_000):
        state.take(record(number + 1, at=1_780_000_100_000, resolved=True), BY_INCIDENT)
    assert (state.groups, len(state.closing)) == ({}, len(alone) + 1)


@given(st.permutations([(key, resolved) for key in range(1, 5) for resolved in (False, True)]), st.data())
def test_whatever_the_order_and_repeats_everything_ends_and_nothing_is_declared_twice(
    order: list[tuple[int, bool]], data: st.DataObject
) -> None:
    repeated = order + data.draw(st.lists(st.sampled_from(order), max_size=10))
    state, keys = ClusterState(cluster="prod"), []
    for key, resolved in repeated:
        for group in state.take(record(key, at=key * 10 + resolved, resolved=resolved), BY_INCIDENT):
            if group.incident_id is None:
                keys.append(group.id)
                state.declared(group, f"INC-{group.id}", group.total)
    assert len(keys) == len(set(keys))
    assert state.open_count == 0


@pytest.mark.parametrize(
    ("rule", "error_type", "process", "applies"),
    [
        ("JOB_NO_RETRIES=SEV-1", "JOB_NO_RETRIES", "any", True),
        ("JOB_NO_RETRIES=SEV-1", "IO_MAPPING_ERROR", "any", False),
        ("*@payment-*=SEV-2", "ANY", "payment-eu", True),
        ("*@payment-*=sev-2", "ANY", "order", False),
        ("@billing=SEV-4", "ANY", "billing", True),
        ("A.B@x=SEV-1", "AXB", "x", False),
    ],
)
def test_severity_rules(rule: str, error_type: str, process: str, applies: bool) -> None:
    assert parse_rule(rule).applies(error_type, process) is applies


@pytest.mark.parametrize("rule", ["", "JOB_NO_RETRIES", "JOB_NO_RETRIES=SEV-9", "a@b=", "=="])
def test_what_is_no_severity_rule_is_refused_with_an_example(rule: str) -> None:
    with pytest.raises(InvalidRequestError, match="such as JOB_NO_RETRIES@payment"):
        parse_rule(rule)


def test_the_first_rule_that_applies_decides() -> None:
    rules = (parse_rule("*@payment=SEV-2"), parse_rule("JOB_NO_RETRIES=SEV-1"))
    assert ClusterSettings(rules=rules).severity_of(record()) is Severity.SEV_2
    assert ClusterSettings(rules=rules).severity_of(record(process_id="order")) is Severity.SEV_1
    assert ClusterSettings(severity=Severity.SEV_4).severity_of(record()) is Severity.SEV_4


def test_the_operate_link_is_made_from_the_template_and_quoted() -> None:
    settings = ClusterSettings(operate_url="https://operate.example.com/processes/{processInstanceKey}?e={elementId}")
    details = declaration_of("prod", record(element_id="a b&c"), settings).details or {}
    assert details["operate_url"] == "https://operate.example.com/processes/2251799813685258?e=a%20b%26c"


@pytest.mark.parametrize("template", ["operate.example.com", "https://o.example/{instance}", "https://o.example/a b"])
def test_a_template_that_cannot_work_is_refused_naming_what_it_may_hold(template: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"\{processInstanceKey\}"):
        check_operate_url(template)


def test_the_longest_record_makes_a_declaration_that_is_accepted() -> None:
    long = record(error_message="\U0001f525" * 2000, process_id="p" * 255, element_id="e" * 255, error_type="T" * 255)
    for settings in (BY_INCIDENT, BY_ELEMENT):
        check_declaration(declaration_of("c" * 63, long, settings))


def test_a_token_ends_tokenlessness_and_the_reverse() -> None:
    cluster = ZeebeCluster(name="prod", tokenless=True, created_at=NOW, updated_at=NOW)
    with_token = apply_cluster_change(cluster, ClusterChange(name="prod", token_hash="ab"), NOW)
    assert (with_token.token_hash, with_token.tokenless) == ("ab", False)
    without = apply_cluster_change(with_token, ClusterChange(name="prod", tokenless=True), NOW)
    assert (without.token_hash, without.tokenless) == (None, True)
    assert apply_cluster_change(without, ClusterChange(name="prod"), NOW) is without


def test_rules_match_from_end_to_end() -> None:
    assert not SeverityRule(process="pay", severity=Severity.SEV_1).applies("X", "payment")


def test_a_token_with_a_label_before_it_is_refused_without_being_shown() -> None:
    with pytest.raises(InvalidRequestError, match="begins with 'token:', which is a label") as caught:
        check_token("Bearer token: im_" + "a" * 49)
    assert "aaaa" not in str(caught.value)
    assert check_token("token:my-own-exporter-1") == "token:my-own-exporter-1"
