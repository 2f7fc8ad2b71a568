"""Settings: environment variables, and a ``.env`` file that is read into the environment first.

The connection to Temporal is not here but in the SDK's own variables (TEMPORAL_ADDRESS and so on), which `.env`
reaches as well.
"""

import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from dotenv import load_dotenv
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.addresses import AddressPolicy, check_url
from domain.alarms import IdentityRule, check_template
from domain.errors import InvalidInputError, InvalidRequestError, SettingsError
from domain.faults import in_words
from domain.targets.base import Bases
from domain.timing import parse_duration
from service.bursts import MAX_PER_WORKFLOW
from service.settings_checks import Network, network, parts_of, refuse_unknown

Networks = tuple[Network, ...]


class LogLevel(StrEnum):
    """Least severe level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class Settings(BaseSettings):
    """Built once by an entry point and passed on; never read at import."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, validate_default=True)

    enable_event_publishing: bool = Field(
        default=False,
        description="Emit an event for every incident timeline entry and accept events. Off: nothing is emitted.",
    )
    outbox_poll_interval: str = Field(
        default="1s",
        description="Accepted for compatibility; there is no outbox table, so nothing is polled.",
    )
    im_state_dir: Path = Field(
        default=Path("~/.local/state/im"),
        description="Folder for logs and, in development, the key file, API token and Temporal database.",
    )
    im_api_host: str = Field(
        default="127.0.0.1",
        description="Address the API binds to. Anything but loopback requires IM_API_TOKEN.",
    )
    im_api_port: int = Field(default=8080, ge=0, le=65535, description="Port of the API; 0 takes a free one.")
    im_api_token: SecretStr | None = Field(
        default=None,
        description="Bearer token of the API, at least 16 characters. Without it only loopback may be served.",
    )
    im_api_hostnames: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Comma-separated names under which a reverse proxy on this machine passes requests on, such as "
        "im.example.com. Requires IM_API_TOKEN.",
    )
    im_trusted_proxies: Annotated[Networks, NoDecode] = Field(
        default=(),
        description="Comma-separated CIDR blocks of the reverse proxies whose X-Forwarded-For and X-Forwarded-Proto "
        "are believed, such as 127.0.0.1/32. Nobody's are by default.",
    )
    im_api_max_connections: int = Field(
        default=1000,
        ge=10,
        le=60_000,
        description="Most connections to the API at once, in each process. Past it the one that waits longest for a "
        "request is closed.",
    )
    im_secret_keys: SecretStr | None = Field(
        default=None,
        description="Sealing keys, newest first: id:base64 of 32 bytes, separated by commas. The same in every "
        "process. Without it a key file in IM_STATE_DIR is used, which suits one machine only.",
    )
    im_log_level: LogLevel = Field(default=LogLevel.INFO, description="debug, info, warn or error.")
    im_events_per_workflow: int = Field(
        default=MAX_PER_WORKFLOW,
        ge=1,
        le=MAX_PER_WORKFLOW,
        description="How many events of a burst may share a workflow; 1 gives every event its own, always.",
    )
    im_allowed_networks: Annotated[Networks, NoDecode] = Field(
        default=(),
        description="Comma-separated CIDR blocks that may be delivered to although they are not public.",
    )
    im_temporal_ui_url: str | None = Field(
        default=None,
        description="Where people reach Temporal's Web UI, for links into it; `im dev` knows its own. Without it there "
        "are no links.",
    )
    im_pagerduty_url: str = Field(
        default=Bases().pagerduty,
        description="Where PagerDuty's Events API is (region=eu in a notify URL takes the European one instead of the "
        "default), https, or http for loopback.",
    )
    im_pushover_url: str = Field(default=Bases().pushover, description="Where Pushover's API is, likewise.")
    im_twilio_url: str = Field(default=Bases().twilio, description="Where Twilio's API is, likewise.")

    im_alarm_identity: IdentityRule = Field(
        default=IdentityRule.RESOURCE,
        description="What makes two alarms the same, besides the alarm type: resource, or resource+node. The same in "
        "every process and terminal.",
    )
    im_alarm_dashboard_url: str | None = Field(
        default=None,
        description="Link to an alarm's dashboard, with {alarm_id}, {alarm_type}, {resource_type}, {resource_id} and "
        "{node_id}; likewise.",
    )

    @field_validator("im_alarm_dashboard_url")
    @classmethod
    def _template(cls, value: str | None) -> str | None:
        try:
            return value if value is None else check_template(value)
        except InvalidInputError as error:
            raise ValueError(str(error)) from None

    @field_validator("im_temporal_ui_url")
    @classmethod
    def _web_ui(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "http://none")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise ValueError("must be an http or https URL without user name and query")
        return value and value.rstrip("/")

    @field_validator("im_api_hostnames", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return parts_of(value) if isinstance(value, str) else value

    @field_validator("im_allowed_networks", "im_trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        return [network(part) for part in parts_of(value)] if isinstance(value, str) else value

    @field_validator("im_api_hostnames")
    @classmethod
    def _plain_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", name.lower()) for name in value):
            raise ValueError("must be host names alone, without scheme, port, path or *")
        return tuple(name.lower() for name in value)

    @field_validator("im_pagerduty_url", "im_pushover_url", "im_twilio_url")
    @classmethod
    def _base_url(cls, value: str, info: ValidationInfo) -> str:
        value = value.rstrip("/")
        try:
            return check_url(value, AddressPolicy(allowed_networks=info.data.get("im_allowed_networks", ())))
        except InvalidInputError as error:
            raise ValueError(f"{error}. {error.advice}") from None

    @field_validator("im_state_dir")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser()

    @field_validator("im_log_level", "enable_event_publishing", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("outbox_poll_interval")
    @classmethod
    def _duration(cls, value: str) -> str:
        try:
            parse_duration(value)
        except InvalidRequestError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("im_api_token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("must have at least 16 characters")
        return value

    @property
    def binds_loopback(self) -> bool:
        """Whether the API is reachable from this machine only."""
        try:
            return ipaddress.ip_address(self.im_api_host).is_loopback
        except ValueError:
            return self.im_api_host == "localhost"

    @property
    def target_bases(self) -> Bases:
        """Where the services of alert targets are."""
        return Bases(pagerduty=self.im_pagerduty_url, pushover=self.im_pushover_url, twilio=self.im_twilio_url)

    def address_policy(self, own_ports: frozenset[int] = frozenset()) -> AddressPolicy:
        """What may be dialled; ``own_ports`` are this deployment's listeners."""
        return AddressPolicy(allowed_networks=self.im_allowed_networks, own_ports=own_ports)


def load_settings(**overrides: object) -> Settings:
    """The settings from ``.env`` in the working directory and the environment; options given by hand win.

    Raises:
        SettingsError: for a value out of range, or an unknown ``IM_*`` name.
    """
    load_dotenv(Path.cwd() / ".env", override=False)
    refuse_unknown({name.upper() for name in Settings.model_fields})
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(reason=_in_words(error), fix="See .env.example for every setting.") from None


def _in_words(error: ValidationError) -> str:
    return "; ".join(f"{str(fault['loc'][0]).upper()}: {in_words(fault)}" for fault in error.errors())
