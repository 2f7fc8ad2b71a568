"""Names that callers give: what has one, and what a refused value is called, which is not always by its kind."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from domain.errors import ImError, InvalidInputError

T = TypeVar("T")


def found(name: str, known: Mapping[str, T], missing: type[ImError]) -> T:
    """What has a name; raises ``missing``, with the name that was probably meant, where nothing has."""
    if name not in known:
        raise missing.among(name, known)
    return known[name]


@contextmanager
def given_as(name: str) -> Iterator[None]:
    """Have what is refused inside refused under this name: of the caller's parameter, or of the body's member."""
    try:
        yield
    except InvalidInputError as error:
        error.field = name
        raise
