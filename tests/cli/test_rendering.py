"""What is printed, to the letter."""

import json
import re
from datetime import UTC, datetime, timedelta

from cli import render, render_incidents, render_subscribers
from domain.drains import DrainProgress
from domain.health import Health, HealthStatus
from domain.incidents import Declaration, Severity, declare
from domain.outcomes import Attempt, Delivery, DeliveryState, Failure, waiting
from domain.pauses import Pause
from domain.web_service import parts_of
from service.event_list import EventRow
from service.events import EventView
from service.progress import RunView
from service.subscriber_views import SubscriberView
from tests.support.builders import make_event

NOW = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)


def subscriber(name: str, url: str, types: list[str], *, enabled: bool = True) -> SubscriberView:
    return SubscriberView(
        name=name,
        url=url,
        types=types,
        enabled=enabled,
        signed=True,
        schedule="default",
        max_attempts=5,
        created_at=NOW,
        updated_at=NOW,
    )


def health(  # noqa: PLR0917 - reads as a row
    name: str, delivered: int, failed: int, rate: float | None, status: str, ago: timedelta | None
) -> Health:
    return Health(
        subscriber=name,
        delivered=delivered,
        failed=failed,
        success_rate=rate,
        status=HealthStatus(status),
        last_delivered=None if ago is None else NOW - ago,
    )


def test_subscriber_table_is_the_guides() -> None:
    rows = [
        subscriber("my-webhook", "https://example.com/webhook", ["im.incident.*"]),
        subscriber("audit-log", "https://audit.example.com/e", ["**"], enabled=False),
        subscriber("two", "https://two.example.com", ["im.a", "im.b"]),
    ]
    assert render_subscribers.subscriber_table(rows).splitlines() == [
        "NAME        URL                          TYPES          ENABLED",
        "my-webhook  https://example.com/webhook  im.incident.*  true",
        "audit-log   https://audit.example.com/e  **             false",
        "two         https://two.example.com      im.a,im.b      true",
    ]


def test_health_table_is_the_guides() -> None:
    rows = [
        health("my-webhook", 156, 4, 97.5, "healthy", timedelta(minutes=2)),
        health("audit-log", 892, 0, 100.0, "healthy", timedelta(seconds=30)),
        health("flaky-system", 45, 23, 66.2, "healthy", timedelta(minutes=5)),
        health("broken-hook", 0, 50, 0.0, "unhealthy", timedelta(hours=1)),
        health("new", 0, 0, None, "unknown", None),
    ]
    assert render_subscribers.health_table(rows, NOW).splitlines() == [
        "SUBSCRIBER    DELIVERED  FAILED  SUCCESS_RATE  STATUS     LAST_DELIVERED",
        "my-webhook    156        4       97.5%         healthy    2m ago",
        "audit-log     892        0       100%          healthy    30s ago",
        "flaky-system  45         23      66.2%         healthy    5m ago",
        "broken-hook   0          50      0%            unhealthy  1h ago",
        "new           0          0       -             unknown    never",
    ]


def test_tables_are_never_truncated_or_wrapped() -> None:
    url = "https://example.com/" + "x" * 500
    lines = render_subscribers.subscriber_table([subscriber("a", url, ["**"])]).splitlines()
    assert len(lines) == 2
    assert url in lines[1]


def test_wide_characters_keep_columns_aligned() -> None:
    assert render.table(("A", "B"), [("日本", "x"), ("abc", "y")]) == "A     B\n日本  x\nabc   y"


def test_escapes_and_control_characters_are_stripped() -> None:
    hostile = "a\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2Jb\x00\x08\u202ec\r\nd\x1b"
    assert render.clean(hostile) == "aredbc d"
    assert render.table(("H",), [(hostile,)]) == "H\naredbc d"


def test_json_keeps_control_characters_escaped() -> None:
    text = render.json_text({"at": NOW, "text": "\x1b[31m\x9b\u202eé"})
    assert text.isprintable() or set(text) - {"\n"} == {char for char in text if char.isprintable()}
    assert json.loads(text) == {"at": "2025-12-26T14:30:00Z", "text": "\x1b[31m\x9b\u202eé"}


def test_health_json_has_every_field() -> None:
    row = health("a", 1, 0, 100.0, "healthy", timedelta())
    assert set(json.loads(render.json_text([row]))[0]) == set(Health.model_fields)


def test_event_shows_every_attempt_and_the_next_retry() -> None:
    attempt = Attempt(
        number=1,
        at=NOW,
        duration_ms=12,
        status=503,
        failure=Failure.HTTP_STATUS,
        error="HTTP 503 Service Unavailable",
        response="busy \x1b[2Jnow\n  my-webhook: delivered",
    )
    delivery = Delivery(
        subscriber="my-webhook",
        state=DeliveryState.RETRYING,
        attempts=[attempt],
        error="HTTP 503 Service Unavailable",
        next_retry_at=NOW + timedelta(seconds=4),
    )
    run = RunView(
        workflow_id="event/e@1", run_id="r", kind="original", outcome="retrying", started_at=NOW, deliveries=[delivery]
    )
    text = render.event_text(EventView(event=make_event(), runs=[run]), NOW)
    assert text.splitlines()[-9:] == [
        "",
        "original: retrying (started 2025-12-26T14:30:00Z; workflow event/e@1)",
        "  my-webhook: retrying, next retry at 2025-12-26T14:30:04Z (in 4 s)",
        "    error: HTTP 503 Service Unavailable",
        "    ATTEMPT  AT                        STATUS  DURATION  ERROR",
        "    1        2025-12-26T14:30:00.000Z  503     12 ms     HTTP 503 Service Unavailable",
        "    response to attempt 1:",
        "      | busy now",
        "      |   my-webhook: delivered",
    ]


