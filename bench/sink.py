"""The receiver of the benchmark, a process of its own: counts and times arrivals, and answers as its path says.

``/ok/...`` answers 200 at once, ``/fail/...`` 503, ``/slow/...`` 200 after 4 s. ``GET /seen`` gives the arrivals as
[event id, path, seconds since 1970] and forgets them; ``GET /count`` gives their number alone.
"""

import asyncio
import json
import sys
import time

from aiohttp import web

SLOW_SECONDS = 4


class Sink:
    """Keeps every arrival in memory."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, str, float]] = []

    async def receive(self, request: web.Request) -> web.Response:
        """Note an arrival and answer it."""
        at = time.time()
        await request.read()
        self._seen.append((request.headers["Ce-Id"], request.path, at))
        if request.path.startswith("/slow/"):
            await asyncio.sleep(SLOW_SECONDS)
        return web.Response(status=503 if request.path.startswith("/fail/") else 200)

    async def seen(self, _request: web.Request) -> web.Response:
        """Every arrival since the last time this was asked."""
        seen, self._seen = self._seen, []
        return web.Response(text=json.dumps(seen), content_type="application/json")

    async def count(self, _request: web.Request) -> web.Response:
        """How many arrivals there are."""
        return web.Response(text=str(len(self._seen)))


def main() -> None:
    """Serve on the port given as the only argument."""
    sink = Sink()
    app = web.Application()
    app.router.add_post("/{kind}/{name}", sink.receive)
    app.router.add_get("/seen", sink.seen)
    app.router.add_get("/count", sink.count)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
