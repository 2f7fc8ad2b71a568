"""What the activities of replays need of Temporal: searches, and deliveries begun again."""

from collections.abc import Callable, Sequence

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.replays import PageRequest, Recent, Replayed, ReplayPage, Selection, Sent, Survey
from domain.subscribers import Subscriber
from domain.tasks import EventInput
from service.history import EventSource
from service.publisher import Publisher
from service.replay_search import ReplaySearch
from workflows import names


class Resends:
    """Finds events, and sends them again."""

    def __init__(self, client: Client, publisher: Publisher) -> None:
        self._search = ReplaySearch(client)
        self._source = EventSource(client)
        self._publisher = publisher

    async def survey(self, selection: Selection, to: Subscriber, tell: Callable[[], None]) -> Survey:
        """What a selection comes to; ``tell`` is called now and then while it counts."""
        return await self._search.survey(selection, to, tell)

    async def page(self, request: PageRequest, to: Subscriber) -> ReplayPage:
        """The next events of a selection."""
        return await self._search.page(request, to)

    async def send(self, replay: str, event: Replayed, to: str, recent: Sequence[Recent]) -> tuple[Sent, Recent | None]:
        """Send one again, once for each replay; gives what those after it line up behind."""
        try:
            carried = await self._source.load_input(event.workflow_id, event.run_id)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return Sent.GONE, None
            raise
        found = carried.events[event.place]
        workflow_id, key = names.replayed_workflow_id(replay, found), found.ordering_key
        behind = [each.workflow_id for each in recent if each.key == key]
        begun = await self._publisher.begin(found, EventInput(events=[found], only=[to], behind=behind), workflow_id)
        mark = Recent(key=key, workflow_id=workflow_id) if key else None
        return (Sent.SENT if begun else Sent.REPEATED), mark
