"""`im alarm`: raise, change and clear alarms; subscribers are told when one flips or changes its severity."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import alarm_options as given
from cli import render_alarms
from cli.alarm_options import AlarmSeverityChoice, check_one, said
from cli.incident import UNPUBLISHED
from cli.run import Format, FormatOption, Limit, examples, make_app, one_of, say, warn, with_gateway, write

if TYPE_CHECKING:
    from domain.alarms import Observed
    from service.gateway import Gateway

app = make_app("Raise, change and clear alarms.")

NONE_YET = "no alarms yet; raise one: im alarm raise --type TYPE --resource-type TYPE --resource ID --severity MAJOR"


@app.command(
    "raise",
    epilog=examples(
        "im alarm raise --type failed-connection --resource-type data-source --resource users-db --severity MAJOR \\",
        "    --brief 'The database does not answer' --detail 'Connection refused' --action 'Is it up?' \\",
        "    --impact 'authenticator=Users cannot log in' --dependency authenticator=sms",
    ),
)
def raise_(
    *,
    alarm_type: Annotated[str, typer.Option("--type", help="Such as failed-connection.", show_default=False)],
    resource_type: Annotated[str, typer.Option("--resource-type", help="Of the alarming one.", show_default=False)],
    resource: Annotated[str, typer.Option("--resource", metavar="ID", help="The alarming one.", show_default=False)],
    severity: Annotated[
        AlarmSeverityChoice,
        typer.Option("--severity", help="CRITICAL is the worst.", show_default=False, **one_of(AlarmSeverityChoice)),
    ],
    node: given.Node = None,
    brief: given.Brief = None,
    detail: given.Detail = None,
    action: given.ActionLine = None,
    impact: given.ImpactTitle = None,
    dependency: given.Dependency = None,
    link: given.Link = None,
    at: given.LastUpdated = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Raise an alarm, or bring it up to date.

    One resource and alarm type are one alarm. What is left out stays as it is known.
    """
    from domain.alarms import AlarmSeverity, Identity  # noqa: PLC0415 - heavy

    identity = Identity(alarm_type=alarm_type, resource_type=resource_type, resource_id=resource)
    texts = said(
        node=node, brief=brief, detail=detail, action=action, impact=impact, dependency=dependency, link=link, at=at
    )
    level = AlarmSeverity(severity.value)
    with given.by_option():
        observed = with_gateway(lambda im: im.alarms.upsert(identity, level, **texts))
    _told(observed, output)


@app.command(epilog=examples("im alarm change failed-connection-b35052ec4bed3f0d --severity CRITICAL"))
def change(
    alarm_id: given.Id = None,
    *,
    alarm_type: given.Type = None,
    resource_type: given.ResourceType = None,
    resource: given.Resource = None,
    severity: given.AnySeverity = None,
    node: given.Node = None,
    brief: given.Brief = None,
    detail: given.Detail = None,
    action: given.ActionLine = None,
    impact: given.ImpactTitle = None,
    dependency: given.Dependency = None,
    link: given.Link = None,
    at: given.LastUpdated = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Change an alarm that is known.

    Subscribers are told if the severity changes. --severity raises an alarm again that was cleared.
    """
    from domain.alarms import AlarmSeverity  # noqa: PLC0415 - heavy

    texts = said(
        node=node, brief=brief, detail=detail, action=action, impact=impact, dependency=dependency, link=link, at=at
    )
    texts["severity"] = AlarmSeverity(severity.value) if severity else None
    _change(alarm_id, (alarm_type, resource_type, resource), texts, output)


@app.command(
    epilog=examples(
        "im alarm clear failed-connection-b35052ec4bed3f0d",
        "im alarm clear --type failed-connection --resource-type data-source --resource users-db",
    )
)
def clear(
    alarm_id: given.Id = None,
    *,
    alarm_type: given.Type = None,
    resource_type: given.ResourceType = None,
    resource: given.Resource = None,
    node: given.Node = None,
    brief: given.Brief = None,
    detail: given.Detail = None,
    action: given.ActionLine = None,
    impact: given.ImpactTitle = None,
    dependency: given.Dependency = None,
    link: given.Link = None,
    at: given.LastUpdated = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Clear an alarm; one that is cleared already stays as it is."""
    from domain.alarms import AlarmSeverity  # noqa: PLC0415 - heavy

    texts = said(
        node=node, brief=brief, detail=detail, action=action, impact=impact, dependency=dependency, link=link, at=at
    )
    texts["severity"] = AlarmSeverity.CLEARED
    _change(alarm_id, (alarm_type, resource_type, resource), texts, output)


@app.command("list", epilog=examples("im alarm list --active", "im alarm list --severity CRITICAL --type expiry"))
def list_(
    *,
    severity: given.AnySeverity = None,
    active: Annotated[
        bool | None, typer.Option("--active/--cleared", help="Only raised ones, or only cleared ones.")
    ] = None,
    alarm_type: given.Type = None,
    resource: given.Resource = None,
    limit: Limit = 100,
    output: FormatOption = Format.TABLE,
) -> None:
    """List alarms, those that came up last first."""
    from domain.alarms import AlarmSeverity  # noqa: PLC0415 - heavy
    from service.alarms import AlarmFilter  # noqa: PLC0415 - heavy

    wanted = AlarmFilter(
        severity=AlarmSeverity(severity.value) if severity else None,
        cleared=None if active is None else not active,
        alarm_type=alarm_type,
        resource_id=resource,
        limit=limit,
    )
    found = with_gateway(lambda im: im.alarms.find(wanted))
    write(output, found.rows, render_alarms.alarm_table(found.rows))
    if not found.rows:
        narrowed = wanted != AlarmFilter(limit=limit)
        say("no alarm matches; all of them: im alarm list" if narrowed else NONE_YET)


@app.command(epilog=examples("im alarm show failed-connection-b35052ec4bed3f0d"))
def show(
    alarm_id: Annotated[str, typer.Argument(help="The alarm_id.", metavar="ID", show_default=False)],
    *,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show an alarm as it stands."""
    found = with_gateway(lambda im: im.alarms.get(alarm_id))
    write(output, found, render_alarms.alarm_text(found))


def _change(alarm_id: str | None, identity: tuple[str | None, ...], texts: dict[str, Any], output: Format) -> None:
    check_one(alarm_id, *identity)
    if all(value is None for value in texts.values()):
        raise typer.BadParameter("nothing to change; see im alarm change --help")

    async def changed(im: "Gateway") -> "Observed":
        from domain.alarm_errors import AlarmNotFoundError, NoAlarmOfResourceError  # noqa: PLC0415 - heavy
        from domain.alarms import Identity  # noqa: PLC0415 - heavy

        if alarm_id is not None:
            return await im.alarms.change(alarm_id, **texts)
        names = dict(zip(("alarm_type", "resource_type", "resource_id"), identity, strict=True))
        try:
            return await im.alarms.change(im.alarms.id_of(Identity.model_validate(names), texts["node_id"]), **texts)
        except AlarmNotFoundError:
            raise NoAlarmOfResourceError(**names) from None

    with given.by_option():
        observed = with_gateway(changed)
    _told(observed, output)


def _told(observed: "Observed", output: Format) -> None:
    write(output, observed, render_alarms.alarm_table([observed.alarm]))
    if observed.published is False:
        warn(UNPUBLISHED)
    elif output is Format.TABLE:
        say(render_alarms.outcome_text(observed))
