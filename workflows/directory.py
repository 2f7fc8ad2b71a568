"""SubscriberDirectoryWorkflow: the registry of subscribers; its history is the audit log."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from domain.directory import Directory, Snapshot, check_size, stored_size
    from domain.errors import SubscriberExistsError, SubscriberNotFoundError
    from domain.subscribers import (
        Gone,
        NewSubscriber,
        Subscriber,
        SubscriberChange,
        apply_change,
        mark_gone,
        new_subscriber,
    )
    from workflows import policies
    from workflows.refusals import refused


class DirectoryState(BaseModel):
    """What the directory carries from run to run."""

    directory: Directory = Directory()


@workflow.defn(name="SubscriberDirectoryWorkflow")
class SubscriberDirectoryWorkflow:
    """Holds every subscriber; changes are updates, refused in their validators so that history holds only changes."""

    @workflow.init
    def __init__(self, state: DirectoryState) -> None:
        self._directory = state.directory
        self._bytes = sum(stored_size(subscriber) for subscriber in self._directory.subscribers.values())
        self._updates = 0

    @workflow.run
    async def run(self, _state: DirectoryState) -> None:
        """Serve until the history is long, then go on in a new run."""
        await workflow.wait_condition(self._is_long)
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(DirectoryState(directory=self._directory))

    @workflow.update(name="add")
    def add(self, new: NewSubscriber) -> Subscriber:
        """Add a subscriber."""
        return self._store(new_subscriber(new, workflow.now()))

    @add.validator
    def _validate_add(self, new: NewSubscriber) -> None:
        with refused():
            if new.name in self._directory.subscribers:
                raise SubscriberExistsError(name=new.name)
            self._check_fits(new_subscriber(new, workflow.now()))

    @workflow.update(name="change")
    def change(self, change: SubscriberChange) -> Subscriber:
        """Change a subscriber; a change that alters nothing is no change."""
        with refused():  # it may have gone between validation and now
            return self._store(apply_change(self._get(change.name), change, workflow.now()))

    @change.validator
    def _validate_change(self, change: SubscriberChange) -> None:
        with refused():
            self._check_fits(apply_change(self._get(change.name), change, workflow.now()))

    @workflow.update(name="remove")
    def remove(self, name: str) -> Subscriber:
        """Remove a subscriber."""
        with refused():
            removed = self._get(name)
        del self._directory.subscribers[name]
        self._changed(-stored_size(removed))
        return removed

    @remove.validator
    def _validate_remove(self, name: str) -> None:
        with refused():
            self._get(name)

    @workflow.signal(name="mark_gone")
    def mark_gone(self, gone: Gone) -> None:
        """Disable a subscriber that answered 410 Gone, unless it was changed since."""
        subscriber = self._directory.subscribers.get(gone.name)
        if subscriber is not None:
            self._store(mark_gone(subscriber, gone, workflow.now()))

    @workflow.query(name="snapshot")
    def snapshot(self, known_version: int | None) -> Snapshot:
        """The whole directory, or only its version when that is the one the asker has."""
        current = self._directory
        return Snapshot(
            version=current.version,
            subscribers=None if known_version == current.version else current.subscribers,
        )

    def _get(self, name: str) -> Subscriber:
        subscriber = self._directory.subscribers.get(name)
        if subscriber is None:
            raise SubscriberNotFoundError(name=name)
        return subscriber

    def _store(self, subscriber: Subscriber) -> Subscriber:
        previous = self._directory.subscribers.get(subscriber.name)
        if subscriber is not previous:
            self._directory.subscribers[subscriber.name] = subscriber
            self._changed(stored_size(subscriber) - (stored_size(previous) if previous else 0))
        return subscriber

    def _check_fits(self, subscriber: Subscriber) -> None:
        previous = self._directory.subscribers.get(subscriber.name)
        check_size(self._bytes + stored_size(subscriber) - (stored_size(previous) if previous else 0))

    def _changed(self, grown: int) -> None:
        self._bytes += grown
        self._directory.version += 1
        self._updates += 1
        count = len(self._directory.subscribers)
        workflow.set_current_details(f"{count} subscribers, version {self._directory.version}, {self._bytes} bytes")

    def _is_long(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() or self._updates >= policies.MAX_UPDATES_PER_RUN
