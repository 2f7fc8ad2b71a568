"""Certificate authorities, TLS receivers that ask for certificates, and HTTP clients as a test wants them."""

import json
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import trustme

from activities.certificates import read_certified_key, read_trust
from activities.sealing import http_client_purpose
from domain.http_clients import Basic, ClientCertificate, HttpClient, OAuth2, Part, Proxy, TokenAuth
from tests.support.builders import make_keyring
from tests.support.sink import Answer

CLIENT_SECRET = "s3cr3t/of+the client"
PASSWORD = "pässword:of-the-tests"
ACCESS_TOKEN = "at-0123456789.abcdefghijklmnopqrstuvwxyz"


def server_tls(authority: trustme.CA, name: str = "127.0.0.1", *, clients: trustme.CA | None = None) -> ssl.SSLContext:
    """A server's context; with ``clients``, it asks for a certificate of that authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    if clients is not None:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def pem_of(certificate: trustme.LeafCert) -> tuple[str, str]:
    """Chain and key."""
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems).decode()
    return chain, certificate.private_key_pem.bytes().decode()


def trust_of(authority: trustme.CA) -> str:
    """Its certificate."""
    return authority.cert_pem.bytes().decode()


def make_http_client(
    name: str = "client",
    *,
    certificate: trustme.LeafCert | None = None,
    trust: trustme.CA | None = None,
    password: str | None = None,
    token_url: str | None = None,
    auth: TokenAuth = TokenAuth.BASIC,
    scope: str | None = None,
    proxy: str | None = None,
    proxy_credentials: str | None = None,
    **parts: Any,
) -> HttpClient:
    """A client as the directory holds it, sealed with the tests' keys; an expired certificate is no obstacle."""
    ring, now = make_keyring(), datetime.now(UTC)

    def sealed(value: str, part: Part) -> str:
        return ring.seal(value, http_client_purpose(name, part))

    if certificate is not None:
        issued = _issued(certificate)
        found = read_certified_key(*pem_of(certificate), None, issued + timedelta(seconds=1))
        key = sealed(found.key, Part.CERTIFICATE)
        parts["certificate"] = ClientCertificate(chain=found.chain, sealed_key=key, facts=found.facts)
    if trust is not None:
        parts["trust"] = read_trust(trust_of(trust))
    if password is not None:
        parts["basic"] = Basic(user="im", sealed_password=sealed(password, Part.BASIC))
    if token_url is not None:
        secret = sealed(CLIENT_SECRET, Part.OAUTH2)
        parts["oauth2"] = OAuth2(
            token_url=token_url, client_id="im client", sealed_secret=secret, auth=auth, scope=scope
        )
    if proxy is not None:
        credentials = sealed(proxy_credentials, Part.PROXY) if proxy_credentials else None
        parts["proxy"] = Proxy(url=proxy, sealed_credentials=credentials)
    return HttpClient(**({"name": name, "created_at": now, "updated_at": now} | parts))


def _issued(certificate: trustme.LeafCert) -> datetime:
    from cryptography import x509

    return x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes()).not_valid_before_utc


def token_answer(value: str = ACCESS_TOKEN, **members: Any) -> Answer:
    """What a token endpoint answers."""
    told = {"access_token": value, "token_type": "Bearer", "expires_in": 3600} | members
    body = json.dumps({name: member for name, member in told.items() if member is not None}).encode()
    return Answer(200, body, {"Content-Type": "application/json"})
