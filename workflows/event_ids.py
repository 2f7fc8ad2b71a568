"""Ids of the events that workflows make."""

from temporalio import workflow

# Patch: a workflow that an older worker began goes on with ids that do not tell their time.
DATED_EVENT_IDS = "dated-event-ids"
# Patch: likewise, with ids made here. The randomness of a workflow follows from its run id, and its time from the task.
GIVEN_EVENT_IDS = "given-event-ids"


def event_id(given: str | None = None) -> str:
    """The id of an event: the one that came with what asked for it, or else a new one.

    A given one is the same when the task is done again, so that the event is emitted once, and cannot be guessed. Both
    kinds tell when they were made, as `domain.event_ids` reads it.
    """
    if given is not None and workflow.patched(GIVEN_EVENT_IDS):
        return given
    return f"evt_{workflow.uuid7() if workflow.patched(DATED_EVENT_IDS) else workflow.uuid4()}"
