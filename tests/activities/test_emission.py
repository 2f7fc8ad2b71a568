"""Emission by workflows, whose tasks may be done again."""

import asyncio

from temporalio.testing import ActivityEnvironment

from activities.emission import EmissionActivities
from domain.event_errors import EventConflictError
from domain.events import CloudEvent
from domain.receipts import PublishReceipt
from domain.tasks import EmitRequest
from tests.support.builders import make_event


def test_an_event_whose_id_somebody_else_used_is_not_said_to_be_emitted() -> None:
    async def publish(event: CloudEvent, _behind: list[str]) -> PublishReceipt:
        raise EventConflictError(event_id=event.id, source=event.source)

    activities, event = EmissionActivities(publish), make_event()
    receipt = asyncio.run(ActivityEnvironment().run(activities.publish_event, EmitRequest(event=event)))
    assert (receipt.event_id, receipt.published) == (event.id, False)
