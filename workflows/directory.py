"""SubscriberDirectoryWorkflow: the registry of subscribers and HTTP clients; its history is the audit log."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from domain import tidings
    from domain.directory import Directory, Snapshot, check_size, put, stored_size
    from domain.drains import DrainOrder
    from domain.events import CloudEvent
    from domain.http_client_changes import HttpClientDraft, new_client
    from domain.http_client_errors import HttpClientExistsError
    from domain.http_clients import HttpClient, check_pair
    from domain.pauses import PauseOrder, PauseRequest, ResumeRequest
    from domain.placements import PlacedHttpClient, PlacedSubscriber, bare, check_unchanged
    from domain.resealing import Resealing, check_resealing, resealed
    from domain.subscriber_changes import (
        Gone,
        SubscriberChange,
        disable_gone,
        pause,
        pause_as_ordered,
        pause_gone,
        resume,
    )
    from domain.subscriber_errors import SubscriberExistsError
    from domain.subscribers import NewSubscriber, Subscriber, new_subscriber
    from workflows.directory_book import DirectoryBook
    from workflows.outbox import telling_until
    from workflows.refusals import refused


# Patch: a run that an older worker began has disabled whoever answered 410.
GONE_PAUSES = "gone-pauses"


class DirectoryState(BaseModel):
    """What the directory carries from run to run."""

    directory: Directory = Directory()
    outbox: list[CloudEvent] = []


@workflow.defn(name="SubscriberDirectoryWorkflow")
class SubscriberDirectoryWorkflow(DirectoryBook):
    """Holds every subscriber and HTTP client; changes are updates.

    They are refused in their validators, so that history holds only changes.
    """

    @workflow.init
    def __init__(self, state: DirectoryState) -> None:
        super().__init__(state.directory, state.outbox)

    @workflow.run
    async def run(self, _state: DirectoryState) -> None:
        """Serve until the history is long, then go on in a new run."""
        await telling_until(self._may_end, self._attend())
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(DirectoryState(directory=self._directory, outbox=self._outbox.waiting))

    @workflow.update(name="add")
    def add(self, new: NewSubscriber) -> Subscriber:
        """Add a subscriber."""
        with refused():  # its HTTP client may have gone between validation and now
            added = new_subscriber(new, workflow.now())
            self._directory.check_client_of(added)
        return self._store(added)

    @add.validator
    def _validate_add(self, new: NewSubscriber) -> None:
        with refused():
            if new.name in self._directory.subscribers:
                raise SubscriberExistsError(name=new.name)
            added = new_subscriber(new, workflow.now())
            self._directory.check_client_of(added)
            self._check_fits(added, None)

    @workflow.update(name="change")
    def change(self, change: SubscriberChange) -> Subscriber:
        """Change a subscriber; a change that alters nothing is no change."""
        with refused():  # it may have gone between validation and now
            changed = self._store(self._changed_subscriber(change))
        if change.sealed_secret is not None:
            self._outbox.put(tidings.secret_rotated(changed, workflow.now()))
        return changed

    @change.validator
    def _validate_change(self, change: SubscriberChange) -> None:
        with refused():
            self._check_fits(self._changed_subscriber(change), self._get(change.name))

    @workflow.update(name="remove")
    def remove(self, name: str) -> Subscriber:
        """Remove a subscriber."""
        with refused():
            removed = self._get(name)
        self._forget(removed)
        return removed

    @remove.validator
    def _validate_remove(self, name: str) -> None:
        with refused():
            self._get(name)

    @workflow.update(name="add_http_client")
    def add_http_client(self, draft: HttpClientDraft) -> HttpClient:
        """Add an HTTP client."""
        return self._store_client(new_client(draft, workflow.now()))

    @add_http_client.validator
    def _validate_add_http_client(self, draft: HttpClientDraft) -> None:
        with refused():
            if draft.name in self._directory.http_clients:
                raise HttpClientExistsError(name=draft.name)
            self._check_fits(new_client(draft, workflow.now()), None)

    @workflow.update(name="change_http_client")
    def change_http_client(self, draft: HttpClientDraft) -> HttpClient:
        """Change an HTTP client, for whoever uses it; a change that alters nothing is no change."""
        with refused():
            return self._store_client(self._changed_client(draft))

    @change_http_client.validator
    def _validate_change_http_client(self, draft: HttpClientDraft) -> None:
        with refused():
            self._check_fits(self._changed_client(draft), self._get_client(draft.name))

    @workflow.update(name="remove_http_client")
    def remove_http_client(self, name: str) -> HttpClient:
        """Remove an HTTP client that nobody uses."""
        with refused():
            removed = self._get_unused_client(name)
        del self._directory.http_clients[name]
        self._changed(-stored_size(removed))
        return removed

    @remove_http_client.validator
    def _validate_remove_http_client(self, name: str) -> None:
        with refused():
            self._get_unused_client(name)

    @workflow.update(name="put_subscriber")
    def put_subscriber(self, wanted: PlacedSubscriber) -> None:
        """Add a subscriber, or make it so; what the directory notes of it by itself stays."""
        known = self._directory.subscribers.get(wanted.name)
        with refused():  # it may have been changed, or its HTTP client have gone, between validation and now
            check_unchanged(wanted, known)
            self._directory.check_client_of(wanted)
        self._store(put(known, bare(Subscriber, wanted), workflow.now()))

    @put_subscriber.validator
    def _validate_put_subscriber(self, wanted: PlacedSubscriber) -> None:
        known = self._directory.subscribers.get(wanted.name)
        with refused():
            check_unchanged(wanted, known)
            self._directory.check_client_of(wanted)
            self._check_fits(wanted, known)

    @workflow.update(name="put_http_client")
    def put_http_client(self, wanted: PlacedHttpClient) -> None:
        """Add an HTTP client, or make it so; what the directory notes of it by itself stays."""
        known = self._directory.http_clients.get(wanted.name)
        with refused():  # as above
            check_unchanged(wanted, known)
        self._store_client(put(known, bare(HttpClient, wanted), workflow.now()))

    @put_http_client.validator
    def _validate_put_http_client(self, wanted: PlacedHttpClient) -> None:
        with refused():
            check_unchanged(wanted, self._directory.http_clients.get(wanted.name))
            for subscriber in self._directory.users(wanted.name):
                check_pair(subscriber, wanted)
            self._check_fits(wanted, self._directory.http_clients.get(wanted.name))

    @workflow.update(name="reseal")
    def reseal(self, request: Resealing) -> None:
        """Replace sealed values by the same secrets under another key. For whom they are nothing changes."""
        for subscriber in list(self._directory.subscribers.values()):
            self._store(resealed(subscriber, request.values))
        for client in list(self._directory.http_clients.values()):
            self._store_client(resealed(client, request.values))
        self._renewed = request.last

    @reseal.validator
    def _validate_reseal(self, request: Resealing) -> None:
        with refused():
            check_resealing(request)
            check_size(self._bytes + sum(len(new) - len(old) for old, new in request.values.items()))

    @workflow.update(name="pause_subscriber")
    def pause_subscriber(self, request: PauseRequest) -> Subscriber:
        """Pause a subscriber; one that is paused already stays so, since when and why it was."""
        with refused():  # it may have gone between validation and now
            return self._store(pause(self._get(request.name), request.reason, workflow.now()))

    @pause_subscriber.validator
    def _validate_pause(self, request: PauseRequest) -> None:
        with refused():
            paused = pause(self._get(request.name), request.reason, workflow.now())
            self._check_fits(paused, self._get(request.name))

    @workflow.update(name="resume_subscriber")
    def resume_subscriber(self, request: ResumeRequest) -> Subscriber:
        """End the pause of a subscriber; of one that is not paused, release what waits all the same."""
        with refused():  # it may have gone between validation and now
            resumed = self._store(resume(self._get(request.name), workflow.now()))
        before = request.dropping_before(workflow.now())
        self._drain(DrainOrder(subscriber=request.name, drop_before=before))
        return resumed

    @resume_subscriber.validator
    def _validate_resume(self, request: ResumeRequest) -> None:
        with refused():
            self._get(request.name)

    @workflow.signal(name="pause")
    def pause(self, order: PauseOrder) -> None:
        """Pause a subscriber for what was seen of it, unless it was changed since."""
        subscriber = self._directory.subscribers.get(order.name)
        if subscriber is not None:
            self._store(pause_as_ordered(subscriber, order, workflow.now()))

    @workflow.signal(name="mark_gone")
    def mark_gone(self, gone: Gone) -> None:
        """Pause a subscriber that answered 410 Gone, unless it was changed since."""
        subscriber = self._directory.subscribers.get(gone.name)
        if subscriber is not None:
            note = pause_gone if workflow.patched(GONE_PAUSES) else disable_gone
            self._store(note(subscriber, gone, workflow.now()))

    @workflow.query(name="snapshot")
    def snapshot(self, known_version: int | None) -> Snapshot:
        """The whole directory, or only its version when that is the one the asker has."""
        current = self._directory
        if known_version == current.version:
            return Snapshot(version=current.version)
        return Snapshot(version=current.version, subscribers=current.subscribers, http_clients=current.http_clients)
