"""Whether a request may be made now: to whom, by which queue, and not while a pause lasts."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from activities.courier import cancelled
from activities.directory import LeasedDirectory
from activities.leases import LEASE_SECONDS
from activities.limits import LimitedDeliveries
from activities.reporting import beating, moved, unmade
from activities.transport_errors import LocalFault
from domain.directory import Directory
from domain.events import CloudEvent
from domain.outcomes import Attempt, Delivery, waiting
from domain.subscribers import Subscriber
from domain.tasks import DeliverRequest

STOOD_STILL = "the process that was to make it stood still, and another may serve the subscriber by now"
DIRECTORY_AWAY = "the directory of subscribers does not answer"


class Admission:
    """Asks the directory at the moment of sending.

    Args:
        directory: who is there.
        limited: the queues of limited subscribers.
    """

    def __init__(self, directory: LeasedDirectory, limited: LimitedDeliveries) -> None:
        self._directory = directory
        self._limited = limited

    async def wanted(self, name: str, since: datetime | None) -> Subscriber | None:
        """The subscriber as it is now; None when it was removed or disabled, or is another one of the same name.

        While the directory does not answer, that somebody is there is taken from what was known last, and that nobody
        is from nothing: it may have been added, or enabled, since, and the delivery would end.

        Raises:
            LocalFault: nothing is known of it, and the directory does not answer.
        """
        try:
            found = _wanted(await self._directory.latest(), name, since)
            return found or _wanted(await self._directory.current(), name, since)
        except Exception as error:  # whatever the query fails with
            raise LocalFault(f"{DIRECTORY_AWAY} ({type(error).__name__})") from error

    async def first(self, name: str, since: datetime | None, event: CloudEvent) -> Subscriber | Delivery:
        """The subscriber, for a first request; where none is to be made, the delivery as it stands then."""
        subscriber = await self.wanted(name, since)
        if subscriber is None:
            return cancelled(name, event.id, [])
        pause = subscriber.pause_for(event.type)
        return waiting(name, pause.reason, []) if pause else subscriber

    async def allowed(
        self, request: DeliverRequest, known: list[Attempt], load: Callable[[], Awaitable[CloudEvent]]
    ) -> Subscriber | Delivery | None:
        """The subscriber once a request may be made to it; the delivery, waiting, during a pause; None: not wanted.

        A delivery that waits takes no turn of a limited subscriber's.

        Raises:
            ApplicationError: it goes by another queue (`moved`), or it cannot be made here now (`unmade`): another
                process may serve this one, or the directory does not answer.
        """
        try:
            return await self._allowed(request, known, load)
        except LocalFault as fault:
            raise unmade(request, known, str(fault)) from None

    async def _allowed(
        self, request: DeliverRequest, known: list[Attempt], load: Callable[[], Awaitable[CloudEvent]]
    ) -> Subscriber | Delivery | None:
        subscriber = await self.wanted(request.subscriber, request.since)
        if subscriber is None:
            return None
        if subscriber.paused and (pause := subscriber.pause_for((await load()).type)):
            return waiting(subscriber.name, pause.reason, known)
        if not subscriber.limited:
            return subscriber
        if not self._limited.is_here(subscriber.name):
            words = await beating(asyncio.create_task(self._limited.words(subscriber)), known)
            raise moved(subscriber.name, words, known)
        await beating(asyncio.create_task(self._limited.turn(subscriber)), known)
        asked = time.monotonic()
        current = await self.wanted(request.subscriber, request.since)
        if current and time.monotonic() - asked > LEASE_SECONDS:
            # Whoever asked meanwhile was answered with this one: all of them would make their requests at once.
            await beating(asyncio.create_task(self._limited.turn(current)), known)
            current = _wanted(self._directory.known, request.subscriber, request.since)
        if self._limited.is_lost(subscriber.name):
            raise unmade(request, known, STOOD_STILL)
        if current and current.paused and (pause := current.pause_for((await load()).type)):
            return waiting(current.name, pause.reason, known)
        return current


def _wanted(directory: Directory | None, name: str, since: datetime | None) -> Subscriber | None:
    subscriber = directory.subscribers.get(name) if directory else None
    if subscriber is None or not subscriber.enabled:
        return None
    return subscriber if since is None or subscriber.created_at == since else None
