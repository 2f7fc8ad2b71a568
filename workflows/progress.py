"""The deliveries of an event workflow: where each stands, and how that is told to people and programs."""

from collections.abc import Iterable, Sequence

from temporalio import workflow

from domain.events import CloudEvent
from domain.lanes import waits_behind
from domain.matches import Match
from domain.outcomes import FINAL_STATES, Delivery, DeliveryState, outcome_of, waiting
from domain.tasks import EventOutcome, EventProgress, EventResult, Pending
from workflows import details, names, reports


class Progress:
    """One group of deliveries for each event.

    Attributes:
        groups: the deliveries of each event, in the order of the events.
        changed: something happened that `tell` has not told.
    """

    def __init__(self, events: Sequence[CloudEvent]) -> None:
        self._events = events
        self._resolved = False
        self._handed_over: list[int] = []
        self.groups: list[list[Pending]] = [[] for _ in events]
        self.changed = False

    def resolve(self, matches: Iterable[Iterable[Match]]) -> None:
        """Begin with those who want the events."""
        self.resume([_pending(match) for match in group] for group in matches)

    def resume(self, groups: Iterable[list[Pending]]) -> None:
        """Begin with deliveries that another workflow has begun."""
        self.groups = [list(group) for group in groups]
        self._resolved = True

    def unfinished(self, index: int) -> list[Pending]:
        """The deliveries of an event that have not ended."""
        return [pending for pending in self.groups[index] if pending.delivery.state not in FINAL_STATES]

    def flying(self, index: int) -> list[Pending]:
        """The deliveries of an event whose first request is still in flight."""
        return [pending for pending in self.groups[index] if pending.in_flight_on is not None]

    def hand_over(self, index: int) -> None:
        """Another workflow goes on with an event."""
        self._handed_over.append(index)

    def tell(self) -> None:
        """Show in the Web UI and in visibility where things stand."""
        self.changed = False
        standing = [self._standing(index) for index in range(len(self.groups))]
        workflow.set_current_details(details.event_details(self._events, standing))
        each = [(event, p) for event, group in zip(self._events, self.groups, strict=True) for p in group]
        states = sorted({(pending.delivery.subscriber, details.keyword(event, pending)) for event, pending in each})
        outcomes = [self._outcome(index) for index in range(len(self.groups))]
        if len(set(outcomes)) > 1:
            workflow.upsert_memo({names.OUTCOMES_MEMO: outcomes})
        workflow.upsert_search_attributes(
            [
                names.OUTCOME.value_set(details.worst(outcomes)),
                names.SUBSCRIBERS.value_set(names.subscriber_keywords(states)),
            ]
        )

    def report(self) -> list[EventProgress]:
        """The answer to the query ``deliveries``: of all events, and so in less detail where there are many."""
        told = reports.fitting(map(self._standing, range(len(self._events))))
        return [self._reported(index, deliveries) for index, deliveries in enumerate(told)]

    def report_of(self, index: int) -> EventProgress:
        """The answer to the query ``event_deliveries``: of one event."""
        return self._reported(index, *reports.fitting([self._standing(index)]))

    def result(self) -> EventResult:
        """The workflow's result: a line a delivery."""
        return EventResult(
            events=[
                EventOutcome(
                    event_id=event.id,
                    outcome=self._outcome(index),
                    deliveries=[details.row(pending.delivery) for pending in self.groups[index]],
                )
                for index, event in enumerate(self._events)
            ]
        )

    def _reported(self, index: int, deliveries: list[Delivery]) -> EventProgress:
        return EventProgress(
            event_id=self._events[index].id,
            outcome=self._outcome(index),
            resolved=self._resolved,
            deliveries=deliveries,
        )

    def _standing(self, index: int) -> list[Delivery]:
        return [_standing(self._events[index], pending) for pending in self.groups[index]]

    def _outcome(self, index: int) -> str:
        if index in self._handed_over:  # what failed before that is told here: the other workflow knows the rest alone
            failed = any(pending.delivery.state is DeliveryState.FAILED for pending in self.groups[index])
            return DeliveryState.FAILED.value if failed else details.HANDED_OVER
        if not self._resolved:
            return DeliveryState.PENDING.value
        return outcome_of([pending.delivery.state for pending in self.groups[index]])


def _standing(event: CloudEvent, pending: Pending) -> Delivery:
    """Where a delivery stands; an ordered one waits also before its event has a workflow, and a place in the lane."""
    delivery = pending.delivery
    if delivery.state is not DeliveryState.PENDING or not details.waits_turn(event, pending):
        return delivery
    return delivery.model_copy(update={"error": waits_behind(event.ordering_key or "")})


def _pending(match: Match) -> Pending:
    pending = Pending(
        delivery=waiting(match.subscriber, match.paused, []) if match.paused else Delivery(subscriber=match.subscriber),
        schedule=match.schedule,
        since=match.since,
        inline=match.inline and not match.ordered,
        ordered=match.ordered,
        limits=match.limits,
    )
    if not match.paused:
        pending.delivery.error = pending.waits
    return pending
