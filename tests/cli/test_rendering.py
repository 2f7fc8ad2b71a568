"""What is printed, to the letter."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli import render, render_incidents, render_replays, render_subscribers
from cli.subscriber_pause import resumed_line
from domain.drains import DrainProgress, Owed
from domain.health import Health, HealthStatus
from domain.incidents import Declaration, Severity, declare
from domain.outcomes import Attempt, Delivery, DeliveryState, Failure, waiting
from domain.pauses import Pause
from domain.replays import Survey
from domain.subscriber_changes import resume
from domain.subscribers import Subscriber
from domain.tidings import of_change
from domain.web_service import parts_of
from service.event_rows import EventRow
from service.event_views import EventView
from service.progress import RunView
from service.replay_views import ReplayOptions
from service.subscriber_views import Resumed, SubscriberView, given_up, view
from tests.support.builders import make_event, make_subscriber

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
    run = run_of(delivery)
    text = render.event_text(EventView(event=make_event(), runs=[run]), NOW)
    assert "04Z (due now)" in render.event_text(EventView(event=make_event(), runs=[run]), NOW + timedelta(minutes=1))
    assert text.splitlines()[-9:] == [
        "",
        "first delivery: retrying (started 2025-12-26T14:30:00Z; workflow event/e@1)",
        "  my-webhook: retrying, next retry at 2025-12-26T14:30:04Z (in 4 s)",
        "    error: HTTP 503 Service Unavailable",
        "    ATTEMPT  AT                        STATUS  DURATION  ERROR",
        "    1        2025-12-26T14:30:00.000Z  503     12 ms     HTTP 503 Service Unavailable",
        "    response to attempt 1:",
        "      | busy now",
        "      |   my-webhook: delivered",
    ]
    paused = {"my-webhook": Pause(at=NOW, reason="by hand")}
    told = render.event_text(EventView(event=make_event(), runs=[run], paused=paused), NOW).splitlines()
    assert "    paused: by hand; that request waits if it is then still" in told


def delivery_lines(state: DeliveryState, *responses: str | None) -> list[str]:
    attempts = [
        Attempt(number=number, at=NOW, duration_ms=1, status=503, response=response)
        for number, response in enumerate(responses, start=1)
    ]
    delivery = Delivery(subscriber="a", state=state, attempts=attempts)
    run = run_of(delivery)
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
    assert delivery_lines(DeliveryState.PENDING) == ["  a: pending, a request is under way, or about to be made"]


def test_a_delivery_that_waits_says_for_what() -> None:
    run = run_of(waiting("a", "by hand", []))
    shown = render.event_text(EventView(event=make_event(), runs=[run]), NOW)
    assert shown.splitlines()[-1] == "  a: waiting, the subscriber is paused: by hand"


def test_resends_and_replays_say_so_where_the_list_has_the_time() -> None:
    rows = [
        EventRow(
            event_id=f"evt_{kind}",
            type="t",
            source="/s",
            kind=kind,
            replay="rpl_3f9c2a7b10de" if kind == "replay" else None,
            outcome="failed",
            emitted_at=NOW,
            workflow_id="w",
        )
        for kind in ("original", "resend", "replay", "rest")
    ]
    assert render.event_table(rows, NOW).splitlines() == [
        "EVENT         TYPE  INCIDENT  OUTCOME  EMITTED                              TROUBLE",
        "evt_original  t     -         failed   0s ago                               -",
        "evt_resend    t     -         failed   resent 0s ago                        -",
        "evt_replay    t     -         failed   replayed 0s ago by rpl_3f9c2a7b10de  -",
        "evt_rest      t     -         failed   0s ago                               -",
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


def test_health_says_who_fails_since_when_and_how_many_wait_for_a_retry() -> None:
    failing = Health(
        subscriber="a",
        status=HealthStatus.FAILING,
        retrying=2,
        consecutive_failures=3,
        failing_since=NOW - timedelta(minutes=5),
        last_error="HTTP 503 Service Unavailable",
    )
    lines = render_subscribers.health_table([failing, Health(subscriber="b")], NOW).splitlines()
    assert re.split(" {2,}", lines[0])[4:] == ["STATUS", "LAST_DELIVERED", "RETRYING", "FAILING"]
    said = "3 requests, the first 5m ago: HTTP 503 Service Unavailable"
    assert re.split(" {2,}", lines[1])[4:] == ["failing", "never", "2", said]
    assert re.split(" {2,}", lines[2])[4:] == ["unknown", "never", "0", "-"]
    wh1 = subscriber("wh1", "https://example.com", ["**"])
    shown = [line.split(maxsplit=1) for line in render_subscribers.subscriber_fields(wh1, failing).splitlines()]
    assert ["retrying:", "2"] in shown
    assert [line[1].split(",")[0] for line in shown if line[0] == "failing:"] == ["3 requests"]
    held = failing.model_copy(update={"paused": Pause(at=NOW, reason="migration")})
    assert "retrying:" not in render_subscribers.subscriber_fields(wh1, held)  # what waits says it


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


def test_what_could_not_be_counted_is_said_to_be_so_beside_what_is_known() -> None:
    missed = {"retrying": None, "waiting": None, "not_counted": "slow"}
    bad = Health(subscriber="a", delivered=7, **missed)
    held = Health(subscriber="b", paused=Pause(at=NOW, reason="migration"), **missed)
    lines = render_subscribers.health_table([bad, held, Health(subscriber="c")], NOW).splitlines()
    assert re.split(" {2,}", lines[0])[-4:] == ["RETRYING", "FAILING", "PAUSED", "WAITING"]
    first, second, third = (re.split(" {2,}", line) for line in lines[1:])
    assert (first[1], first[-4:]) == ("7", ["not counted", "-", "-", "not counted"])
    assert second[-1] == "not counted; retries, which wait too once they are due: not counted"
    assert third[-4:] == ["0", "-", "-", "-"]
    wh1 = subscriber("wh1", "https://example.com", ["**"])
    shown = [line.split(maxsplit=1) for line in render_subscribers.subscriber_fields(wh1, bad).splitlines()]
    assert [line for line in shown if line[0] in {"retrying:", "waiting:"}] == [
        ["waiting:", "not counted"],
        ["retrying:", "not counted"],
    ]


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


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00"])
def test_a_pause_that_was_stored_with_an_odd_time_is_shown_and_ends(at: str) -> None:
    stored = make_subscriber(name="a").model_dump(mode="json") | {"paused": {"at": at, "reason": "by hand"}}
    odd = Subscriber.model_validate(stored)
    assert render_subscribers.subscriber_table([view(odd)]).endswith("since 0001-01-01T00:00:00Z: by hand")
    (told,) = of_change(odd, resume(odd, NOW), NOW)
    assert told.data["paused_at"] == "0001-01-01T00:00:00Z"


def test_of_a_paused_one_it_is_said_what_waits_and_what_will() -> None:
    row = Health(subscriber="a", paused=Pause(at=NOW, reason="by hand"), retrying=1)
    assert render_subscribers.waiting_text(row) == "0; 1 retry waits too once it is due"
    several = row.model_copy(update={"retrying": 2, "waiting": 3, "oldest_waiting": NOW})
    said = "3, the oldest since 2025-12-26T14:30:00Z; 2 retries wait too once they are due"
    assert render_subscribers.waiting_text(several) == said


def test_a_resume_says_what_it_does_without_contradiction() -> None:
    resumed = Resumed(subscriber=subscriber("a", "https://a.example/", ["**"]), waiting=3, retrying=1)
    said = "resumed a: 3 waiting; draining; what is older than 60m is dropped; 1 retry goes on when it is due"
    assert resumed_line(resumed, timedelta(minutes=60), was_paused=True) == said
    nothing = resumed.model_copy(update={"waiting": 0, "retrying": 0})
    assert resumed_line(nothing, None, was_paused=False) == "a is not paused: nothing waits"
    disabled = resumed.model_copy(update={"subscriber": subscriber("a", "https://a.example/", [], enabled=False)})
    assert resumed_line(disabled, None, was_paused=False) == "a is disabled: 3 waiting, ending as cancelled"


def test_what_is_given_up_with_a_subscriber_is_counted_and_can_be_sent_later() -> None:
    assert given_up("a", Owed()) == []
    waited, retried = given_up("a", Owed(waiting=3, retrying=1), removed=True)
    assert waited.startswith("a is not told of 3 events that waited, cancelled by this")
    assert waited.endswith("im replay --subscriber a --undelivered --to ANOTHER, or add it anew first")
    assert retried.startswith("a has 1 event under way or to be retried")
    assert "unless it is enabled again before" in given_up("a", Owed(retrying=1))[0]


def run_of(delivery: Delivery) -> RunView:
    """An event's first workflow, with one delivery."""
    return RunView(
        workflow_id="event/e@1",
        run_id="r",
        kind="original",
        outcome=delivery.state,
        accepted_at=NOW,
        started_at=NOW,
        deliveries=[delivery],
    )


