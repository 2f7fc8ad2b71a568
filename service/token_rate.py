"""How often a token may be used, in one process: as many at once as its rate says, and then as they come back."""

import time
from collections.abc import Callable, Container
from math import inf

from domain.rates import Rate


class TokenRate:
    """Counts the requests of each token.

    Args:
        clock: monotonic seconds.
        most: tokens counted; of more, the one that took longest ago is forgotten. As many as there are by default.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: float = inf) -> None:
        self._clock = clock
        self._most = most
        self._left: dict[str, tuple[float, float]] = {}  # who took last comes last

    def take(self, key: str, rate: Rate) -> float:
        """Take a request of a token's; 0 when it may be made, otherwise after how many seconds it may."""
        now = self._clock()
        left, at = self._left.pop(key, (float(rate.count), now))
        if len(self._left) >= self._most:
            del self._left[next(iter(self._left))]
        left = min(rate.count, left + (now - at) * rate.per_second)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed else left, now)
        return 0.0 if allowed else (1 - left) / rate.per_second

    def give_back(self, key: str, rate: Rate) -> None:
        """Let a request that was taken not count."""
        if key in self._left:
            left, at = self._left[key]
            self._left[key] = (min(rate.count, left + 1), at)

    def keep(self, known: Container[str]) -> None:
        """Forget the tokens that are not among these."""
        self._left = {key: count for key, count in self._left.items() if key in known}
