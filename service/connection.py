"""What every gateway needs: the client, the keys, the address policy."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from activities.sealing import Keyring
from domain.addresses import AddressPolicy
from domain.errors import NoWorkerError
from service.temporal import ANSWER_TIMEOUT, answered
from workflows.names import CONTROL_QUEUE

# A poll lasts a minute at most, so a worker that polled longer ago than this is gone.
POLLER_FRESH = timedelta(seconds=75)


@dataclass(frozen=True)
class Connection:
    """A deployment, as a gateway sees it.

    Attributes:
        has_worker: this process runs a worker itself, so there is no need to look for one.
        publishing: this process's ENABLE_EVENT_PUBLISHING.
    """

    client: Client
    keyring: Keyring
    policy: AddressPolicy
    publishing: bool
    has_worker: bool = False

    async def require_worker(self, queue: str = CONTROL_QUEUE) -> None:
        """Raise `NoWorkerError` at once when nobody polls a queue, so that nothing is left half asked."""
        if self.has_worker:
            return
        async with answered(self.client):
            described = await self.client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=self.client.namespace,
                    task_queue=TaskQueue(name=queue),
                    task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                )
            )
        oldest = datetime.now(UTC) - POLLER_FRESH
        if not any(poller.last_access_time.ToDatetime(UTC) > oldest for poller in described.pollers):
            raise NoWorkerError(queue=queue, seconds=int(ANSWER_TIMEOUT.total_seconds()))
