"""The name under which a first request is known to the process that makes it, and to the workflow that asks for it."""

from domain.events import CloudEvent


def flight_key(run_id: str, event: CloudEvent, subscriber: str) -> str:
    """The key of the first request of a delivery, made for one run of a workflow.

    Sources and ids may hold slashes, so the length of the source says where it ends; names of subscribers hold none.
    """
    return f"{run_id}/{len(event.source)}:{event.source}/{event.id}/{subscriber}"
