"""How often a token may be used, in one process: as many at once as its rate says, and then as they come back."""

import time
from collections.abc import Callable, Container

from domain.rates import Rate


class TokenRate:
    """Counts the requests of each token.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, key: str, rate: Rate) -> float:
        """Take a request of a token's; 0 when it may be made, otherwise after how many seconds it may."""
        now = self._clock()
        left, at = self._left.get(key, (float(rate.count), now))
        left = min(rate.count, left + (now - at) * rate.per_second)
        allowed = left >= 1
        self._left[key] = (left - 1 if allowed else left, now)
        return 0.0 if allowed else (1 - left) / rate.per_second

    def keep(self, known: Container[str]) -> None:
        """Forget the tokens that are not among these."""
        self._left = {key: count for key, count in self._left.items() if key in known}
