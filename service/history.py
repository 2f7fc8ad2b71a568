"""Reads events out of workflow histories: the first history event of an event workflow holds the event itself."""

from collections import OrderedDict

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client

from domain.events import CloudEvent
from domain.tasks import EventInput

CACHED_EVENTS = 256  # at most 64 MiB, in practice some 500 bytes each


class EventSource:
    """Loads the events of workflows, with a small cache (``cached`` of them) for one process."""

    def __init__(self, client: Client, cached: int = CACHED_EVENTS) -> None:
        self._client = client
        self._cached = cached
        self._cache: OrderedDict[str, EventInput] = OrderedDict()

    async def load(self, workflow_id: str, run_id: str) -> CloudEvent:
        """The only event of a workflow."""
        return (await self.load_input(workflow_id, run_id)).events[0]

    async def load_input(self, workflow_id: str, run_id: str) -> EventInput:
        """What a workflow was started with. Raises ``RPCError`` when its history is gone."""
        known = self._cache.get(run_id)
        if known is None:
            known = await self._fetch(workflow_id, run_id)
            self._cache[run_id] = known
            if len(self._cache) > self._cached:
                self._cache.popitem(last=False)
        return known

    async def _fetch(self, workflow_id: str, run_id: str) -> EventInput:
        answer = await self._client.workflow_service.get_workflow_execution_history(
            GetWorkflowExecutionHistoryRequest(
                namespace=self._client.namespace,
                execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
                maximum_page_size=1,
            ),
            retry=True,
        )
        started = answer.history.events[0].workflow_execution_started_event_attributes
        request: EventInput
        (request,) = await self._client.data_converter.decode(started.input.payloads, [EventInput])
        return request
