"""What a refused value is called: by the name that the caller gave it, which is not always that of its kind."""

from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import InvalidInputError


@contextmanager
def given_as(name: str) -> Iterator[None]:
    """Have what is refused inside refused under this name: of the caller's parameter, or of the body's member."""
    try:
        yield
    except InvalidInputError as error:
        error.field = name
        raise
