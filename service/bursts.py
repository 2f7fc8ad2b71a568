"""How events become workflow starts: each its own at ordinary rates, shared by those that wait in a burst."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from domain.errors import ImError, OverloadedError
from domain.events import CloudEvent
from domain.receipts import PublishReceipt
from service.remembered import Acceptance, Identity, Remembered, identity_of, repeated
from workflows import listed, names

# Starts under way at once. At 20 events/s a start takes some 6 ms, so nobody ever waits; a burst soon does, and
# the more wait, the more share a start (docs/decisions/0009-bursts-share-a-start.md).
STARTS_IN_FLIGHT = 1
ORDINARY = 2  # events at once; more are a burst
# After a start in a burst, for the events of those who were answered by it: without, they miss the next start, and half
# as many share each (docs/decisions/0009-bursts-share-a-start.md).
GATHER_SECONDS = 0.015
MAX_PER_WORKFLOW = 100
MAX_BYTES_PER_WORKFLOW = 512 * 1024  # of one payload, which Temporal refuses past 2 MiB
MAX_WAITING = 5_000  # some 20 MB of 4 KiB events; past that publishers are told to come back

QUIET_WITHIN_SECONDS = 2
BUSY_SECONDS = 0.005  # until a busy process is looked at again

Busy = Callable[[], bool]
Outcome = PublishReceipt | ImError
Start = Callable[[Sequence[CloudEvent]], Awaitable[list[Outcome]]]
_Waiting = tuple[CloudEvent, asyncio.Future[PublishReceipt]]


def never_busy() -> bool:
    """For a process without a worker."""
    return False


class Bursts:
    """Accepts events one by one and starts workflows for one or many.

    Args:
        start: starts one workflow for the events; gives an outcome for each, in order.
        per_workflow: at most so many share a start; 1 gives every event its own.
        busy: while it says so, nothing is started: what waits then shares a start, instead of adding to the load.
        remembered: what this process has had accepted; what is accepted here is added.
    """

    def __init__(
        self,
        start: Start,
        per_workflow: int = MAX_PER_WORKFLOW,
        busy: Busy = never_busy,
        remembered: Remembered | None = None,
    ) -> None:
        self._start = start
        self._remembered = remembered or Remembered()
        self._busy = busy
        self._per_workflow = per_workflow
        self._waiting: list[_Waiting] = []
        self._starting: set[asyncio.Task[None]] = set()
        self._looking = False
        self._expected = 0  # as many are waited for before the next start; 0: none
        self._accepting: dict[Identity, asyncio.Future[PublishReceipt]] = {}

    async def accept(self, event: CloudEvent) -> PublishReceipt:
        """Wait until Temporal has the event. One accepted by this process lately is not started again.

        Raises:
            OverloadedError: 5,000 events wait already; nothing was taken.
            EventConflictError: accepted before with other content.
            ImError: whatever kept the start from happening.
        """
        identity = identity_of(event)
        while (before := self._accepting.get(identity)) is not None:
            await asyncio.wait([before])  # the same event is on its way in: what becomes of it decides
        if known := self._remembered.among([event]):
            return repeated(event, known[identity])
        if len(self._waiting) >= MAX_WAITING:
            raise OverloadedError(waiting=len(self._waiting))
        accepted: asyncio.Future[PublishReceipt] = asyncio.get_running_loop().create_future()
        self._accepting[identity] = accepted
        self._waiting.append((event, accepted))
        self._pump()
        return await asyncio.shield(accepted)  # a publisher that gives up leaves the event on its way in

    @asynccontextmanager
    async def kept_out(self, events: Sequence[CloudEvent]) -> AsyncIterator[None]:
        """Have the same events wait for the duration of a block, in which these are started by other means."""
        while before := [self._accepting[each] for each in map(identity_of, events) if each in self._accepting]:
            await asyncio.wait(before)
        ours = {identity_of(event): asyncio.get_running_loop().create_future() for event in events}
        self._accepting |= ours
        try:
            yield
        finally:
            for identity, ended in ours.items():
                del self._accepting[identity]
                ended.cancel()

    @property
    def pressed(self) -> bool:
        """A burst is being accepted here: more events at once than have a start each, or the next are expected."""
        return self._expected > 0 or len(self._accepting) > ORDINARY

    async def until_quiet(self) -> None:
        """Wait while the worker of this process is busy, as single events do. Gives up after two seconds.

        Raises:
            OverloadedError: it stayed busy.
        """
        for _ in range(int(QUIET_WITHIN_SECONDS / BUSY_SECONDS)):
            if not self._busy():
                return
            await asyncio.sleep(BUSY_SECONDS)
        raise OverloadedError(waiting=len(self._waiting))

    def _pump(self) -> None:
        if len(self._waiting) < self._expected:
            return
        self._expected = 0
        while self._waiting and len(self._starting) < STARTS_IN_FLIGHT:
            if self._busy():
                self._look_later()
                return
            size = fitting([event for event, _ in self._waiting[: self._per_workflow]])
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            task = asyncio.create_task(self._run(batch))
            self._starting.add(task)
            task.add_done_callback(functools.partial(self._started, len(batch)))

    def _look_later(self) -> None:
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(BUSY_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._looking = False
        self._pump()

    def _started(self, answered: int, task: asyncio.Task[None]) -> None:
        self._starting.discard(task)
        if answered + len(self._waiting) > ORDINARY:  # a burst: those who were answered soon have their next events
            self._expected = min(len(self._waiting) + answered, self._per_workflow)
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._gathered)
        self._pump()

    def _gathered(self) -> None:
        self._expected = 0
        self._pump()

    async def _run(self, batch: Sequence[_Waiting]) -> None:
        try:
            outcomes = await self._start([event for event, _ in batch])
        except Exception as error:  # noqa: BLE001 - every publisher that waits must hear of it, whatever it was
            outcomes = [error] * len(batch)  # type: ignore[list-item]
        for (event, accepted), outcome in zip(batch, outcomes, strict=True):
            del self._accepting[identity_of(event)]
            if isinstance(outcome, PublishReceipt):
                self._remembered.add({identity_of(event): Acceptance(event.digest, outcome.accepted_at)})
                accepted.set_result(outcome)
            else:
                accepted.set_exception(outcome)


def fitting(events: Sequence[CloudEvent]) -> int:
    """How many of the first events fit one workflow by their size, and by what they are found by; at least one."""
    total, taken = 0, 0
    words: set[str] = set()
    for place, event in enumerate(events):
        new = listed.found_by(event) - words
        words |= new
        total, taken = total + len(event.body), taken + sum(map(listed.size_of, new))
        if place and (total > MAX_BYTES_PER_WORKFLOW or taken > names.KEYWORDS_BYTES):
            return place
    return len(events)
