"""Errors of alarms. Part of the tree in `domain.errors`.

ImError
├── InvalidInputError
│   ├── InvalidAlarmError
│   └── InvalidNotificationError
├── ConflictError
│   └── AlarmIdentityError
└── NotFoundError
    └── AlarmNotFoundError
        └── NoAlarmOfResourceError
"""

from domain.errors import ConflictError, InvalidInputError, NotFoundError


class InvalidAlarmError(InvalidInputError):
    """A value that an alarm may not have; ``member`` names it."""

    code = "invalid_alarm"
    says = "the alarm's {member} cannot be used: {reason}"
    hint = "docs/alarms.md has what each attribute may hold."
    field = "alarm"


class InvalidNotificationError(InvalidInputError):
    """Something that is not an alarm notification, flat or nested."""

    code = "invalid_notification"
    says = "not an alarm notification: {reason}"
    hint = "The schemas are at /api/v1/schemas/alarm-flat.json and /api/v1/schemas/alarm-nested.json."
    field = "alarm"


class AlarmIdentityError(ConflictError):
    """Somebody else's alarm comes under the id of a known one."""

    code = "alarm_identity"
    says = "the alarm {alarm_id!r} is of another resource or type than this says"
    hint = "An alarm_id is for one alarm type of one resource; see im alarm show {alarm_id}."


class AlarmNotFoundError(NotFoundError):
    """No such alarm, or no longer."""

    code = "alarm_not_found"
    says = "no alarm {alarm_id!r} is known"
    hint = "See the alarms with: im alarm list. One that was cleared is forgotten after 30 days without a word."


class NoAlarmOfResourceError(AlarmNotFoundError):
    """The same, where it was named by its type and resource; the alarm_id made of them nobody has typed."""

    code = "no_alarm_of_resource"
    says = "no alarm {alarm_type!r} of {resource_type} {resource_id!r} is known"
    hint = (
        "See the alarms with: im alarm list. It may have been raised with another node, if that is part of which alarm "
        "it is, or was cleared, and is forgotten after 30 days without a word."
    )
