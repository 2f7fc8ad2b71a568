"""Ids of the events that workflows make."""

from temporalio import workflow

# Patch: a workflow that an older worker began goes on with ids that do not tell their time.
DATED_EVENT_IDS = "dated-event-ids"


def event_id() -> str:
    """A new one; it tells when it was made, as `domain.event_ids` reads it."""
    return f"evt_{workflow.uuid7() if workflow.patched(DATED_EVENT_IDS) else workflow.uuid4()}"
