"""The commands of `im`: one app a noun, and the commands that run something, whose modules are imported when run."""

from typing import Annotated

import typer

from cli import (
    alarm,
    event,
    heartbeat,
    http_client,
    incident,
    keys,
    listen,
    logs,
    replay,
    retention,
    subscriber,
    token,
    trigger,
    types,
    verify,
    zeebe,
)
from cli.backup import backup, restore
from cli.configuration import export, import_
from cli.doctor import doctor
from cli.run import end_after, examples, make_app, put
from cli.why import why

app = make_app(
    "Tell other systems what happened to your incidents: signed CloudEvents over webhooks.\n\n"
    "A DURATION is 90s, 15m, 24h or 5d; a number without a unit is seconds."
)
app.add_typer(incident.app, name="incident")
app.add_typer(alarm.app, name="alarm")
app.add_typer(subscriber.app, name="subscriber")
app.add_typer(event.app, name="event")
app.add_typer(replay.app, name="replay")
app.add_typer(retention.app, name="retention")
app.add_typer(types.app, name="types")
app.add_typer(heartbeat.app, name="heartbeat")
app.add_typer(http_client.app, name="http-client")
app.add_typer(zeebe.app, name="zeebe")
app.add_typer(token.app, name="token")
app.add_typer(keys.app, name="keys")
app.command("logs", epilog=examples("im logs --component outbox-worker --level error", "im logs -f"))(logs.logs)
app.command("trigger", epilog=examples("im trigger im.incident.declared.v1 --set severity=SEV-1"))(trigger.trigger)
app.command(
    "listen",
    epilog=examples(
        "im listen --types 'im.incident.**' --status 503,200", "im listen --forward-to http://localhost:3000/webhook"
    ),
)(listen.listen)
app.command("verify", epilog=examples("im verify request.http", "im verify - --secret @secret.txt < request.http"))(
    verify.verify
)


def _version(given: bool) -> None:  # noqa: FBT001 - Typer's signature of a callback
    if given:
        from importlib.metadata import version as version_of  # noqa: PLC0415 - heavy

        put(f"im {version_of('incidents-platform')}")
        raise typer.Exit


@app.callback(epilog=examples("im dev", "im incident declare --title 'API latency' --severity SEV-2", "im event list"))
def im(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_version),
    ] = False,
) -> None:
    """Tell other systems what happened to your incidents: signed CloudEvents over webhooks."""


@app.command(epilog=examples("im dev", "im dev --port 9000 --ephemeral"))
def dev(
    *,
    temporal_port: Annotated[int, typer.Option("--temporal-port", help="Port of Temporal.", min=1, max=65535)] = 7233,
    ui_port: Annotated[int, typer.Option("--ui-port", help="Port of the Temporal Web UI.", min=1, max=65535)] = 8233,
    port: Annotated[
        int | None, typer.Option("--port", help="Port of the API.  [env var: IM_API_PORT]", min=0, max=65535)
    ] = None,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Keep the database in memory only.")] = False,
) -> None:
    """Run everything on this machine.

    A Temporal dev server, the worker and the API; prints where each is. Ctrl-C stops them.
    """
    from cli.dev import run_dev  # noqa: PLC0415 - heavy

    end_after(lambda: run_dev(temporal_port=temporal_port, ui_port=ui_port, port=port, ephemeral=ephemeral))


@app.command(epilog=examples("im demo", "im demo --seed-data"))
def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep running at the end.")] = False,
    seed_data: Annotated[
        bool, typer.Option("--seed-data", help="Instead, put incidents and alarms on the platform that runs already.")
    ] = False,
    page: Annotated[bool, typer.Option("--page", help="With --seed-data: though alert targets would be told.")] = False,
) -> None:
    """Watch a failing delivery recover.

    Runs everything on free ports for about a minute and ends by itself.
    """
    if keep and seed_data:
        raise typer.BadParameter("--keep is for the tour, which --seed-data replaces")
    if seed_data:
        from cli.seeds import run_seeds  # noqa: PLC0415 - heavy

        run_seeds(page=page)
        return
    from cli.demo import run_demo  # noqa: PLC0415 - heavy

    end_after(lambda: run_demo(keep=keep))


@app.command(epilog=examples("TEMPORAL_ADDRESS=temporal:7233 ENABLE_EVENT_PUBLISHING=true im serve"))
def serve(
    *,
    host: Annotated[str | None, typer.Option("--host", help="Address of the API.  [env var: IM_API_HOST]")] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port of the API.  [env var: IM_API_PORT]", min=0, max=65535)
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=32, help="Processes behind the port.")] = 1,
) -> None:
    """Run the API and a worker.

    Temporal is at TEMPORAL_ADDRESS. Without ENABLE_EVENT_PUBLISHING=true nothing is emitted.
    """
    if workers == 1:
        from cli.serve import run_serve  # noqa: PLC0415 - heavy

        end_after(lambda: run_serve(host=host, port=port))

    def many() -> int:
        from service.fleet import shared_metrics  # noqa: PLC0415 - before anything that has metrics is imported

        with shared_metrics():
            from cli.serve import run_serve_many  # noqa: PLC0415 - heavy

            return run_serve_many(workers, host=host, port=port)

    end_after(many)


@app.command(epilog=examples("TEMPORAL_ADDRESS=temporal:7233 ENABLE_EVENT_PUBLISHING=true im worker"))
def worker() -> None:
    """Run a worker alone.

    Use it to deliver more at a time, or on another machine than the API.
    """
    from cli.serve import run_worker  # noqa: PLC0415 - heavy

    end_after(run_worker)


app.command("why", epilog=examples("im why evt_550e8400-e29b-41d4-a716-446655440000 my-webhook"))(why)
app.command("doctor", epilog=examples("im doctor", "im doctor --format json"))(doctor)
app.command("export", epilog=examples("im export > im.json", "im export --without-secrets"))(export)
app.command("import", epilog=examples("im import im.json --dry-run", "im import - < im.json"))(import_)
app.command("backup", epilog=examples("im backup im-2025-12-26.db"))(backup)
app.command("restore", epilog=examples("im restore im-2025-12-26.db"))(restore)
