"""A sender whose directory of HTTP clients a test fills."""

from typing import Any

from activities.http_clients import HttpClients
from activities.sender import Sender
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.http_clients import HttpClient
from domain.outcomes import Attempt
from tests.support.builders import make_event, make_keyring, make_subscriber


class ClientSender:
    """Sends over named clients; ``known`` is what the directory holds."""

    def __init__(self, policy: AddressPolicy | None = None) -> None:
        policy = policy or AddressPolicy()
        self.known: dict[str, HttpClient] = {}
        self.clients = HttpClients(self.known.get, make_keyring(), policy)
        self.sender = Sender(GuardedTransport(policy), make_keyring(), policy, clients=self.clients)

    def have(self, client: HttpClient) -> HttpClient:
        """Put a client into the directory."""
        self.known[client.name] = client
        return client

    async def send(self, url: str, client: str = "client", **parts: Any) -> Attempt:
        """One request to a webhook by way of a client."""
        return await self.sender.send(make_event(), make_subscriber(url, http_client=client, **parts), 1)