def event_row(**parts: Any) -> EventRow:
    known = {"event_id": "e", "type": "t", "source": "/s", "outcome": "retrying", "emitted_at": NOW, "workflow_id": "w"}
    return EventRow.model_validate(known | parts)


def test_a_list_of_one_subscribers_events_says_how_its_own_delivery_stands() -> None:
    row = event_row(troubled=["retrying:a", "cancelled:b"], subscribers=["a", "b", "c"])
    assert render.event_table([row], NOW).splitlines()[0].split()[-3:] == ["OUTCOME", "EMITTED", "TROUBLE"]
    for name, state in (("a", "retrying"), ("b", "cancelled"), ("c", "delivered")):
        heads, line = render.event_table([row], NOW, name).splitlines()
        assert heads.split() == ["EVENT", "TYPE", "INCIDENT", "STATE", "EMITTED"]
        assert line.split() == ["e", "t", "-", state, "0s", "ago"]
    burst = row.knowing(["failed:a", "a"], 1)
    assert "failed or delivered" in render.event_table([burst.model_copy(update={"outcome": "failed"})], NOW, "a")


def test_trouble_that_is_cut_says_so() -> None:
    row = event_row(troubled=["retrying:a"], more_troubled=True)
    assert render.event_table([row], NOW).splitlines()[1].endswith("  retrying:a,...")


