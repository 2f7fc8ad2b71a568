"""What an import's entries may name: what is here, and what the import itself has made of its entries so far."""

from domain.configuration import Entry
from domain.directory import Directory
from domain.errors import InvalidRequestError
from domain.http_clients import HttpClient, check_pair
from domain.naming import found
from domain.source_errors import ClusterNotFoundError
from domain.sources import HeartbeatConfig, Sources, ZeebeCluster
from domain.subscribers import Subscriber


class Foreseen:
    """Both registries as they are once the entries seen so far are stored. What a dry run foresees, an import meets."""

    def __init__(self, directory: Directory, sources: Sources) -> None:
        clients, subscribers = dict(directory.http_clients), dict(directory.subscribers)
        self._directory = directory.model_copy(update={"http_clients": clients, "subscribers": subscribers})
        self._clusters = dict(sources.clusters)
        self._refused: set[str] = set()
        self._met: set[tuple[str, str]] = set()

    def meet(self, kind: str, name: object) -> None:
        """Note an entry that comes up; refuse the second one of a name, whatever became of the first."""
        if not isinstance(name, str):
            return
        if (kind, name) in self._met:
            raise InvalidRequestError(reason="it is in the document twice: leave one of them out")
        self._met.add((kind, name))

    def refuse(self, label: str) -> None:
        """Note an entry, such as ``HTTP client partner``, that is not stored."""
        self._refused.add(label)

    def put(self, entry: Entry) -> None:
        """Note an entry that is stored, or would be."""
        if isinstance(entry, HttpClient):
            self._directory.http_clients[entry.name] = entry
        elif isinstance(entry, Subscriber):
            self._directory.subscribers[entry.name] = entry
        elif isinstance(entry, ZeebeCluster):
            self._clusters[entry.name] = entry

    def check(self, entry: Entry) -> None:
        """Refuse an entry whose HTTP client or Zeebe cluster is missing because it was refused in the same import."""
        if isinstance(entry, Subscriber) and entry.http_client not in self._directory.http_clients:
            self._check_not_refused("HTTP client", entry.http_client)
        if isinstance(entry, HeartbeatConfig) and entry.cluster not in self._clusters:
            self._check_not_refused("Zeebe cluster", entry.cluster)

    def check_unstored(self, entry: Entry) -> None:
        """Refuse, in a dry run, what the registry would refuse to store beside what is there.

        Raises:
            UnknownHttpClientError: a subscriber names an HTTP client that is not there.
            ClusterNotFoundError: a heartbeat names a Zeebe cluster that is not there.
            InvalidRequestError: a subscriber's headers and its HTTP client want to say the same.
        """
        if isinstance(entry, Subscriber):
            self._directory.check_client_of(entry)
        elif isinstance(entry, HttpClient):
            for subscriber in self._directory.users(entry.name):
                check_pair(subscriber, entry)
        elif isinstance(entry, HeartbeatConfig) and entry.cluster is not None:
            found(entry.cluster, self._clusters, ClusterNotFoundError)

    def _check_not_refused(self, kind: str, name: str | None) -> None:
        if f"{kind} {name}" in self._refused:
            raise InvalidRequestError(reason=f"its {kind} {name} is refused above")
