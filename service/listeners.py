"""The ports on which this deployment itself listens on a machine: no subscriber is delivered to there.

What processes use among themselves takes a port of a fixed range (`INTERNAL_PORTS`), so that each knows those of its
siblings without asking: docs/decisions/0023-internal-listeners-have-a-range.md.
"""

import random
import re
import socket
from pathlib import Path

from domain.addresses import INTERNAL_PORTS
from domain.errors import ConfigurationError
from service.settings import Settings
from service.temporal import temporal_address

TEMPORAL_PORTS = frozenset({7233, 8233})  # of a dev server and its Web UI that were started without options
_TRIES = 50
_LISTENING = "0A"  # /proc/net/tcp, field st


def own_ports(settings: Settings, *more: int) -> frozenset[int]:
    """Every port that is known to be this deployment's on this machine.

    Args:
        settings: has the API's.
        more: further ones, that were chosen while starting; 0 for none.
    """
    frontend = temporal_address().rpartition(":")[2]
    known = {settings.im_api_port, int(frontend) if frontend.isdigit() else 0, *more}
    return TEMPORAL_PORTS | (known - {0})


def internal_port() -> int:
    """A port of `INTERNAL_PORTS` that was free a moment ago.

    Raises:
        ConfigurationError: fifty in a row are taken.
    """
    for port in random.sample(INTERNAL_PORTS, _TRIES):  # chosen by chance, lest processes started together race
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ConfigurationError(
        reason=f"the ports {INTERNAL_PORTS.start} to {INTERNAL_PORTS.stop - 1} of 127.0.0.1 are taken",
        fix="Stop what listens there: im and the dev server's own services need a few of them.",
    )


def ports_of(process: int) -> frozenset[int]:
    """What a process of ours listens on, as Linux tells it; empty on other systems.

    The dev server's services choose ports of their own for each other, which cannot be set.
    """
    sockets = set()
    try:
        for link in Path(f"/proc/{process}/fd").iterdir():
            sockets |= set(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
        rows = [
            line.split()
            for table in ("tcp", "tcp6")
            for line in Path(f"/proc/{process}/net/{table}").read_text().split("\n")
        ]
    except OSError:
        return frozenset()
    mine = [row for row in rows if len(row) > 9 and row[3] == _LISTENING and row[9] in sockets]
    return frozenset(int(row[1].rpartition(":")[2], 16) for row in mine)
