"""An event as it is shown."""

from pydantic import BaseModel

from domain.events import CloudEvent
from domain.outcomes import DeliveryState
from domain.pauses import Pause
from service.progress import RunView


class EventView(BaseModel):
    """An event and everything known of its deliveries, oldest run first.

    Attributes:
        paused: of the subscribers with a request that is due later those that are paused: if one is paused then still,
            the request waits.
    """

    event: CloudEvent
    runs: list[RunView]
    paused: dict[str, Pause] = {}

    @property
    def parked(self) -> list[str]:
        """The subscribers for which it failed for good, and that it has not reached since, nor is about to."""
        latest = {delivery.subscriber: delivery.state for run in self.runs for delivery in run.deliveries}
        return sorted(name for name, state in latest.items() if state is DeliveryState.FAILED)

    @property
    def arrived_since(self) -> dict[str, RunView]:
        """The subscribers for which it failed for good and that it has reached since, each with what reached it."""
        failed: set[str] = set()
        found: dict[str, RunView] = {}
        for run in self.runs:
            for delivery in run.deliveries:
                if delivery.state is DeliveryState.FAILED:
                    failed.add(delivery.subscriber)
                elif delivery.state is DeliveryState.DELIVERED and delivery.subscriber in failed:
                    found[delivery.subscriber] = run
        return {name: found[name] for name in sorted(found) if name not in self.parked}
