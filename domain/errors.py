"""Every error a user of the product can meet.

    ImError
    ├── InvalidInputError           a value the caller gave is not acceptable
    │   ├── InvalidNameError
    │   ├── InvalidUrlError
    │   ├── BlockedAddressError
    │   ├── InvalidPatternError
    │   ├── InvalidHeaderError
    │   ├── InvalidSecretError
    │   ├── InvalidScheduleError
    │   ├── InvalidLimitError
    │   ├── InvalidEventError
    │   └── InvalidRequestError
    │       └── IdempotencyKeyReusedError
    ├── TooLargeError               a value is past a limit of the platform
    │   ├── EventTooLargeError
    │   └── DirectoryFullError
    ├── ConflictError               the state of things forbids it
    │   ├── SubscriberExistsError
    │   ├── EventConflictError
    │   ├── AmbiguousEventError
    │   ├── IllegalTransitionError
    │   └── PublishingDisabledError
    ├── NotFoundError
    │   ├── SubscriberNotFoundError
    │   ├── EventNotFoundError
    │   └── IncidentNotFoundError
    ├── ConfigurationError          the deployment is not set up for it
    │   ├── SettingsError
    │   ├── SealingKeyError
    │   └── SearchAttributesError
    └── UnavailableError            try again when something is back
        ├── TemporalUnavailableError
        ├── SlowSearchError
        ├── NoWorkerError
        └── OverloadedError

An error is its ``code`` (stable, part of the API) and its ``data`` (named values); the sentence is made
from both. That is what lets an error cross Temporal as an ``ApplicationError`` of type ``code`` and be
raised again, unchanged, on the other side: see `from_code`.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from domain.likeness import nearest


class ImError(Exception):
    """Base of the product's errors.

    Attributes:
        code: stable identifier; the API's problem type and the key of both status tables.
        says: the sentence, with the data's names in braces.
        hint: what to do about it, likewise; may be empty. Data named ``fix`` is said instead of it.
        data: the values the sentence is made from.
    """

    code: ClassVar[str] = "error"
    says: ClassVar[str] = "{reason}"
    hint: ClassVar[str] = ""

    def __init__(self, **data: Any) -> None:
        self.data: dict[str, Any] = data
        super().__init__(self.says.format(**data))

    @classmethod
    def among(cls, name: str, known: Iterable[str]) -> Self:
        """The error of a ``name`` that is none of the known ones; it suggests the one that was probably meant."""
        return cls(name=name, close=nearest(name, known))

    @property
    def advice(self) -> str:
        """What to do next, or an empty string; first the name that was probably meant, where there is one."""
        close = self.data.get("close")  # an error of an older version, or without a worker, has none
        does = self.data.get("fix") or self.hint.format(**self.data)
        return f"{f'Did you mean {close}? ' if close else ''}{does}".strip()


class InvalidInputError(ImError):
    """A value the caller gave is not acceptable; ``field`` names it, unless the caller called it otherwise.

    See `domain.naming`.
    """

    code = "invalid_input"
    field: str = ""


class InvalidNameError(InvalidInputError):
    """A name outside the allowed form."""

    code = "invalid_name"
    says = "{name!r} is not a usable name: {reason}"
    hint = "Use 1 to 63 letters, digits, dots, dashes or underscores, starting with a letter or digit."
    field = "name"


class InvalidUrlError(InvalidInputError):
    """A URL that may not be delivered to."""

    code = "invalid_url"
    says = "the URL cannot be used: {reason}"
    hint = "Use an absolute https:// URL; http:// is for localhost and loopback addresses only."
    field = "url"


class BlockedAddressError(InvalidInputError):
    """An address that the address policy refuses."""

    code = "blocked_address"
    says = "the address of {host} is refused: {reason}"
    hint = (
        "If deliveries to that network are intended, allow it for this deployment with "
        "IM_ALLOWED_NETWORKS (a comma-separated list of CIDR blocks)."
    )
    field = "url"

    def __init__(self, **data: Any) -> None:
        unsaid = "it is not a public address, or it is a listener of this deployment"  # which, of a name, is not told
        super().__init__(**({"reason": unsaid} | data))


class InvalidPatternError(InvalidInputError):
    """An event type pattern that cannot be understood."""

    code = "invalid_pattern"
    says = "{pattern!r} is not a pattern: {reason}"
    hint = "Separate segments by dots; * stands for one whole segment, ** for one or more."
    field = "types"


class InvalidHeaderError(InvalidInputError):
    """A request header that may not be set by a subscriber."""

    code = "invalid_header"
    says = "the header {header!r} cannot be used: {reason}"
    hint = "Give --header 'Name=value' with a header that the platform does not set itself."
    field = "headers"


class InvalidSecretError(InvalidInputError):
    """A signing secret that cannot be used; the secret itself is never in the error."""

    code = "invalid_secret"
    says = "the secret cannot be used: {reason}"
    hint = "Let the platform make one with --generate-secret."
    field = "secret"


class InvalidScheduleError(InvalidInputError):
    """A retry schedule or a number of attempts out of range."""

    code = "invalid_schedule"
    says = "the retry schedule cannot be used: {reason}"
    hint = "Use 'default', 'pager', 'long', or seconds between attempts such as 5,60,600."
    field = "schedule"


class InvalidLimitError(InvalidInputError):
    """A limit of a subscriber out of range."""

    code = "invalid_limit"
    says = "the limit cannot be used: {reason}"
    hint = "Write a rate as 10/s, 100/m or 0.5/s, from 0.1 to 1000 a second; at once may be 1 to 1000."
    field = "rate_limit"


class InvalidEventError(InvalidInputError):
    """Something that is not a CloudEvents 1.0 event."""

    code = "invalid_event"
    says = "not a valid CloudEvent: {reason}"
    hint = "See CloudEvents 1.0: specversion, id, source and type are required."
    field = "event"


class InvalidRequestError(InvalidInputError):
    """Any other unacceptable value."""

    code = "invalid_request"
    says = "{reason}"


class IdempotencyKeyReusedError(InvalidRequestError):
    """An idempotency key that came with another request before."""

    code = "idempotency_key_reused"
    says = "that idempotency key {did}, with {other}"
    hint = "Use a new key for what is new; to have the first answer again, send exactly the first request."
    field = "Idempotency-Key"


class TooLargeError(ImError):
    """A value is past a limit of the platform."""

    code = "too_large"


class EventTooLargeError(TooLargeError):
    """An event past the size limit."""

    code = "event_too_large"
    says = "the event is {size} bytes; the limit is {limit} bytes"
    hint = "Put the large part elsewhere and send its address in the CloudEvents extension 'dataref'."


class DirectoryFullError(TooLargeError):
    """A change that would take the directory past Temporal's payload limit."""

    code = "directory_full"
    says = "the directory would grow to {size} bytes; the limit is {limit} (Temporal's 2 MiB a payload)"
    hint = "Remove subscribers that are no longer used: im subscriber list."


