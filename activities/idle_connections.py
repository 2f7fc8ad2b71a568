"""Connections between two requests."""

import asyncio
from contextvars import Context

from activities.http_connection import HttpConnection
from activities.places import Place

# Below the 5 s after which Node and uvicorn close an idle connection: reusing it then would meet a reset.
KEEPALIVE_SECONDS = 4.0


class IdleConnections:
    """Keeps connections for four seconds after their answer; the one that was used last is used next.

    Attributes:
        closed: none is kept any more.
    """

    def __init__(self) -> None:
        self._idle: dict[Place, list[tuple[float, HttpConnection]]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self.closed = False

    def take(self, place: Place) -> HttpConnection | None:
        """One for another request to the same place, if there is one."""
        since = asyncio.get_running_loop().time() - KEEPALIVE_SECONDS
        kept = self._idle.get(place, [])
        while kept:
            idle_since, connection = kept.pop()
            if idle_since > since and connection.rests:
                return connection
            connection.close()
        return None

    def keep(self, place: Place, connection: HttpConnection) -> bool:
        """Keep one, if another request may be made on it; whether it is kept."""
        if self.closed or not connection.rest():
            return False
        loop = asyncio.get_running_loop()
        self._idle.setdefault(place, []).append((loop.time(), connection))
        if self._sweep is None:  # in a context of its own: the timer would keep whatever the answer came with
            self._sweep = loop.call_later(KEEPALIVE_SECONDS, self._close_old, context=Context())
        return True

    def close(self) -> None:
        """Close all of them, and keep no more."""
        self.closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for kept in self._idle.values():
            for _, connection in kept:
                connection.close()
        self._idle.clear()

    def _close_old(self) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time() - KEEPALIVE_SECONDS
        for place, kept in list(self._idle.items()):
            while kept and kept[0][0] <= since:
                kept.pop(0)[1].close()
            if not kept:
                del self._idle[place]
        self._sweep = loop.call_later(KEEPALIVE_SECONDS, self._close_old, context=Context()) if self._idle else None
