"""What people and programs may see of HTTP clients."""

from datetime import UTC, datetime

from pydantic import BaseModel

from domain.http_client_trials import HttpClientTrial
from domain.http_clients import CertificateFacts, HttpClient, TokenAuth

__all__ = ["CertificateView", "HttpClientTrial", "HttpClientView", "OAuth2View", "certificate_view", "view"]


class CertificateView(CertificateFacts):
    """A certificate; ``days_remaining`` is negative once it has expired."""

    days_remaining: int


class OAuth2View(BaseModel):
    """OAuth2 client credentials, without the secret."""

    token_url: str
    client_id: str
    scope: str | None = None
    audience: str | None = None
    auth: TokenAuth = TokenAuth.BASIC


class HttpClientView(BaseModel):
    """An HTTP client as people and programs may see it: no key, password, secret or token.

    Attributes:
        auth: what it shows: ``mutual_tls``, ``basic``, ``oauth2``.
        certificate: that it shows; None for none.
        trust: the CA certificates that receivers are verified by; empty for the system's.
        user: of HTTP Basic.
        proxy_credentials: whether it has some.
        used_by: the subscribers that name it.
        warnings: about a certificate that expires within 30 days.
    """

    name: str
    auth: list[str] = []
    certificate: CertificateView | None = None
    trust: list[CertificateView] = []
    user: str | None = None
    oauth2: OAuth2View | None = None
    proxy: str | None = None
    proxy_credentials: bool = False
    connect_seconds: float
    total_seconds: float
    used_by: list[str] = []
    warnings: list[str] = []
    version: int
    created_at: datetime
    updated_at: datetime


def certificate_view(facts: CertificateFacts) -> CertificateView:
    """A certificate as it stands now."""
    return CertificateView(**facts.model_dump(), days_remaining=facts.days_left(datetime.now(UTC)))


def view(client: HttpClient, used_by: list[str]) -> HttpClientView:
    """What may be shown of a client."""
    kinds = {"mutual_tls": client.certificate, "basic": client.basic, "oauth2": client.oauth2}
    return HttpClientView(
        name=client.name,
        auth=[kind for kind, part in kinds.items() if part is not None],
        certificate=certificate_view(client.certificate.facts) if client.certificate else None,
        trust=[certificate_view(facts) for facts in client.trust.certificates] if client.trust else [],
        user=client.basic.user if client.basic else None,
        oauth2=OAuth2View(**client.oauth2.model_dump(exclude={"sealed_secret"})) if client.oauth2 else None,
        proxy=client.proxy.url if client.proxy else None,
        proxy_credentials=bool(client.proxy and client.proxy.sealed_credentials),
        connect_seconds=client.connect_seconds,
        total_seconds=client.total_seconds,
        used_by=used_by,
        warnings=client.warnings(datetime.now(UTC)),
        version=client.version,
        created_at=client.created_at,
        updated_at=client.updated_at,
    )
