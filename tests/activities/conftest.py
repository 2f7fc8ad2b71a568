"""A sink, and the product's own sender pointed at it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from activities.sender import Sender
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from tests.support.builders import make_keyring
from tests.support.client_senders import ClientSender
from tests.support.sink import Sink


@pytest_asyncio.fixture
async def sink() -> AsyncIterator[Sink]:
    """A receiver on loopback."""
    async with Sink() as running:
        yield running


@pytest_asyncio.fixture
async def sender() -> AsyncIterator[Sender]:
    """The sender with the default policy: loopback only where the URL says loopback."""
    policy = AddressPolicy()
    made = Sender(GuardedTransport(policy), make_keyring(), policy)
    yield made
    await made.aclose()


@pytest_asyncio.fixture
async def by_client() -> AsyncIterator[ClientSender]:
    """A sender whose HTTP clients the test says."""
    made = ClientSender()
    yield made
    await made.sender.aclose()
