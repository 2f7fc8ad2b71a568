"""Updates of a registry take turns: Temporal takes ten of one workflow at a time, of all processes together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.workflow import UpdateMethodMultiParam

from domain.errors import NoWorkerError, TemporalUnavailableError
from service.connection import Connection
from service.temporal import answered_by_entity
from workflows.names import CONTROL_QUEUE

AT_ONCE = 5  # of one process
SENT_AT_MOST = 3  # times
_UNSEEN = "UnprocessedUpdate"  # Temporal's type of a rejection by itself: a worker answered without having seen it

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Updates:
    """Whatever changes one registry in this process goes through here.

    Args:
        connection: to Temporal.
        workflow_id: of the registry.
    """

    def __init__(self, connection: Connection, workflow_id: str) -> None:
        self._connection = connection
        self._workflow_id = workflow_id
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def carry_out(self, update: UpdateMethodMultiParam[[Any, Argument], Result], argument: Argument) -> Result:
        """Have an update done; raises the errors of `domain.errors`."""
        client = self._connection.client
        handle: WorkflowHandle[Any, None] = client.get_workflow_handle(self._workflow_id)
        async with self._at_once, answered_by_entity(client, CONTROL_QUEUE, in_doubt()):
            return await seen(lambda: handle.execute_update(update, argument))


@asynccontextmanager
async def in_doubt() -> AsyncIterator[None]:
    """Say of a change that nobody has answered for in time that it may be made yet: it was sent."""
    try:
        yield
    except (NoWorkerError, TemporalUnavailableError) as error:
        raise error.in_doubt() from None


async def seen(send: Callable[[], Awaitable[Result]]) -> Result:
    """Send an update; once more, up to three times in all, where no worker has seen it: then it has changed nothing.

    That happens on busy machines: a task ends just as the update is added to it.

    Raises:
        WorkflowUpdateFailedError: the workflow refused it, or none has seen it.
    """
    for _ in range(SENT_AT_MOST - 1):
        try:
            return await send()
        except WorkflowUpdateFailedError as error:
            if not (isinstance(error.cause, ApplicationError) and error.cause.type == _UNSEEN):
                raise
    return await send()
