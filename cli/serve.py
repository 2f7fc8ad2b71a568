"""`im serve` and `im worker`: processes that run until they are told to stop, and then drain."""

import structlog

from service.logs import configure_logs
from service.process import run_server
from service.server import API_APP, running_api, running_backend, until_stopped
from service.settings import Settings, load_settings
from service.state_files import LOG_FOLDER, prepare_state_dir
from service.temporal import temporal_address

_log = structlog.get_logger("server")


def run_serve(*, host: str | None, port: int | None) -> None:
    """API and worker in one process."""
    settings = load_settings(im_api_host=host, im_api_port=port)
    configure_logs(settings.im_log_level, folder=prepare_state_dir(settings) / LOG_FOLDER, role="serve")
    run_server(_serve(settings))


def run_worker() -> None:
    """A worker alone, to scale out or to keep deliveries apart from the API."""
    settings = load_settings()
    configure_logs(settings.im_log_level, folder=prepare_state_dir(settings) / LOG_FOLDER, role="worker")
    run_server(_work(settings))


async def _serve(settings: Settings) -> None:
    async with running_backend(settings) as backend, running_api(backend, API_APP) as port:
        _log.info(
            "serving",
            api=f"http://{settings.im_api_host}:{port}",
            temporal=temporal_address(),
            publishing=settings.enable_event_publishing,
        )
        if settings.im_api_token is None:
            _log.warning("the API takes requests without a token, from this machine only; set IM_API_TOKEN")
        _warn_of_publishing(settings)
        await until_stopped()
        _log.info("draining: requests under way end, nothing new begins")
    _log.info("stopped")


async def _work(settings: Settings) -> None:
    async with running_backend(settings):
        _log.info("working", temporal=temporal_address(), publishing=settings.enable_event_publishing)
        _warn_of_publishing(settings)
        await until_stopped()
        _log.info("draining: requests under way end, nothing new begins")
    _log.info("stopped")


def _warn_of_publishing(settings: Settings) -> None:
    if not settings.enable_event_publishing:
        _log.warning("event publishing is off: incidents work, nothing is emitted; set ENABLE_EVENT_PUBLISHING=true")