def delivery_lines(state: DeliveryState, *responses: str | None) -> list[str]:
    attempts = [
        Attempt(number=number, at=NOW, duration_ms=1, status=503, response=response)
        for number, response in enumerate(responses, start=1)
    ]
    delivery = Delivery(subscriber="a", state=state, attempts=attempts)
    run = RunView(
        workflow_id="event/e@1", run_id="r", kind="original", outcome=state, started_at=NOW, deliveries=[delivery]
    )
    lines = render.event_text(EventView(event=make_event(), runs=[run]), NOW).splitlines()
    return lines[lines.index(next(line for line in lines if line.startswith("  a:"))) :]


def test_a_response_that_was_given_again_is_shown_once() -> None:
    lines = delivery_lines(DeliveryState.FAILED, "busy", "down", "busy", None, "busy")
    assert lines[-4:] == [
        "    response to attempt 2:",
        "      | down",
        "    response to attempts 1, 3, 5:",
        "      | busy",
    ]


def test_a_pending_delivery_says_that_a_request_is_under_way() -> None:
    assert delivery_lines(DeliveryState.PENDING) == ["  a: pending, a request is under way"]


def test_a_delivery_that_waits_says_for_what() -> None:
    run = RunView(
        workflow_id="event/e@1",
        run_id="r",
        kind="original",
        outcome="waiting",
        started_at=NOW,
        deliveries=[waiting("a", "by hand", [])],
    )
    shown = render.event_text(EventView(event=make_event(), runs=[run]), NOW)
    assert shown.splitlines()[-1] == "  a: waiting, the subscriber is paused: by hand"


def test_a_resend_is_marked_in_the_list() -> None:
    rows = [
        EventRow(
            event_id=f"evt_{kind}", type="t", source="/s", kind=kind, outcome="failed", emitted_at=NOW, workflow_id="w"
        )
        for kind in ("original", "resend", "rest")
    ]
    assert render.event_table(rows, NOW).splitlines() == [
        "EVENT         TYPE  INCIDENT  OUTCOME          EMITTED  TROUBLE",
        "evt_original  t     -         failed           0s ago   -",
        "evt_resend    t     -         failed (resend)  0s ago   -",
        "evt_rest      t     -         failed           0s ago   -",
    ]


def test_a_timeline_names_no_event_that_was_not_emitted() -> None:
    incident = declare("INC-1", Declaration(title="t", severity=Severity.SEV_1, actor="anna"), NOW, "evt_1")
    for published, told in ((None, "evt_1"), (True, "evt_1"), (False, "-")):
        incident.timeline[0].published = published
        assert render_incidents.incident_text(incident).splitlines()[-1].split()[-2:] == [told, "-"]


def test_a_subscriber_is_shown_by_hostname_port_context_and_client() -> None:
    place = parts_of("https://example.com/postme")
    wh1 = subscriber("wh1", place.url, ["**"]).model_copy(
        update=place._asdict() | {"http_client": "trustStoreHttpClient", "certificate_expires_at": NOW}
    )
    shown = dict(line.split(":", 1) for line in render_subscribers.subscriber_fields(wh1).splitlines())
    named = {name: shown[name].strip() for name in ("hostname", "port", "context", "http-client", "message-format")}
    assert named == {
        "hostname": "example.com",
        "port": "443",
        "context": "/postme",
        "http-client": "trustStoreHttpClient",
        "message-format": "cloudevents",
    }
    assert shown["certificate"].strip().startswith("expired")


def test_health_has_a_further_column_when_there_is_something_to_warn_of() -> None:
    row = Health(subscriber="a", warnings=["the certificate expires in 3 days"])
    lines = render_subscribers.health_table([row, Health(subscriber="b")], NOW).splitlines()
    assert lines[0].endswith("WARNING")
    assert lines[1].endswith("the certificate expires in 3 days")
    assert lines[2].endswith("-")


def test_health_has_further_columns_when_somebody_is_paused_or_drained() -> None:
    pause = Pause(at=NOW, reason="migration")
    drain = DrainProgress(
        subscriber="b", began_at=NOW, counted=True, left=12, delivered=30, retried=2, failed=1, holds_until=NOW
    )
    rows = [
        Health(subscriber="a", paused=pause, waiting=7, oldest_waiting=NOW),
        Health(subscriber="b", drain=drain),
        Health(subscriber="c"),
    ]
    lines = render_subscribers.health_table(rows, NOW).splitlines()
    at = "2025-12-26T14:30:00Z"
    assert re.split(" {2,}", lines[0])[-2:] == ["PAUSED", "WAITING"]
    assert re.split(" {2,}", lines[1])[-2:] == [f"since {at}: migration", f"7, the oldest since {at}"]
    draining = f"draining, 12 left; 30 delivered, 2 to be retried, 1 failed; requests fail: the next one at {at}"
    assert re.split(" {2,}", lines[2])[-2:] == ["-", draining]
    assert re.split(" {2,}", lines[3])[-2:] == ["-", "-"]


def test_a_drain_that_has_not_looked_yet_does_not_say_how_many_are_left() -> None:
    assert render_subscribers.drain_line(DrainProgress(subscriber="b", began_at=NOW)) == "counting what waits"


def test_the_list_of_subscribers_says_who_is_paused() -> None:
    paused = subscriber("a", "https://a.example/", ["**"]).model_copy(
        update={"paused": Pause(at=NOW, reason="by hand")}
    )
    first, row, other = render_subscribers.subscriber_table(
        [paused, subscriber("b", "https://b.example/", ["**"])]
    ).splitlines()
    assert first.endswith("ENABLED  PAUSED")
    assert row.endswith("since 2025-12-26T14:30:00Z: by hand")
    assert other.endswith("-")
