"""The name under which a first request is known to the process that makes it, and to the workflow that asks for it."""

from domain.events import CloudEvent


def flight_key(run_id: str, event: CloudEvent, subscriber: str) -> str:
    """The key of the first request of a delivery, made for one run of a workflow."""
    return f"{run_id}/{event.source}/{event.id}/{subscriber}"
