"""What is refused for its form is repeated, as far as it is no secret."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StrictFloat,
    StrictInt,
    TypeAdapter,
    ValidationError,
)

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
        (Annotated[SecretStr, Field(min_length=16)], "hush", "it has less than 16 characters"),
        (Annotated[SecretStr, Field(min_length=1)], "", "it is empty; leave it out, or give one"),
        (Annotated[str, Field(max_length=3)], "hush", "it has more than 3 characters"),
        (Annotated[list[str], Field(min_length=1)], [], "it is empty; leave it out, or give one"),
        (Annotated[list[str], Field(min_length=2)], ["hush"], "it has less than 2 entries"),
        (Annotated[list[str], Field(max_length=1)], ["hush", "hush"], "it has more than 1 entries"),
        (Literal["a"], "b", "'b' is none of 'a'"),
        (str, 5, "a number is not a string; write it in quotes"),
        (str, True, "true is not a string; write it in quotes"),
        (str, ["hush1"], "a list is not a string"),
        (str, {"hush": 1}, "an object is not a string"),
        (str, None, "null is not a string"),
        (StrictInt, "hush", "a string is not a whole number; write one without quotes, such as 30"),
        (StrictInt, True, "true is not a whole number"),
        (StrictFloat, False, "false is not a number"),
        (StrictBool, "hush", "a string is neither true nor false; write true or false without quotes"),
        (StrictBool, 1, "a number is neither true nor false"),
        (AwareDatetime, "hush", "it is not a time; write one as 2026-01-31T12:00:00Z"),
        (AwareDatetime, "2026-01-31T12:00:00", "it has no offset from UTC; write Z, or one such as +01:00"),
    ],
)
def test_a_refused_value_is_told_in_our_words(kind: Any, value: object, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)
    (fault,) = refused.value.errors()
    assert in_words(fault).startswith(said)
    assert "hush" not in in_words(fault)
    assert repr(str(value)) not in in_words(fault, hidden=True)


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
