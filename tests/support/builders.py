"""Events, subscribers and keys for tests, with only the interesting part spelt out."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from activities.sealing import Keyring, headers_purpose, notify_purpose, secret_purpose
from domain.events import CloudEvent
from domain.subscribers import SealedSecret, Subscriber
from domain.targets.catalogue import parse_notify, redacted

NOW = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)
KEYS = [("test-1", bytes(range(32)))]


def make_keyring() -> Keyring:
    """The keys that `make_subscriber` seals with."""
    return Keyring(KEYS)


def make_event(**parts: Any) -> CloudEvent:
    """The guide's example event, with parts of it replaced."""
    guide: dict[str, Any] = {
        "id": "evt_550e8400-e29b-41d4-a716-446655440000",
        "source": "/incidents/INC-12345",
        "type": "im.incident.declared.v1",
        "time": "2025-12-26T14:30:00Z",
        "datacontenttype": "application/json",
        "data": {
            "incident_id": "INC-12345",
            "title": "Production API latency spike",
            "severity": "SEV-2",
            "actor": "oncall@example.com",
        },
        "extensions": {"imincidentid": "INC-12345"},
    }
    return CloudEvent(**(guide | parts))


def make_subscriber(
    url: str = "https://example.com/webhook",
    *,
    secrets: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    **parts: Any,
) -> Subscriber:
    """A subscriber; of several secrets the first is the current one and the others are in their overlap."""
    ring, name = make_keyring(), str(parts.pop("name", "my-webhook"))
    ends = datetime.now(UTC) + timedelta(hours=1)
    sealed = tuple(
        SealedSecret(sealed=ring.seal(secret, secret_purpose(name)), expires_at=ends if place else None)
        for place, secret in enumerate(secrets)
    )
    added = ring.seal(json.dumps(dict(headers)), headers_purpose(name)) if headers else None
    known: dict[str, Any] = {"created_at": NOW, "updated_at": NOW, "secrets": sealed, "sealed_headers": added}
    return Subscriber(name=name, url=url, **(known | parts))


def make_target(notify: str, **parts: Any) -> Subscriber:
    """A subscriber that is an alert target."""
    name = str(parts.pop("name", "oncall"))
    sealed = make_keyring().seal(notify, notify_purpose(name))
    known = {"target": parse_notify(notify).kind, "sealed_notify": sealed, "created_at": NOW, "updated_at": NOW}
    return Subscriber(name=name, url=redacted(notify), **(known | parts))
