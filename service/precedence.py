"""Which events this process accepted lately, for those who are told of an incident's or alarm's events in order."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from domain.events import CloudEvent
from domain.tasks import EARLIER_NAMED

# Whoever was accepted has its places by then, unless its process is gone: its first task takes them, mostly within half
# a second, and Temporal gives that task to another process after four.
REMEMBERED_SECONDS = 10.0


class Precedence:
    """The latest workflows of each incident or alarm: those that come next line up behind them.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._latest: OrderedDict[str, list[tuple[float, str]]] = OrderedDict()

    def note(self, events: Sequence[CloudEvent], workflow_id: str) -> None:
        """A workflow has begun for these."""
        now = self._clock()
        for key in _keys(events):
            self._latest[key] = [*self._fresh(key, now), (now, workflow_id)][-EARLIER_NAMED:]
            self._latest.move_to_end(key)
        while self._latest and not self._fresh(oldest := next(iter(self._latest)), now):
            del self._latest[oldest]

    def behind(self, events: Sequence[CloudEvent], workflow_id: str) -> dict[str, list[str]]:
        """The workflows that a new one of these comes after: of each incident or alarm the latest ten, in order."""
        now = self._clock()
        begun = {key: [name for _, name in self._fresh(key, now) if name != workflow_id] for key in _keys(events)}
        return {key: each for key, each in begun.items() if each}

    def _fresh(self, key: str, now: float) -> list[tuple[float, str]]:
        return [each for each in self._latest.get(key, []) if now - each[0] < REMEMBERED_SECONDS]


def _keys(events: Sequence[CloudEvent]) -> list[str]:
    return sorted({event.ordering_key for event in events if event.ordering_key})
