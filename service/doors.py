"""The door of a process that serves the API: since when beats have come in by it without fail."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from domain.errors import ImError, UnavailableError

# A clock that gains more on the time that this process has run, between two looks, was set; or its machine slept.
SLEPT = timedelta(seconds=10)


def _now() -> datetime:
    return datetime.now(UTC)


class Door:
    """Knows since when this process has refused no beat for a fault of ours.

    Args:
        clock: this machine's time; compared with beats' times, which other machines may have noted.
        steady: monotonic seconds, which stand still while the machine sleeps.
    """

    def __init__(self, clock: Callable[[], datetime] = _now, steady: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._steady = steady
        self._clear_since = clock()
        self._started_at = self._start(self._clear_since)

    @property
    def clear_since(self) -> datetime:
        """When it was opened, last refused a beat, or was last seen to have slept or to have had its clock set forward.

        A machine that sleeps hears no beat, and a clock that is set forward makes a silence that nobody kept.
        """
        before, self._started_at = self._started_at, self._start(self._clock())
        if self._started_at - before > SLEPT:
            self.refused()
        return self._clear_since

    def _start(self, now: datetime) -> datetime:
        """When the steady clock began, by the machine's time: the same at each look, unless that was set."""
        return now - timedelta(seconds=self._steady())

    def opened(self) -> None:
        """Beats can come in from now on."""
        self._clear_since = self._clock()

    def refused(self) -> None:
        """A beat, or what may hold one, could not be taken."""
        self._clear_since = self._clock()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Take note when what passes fails for a fault of ours; a beat that nothing knows is none."""
        try:
            yield
        except Exception as error:
            if isinstance(error, UnavailableError) or not isinstance(error, ImError):
                self.refused()
            raise
