"""Errors of the sources: Zeebe clusters, heartbeats, and whoever speaks for them. Part of the tree in `domain.errors`.

ImError
├── AccessDeniedError           who asks did not show that they may
├── TooManyBeatsError           try again, and not so often
├── InvalidInputError
│   └── InvalidRecordError
├── ConflictError
│   ├── ClusterExistsError
│   ├── HeartbeatExistsError
│   └── HeartbeatUnwatchedError
└── NotFoundError
    ├── ClusterNotFoundError
    └── HeartbeatNotFoundError
"""

from domain.errors import ConflictError, ImError, InvalidInputError, NotFoundError


class AccessDeniedError(ImError):
    """A source did not show that it may speak; what it showed is never in the error."""

    code = "access_denied"
    says = "{reason}"
    hint = "{fix}"


class TooManyBeatsError(ImError):
    """A heartbeat is beaten faster than anything could be late."""

    code = "too_many_beats"
    says = "{name!r} beats more than four times a second"
    hint = "Beat once a run; for a service, once in each period of the heartbeat is enough."


class InvalidRecordError(InvalidInputError):
    """A body that holds no exported records at all; a bad record among good ones is named in the answer instead."""

    code = "invalid_record"
    field = "body"
    says = "no Zeebe records can be read: {reason}"
    hint = "Send one record as JSON, an array of records, or one record a line (NDJSON)."


class ClusterExistsError(ConflictError):
    """The name is taken."""

    code = "cluster_exists"
    says = "a Zeebe cluster named {name!r} exists already"
    hint = "Choose another name, or change it: im zeebe cluster update {name} ..."


class HeartbeatExistsError(ConflictError):
    """The name is taken."""

    code = "heartbeat_exists"
    says = "a heartbeat named {name!r} exists already"
    hint = "Choose another name, or change it: im heartbeat update {name} ..."


class HeartbeatUnwatchedError(ConflictError):
    """The heartbeat is registered, but its workflow was terminated."""

    code = "heartbeat_unwatched"
    says = "nothing watches the heartbeat {name!r}: its workflow was terminated"
    hint = "Remove it and add it again: im heartbeat remove {name}"


class ClusterNotFoundError(NotFoundError):
    """No such cluster."""

    code = "cluster_not_found"
    says = "no Zeebe cluster is named {name!r}"
    hint = "See the names with: im zeebe cluster list."


class HeartbeatNotFoundError(NotFoundError):
    """No such heartbeat."""

    code = "heartbeat_not_found"
    says = "no heartbeat is named {name!r}"
    hint = "See the names with: im heartbeat list."
