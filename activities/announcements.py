"""What this process told Temporal about to do before it did it: requests that must not be made twice.

Such a note outlives the process, and whoever finds it knows that the request may have been made. This process knows
better of those that it could not make after all, also where the word of that was lost.
"""

from datetime import UTC, datetime

from temporalio import activity

from activities.flights import Answered, Carry
from activities.reporting import details
from activities.transport_errors import LocalFault
from domain.outcomes import Attempt, Delivery, Failure
from domain.targets.kinds import DOUBT

REMEMBERED = 10_000  # taken back; some 200 bytes each


class Announcements:
    """Announces requests, and remembers the latest 10,000 that were not made."""

    def __init__(self) -> None:
        self._taken_back: dict[tuple[str, datetime], None] = {}  # in the order in which they were

    async def announced(self, key: str, known: list[Attempt], number: int) -> list[Attempt]:
        """What is known once a request is about to be made; Temporal has it on return.

        A heartbeat of the SDK is sent some time later, so the request could be ahead of it.

        Raises:
            RPCError: Temporal did not confirm; the request was not made, and Temporal tries again.
        """
        lost = Attempt(
            number=number,
            at=datetime.now(UTC),
            duration_ms=0,
            failure=Failure.UNKNOWN_OUTCOME,
            error=f"the worker was lost with the request in hand; {DOUBT}",
        )
        handle = activity.client().get_async_activity_handle(task_token=activity.info().task_token)
        try:
            await handle.heartbeat(*details([*known, lost]))
        except BaseException:
            self._take_back(key, lost)
            activity.heartbeat(*details(known))  # should it have arrived all the same
            raise
        return [*known, lost]

    def carrying(self, key: str, told: list[Attempt], carry: Carry) -> Carry:
        """The request of the latest announcement, which is taken back where this machine cannot make the request."""

        async def carried(answered: Answered) -> Delivery:
            try:
                return await carry(answered)
            except LocalFault:
                self._take_back(key, told[-1])
                raise

        return carried

    def certain(self, key: str, known: list[Attempt]) -> list[Attempt]:
        """What is known, without the announcement of a request that this process knows it did not make."""
        is_idle = is_announced(known) and (key, known[-1].at) in self._taken_back
        return known[:-1] if is_idle else known

    def _take_back(self, key: str, lost: Attempt) -> None:
        self._taken_back[key, lost.at] = None
        if len(self._taken_back) > REMEMBERED:
            del self._taken_back[next(iter(self._taken_back))]


def is_announced(known: list[Attempt]) -> bool:
    """Whether the latest request may have been made, and nothing more is known of it."""
    return bool(known) and known[-1].failure is Failure.UNKNOWN_OUTCOME
