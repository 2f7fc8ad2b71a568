"""`im demo`: the whole path from an incident to a verified webhook, and a failure that recovers, in half a minute."""

import asyncio
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax

from cli.demo_receiver import Arrival, DemoReceiver, demo_receiver
from cli.dev import Laptop, laptop
from cli.render_subscribers import health_table
from cli.screen import Screen
from domain.health import Health
from domain.incidents import Action, Change, Declaration, Incident, Severity
from service.gateway import Gateway
from service.logs import configure_logs
from service.process import run_server
from service.server import until_stopped
from service.settings import LogLevel, Settings
from service.state_files import LOG_FOLDER

ACTOR = "oncall@example.com"
FLAKY_FAILURES = 2
RECOVERED_WITHIN_SECONDS = 15
COUNTED_WITHIN_SECONDS = 3
DELIVERIES_EACH = 2
POLL_SECONDS = 0.05


def run_demo(*, keep: bool) -> int:
    """Run it; returns the exit status: 0 when everything arrived."""
    console = Screen()
    with tempfile.TemporaryDirectory(prefix="im-demo-") as folder:
        settings = Settings(
            enable_event_publishing=True,
            im_state_dir=Path(folder),
            im_api_host="127.0.0.1",
            im_api_port=0,
            im_api_token=None,
            im_secret_keys=None,
            im_log_level=LogLevel.INFO,
        )
        configure_logs("info", folder=Path(folder) / LOG_FOLDER, role="serve", console=False)
        return run_server(_Demo(console, settings).run(keep=keep))


class _Demo:
    """The narration, step by step."""

    def __init__(self, console: Console, settings: Settings) -> None:
        self._console = console
        self._settings = settings
        self._shown = 0

    async def run(self, *, keep: bool) -> int:
        """Everything, from the server's start to the table of health."""
        self._step("Starting a Temporal dev server, a worker and the API")
        async with laptop(self._settings, temporal_port=0, ui_port=0, ephemeral=False) as running:
            self._say(f"Temporal Web UI: [bold]{running.ui_url}[/bold]")
            with demo_receiver() as receiver:
                arrived = await self._story(running.backend.gateway, receiver)
                await self._conclude(running, arrived=arrived)
                if keep:
                    self._say("Running until Ctrl-C, so that you can look around.")
                    await until_stopped()
        return 0 if arrived else 1

    async def _story(self, gateway: Gateway, receiver: DemoReceiver) -> bool:
        await self._subscribe(gateway, receiver)
        incident = await self._declare(gateway)
        await self._watch(receiver, {"/healthy": 1, "/flaky": FLAKY_FAILURES + 1})
        self._step(f"Resolving {incident.id}: the same path again")
        change = Change(action=Action.RESOLVE, actor=ACTOR, note="rolled back")
        await gateway.incidents.change(incident.id, change)
        return await self._watch(receiver, {"/healthy": 2, "/flaky": FLAKY_FAILURES + 2})

    async def _subscribe(self, gateway: Gateway, receiver: DemoReceiver) -> None:
        self._step("Registering two subscribers on a local receiver")
        receiver.failures["/flaky"] = FLAKY_FAILURES
        for name, remark in (("healthy", "answers 200"), ("flaky", "answers 503 twice, then 200")):
            url = receiver.url(f"/{name}")
            added = await gateway.subscribers.add(name, url, types=["im.incident.**"], generate_secret=True)
            receiver.secrets[f"/{name}"] = added.secret or ""
            self._say(f"[bold]{name}[/bold]  {url}  im.incident.**  [dim]({remark})[/dim]")

    async def _declare(self, gateway: Gateway) -> Incident:
        self._step("Declaring an incident")
        declaration = Declaration(title="Production API latency spike", severity=Severity.SEV_2, actor=ACTOR)
        incident = await gateway.incidents.declare(declaration)
        self._say(f"{incident.id} declared; event {incident.timeline[0].event_id} is in Temporal's hands")
        self._step("What the receiver got")
        return incident

    async def _watch(self, receiver: DemoReceiver, expected: dict[str, int]) -> bool:
        """Show arrivals until each path had as many as expected; False when that takes too long."""
        deadline = asyncio.get_running_loop().time() + RECOVERED_WITHIN_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            while self._shown < len(receiver.arrivals):
                self._show(receiver.arrivals[self._shown], receiver.arrivals[0].at)
                self._shown += 1
            counts = {path: sum(arrival.path == path for arrival in receiver.arrivals) for path in expected}
            if counts == expected:
                return all(arrival.genuine for arrival in receiver.arrivals)
            await asyncio.sleep(POLL_SECONDS)
        return False

    def _show(self, arrival: Arrival, began: float) -> None:
        color = "green" if arrival.status < 300 else "yellow"
        sealed = "signature verified" if arrival.genuine else "[red]signature WRONG[/red]"
        self._console.print(
            f"  +{arrival.at - began:5.2f}s  {arrival.path:<9} {arrival.event['type']:<27} {sealed}  "
            f"answered [{color}]{arrival.status}[/{color}]"
        )
        if self._shown == 0:
            body = json.dumps(arrival.event, indent=2)
            names = ("Content-Type", "User-Agent", "Ce-Id", "Ce-Type", "X-CloudEvents-Signature", "webhook-id")
            for name in names:
                self._console.print(f"           [dim]{name}: {arrival.headers.get(name)}[/dim]")
            self._console.print(Syntax(body, "json", background_color="default", word_wrap=True))

    async def _conclude(self, running: Laptop, *, arrived: bool) -> None:
        self._step("Health")
        rows = await self._counted(running.backend.gateway)
        self._console.print(health_table(rows, datetime.now(UTC)), markup=False)
        if not arrived:
            self._say("[red]Not everything arrived as it should.[/red]")
            return
        self._say(
            "[green]healthy[/green] was told at once; [green]flaky[/green] failed twice and was told by the third try."
        )
        self._say(f"Temporal Web UI while it ran: [bold]{running.ui_url}[/bold]  (to look around: im demo --keep)")
        self._say("Your own: [bold]ENABLE_EVENT_PUBLISHING=true im dev[/bold]")

    async def _counted(self, gateway: Gateway) -> list[Health]:
        """The rows once the ledger has both deliveries of both, which is some 50 ms after they arrived."""
        deadline = asyncio.get_running_loop().time() + COUNTED_WITHIN_SECONDS
        while True:
            rows = await gateway.health.all()
            if all(row.delivered == DELIVERIES_EACH for row in rows) or asyncio.get_running_loop().time() > deadline:
                return rows
            await asyncio.sleep(POLL_SECONDS)

    def _step(self, text: str) -> None:
        self._console.print(f"\n[bold cyan]{text}[/bold cyan]")

    def _say(self, text: str) -> None:
        self._console.print(f"  {text}")
