"""Entries of a document, checked and sealed as if they were given by hand."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.sealing import (
    Keyring,
    headers_purpose,
    http_client_purpose,
    notify_purpose,
    ping_url_purpose,
    secret_purpose,
)
from domain.addresses import AddressPolicy, check_url
from domain.configuration import EPOCH
from domain.errors import InvalidRequestError
from domain.heartbeats import check_times, redacted
from domain.http_client_changes import new_client
from domain.http_clients import HttpClient, Part
from domain.pauses import Pause, check_reason
from domain.signing import check_secret
from domain.sources import MAX_RULES, HeartbeatConfig, ZeebeCluster, check_source_name
from domain.subscriber_changes import MAX_VALID_SECRETS
from domain.subscribers import SealedSecret, Subscriber, new_subscriber
from domain.targets.kinds import WEBHOOK
from domain.zeebe_declarations import check_operate_url
from service.http_client_drafts import HttpClientDrafts, HttpClientOptions
from service.subscriber_drafts import Drafts
from service.subscriber_options import SubscriberOptions
from service.zeebe import alerts_purpose

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Checks:
    """Makes entries that may be stored; all methods raise the errors of `domain.errors` alone.

    Args:
        keyring: opens what the document has, and seals it with the newest key that every worker holds.
        policy: checked on every URL.
    """

    def __init__(self, keyring: Keyring, policy: AddressPolicy) -> None:
        self._keyring = keyring
        self._policy = policy

    async def subscriber(self, given: Subscriber) -> Subscriber:
        """A subscriber; secrets whose overlap has ended are left out."""
        name, now = given.name, datetime.now(UTC)
        headers = json.loads(self._open(given.sealed_headers, headers_purpose(name)) or "{}")
        if sorted(headers) != sorted(given.header_names):
            raise InvalidRequestError(reason="header_names are not those of the sealed headers")
        webhook = given.target == WEBHOOK
        options: SubscriberOptions = {
            "notify": self._open(given.sealed_notify, notify_purpose(name)),
            "types": given.types,
            "severities": given.severities,
            "headers": {each: headers[each] for each in given.header_names} or None,
            "schedule": given.schedule.name,
            "max_attempts": given.schedule.max_attempts,
            "enabled": given.enabled,
            "message_format": given.message_format if webhook else None,
            "http_client": given.http_client,
            "ordered": given.keep_order,
            "max_concurrency": given.max_concurrency,
            "rate_limit": given.rate_limit,
            "pause_after_seconds": given.pause_after_seconds,
        }
        made = await Drafts(self._keyring, self._policy).new(name, given.url if webhook else None, options)
        purpose = secret_purpose(name)
        secrets = tuple(
            SealedSecret(sealed=self._again(each.sealed, purpose, check=True), expires_at=each.expires_at)
            for each in given.signing(now)[:MAX_VALID_SECRETS]
        )
        if secrets and not webhook:
            raise InvalidRequestError(reason="an alert target has no signing secret")
        paused = _checked_pause(given.paused, now) if given.enabled and given.paused else None
        return new_subscriber(made, now).model_copy(update={"secrets": secrets, "paused": paused})

    async def client(self, given: HttpClient) -> HttpClient:
        """An HTTP client, its certificate expired or not; what is known of its certificates is read anew from them."""
        name = given.name

        def opened(sealed: str | None, part: Part) -> str | None:
            return self._open(sealed, http_client_purpose(name, part))

        certificate, basic, oauth2, proxy = given.certificate, given.basic, given.oauth2, given.proxy
        options: HttpClientOptions = {
            "certificate": certificate.chain if certificate else None,
            "key": opened(certificate.sealed_key, Part.CERTIFICATE) if certificate else None,
            "trust": given.trust.pem if given.trust else None,
            "user": basic.user if basic else None,
            "password": opened(basic.sealed_password, Part.BASIC) if basic else None,
            "token_url": oauth2.token_url if oauth2 else None,
            "client_id": oauth2.client_id if oauth2 else None,
            "client_secret": opened(oauth2.sealed_secret, Part.OAUTH2) if oauth2 else None,
            "scope": oauth2.scope if oauth2 else None,
            "audience": oauth2.audience if oauth2 else None,
            "token_auth": oauth2.auth if oauth2 else None,
            "connect_seconds": given.connect_seconds,
            "total_seconds": given.total_seconds,
            "proxy": proxy.url if proxy else None,
            "proxy_credentials": opened(proxy.sealed_credentials, Part.PROXY) if proxy else None,
        }
        drafts = HttpClientDrafts(self._keyring, self._policy, expired_too=True)
        return new_client(await drafts.make(name, options), datetime.now(UTC))

    async def cluster(self, given: ZeebeCluster) -> ZeebeCluster:
        """A Zeebe cluster."""
        check_source_name(given.name)
        _check_digest("token_hash", given.token_hash)
        if given.tokenless and given.token_hash:
            raise InvalidRequestError(reason="it has a token and takes records without one: only one of both")
        if len(given.rules) > MAX_RULES:
            raise InvalidRequestError(reason=f"at most {MAX_RULES} severity rules")
        if given.operate_url is not None:
            check_operate_url(given.operate_url)
        sealed = given.sealed_alert_secret
        again = self._again(sealed, alerts_purpose(given.name)) if sealed else None
        return given.model_copy(update={"sealed_alert_secret": again})

    async def heartbeat(self, given: HeartbeatConfig) -> HeartbeatConfig:
        """A heartbeat."""
        check_source_name(given.name)
        check_times(timedelta(seconds=given.every_seconds), timedelta(seconds=given.grace_seconds))
        _check_digest("key_hash", given.key_hash)
        if (given.cluster is None) != (given.zeebe_process is None):
            raise InvalidRequestError(reason="a Zeebe process goes with its cluster: give both, or neither")
        url = self._open(given.sealed_ping_url, ping_url_purpose(given.name))
        update: Mapping[str, Any] = {"sealed_ping_url": None, "ping_host": None}
        if url is not None:
            sealed = self._keyring.seal(check_url(url, self._policy), ping_url_purpose(given.name))
            update = {"sealed_ping_url": sealed, "ping_host": redacted(url)}
        return given.model_copy(update=update)

    def _open(self, sealed: str | None, purpose: str) -> str | None:
        return None if sealed is None else self._keyring.open(sealed, purpose)

    def _again(self, sealed: str, purpose: str, *, check: bool = False) -> str:
        secret = self._keyring.open(sealed, purpose)
        return self._keyring.seal(check_secret(secret) if check else secret, purpose)


def _checked_pause(given: Pause, now: datetime) -> Pause:
    """A pause as it may be shown and lasts: it began at some time from 1970 until now."""
    if given.at < EPOCH:
        raise InvalidRequestError(
            reason=f"paused.at is {given.at.isoformat()}: write since when it is paused, which is 1970 or later"
        )
    return Pause(at=min(given.at, now), reason=check_reason(given.reason))


def _check_digest(member: str, value: str | None) -> None:
    if value is not None and not _DIGEST.fullmatch(value):
        raise InvalidRequestError(reason=f"{member} is not a SHA-256 in hexadecimal")
