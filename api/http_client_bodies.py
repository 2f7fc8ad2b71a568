"""What clients may send of HTTP clients."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, SecretStr

from api import http_client_examples as examples
from api.bodies import Body
from domain.http_clients import MAX_SECONDS, MIN_SECONDS, Part, TokenAuth

Pem = Annotated[str, Field(min_length=1, description="PEM.")]
Seconds = Annotated[float, Field(ge=MIN_SECONDS, le=MAX_SECONDS)]
Hidden = Annotated[SecretStr, Field(min_length=1, description="Sealed, and never shown again.")]


class HttpClientParts(Body):
    """What an HTTP client may have; members that are absent or null are not had, or stay as they are."""

    certificate: Pem | None = Field(None, description="Client certificate, PEM, its chain after it; with ``key``.")
    key: Hidden | None = Field(None, description="Its private key, PEM. Sealed, and never shown again.")
    key_passphrase: Hidden | None = Field(None, description="Opens the key, once; it is not kept.")
    trust: Pem | None = Field(
        None, description="CA certificates, PEM, that receivers are verified by instead of the system's."
    )
    user: str | None = Field(None, description="Of HTTP Basic; with ``password``.")
    password: Hidden | None = None
    token_url: str | None = Field(None, description="Token endpoint of OAuth2 client credentials.")
    client_id: str | None = None
    client_secret: Hidden | None = None
    scope: str | None = Field(None, description="Scopes, separated by spaces.")
    audience: str | None = None
    token_auth: TokenAuth | None = Field(None, description="Null: ``client_secret_basic``.")
    connect_seconds: Seconds | None = Field(
        None, description="To connect, TLS included; no more than in all. Null: 10."
    )
    total_seconds: Seconds | None = Field(None, description="For a whole request, its token included. Null: 10.")
    proxy: str | None = Field(None, description="Egress proxy, as ``http(s)://host:port``.")
    proxy_credentials: Hidden | None = Field(None, description="``user:password`` for it. Sealed.")

    def arguments(self) -> dict[str, Any]:
        """Arguments of the gateway, secrets opened."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in values.items()
        }


class AddHttpClient(HttpClientParts):
    """An HTTP client to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ADD_OAUTH2, examples.ADD_BASIC]})

    name: str = Field(description="Unique; 1 to 63 letters, digits, dots, dashes or underscores.")


class UpdateHttpClient(HttpClientParts):
    """What to change of an HTTP client; members that are absent or null stay, and ``{}`` changes nothing (200)."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.UPDATE]})

    drop: list[Part] = Field([], description="Parts that it shall not have any more.")


class TryHttpClient(Body):
    """What to ask, by way of an HTTP client."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TEST]})

    url: str = Field(description="Asked for its head; nothing is posted.")
