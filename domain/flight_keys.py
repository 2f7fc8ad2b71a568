"""The name under which a request is known to the process that makes it, and to whoever asks for it again."""

from collections.abc import Sequence

from domain.events import CloudEvent
from domain.outcomes import Attempt, Failure
from domain.tasks import DeliverRequest


def flight_key(run_id: str, event: CloudEvent, subscriber: str) -> str:
    """The key of the first request of a delivery, made for one run of a workflow.

    Sources and ids may hold slashes, so the length of the source says where it ends; names of subscribers hold none.
    """
    return f"{run_id}/{len(event.source)}:{event.source}/{event.id}/{subscriber}"


def next_key(request: DeliverRequest, run_id: str, known: Sequence[Attempt]) -> str:
    """The key of the request that follows those ``known`` of a delivery: asked for again, it is the same request.

    A request that was announced, and may have been made, is not known yet. Before any is, it is that of the first one.
    """
    certain = [attempt.number for attempt in known if attempt.failure is not Failure.UNKNOWN_OUTCOME]
    if request.flight and not certain:
        return request.flight
    return f"{run_id}/after {certain[-1] if certain else 0}/{request.subscriber}"
