"""Numbers, truth values and times as JSON has them: pydantic also makes them of each other and of strings."""

import re
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, StrictBool, StrictFloat, StrictInt, TypeAdapter

_FLAG, _WHOLE, _NUMBER = TypeAdapter[bool](StrictBool), TypeAdapter[int](StrictInt), TypeAdapter[float](StrictFloat)
_TIME = TypeAdapter[AwareDatetime](AwareDatetime)
_SECONDS = re.compile(r"\s*[+-]?[0-9._]+\s*")


def of_its_kind(annotation: Any, value: object) -> object:
    """The value, if it may be given for a member of that type; 60.0 is a whole number, as JSON Schema has it.

    Raises:
        ValidationError: a string or a truth value for a number, or anything else than ``true`` or ``false`` for one of
            these; a number for a time, in quotes or not: whether it is of seconds or of milliseconds since 1970 would
            be guessed by its size.
    """
    wanted = set(kinds(annotation)) - {NoneType}
    if wanted == {bool} and value is not None:
        _FLAG.validate_python(value)
    if wanted and wanted <= {int, float} and isinstance(value, bool | str):
        (_NUMBER if float in wanted else _WHOLE).validate_python(value)
    if wanted == {AwareDatetime} and (isinstance(value, int | float) or _SECONDS.fullmatch(str(value))):
        _TIME.validate_python(value, strict=True)
    return value


def kinds(annotation: Any) -> Iterator[Any]:
    """What a value may be: of ``Annotated[int, ...] | None`` int and NoneType, of ``Literal[1]`` int."""
    if get_origin(annotation) is Annotated:
        yield from kinds(get_args(annotation)[0])
    elif get_origin(annotation) in {Union, UnionType}:
        for part in get_args(annotation):
            yield from kinds(part)
    elif get_origin(annotation) is Literal:
        yield from map(type, get_args(annotation))
    else:
        yield annotation
