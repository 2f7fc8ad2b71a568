"""How long Temporal keeps what has ended: the one number that rules what can be listed, shown and sent again."""

from datetime import timedelta

from pydantic import BaseModel

from domain.errors import InvalidRequestError

MIN_RETENTION = timedelta(days=1)
MAX_RETENTION = timedelta(days=365)
# Of a database that `im dev` makes; Temporal's dev server has a day, which a weekend outlasts.
DEV_RETENTION = timedelta(days=7)


class Retention(BaseModel):
    """The retention of a namespace, such as ``7d``."""

    namespace: str
    retention: str
    seconds: int

    @property
    def time(self) -> timedelta:
        """The same."""
        return timedelta(seconds=self.seconds)


def check_retention(time: timedelta) -> timedelta:
    """The same time, if events may be kept for so long; raises `InvalidRequestError` otherwise."""
    if not MIN_RETENTION <= time <= MAX_RETENTION:
        raise InvalidRequestError(
            reason=f"the retention may be {MIN_RETENTION.days}d to {MAX_RETENTION.days}d; keep what is wanted "
            "for longer elsewhere, such as at a subscriber of all events"
        )
    return time


def in_days(seconds: int) -> str:
    """``7d``, ``1d``; in hours where it is no whole number of days."""
    return f"{seconds // 86400}d" if seconds % 86400 == 0 else f"{seconds // 3600}h"
