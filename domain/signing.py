"""Signatures: the guide's ``X-CloudEvents-Signature`` and Standard Webhooks 1.0 (``webhook-*``).

Both are HMAC-SHA256. The guide's is keyed with the newest secret's UTF-8 bytes over the raw body. Standard
Webhooks signs ``id.timestamp.body``, once for every secret that is valid now, so that a receiver may change
over at any moment of a rotation; its key is what follows ``whsec_``, base64-decoded, or the UTF-8 bytes of a
secret without that prefix.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from domain.labels import labelled
from domain.subscriber_errors import InvalidSecretError

PREFIX = "whsec_"
MIN_SECRET_LENGTH = 8
MAX_SECRET_LENGTH = 512
MIN_KEY_BYTES, MAX_KEY_BYTES = 24, 64  # Standard Webhooks 1.0, "symmetric keys"


def check_secret(secret: str) -> str:
    """The same secret, if it can sign.

    Raises:
        InvalidSecretError: shorter than 8 or longer than 512 characters, with control characters or white space
            at an end, ``whsec_`` without 24 to 64 bytes of base64 behind it, or a label before that.
    """
    if reason := labelled(secret):
        raise InvalidSecretError(reason=reason)
    if not secret.startswith(PREFIX) and not MIN_SECRET_LENGTH <= len(secret) <= MAX_SECRET_LENGTH:
        count = f"{len(secret)} character{'' if len(secret) == 1 else 's'}"
        raise InvalidSecretError(reason=f"it has {count}, and must have {MIN_SECRET_LENGTH} to {MAX_SECRET_LENGTH}")
    if secret != secret.strip() or any(ord(char) < 32 or ord(char) == 127 for char in secret):
        raise InvalidSecretError(reason="it has control characters, or white space at an end")
    if secret.startswith(PREFIX):
        form = f"{MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes in base64"
        try:
            size = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
        except ValueError:
            raise InvalidSecretError(reason=f"it begins with whsec_, so the rest must be {form}, and is not") from None
        if not MIN_KEY_BYTES <= size <= MAX_KEY_BYTES:
            raise InvalidSecretError(reason=f"it begins with whsec_, so the rest must be {form}, and is {size} bytes")
    return secret


def make_secret(random: bytes) -> str:
    """A ``whsec_`` secret from 32 random bytes, which the caller supplies."""
    return whsec(random)


def whsec(key: bytes) -> str:
    """A key in the form Standard Webhooks libraries take."""
    return PREFIX + base64.b64encode(key).decode()


def standard_key(secret: str) -> bytes:
    """The key bytes that Standard Webhooks signatures use for a secret."""
    if secret.startswith(PREFIX):
        return base64.b64decode(secret.removeprefix(PREFIX))
    return secret.encode()


def body_signature(secret: str, body: bytes) -> str:
    """The value of ``X-CloudEvents-Signature``: ``sha256=`` and lowercase hexadecimal."""
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


def webhook_id(source: str, event_id: str) -> str:
    """The ``webhook-id`` of an event: the same on every attempt, and free of dots whatever the event's id is."""
    return "msg_" + hashlib.sha256(f"{source}\n{event_id}".encode()).hexdigest()[:32]


def webhook_signature(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``: ``v1,`` and base64, one for each secret, separated by spaces.

    Args:
        secrets: every secret valid now, newest first.
        message_id: the ``webhook-id``.
        timestamp: seconds since 1970 of this attempt, also sent as ``webhook-timestamp``.
        body: the exact bytes sent.
    """
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    digests = (hmac.digest(standard_key(secret), content, "sha256") for secret in secrets)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)
