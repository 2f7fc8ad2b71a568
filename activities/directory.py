"""The directory of subscribers as one process sees it, on a lease."""

import time
from collections.abc import Awaitable, Callable

from activities.leases import Lease
from domain.directory import Directory, Snapshot
from domain.http_clients import HttpClient

Fetch = Callable[[int | None], Awaitable[Snapshot]]


class LeasedDirectory(Lease[Directory]):
    """Serves the directory from a leased snapshot.

    Args:
        fetch: queries the directory workflow; given the version at hand, it may answer without subscribers.
        clock: monotonic seconds; never compared between machines.
    """

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        async def newer(known: Directory | None) -> Directory:
            snapshot = await fetch(known.version if known else None)
            if snapshot.subscribers is None and known:
                return known
            return Directory(
                version=snapshot.version,
                subscribers=snapshot.subscribers or {},
                http_clients=snapshot.http_clients,
            )

        super().__init__(newer, clock)

    def http_client(self, name: str) -> HttpClient | None:
        """An HTTP client as the latest snapshot has it, which is no older than the subscriber that names it."""
        return self._known.http_clients.get(name) if self._known else None
