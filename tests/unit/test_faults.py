"""What is refused for its form is repeated, as far as it is no secret."""

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from domain.faults import in_words, members_at
from service.settings import LogLevel


class Member(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (int, "abc", "'abc' is not a whole number"),
        (int, "1.5", "'1.5' is not a whole number"),
        (float, "soon", "'soon' is not a number"),
        (bool, "maybe", "'maybe' is neither true nor false"),
        (Annotated[int, Field(le=50)], "99", "'99' is more than 50"),
        (Annotated[int, Field(ge=1)], 0, "'0' is less than 1"),
        (LogLevel, "loud", "'loud' is none of 'debug', 'info', 'warn' or 'error'"),
        (int, "x" * 100, f"'{'x' * 40}...' is not a whole number"),
        (int, "9" * 5000, f"'{'9' * 40}...' is too large a number"),
        (list[str], "hush1", 'it is not a list; write ["one", "another"], or ["one"]'),
        (tuple[str, ...], "hush1", 'it is not a list; write ["one", "another"], or ["one"]'),
        (dict[str, str], ["hush1"], 'it is not an object; write {"name": "value"}'),
        (Member, "hush1", 'it is not an object; write {"name": "value"}'),
        (Member, {"name": "a", "nam": "hush1"}, "there is no such member; see how it is spelt"),
        (Member, {}, "it is missing"),
        (Annotated[SecretStr, Field(min_length=16)], "hush", "Value should have at least 16 items after validation"),
    ],
)
def test_a_refused_value_is_repeated(kind: Any, value: object, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)
    (fault,) = refused.value.errors()
    assert in_words(fault).startswith(said)
    assert ("hush" in in_words(fault)) is ("hush" in said)


class Whole(BaseModel):
    parts: list[Member] | None = None
    named: Annotated[dict[str, Member] | None, Field()] = None
    words: dict[str, str] = {}


@pytest.mark.parametrize(
    ("kind", "steps", "members"),
    [
        (Member | None, [], ["name"]),
        (Whole, ["parts", 3], ["name"]),
        (Whole, ["named", "a"], ["name"]),
        (Whole, ["words", "a"], []),
        (Whole, ["nowhere"], []),
        (int, [], []),
    ],
)
def test_the_members_of_a_place_are_known(kind: Any, steps: list[str | int], members: list[str]) -> None:
    assert members_at(kind, steps) == members
