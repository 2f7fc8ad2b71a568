"""Follows events as their outcomes change: one reader of Temporal's visibility store for all who listen.

It reads only while somebody does, once a second. A position in what it tells is a time by Temporal's own clock, up to
which everything was told; whoever comes back with it is told all that changed since, and some of it again.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from prometheus_client import Gauge
from temporalio.client import Client
from temporalio.service import RPCError

from activities.logger import Logger
from domain.errors import ImError
from domain.stream_errors import TooManyListenersError, TooManyOfCallerError
from service.changes import EventChange, Known, Look, Watch, look, now_in_store, read_position
from service.retention import read_retention
from service.stream_listener import MISSED_TOLD, Listener

LOOK_EVERY_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0  # between looks, while Temporal is away
MAX_LISTENERS = 100  # of one process
MAX_OF_ONE_CALLER = 20  # of those, so that one token leaves places to the others
CATCH_UPS = 4  # looks into the past at once, up to 6,000 workflows each

LISTENERS = Gauge("im_stream_listeners", "Listeners of the event stream.", multiprocess_mode="livesum")

_log = Logger("follower")


class Follower:
    """Tells listeners of changes. Raises the errors of `domain.errors` alone.

    Attributes:
        away: why nothing is told at the moment, while Temporal does not answer; None while it does.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._listeners: set[Listener] = set()
        self._reading: asyncio.Task[None] | None = None
        self._looking = asyncio.Lock()  # nobody joins between a look of the reader and its telling
        self._catching_up = asyncio.Semaphore(CATCH_UPS)
        self._position = datetime.min.replace(tzinfo=UTC)
        self._closed = False
        self.away: str | None = None

    @asynccontextmanager
    async def listening(
        self, watch: Watch, after: str | None = None, caller: str | None = None, *, here: bool = False
    ) -> AsyncIterator[Listener]:
        """A listener, for the duration of a block.

        Args:
            watch: which events it is told of.
            after: the position to go on from; None for what changes from now on.
            caller: whose places are counted; None: nobody's.
            here: whether it is of this process, see `Listener`.

        Raises:
            TooManyListenersError: a hundred listen to this process.
            TooManyOfCallerError: twenty of them are the caller's.
            InvalidRequestError: ``after`` is no position.
        """
        listener = Listener(watch, caller, here=here)
        since = read_position(after) if after else None
        self._require_place(caller)
        self._listeners.add(listener)
        LISTENERS.inc()
        try:
            await (self._catch_up(listener, since) if since else self._join(listener))
            yield listener
        finally:
            self._listeners.discard(listener)
            LISTENERS.dec()
            if not self._listeners and self._reading is not None:
                self._reading.cancel()
                self._reading = None

    def close(self) -> None:
        """End every listener, because the process is about to stop."""
        self._closed = True
        for listener in list(self._listeners):
            listener.end("this process stops; come back with Last-Event-ID")

    def _require_place(self, caller: str | None) -> None:
        if self._closed or len(self._listeners) >= MAX_LISTENERS:
            raise TooManyListenersError(limit=MAX_LISTENERS)
        of_caller = sum(listener.caller == caller for listener in self._listeners)
        if caller is not None and of_caller >= MAX_OF_ONE_CALLER:
            raise TooManyOfCallerError(limit=MAX_OF_ONE_CALLER, name=caller)

    async def _begin(self) -> None:
        """Take what is there for known, and read on from there."""
        known = Known()
        found = await look(self._client, await now_in_store(self._client))
        known.news(found.changes)
        self._position = found.seen
        self._reading = asyncio.create_task(self._read(known))

    async def _join(self, listener: Listener, room: int | None = None) -> None:
        async with self._looking:
            if self._reading is None:
                await self._begin()
            listener.begin(self._position.isoformat(), room)

    async def _catch_up(self, listener: Listener, since: datetime) -> None:
        """Tell what changed since a position.

        It joins before it looks, so that nothing is missed in between; what the reader tells meanwhile may repeat some.
        """
        async with self._catching_up:
            await self._join(listener, MISSED_TOLD)
            found = await look(self._client, since)
            missed = found.changes[-MISSED_TOLD:]
            gap = await self._gap(found, missed, since)
            listener.catch_up(missed, since.isoformat(), found.seen.isoformat(), gap)

    async def _gap(self, found: Look, missed: Sequence[EventChange], since: datetime) -> str | None:
        if not found.whole or len(missed) < len(found.changes):
            first = min(change.emitted_at for change in missed).isoformat()
            return f"too much happened since: of what was emitted before {first} not all is told; it is in the list"
        oldest = datetime.now(UTC) - (await read_retention(self._client)).time
        return f"what ended before {oldest.isoformat()} is not retained any more" if since < oldest else None

    async def _read(self, known: Known) -> None:
        """Look again and again, and tell what is another than before."""
        pause = LOOK_EVERY_SECONDS
        while True:
            await asyncio.sleep(pause)
            try:
                async with self._looking:
                    await self._look_on(known)
            except (ImError, RPCError) as error:
                pause, self.away = min(2 * pause, LONGEST_PAUSE_SECONDS), str(error)
                _log.warning("the event stream goes on when Temporal answers", reason=self.away)
            else:
                pause, self.away = LOOK_EVERY_SECONDS, None

    async def _look_on(self, known: Known) -> None:
        found, before = await look(self._client, self._position), self._position.isoformat()
        news, gap = known.news(found.changes), _unread(found, self._position)
        known.forget(found)
        self._position = found.seen
        for listener in self._listeners:
            if listener.position is not None:  # else it begins with what is there now
                listener.offer(news, before, found.seen.isoformat(), gap)


def _unread(found: Look, before: datetime) -> str | None:
    """What a look may not have read of what ended since the look before."""
    first = min((change.ended_at for change in found.changes if change.ended_at), default=before)
    if found.whole or first <= before:
        return None
    return f"too much happened: of what ended before {first.isoformat()} not all is told; it is in the list"
