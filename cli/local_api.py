"""Where a terminal takes the API to be: on this machine, by its own settings, which the server may not share."""

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from cli.run import say, warn

ANSWER_SECONDS = 2  # of a server of this machine, which asks nobody
_HERE = ("127.0.0.1", "0.0.0.0", "::", "::1", "localhost")  # noqa: S104 - nothing is bound


def local_api() -> str:
    """Where the API of this machine is, by the settings of this process: ``http://localhost:8080``."""
    host, port = _place()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def say_beat_base() -> None:
    """Say of a beat URL where its beginning comes from, and warn where no API of ours answers on this machine."""
    host, port = _place()
    fix = "set IM_API_PORT (and IM_API_HOST) here as the server has them, or put the server's own address in it"
    say(
        f"it begins with {local_api()}, which is where this terminal's settings have the API; if it is elsewhere, {fix}"
    )
    if host == "localhost" and not _answers(host, port):
        warn(f"no API answers at {local_api()}: beats that are sent there are lost. The rest of the URL is right")


def _place() -> tuple[str, int]:
    from service.settings import load_settings  # noqa: PLC0415 - heavy

    settings = load_settings()
    host = settings.im_api_host
    return "localhost" if host in _HERE else host, settings.im_api_port or 8080


def _answers(host: str, port: int) -> bool:
    """Whether an API of ours is alive there: another program may have the port."""
    try:
        with closing(HTTPConnection(host, port, timeout=ANSWER_SECONDS)) as connection:
            connection.request("GET", "/healthz")
            said = json.loads(connection.getresponse().read(1000))
    except (OSError, HTTPException, ValueError):
        return False
    return bool(said == {"status": "alive"})
