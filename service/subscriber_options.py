"""What somebody may say of a subscriber, before it is checked."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TypedDict

from domain.message_formats import MessageFormat


class SubscriberOptions(TypedDict, total=False):
    """What may be said of a subscriber; what is absent or None takes the default, or stays as it is.

    Attributes:
        notify: an alert target instead of a URL; the whole of it is a secret.
        types: patterns; by default all of a webhook, and of others what they are made for.
        severities: of events that state one, only these; ``all``, or none of them, for all.
        secret: signs a webhook's deliveries.
        generate_secret: makes one instead.
        headers: added to a webhook's requests.
        schedule: ``default`` of a webhook by default; ``pager`` of an alert target, and of alarm notifications.
        max_attempts: as the schedule has them, by default.
        enabled: False delivers nothing.
        message_format: of a webhook.
        http_client: name of the HTTP client that a webhook is posted with; an empty string for the plain one.
        ordered: tell it of an incident's (or an alarm's) events one after the other.
        max_concurrency: requests at once, over all processes; 0 for no limit.
        rate_limit: requests in a time, likewise, such as ``10/s``; an empty string for no limit.
        pause_after_seconds: of unbroken failure, after which it is paused; 0 for never.
        hostname: with ``port`` and ``context``, the URL of a webhook in parts; see `domain.web_service`.
    """

    hostname: str | None
    port: int | None
    context: str | None
    notify: str | None
    types: Sequence[str] | None
    severities: Sequence[str] | None
    secret: str | None
    generate_secret: bool
    headers: Mapping[str, str] | None
    schedule: str | None
    max_attempts: int | None
    enabled: bool | None
    message_format: MessageFormat | None
    http_client: str | None
    ordered: bool | None
    max_concurrency: int | None
    rate_limit: str | None
    pause_after_seconds: int | None


class ChangeOptions(SubscriberOptions, total=False):
    """What may be changed besides.

    Attributes:
        url: of a webhook.
        drop_secret: sign no more.
        cancel_waiting: with ``enabled`` False, what waits for the end of its pause ends as cancelled.
        overlap: how long the previous secret stays valid beside a new one; 24 h by default, 30 days at most.
    """

    url: str | None
    drop_secret: bool
    cancel_waiting: bool
    overlap: timedelta
