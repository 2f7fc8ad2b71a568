"""`im serve` and `im worker`: processes that run until they are told to stop, and then drain."""

import socket
from typing import NoReturn

import structlog
from uvicorn.importer import import_from_string

import service.parts  # noqa: F401 - before any process is forked from this one
from cli.run import end_after
from service.fleet import Fleet, Ready
from service.logs import configure_logs
from service.metrics import sdk_ports
from service.process import run_server
from service.server import API_APP, DRAINING, Place, listen, running_api, running_backend, until_stopped
from service.settings import Settings, load_settings
from service.settings_checks import guarded
from service.state_files import LOG_FOLDER, prepare_state_dir
from service.temporal import temporal_address

_log = structlog.get_logger("server")


def run_serve(*, host: str | None, port: int | None) -> None:
    """API and worker in one process."""
    settings = guarded(load_settings(im_api_host=host, im_api_port=port))
    configure_logs(settings.im_log_level, folder=prepare_state_dir(settings) / LOG_FOLDER, role="serve")
    run_server(_serve(settings))


def run_serve_many(count: int, *, host: str | None, port: int | None) -> int:
    """API and worker in each of several processes behind one port; returns the exit status."""
    settings = guarded(load_settings(im_api_host=host, im_api_port=port))
    folder = prepare_state_dir(settings) / LOG_FOLDER
    configure_logs(settings.im_log_level, folder=folder, role="serve")
    listener = listen(settings.im_api_host, settings.im_api_port)
    settings = settings.model_copy(update={"im_api_port": int(listener.getsockname()[1])})
    ports = sdk_ports(count)
    import_from_string(API_APP)  # here, once, instead of in each of them

    def serve(number: int, ready: Ready) -> NoReturn:
        configure_logs(settings.im_log_level, folder=folder, role="serve")
        end_after(lambda: run_server(_serve(settings, listener, Place(number, ports, ready))))

    return Fleet(count, serve).run()


def run_worker() -> None:
    """A worker alone, to scale out or to keep deliveries apart from the API."""
    settings = load_settings()
    configure_logs(settings.im_log_level, folder=prepare_state_dir(settings) / LOG_FOLDER, role="worker")
    run_server(_work(settings))


async def _serve(settings: Settings, listener: socket.socket | None = None, place: Place | None = None) -> None:
    _log.info("starting", process=place.number if place else None, temporal=temporal_address())
    async with (
        running_backend(settings, place=place) as backend,
        running_api(backend, API_APP, listener) as port,
    ):
        _log.info(
            "serving",
            process=place.number if place else None,
            api=f"http://{settings.im_api_host}:{port}",
            temporal=temporal_address(),
            publishing=settings.enable_event_publishing,
        )
        if settings.im_api_token is None:
            _log.warning("the API takes requests without a token, from this machine only; set IM_API_TOKEN")
        _warn_of_publishing(settings)
        if place:
            place.ready()
        await until_stopped()
        _log.info(DRAINING)
    _log.info("stopped")


async def _work(settings: Settings) -> None:
    _log.info("starting", temporal=temporal_address())
    async with running_backend(settings):
        _log.info("working", temporal=temporal_address(), publishing=settings.enable_event_publishing)
        _warn_of_publishing(settings)
        await until_stopped()
        _log.info(DRAINING)
    _log.info("stopped")


def _warn_of_publishing(settings: Settings) -> None:
    if not settings.enable_event_publishing:
        _log.warning("event publishing is off: incidents work, nothing is emitted; set ENABLE_EVENT_PUBLISHING=true")
