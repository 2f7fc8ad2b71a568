"""What clients may send: unknown members are refused, and no error repeats a value."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from api import examples
from domain.incidents import MAX_ACTOR, MAX_NOTE, MAX_TITLE, Severity
from domain.kinds import of_its_kind
from domain.limits import MAX_CONCURRENCY
from domain.message_formats import MessageFormat
from domain.pauses import MAX_TIME
from domain.retry import MAX_ATTEMPTS
from domain.subscriber_changes import DEFAULT_OVERLAP, MAX_OVERLAP
from domain.targets.kinds import one_place


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _number_as_text(value: object) -> object:
    return f"{value}" if isinstance(value, int | float) and not isinstance(value, bool) else value


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
Severities = Annotated[
    list[str],
    BeforeValidator(_split),
    WithJsonSchema(
        {
            "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}],
            "description": "Of events that state one, as incidents' do, only these: SEV-1 to SEV-4, as a list or "
            "separated by commas; an empty list or ``all`` for all. Alarms are told whatever their severity.",
        }
    ),
]
Schedule = Annotated[
    str, Field(description="``default``, ``pager``, ``long``, or seconds between attempts such as ``5,60,600``.")
]
ATTEMPTS = (
    "Requests in all, the first included. Fewer end a named schedule early, more repeat its last wait; too few for all "
    "of the waits of a ``schedule`` that is given with it are refused."
)
Attempts = Annotated[int, Field(ge=1, le=MAX_ATTEMPTS, description=ATTEMPTS)]
Format = Annotated[
    MessageFormat,
    Field(description="``cloudevents``; or ``flat`` or ``nested``: alarm notifications, of alarms alone."),
]
HttpClient = Annotated[
    str, Field(description="Name of the HTTP client that a webhook is posted with; an empty string for the plain one.")
]
Hostname = Annotated[str, Field(description="The URL in parts, instead of ``url``: ``https://hostname:port/context``.")]
Port = Annotated[int, Field(ge=1, le=65535, description="With ``hostname``; 443 by default.")]
Context = Annotated[str, Field(description="Path, with ``hostname``; / by default.")]
Ordered = Annotated[
    bool, Field(description="Deliver the events of one incident or alarm one after the other; some always are.")
]
MaxConcurrency = Annotated[
    int, Field(ge=0, le=MAX_CONCURRENCY, description="Requests at once, over all processes together; 0 for no limit.")
]
RateLimit = Annotated[
    str,
    BeforeValidator(_number_as_text),
    Field(description="Requests in a time, likewise: ``10/s``, ``100/m``, 10; an empty string for no limit."),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]}),
]
PauseAfter = Annotated[
    int,
    Field(
        ge=0,
        le=int(MAX_TIME.total_seconds()),
        description="Pauses it after so much failure without a success; 0 for never, 432000 (5 days) is advised.",
    ),
]
HeaderValues = Annotated[
    dict[str, SecretStr], Field(description="Added to every request; values are sealed, and never shown again.")
]
Secret = Annotated[SecretStr, Field(description="Signs deliveries; sealed, and never shown again.")]
Notify = Annotated[
    SecretStr,
    Field(
        description="An alert target instead of a url: ``pagerduty://KEY``, ``pover://USER@TOKEN``, "
        "``twilio://SID:TOKEN@FROM/TO``, or any of Apprise's where that is installed. Sealed, and never shown again."
    ),
]
Actor = Annotated[str, Field(min_length=1, max_length=MAX_ACTOR, description="Who does it.")]
ANONYMOUS = "api"  # the token says that a client may act, and not who it is
Note = Annotated[str, Field(min_length=1, max_length=MAX_NOTE)]


class Body(BaseModel):
    """Base of every request body."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _of_its_kind(cls, value: object, info: ValidationInfo) -> object:
        """Refuse what pydantic would make something else of, such as 1 of ``true`` or false of ``"off"``."""
        return of_its_kind(cls.model_fields[info.field_name or ""].annotation, value)


class AddSubscriber(Body):
    """A subscriber to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ADD_SUBSCRIBER, examples.ADD_TARGET]})

    name: str = Field(description="Unique; 1 to 63 letters, digits, dots, dashes or underscores.")
    notify: Notify | None = None
    hostname: Hostname | None = None
    port: Port | None = None
    context: Context | None = None
    url: str | None = Field(
        None, description="https; http for localhost and loopback addresses only.", validate_default=True
    )
    types: Types | None = Field(None, description="Null: all of a webhook, an incident's begin and end otherwise.")
    severities: Severities | None = None
    secret: Secret | None = None
    generate_secret: bool = Field(False, description="Make a secret and show it once, in the answer.")
    headers: HeaderValues | None = None
    schedule: Schedule | None = Field(None, description="Null: ``default`` of a webhook, ``pager`` otherwise.")
    max_attempts: Attempts | None = None
    message_format: Format | None = Field(None, description="Null: ``cloudevents``.")
    http_client: HttpClient | None = None
    ordered: Ordered | None = None
    max_concurrency: MaxConcurrency | None = None
    rate_limit: RateLimit | None = None
    pause_after_seconds: PauseAfter | None = None
    enabled: bool = True

    @field_validator("url")
    @classmethod
    def _one_of_two(cls, value: str | None, info: ValidationInfo) -> str | None:
        places = (value, info.data.get("hostname"), info.data.get("notify"))
        if sum(place is not None for place in places) != 1:
            raise ValueError(one_place())
        return value

    def arguments(self) -> dict[str, Any]:
        """Arguments of the gateway, secrets opened."""
        return _opened(self)


class UpdateSubscriber(Body):
    """What to change of a subscriber; members that are absent or null stay, and ``{}`` changes nothing (200)."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.UPDATE_SUBSCRIBER]})

    url: str | None = None
    hostname: Hostname | None = None
    port: Port | None = None
    context: Context | None = None
    notify: Notify | None = None
    types: Types | None = None
    severities: Severities | None = None
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
    message_format: Format | None = None
    http_client: HttpClient | None = None
    ordered: Ordered | None = None
    max_concurrency: MaxConcurrency | None = None
    rate_limit: RateLimit | None = None
    pause_after_seconds: PauseAfter | None = None
    enabled: bool | None = None
    cancel_waiting: bool = Field(False, description="With ``enabled`` false: cancel what its pause holds, retries too.")

    def arguments(self) -> dict[str, Any]:
        """Arguments of the gateway but for the overlap, secrets opened."""
        return _opened(self, "overlap_seconds")


def _opened(body: AddSubscriber | UpdateSubscriber, *without: str) -> dict[str, Any]:
    arguments = body.model_dump(exclude={"secret", "notify", "headers", *without})
    for name in ("secret", "notify"):
        value: SecretStr | None = getattr(body, name)
        arguments[name] = value.get_secret_value() if value else None
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
