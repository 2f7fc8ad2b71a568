"""`im subscriber test`: one marked event through the real path to one subscriber, and what came back."""

import asyncio
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from domain.alarm_messages import nested
from domain.alarms import AlarmSeverity, Notification
from domain.errors import InvalidRequestError
from domain.event_types import SUBSCRIBER_TEST
from domain.events import CloudEvent
from domain.incidents import rfc3339
from domain.message_formats import MessageFormat
from domain.outcomes import FINAL_STATES, Delivery, DeliveryState
from service.connection import Connection
from service.event_ids import new_event_id
from service.events import EventGateway
from service.progress import read_run
from service.subscribers import SubscriberGateway
from workflows import names

# One request takes 10 s at most; its outcome is asked for until then and a little longer.
WAIT = timedelta(seconds=12)
POLL = timedelta(seconds=0.1)


class Trial(BaseModel):
    """What came of a test.

    Attributes:
        event_id: of the test event; `im event show` has all of it.
        state: ``delivered``; ``failed``; ``retrying`` when the first request failed and more will be made;
            ``pending`` when nothing came back within 12 s.
        delivery: with every request made so far and what was answered; None when none was begun.
    """

    subscriber: str
    event_id: str
    state: DeliveryState
    delivery: Delivery | None = None


class TrialGateway:
    """Tries out subscribers. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, events: EventGateway, subscribers: SubscriberGateway) -> None:
        self._connection = connection
        self._events = events
        self._subscribers = subscribers

    async def run(self, name: str) -> Trial:
        """Send a test event to a subscriber alone, whatever its patterns, and wait for what its first request met.

        Raises:
            SubscriberNotFoundError: there is none of that name.
            InvalidRequestError: it is disabled.
            PublishingDisabledError: publishing is off in the worker's process.
        """
        subscriber = await self._subscribers.get(name)
        if not subscriber.enabled:
            raise InvalidRequestError(reason=f"{name} is disabled; enable it first: im subscriber enable {name}")
        event = _test_event(name, subscriber.message_format)
        await self._events.emit(event, only=name)
        delivery = await self._first_result(event)
        state = delivery.state if delivery else DeliveryState.PENDING
        return Trial(subscriber=name, event_id=event.id, state=state, delivery=delivery)

    async def _first_result(self, event: CloudEvent) -> Delivery | None:
        """The delivery once a request of it has ended, or as it stands after 12 s."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT.total_seconds()
        while True:
            run = await read_run(self._connection.client, names.event_workflow_id(event), 0)
            delivery = run.deliveries[0] if run.deliveries else None
            if delivery and (delivery.attempts or delivery.state in FINAL_STATES):
                return delivery
            if loop.time() > deadline or (run.ended_at and not delivery):
                return delivery
            await asyncio.sleep(POLL.total_seconds())


def _test_event(name: str, message_format: MessageFormat) -> CloudEvent:
    now = datetime.now(UTC)
    said = f"im subscriber test {name}: it arrives; nothing is wrong, nothing is to be done"
    plain = {"test": True, "message": said, "subscriber": name}
    return CloudEvent(
        id=new_event_id(),
        source=f"/subscribers/{name}",
        type=SUBSCRIBER_TEST,
        time=rfc3339(now),
        datacontenttype="application/json",
        data=plain if message_format is MessageFormat.CLOUDEVENTS else nested(_test_alarm(name, said, now)),
    )


def _test_alarm(name: str, said: str, now: datetime) -> Notification:
    """What formats that say alarms alone can say of a test."""
    return Notification(
        alarm_id=f"im-subscriber-test-{name}",
        alarm_type="im-subscriber-test",
        resource_type="subscriber",
        resource_id=name,
        severity=AlarmSeverity.CLEARED,
        brief_description=f"TEST: {said}",
        last_updated=now,
    )
