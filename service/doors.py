"""The door of a process that serves the API: since when beats have come in by it without fail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from temporalio.client import Client
from temporalio.worker import Worker

from activities.heartbeats import DoorActivities
from domain.errors import ImError, UnavailableError
from service.temporal import BUILD_ID
from workflows.names import DOORS_QUEUE


def _now() -> datetime:
    return datetime.now(UTC)


class Door:
    """Knows since when this process has refused no beat for a fault of ours.

    Args:
        clock: this machine's time; compared with beats' times, which other machines may have noted.
    """

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._clear_since = clock()

    @property
    def clear_since(self) -> datetime:
        """When it was opened, or last refused a beat."""
        return self._clear_since

    def opened(self) -> None:
        """Beats can come in from now on."""
        self._clear_since = self._clock()

    def refused(self) -> None:
        """A beat, or what may hold one, could not be taken."""
        self._clear_since = self._clock()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Take note when what passes fails for a fault of ours; a beat that nothing knows is none."""
        try:
            yield
        except Exception as error:
            if isinstance(error, UnavailableError) or not isinstance(error, ImError):
                self.refused()
            raise


def door_worker(client: Client, door: Door) -> Worker:
    """A worker that answers for the door; only a process that serves the API runs one."""
    attest = DoorActivities(lambda: door.clear_since).attest
    return Worker(client, build_id=BUILD_ID, task_queue=DOORS_QUEUE, activities=[attest])