class ConflictError(ImError):
    """The present state of things forbids it."""

    code = "conflict"


class SubscriberExistsError(ConflictError):
    """The name is taken."""

    code = "subscriber_exists"
    says = "a subscriber named {name!r} exists already"
    hint = "Choose another name, or change it: im subscriber update {name} ..."


class EventConflictError(ConflictError):
    """The same source and id were accepted before with other content."""

    code = "event_conflict"
    says = "an event with id {event_id!r} from {source!r} was accepted before with other content"
    hint = "Source and id identify an event: give changed content a new id."


class AmbiguousEventError(ConflictError):
    """Events of several sources have the id that was given."""

    code = "ambiguous_event"
    says = "events of several sources have the id {event_id!r}"
    hint = "Say which one is meant, with --source (in the API: ?source=): {sources}."


class IllegalTransitionError(ConflictError):
    """A lifecycle step the incident's status does not allow."""

    code = "illegal_transition"
    says = "cannot {action} {incident_id}: it is {status}"
    hint = "Allowed now: {allowed}."


class PublishingDisabledError(ConflictError):
    """The process that would emit has publishing switched off."""

    code = "publishing_disabled"
    says = "event publishing is off, so nothing was emitted"
    hint = "Start the server with ENABLE_EVENT_PUBLISHING=true, then emit again."


