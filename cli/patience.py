"""Watching goes on where Temporal or a worker is away for a while."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.run import say
from domain.errors import UnavailableError

LONGEST = 60.0  # seconds; a script that waits is to hear of what stays away


class Patience:
    """Bears an absence of a minute, and says so once; what lasts longer is raised."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._away_since: float | None = None

    @contextmanager
    def bearing(self) -> Iterator[None]:
        """Pass over `UnavailableError` in a block that is tried again afterwards."""
        try:
            yield
        except UnavailableError as error:
            now = self._clock()
            if self._away_since is None:
                self._away_since = now
                say(f"{error}; it goes on here when that is back")
            elif now - self._away_since > LONGEST:
                raise
        else:
            self._away_since = None
