"""What the activities of lanes need of Temporal."""

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.lanes import Ticket
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

    async def lined_up(self, workflow_id: str) -> bool:
        """Whether an event's ordered deliveries have their places, or will never have."""
        handle = self._client.get_workflow_handle_for(EventWorkflow.run, workflow_id)
        try:
            if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
                return True
            return await handle.query(EventWorkflow.lined_up)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return True
            raise
