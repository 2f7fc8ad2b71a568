"""Named HTTP clients: how webhooks are posted where TLS, credentials, time limits or a proxy are asked for.

What the directory stores about each; how a change is applied: `domain.http_client_changes`. Keys, passwords and client
secrets are sealed strings here; they are opened only by the process that delivers.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.errors import InvalidRequestError
from domain.subscribers import Subscriber

MAX_SECONDS = 10.0  # the guide's "respond within 10 seconds": no client may wait longer
MIN_SECONDS = 0.1
EXPIRES_SOON = timedelta(days=30)
AUTHORIZATION = "authorization"


class TokenAuth(StrEnum):
    """How a client shows who it is at a token endpoint (RFC 6749, 2.3.1; the names are OpenID Connect's)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"


class Part(StrEnum):
    """What a client may have, each by itself; the proxy's credentials go with the proxy."""

    CERTIFICATE = "certificate"
    TRUST = "trust"
    BASIC = "basic"
    OAUTH2 = "oauth2"
    PROXY = "proxy"


class Frozen(BaseModel):
    """A value: what is changed is made anew."""

    model_config = ConfigDict(frozen=True)


class CertificateFacts(Frozen):
    """What may be known of a certificate.

    Attributes:
        subject: as RFC 4514 writes it, such as ``CN=im,O=Example``.
        issuer: likewise.
        not_after: when it expires.
        sha256: fingerprint, in hexadecimal.
    """

    subject: str
    issuer: str
    not_after: datetime
    sha256: str

    def days_left(self, now: datetime) -> int:
        """Whole days until it expires; negative once it has."""
        return (self.not_after - now).days


class ClientCertificate(Frozen):
    """What is shown to receivers that ask for a certificate.

    Attributes:
        chain: PEM, the certificate itself first; not secret.
        sealed_key: its private key as PEM (PKCS 8), sealed.
    """

    chain: str
    sealed_key: str
    facts: CertificateFacts


class TrustStore(Frozen):
    """The CA certificates that receivers must be signed by, instead of the system's; PEM, not secret."""

    pem: str
    certificates: tuple[CertificateFacts, ...]


class Basic(Frozen):
    """HTTP Basic (RFC 7617)."""

    user: str
    sealed_password: str


class OAuth2(Frozen):
    """OAuth 2.0 client credentials (RFC 6749, 4.4)."""

    token_url: str
    client_id: str
    sealed_secret: str
    scope: str | None = None
    audience: str | None = None
    auth: TokenAuth = TokenAuth.BASIC


class Proxy(Frozen):
    """An egress proxy: ``http(s)://host:port``, and sealed ``user:password`` where it asks for them."""

    url: str
    sealed_credentials: str | None = None


class HttpClient(Frozen):
    """One client as the directory holds it.

    Attributes:
        name: unique; 1 to 63 letters, digits, dots, dashes, underscores.
        connect_seconds: for name, connection and TLS together; see `domain.http_client_limits`.
        total_seconds: for a whole request, its token included; at most 10.
        version: counts its changes, from 1.
    """

    name: str
    certificate: ClientCertificate | None = None
    trust: TrustStore | None = None
    basic: Basic | None = None
    oauth2: OAuth2 | None = None
    proxy: Proxy | None = None
    connect_seconds: float = MAX_SECONDS
    total_seconds: float = MAX_SECONDS
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @property
    def authorizes(self) -> bool:
        """Whether it sets the header Authorization."""
        return self.basic is not None or self.oauth2 is not None

    def warnings(self, now: datetime) -> list[str]:
        """A sentence when its certificate has expired, or does so within 30 days."""
        if self.certificate is None or self.certificate.facts.not_after - now > EXPIRES_SOON:
            return []
        facts = self.certificate.facts
        told = f"the certificate of HTTP client {self.name!r}"
        if facts.not_after <= now:
            return [f"{told} expired on {facts.not_after:%Y-%m-%d}: replace it (im http-client update {self.name})"]
        return [f"{told} expires in {facts.days_left(now)} days, on {facts.not_after:%Y-%m-%d}"]


def check_pair(subscriber: Subscriber, client: HttpClient) -> None:
    """Raise `InvalidRequestError` when a subscriber's added headers and its client want to say the same."""
    named = [name for name in subscriber.header_names if name.lower() == AUTHORIZATION]
    if named and client.authorizes:
        raise InvalidRequestError(
            reason=f"{subscriber.name} adds the header {named[0]}, which the HTTP client {client.name!r} sets itself: "
            "drop the header, or take a client without Basic and OAuth2"
        )
