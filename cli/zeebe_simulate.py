"""`im zeebe simulate`: a Zeebe cluster and its exporter for trying everything without a broker."""

import re
from typing import Annotated

import typer

from cli.local_api import local_api
from cli.run import Format, FormatOption, duration, one_of, typed_secret
from cli.simulated_cluster import MOST_INCIDENTS, Mix
from cli.simulated_records import Dialect
from domain.labels import labelled

MOST_RECORDS_A_REQUEST = 1000


def simulate(
    *,
    url: Annotated[
        str | None, typer.Option("--url", help="Of the API (default: on this machine, at IM_API_PORT).")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", help="Name of the cluster, where it has no token.")
    ] = None,
    token: Annotated[
        str | None, typer.Option("--token", metavar="VALUE", help="Token of the cluster; - reads standard input.")
    ] = None,
    rate: Annotated[str, typer.Option("--rate", help="Records: 50/s, 600/m; max or 0 is as fast as they go.")] = "50/s",
    incidents: Annotated[str, typer.Option("--incidents", help="Share of records that raise one, 20% at most.")] = "1%",
    resolve_after: Annotated[str, typer.Option("--resolve-after", help="How long one is open, or never.")] = "5s",
    repeats: Annotated[str, typer.Option("--repeats", help="Share of requests that are sent twice.")] = "5%",
    burst: Annotated[
        int, typer.Option("--burst", metavar="N", help="Begin with N incidents at one element.", min=0)
    ] = 0,
    canary: Annotated[
        str | None,
        typer.Option("--canary", metavar="PROCESS", help="Process id of a canary, which raises and resolves."),
    ] = None,
    no_canary: Annotated[bool, typer.Option("--no-canary", help="Stop the canary, whatever --canary says.")] = False,
    canary_every: Annotated[str, typer.Option("--canary-every", help="How often the canary does.")] = "10s",
    duration: Annotated[
        str | None,
        typer.Option(
            "--duration", help="End after this long, and 30 s at most for what is not taken (default: Ctrl-C ends)."
        ),
    ] = None,
    records: Annotated[int | None, typer.Option("--records", metavar="N", help="End after N records.", min=1)] = None,
    batch: Annotated[
        int, typer.Option("--batch", metavar="N", help="Records a request, at most.", min=1, max=MOST_RECORDS_A_REQUEST)
    ] = 1,
    restart_every: Annotated[
        str | None, typer.Option("--restart-every", help="Restart the exporter: it sends again what it had not noted.")
    ] = None,
    dialect: Annotated[
        Dialect, typer.Option("--dialect", help="Records as of Camunda 8, or of 2020.", **one_of(Dialect))
    ] = Dialect.CURRENT,
    partitions: Annotated[
        int, typer.Option("--partitions", help="From the fourth on, keys are past 2^53.", min=1, max=1000)
    ] = 3,
    output: FormatOption = Format.TABLE,
) -> None:
    """Post the records of a simulated cluster, as an exporter would.

    What is not taken is tried again until it is; with --duration, for 30 s past its end. Only if nobody is there at the
    start it ends at once. At the end every incident is resolved, unless --resolve-after never.
    """
    mix = Mix(
        incidents=share("--incidents", incidents, MOST_INCIDENTS),
        resolve_after_ms=None if resolve_after == "never" else int(1000 * seconds("--resolve-after", resolve_after)),
        canary=None if no_canary else canary,
        canary_every_ms=int(1000 * seconds("--canary-every", canary_every)),
        burst=burst,
        partitions=partitions,
        dialect=dialect,
    )
    sharing, pace = share("--repeats", repeats, 1.0), records_a_second(rate)
    lasting = seconds("--duration", duration) if duration else None
    restarting = seconds("--restart-every", restart_every) if restart_every else None
    secret = typed_secret(token, "token")
    if secret and (reason := labelled(secret)):
        raise typer.BadParameter(f"--token: {reason}")
    from cli.simulation import Plan  # noqa: PLC0415 - heavy
    from cli.simulator import run_simulation  # noqa: PLC0415 - heavy

    plan = Plan(
        url=checked_url(url or local_api()),
        cluster=cluster,
        token=secret,
        rate=pace,
        batch=batch,
        repeats=sharing,
        restart_every=restarting,
        records=records,
        duration=lasting,
    )
    raise typer.Exit(run_simulation(plan, mix, output))


def checked_url(url: str) -> str:
    """The same URL, if it can be posted to."""
    if not re.fullmatch(r"https?://[^\s/?#]+/?", url):
        raise typer.BadParameter(f"--url: {url!r} is no http(s) URL of a host, such as http://localhost:8080")
    return url


def records_a_second(text: str) -> float | None:
    """The rate meant by ``50/s``, ``50`` or ``600/m``; None for ``max`` or ``0``."""
    found = re.fullmatch(r"(\d{1,7}(?:\.\d{1,3})?)(?:/([sm]))?", text.strip().lower())
    if text.strip().lower() == "max":
        return None
    if not found:
        raise typer.BadParameter(f"--rate: {text!r} is not a rate; write 50/s, 600/m or max")
    return float(found[1]) / (60 if found[2] == "m" else 1) or None


def share(option: str, text: str, most: float) -> float:
    """The share meant by ``1%`` or ``0.01``."""
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)(%?)", text.strip())
    value = float(found[1]) / (100 if found[2] else 1) if found else -1
    if not 0 <= value <= most:
        raise typer.BadParameter(f"{option}: {text!r} is not a share of 0% to {most:.0%}")
    return value


def seconds(option: str, text: str) -> float:
    """The seconds of a duration such as ``10s`` or ``5m``, at least one."""
    found = duration(option, text).total_seconds()
    if found < 1:
        raise typer.BadParameter(f"{option} takes at least a second")
    return found
