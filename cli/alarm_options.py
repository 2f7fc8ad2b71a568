"""The options that commands of `im alarm` share, and how what people type there is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.run import key_value, moment, one_of


class AlarmSeverityChoice(StrEnum):
    """`domain.alarms.AlarmSeverity`, which takes pydantic to import; a test compares both."""

    CRITICAL = "CRITICAL"
    MAJOR = "MAJOR"
    MINOR = "MINOR"
    WARNING = "WARNING"
    CLEARED = "CLEARED"


Id = Annotated[str | None, typer.Argument(help="The alarm_id.", metavar="[ID]", show_default=False)]
Type = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Alarm type, such as failed-connection.")]
ResourceType = Annotated[
    str | None, typer.Option("--resource-type", metavar="TYPE", help="Type of the alarming resource.")
]
Resource = Annotated[str | None, typer.Option("--resource", metavar="ID", help="Id of the alarming resource.")]
Node = Annotated[str | None, typer.Option("--node", metavar="ID", help="Node the alarm is raised on.")]
AnySeverity = Annotated[
    AlarmSeverityChoice | None,
    typer.Option("--severity", help="CRITICAL is the worst.", **one_of(AlarmSeverityChoice)),
]
Brief = Annotated[str | None, typer.Option("--brief", metavar="TEXT", help="What is wrong, in one line.")]
Detail = Annotated[
    list[str] | None, typer.Option("--detail", metavar="TEXT", help="A line of the description. Repeatable.")
]
ActionLine = Annotated[list[str] | None, typer.Option("--action", metavar="TEXT", help="What to do. Repeatable.")]
ImpactTitle = Annotated[
    list[str] | None,
    typer.Option("--impact", metavar="TYPE=TITLE", help="What it does to resources of a type. Repeatable."),
]
Dependency = Annotated[
    list[str] | None,
    typer.Option("--dependency", metavar="TYPE=NAME", help="A resource that --impact TYPE means. Repeatable."),
]
Link = Annotated[
    str | None,
    typer.Option("--link", metavar="URL", help="Link to its dashboard, instead of IM_ALARM_DASHBOARD_URL."),
]
LastUpdated = Annotated[
    str | None,
    typer.Option(
        "--last-updated", metavar="WHEN", help="When it was so: an RFC 3339 time, or so long ago (5m). Default: now."
    ),
]


_OPTIONS = {
    "alarm_type": "--type",
    "resource_type": "--resource-type",
    "resource_id": "--resource",
    "node_id": "--node",
    "brief_description": "--brief",
    "detailed_description": "--detail",
    "suggested_actions": "--action",
    "impacted_resources": "--impact",
    "dashboard_link": "--link",
    "last_updated": "--last-updated",
}


@contextmanager
def by_option() -> Iterator[None]:
    """Have what is refused of an alarm named by the option that it was typed with."""
    from domain.alarm_errors import InvalidAlarmError  # noqa: PLC0415 - heavy

    try:
        yield
    except InvalidAlarmError as error:
        member, reason = error.data["member"], error.data["reason"]
        raise InvalidAlarmError(member=_OPTIONS.get(member.partition(".")[0], member), reason=reason) from None


def said(
    *,
    node: str | None = None,
    brief: str | None,
    detail: list[str] | None,
    action: list[str] | None,
    impact: list[str] | None,
    dependency: list[str] | None,
    link: str | None,
    at: str | None,
) -> dict[str, Any]:
    """The options as members of a `domain.alarms.Observation`."""
    return {
        "node_id": node,
        "brief_description": brief,
        "detailed_description": detail or None,
        "suggested_actions": action or None,
        "impacted_resources": _impacts(impact or [], dependency or []),
        "dashboard_link": link,
        "last_updated": moment("--last-updated", at, datetime.now(UTC)) if at else None,
    }


def check_one(alarm_id: str | None, *identity: str | None) -> None:
    """Raise a usage error unless an alarm is named in exactly one way, and that whole."""
    given = [part for part in identity if part is not None]
    if alarm_id == "" or (alarm_id is None) == (not given) or (given and len(given) < len(identity)):
        raise typer.BadParameter("name the alarm by its ID, or by --type, --resource-type and --resource")


def _impacts(titles: list[str], dependencies: list[str]) -> dict[str, dict[str, Any]] | None:
    found: dict[str, dict[str, Any]] = {}
    for pair in titles:
        kind, title = key_value("--impact", pair)
        if kind in found:
            raise typer.BadParameter(f"--impact names {kind} twice; give its resources with --dependency {kind}=NAME")
        found[kind] = {"title": title, "impacted_dependencies": []}
    for pair in dependencies:
        kind, name = key_value("--dependency", pair)
        if kind not in found:
            raise typer.BadParameter(f"--dependency {kind}=... needs an --impact {kind}=TITLE")
        found[kind]["impacted_dependencies"].append(name)
    return found or None
