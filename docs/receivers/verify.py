"""Checks the signatures of a delivery from the incidents platform. Standard library only, Python 3.10 or later."""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping

TOLERANCE_SECONDS = 300


def verify_body_signature(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Whether X-CloudEvents-Signature is that of the raw body, made with this secret."""
    if not secret:
        return False
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return _equal(_header(headers, "x-cloudevents-signature"), expected)


def verify_standard_webhook(headers: Mapping[str, str], body: bytes, secret: str, now: float | None = None) -> bool:
    """Whether webhook-signature holds a signature made with this secret, not more than five minutes from now."""
    key = _key(secret)
    message_id, timestamp = _header(headers, "webhook-id"), _header(headers, "webhook-timestamp")
    if not key or not message_id or not re.fullmatch("[0-9]{1,15}", timestamp):
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    content = f"{message_id}.{timestamp}.".encode("utf-8", "replace") + body
    expected = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return any(_equal(signature, expected) for signature in _header(headers, "webhook-signature").split(" "))


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _key(secret: str) -> bytes:
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret[len("whsec_") :], validate=True)
    except ValueError:
        return b""


def _equal(given: str, expected: str) -> bool:
    # As bytes, since compare_digest raises TypeError on text outside ASCII.
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
