"""A process that serves: API and workers over one client, from start to drained end."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from uvicorn._types import ASGIApplication
from uvicorn.importer import import_from_string

from activities.gate import InlineGate
from activities.logger import Logger
from domain.errors import ConfigurationError
from service.entities import ensure_entities
from service.gateway import Gateway
from service.metrics import MetricsPage, sdk_ports, sdk_runtime
from service.process import finish, keep_loaded
from service.queues import door_worker
from service.reception import Reception
from service.search_attributes import ensure_search_attributes
from service.settings import Settings
from service.state_files import check_keys
from service.temporal import connect
from service.tracing import tracing
from service.versions import OLDEST_SERVER, version_of
from service.worker import running_workers

# Until an idle connection is closed. Longer than clients and load balancers keep theirs (httpx 5 s, many others 60 s):
# whoever closes first may be sent a request meanwhile, which is then lost without an answer.
KEEP_ALIVE_SECONDS = 75
API_GRACE_SECONDS = 10  # for requests under way when the process is asked to stop
DRAIN_SECONDS = 30  # for the API, and then the workers (15 s); what takes longer would not end by itself

_log = Logger("server")


@dataclass
class Backend:
    """What an API application is made over.

    Attributes:
        ready: the workers run and nothing is being stopped.
    """

    settings: Settings
    gateway: Gateway
    metrics: MetricsPage
    ready: bool = False


@dataclass(frozen=True)
class Place:
    """One process among those behind one port.

    Attributes:
        number: from 1; None for a process by itself.
        sdk_ports: where each of them serves the SDK's metrics, in order.
        ready: to be called when it serves.
    """

    number: int | None
    sdk_ports: Sequence[int]
    ready: Callable[[], None] = lambda: None

    @property
    def sdk_port(self) -> int:
        """Its own one."""
        return self.sdk_ports[(self.number or 1) - 1]


# The API is named rather than imported, as ASGI servers do: service/ knows no routes.
API_APP = "api.app:create_app"


class EmbeddedServer(uvicorn.Server):
    """uvicorn without signal handlers of its own: this process stops several things, in order."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave them as they are."""
        yield


@asynccontextmanager
async def running_backend(settings: Settings, *extra_ports: int, place: Place | None = None) -> AsyncIterator[Backend]:
    """Connect, prepare the namespace and work, for the duration of a block.

    Args:
        settings: of this process.
        extra_ports: further listeners of this deployment, which no subscriber may name.
        place: of this process among several behind one port; None for one by itself.
    """
    place = place or Place(None, sdk_ports(1))
    check_keys(settings)  # before anything is changed
    client = await connect(sdk_runtime(place.sdk_port, place.number))
    await prepare_namespace(client)
    gate = InlineGate()
    async with AsyncExitStack() as stack:
        spans = await stack.enter_async_context(tracing())
        gateway = Gateway(settings, client, has_worker=True, ports=extra_ports, busy=lambda: gate.busy, spans=spans)
        gateway.load()
        working = running_workers(
            client,
            keyring=gateway.connection.keyring,
            policy=gateway.connection.policy,
            bases=settings.target_bases,
            publishing=settings.enable_event_publishing,
            gate=gate,
            pressed=gateway.events.pressed,
            spans=spans,
        )
        gateway.events.tell_accepted(await stack.enter_async_context(working))
        backend = Backend(settings, gateway, MetricsPage(gateway.health, place.sdk_ports), ready=True)
        keep_loaded()
        try:
            yield backend
        finally:
            backend.ready = False


async def prepare_namespace(client: Client) -> None:
    """Register what the namespace lacks, start the entities, and say what the server cannot do.

    Whether fairness is on cannot be read over the API; docs/operations.md says how to switch it on.
    """
    if added := await ensure_search_attributes(client):
        _log.info("registered search attributes", names=", ".join(added))
    await ensure_entities(client)
    info = await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=True)
    if version_of(info.server_version) < OLDEST_SERVER:
        _log.warning("this Temporal server has no priorities: a SEV-1 waits its turn", version=info.server_version)


@asynccontextmanager
async def running_api(backend: Backend, app: str, listener: socket.socket | None = None) -> AsyncIterator[int]:
    """Serve an ASGI application, named ``module:factory`` and made over the backend, for the duration of a block.

    Gives the port it listens on: that of a listener shared with other processes, or else its own.
    """
    settings = backend.settings
    config = api_config(import_from_string(app)(backend), Reception(settings.im_api_max_connections))
    server = EmbeddedServer(config)
    listener = listener or listen(settings.im_api_host, settings.im_api_port)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)
        gateway = backend.gateway
        gateway.door.opened()
        async with door_worker(gateway.connection.client, gateway.door):
            keep_loaded()
            yield int(listener.getsockname()[1])
    finally:
        backend.gateway.follower.close()
        server.should_exit = True
        await serving
        listener.close()


def api_config(app: ASGIApplication, reception: Reception) -> uvicorn.Config:
    """How the API is served on a listener."""
    return uvicorn.Config(
        app,
        http=reception,  # type: ignore[arg-type]  # uvicorn calls it as it would a class
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        proxy_headers=False,  # the API believes them where IM_TRUSTED_PROXIES says so
        timeout_graceful_shutdown=API_GRACE_SECONDS,
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the API's address.

    Raises:
        ConfigurationError: the port is taken, or the address is not of this machine.
    """
    family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, proto)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            reason=f"cannot listen on {host}:{port}: {error.strerror}",
            fix="Stop what uses the port, or choose another with IM_API_PORT or --port.",
        ) from None
    return listener


# Said once: what follows is silent until the last request has been answered or given up.
DRAINING = "draining: requests under way end (10 s each at most), nothing new begins; a second Ctrl-C cuts them off"
ENDED_AT_ONCE = "ended at once: Temporal has what was under way done again, as soon as a worker runs"


async def until_stopped(at_once: str = ENDED_AT_ONCE) -> None:
    """Wait for SIGINT or SIGTERM; what follows is given 30 s.

    A second SIGINT says ``at_once`` and ends the process, as impatient people expect. A second SIGTERM does not: where
    an init system signals a whole group of processes, one comes from it and one from the parent.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def on_signal(number: int) -> None:
        if asked.is_set() and number == signal.SIGINT:
            sys.stderr.write(f"{at_once}\n")
            finish(130)
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    await asked.wait()
    loop.call_later(DRAIN_SECONDS, _give_up)


def _give_up() -> None:
    _log.error("the drain took too long and was cut off: Temporal has what was under way done again")
    finish(1)
