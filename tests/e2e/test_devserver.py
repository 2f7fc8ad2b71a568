"""The dev server comes up although others take ports at the same moment."""

import socket

import pytest

from service import devserver, listeners
from service.devserver import dev_server, find_cli


async def test_a_port_that_was_taken_meanwhile_is_given_up_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    cli = find_cli()
    assert cli
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ports = [other.getsockname()[1], *(listeners.internal_port() for _ in range(3))]
        monkeypatch.setattr(devserver, "internal_port", lambda: ports.pop(0))
        async with dev_server(cli, database=None, port=0, ui_port=0) as server:
            assert server.process.returncode is None
    assert not ports
