"""A pause: a subscriber that keeps its events waiting instead of being sent them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Pause(BaseModel):
    """Since when, and why.

    Attributes:
        reason: in words, such as ``by hand`` or ``answered HTTP 410 Gone``.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    reason: str
