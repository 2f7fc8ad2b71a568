"""What becomes of several events after their first requests: what has ended is concluded, the rest is handed over."""

import asyncio
import itertools
from collections.abc import Sequence
from operator import itemgetter

from temporalio import workflow

from domain.events import CloudEvent
from domain.outcomes import FINAL_STATES, Delivery, DeliveryState
from workflows import calls, handing, policies
from workflows.progress import Progress
from workflows.pursuit import ADOPT_IN_ROUNDS


class Burst:
    """The deliveries of several events; each is known by its event's place, and its own among that event's."""

    def __init__(self, events: Sequence[CloudEvent], progress: Progress, watchers: list[str]) -> None:
        self._events = events
        self._progress = progress
        self._watchers = watchers
        self._concluded: set[tuple[int, int]] = set()

    async def hand_over(self) -> None:
        """Give each event that needs a further request a workflow of its own; its start is awaited, its end is not.

        What is to be retried does not wait for what is still in flight, nor does what has failed wait to be told.
        """
        progress = self._progress
        unfinished = [index for index in range(len(self._events)) if progress.unfinished(index)]
        if not unfinished:
            return
        flying = [index for index in unfinished if progress.flying(index)]
        ready = [index for index in unfinished if index not in flying]
        ended = self._ended()
        if not any(map(self._is_untold, ended)) or not workflow.patched(handing.IN_TURNS):
            ended = []
        await asyncio.gather(self._continue(ready), self._see_landed(flying), self._conclude(ended))
        progress.tell()

    async def conclude(self) -> None:
        """Conclude all that has ended here."""
        await self._conclude(self._ended())

    def _ended(self) -> list[tuple[int, int]]:
        """What has ended, and was not concluded."""
        return [
            (index, place)
            for index, group in enumerate(self._progress.groups)
            for place, pending in enumerate(group)
            if pending.delivery.state in FINAL_STATES and (index, place) not in self._concluded
        ]

    def _delivery(self, places: tuple[int, int]) -> Delivery:
        index, place = places
        return self._progress.groups[index][place].delivery

    def _is_untold(self, places: tuple[int, int]) -> bool:
        delivery = self._delivery(places)
        return not delivery.recorded or delivery.state is DeliveryState.FAILED

    async def _conclude(self, ended: Sequence[tuple[int, int]]) -> None:
        """Have what has ended counted, and what failed for good told."""
        self._concluded.update(ended)
        for index, places in itertools.groupby(ended, key=itemgetter(0)):
            deliveries = [self._delivery(each) for each in places]
            if uncounted := [delivery for delivery in deliveries if not delivery.recorded]:
                await calls.record(self._events[index], uncounted)
        groups = self._progress.groups
        await asyncio.gather(
            *(calls.tell_exhausted(self._events[index], groups[index][place], self._watchers) for index, place in ended)
        )

    async def _see_landed(self, flying: list[int]) -> None:
        """Wait for what is in flight, all of it together: an overload would only grow by a workflow for each."""
        progress, continuing = self._progress, list[asyncio.Task[None]]()
        for _ in range(policies.ADOPTION_ROUNDS):
            if not flying:
                break
            await calls.adopt_together([pending for index in flying for pending in progress.flying(index)])
            aloft = [index for index in flying if len(progress.flying(index)) == len(progress.unfinished(index)) > 0]
            if aloft and not workflow.patched(ADOPT_IN_ROUNDS):
                aloft = []
            landed = [index for index in flying if index not in aloft and progress.unfinished(index)]
            if landed:
                continuing.append(asyncio.create_task(self._continue(landed)))
                if not workflow.patched(handing.IN_TURNS):
                    await continuing[-1]
            flying = aloft
        await asyncio.gather(*continuing, self._continue(flying))

    async def _continue(self, indexes: list[int]) -> None:
        await handing.hand_over(self._events, indexes, self._progress, self._watchers)
