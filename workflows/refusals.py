"""The boundary at which our errors become Temporal's: a plain exception would park a workflow in task retry."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError

from domain.errors import ImError


@contextmanager
def refused() -> Iterator[None]:
    """Raise an `ImError` as an ApplicationError: its code as type, its data as the one detail."""
    try:
        yield
    except ImError as error:
        raise ApplicationError(str(error), error.data, type=error.code, non_retryable=True) from None
