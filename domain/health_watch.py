"""What the ledger makes of its counters: changes of health that are told, and pauses that are due."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from domain import tidings
from domain.events import CloudEvent
from domain.health import Counters, HealthStatus, health_status
from domain.pauses import Patience, PauseOrder

# Flapping is damped as in decision 17: each change that follows soon waits twice as long to be told.
SHORTEST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
SOON = timedelta(hours=2)


class Told(BaseModel):
    """What was told last of a subscriber, and for how long after that nothing is."""

    unhealthy: bool
    at: datetime
    wait: timedelta = SHORTEST_WAIT


class HealthWatch(BaseModel):
    """Notices changes of health.

    Attributes:
        told: by subscriber; who was never told of is not unhealthy.
        held: changes that wait to be told, and until when.
    """

    told: dict[str, Told] = {}
    held: dict[str, datetime] = {}

    def see(self, name: str, counters: Counters, now: datetime) -> CloudEvent | None:
        """The event that is to be told now; a change that comes too soon is held."""
        last = self.told.get(name)
        unhealthy = health_status(counters, now) is HealthStatus.UNHEALTHY
        if unhealthy == (last is not None and last.unhealthy):
            self.held.pop(name, None)
            if last and not unhealthy and now - last.at >= SOON:
                del self.told[name]
            return None
        if last and now < last.at + last.wait:
            self.held[name] = last.at + last.wait
            return None
        self.held.pop(name, None)
        soon = last is not None and now - last.at < SOON
        wait = min(2 * last.wait, LONGEST_WAIT) if last and soon else SHORTEST_WAIT
        self.told[name] = Told(unhealthy=unhealthy, at=now, wait=wait)
        if unhealthy or last is None:
            return tidings.unhealthy(name, counters, now)
        return tidings.recovered(name, counters, last.at, now)

    def next_release(self) -> datetime | None:
        """When the next held change is to be seen again; None for none."""
        return min(self.held.values(), default=None)

    def due(self, now: datetime) -> list[str]:
        """Whose held changes are to be seen again."""
        return [name for name, until in self.held.items() if until <= now]

    def forget(self, name: str) -> None:
        """A subscriber was removed."""
        self.told.pop(name, None)
        self.held.pop(name, None)


def pause_due(name: str, counters: Counters, patience: Patience) -> PauseOrder | None:
    """The order to pause a subscriber that has failed without a success for as long as it may."""
    since = counters.streak_since
    if since is None or patience.asked_at - since < timedelta(seconds=patience.seconds):
        return None
    reason = f"no request has succeeded since {since:%Y-%m-%d %H:%M:%S} UTC, {counters.streak} failed in a row"
    return PauseOrder(name=name, reason=reason, asked_at=patience.asked_at)