@pytest.mark.parametrize(
    ("outcome", "words", "shown"),
    [
        ("delivered", ["cancelled:listen-laptop-0a1b2c"], "-"),
        ("failed", ["cancelled:listen-laptop-0a1b2c", "failed:ops"], "failed:ops"),
        ("delivered", ["cancelled:ops"], "cancelled:ops"),
        ("delivered", ["cancelled:listen-laptop"], "cancelled:listen-laptop"),  # whose name is somebody's choice
        ("cancelled", ["cancelled:listen-laptop-0a1b2c"], "cancelled:listen-laptop-0a1b2c"),
        ("retrying", ["retrying:listen-laptop-0a1b2c"], "retrying:listen-laptop-0a1b2c"),
    ],
)
def test_what_an_im_listen_that_ended_had_not_taken_is_no_trouble(outcome: str, words: list[str], shown: str) -> None:
    assert render.trouble_text(event_row(outcome=outcome, troubled=words)) == shown


def test_what_waits_for_its_turn_is_shown_where_there_is_any() -> None:
    rows = [
        Health(subscriber="a", in_line=3),
        Health(subscriber="b", in_line=None),
        Health(subscriber="c"),
        Health(subscriber="d", ordered=True),
    ]
    heads, *lines = render_subscribers.health_table(rows, NOW).splitlines()
    assert heads.endswith("IN_LINE")
    assert [line.split("never")[1].strip() for line in lines] == ["3", "not counted", "-", "0"]
    assert "IN_LINE" not in render_subscribers.health_table(rows[2:], NOW)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [("failed_only", "that failed have arrived"), ("undelivered", "that failed or were cancelled have")],
)
def test_what_a_replay_skips_is_said_to_have_ended_as_it_was_chosen(chosen: str, said: str) -> None:
    options = ReplayOptions.model_validate({"subscriber": "ops", chosen: True})
    assert said in render_replays.nothing(options, skipped=16)
    assert said in render_replays.survey_text(Survey(skipped=16), options)
