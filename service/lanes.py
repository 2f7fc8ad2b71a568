"""What the activities of lanes need of Temporal."""

import asyncio
import contextlib

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.lanes import EarlierEvents, Ticket
from workflows import names, policies
from workflows.event import EventWorkflow
from workflows.lane import LaneState, LaneWorkflow


class Lanes:
    """Takes places in lanes, and looks whether others have."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def enter(self, subject: str, ticket: Ticket) -> None:
        """Take a place in the subject's lane of the ticket's subscriber, which is started when it is needed."""
        await self._client.start_workflow(
            LaneWorkflow.run,
            LaneState(),
            id=names.lane_workflow_id(ticket.subscriber, subject),
            task_queue=names.CONTROL_QUEUE,
            task_timeout=policies.EVENT_TASK_TIMEOUT,
            start_signal="enter",
            start_signal_args=[ticket],
            static_summary=f"{subject} to {ticket.subscriber}, in order",
        )

    async def lined_up(self, earlier: EarlierEvents) -> bool:
        """Whether the ordered deliveries of workflows have their places, or will never have."""
        asked = (self._has_lined_up(each, earlier.held_suffice) for each in earlier.workflow_ids)
        return all(await asyncio.gather(*asked))

    async def _has_lined_up(self, workflow_id: str, held_suffice: bool) -> bool:  # noqa: FBT001 - of `EarlierEvents`
        handle = self._client.get_workflow_handle_for(EventWorkflow.run, workflow_id)
        try:
            if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
                return True
            if held_suffice:
                with contextlib.suppress(WorkflowQueryFailedError):  # its worker is of an older version
                    return await handle.query(EventWorkflow.has_places)
            return await handle.query(EventWorkflow.lined_up)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return True
            raise
