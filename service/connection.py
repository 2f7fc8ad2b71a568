"""What every gateway needs: the client, the keys, the address policy."""

from dataclasses import dataclass

from temporalio.client import Client

from activities.sealing import Keyring
from domain.addresses import AddressPolicy
from domain.errors import NoWorkerError, SealingKeyError
from service.temporal import ANSWER_TIMEOUT
from service.workers import WORKFLOWS, described, fresh_pollers, present_workers
from workflows.names import CONTROL_QUEUE


@dataclass(frozen=True)
class Connection:
    """A deployment, as a gateway sees it.

    Attributes:
        has_worker: this process runs a worker itself, so there is no need to look for one.
        publishing: this process's ENABLE_EVENT_PUBLISHING.
    """

    client: Client
    keyring: Keyring
    policy: AddressPolicy
    publishing: bool
    has_worker: bool = False

    async def require_worker(self, queue: str = CONTROL_QUEUE) -> None:
        """Raise `NoWorkerError` at once when nobody polls a queue, so that nothing is left half asked."""
        if self.has_worker:
            return
        found = await described(self.client, queue, WORKFLOWS)
        if not fresh_pollers(found.pollers):
            raise NoWorkerError(queue=queue, seconds=int(ANSWER_TIMEOUT.total_seconds()))

    async def sealing(self, *, needed: bool = True) -> Keyring:
        """The keys, sealing with the newest one that every worker holds: what is sealed now can be opened by all.

        So a key that is being brought to one process after the other seals nothing before all of them have it. Where
        nothing is to be sealed any keys will do: a terminal without them may disable a subscriber.

        Raises:
            SealingKeyError: there is no such key.
        """
        if not needed:
            return self.keyring
        self.keyring.renew()
        workers = await present_workers(self.client)
        for key_id in self.keyring.prints:
            lacking = [worker for worker in workers if not worker.holds(self.keyring, key_id)]
            if not lacking:
                return self.keyring.sealing_with(key_id)
        raise unheld(self.keyring, lacking[0].process, [key_id for key_id, _ in lacking[0].keys])


def unheld(keyring: Keyring, process: str, held: list[str]) -> SealingKeyError:
    """The error for a key that a worker does not hold."""
    other = " (another key under the same id)" if keyring.newest in held else ""
    return SealingKeyError(
        reason=f"what this process seals with key {keyring.newest!r}, the worker {process} could not open: "
        f"it has {', '.join(map(repr, held))}{other}. Nothing was changed"
    )
