"""One request of a delivery and everything that follows from it: the decision, the log line, the count."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from activities import journal
from activities.flights import Carry
from activities.gate import InlineGate
from activities.recorder import Recorder
from domain.events import CloudEvent
from domain.outcomes import Attempt, Delivery, DeliveryState, settle
from domain.pauses import patience
from domain.retry import RetrySchedule
from domain.subscribers import Subscriber
from domain.targets.kinds import WEBHOOK

if TYPE_CHECKING:  # workflows name activities, and need not load what sends
    from activities.sender import Sender

OLD_RESPONSE_CHARS = 200  # of all responses but the latest, in what a delivery carries from attempt to attempt

MarkGone = Callable[[str, datetime], Awaitable[None]]


class Courier:
    """Makes requests and brings their deliveries up to date.

    Args:
        sender: makes the request.
        gate: told of every request's beginning and end.
        recorder: group commits to the ledger.
        mark_gone: tells the directory that a subscriber answered 410 to a request made at a time.
    """

    def __init__(self, sender: "Sender", gate: InlineGate, recorder: Recorder, mark_gone: MarkGone) -> None:
        self._sender = sender
        self._gate = gate
        self._recorder = recorder
        self._mark_gone = mark_gone

    async def carry(
        self,
        event: CloudEvent,
        subscriber: Subscriber,
        schedule: RetrySchedule | None,
        *,
        number: int = 1,
        prior: list[Attempt] | None = None,
        answered: Callable[[], None] | None = None,
        replay: str | None = None,
    ) -> Delivery:
        """Make request ``number``; returns the delivery as it stands after it, once that is counted.

        ``answered`` is called when the request has ended; ``replay`` is the one that it is part of.

        Raises:
            LocalFault: this machine could not make the request; it says nothing of the receiver and counts nowhere.
        """
        attempt = await self._request(event, subscriber, number, replay)
        if answered:
            answered()
        attempts = [*(_shortened(earlier) for earlier in prior or []), attempt]
        delivery = settle(subscriber.name, attempts, schedule or RetrySchedule())
        journal.tell(delivery, event.id)
        allowed = patience(subscriber.pause_after_seconds, subscriber.updated_at, attempt.at)
        entry = journal.ledger_entry(delivery, allowed)
        if entry is None or delivery.state is DeliveryState.RETRYING:
            if entry:
                self._recorder.note(entry)
            return delivery
        if attempt.status == HTTPStatus.GONE and subscriber.target == WEBHOOK:
            await self._mark_gone(subscriber.name, attempt.at)
        recorded = await self._recorder.record([entry], soon=subscriber.max_concurrency is not None)
        return delivery.model_copy(update={"recorded": recorded})

    def carrying(
        self,
        event: CloudEvent,
        subscriber: Subscriber,
        schedule: RetrySchedule | None,
        replay: str | None = None,
        *,
        number: int = 1,
        prior: list[Attempt] | None = None,
    ) -> Carry:
        """A function that makes a request of a delivery (the first, by default) when it is called."""
        return lambda answered: self.carry(
            event, subscriber, schedule, number=number, prior=prior, answered=answered, replay=replay
        )

    async def _request(self, event: CloudEvent, subscriber: Subscriber, number: int, replay: str | None) -> Attempt:
        flight = self._gate.began(subscriber.name)
        attempt = None
        try:
            with journal.IN_FLIGHT.track_inprogress():
                attempt = await self._sender.send(event, subscriber, number, replay)
            return attempt
        finally:
            self._gate.ended(flight, attempt)


def cancelled(subscriber: str, event_id: str, attempts: list[Attempt]) -> Delivery:
    """The delivery, cancelled: its subscriber was disabled, removed, or replaced by another of the same name."""
    delivery = Delivery(
        subscriber=subscriber,
        state=DeliveryState.CANCELLED,
        attempts=attempts,
        error="the subscriber was disabled or removed",
        recorded=True,
    )
    journal.tell(delivery.model_copy(update={"attempts": []}), event_id)
    return delivery


def _shortened(attempt: Attempt) -> Attempt:
    if not attempt.response:
        return attempt
    return attempt.model_copy(update={"response": attempt.response[:OLD_RESPONSE_CHARS]})
