"""How often a heartbeat hears: often enough for a deadline of a second, too seldom to fill its workflow's history."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from domain.heartbeats import BeatKind
from domain.source_errors import TooManyBeatsError

SAME_WITHIN_SECONDS = 0.25  # the same kind again says nothing that a deadline, in whole seconds, would show
BEATS_A_SECOND = 4.0  # of one heartbeat in one process; some 16 events of history, of the 4,096 of a run
AT_ONCE = 20
REMEMBERED = 10_000  # heartbeats; past that all are forgotten, which costs a few beats more

_SAID_AGAIN = frozenset({BeatKind.SUCCESS, BeatKind.START, BeatKind.FAIL})  # each note of a log is its own


@dataclass
class _Heard:
    left: float
    at: float
    kind: BeatKind | None = None
    accepted_at: float = float("-inf")


class BeatRate:
    """Decides which beats are passed on; of one process.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: dict[str, _Heard] = {}

    def says_something(self, name: str, kind: BeatKind) -> bool:
        """Whether a beat is to be passed on: not where one of its kind was, less than 250 ms ago.

        Raises:
            TooManyBeatsError: more than 20 at once, or 4 a second.
        """
        heard, now = self._of(name), self._clock()
        if kind in _SAID_AGAIN and heard.kind is kind and now - heard.accepted_at < SAME_WITHIN_SECONDS:
            return False
        heard.left, heard.at = min(AT_ONCE, heard.left + (now - heard.at) * BEATS_A_SECOND), now
        if heard.left < 1:
            raise TooManyBeatsError(name=name)
        heard.left -= 1
        return True

    def accepted(self, name: str, kind: BeatKind) -> None:
        """Take note that Temporal has a beat."""
        heard = self._of(name)
        heard.kind, heard.accepted_at = kind, self._clock()

    def _of(self, name: str) -> _Heard:
        if name not in self._heard and len(self._heard) >= REMEMBERED:
            self._heard.clear()
        return self._heard.setdefault(name, _Heard(left=AT_ONCE, at=self._clock()))
