"""Whether a subscriber may be tried within the workflow task: it leaves that path fast, and returns when it can stay.

Leaving costs it some 20 ms a delivery; staying while in trouble costs everybody. So three failures in a row or two slow
answers of twenty suffice to leave, and ten good answers in a row are asked for the return. A subscriber that is in
trouble again within five minutes of its return flaps: it is asked for twice as many the next time. Its requests on the
retry queue count like any other, and time does too: five minutes without a bad answer are a return, so that one that
is rarely told of anything is not judged by what was.
"""

from collections import deque

from domain.outcomes import Attempt

FAILURES_IN_A_ROW = 3
SLOW_MS = 1000
SLOW_OF_LATEST = 2  # of twenty: the 95th percentile is then past the second
SAMPLES = 20
GOOD_TO_RETURN = 10
MOST_GOOD_TO_RETURN = 160  # after flapping: 10, 20, 40, 80, 160; one in five bad never gets there by chance
FORGIVEN_AFTER_SECONDS = 300.0


class Standing:
    """What the latest requests to one subscriber say of it.

    All times are seconds of one monotonic clock, and never run backwards.
    """

    def __init__(self) -> None:
        self._slow: deque[tuple[float, bool]] = deque(maxlen=SAMPLES)
        self._failures = 0
        self._good = 0
        self._bad_at = float("-inf")
        self._returned_at = float("-inf")
        self._asked = GOOD_TO_RETURN
        self._away = False

    @property
    def failing(self) -> bool:
        """Whether its latest requests failed: the next is likely to need a retry."""
        return self._failures >= FAILURES_IN_A_ROW

    def admitted(self, now: float) -> bool:
        """Whether its next delivery may start within the workflow task."""
        if self._away and now - self._bad_at >= FORGIVEN_AFTER_SECONDS:
            self._return(now)
        return not self._away

    def saw(self, attempt: Attempt, now: float) -> None:
        """A request ended at ``now``."""
        self.admitted(now)
        slow, failed = attempt.duration_ms > SLOW_MS, attempt.failure is not None
        self._slow.append((now, slow))
        self._failures = self._failures + 1 if failed else 0
        self._good = 0 if slow or failed else self._good + 1
        if slow or failed:
            self._bad_at = now
        if self._away:
            if self._good >= self._asked:
                self._return(now)
        elif self._failures >= FAILURES_IN_A_ROW or self._is_slow(now):
            self._leave(now)

    def _is_slow(self, now: float) -> bool:
        latest = [slow for at, slow in self._slow if now - at < FORGIVEN_AFTER_SECONDS]
        return sum(latest) >= SLOW_OF_LATEST

    def _leave(self, now: float) -> None:
        flapped = now - self._returned_at < FORGIVEN_AFTER_SECONDS
        self._asked = min(2 * self._asked, MOST_GOOD_TO_RETURN) if flapped else GOOD_TO_RETURN
        self._away = True

    def _return(self, now: float) -> None:
        """Its good answers stay known: one slow answer more is then one of many."""
        self._away, self._failures, self._returned_at = False, 0, now
        self._slow = deque((sample for sample in self._slow if not sample[1]), maxlen=SAMPLES)
