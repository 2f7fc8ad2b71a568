"""The only place that connects to Temporal, and the one data converter of clients, workers, tests and replays."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import (
    Client,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
    PayloadConverter,
)
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import PayloadLimitsConfig, RetryConfig, RPCError, RPCStatusCode

from domain.error_codes import from_code
from domain.errors import (
    ConfigurationError,
    ImError,
    InvalidRequestError,
    NoWorkerError,
    SettingsError,
    TemporalUnavailableError,
    UnavailableError,
)
from service.temporal_words import brief, no_connection

DEFAULT_ADDRESS = "localhost:7233"
# Which code a worker runs, as Temporal notes it of each task. The SDK's own choice reads all code loaded, for 2 s.
BUILD_ID = f"im-{version('incidents-platform')}"
MEMO_WARN_BYTES = 64 * 1024  # the memo of a workflow of 100 events names each: some 20 KB
# Whoever waits for an answer is told within 5 s; this leaves two for starting up and for saying so.
ANSWER_TIMEOUT = timedelta(seconds=3)
PROBE_TIMEOUT = timedelta(seconds=1)  # it may be busy with what was not answered in time


class _CompactJson(PydanticJSONPlainPayloadConverter):
    """JSON without members that are None: histories hold a third less."""

    def to_payload(self, value: Any) -> Payload | None:
        return Payload(metadata={"encoding": self.encoding.encode()}, data=to_json(value, exclude_none=True))


_JSON = _CompactJson()
# Made once: the SDK makes a payload converter for each activation of a workflow, and again for its completion.
_CONVERTERS = tuple(
    _JSON if converter.encoding == _JSON.encoding else converter
    for converter in DefaultPayloadConverter.default_encoding_payload_converters
)


class ImPayloadConverter(CompositePayloadConverter):
    """Temporal's payload converter with pydantic's JSON; optional fields are None by default, so None is left out."""

    def __init__(self) -> None:
        super().__init__(*_CONVERTERS)


class ImFailureConverter(DefaultFailureConverter):
    """Temporal's failure converter, without the stack of failures that are expected.

    That a receiver answers 503 is no fault of the code: its stack says nothing, and costs a kilobyte of history.
    """

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Convert, and drop the stack of an error of category BENIGN."""
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception, ApplicationError) and exception.category is ApplicationErrorCategory.BENIGN:
            failure.stack_trace = ""


DATA_CONVERTER = DataConverter(payload_converter_class=ImPayloadConverter, failure_converter_class=ImFailureConverter)


def temporal_address() -> str:
    """The configured address, for messages."""
    return os.environ.get("TEMPORAL_ADDRESS", DEFAULT_ADDRESS)


@cache
def silent_runtime() -> Runtime:
    """A runtime that does not write to the terminal what it retries."""
    return Runtime(telemetry=TelemetryConfig(logging=None))


async def connect(runtime: Runtime | None = None) -> Client:
    """A client from the SDK's own environment configuration.

    Raises:
        TemporalUnavailableError: no answer within 3 s, or a refusal.
        SettingsError: that configuration cannot be used.
    """
    config = _configuration()
    namespace = config.get("namespace", "default")
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
            return await Client.connect(
                **config,
                data_converter=DATA_CONVERTER,
                runtime=runtime,
                payload_limits=PayloadLimitsConfig(memo_warn_size=MEMO_WARN_BYTES),
                retry_config=RetryConfig(max_elapsed_time_millis=int(ANSWER_TIMEOUT.total_seconds() * 1000)),
            )
    except TimeoutError:
        reason = f"no answer within {ANSWER_TIMEOUT.total_seconds():.0f} s"
    except (RuntimeError, ValueError, RPCError) as error:  # a ValueError is of an address that is none
        raise no_connection(error, config["target_host"], namespace) from None
    raise TemporalUnavailableError(address=config["target_host"], namespace=namespace, reason=reason)


def _configuration() -> ClientConnectConfig:
    try:
        config = ClientConfig.load_client_connect_config()
    except (OSError, RuntimeError, ValueError) as error:
        fix = "See TEMPORAL_TLS_*, TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE."
        raise SettingsError(reason=f"the connection to Temporal is not set up: {brief(error)}", fix=fix) from None
    address = config.setdefault("target_host", DEFAULT_ADDRESS)
    scheme, mark, bare = address.partition("://")
    if mark:
        fix = f"Write {bare.rstrip('/')}" + ("; TEMPORAL_TLS=true asks for TLS." if scheme == "https" else ".")
        raise SettingsError(reason=f"TEMPORAL_ADDRESS is host:port, without {scheme}://", fix=fix)
    return config


