"""Emission by workflows, whose tasks may be done again."""

import asyncio

from temporalio.testing import ActivityEnvironment

from activities.emission import EmissionActivities
from domain.errors import EventConflictError
from domain.events import CloudEvent
from domain.tasks import EmitRequest, PublishReceipt
from tests.support.builders import make_event


def test_an_event_that_a_lost_task_emitted_counts_as_emitted_whatever_it_says_now() -> None:
    async def publish(event: CloudEvent, _behind: list[str]) -> PublishReceipt:
        raise EventConflictError(event_id=event.id, source=event.source)

    activities, event = EmissionActivities(publish), make_event(time="2025-12-26T14:30:04Z")
    receipt = asyncio.run(ActivityEnvironment().run(activities.publish_event, EmitRequest(event=event)))
    assert (receipt.event_id, receipt.published, receipt.duplicate) == (event.id, True, True)
