"""The directory of subscribers as one process sees it, on a lease."""

import time
from collections.abc import Awaitable, Callable, Collection

from activities.leases import Lease
from domain.directory import Directory, Snapshot
from domain.http_clients import HttpClient
from domain.subscribers import Subscriber

TYPES_KEPT = 1000  # of events, with each severity, for each of which the subscribers that want it are remembered

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
        self._matched_in: Directory | None = None
        self._matching: dict[tuple[str, str | None], list[Subscriber]] = {}

    def matching(
        self, directory: Directory, event_type: str, severity: str | None = None, only: Collection[str] | None = None
    ) -> list[Subscriber]:
        """`Directory.matching`, remembered as long as the snapshot is the same: among 2,000 it takes 2 ms."""
        if only is not None:
            return directory.matching(event_type, severity, only)
        if directory is not self._matched_in or len(self._matching) >= TYPES_KEPT:
            self._matched_in, self._matching = directory, {}
        if (event_type, severity) not in self._matching:
            self._matching[event_type, severity] = directory.matching(event_type, severity)
        return self._matching[event_type, severity]

    def http_client(self, name: str) -> HttpClient | None:
        """An HTTP client as the latest snapshot has it, which is no older than the subscriber that names it."""
        return self._known.http_clients.get(name) if self._known else None
