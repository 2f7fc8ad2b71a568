"""Alarms: what is the same one, what an observation makes of it, and what it may hold."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alarm_checks import checked
from domain.alarm_errors import InvalidAlarmError
from domain.alarm_texts import MAX_MEMBER_BYTES, Impact
from domain.alarms import (
    Alarm,
    AlarmSeverity,
    Identity,
    IdentityRule,
    Observation,
    Outcome,
    alarm_id_of,
    check_template,
    dashboard_link,
    observe,
)
from tests.support.alarms import IDENTITY, make_alarm, seen
from tests.support.builders import NOW

CRITICAL, MAJOR, CLEARED = AlarmSeverity.CRITICAL, AlarmSeverity.MAJOR, AlarmSeverity.CLEARED
LATER = NOW + timedelta(minutes=1)


@given(st.builds(Identity, alarm_type=st.text(), resource_type=st.text(), resource_id=st.text()), st.text())
def test_an_alarm_id_is_safe_in_urls_and_workflow_ids(identity: Identity, node: str) -> None:
    for rule in IdentityRule:
        assert re.fullmatch("[a-z0-9][a-z0-9-]{0,62}", alarm_id_of(identity, node, rule))


def test_an_alarm_id_is_stable() -> None:
    assert alarm_id_of(IDENTITY, "node-1", IdentityRule.RESOURCE) == "failed-connection-b35052ec4bed3f0d"


@pytest.mark.parametrize("member", ["alarm_type", "resource_type", "resource_id"])
def test_each_part_of_the_identity_counts(member: str) -> None:
    other = IDENTITY.model_copy(update={member: "other"})
    assert alarm_id_of(other, None, IdentityRule.RESOURCE) != alarm_id_of(IDENTITY, None, IdentityRule.RESOURCE)


def test_parts_of_the_identity_do_not_run_into_each_other() -> None:
    one = Identity(alarm_type="a", resource_type="b,c", resource_id="d")
    other = Identity(alarm_type="a", resource_type="b", resource_id="c,d")
    assert alarm_id_of(one, None, IdentityRule.RESOURCE) != alarm_id_of(other, None, IdentityRule.RESOURCE)


def test_the_node_counts_only_where_it_is_part_of_the_identity() -> None:
    by_resource = {alarm_id_of(IDENTITY, node, IdentityRule.RESOURCE) for node in (None, "", "n1", "n2")}
    by_node = {alarm_id_of(IDENTITY, node, IdentityRule.RESOURCE_AND_NODE) for node in (None, "", "n1", "n2")}
    assert len(by_resource) == 1
    assert len(by_node) == 3
    assert by_resource < by_node


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (None, MAJOR, Outcome.RAISED),
        (None, CLEARED, Outcome.UNCHANGED),
        (CLEARED, MAJOR, Outcome.RAISED),
        (CLEARED, CLEARED, Outcome.UNCHANGED),
        (MAJOR, CRITICAL, Outcome.CHANGED),
        (CRITICAL, MAJOR, Outcome.CHANGED),
        (MAJOR, MAJOR, Outcome.UNCHANGED),
        (MAJOR, CLEARED, Outcome.CLEARED),
        (MAJOR, None, Outcome.UNCHANGED),
        (CLEARED, None, Outcome.UNCHANGED),
    ],
)
def test_only_a_flip_or_another_severity_is_told(
    before: AlarmSeverity | None, after: AlarmSeverity | None, outcome: Outcome
) -> None:
    known = make_alarm(severity=before) if before else None
    alarm, found = observe(known, seen(severity=after), LATER)
    assert found is outcome
    assert alarm.severity is (after or before)
    assert alarm.cleared is (alarm.severity is CLEARED)
    assert alarm.last_updated == LATER


@pytest.mark.parametrize("given_at", [NOW - timedelta(days=1), NOW - timedelta(microseconds=1), NOW])
def test_what_is_older_or_as_old_changes_nothing(given_at: Any) -> None:
    known = make_alarm(last_updated=NOW)
    alarm, outcome = observe(known, seen(severity=CLEARED, brief_description="late", last_updated=given_at), LATER)
    assert (alarm, outcome) == (known, Outcome.OUTDATED)


def test_a_clear_that_overtook_its_raise_is_remembered() -> None:
    known, outcome = observe(None, seen(severity=CLEARED, last_updated=NOW), LATER)
    assert outcome is Outcome.UNCHANGED
    assert observe(known, seen(severity=MAJOR, last_updated=NOW - timedelta(seconds=5)), LATER)[1] is Outcome.OUTDATED


@given(st.lists(st.integers(min_value=-(10**9), max_value=10**9), min_size=2, max_size=20))
def test_last_updated_strictly_increases_whatever_the_clock_does(steps: list[int]) -> None:
    known: Alarm | None = None
    for step in steps:
        alarm, _ = observe(known, seen(severity=MAJOR), NOW + timedelta(microseconds=step))
        assert known is None or alarm.last_updated > known.last_updated
        known = alarm


def test_what_is_not_said_stays_and_what_is_said_replaces() -> None:
    known = make_alarm(brief_description="down", node_id="n1", detailed_description=["a"])
    alarm, outcome = observe(known, seen(severity=MAJOR, detailed_description=[], node_id="n2"), LATER)
    assert outcome is Outcome.UNCHANGED
    assert (alarm.brief_description, alarm.detailed_description, alarm.node_id) == ("down", [], "n2")


def test_counts_and_times_of_raising() -> None:
    alarm, _ = observe(None, seen(severity=MAJOR), NOW)
    alarm, _ = observe(alarm, seen(severity=CLEARED), NOW + timedelta(minutes=1))
    alarm, _ = observe(alarm, seen(severity=MAJOR), NOW + timedelta(minutes=2))
    assert (alarm.raised_count, alarm.observed_count) == (2, 3)
    assert (alarm.first_raised_at, alarm.raised_at) == (NOW, NOW + timedelta(minutes=2))
    assert alarm.cleared_at == NOW + timedelta(minutes=1)


def test_a_link_is_made_of_what_is_known_and_a_given_one_wins() -> None:
    template = "https://x.example/{resource_type}/{resource_id}?n={node_id}&a={alarm_id}&t={alarm_type}"
    known = make_alarm(node_id="n 1", resource_id="a/b")
    alarm, _ = observe(known, Observation(alarm_id="id", severity=MAJOR, dashboard_template=template), LATER)
    assert alarm.dashboard_link == "https://x.example/data-source/a%2Fb?n=n%201&a=id&t=failed-connection"
    alarm, _ = observe(alarm, seen(dashboard_link="https://y.example", dashboard_template=template), LATER)
    assert alarm.dashboard_link == "https://y.example"
    assert dashboard_link("https://x.example/" + "x" * 2000 + "{alarm_id}", alarm) == ""


@pytest.mark.parametrize("template", ["ftp://x", "{alarm_id}", "https://x/{name}", "https://x/{alarm_id.y}", "//x/"])
def test_a_template_that_makes_no_links_is_refused(template: str) -> None:
    with pytest.raises(InvalidAlarmError, match="it begins with https"):
        check_template(template)


@pytest.mark.parametrize(
    ("parts", "member"),
    [
        ({"alarm_id": ""}, "alarm_id"),
        ({"alarm_id": "x" * 201}, "alarm_id"),
        ({"alarm_id": "a\nb"}, "alarm_id"),
        ({"alarm_id": ".."}, "alarm_id"),
        ({"identity": IDENTITY.model_copy(update={"alarm_type": ""})}, "alarm_type"),
        ({"identity": IDENTITY.model_copy(update={"resource_type": "a\x1bb"})}, "resource_type"),
        ({"identity": IDENTITY.model_copy(update={"resource_id": "é" * 128})}, "resource_id"),
        ({"node_id": "a\tb"}, "node_id"),
        ({"brief_description": "x" * 501}, "brief_description"),
        ({"dashboard_link": "x" * 2001}, "dashboard_link"),
        ({"detailed_description": ["x"] * 501}, "detailed_description"),
        ({"detailed_description": ["x" * MAX_MEMBER_BYTES]}, "detailed_description"),
        ({"suggested_actions": ["x"] * 501}, "suggested_actions"),
        ({"impacted_resources": {"": Impact()}}, "impacted_resources"),
        ({"impacted_resources": {"a:b": Impact()}}, "impacted_resources"),
        ({"impacted_resources": {" a": Impact()}}, "impacted_resources"),
        ({"impacted_resources": {"a": Impact(impacted_dependencies=["x"] * 501)}}, "impacted_resources.a"),
        ({"last_updated": NOW + timedelta(hours=1, seconds=1)}, "last_updated"),
    ],
)
def test_what_an_alarm_may_not_hold_is_refused_by_name(parts: dict[str, Any], member: str) -> None:
    with pytest.raises(InvalidAlarmError, match=re.escape(f"the alarm's {member} cannot be used")):
        checked(seen(**parts), NOW)


def test_texts_are_brought_into_lines() -> None:
    tidy = checked(
        seen(
            brief_description="two\r\nlines",
            detailed_description=["", "a\nb", "", "c\r\nd", ""],
            suggested_actions=["\n"],
            impacted_resources={"a": Impact(title="x\ny", impacted_dependencies=["p\nq", ""])},
        ),
        NOW,
    )
    assert tidy.brief_description == "two lines"
    assert tidy.detailed_description == ["a", "b", "", "c", "d"]
    assert tidy.suggested_actions == []
    assert tidy.impacted_resources == {"a": Impact(title="x y", impacted_dependencies=["p q"])}
    assert checked(tidy, NOW) == tidy


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_times_at_the_end_of_time_are_refused_and_no_fault(at: str) -> None:
    with pytest.raises(InvalidAlarmError):
        checked(seen(last_updated=datetime.fromisoformat(at)), NOW)
