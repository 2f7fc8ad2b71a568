"""The event types that the platform publishes. A published type is a contract: see CONTRIBUTING.md."""

INCIDENT_DECLARED = "im.incident.declared.v1"
INCIDENT_ACKNOWLEDGED = "im.incident.acknowledged.v1"
INCIDENT_MITIGATED = "im.incident.mitigated.v1"
INCIDENT_RESOLVED = "im.incident.resolved.v1"
INCIDENT_CLOSED = "im.incident.closed.v1"
INCIDENT_NOTE_ADDED = "im.incident.note_added.v1"
SUBSCRIBER_TEST = "im.subscriber.test.v1"  # of `im subscriber test`: no pattern matches it, and it is in no list
HEARTBEAT_UNKNOWN = "im.heartbeat.unknown.v1"
ALARM_RAISED = "im.alarm.raised.v1"
ALARM_CHANGED = "im.alarm.changed.v1"
ALARM_CLEARED = "im.alarm.cleared.v1"
SUBSCRIBER_UNHEALTHY = "im.subscriber.unhealthy.v1"
SUBSCRIBER_RECOVERED = "im.subscriber.recovered.v1"
SUBSCRIBER_PAUSED = "im.subscriber.paused.v1"
SUBSCRIBER_RESUMED = "im.subscriber.resumed.v1"
SUBSCRIBER_SECRET_ROTATED = "im.subscriber.secret_rotated.v1"  # noqa: S105 - an event type
DELIVERY_EXHAUSTED = "im.delivery.exhausted.v1"

# What the platform tells of its own subscribers: see `domain.operational`.
OPERATIONAL_TYPES: dict[str, str] = {
    SUBSCRIBER_UNHEALTHY: "Subscriber became unhealthy",
    SUBSCRIBER_RECOVERED: "Unhealthy subscriber recovered",
    SUBSCRIBER_PAUSED: "Subscriber paused",
    SUBSCRIBER_RESUMED: "Paused subscriber resumed",
    SUBSCRIBER_SECRET_ROTATED: "Subscriber has a new signing secret",
    DELIVERY_EXHAUSTED: "Delivery failed for good",
}

KNOWN_TYPES: dict[str, str] = {
    INCIDENT_DECLARED: "New incident created",
    INCIDENT_ACKNOWLEDGED: "Incident acknowledged by responder",
    INCIDENT_MITIGATED: "Incident impact mitigated",
    INCIDENT_RESOLVED: "Incident resolved",
    INCIDENT_CLOSED: "Incident formally closed",
    INCIDENT_NOTE_ADDED: "Note added to incident timeline",
    HEARTBEAT_UNKNOWN: "Heartbeat unknown after an outage of the platform",
    ALARM_RAISED: "Alarm raised, or raised again",
    ALARM_CHANGED: "Severity of a raised alarm changed",
    ALARM_CLEARED: "Alarm cleared",
    **OPERATIONAL_TYPES,
}

# With the one that no pattern matches. Each has a schema in service/schemas.
EMITTED_TYPES: dict[str, str] = KNOWN_TYPES | {SUBSCRIBER_TEST: "Test of one subscriber"}
