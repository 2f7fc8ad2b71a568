"""What the lanes' activity needs of Temporal."""

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from domain.tasks import Ticket
from workflows import names, policies
from workflows.event import EventWorkflow
from workflows.lane import LaneState, LaneWorkflow


class Lanes:
    """Takes places in lanes, which are started when they are needed."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def enter(self, subject: str, ticket: Ticket) -> bool:
        """Take a place in the subject's lane of the ticket's subscriber; whether it is the first."""
        start = WithStartWorkflowOperation(
            LaneWorkflow.run,
            LaneState(),
            id=names.lane_workflow_id(ticket.subscriber, subject),
            task_queue=names.CONTROL_QUEUE,
            task_timeout=policies.EVENT_TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"{subject} to {ticket.subscriber}, in order",
        )
        return await self._client.execute_update_with_start_workflow(
            LaneWorkflow.enter, ticket, start_workflow_operation=start
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
