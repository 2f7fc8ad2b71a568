"""Ports for processes, which take them some seconds after they were chosen."""

import os
import random
import re
import socket

# Below those that systems give to whoever asks for any: a receiver or a connection of another test may have such a one
# by then. Each process of pytest-xdist has a part of its own.
_FIRST, _PART, _PARTS = 10_240, 1_000, 5
_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that is free, and that no test was given before."""
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "0"))) % _PARTS
    begin = _FIRST + worker * _PART
    left = [port for port in range(begin, begin + _PART) if port not in _given]
    for port in random.sample(left, len(left)):  # by chance: two runs of the tests may go on at once
        _given.add(port)
        if _is_free(port):
            return port
    raise AssertionError(f"no port is left from {begin} on")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
