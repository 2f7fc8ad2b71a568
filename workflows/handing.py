"""What several events leave to workflows of one event each: how it is handed over."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.handovers import HandOverActivities
from activities.lanes import LaneActivities
from domain.events import CloudEvent
from domain.handovers import HandOver, Rest, by_subscriber, portions
from domain.lanes import HoldRequest, Place
from domain.tasks import EventInput
from workflows import details, listed, names, policies
from workflows.progress import Progress

# Patches, as in `workflows.pursuit`.
REST_BY_WHOLE_RUN = "rest-by-whole-run"  # what goes on alone is named by the whole run id, not by its first digits
# What goes on alone is started by activities that take turns, not as child workflows; what has failed for good is told
# meanwhile, not after that.
IN_TURNS = "hand-over-in-turns"
PLACES_HELD = "places-held"  # what is ordered has its place before it is handed over, not once it has begun


async def hold_places(events: Sequence[CloudEvent], progress: Progress, each_behind: Mapping[str, list[str]]) -> None:
    """Take places for the ordered deliveries that other workflows make: what is accepted from now on is behind them."""
    run_id = workflow.info().run_id
    places = [
        Place(
            subject=key,
            subscriber=pending.delivery.subscriber,
            workflow_id=names.continued_workflow_id(event, run_id),
            behind=each_behind.get(key, []),
        )
        for event, group in zip(events, progress.groups, strict=True)
        if (key := event.ordering_key)
        for pending in group
        if pending.ordered
    ]
    if not places or not workflow.patched(PLACES_HELD):
        return
    together = policies.PLACES_TOGETHER
    for first in range(0, len(places), together):
        portion = places[first : first + together]
        await workflow.execute_activity_method(
            LaneActivities.hold_places,
            HoldRequest(places=portion),
            start_to_close_timeout=policies.HOLD_TIMEOUT,
            retry_policy=policies.LINE_UP_RETRY,
            summary=f"line up {len(portion)} that go on by themselves",
        )


async def hand_over(
    events: Sequence[CloudEvent], indexes: Sequence[int], progress: Progress, watchers: list[str]
) -> None:
    """Have events go on in workflows of their own; returns when all were started, not when they have ended."""
    rests = [Rest(place=index, deliveries=progress.unfinished(index)) for index in indexes]
    if rests and workflow.patched(IN_TURNS):
        await _take_turns(rests, watchers)
    else:
        await asyncio.gather(*(_as_child(events[rest.place], rest, watchers) for rest in rests))
    for index in indexes:
        progress.hand_over(index)


async def _take_turns(rests: list[Rest], watchers: list[str]) -> None:
    """Ask for a few portions at a time: Temporal ends a workflow that says more than 4 MiB at once."""
    together = policies.HANDED_OVER_TOGETHER
    largest = max(together, *(len(rest.deliveries) for rest in rests))
    room = asyncio.Semaphore(max(policies.HANDED_OVER_AT_ONCE // largest, 1))

    async def ask(subscriber: str, portion: list[Rest]) -> None:
        async with room:
            accepted_at = workflow.info().start_time
            await _in_turns(subscriber, HandOver(rests=portion, watchers=watchers, accepted_at=accepted_at))

    async def each(subscriber: str, theirs: list[Rest]) -> None:
        asking = [ask(subscriber, portion) for portion in portions(theirs, together)]
        if any(pending.ordered for rest in theirs for pending in rest.deliveries):
            for one in asking:  # whoever begins in its order waits least; before PLACES_HELD it had no place until then
                await one
        else:
            await asyncio.gather(*asking)

    await asyncio.gather(*(each(*group) for group in by_subscriber(rests).items()))


async def _in_turns(subscriber: str, request: HandOver) -> None:
    await workflow.execute_activity_method(
        HandOverActivities.hand_over,
        request,
        task_queue=names.HANDOVERS_QUEUE,
        start_to_close_timeout=policies.HAND_OVER_TIMEOUT,
        heartbeat_timeout=policies.HAND_OVER_HEARTBEAT,
        retry_policy=policies.HAND_OVER_RETRY,
        summary=f"{len(request.rests)} events go on by themselves, to {subscriber}",
        priority=Priority(fairness_key=subscriber[:64]),
    )


async def _as_child(event: CloudEvent, rest: Rest, watchers: list[str]) -> None:
    whole = workflow.patched(REST_BY_WHOLE_RUN)
    named = names.continued_workflow_id if whole else names.continued_workflow_id_of_old
    with contextlib.suppress(WorkflowAlreadyStartedError):  # by this run, before its task was repeated
        await workflow.start_child_workflow(
            "EventWorkflow",
            EventInput(events=[event], resume=rest.deliveries, watchers=watchers),
            id=named(event, workflow.info().run_id),
            task_timeout=policies.EVENT_TASK_TIMEOUT,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            memo=listed.event_memo([event]),
            search_attributes=listed.event_attributes([event]),
            static_summary=details.event_summary([event]),
            priority=policies.REST_PRIORITY,
        )
