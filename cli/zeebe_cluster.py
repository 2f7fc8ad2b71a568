"""`im zeebe cluster`: which Zeebe clusters may tell of incidents, and what becomes of what they tell."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import render_zeebe
from cli.incident import SeverityChoice
from cli.run import (
    Format,
    FormatOption,
    examples,
    make_app,
    one_of,
    only_given,
    say,
    typed_secret,
    warn,
    with_gateway,
    write,
)

if TYPE_CHECKING:
    from service.zeebe_clusters import ClusterChanged

app = make_app("Say which clusters may tell of incidents, and how.")


class GroupingChoice(StrEnum):
    """`domain.sources.Grouping`, which takes pydantic to import; a test compares both."""

    INCIDENT = "incident"
    ELEMENT = "element"


Name = Annotated[str, typer.Argument(help="The cluster's name.", metavar="NAME", show_default=False)]
Token = Annotated[
    str | None,
    typer.Option("--token", metavar="VALUE", help="What its exporter sends as Authorization; - reads standard input."),
]
GenerateToken = Annotated[bool, typer.Option("--generate-token", help="Make a token and show it once.")]
NoToken = Annotated[bool, typer.Option("--no-token", help="Take its records without a token, from this machine only.")]
AlertSecret = Annotated[
    str | None,
    typer.Option(
        "--alert-secret",
        metavar="VALUE",
        help="HMAC secret of the SaaS console's alert webhook; - reads standard input. Never shown again.",
    ),
]
GroupBy = Annotated[
    GroupingChoice | None,
    typer.Option(
        "--group-by",
        help="One incident for each of Zeebe's, or for all of an error type at an element. New clusters: incident.",
        **one_of(GroupingChoice),
    ),
]
SeverityRule = Annotated[
    list[str] | None,
    typer.Option(
        "--severity-rule",
        metavar="ERROR_TYPE@PROCESS=SEV-n",
        help="Severity of some incidents; * is any text, the first rule that applies decides. Repeatable.",
    ),
]
Severity = Annotated[
    SeverityChoice | None,
    typer.Option("--severity", help="Where no rule applies. New clusters: SEV-3.", **one_of(SeverityChoice)),
]
OperateUrl = Annotated[
    str | None,
    typer.Option(
        "--operate-url", metavar="TEMPLATE", help="Link in incidents; it may hold {processInstanceKey} and the like."
    ),
]


@app.command(
    epilog=examples(
        "im zeebe cluster add prod --generate-token --group-by element --severity-rule '*@payment-*=SEV-1'",
        "im zeebe cluster add local --no-token",
        "im zeebe cluster add saas --alert-secret - < secret.txt",
    )
)
def add(
    name: Name,
    *,
    token: Token = None,
    generate_token: GenerateToken = False,
    no_token: NoToken = False,
    alert_secret: AlertSecret = None,
    group_by: GroupBy = None,
    severity_rule: SeverityRule = None,
    severity: Severity = None,
    operate_url: OperateUrl = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Add a cluster. Records that its exporter posts from now on are taken in."""
    if not (generate_token or no_token or token or alert_secret):
        raise typer.BadParameter("give --token, --generate-token or --no-token; or --alert-secret alone, for SaaS")
    options = _credentials(token, alert_secret, generate_token=generate_token, no_token=no_token)
    options |= _rest(group_by, severity_rule, severity, operate_url)
    _told("added", with_gateway(lambda im: im.zeebe.add_cluster(name, **options)), output)


@app.command("list", epilog=examples("im zeebe cluster list", "im zeebe cluster list --format json"))
def list_(*, output: FormatOption = Format.TABLE) -> None:
    """List the clusters."""
    found = with_gateway(lambda im: im.zeebe.clusters())
    write(output, found, render_zeebe.cluster_table(found))
    if not found:
        say("no Zeebe clusters yet; add one: im zeebe cluster add NAME --generate-token")


@app.command(epilog=examples("im zeebe cluster show prod"))
def show(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Show a cluster and what came of its records. The token is never shown."""
    found = with_gateway(lambda im: im.zeebe.cluster(name))
    write(output, found, render_zeebe.cluster_fields(found))


@app.command(
    epilog=examples(
        "im zeebe cluster update prod --group-by element --severity SEV-2",
        "im zeebe cluster update prod --generate-token",
    )
)
def update(
    name: Name,
    *,
    token: Token = None,
    generate_token: GenerateToken = False,
    no_token: NoToken = False,
    alert_secret: AlertSecret = None,
    group_by: GroupBy = None,
    severity_rule: SeverityRule = None,
    clear_severity_rules: Annotated[
        bool, typer.Option("--clear-severity-rules", help="Drop all severity rules.")
    ] = False,
    severity: Severity = None,
    operate_url: OperateUrl = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Change a cluster; what is not given stays. --severity-rule replaces all rules; a new token ends the former."""
    if severity_rule and clear_severity_rules:
        raise typer.BadParameter("--severity-rule replaces all rules already; leave out --clear-severity-rules")
    options = _credentials(token, alert_secret, generate_token=generate_token, no_token=no_token)
    options |= _rest(group_by, [] if clear_severity_rules else severity_rule, severity, operate_url)
    if not options:
        raise typer.BadParameter("nothing to change; see im zeebe cluster update --help")
    _told("updated", with_gateway(lambda im: im.zeebe.update_cluster(name, **options)), output)


@app.command(epilog=examples("im zeebe cluster remove prod"))
def remove(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Remove a cluster. Its records are refused from now on; its open incidents stay open.

    API tokens lose the scope ingest:NAME, and those that have no other are revoked.
    """
    removed = with_gateway(lambda im: im.zeebe.remove_cluster(name))
    if output is Format.JSON:
        write(output, removed, "")
    say(f"removed {removed.name}")
    if removed.revoked:
        say(f"revoked, because they had no other scope than ingest:{name}: {', '.join(removed.revoked)}")
    if removed.narrowed:
        say(f"no longer with the scope ingest:{name}: {', '.join(removed.narrowed)}")


def _credentials(
    token: str | None, alert_secret: str | None, *, generate_token: bool, no_token: bool
) -> dict[str, Any]:
    if (token is not None) + generate_token + no_token > 1:
        raise typer.BadParameter("--token, --generate-token and --no-token exclude each other")
    if token == alert_secret == "-":  # noqa: S105 - the sign for standard input
        raise typer.BadParameter("only one of --token and --alert-secret can be read from standard input")
    given = {
        "token": typed_secret(token, "token"),
        "alert_secret": typed_secret(alert_secret, "alert secret"),
        "generate_token": generate_token or None,
        "no_token": no_token or None,
    }
    return only_given(given)


def _rest(
    group_by: GroupingChoice | None,
    rules: list[str] | None,
    severity: SeverityChoice | None,
    operate_url: str | None,
) -> dict[str, Any]:
    return only_given(
        {
            "group_by": group_by.value if group_by else None,
            "rules": rules,
            "severity": severity.value if severity else None,
            "operate_url": operate_url,
        }
    )


def _told(verb: str, changed: "ClusterChanged", output: Format) -> None:
    cluster = changed.cluster
    if output is Format.JSON:
        write(output, changed, "")
    elif changed.token:
        write(output, None, changed.token)
    grouped = "one incident for each of Zeebe's" if cluster.group_by == "incident" else "one incident for each element"
    say(f"{verb} {cluster.name}: token {cluster.token}, {grouped}, {cluster.severity}")
    if changed.token:
        say("the token is not shown again; configure the exporter with it now")
    for warning in changed.warnings:
        warn(warning)