class NotFoundError(ImError):
    """Nothing has that name."""

    code = "not_found"


class SubscriberNotFoundError(NotFoundError):
    """No such subscriber."""

    code = "subscriber_not_found"
    says = "no subscriber is named {name!r}"
    hint = "See the names with: im subscriber list."


class EventNotFoundError(NotFoundError):
    """No such event, or no longer."""

    code = "event_not_found"
    says = "no event with id {event_id!r} is known"
    hint = (
        "It was never published here, or is older than what is kept (im retention); a new one is found after a second. "
        "See: im event list."
    )


class IncidentNotFoundError(NotFoundError):
    """No such incident, or no longer."""

    code = "incident_not_found"
    says = "no incident {incident_id!r} is known"
    hint = "It was never declared: one that was, and is kept no longer, is said to be gone. See: im incident list."


class ConfigurationError(ImError):
    """The deployment is not set up for it."""

    code = "configuration"
    says = "{reason}"
    hint = "{fix}"


class SettingsError(ConfigurationError):
    """A setting that there is not, or a value that it cannot have."""

    code = "settings"
    says = "{reason}"
    hint = "{fix}"


class SealingKeyError(ConfigurationError):
    """A sealed value cannot be made or opened with the keys at hand."""

    code = "sealing_key"
    says = "{reason}"
    hint = "Give every process that serves or delivers the same IM_SECRET_KEYS."


class SearchAttributesError(ConfigurationError):
    """Search attributes are missing and could not be registered, or are registered as another type."""

    code = "search_attributes"
    says = "the search attributes of the namespace {namespace!r} are not as im needs them: {reason}"
    hint = "Register them once: {command}"


class UnavailableError(ImError):
    """Try again when something is back."""

    code = "unavailable"
    says = "{reason}"


class TemporalUnavailableError(UnavailableError):
    """Temporal does not answer."""

    code = "temporal_unavailable"
    says = "Temporal at {address} (namespace {namespace}) does not answer: {reason}"
    hint = "Start it (on a laptop: im dev), or set TEMPORAL_ADDRESS; if it runs, it is busy: try again."


class SlowSearchError(UnavailableError):
    """Temporal answers, but does not find so much in time."""

    code = "slow_search"
    says = "Temporal answers, but has not found everything within {seconds} s"
    hint = "Ask for fewer at once (limit), or of a shorter time (since) where the list takes one; or try again."


class NoWorkerError(UnavailableError):
    """Temporal answers, but no worker of ours does."""

    code = "no_worker"
    says = "Temporal answers, but no worker took up the request on {queue} within {seconds} s"
    hint = (
        "Start one: im serve (API and worker) or im worker. Where one runs, it is busy: send the same again. "
        "A change may be made yet: send it with the same Idempotency-Key, or look first."
    )


class OverloadedError(UnavailableError):
    """More is offered than can be accepted at the moment; nothing of it was taken."""

    code = "overloaded"
    says = "more is offered than can be delivered at the moment ({waiting} events wait)"
    hint = "Send it again in a second, or send batches (application/cloudevents-batch+json)."


def _tree(root: type[ImError]) -> dict[str, type[ImError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


def from_code(code: str, data: dict[str, Any]) -> ImError | None:
    """The error that was sent across Temporal as ``code`` and ``data``; None for a code not in the tree."""
    kind = _tree(ImError).get(code)
    try:
        return kind(**data) if kind else None
    except KeyError:  # made by another version with other data: the caller keeps what it received
        return None
