"""The lifecycle, as a table of every status and action, and the events it emits."""

import json
from datetime import timedelta
from itertools import product

import pytest

from domain.errors import InvalidRequestError
from domain.event_parsing import parse_event
from domain.incident_errors import IllegalTransitionError
from domain.incidents import (
    EVENT_TYPES,
    MAX_ACTOR,
    MAX_NOTE,
    MAX_TITLE,
    Action,
    Change,
    Declaration,
    Incident,
    Severity,
    Status,
    apply_change,
    check_change,
    check_declaration,
    declare,
    incident_named,
    rfc3339,
    timeline_event,
)
from tests.support.builders import NOW, make_event

DECLARATION = Declaration(title="Production API latency spike", severity=Severity.SEV_2, actor="oncall@example.com")
LATER = NOW + timedelta(minutes=5)

# status -> actions allowed in it, and the status they lead to
LIFECYCLE = {
    (Status.DECLARED, Action.ACKNOWLEDGE): Status.ACKNOWLEDGED,
    (Status.DECLARED, Action.MITIGATE): Status.MITIGATED,
    (Status.DECLARED, Action.RESOLVE): Status.RESOLVED,
    (Status.DECLARED, Action.NOTE): Status.DECLARED,
    (Status.ACKNOWLEDGED, Action.MITIGATE): Status.MITIGATED,
    (Status.ACKNOWLEDGED, Action.RESOLVE): Status.RESOLVED,
    (Status.ACKNOWLEDGED, Action.NOTE): Status.ACKNOWLEDGED,
    (Status.MITIGATED, Action.RESOLVE): Status.RESOLVED,
    (Status.MITIGATED, Action.NOTE): Status.MITIGATED,
    (Status.RESOLVED, Action.CLOSE): Status.CLOSED,
    (Status.RESOLVED, Action.NOTE): Status.RESOLVED,
}


def _incident(status: Status = Status.DECLARED) -> Incident:
    return declare("INC-12345", DECLARATION, NOW, "evt_1").model_copy(update={"status": status})


@pytest.mark.parametrize(("status", "action"), list(product(Status, Action)))
def test_the_lifecycle_allows_exactly_the_table(status: Status, action: Action) -> None:
    incident = _incident(status)
    change = Change(action=action, actor="ada", note="seen" if action is Action.NOTE else None)
    if (status, action) in LIFECYCLE:
        check_change(incident, change)
        apply_change(incident, change, LATER, "evt_2")
        assert incident.status is LIFECYCLE[status, action]
    else:
        with pytest.raises(IllegalTransitionError) as caught:
            check_change(incident, change)
        assert caught.value.data["status"] == status.value
        assert caught.value.advice


def test_a_declared_incident_begins_its_timeline() -> None:
    incident = _incident()
    (entry,) = incident.timeline
    assert (incident.status, incident.declared_at, incident.updated_at) == (Status.DECLARED, NOW, NOW)
    assert (entry.action, entry.actor, entry.at, entry.published) == (Action.DECLARE, "oncall@example.com", NOW, None)


def test_a_change_is_appended_to_the_timeline() -> None:
    incident = _incident()
    entry = apply_change(incident, Change(action=Action.NOTE, actor="ada", note="looking"), LATER, "evt_2")
    assert incident.timeline[-1] is entry
    assert (entry.note, entry.event_id, incident.updated_at) == ("looking", "evt_2", LATER)


@pytest.mark.parametrize(
    "parts",
    [{"title": ""}, {"title": "  "}, {"title": "x" * (MAX_TITLE + 1)}, {"actor": ""}, {"actor": "x" * (MAX_ACTOR + 1)}],
    ids=lambda parts: repr(parts)[:40],
)
def test_a_declaration_without_usable_text_is_refused(parts: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError):
        check_declaration(DECLARATION.model_copy(update=parts))


def test_a_declaration_at_the_limits_is_taken() -> None:
    check_declaration(DECLARATION.model_copy(update={"title": "x" * MAX_TITLE, "actor": "x" * MAX_ACTOR}))


@pytest.mark.parametrize(
    ("action", "actor", "note"),
    [
        (Action.NOTE, "ada", None),
        (Action.NOTE, "ada", " "),
        (Action.NOTE, "ada", "x" * (MAX_NOTE + 1)),
        (Action.NOTE, "", "note"),
        (Action.RESOLVE, "ada", ""),
        (Action.RESOLVE, "x" * (MAX_ACTOR + 1), None),
    ],
)
def test_a_change_without_usable_text_is_refused(action: Action, actor: str, note: str | None) -> None:
    with pytest.raises(InvalidRequestError):
        check_change(_incident(), Change(action=action, actor=actor, note=note))


def test_the_event_of_a_declaration_is_the_guides() -> None:
    incident = _incident()
    event = timeline_event(incident, incident.timeline[0].model_copy(update={"event_id": make_event().id}))
    assert event == make_event()


@pytest.mark.parametrize(
    ("action", "event_type"),
    [
        (Action.DECLARE, "im.incident.declared.v1"),
        (Action.ACKNOWLEDGE, "im.incident.acknowledged.v1"),
        (Action.MITIGATE, "im.incident.mitigated.v1"),
        (Action.RESOLVE, "im.incident.resolved.v1"),
        (Action.CLOSE, "im.incident.closed.v1"),
        (Action.NOTE, "im.incident.note_added.v1"),
    ],
)
def test_each_action_emits_its_type(action: Action, event_type: str) -> None:
    incident = _incident()
    entry = apply_change(incident, Change(action=action, actor="ada", note="why"), LATER, "evt_2")
    event = timeline_event(incident, entry)
    assert (event.type, EVENT_TYPES[action]) == (event_type, event_type)
    assert event.data == {
        "incident_id": "INC-12345",
        "title": "Production API latency spike",
        "severity": "SEV-2",
        "actor": "ada",
        "note": "why",
    }
    assert parse_event(event.body) == event, "what the platform emits, it would accept"


@pytest.mark.parametrize(
    ("microsecond", "text"), [(0, "2025-12-26T14:30:00Z"), (120000, "2025-12-26T14:30:00.120000Z")]
)
def test_times_are_utc_with_fractions_only_where_there_are_any(microsecond: int, text: str) -> None:
    assert rfc3339(NOW.replace(microsecond=microsecond)) == text


def test_an_incident_survives_its_json_form() -> None:
    incident = _incident()
    assert Incident.model_validate(json.loads(incident.model_dump_json())) == incident


@pytest.mark.parametrize(
    ("text", "named"),
    [("INC-7", "INC-7"), ("inc-7", "INC-7"), ("7", "INC-7"), ("007", "007"), ("INC-07", "INC-07"), ("PAY-1", "PAY-1")],
)
def test_an_incident_is_one_of_ours_or_else_of_a_publisher(text: str, named: str) -> None:
    assert incident_named(text) == named
    assert incident_named("") == ""
    assert incident_named(None) is None
