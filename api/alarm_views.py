"""What the API answers with of alarms, where it is more than the gateway's own model."""

from pydantic import Field

from domain.alarms import Observed


class AlarmAnswer(Observed):
    """What an observation of an alarm came to."""

    warnings: list[str] = Field(description="Says so when the notification was not emitted.")


def alarm_answer(observed: Observed) -> AlarmAnswer:
    """The answer, and a warning when publishing is off."""
    warning = "event publishing was off: subscribers were not told; start the server with ENABLE_EVENT_PUBLISHING=true"
    warnings = [warning] if observed.published is False else []
    return AlarmAnswer(**dict(observed), warnings=warnings)
