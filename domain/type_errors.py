"""Errors of event types. Part of the tree in `domain.errors`.

ImError
└── NotFoundError
    └── UnknownTypeError
"""

from domain.errors import NotFoundError


class UnknownTypeError(NotFoundError):
    """An event type that the platform does not emit."""

    code = "unknown_event_type"
    says = "im emits no events of type {name!r}"
    hint = "See those it does with: im types. Events of your own are emitted with: im event emit --type TYPE."
