"""Named HTTP clients: how webhooks are posted where TLS, credentials, time limits or a proxy are asked for.

Keys, passwords and client secrets are sealed strings here; they are opened only by the process that delivers.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

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


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class CertificateFacts(_Frozen):
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


class ClientCertificate(_Frozen):
    """What is shown to receivers that ask for a certificate.

    Attributes:
        chain: PEM, the certificate itself first; not secret.
        sealed_key: its private key as PEM (PKCS 8), sealed.
    """

    chain: str
    sealed_key: str
    facts: CertificateFacts


class TrustStore(_Frozen):
    """The CA certificates that receivers must be signed by, instead of the system's; PEM, not secret."""

    pem: str
    certificates: tuple[CertificateFacts, ...]


class Basic(_Frozen):
    """HTTP Basic (RFC 7617)."""

    user: str
    sealed_password: str


class OAuth2(_Frozen):
    """OAuth 2.0 client credentials (RFC 6749, 4.4)."""

    token_url: str
    client_id: str
    sealed_secret: str
    scope: str | None = None
    audience: str | None = None
    auth: TokenAuth = TokenAuth.BASIC


class Proxy(_Frozen):
    """An egress proxy: ``http(s)://host:port``, and sealed ``user:password`` where it asks for them."""

    url: str
    sealed_credentials: str | None = None


class HttpClient(_Frozen):
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


class BasicDraft(_Frozen):
    """Parts of `Basic`; None leaves one as it is."""

    user: str | None = None
    sealed_password: str | None = None


class OAuth2Draft(_Frozen):
    """Parts of `OAuth2`; None leaves one as it is."""

    token_url: str | None = None
    client_id: str | None = None
    sealed_secret: str | None = None
    scope: str | None = None
    audience: str | None = None
    auth: TokenAuth | None = None


class HttpClientDraft(_Frozen):
    """What is asked of a client, new or known; already checked and sealed by the gateway. None: as it is.

    Attributes:
        drop: parts that it shall not have any more.
    """

    name: str
    certificate: ClientCertificate | None = None
    trust: TrustStore | None = None
    basic: BasicDraft | None = None
    oauth2: OAuth2Draft | None = None
    proxy: Proxy | None = None
    connect_seconds: float | None = None
    total_seconds: float | None = None
    drop: tuple[Part, ...] = ()


def new_client(draft: HttpClientDraft, now: datetime) -> HttpClient:
    """The client as it is stored when added at ``now``; raises `InvalidRequestError`, see `apply_draft`."""
    return apply_draft(HttpClient(name=draft.name, created_at=now, updated_at=now, version=0), draft, now)


def apply_draft(client: HttpClient, draft: HttpClientDraft, now: datetime) -> HttpClient:
    """The client after a change at ``now``; the same object when the change alters nothing.

    Raises:
        InvalidRequestError: half of a credential, both Basic and OAuth2, or time limits out of range.
    """
    _check_kept(client, draft)
    update: dict[str, object] = dict.fromkeys(draft.drop)
    for field in ("certificate", "trust", "proxy", "connect_seconds", "total_seconds"):
        if (value := getattr(draft, field)) is not None:
            update[field] = value
    if draft.basic is not None:
        update["basic"] = _merged(Basic, client.basic, draft.basic, "Basic needs a user and a password")
    if draft.oauth2 is not None:
        needs = "OAuth2 needs a token URL, a client id and a client secret"
        update["oauth2"] = _merged(OAuth2, client.oauth2, draft.oauth2, needs)
    changed = client.model_copy(update=update)
    _check(changed)
    if changed == client and client.version:
        return client
    return changed.model_copy(update={"version": client.version + 1, "updated_at": now})


_Credential = TypeVar("_Credential", Basic, OAuth2)


def _merged(kind: type[_Credential], known: _Credential | None, draft: BaseModel, needs: str) -> _Credential:
    given = (known.model_dump() if known else {}) | draft.model_dump(exclude_none=True)
    missing = [name for name, field in kind.model_fields.items() if field.is_required() and name not in given]
    if missing:
        said = " and no ".join(missing).replace("sealed_", "").replace("_", " ")
        raise InvalidRequestError(reason=f"{needs}: there is no {said}")
    return kind(**given)


def _check_kept(client: HttpClient, draft: HttpClientDraft) -> None:
    """A secret is kept for the place that it was given for: to name another place would be a way to read it."""
    oauth2 = client.oauth2 if Part.OAUTH2 not in draft.drop else None
    moved = oauth2 and draft.oauth2 and draft.oauth2.token_url not in {None, oauth2.token_url}
    if moved and draft.oauth2 and not draft.oauth2.sealed_secret:
        raise InvalidRequestError(
            reason="the token URL changes: give the client secret for the new one with it",
            fix="With im: --oauth2-client-secret -, which reads standard input; in the API: client_secret.",
        )
    proxy = client.proxy if Part.PROXY not in draft.drop else None
    if proxy and proxy.sealed_credentials and draft.proxy and not draft.proxy.sealed_credentials:
        raise InvalidRequestError(reason="the proxy has credentials: give those for the new one, or drop it first")


def _check(client: HttpClient) -> None:
    if client.basic is not None and client.oauth2 is not None:
        raise InvalidRequestError(
            reason="a client has Basic or OAuth2, not both: each sets the header Authorization; drop one of them"
        )
    for what, option, seconds in (
        ("connect", "--connect-timeout", client.connect_seconds),
        ("total", "--timeout", client.total_seconds),
    ):
        if not MIN_SECONDS <= seconds <= MAX_SECONDS:
            raise InvalidRequestError(
                reason=f"the {what} time limit must be {MIN_SECONDS} to {MAX_SECONDS:.0f} s",
                fix=f"With im: {option}; in the API: {what}_seconds.",
            )


def check_pair(subscriber: Subscriber, client: HttpClient) -> None:
    """Raise `InvalidRequestError` when a subscriber's added headers and its client want to say the same."""
    named = [name for name in subscriber.header_names if name.lower() == AUTHORIZATION]
    if named and client.authorizes:
        raise InvalidRequestError(
            reason=f"{subscriber.name} adds the header {named[0]}, which the HTTP client {client.name!r} sets itself: "
            "drop the header, or take a client without Basic and OAuth2"
        )
