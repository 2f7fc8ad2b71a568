"""What clients may send: unknown members are refused, and no error repeats a value."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, WithJsonSchema

from api import examples
from domain.incidents import MAX_ACTOR, MAX_NOTE, MAX_TITLE, Severity
from domain.patterns import ALL
from domain.retry import MAX_ATTEMPTS
from domain.subscribers import DEFAULT_OVERLAP, MAX_OVERLAP


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Types = Annotated[
    list[str],
    BeforeValidator(_split),
    Field(min_length=1),
    WithJsonSchema(
        {
            "anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "string"}],
            "description": "Event type patterns, as a list or separated by commas; * is one segment, ** one or more.",
        }
    ),
]
Schedule = Annotated[str, Field(description="``default``, ``long``, or seconds between attempts such as ``5,60,600``.")]
Attempts = Annotated[int, Field(ge=1, le=MAX_ATTEMPTS, description="Requests in all, the first included.")]
HeaderValues = Annotated[
    dict[str, SecretStr], Field(description="Added to every request; values are sealed, and never shown again.")
]
Secret = Annotated[SecretStr, Field(description="Signs deliveries; sealed, and never shown again.")]
Actor = Annotated[str, Field(min_length=1, max_length=MAX_ACTOR, description="Who does it.")]
ANONYMOUS = "api"  # the token says that a client may act, and not who it is
Note = Annotated[str, Field(min_length=1, max_length=MAX_NOTE)]


class Body(BaseModel):
    """Base of every request body."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class AddSubscriber(Body):
    """A subscriber to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ADD_SUBSCRIBER]})

    name: str = Field(description="Unique; 1 to 63 letters, digits, dots, dashes or underscores.")
    url: str = Field(description="https; http for localhost and loopback addresses only.")
    types: Types = [ALL]
    secret: Secret | None = None
    generate_secret: bool = Field(False, description="Make a secret and show it once, in the answer.")
    headers: HeaderValues | None = None
    schedule: Schedule = "default"
    max_attempts: Attempts | None = None
    enabled: bool = True

    def arguments(self) -> dict[str, Any]:
        """Arguments of the gateway, secrets opened."""
        return _opened(self)


class UpdateSubscriber(Body):
    """What to change of a subscriber; members that are absent or null leave it as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.UPDATE_SUBSCRIBER]})

    url: str | None = None
    types: Types | None = None
    secret: Secret | None = None
    generate_secret: bool = Field(False, description="Rotate to a new secret and show it once, in the answer.")
    drop_secret: bool = Field(False, description="Sign no more.")
    overlap_seconds: int = Field(
        int(DEFAULT_OVERLAP.total_seconds()),
        ge=0,
        le=int(MAX_OVERLAP.total_seconds()),
        description="How long the previous secret stays valid beside a new one.",
    )
    headers: HeaderValues | None = Field(None, description="Replaces all added headers; {} drops them.")
    schedule: Schedule | None = None
    max_attempts: Attempts | None = None
    enabled: bool | None = None

    def arguments(self) -> dict[str, Any]:
        """Arguments of the gateway but for the overlap, secrets opened."""
        return _opened(self, "overlap_seconds")


def _opened(body: AddSubscriber | UpdateSubscriber, *without: str) -> dict[str, Any]:
    arguments = body.model_dump(exclude={"secret", "headers", *without})
    arguments["secret"] = body.secret.get_secret_value() if body.secret else None
    if body.headers is not None:
        arguments["headers"] = {name: value.get_secret_value() for name, value in body.headers.items()}
    return arguments


class Resend(Body):
    """Whom to deliver to again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"subscriber": "my-webhook"}]})

    subscriber: str | None = Field(None, description="One subscriber; null for all that want the event now.")


class DeclareIncident(Body):
    """An incident to declare."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DECLARE_INCIDENT]})

    title: str = Field(min_length=1, max_length=MAX_TITLE)
    severity: Severity
    actor: Actor = ANONYMOUS


class TakeStep(Body):
    """A step of an incident's lifecycle."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TAKE_STEP]})

    actor: Actor = ANONYMOUS
    note: Note | None = None


class AddNote(Body):
    """A note for an incident's timeline."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ADD_NOTE]})

    actor: Actor = ANONYMOUS
    note: Note
