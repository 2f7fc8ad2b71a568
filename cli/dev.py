"""`im dev`: everything on one laptop, in one terminal."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

from domain.retention import DEV_RETENTION
from service.devserver import TemporalCli, dev_server, download_cli, find_cli
from service.listeners import ports_of
from service.logs import configure_logs
from service.process import run_server
from service.server import API_APP, DRAINING, Backend, running_api, running_backend, until_stopped
from service.settings import Settings, load_settings
from service.sole_use import sole_use
from service.state_files import DATABASE_FILE, LOG_FOLDER, TOKEN_FILE, check_keys, load_dev_token, prepare_state_dir


@dataclass(frozen=True)
class Laptop:
    """A whole platform running on this machine."""

    backend: Backend
    api_url: str
    ui_url: str
    temporal_address: str


def run_dev(*, temporal_port: int, ui_port: int, port: int | None, ephemeral: bool) -> None:
    """Run until stopped, then drain and stop Temporal last."""
    settings = load_settings(im_api_port=port)
    configure_logs(settings.im_log_level, folder=prepare_state_dir(settings) / LOG_FOLDER, role="serve")
    run_server(_dev(settings, temporal_port, ui_port, ephemeral=ephemeral))


async def _dev(settings: Settings, temporal_port: int, ui_port: int, *, ephemeral: bool) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("[dim]starting Temporal, the worker and the API …[/dim]")
    async with laptop(settings, temporal_port=temporal_port, ui_port=ui_port, ephemeral=ephemeral) as running:
        _announce(console, running)
        await until_stopped()
        console.print(f"[dim]{DRAINING}[/dim]")
    console.print("[dim]stopped[/dim]")


@asynccontextmanager
async def laptop(settings: Settings, *, temporal_port: int, ui_port: int, ephemeral: bool) -> AsyncIterator[Laptop]:
    """Temporal's dev server, worker and API, started in that order and stopped in the reverse one."""
    check_keys(settings)
    cli = await _temporal_cli(settings)
    database = None if ephemeral else settings.im_state_dir / DATABASE_FILE
    is_new = database is None or not database.exists()
    if settings.im_api_token is None:
        settings = settings.model_copy(update={"im_api_token": SecretStr(load_dev_token(settings))})
    async with (
        sole_use(database) as claim,
        dev_server(cli, database=database, port=temporal_port, ui_port=ui_port) as temporal,
    ):
        settings = settings.model_copy(update={"im_temporal_ui_url": temporal.ui_url})
        os.environ["TEMPORAL_ADDRESS"] = temporal.address  # this process's own client reads it from there
        theirs = ports_of(temporal.process.pid) | {int(temporal.ui_url.rpartition(":")[2])}
        async with running_backend(settings, *theirs) as backend, running_api(backend, API_APP) as port:
            if is_new:
                await backend.gateway.retention.set(DEV_RETENTION)
            api_url = f"http://{settings.im_api_host}:{port}"
            claim.tell(api_url)
            yield Laptop(backend=backend, api_url=api_url, ui_url=temporal.ui_url, temporal_address=temporal.address)


async def _temporal_cli(settings: Settings) -> TemporalCli:
    cli = find_cli()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if cli is None:
        console.print("[dim]no Temporal CLI found: the Temporal SDK downloads one …[/dim]")
        cli = await download_cli(settings.im_state_dir / "bin")
    if cli.remark:
        console.print(f"[yellow]{cli.remark}[/yellow]")
    return cli


def _announce(console: Console, running: Laptop) -> None:
    settings = running.backend.settings
    console.print(f"[bold]API[/bold]        {running.api_url}   (described by /openapi.json)")
    console.print(f"[bold]Page[/bold]       {running.api_url}/   (log in with the API token)")
    console.print(f"[bold]API token[/bold]  in {settings.im_state_dir / TOKEN_FILE}, unless IM_API_TOKEN is set")
    console.print(f"[bold]Web UI[/bold]     {running.ui_url}")
    console.print(f"[bold]Temporal[/bold]   {running.temporal_address}")
    console.print(f"[bold]Logs[/bold]       im logs --follow   ({settings.im_state_dir / LOG_FOLDER})")
    port = running.api_url.rpartition(":")[2]
    usual: Path = Settings.model_fields["im_state_dir"].default
    for name, value, default in (
        ("IM_STATE_DIR", str(settings.im_state_dir), str(usual.expanduser())),
        ("TEMPORAL_ADDRESS", running.temporal_address, "127.0.0.1:7233"),
        ("IM_API_PORT", port, "8080"),
    ):
        if value != default:
            console.print(f"In other terminals: [bold]export {name}={value}[/bold]")
    if settings.enable_event_publishing:
        console.print("Event publishing is on. Deliveries to localhost are allowed. Ctrl-C stops.")
    else:
        console.print(
            "[yellow]Event publishing is off: incidents work, nothing is emitted. "
            "To switch it on: ENABLE_EVENT_PUBLISHING=true im dev[/yellow]"
        )
