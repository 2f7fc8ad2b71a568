"""Whole entries as an import wants them, and what each was planned instead of."""

from typing import TypeVar

from pydantic import BaseModel

from domain.errors import InvalidRequestError
from domain.http_clients import HttpClient
from domain.sources import ZeebeCluster
from domain.subscribers import Subscriber

NOTHING = "nothing"

Known = Subscriber | HttpClient | ZeebeCluster
Kept = TypeVar("Kept", Subscriber, HttpClient, ZeebeCluster)


class _Placed(BaseModel):
    """What the importer saw in its place: `stamp`. None, from older importers: whatever is there is replaced."""

    instead_of: str | None = None


class PlacedSubscriber(Subscriber, _Placed):
    """A subscriber to be stored."""


class PlacedHttpClient(HttpClient, _Placed):
    """An HTTP client to be stored."""


class PlacedCluster(ZeebeCluster, _Placed):
    """A Zeebe cluster to be stored."""


def stamp(known: Known | None) -> str:
    """Tells one state of an entry from the others: when it was last changed, or that there is none."""
    return NOTHING if known is None else known.updated_at.isoformat()


def check_unchanged(placed: _Placed, known: Known | None) -> None:
    """Raise `InvalidRequestError` where an entry is no longer what the importer saw."""
    if placed.instead_of not in {None, stamp(known)}:
        raise InvalidRequestError(
            reason="it was changed here while this import was under way, and was left as it is: import again"
        )


def bare(kind: type[Kept], placed: Kept) -> Kept:
    """The entry alone."""
    return kind.model_validate(placed.model_dump(exclude={"instead_of"}))
