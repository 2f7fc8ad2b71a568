"""Request headers: which ones a subscriber may add, and the ones that every delivery carries."""

import functools
import re
from collections.abc import Mapping, Sequence

from domain.events import SPEC_VERSION, STRUCTURED_CONTENT_TYPE, CloudEvent
from domain.header_values import encode_header_value
from domain.signing import body_signature, webhook_id, webhook_signature
from domain.subscriber_errors import InvalidHeaderError
from domain.tracing import trace_headers

USER_AGENT = "incidents-platform/1.0"
MAX_HEADERS = 20
MAX_VALUE_LENGTH = 4096

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[\x20-\x7e]*")
_OURS = frozenset(
    "host content-length content-type content-encoding transfer-encoding connection keep-alive te trailer upgrade "
    "expect accept-encoding user-agent x-cloudevents-signature proxy-authorization proxy-connection im-replay "
    "traceparent tracestate".split()
)
_OUR_PREFIXES = ("ce-", "webhook-")


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers a subscriber adds to its requests, checked.

    Raises:
        InvalidHeaderError: for a name that is no token, one the platform or the connection sets itself, a value
            with anything but printable ASCII, a repeat in another case, or more than 20.
    """
    if len(headers) > MAX_HEADERS:
        raise InvalidHeaderError(header=next(iter(headers)), reason=f"more than {MAX_HEADERS} headers")
    seen: set[str] = set()
    for name, value in headers.items():
        lower = name.lower()
        if not _TOKEN.fullmatch(name):
            raise InvalidHeaderError(header=name[:64], reason="the name is not an HTTP token")
        if lower in _OURS or lower.startswith(_OUR_PREFIXES):
            raise InvalidHeaderError(header=name, reason="the platform sets it")
        if lower in seen:
            raise InvalidHeaderError(header=name, reason="it is given twice")
        if not _VALUE.fullmatch(value) or len(value) > MAX_VALUE_LENGTH or value != value.strip():
            raise InvalidHeaderError(header=name, reason="the value is not printable ASCII of at most 4096 characters")
        seen.add(lower)
    return dict(headers)


def delivery_headers(event: CloudEvent, secrets: Sequence[str], timestamp: int) -> dict[str, str]:
    """The headers of one request, as in the guide, with Standard Webhooks' beside them when there is a secret.

    Args:
        event: what is delivered.
        secrets: every secret valid now, newest first; empty for an unsigned subscriber.
        timestamp: seconds since 1970 of this attempt.
    """
    headers = _attributes(event.id, event.source, event.type, event.time) | trace_headers(event)
    return headers | _signatures(event, event.body, secrets, timestamp)


@functools.lru_cache(maxsize=1024)
def _attributes(event_id: str, source: str, event_type: str, time: str | None) -> dict[str, str]:
    """What is the same in every request of an event, made once for its hundred subscribers."""
    headers = _common(STRUCTURED_CONTENT_TYPE) | {
        "Ce-Id": encode_header_value(event_id),
        "Ce-Source": encode_header_value(source),
        "Ce-Specversion": SPEC_VERSION,
        "Ce-Type": encode_header_value(event_type),
    }
    return headers if time is None else headers | {"Ce-Time": encode_header_value(time)}


def notification_headers(event: CloudEvent, body: bytes, secrets: Sequence[str], timestamp: int) -> dict[str, str]:
    """The headers of a request whose body tells the event in another format: signed likewise, and without ``Ce-*``.

    With those, CloudEvents would have the body be the event's data.
    """
    return _common("application/json") | trace_headers(event) | _signatures(event, body, secrets, timestamp)


def _common(content_type: str) -> dict[str, str]:
    return {"Content-Type": content_type, "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}


def _signatures(event: CloudEvent, body: bytes, secrets: Sequence[str], timestamp: int) -> dict[str, str]:
    if not secrets:
        return {}
    message_id = webhook_id(event.source, event.id)
    return {
        "X-CloudEvents-Signature": body_signature(secrets[0], body),
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": webhook_signature(secrets, message_id, timestamp, body),
    }
