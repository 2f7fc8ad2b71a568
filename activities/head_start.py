"""First requests that begin before their workflow asks for them.

Temporal hands the first task of an event's workflow to the process that started it, in the answer to the start. From
then on the event is safe, and what the task will ask for first is known: the requests begin while the task is still on
its way through the SDK, which takes as long as the request, and the task joins them (docs/performance.md).
"""

from activities.ageing import Ageing
from activities.courier import Courier
from activities.directory import LeasedDirectory
from activities.flights import KEPT, Flights
from activities.gate import InlineGate
from domain.events import CloudEvent
from domain.flight_keys import flight_key
from domain.operational import told_of
from domain.subscribers import Subscriber
from domain.targets.kinds import is_at_most_once
from domain.tasks import INLINE_ONE_BY_ONE


class HeadStart:
    """Begins them.

    Args:
        directory: who wants what.
        courier: makes requests.
        flights: where the workflow's own activity will look for them.
        gate: who may be tried inline.
    """

    def __init__(self, directory: LeasedDirectory, courier: Courier, flights: Flights, gate: InlineGate) -> None:
        self._directory = directory
        self._courier = courier
        self._flights = flights
        self._gate = gate
        self._begun: dict[str, set[str]] = {}
        self._runs = Ageing(KEPT, self._forget)

    async def begin(self, event: CloudEvent, run_id: str) -> None:
        """Begin the first requests of an event whose workflow's first task is with this process.

        None, where Temporal may have given that task to another because this process stood still.
        """
        is_ours = self._flights.standstill.asked()
        wanting = self._directory.matching(await self._directory.current(), event.type, event.severity)
        if (about := told_of(event)) is not None:
            wanting = [subscriber for subscriber in wanting if subscriber.name != about]
        begun = {subscriber.name: subscriber for subscriber in wanting if self._may_begin(subscriber)}
        if not begun or len(wanting) > INLINE_ONE_BY_ONE or not is_ours():
            return
        self._begun[run_id] = set(begun)
        self._runs.keep(run_id)
        for name, subscriber in begun.items():
            carrying = self._courier.carrying(event, subscriber, subscriber.schedule)
            self._flights.start(flight_key(run_id, event, name), carrying)

    def has_begun(self, run_id: str, subscriber: str) -> bool:
        """Whether the request was begun: it is then joined, whatever became of the subscriber's standing since."""
        return subscriber in self._begun.get(run_id, ())

    def _forget(self, run_id: str) -> None:
        self._begun.pop(run_id, None)

    def _may_begin(self, subscriber: Subscriber) -> bool:
        waits = subscriber.ordered or subscriber.limited or subscriber.paused or is_at_most_once(subscriber.target)
        return not waits and self._gate.admits(subscriber.name)
