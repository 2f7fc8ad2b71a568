"""What is wrong with the form of a request: each fault named by its place, in our words."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from domain.faults import in_words, members_at
from domain.likeness import MOST_SUGGESTED

# By operation id and name: what looks like an option of this route and is a route of its own.
_ELSEWHERE = {("startReplay", "dry_run"): "to count what would be sent, and send nothing: POST /api/v1/replays/survey"}


class Fault(BaseModel):
    """One unacceptable value, named but never shown: it may be a secret."""

    pointer: str | None = Field(None, description="JSON Pointer into the request body, as a URI fragment.")
    parameter: str | None = Field(None, description="Name of a query, path or header parameter.")
    detail: str


def faults_of(found: Sequence[Mapping[str, Any]], route: APIRoute) -> list[Fault]:
    """The faults that FastAPI found in a request to a route. Only values of query parameters are repeated."""
    bodies = [each.field_info.annotation for each in route.dependant.body_params]
    return [
        _fault(_place(fault), _words(fault, bodies if number < MOST_SUGGESTED else (), route.operation_id))
        for number, fault in enumerate(found)
    ]


def found_elsewhere(operation: str | None, name: str) -> str:
    """Which other route does what a parameter or member of this name would ask of an operation; empty if none does."""
    return _ELSEWHERE.get((operation or "", name), "")


def _fault(place: Sequence[str | int], detail: str) -> Fault:
    if place[0] != "body":
        return Fault(parameter=str(place[-1]), detail=detail)
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in place[1:])
    return Fault(pointer="#" + "".join(f"/{step}" for step in steps), detail=detail)


def _place(fault: Mapping[str, Any]) -> Sequence[str | int]:
    """Where a fault is. For a body that is not JSON FastAPI gives a character position, which is none."""
    place: Sequence[str | int] = fault["loc"]
    return place[:1] if fault["type"] == "json_invalid" else place


def _words(fault: Mapping[str, Any], bodies: Sequence[Any], operation: str | None) -> str:
    if fault["type"] == "json_invalid":
        return f"the body cannot be read: {fault['ctx']['error']}"
    if fault["loc"][0] == "query":
        return in_words(fault)
    if fault["type"] == "extra_forbidden" and (meant := found_elsewhere(operation, str(fault["loc"][-1]))):
        return f"there is no such member; {meant}"
    members = (name for body in bodies for name in members_at(body, fault["loc"][1:-1]))  # asked for by few faults
    return in_words(fault, members, hidden=True)
