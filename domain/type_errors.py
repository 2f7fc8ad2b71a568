"""Errors of event types. Part of the tree in `domain.errors`.

ImError
├── InvalidInputError
│   └── ReservedEventError
└── NotFoundError
    └── UnknownTypeError
"""

from domain.errors import InvalidInputError, NotFoundError


class UnknownTypeError(NotFoundError):
    """An event type that the platform does not emit."""

    code = "unknown_event_type"
    says = "im emits no events of type {name!r}"
    hint = "See those it does with: im types. Events of your own are emitted with: im event emit --type TYPE."


class ReservedEventError(InvalidInputError):
    """An event that only the platform itself may emit: it would be taken for an operational one, or suppress one."""

    code = "reserved_event"
    says = "events of type {type!r} from {source!r} are emitted by the platform alone"
    hint = "Use a type and a source of your own."
    field = "event"
