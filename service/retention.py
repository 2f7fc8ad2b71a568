"""The gateway to the retention of the namespace, and what follows from it for what is not found."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.errors import ConfigurationError, ImError, InvalidRequestError
from domain.event_errors import EventNotFoundError
from domain.event_ids import made_at
from domain.retention import Retention, check_retention, in_days
from domain.retention_errors import EventGoneError, RetentionRefusedError
from service.connection import Connection
from service.temporal import answered


class RetentionGateway:
    """Reads and changes how long is kept what has ended. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection) -> None:
        self._client = connection.client

    async def get(self) -> Retention:
        """The retention as Temporal has it."""
        return await read_retention(self._client)

    async def set(self, time: timedelta) -> Retention:
        """Change it, for what ends from then on: what has ended keeps the time that it was given.

        Raises:
            InvalidRequestError: not 1 to 365 days.
            RetentionRefusedError: this process may not; the error has the command for somebody who may.
        """
        check_retention(time)
        client, duration = self._client, Duration()
        duration.FromTimedelta(time)
        request = UpdateNamespaceRequest(
            namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=duration)
        )
        try:
            async with answered(client):
                await client.workflow_service.update_namespace(request, retry=True)
        except (RPCError, ConfigurationError, InvalidRequestError) as error:
            raise _refused(client, time, error.message if isinstance(error, RPCError) else str(error)) from None
        found = await self.get()
        if found.seconds != int(time.total_seconds()):
            raise _refused(client, time, f"it is {found.retention} still")
        return found


async def read_retention(client: Client) -> Retention:
    """The retention of a client's namespace."""
    async with answered(client):
        found = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), retry=True
        )
    seconds = int(found.config.workflow_execution_retention_ttl.ToTimedelta().total_seconds())
    return Retention(namespace=client.namespace, retention=in_days(seconds), seconds=seconds)


async def kept_for(client: Client) -> str:
    """How long is kept what has ended, in words, even where this process may not ask Temporal."""
    try:
        return (await read_retention(client)).retention
    except (ImError, RPCError):
        return "the retention of Temporal's namespace"


async def missing_event(client: Client, event_id: str) -> EventNotFoundError:
    """The error for an event that is not found: gone, where its id proves that it is older than all that is kept."""
    made = made_at(event_id)
    if made is None:
        return EventNotFoundError(event_id=event_id)
    try:
        kept = await read_retention(client)
    except (ImError, RPCError):
        return EventNotFoundError(event_id=event_id)
    if datetime.now(UTC) - made < kept.time:
        return EventNotFoundError(event_id=event_id)
    return EventGoneError(event_id=event_id, kept=kept.retention, made_on=made.date().isoformat())


def _refused(client: Client, time: timedelta, reason: str) -> RetentionRefusedError:
    command = f"temporal operator namespace update --retention {int(time.total_seconds()) // 3600}h"
    command += f" -n {client.namespace}"
    return RetentionRefusedError(namespace=client.namespace, reason=reason, command=command)
