"""What people read of an alarm on an alert target."""

from domain.alarm_messages import alarm_event
from domain.alarm_texts import Impact
from domain.targets.words import body_of, title_of
from tests.support.alarms import make_alarm
from tests.support.builders import make_event


def test_an_alarm_is_told_in_words() -> None:
    alarm = make_alarm(
        brief_description="The database does not answer",
        node_id="n1",
        detailed_description=["Connection refused"],
        suggested_actions=["Is it up?"],
        impacted_resources={"authenticator": Impact(title="No login", impacted_dependencies=["sms"])},
        dashboard_link="https://x.example/",
    )
    event = alarm_event(alarm, "im.alarm.raised.v1", "evt_1")
    assert title_of(event) == "[MAJOR] failed-connection of data-source users-db: The database does not answer"
    assert body_of(event).splitlines() == [
        "node: n1",
        "Connection refused",
        "authenticator: No login",
        "  - sms",
        "Is it up?",
        "https://x.example/",
    ]


def test_an_alarm_without_texts_still_has_words() -> None:
    event = alarm_event(make_alarm(), "im.alarm.cleared.v1", "evt_1")
    assert title_of(event) == "[MAJOR] failed-connection of data-source users-db"
    assert body_of(event) == "last updated: 2025-12-26T14:30:00.000000Z"


def test_an_alarm_event_of_somebody_else_is_told_as_any_event() -> None:
    event = make_event(type="im.alarm.raised.v1", data={"x": 1}, extensions={})
    assert title_of(event) == "im.alarm.raised.v1"
    assert body_of(event) == '{"x": 1}'