@asynccontextmanager
async def answered(client: Client, queue: str | None = None) -> AsyncIterator[None]:
    """Bound one exchange with Temporal to 3 s and translate its errors into ours.

    Args:
        client: for the address in messages.
        queue: the task queue whose worker must answer; None when Temporal itself does.

    Raises:
        ImError: the one that a workflow raised, or `TemporalUnavailableError`, or `NoWorkerError`.
    """
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
            yield
    except WorkflowUpdateFailedError as error:
        raise _ours(error.cause) or UnavailableError(reason=f"the update failed: {brief(error.cause)}") from None
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        raise await _silent(client, queue) from None
    except WorkflowQueryFailedError as error:
        if queue is not None and "no poller" in str(error).lower():
            raise _no_worker(queue) from None
        raise UnavailableError(reason=f"the worker could not answer: {brief(error)}") from None
    except RPCError as error:
        late = error.status is RPCStatusCode.DEADLINE_EXCEEDED
        raise (await _silent(client, queue) if late else _refused(client, queue, error)) from None


async def answers(client: Client, patience: timedelta = PROBE_TIMEOUT) -> bool:
    """Whether Temporal itself answers, which takes no worker: one call without retries, waited for that long.

    Temporal closes a connection after five minutes, and a call that is cancelled by that was never sent.
    """
    for _ in range(2):
        try:
            await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=False, timeout=patience)
        except RPCError as error:
            if error.status is not RPCStatusCode.CANCELLED:
                return False
        else:
            return True
    return False


def _ours(cause: BaseException | None) -> ImError | None:
    if isinstance(cause, ApplicationError) and cause.type:
        data = cause.details[0] if cause.details else {}
        return from_code(cause.type, data)
    return None


async def _silent(client: Client, queue: str | None) -> ImError:
    """The error where time ran out: nobody is sent to the workers while Temporal itself says nothing."""
    if queue is not None and await answers(client):
        return _no_worker(queue)
    return unavailable(client, f"no answer within {ANSWER_TIMEOUT.total_seconds():.0f} s")


def _no_worker(queue: str) -> NoWorkerError:
    return NoWorkerError(queue=queue, seconds=int(ANSWER_TIMEOUT.total_seconds()))


def _refused(client: Client, queue: str | None, error: RPCError) -> Exception:
    """Our error for an RPC's; the same one where the caller knows best what a NOT_FOUND means."""
    match error.status:
        case RPCStatusCode.UNAVAILABLE | RPCStatusCode.CANCELLED:
            found: Exception = unavailable(client, brief(error))
        case RPCStatusCode.FAILED_PRECONDITION if queue is not None:  # a query without any worker
            found = _no_worker(queue)
        case RPCStatusCode.INVALID_ARGUMENT if "exceeded workflow execution limit" in str(error):
            found = UnavailableError(reason=f"the workflow cannot keep up: {brief(error)}")
        case RPCStatusCode.INVALID_ARGUMENT:
            found = InvalidRequestError(reason=f"Temporal does not take it: {brief(error)}")
        case RPCStatusCode.RESOURCE_EXHAUSTED:
            found = UnavailableError(reason=f"Temporal is at a limit of its own: {brief(error)}")
        case RPCStatusCode.PERMISSION_DENIED | RPCStatusCode.UNAUTHENTICATED:
            fix = "Check TEMPORAL_API_KEY and TEMPORAL_TLS_*."
            found = ConfigurationError(reason=f"Temporal refuses this client: {brief(error)}", fix=fix)
        case RPCStatusCode.NOT_FOUND if "namespace" in str(error).lower():
            found = ConfigurationError(
                reason=f"the namespace {client.namespace!r} does not exist",
                fix=f"Create it: temporal operator namespace create -n {client.namespace}; or set TEMPORAL_NAMESPACE.",
            )
        case _:
            found = error
    return found


@asynccontextmanager
async def answered_by_entity(
    client: Client, queue: str, sent: AbstractAsyncContextManager[None] | None = None
) -> AsyncIterator[None]:
    """`answered`, for what any worker starts when it comes up; ``sent`` sees no error of what is not there yet."""
    try:
        async with sent or nullcontext(), answered(client, queue):
            yield
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise _no_worker(queue) from None
        raise


def unavailable(client: Client, reason: str) -> TemporalUnavailableError:
    """The error for a Temporal that does not answer."""
    return TemporalUnavailableError(
        address=client.service_client.config.target_host, namespace=client.namespace, reason=reason
    )
