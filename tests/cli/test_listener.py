"""What `im listen` registers is removed, whatever ends it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from cli import listener
from cli.listener import Plan, listening
from cli.run import Format

PLAN = Plan(
    port=0, types=["a.b"], forward_to=None, statuses=None, delay=0, verify=True, secret=None, output=Format.JSON
)


class Subscribers:
    """As many of a gateway's subscribers as this takes."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def all(self) -> list[Any]:
        return []

    async def add(self, name: str, _url: str, **_: Any) -> Any:
        self.names.append(name)
        return SimpleNamespace(secret="hush", subscriber=SimpleNamespace(types=["a.b"]), warnings=["of the add"])

    async def remove(self, name: str, **_: Any) -> None:
        self.names.remove(name)


@pytest.mark.parametrize("last", [0, 1])
async def test_a_reader_of_its_messages_who_goes_leaves_no_subscriber(
    monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    said: list[str] = []

    def say(message: str) -> None:
        if len(said) == last:
            raise BrokenPipeError
        said.append(message)

    monkeypatch.setattr(listener, "say", say)
    monkeypatch.setattr(listener, "warn", say)
    subscribers = Subscribers()
    with pytest.raises(BrokenPipeError):
        await listening(cast("Any", SimpleNamespace(subscribers=subscribers)), PLAN)
    assert len(said) == last
    assert subscribers.names == []
