"""Why a subscriber was or was not told: every verdict by a table."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.event_errors import SubscriberNeverToldError
from domain.event_types import SUBSCRIBER_PAUSED, SUBSCRIBER_TEST
from domain.explanations import Carrier, Explanation, Story, Verdict
from domain.lanes import waits_behind
from domain.message_formats import MessageFormat
from domain.outcomes import OWN_FAULT, Attempt, Delivery, DeliveryState, Failure
from domain.pauses import DROPPED, GONE, Pause
from domain.subscriber_changes import pause, resume
from domain.subscribers import Subscriber
from domain.targets.kinds import TWILIO
from domain.why import explain
from tests.support.builders import NOW, make_subscriber

BEFORE, AFTER = NOW - timedelta(hours=1), NOW + timedelta(minutes=1)


def known(**parts: Any) -> Subscriber:
    told: dict[str, Any] = {"created_at": BEFORE, "updated_at": BEFORE, "types": ("im.incident.**",)}
    return make_subscriber(**(told | parts))


def attempt(number: int, at: datetime, status: int | None = 503, **parts: Any) -> Attempt:
    failure = Failure.HTTP_STATUS if status and status >= 400 else None
    error = f"HTTP {status}" if failure else None
    told: dict[str, Any] = {"status": status, "failure": failure, "error": error}
    return Attempt(number=number, at=at, duration_ms=100, **(told | parts))


def delivery(state: DeliveryState, *attempts: Attempt, **parts: Any) -> Delivery:
    return Delivery(subscriber="my-webhook", state=state, attempts=list(attempts), **parts)


def carrier(found: Delivery | None = None, **parts: Any) -> Carrier:
    outcome = found.state.value if found else "unmatched"
    told: dict[str, Any] = {"workflow_id": "event/evt_1@0", "outcome": outcome, "started_at": NOW, "ended_at": NOW}
    told["accepted_at"] = parts.get("started_at", NOW)  # but of a rest
    return Carrier(delivery=found, **(told | parts))


def why(*carriers: Carrier, subscriber: Subscriber | None = None, **parts: Any) -> Explanation:
    told: dict[str, Any] = {"now": AFTER, "event_id": "evt_1", "source": "/s", "type": "im.incident.declared.v1"}
    return explain(Story(carriers=list(carriers), name="my-webhook", subscriber=subscriber, **(told | parts)))


def text(found: Explanation) -> str:
    return " ".join([found.headline, *found.facts, found.next, *found.advice])


FAILED = delivery(DeliveryState.FAILED, attempt(1, NOW, 404), error="HTTP 404")
UNKNOWN = attempt(1, NOW, None, failure=Failure.UNKNOWN_OUTCOME, error="nobody knows")
IN_LANE = delivery(DeliveryState.PENDING, error=waits_behind("INC-7"))
LIMITED = delivery(DeliveryState.PENDING, error="waits for its turn: the subscriber is limited to 10/s")
UNMADE = delivery(DeliveryState.PENDING, error=f"{OWN_FAULT}: too many open files")
RETRYING = delivery(
    DeliveryState.RETRYING, attempt(1, NOW), error="HTTP 503", next_retry_at=AFTER + timedelta(seconds=4)
)


@pytest.mark.parametrize(
    ("found", "verdict", "says"),
    [
        (why(carrier(delivery(DeliveryState.DELIVERED, attempt(1, NOW, 200))), subscriber=known()),
         Verdict.DELIVERED, ["HTTP 200", "'im.incident.**' matches", "nothing: it is delivered"]),
        (why(carrier(delivery(DeliveryState.DELIVERED, attempt(1, NOW, 200))), type="im.alarm.raised.v1",
             subscriber=known(types=("im.alarm.**",), severities=("SEV-1",))),
         Verdict.DELIVERED, ["'im.alarm.**' matches", "alarms of every severity are told, --severities or not"]),
        (why(carrier(RETRYING, ended_at=None), subscriber=known()),
         Verdict.RETRYING, ["request 2 of 5", "in 4 s", "HTTP 503"]),
        (why(carrier(FAILED), subscriber=known()),
         Verdict.FAILED, ["parked after 1 request", "im event resend evt_1 --subscriber my-webhook", "final"]),
        (why(carrier(delivery(DeliveryState.FAILED, attempt(1, NOW, 401), error="HTTP 401")), subscriber=known()),
         Verdict.FAILED, ["credentials"]),
        (why(carrier(delivery(DeliveryState.FAILED, attempt(1, NOW, 410), error="HTTP 410")),
             subscriber=known(enabled=False, gone_at=NOW, updated_at=AFTER)),
         Verdict.FAILED, ["im subscriber enable my-webhook", "changed since"]),
        (why(carrier(delivery(DeliveryState.FAILED, attempt(1, NOW, 410), error="HTTP 410")),
             subscriber=known(gone_at=AFTER, updated_at=AFTER, paused=Pause(at=AFTER, reason=GONE))),
         Verdict.FAILED, ["it was paused at 2025-12-26T14:31:00Z: answered HTTP 410 Gone.", "--url NEW-URL", "resume"]),
        (why(carrier(delivery(DeliveryState.FAILED, UNKNOWN, error="nobody knows")), subscriber=known(target=TWILIO)),
         Verdict.FAILED, ["at most once", "twilio"]),
        (why(carrier(delivery(DeliveryState.CANCELLED)), subscriber=known(enabled=False)),
         Verdict.CANCELLED, ["disabled or removed", "im subscriber enable my-webhook"]),
        (why(carrier(delivery(DeliveryState.CANCELLED))),
         Verdict.CANCELLED, ["no subscriber of that name any more", "im subscriber add --name my-webhook"]),
        (why(carrier(delivery(DeliveryState.PENDING), ended_at=None), subscriber=known()),
         Verdict.UNDER_WAY, ["under way"]),
        (why(carrier(delivery(DeliveryState.WAITING), ended_at=None),
             subscriber=known(paused=Pause(at=BEFORE, reason="by hand"))),
         Verdict.PAUSED, ["until the subscriber is resumed", "by hand", "im subscriber resume my-webhook"]),
        (why(carrier(RETRYING, ended_at=None), subscriber=known(paused=Pause(at=NOW, reason="by hand"))),
         Verdict.PAUSED, ["until the subscriber is resumed"]),
        (why(carrier(delivery(DeliveryState.WAITING), ended_at=None), subscriber=known()),
         Verdict.PAUSED, ["what waited is being sent", "im subscriber health my-webhook"]),
        (why(carrier(delivery(DeliveryState.CANCELLED, error=DROPPED)), subscriber=known()),
         Verdict.CANCELLED, ["dropped: it had waited", "im event resend"]),
        (why(carrier(IN_LANE, ended_at=None), subscriber=known(), ahead=["evt_0"]),
         Verdict.WAITS_FOR_EARLIER, ["waits behind evt_0", "im why evt_0 my-webhook"]),
        (why(carrier(IN_LANE, ended_at=None), subscriber=known()),
         Verdict.WAITS_FOR_EARLIER, ["None of them is known to hold it up now", "its turn comes"]),
        (why(carrier(IN_LANE, ended_at=None), ahead=["evt_0"],
             subscriber=known(paused=Pause(at=NOW, reason="by hand"))),
         Verdict.PAUSED, ["by hand", "it waits behind evt_0.", "waits for its turn first; if it is paused then still"]),
        (why(carrier(IN_LANE, ended_at=None), subscriber=known(paused=Pause(at=NOW, reason="by hand"))),
         Verdict.PAUSED, ["it waits until the earlier events of INC-7 are done with."]),
        (why(carrier(delivery(DeliveryState.WAITING), ended_at=None), ahead=["evt_0"],
             subscriber=known(paused=Pause(at=NOW, reason="by hand"))),
         Verdict.PAUSED, ["it waits behind evt_0.", "it waits until the subscriber is resumed"]),
        (why(carrier(UNMADE, ended_at=None), subscriber=known()),
         Verdict.UNDER_WAY, ["the last error was: the worker's machine", ": too many open files"]),
        (why(carrier(UNMADE.model_copy(update={"next_retry_at": AFTER}), ended_at=None), subscriber=known()),
         Verdict.RETRYING, ["request 1 of 5", ": too many open files", "costs no attempt", "ulimit -n"]),
        (why(carrier(LIMITED, ended_at=None), subscriber=known(rate_limit="10/s")),
         Verdict.WAITS_FOR_TURN, ["limited to 10/s", "--rate-limit"]),
        (why(carrier(RETRYING, ended_at=None), subscriber=known(enabled=False, updated_at=AFTER)),
         Verdict.CANCELLED, ["is disabled since", "ends as cancelled when its next request is due"]),
        (why(carrier(RETRYING, ended_at=None)),
         Verdict.CANCELLED, ["was removed since"]),
        (why(carrier(RETRYING, ended_at=None), subscriber=known(created_at=AFTER, updated_at=AFTER)),
         Verdict.CANCELLED, ["was removed since", "the one of that name today was added later"]),
        (why(carrier(RETRYING, ended_at=None), directory_known=False),
         Verdict.RETRYING, ["its settings are not known"]),
        (why(carrier(outcome="refused"), subscriber=known()),
         Verdict.PUBLISHING_OFF, ["ENABLE_EVENT_PUBLISHING"]),
        (why(carrier(outcome="pending"), subscriber=known()),
         Verdict.STOPPED, ["cancelled or terminated", "im event resend evt_1 --subscriber my-webhook"]),
        (why(carrier(outcome="pending", ended_at=None), subscriber=known()),
         Verdict.NOT_RESOLVED, ["about to be found out", "im doctor"]),
        (why(carrier(outcome="pending", ended_at=None, complete=False), directory_known=False),
         Verdict.NOT_KNOWN, ["no worker answered", "im serve"]),
        (why(carrier(), directory_known=False),
         Verdict.NOT_KNOWN, ["no worker answered"]),
        (why(carrier(only=["other"]), subscriber=known()),
         Verdict.ONLY_OTHERS, ["for other alone", "im event resend evt_1 --subscriber my-webhook"]),
        (why(carrier(only=["other"]), subscriber=known(), type=SUBSCRIBER_TEST),
         Verdict.ONLY_OTHERS, ["it is a test for other alone", "im subscriber test my-webhook"]),
        (why(carrier(), subscriber=known(created_at=AFTER, updated_at=AFTER)),
         Verdict.ADDED_LATER, ["added after the event", "im event resend"]),
        (why(carrier(), subscriber=known(created_at=AFTER, updated_at=AFTER, types=("a.b",))),
         Verdict.ADDED_LATER, ["not be told of such an event today"]),
        (why(carrier(), subscriber=known(enabled=False)),
         Verdict.DISABLED, ["it is disabled", "have not changed since",
                            "to have it told: im subscriber enable my-webhook, and then im event resend"]),
        (why(carrier(), subscriber=known(enabled=False, gone_at=AFTER, updated_at=AFTER)),
         Verdict.DISABLED, ["410 Gone", "those of today"]),
        (why(carrier(), subscriber=known(message_format=MessageFormat.FLAT)),
         Verdict.UNSAYABLE, ["the message format 'flat'"]),
        (why(carrier(), subscriber=known(target="pagerduty"), type="im.incident.note_added.v1"),
         Verdict.UNSAYABLE, ["a pagerduty target"]),
        (why(carrier(), subscriber=known(types=("im.**",)), type=SUBSCRIBER_PAUSED, about="my-webhook"),
         Verdict.ABOUT_ITSELF, ["it tells of my-webhook itself"]),
        (why(carrier(), subscriber=known(types=("**",)), type=SUBSCRIBER_PAUSED, about="other"),
         Verdict.NOT_ASKED, ["'**' does not ask for operational events", "--types '**,im.subscriber.paused.v1'"]),
        (why(carrier(), subscriber=known(types=("im.incident.*", "com.**"))),
         Verdict.NO_MATCH, ["closest of 2 is 'im.incident.*'", "goes on with 'v1'", "nobody else"]),
        (why(carrier(others=["b", "a"]), subscriber=known(types=("x",), updated_at=AFTER)),
         Verdict.NO_MATCH, ["changed at 2025-12-26T14:31:00Z, after the event", "it was for a, b"]),
        (why(carrier(), subscriber=known(severities=("SEV-1", "SEV-3")), severity="SEV-2"),
         Verdict.OTHER_SEVERITY, ["it is SEV-2", "told of SEV-1, SEV-3 alone", "--severities SEV-1,SEV-2,SEV-3"]),
        (why(carrier(), subscriber=known(updated_at=AFTER)),
         Verdict.CHANGED_SINCE, ["with its settings of today it would be", "im event resend"]),
        (why(carrier(), subscriber=known()),
         Verdict.UNEXPLAINED, ["should have been told", "report this", "event/evt_1@0"]),
    ],
)  # fmt: skip
def test_every_verdict_says_why_and_what_to_do(found: Explanation, verdict: Verdict, says: list[str]) -> None:
    assert found.verdict is verdict
    assert [each for each in says if each not in text(found)] == []


def test_what_goes_on_later_is_told_of_from_when_its_event_was_accepted() -> None:
    later = {"kind": "rest", "accepted_at": NOW, "started_at": AFTER + timedelta(minutes=5), "ended_at": None}
    told = why(carrier(FAILED, **later), subscriber=known(updated_at=AFTER))
    assert told.emitted_at == NOW
    assert [each.started_at for each in told.rounds] == [AFTER + timedelta(minutes=5)]
    assert "its settings were changed since" in text(told)


def test_neither_a_pause_nor_its_end_is_a_change_of_settings_or_told_of_what_ended_before() -> None:
    paused = pause(known(), "by hand", AFTER)
    for subscriber in (paused, resume(paused, AFTER + timedelta(minutes=1))):
        said = text(why(carrier(FAILED), subscriber=subscriber))
        assert "changed" not in said
        assert "paused" not in said
        assert "have not changed since 2025-12-26T13:30:00Z, before the event" in text(
            why(carrier(), subscriber=subscriber)
        )


def test_a_pause_is_told_once_and_what_is_to_be_retried_is_not_said_to_wait_already() -> None:
    paused = pause(known(), "by hand", AFTER)
    for waits in (delivery(DeliveryState.WAITING), RETRYING):
        assert text(why(carrier(waits, ended_at=None), subscriber=paused)).count("it was paused at") == 1
    found = why(carrier(RETRYING, ended_at=None), subscriber=paused)
    assert found.next.startswith("request 2 is due at 2025-12-26T14:31:04Z; if it is paused then still")


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.DELIVERED, DeliveryState.CANCELLED])
def test_no_command_is_advised_that_cannot_work_for_one_who_was_removed(state: DeliveryState) -> None:
    found = why(carrier(delivery(state, attempt(1, NOW, 404), error="HTTP 404")))
    assert len(found.advice) == 1
    assert found.advice[0].startswith(
        "to add it anew: im subscriber add --name my-webhook ..., and then im event resend"
    )


@pytest.mark.parametrize("failure", [Failure.TOKEN_REFUSED, Failure.CLIENT_CERTIFICATE, Failure.TLS])
def test_the_test_that_is_advised_names_the_client_and_the_url(failure: Failure) -> None:
    failed = delivery(DeliveryState.FAILED, attempt(1, NOW, None, failure=failure, error="refused"), error="refused")
    found = why(carrier(failed), subscriber=known(http_client="partner", url="https://a.example/b?c=d&e"))
    assert "im http-client test partner 'https://a.example/b?c=d&e'" in text(found)
    assert "im http-client test NAME URL" in text(why(carrier(failed), directory_known=False))


def test_a_webhook_without_a_client_is_not_advised_to_test_one() -> None:
    told = attempt(1, NOW, None, failure=Failure.TLS, error="self-signed")
    found = why(carrier(delivery(DeliveryState.FAILED, told, error="self-signed")), subscriber=known())
    assert "im http-client test" not in text(found)
    assert "im subscriber update my-webhook --http-client CLIENT" in text(found)


@pytest.mark.parametrize("carried", [{}, {"only": ["other"]}, {"outcome": "refused"}, {"outcome": "pending"}])
def test_a_name_that_nobody_has_is_an_error_that_says_who_was_told(carried: dict[str, Any]) -> None:
    with pytest.raises(SubscriberNeverToldError) as caught:
        why(carrier(**carried, others=["other", "another"]), names=["my-webhooks"])
    says = "no subscriber is named 'my-webhook', and evt_1 has no delivery to one that was: it was for another, other"
    assert str(caught.value) == says
    assert caught.value.advice.startswith("Did you mean my-webhooks? ")
    with pytest.raises(SubscriberNeverToldError, match="nobody was told of it"):
        why(carrier(**carried))


def test_a_name_is_not_said_to_be_nobodys_where_no_worker_answered_for_all_of_the_event() -> None:
    found = why(carrier(), carrier(kind="resend", only=["other"], complete=False, ended_at=None))
    assert found.verdict is Verdict.NOT_KNOWN


def test_a_resend_names_the_source_where_the_id_may_be_that_of_others() -> None:
    found = why(carrier(FAILED), subscriber=known(), by_source=True, source="/a b")
    assert "im event resend evt_1 --subscriber my-webhook --source '/a b'" in text(found)


def test_the_pattern_that_is_named_is_the_one_that_asked() -> None:
    both = known(types=("**", "im.subscriber.**"))
    assert "'im.subscriber.**' matches" in text(why(carrier(FAILED), subscriber=both, type=SUBSCRIBER_PAUSED))


def test_the_latest_delivery_decides_and_earlier_ones_are_shown() -> None:
    delivered = delivery(DeliveryState.DELIVERED, attempt(1, AFTER, 200))
    resent = carrier(delivered, kind="resend", only=["my-webhook"], started_at=AFTER)
    found = why(carrier(FAILED), resent, subscriber=known())
    assert found.verdict is Verdict.DELIVERED
    assert [(each.kind, each.state) for each in found.rounds] == [("original", "failed"), ("resend", "delivered")]


def test_a_resend_to_all_is_asked_of_settings_at_its_time() -> None:
    resent = carrier(kind="resend", started_at=AFTER + timedelta(minutes=1))
    found = why(carrier(), resent, subscriber=known(created_at=AFTER, updated_at=AFTER, types=("x",)))
    assert found.verdict is Verdict.NO_MATCH


def test_the_waits_between_requests_count_from_the_end_of_the_one_before() -> None:
    tried = [attempt(1, NOW), attempt(2, NOW + timedelta(seconds=1.1)), attempt(3, NOW + timedelta(seconds=3.2))]
    found = why(carrier(delivery(DeliveryState.FAILED, *tried, error="e")), subscriber=known())
    assert [each.waited_seconds for each in found.rounds[0].tries] == [None, 1.0, 2.0]


def test_every_verdict_is_in_the_table() -> None:
    table = next(mark for mark in test_every_verdict_says_why_and_what_to_do.pytestmark)  # type: ignore[attr-defined]
    assert {row[1] for row in table.args[1]} == set(Verdict)


def test_a_command_to_copy_runs_nothing_that_an_id_or_a_name_says() -> None:
    found = why(carrier(FAILED), event_id="x-$(touch pwned);x")
    assert "im event resend 'x-$(touch pwned);x' --subscriber my-webhook" in text(found)


def going_on(seconds: int, **parts: Any) -> Carrier:
    at = AFTER + timedelta(seconds=seconds)
    return carrier(
        delivery(DeliveryState.RETRYING, attempt(1, NOW), error="HTTP 503", next_retry_at=at), ended_at=None, **parts
    )


def test_an_earlier_delivery_that_goes_on_is_told_of() -> None:
    found = why(going_on(40), going_on(4, kind="resend"), subscriber=known())
    assert found.next == (
        "request 2 of 5 at 2025-12-26T14:31:04Z (in 4 s). "
        "The first delivery goes on too: request 2 of 5 at 2025-12-26T14:31:40Z (in 40 s)."
    )
    sooner = why(going_on(4), going_on(40, kind="resend"), subscriber=known())
    assert (sooner.verdict, sooner.next_at) == (Verdict.RETRYING, AFTER + timedelta(seconds=4))


def test_what_goes_on_is_next_where_the_latest_delivery_has_ended() -> None:
    found = why(going_on(40), carrier(FAILED, kind="resend"), subscriber=known())
    assert (found.verdict, found.next_at) == (Verdict.FAILED, AFTER + timedelta(seconds=40))
    assert found.next == "The first delivery goes on too: request 2 of 5 at 2025-12-26T14:31:40Z (in 40 s)."
    ended = why(carrier(RETRYING), carrier(FAILED, kind="resend"), subscriber=known())  # its workflow was stopped
    assert ended.next.startswith("nothing")


def test_of_many_that_go_on_the_next_ones_are_told() -> None:
    found = why(*(going_on(seconds, kind="resend") for seconds in (9, 8, 7, 6, 5, 4)), subscriber=known())
    assert found.next.count("An earlier resend goes on too") == 3
    assert "14:31:06Z" in found.next
    assert found.next.endswith("So do 2 more.")
