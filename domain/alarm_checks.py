"""What may be said of an alarm: the check that every observation passes before it reaches its alarm."""

from datetime import UTC, datetime, timedelta

from domain.alarm_errors import InvalidAlarmError
from domain.alarm_texts import (
    MAX_BRIEF,
    MAX_LINK,
    check_id,
    check_impacts,
    check_lines,
    check_name,
    check_node,
    check_size,
    check_text,
    lines_of,
    one_line,
    tidy_impacts,
)
from domain.alarms import Observation

MAX_AHEAD = timedelta(hours=1)  # how far a last_updated may be ahead of this platform's clock


def checked(seen: Observation, now: datetime) -> Observation:
    """The observation with its texts in lines; raises `InvalidAlarmError` for what an alarm may not hold."""
    tidy = seen.model_copy(
        update={
            "brief_description": None if seen.brief_description is None else one_line(seen.brief_description),
            "detailed_description": None if seen.detailed_description is None else lines_of(seen.detailed_description),
            "suggested_actions": None if seen.suggested_actions is None else lines_of(seen.suggested_actions),
            "impacted_resources": None if seen.impacted_resources is None else tidy_impacts(seen.impacted_resources),
            "last_updated": None if seen.last_updated is None else _in_utc(seen.last_updated),
        }
    )
    check_id(tidy.alarm_id)
    for member, value in tidy.identity.model_dump().items() if tidy.identity else ():
        check_name(member, value)
    check_node(tidy.node_id or "")
    check_text("brief_description", tidy.brief_description or "", MAX_BRIEF)
    check_text("dashboard_link", tidy.dashboard_link or "", MAX_LINK)
    if tidy.dashboard_link and not tidy.dashboard_link.startswith(("https://", "http://")):
        raise InvalidAlarmError(member="dashboard_link", reason="it is no http(s) URL")
    check_lines("detailed_description", tidy.detailed_description or [])
    check_lines("suggested_actions", tidy.suggested_actions or [])
    check_impacts(tidy.impacted_resources or {})
    for member, value in tidy.model_dump(mode="json").items():
        check_size(member, value)
    if tidy.last_updated is not None and tidy.last_updated - now > MAX_AHEAD:
        raise InvalidAlarmError(member="last_updated", reason="it is over an hour ahead of this platform's clock")
    return tidy


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise InvalidAlarmError(member="last_updated", reason="it is out of range") from None
