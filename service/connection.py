"""What every gateway needs: the client, the keys, the address policy."""

from dataclasses import dataclass

from temporalio.client import Client

from activities.presence import Presence
from activities.sealing import Keyring
from domain.addresses import AddressPolicy
from domain.errors import NoWorkerError, SealingKeyError
from domain.keys import KEY_COMES_BY
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
        raise self.unheld(lacking[0])

    def unheld(self, worker: Presence) -> SealingKeyError:
        """The error for what a worker could not open; it names who lacks what, and where that is set."""
        ring, who = self.keyring, "process" if self.has_worker else "terminal"
        if ring.origin:  # keys of a file, which is made where there is none
            made = f"this {who} has no IM_SECRET_KEYS, and would seal with a key of its own ({ring.newest!r}, in its "
            reason = f"{made}IM_STATE_DIR)"
            fix = f"Set IM_SECRET_KEYS for this {who} as the server has it."
            if worker.origin:  # and so has the worker, in another place
                fix = f"Give this {who} {KEY_COMES_BY}."
            return SealingKeyError(
                reason=f"{reason}, which the worker {worker.process} lacks. Nothing was changed", fix=fix
            )
        other = " (another key under the same id)" if ring.newest in dict(worker.keys) else ""
        held = ", ".join(repr(key_id) for key_id, _ in worker.keys)
        return SealingKeyError(
            reason=f"what this process seals with key {ring.newest!r}, the worker {worker.process} could not open: "
            f"it has {held}{other}. Nothing was changed"
        )
