"""Names that callers give: what they stand for, and under which name a refused value is reported."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from domain.errors import ImError, InvalidInputError

T = TypeVar("T")


def found(name: str, known: Mapping[str, T], missing: type[ImError]) -> T:
    """What has this name; raises ``missing``, with the name that was probably meant, if nothing has it."""
    if name not in known:
        raise missing.among(name, known)
    return known[name]


@contextmanager
def given_as(name: str) -> Iterator[None]:
    """Report a value that is refused in this block under the name of the parameter or member that held it."""
    try:
        yield
    except InvalidInputError as error:
        error.field = name
        raise
