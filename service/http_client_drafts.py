"""What somebody asks of an HTTP client, checked and sealed: drafts for the directory, which decides."""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypedDict

from activities.certificates import read_certified_key, read_trust
from activities.sealing import Keyring, http_client_purpose
from domain.addresses import AddressPolicy, check_proxy_url, check_url
from domain.errors import InvalidRequestError, InvalidUrlError
from domain.http_client_changes import BasicDraft, HttpClientDraft, OAuth2Draft
from domain.http_clients import ClientCertificate, Part, Proxy, TokenAuth, TrustStore
from domain.naming import given_as
from domain.subscribers import check_name

MAX_SECRET_CHARS = 4096
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]+")


class HttpClientOptions(TypedDict, total=False):
    """What may be said of an HTTP client; what is absent or None is not had, or stays as it is.

    Attributes:
        certificate: PEM, with its chain; together with ``key``.
        key: its private key, PEM; it is sealed.
        key_passphrase: opens the key, once; the key is sealed without it.
        trust: CA certificates, PEM, that receivers are verified by instead of the system's.
        user: of HTTP Basic; with ``password``.
        token_url: of OAuth2 client credentials; with ``client_id`` and ``client_secret``.
        connect_seconds: 0.1 to 10; ``total_seconds`` likewise, for a whole request.
        proxy: ``http(s)://host:port``; ``proxy_credentials`` are ``user:password``, and go with it.
        drop: parts that it shall not have any more.
    """

    certificate: str | None
    key: str | None
    key_passphrase: str | None
    trust: str | None
    user: str | None
    password: str | None
    token_url: str | None
    client_id: str | None
    client_secret: str | None
    scope: str | None
    audience: str | None
    token_auth: TokenAuth | None
    connect_seconds: float | None
    total_seconds: float | None
    proxy: str | None
    proxy_credentials: str | None
    drop: Sequence[Part]


class HttpClientDrafts:
    """Makes drafts; all methods raise the errors of `domain.errors` alone.

    Args:
        keyring: seals.
        policy: checked on token URLs and proxies.
        expired_too: take a certificate that has expired, as one that is stored may have meanwhile.
    """

    def __init__(self, keyring: Keyring, policy: AddressPolicy, *, expired_too: bool = False) -> None:
        self._keyring = keyring
        self._policy = policy
        self._expired_too = expired_too

    async def make(self, name: str, options: HttpClientOptions) -> HttpClientDraft:
        """A client to add, or what to change of one."""
        check_name(name)
        return HttpClientDraft(
            name=name,
            certificate=await self._certificate(name, options),
            trust=await _trust(options.get("trust")),
            basic=self._basic(name, options),
            oauth2=self._oauth2(name, options),
            proxy=self._proxy(name, options),
            connect_seconds=options.get("connect_seconds"),
            total_seconds=options.get("total_seconds"),
            drop=tuple(options.get("drop", ())),
        )

    async def _certificate(self, name: str, options: HttpClientOptions) -> ClientCertificate | None:
        chain, key, passphrase = (options.get(each) for each in ("certificate", "key", "key_passphrase"))
        if chain is None and key is None and passphrase is None:
            return None
        if not isinstance(chain, str) or not isinstance(key, str):
            raise InvalidRequestError(reason="a certificate and its key go together: give both")
        opened = passphrase if isinstance(passphrase, str) else None
        now, late = datetime.now(UTC), self._expired_too
        found = await asyncio.to_thread(read_certified_key, chain, key, opened, now, expired_too=late)
        sealed = self._sealed(name, Part.CERTIFICATE, found.key)
        return ClientCertificate(chain=found.chain, sealed_key=sealed, facts=found.facts)

    def _basic(self, name: str, options: HttpClientOptions) -> BasicDraft | None:
        user, password = options.get("user"), options.get("password")
        if user is None and password is None:
            return None
        if user is not None and (":" in user or not _PRINTABLE.fullmatch(user)):
            raise InvalidRequestError(reason="a user of HTTP Basic has no colon and no control characters (RFC 7617)")
        sealed = self._sealed(name, Part.BASIC, _checked("password", password)) if password is not None else None
        return BasicDraft(user=user, sealed_password=sealed)

    def _oauth2(self, name: str, options: HttpClientOptions) -> OAuth2Draft | None:
        secret, token_url = options.get("client_secret"), options.get("token_url")
        given = {each: options.get(each) for each in ("token_url", "client_id", "scope", "audience")}
        if secret is None and options.get("token_auth") is None and not any(given.values()):
            return None
        for each, value in given.items():
            if isinstance(value, str):
                _checked(each.replace("_", " "), value)
        if token_url is not None:
            with given_as("token_url"):
                self._check_token_url(token_url)
        sealed = self._sealed(name, Part.OAUTH2, _checked("client secret", secret)) if secret is not None else None
        return OAuth2Draft(
            token_url=token_url,
            client_id=options.get("client_id"),
            sealed_secret=sealed,
            scope=options.get("scope"),
            audience=options.get("audience"),
            auth=options.get("token_auth"),
        )

    def _check_token_url(self, token_url: str) -> None:
        try:
            check_url(token_url, self._policy)
        except InvalidUrlError as error:
            raise InvalidRequestError(reason=f"the token URL cannot be used: {error.data['reason']}") from None

    def _proxy(self, name: str, options: HttpClientOptions) -> Proxy | None:
        url, credentials = options.get("proxy"), options.get("proxy_credentials")
        if url is None:
            if credentials is not None:
                raise InvalidRequestError(reason="the proxy's credentials go with it: give the proxy as well")
            return None
        if credentials is not None and ":" not in _checked("proxy credentials", credentials):
            raise InvalidRequestError(reason="the proxy's credentials are user:password")
        with given_as("proxy"):
            checked = self._checked_proxy(url)
        sealed = self._sealed(name, Part.PROXY, credentials) if credentials is not None else None
        return Proxy(url=checked, sealed_credentials=sealed)

    def _checked_proxy(self, url: str) -> str:
        try:
            return check_proxy_url(url, self._policy)
        except InvalidUrlError as error:
            raise InvalidRequestError(reason=f"the proxy cannot be used: {error.data['reason']}") from None

    def _sealed(self, name: str, part: Part, value: str) -> str:
        return self._keyring.seal(value, http_client_purpose(name, part))


async def _trust(pem: str | None) -> TrustStore | None:
    with given_as("trust"):
        return None if pem is None else await asyncio.to_thread(read_trust, pem)


def _checked(what: str, value: str) -> str:
    if not _PRINTABLE.fullmatch(value) or len(value) > MAX_SECRET_CHARS:
        raise InvalidRequestError(reason=f"the {what} is empty, too long, or has control characters")
    return value
