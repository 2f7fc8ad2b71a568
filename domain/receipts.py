"""What whoever hands an event over is told. Every field added later has a default."""

from datetime import datetime

from pydantic import BaseModel


class PublishReceipt(BaseModel):
    """What became of an event that was handed to the pipeline.

    Attributes:
        published: False when publishing is off.
        duplicate: the same event had been accepted before.
    """

    event_id: str
    published: bool
    duplicate: bool = False
    accepted_at: datetime | None = None


class BatchReceipt(BaseModel):
    """What became of a batch: a receipt for each of its events, in order."""

    accepted: list[PublishReceipt]
