"""The kinds of error that a user of the product can meet, and the errors that belong to no one feature.

    ImError
    ├── InvalidInputError           a value the caller gave is not acceptable
    │   ├── InvalidNameError
    │   ├── InvalidUrlError
    │   ├── BlockedAddressError
    │   └── InvalidRequestError
    │       └── IdempotencyKeyReusedError
    ├── TooLargeError               a value is past a limit of the platform
    ├── ConflictError               the state of things forbids it
    │   └── PublishingDisabledError
    ├── NotFoundError
    ├── ConfigurationError          the deployment is not set up for it
    │   ├── SettingsError
    │   ├── SealingKeyError
    │   └── SearchAttributesError
    └── UnavailableError            try again when something is back
        ├── TemporalUnavailableError
        ├── SlowSearchError
        ├── NoWorkerError
        └── OverloadedError

Each feature adds its own to this tree in a module beside it, such as `domain.event_errors`; `domain.error_codes` has a
list of these modules.

An error is its ``code`` (stable, part of the API) and its ``data`` (named values); the sentence is made from both.
That is what lets an error cross Temporal as an ``ApplicationError`` of type ``code`` and be raised again, unchanged, on
the other side: see `domain.error_codes.from_code`.
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
        """The error for a ``name`` that is not among the known ones; it suggests the one that was probably meant."""
        return cls(name=name, close=nearest(name, known))

    @property
    def advice(self) -> str:
        """What to do next, or an empty string; first the name that was probably meant, where there is one."""
        close = self.data.get("close")  # an error of an older version, or without a worker, has none
        does = self.data.get("fix") or self.hint.format(**self.data)
        return f"{f'Did you mean {close}? ' if close else ''}{does}".strip()


class InvalidInputError(ImError):
    """A value the caller gave is not acceptable.

    ``field`` names it; `domain.naming.given_as` sets another name where the caller knows it by another.
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
        # For a name that was resolved, the error must not tell which of the two.
        unsaid = "it is not a public address, or it is a listener of this deployment"
        super().__init__(**({"reason": unsaid} | data))


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


class ConflictError(ImError):
    """The present state of things forbids it."""

    code = "conflict"


class PublishingDisabledError(ConflictError):
    """The process that would emit has publishing switched off."""

    code = "publishing_disabled"
    says = "event publishing is off, so nothing was emitted"
    hint = "Start the server with ENABLE_EVENT_PUBLISHING=true, then emit again."


class NotFoundError(ImError):
    """Nothing has that name."""

    code = "not_found"


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
    """Try again when something is back.

    Attributes:
        of_a_change: the hint where a change was sent before it turned out that nobody answers.
    """

    code = "unavailable"
    says = "{reason}"
    of_a_change: ClassVar[str] = ""

    def in_doubt(self) -> Self:
        """The same, of a change that was sent."""
        return type(self)(**self.data | {"fix": self.of_a_change})


class TemporalUnavailableError(UnavailableError):
    """Temporal does not answer."""

    code = "temporal_unavailable"
    says = "Temporal at {address} (namespace {namespace}) does not answer: {reason}"
    hint = "Start it (on a laptop: im dev), or set TEMPORAL_ADDRESS; if it runs, it is busy: try again."
    of_a_change = (
        "Start it (on a laptop: im dev), or set TEMPORAL_ADDRESS; the change was sent and may be made yet: look first, "
        "or send it again with the same Idempotency-Key where it takes one."
    )


class SlowSearchError(UnavailableError):
    """Temporal answers, but does not find so much in time."""

    code = "slow_search"
    says = "Temporal answers, but has not found everything within {seconds} s"
    hint = "Ask for fewer at once (limit), or of a shorter time (since) where the list takes one; or try again."


class NoWorkerError(UnavailableError):
    """Temporal answers, but no worker of ours does."""

    code = "no_worker"
    says = "Temporal answers, but no worker took up the request on {queue} within {seconds} s"
    hint = "Start one: im serve (API and worker) or im worker. Where one runs, it is busy: try again."
    of_a_change = (
        "Start one: im serve (API and worker) or im worker. Where one runs, it is busy, and the change may be made "
        "yet: look first, or send it again with the same Idempotency-Key where it takes one."
    )


class OverloadedError(UnavailableError):
    """More is offered than can be accepted at the moment; nothing of it was taken."""

    code = "overloaded"
    says = "more is offered than can be delivered at the moment ({waiting} events wait)"
    hint = "Send it again in a second, or send batches (application/cloudevents-batch+json)."
