"""Alarm notifications, flat and nested: how they are read. Strict about keys and types, each fault named."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from domain.alarm_checks import checked
from domain.alarm_errors import InvalidAlarmError, InvalidNotificationError
from domain.alarm_texts import DEPENDENCY, Impact, Impacts
from domain.alarms import AlarmSeverity, Identity, Notification, Observation
from domain.event_errors import InvalidEventError
from domain.strict_json import load_json

UNSORTED = "unsorted"  # the type under which lines are kept that say no type

_IDENTITY = ("alarm_type", "resource_id", "resource_type")
_TOP = ("alarm_id", "cleared", "severity", "last_updated")
_TEXTS = ("node_id", "dashboard_link", "brief_description")
_FLAT_TEXTS = (*_TEXTS, "detailed_description", "suggested_actions", "impacted_resources")
_LISTS = ("detailed_description", "suggested_actions")
_ALERTMANAGER = {"version", "groupKey", "alerts"}  # of its webhook, version 4
_TO_BE_MAPPED = "it is what Prometheus Alertmanager posts to webhooks, a group of alerts"
_HOW_TO_MAP = "Post a notification for each of its alerts: docs/alarms.md, From Prometheus Alertmanager, has how."
_ISO_8601 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*")
_HEAD = re.compile("([^:]+):(?: (.+))?")


def parse_notification(body: bytes) -> Notification:
    """A notification in either format, told apart by its keys.

    Raises:
        InvalidNotificationError: naming the key that is missing, unknown, or of the wrong type.
    """
    try:
        members = load_json(body)
    except InvalidEventError as error:
        raise InvalidNotificationError(reason=error.data["reason"]) from None
    if isinstance(members, dict) and members.keys() >= _ALERTMANAGER:
        raise InvalidNotificationError(reason=_TO_BE_MAPPED, fix=_HOW_TO_MAP)
    is_nested = isinstance(members, dict) and ("identifier" in members or "description" in members)
    return parse_nested(members) if is_nested else parse_flat(members)


def parse_flat(members: object) -> Notification:
    """A flat notification; raises `InvalidNotificationError`."""
    known = _object(members, "", (*_TOP, *_IDENTITY), optional=_FLAT_TEXTS)
    if wrong := [name for name, value in known.items() if not isinstance(value, str)]:
        raise InvalidNotificationError(reason=f"{wrong[0]} must be a string in the flat format, as all of its values")
    texts = {name: str(value) for name, value in known.items()}
    if texts["cleared"] not in {"true", "false"}:
        raise InvalidNotificationError(reason="cleared must be the string 'true' or 'false'")
    lists = {name: texts.pop(name).split("\n") for name in _LISTS if name in texts}
    impacts = _impacts_of_lines(texts.pop("impacted_resources")) if "impacted_resources" in texts else None
    return _checked(texts | lists, cleared=texts.pop("cleared") == "true", impacts=impacts)


def parse_nested(members: object) -> Notification:
    """A nested notification; raises `InvalidNotificationError`."""
    known = _object(members, "", (*_TOP, "identifier"), optional=("description",))
    identifier = _object(known.pop("identifier"), "identifier", _IDENTITY, optional=("node_id",))
    optional = ("dashboard_link", "brief_description", *_LISTS, "impact_descriptions")
    description = _object(known.pop("description", {}), "description", (), optional=optional)
    cleared = known.pop("cleared")
    if not isinstance(cleared, bool):
        raise InvalidNotificationError(reason="cleared must be true or false")
    impacts = _impacts(description.pop("impact_descriptions")) if "impact_descriptions" in description else None
    texts: dict[str, Any] = {name: _text(known, "", name) for name in known}
    texts |= {name: _text(identifier, "identifier", name) for name in identifier}
    texts |= {name: _texts(description, "description", name) for name in _LISTS if name in description}
    texts |= {name: _text(description, "description", name) for name in description if name not in _LISTS}
    return _checked(texts, cleared=cleared, impacts=impacts)


def as_observation(state: Notification) -> Observation:
    """What a notification says of its alarm; keys that it does not have say nothing."""
    said = {name: getattr(state, name) for name in state.model_fields_set if name not in _IDENTITY}
    identity = {name: getattr(state, name) for name in _IDENTITY}
    return Observation.model_validate(said | {"identity": Identity.model_validate(identity)})


def parse_time(text: str) -> datetime:
    """A date and time in ISO 8601, in UTC where it says nothing else; raises ``ValueError``."""
    if not _ISO_8601.fullmatch(text):
        raise ValueError("no date and time")
    at = datetime.fromisoformat(text.upper())
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _checked(texts: dict[str, Any], *, cleared: bool, impacts: Impacts | None) -> Notification:
    texts.pop("cleared", None)
    texts |= {} if impacts is None else {"impacted_resources": impacts}
    severity, at = texts["severity"], texts["last_updated"]
    if severity not in [*AlarmSeverity]:
        raise InvalidNotificationError(reason=f"severity must be one of {', '.join(AlarmSeverity)}")
    if (severity == AlarmSeverity.CLEARED) is not cleared:
        raise InvalidNotificationError(reason=f"severity and cleared contradict each other: severity is {severity}")
    try:
        texts["last_updated"] = parse_time(at)
    except (ValueError, OverflowError):
        raise InvalidNotificationError(reason="last_updated must be a date and time in ISO 8601") from None
    try:
        seen = as_observation(Notification.model_validate(texts))
        tidy = checked(seen, texts["last_updated"])
    except InvalidAlarmError as error:
        raise InvalidNotificationError(reason=f"{error.data['member']}: {error.data['reason']}") from None
    return Notification.model_validate(
        texts | tidy.model_dump(exclude={"identity", "dashboard_template"}, exclude_none=True)
    )


def _object(value: object, place: str, needed: Sequence[str], optional: Sequence[str]) -> dict[str, Any]:
    """The members of an object that has what is needed, and nothing unknown."""
    if not isinstance(value, dict):
        raise InvalidNotificationError(reason=f"{place or 'the body'} must be a JSON object")
    prefix = f"{place}." if place else ""
    for name in needed:
        if name not in value:
            raise InvalidNotificationError(reason=f"{prefix}{name} is missing")
    if unknown := sorted(set(value) - {*needed, *optional}):
        raise InvalidNotificationError(reason=f"{prefix}{unknown[0][:64]} is no key of this format")
    return dict(value)


def _text(members: Mapping[str, Any], place: str, name: str) -> str:
    if not isinstance(members[name], str):
        raise InvalidNotificationError(reason=f"{f'{place}.' if place else ''}{name} must be a string")
    return str(members[name])


def _texts(members: Mapping[str, Any], place: str, name: str) -> list[str]:
    value = members[name]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidNotificationError(reason=f"{place}.{name} must be an array of strings")
    return list(value)


def _impacts(value: object) -> Impacts:
    place = "description.impact_descriptions"
    if not isinstance(value, dict):
        raise InvalidNotificationError(reason=f"{place} must be a JSON object")
    found = {}
    for kind, given in value.items():
        where = f"{place}.{kind[:64]}"
        impact = _object(given, where, (), optional=("title", "impacted_dependencies"))
        found[kind] = Impact(
            title=_text({"title": "", **impact}, where, "title"),
            impacted_dependencies=_texts({"impacted_dependencies": [], **impact}, where, "impacted_dependencies"),
        )
    return found


def _impacts_of_lines(text: str) -> Impacts:
    """The impacts that the lines of a flat notification say.

    Other platforms lay them out as they like; lines that are not ours are kept, each as a dependency of ``unsorted``.
    """
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line]
    found: dict[str, Impact] = {}
    kind = None
    for line in lines:
        head = _HEAD.fullmatch(line)
        if line.startswith(DEPENDENCY) and kind is not None:
            found[kind].impacted_dependencies.append(line.removeprefix(DEPENDENCY))
        elif head and not line.startswith(" ") and head[1] == head[1].strip() and head[1] not in found:
            kind = head[1]
            found[kind] = Impact(title=head[2] or "", impacted_dependencies=[])
        else:
            return {UNSORTED: Impact(impacted_dependencies=lines)}
    return found
