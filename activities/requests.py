"""First requests that outlive the 300 ms a workflow task has for them: kept here until another activity adopts them."""

import asyncio
import contextlib
from datetime import timedelta

from activities import journal
from activities.gate import InlineGate
from activities.sender import Sender
from domain.events import CloudEvent
from domain.outcomes import Attempt
from domain.subscribers import Subscriber


class RequestTable:
    """Makes requests, and remembers those whose outcome nobody has taken yet.

    Args:
        sender: makes the request.
        gate: told of every request's beginning and end.
    """

    def __init__(self, sender: Sender, gate: InlineGate) -> None:
        self._sender = sender
        self._gate = gate
        self._flights: dict[str, asyncio.Task[Attempt]] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    async def send(self, event: CloudEvent, subscriber: Subscriber, number: int) -> Attempt:
        """Make request ``number`` of a delivery and wait for its outcome."""
        self._gate.began(subscriber.name)
        attempt = None
        try:
            with journal.IN_FLIGHT.track_inprogress():
                attempt = await self._sender.send(event, subscriber, number)
            return attempt
        finally:
            self._gate.ended(subscriber.name, attempt)

    def start(self, key: str, event: CloudEvent, subscriber: Subscriber) -> asyncio.Task[Attempt]:
        """Begin a first request, or join it when a repeated workflow task asks for it again."""
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self.send(event, subscriber, 1))
            self._flights[key] = flight
            self._empty.clear()
        return flight

    def find(self, key: str) -> asyncio.Task[Attempt] | None:
        """The first request begun under a key, in flight or ended and not yet taken."""
        return self._flights.get(key)

    def forget(self, key: str) -> None:
        """Its outcome was taken."""
        self._flights.pop(key, None)
        if not self._flights:
            self._empty.set()

    async def adopted(self, within: timedelta) -> None:
        """Wait until the outcome of every first request was taken, or the time is up."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), within.total_seconds())
