"""What there is to know of an event that is sent again."""

import re
from typing import Any

import pytest

from domain.errors import InvalidRequestError
from domain.event_types import SUBSCRIBER_PAUSED, SUBSCRIBER_TEST
from domain.events import CloudEvent
from domain.message_formats import MessageFormat
from domain.outcomes import Delivery, DeliveryState
from domain.pauses import Pause
from domain.subscribers import Subscriber
from service.event_views import EventView
from service.progress import RunView
from service.resends import check_wanted, remarks
from service.subscriber_views import view
from tests.support.builders import NOW, make_event, make_subscriber

EVENT = make_event()
OPS = make_subscriber(name="ops", types=(EVENT.type,))
PAUSED = make_subscriber(name="ops", types=(EVENT.type,), paused=Pause(at=NOW, reason="move"))
WAITS = "ops is paused (move): this waits for the end of the pause, im subscriber resume ops"
TWICE = (
    "ops has not been told by an earlier delivery, which goes on too (retrying): it may get the event twice, under the "
    "same id"
)


def told(*states: DeliveryState, event: CloudEvent = EVENT) -> EventView:
    """An event with a delivery in each of these states; the workflows are called w0, w1 and so on."""
    runs = [
        RunView(
            workflow_id=f"w{place}",
            run_id="r",
            kind="original",
            outcome=state,
            accepted_at=NOW,
            started_at=NOW,
            deliveries=[Delivery(subscriber="ops", state=state)],
        )
        for place, state in enumerate(states)
    ]
    return EventView(event=event, runs=runs)


@pytest.mark.parametrize(
    "case",
    [
        (PAUSED, DeliveryState.RETRYING, "ops", [WAITS, TWICE]),
        (PAUSED, DeliveryState.FAILED, None, [WAITS]),
        (OPS, DeliveryState.RETRYING, None, [TWICE]),
        (OPS, DeliveryState.DELIVERED, None, []),
        (OPS.model_copy(update={"enabled": False}), DeliveryState.RETRYING, None, []),
        (make_subscriber(name="ops", types=("other.*",)), DeliveryState.RETRYING, None, []),
        (make_subscriber(name="others", types=("**",)), DeliveryState.RETRYING, "ops", []),
    ],
)
def test_a_pause_and_an_earlier_delivery_are_told(case: tuple[Any, DeliveryState, str | None, list[str]]) -> None:
    subscriber, state, only, said = case
    assert list(remarks(told(state), [view(subscriber)], only)) == said


@pytest.mark.parametrize(
    ("subscriber", "event"),
    [
        (PAUSED.model_copy(update={"message_format": MessageFormat.FLAT}), EVENT),
        (PAUSED.model_copy(update={"severities": ("SEV-1",)}), make_event(data={"severity": "SEV-2"})),
        (
            PAUSED.model_copy(update={"types": ("im.subscriber.**",)}),
            make_event(type=SUBSCRIBER_PAUSED, subject="subscribers/ops"),
        ),
        (PAUSED.model_copy(update={"types": ("im.subscriber.**",)}), make_event(type=SUBSCRIBER_TEST)),
    ],
    ids=["a format that cannot say it", "another severity", "of itself", "a test"],
)
def test_nothing_is_said_of_whom_a_resend_to_all_does_not_reach(subscriber: Subscriber, event: CloudEvent) -> None:
    assert list(remarks(told(DeliveryState.RETRYING, event=event), [view(subscriber)], None)) == []


def test_the_resend_itself_is_no_earlier_delivery() -> None:
    both = told(DeliveryState.FAILED, DeliveryState.RETRYING)
    assert list(remarks(both, [view(OPS)], "ops", without="w1")) == []
    assert list(remarks(both, [view(OPS)], "ops")) == [TWICE]


@pytest.mark.parametrize(
    ("subscriber", "said"),
    [
        (
            OPS.model_copy(update={"enabled": False}),
            "it is disabled; to have it told: im subscriber enable ops",
        ),
        (
            make_subscriber(name="ops", types=("other.*",)),
            f"none of its patterns matches {EVENT.type}; to have it told: im subscriber update ops --types 'other.*,",
        ),
        (
            OPS.model_copy(update={"severities": ("SEV-1",)}),
            "it is SEV-2, and ops is told of SEV-1 alone; to have it told: im subscriber update ops --severities",
        ),
        (
            OPS.model_copy(update={"message_format": MessageFormat.FLAT}),
            f"the message format 'flat' has no way to say {EVENT.type}; such events need another subscriber",
        ),
    ],
)
def test_nobody_is_sent_again_what_their_settings_leave_out(subscriber: Any, said: str) -> None:
    event = make_event(data={"severity": "SEV-2"})
    check_wanted(view(OPS), event)
    check_wanted(view(OPS), make_event(type=SUBSCRIBER_TEST))
    with pytest.raises(InvalidRequestError, match=re.escape(f"ops would not be told of it: {said}")):
        check_wanted(view(subscriber), event)


def test_nobody_is_sent_what_tells_of_themselves() -> None:
    event = make_event(type=SUBSCRIBER_PAUSED, subject="subscribers/ops")
    with pytest.raises(InvalidRequestError, match="never told of itself"):
        check_wanted(view(make_subscriber(name="ops", types=("im.**",))), event)
