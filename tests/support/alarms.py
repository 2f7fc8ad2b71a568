"""Alarms for tests, with only the interesting part spelt out, and any alarm for properties."""

from typing import Any

from hypothesis import strategies as st

from domain.alarm_texts import Impact
from domain.alarms import Alarm, AlarmSeverity, Identity, Notification, Observation
from tests.support.builders import NOW

IDENTITY = Identity(alarm_type="failed-connection", resource_type="data-source", resource_id="users-db")


def make_alarm(**parts: Any) -> Alarm:
    """A raised alarm."""
    known = {"alarm_id": "id", "severity": AlarmSeverity.MAJOR, "last_updated": NOW, "observed_at": NOW}
    return Alarm(**(IDENTITY.model_dump() | known | parts))


def seen(**parts: Any) -> Observation:
    """An observation of it."""
    return Observation(**({"alarm_id": "id", "identity": IDENTITY} | parts))


_names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
_texts = st.text(st.characters(codec="utf-8"), max_size=40)
_kinds = _names.filter(lambda kind: ":" not in kind and kind.isprintable())
_impacts = st.builds(Impact, title=_texts, impacted_dependencies=st.lists(_texts, max_size=4))

any_notification = st.builds(
    Notification,
    alarm_id=_names.filter(lambda name: name not in {".", ".."} and name.isprintable()),
    alarm_type=_names.filter(str.isprintable),
    resource_type=_names.filter(str.isprintable),
    resource_id=_names.filter(str.isprintable),
    node_id=_names.filter(str.isprintable) | st.just(""),
    severity=st.sampled_from(AlarmSeverity),
    dashboard_link=st.just("") | _names.map(lambda name: f"https://example.com/{name}"),
    brief_description=_texts,
    detailed_description=st.lists(_texts, max_size=4),
    suggested_actions=st.lists(_texts, max_size=4),
    impacted_resources=st.dictionaries(_kinds, _impacts, max_size=3),
    last_updated=st.datetimes(timezones=st.just(NOW.tzinfo)),
)
