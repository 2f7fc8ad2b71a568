"""Every sealed value of the registries, with the purpose it was sealed for."""

from collections.abc import Iterator
from dataclasses import dataclass

from activities.sealing import headers_purpose, http_client_purpose, notify_purpose, ping_url_purpose, secret_purpose
from domain.directory import Directory
from domain.http_clients import HttpClient, Part
from domain.resealing import key_of
from domain.sources import HeartbeatConfig, Sources, ZeebeCluster
from domain.subscribers import Subscriber
from service.zeebe import alerts_purpose

PING_URL = "ping URL"


@dataclass(frozen=True)
class SealedValue:
    """A sealed value.

    Attributes:
        owner: such as ``subscriber ops``.
        what: such as ``secret``.
    """

    owner: str
    what: str
    purpose: str
    sealed: str

    @property
    def key_id(self) -> str:
        """Of the key that it is sealed with."""
        return key_of(self.sealed)

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"the {self.what} of {self.owner}"


def of_directory(directory: Directory) -> list[SealedValue]:
    """Those of every subscriber and HTTP client."""
    found = [value for one in directory.subscribers.values() for value in of_subscriber(one)]
    return found + [value for client in directory.http_clients.values() for value in of_client(client)]


def of_sources(sources: Sources) -> list[SealedValue]:
    """Those of every Zeebe cluster and heartbeat."""
    found = [value for cluster in sources.clusters.values() for value in of_cluster(cluster)]
    return found + [value for beat in sources.heartbeats.values() for value in of_heartbeat(beat)]


def of_subscriber(subscriber: Subscriber) -> Iterator[SealedValue]:
    """Its secrets, its added headers, its notify URL."""
    name, owner = subscriber.name, f"subscriber {subscriber.name}"
    for secret in subscriber.secrets:
        yield SealedValue(owner, "secret", secret_purpose(name), secret.sealed)
    if subscriber.sealed_headers:
        yield SealedValue(owner, "headers", headers_purpose(name), subscriber.sealed_headers)
    if subscriber.sealed_notify:
        yield SealedValue(owner, "notify URL", notify_purpose(name), subscriber.sealed_notify)


def of_client(client: HttpClient) -> Iterator[SealedValue]:
    """Its private key, password, client secret and proxy credentials."""
    parts = (
        (Part.CERTIFICATE, "private key", client.certificate.sealed_key if client.certificate else None),
        (Part.BASIC, "password", client.basic.sealed_password if client.basic else None),
        (Part.OAUTH2, "client secret", client.oauth2.sealed_secret if client.oauth2 else None),
        (Part.PROXY, "proxy credentials", client.proxy.sealed_credentials if client.proxy else None),
    )
    for part, what, sealed in parts:
        if sealed:
            yield SealedValue(f"HTTP client {client.name}", what, http_client_purpose(client.name, part), sealed)


def of_cluster(cluster: ZeebeCluster) -> Iterator[SealedValue]:
    """Its alert secret."""
    if sealed := cluster.sealed_alert_secret:
        yield SealedValue(f"Zeebe cluster {cluster.name}", "alert secret", alerts_purpose(cluster.name), sealed)


def of_heartbeat(config: HeartbeatConfig) -> Iterator[SealedValue]:
    """The URL that it pings."""
    if sealed := config.sealed_ping_url:
        yield SealedValue(f"heartbeat {config.name}", PING_URL, ping_url_purpose(config.name), sealed)
