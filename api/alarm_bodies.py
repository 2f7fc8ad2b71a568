"""What clients may send of alarms."""

from typing import Annotated, Any

from pydantic import AwareDatetime, ConfigDict, Field

from api import alarm_examples
from api.bodies import Body
from domain.alarm_texts import MAX_BRIEF, MAX_LINES, MAX_LINK
from domain.alarms import AlarmSeverity

Lines = Annotated[list[str], Field(max_length=MAX_LINES)]


class ImpactBody(Body):
    """What an alarm does to the resources of one type."""

    title: str = ""
    impacted_dependencies: Lines = Field(default_factory=list)


class AlarmTexts(Body):
    """What may be said of an alarm; members that are absent or null stay as they are known."""

    brief_description: str | None = Field(None, max_length=MAX_BRIEF)
    detailed_description: Lines | None = None
    suggested_actions: Lines | None = None
    impacted_resources: dict[str, ImpactBody] | None = Field(None, description="By the type of the resources.")
    dashboard_link: str | None = Field(
        None, max_length=MAX_LINK, description="Null: as it is known, or from IM_ALARM_DASHBOARD_URL."
    )
    last_updated: AwareDatetime | None = Field(
        None, description="When it was so; null for now. One that is not later than the known one changes nothing."
    )

    def said(self) -> dict[str, Any]:
        """Members of an `Observation`."""
        found: dict[str, Any] = self.model_dump(include=set(AlarmTexts.model_fields))
        return found


class RaiseAlarm(AlarmTexts):
    """An alarm as it stands now."""

    model_config = ConfigDict(json_schema_extra={"examples": [alarm_examples.RAISE_ALARM]})

    alarm_type: str = Field(description="Such as failed-connection.")
    resource_type: str
    resource_id: str
    severity: AlarmSeverity = Field(description="CLEARED clears it.")
    node_id: str | None = Field(None, description="Part of the identity with IM_ALARM_IDENTITY=resource+node.")


class ClearAlarm(AlarmTexts):
    """What to say of an alarm as it is cleared."""

    model_config = ConfigDict(json_schema_extra={"examples": [alarm_examples.CLEAR_ALARM]})


def documented(schemas: dict[str, Any]) -> dict[str, Any]:
    """How OpenAPI describes the body of a notification, which a handler reads itself."""
    return {
        "requestBody": {
            "required": True,
            "description": "One notification, flat or nested.",
            "content": {
                "application/json": {
                    "schema": {"anyOf": list(schemas.values())},
                    "example": alarm_examples.NESTED,
                }
            },
        }
    }
