"""What changes a heartbeat, and how: beats, silence, outages of our own, and people. Time is passed in."""

from datetime import datetime, timedelta
from typing import Any

from domain.heartbeats import (
    CHANGES_KEPT,
    PINGS_KEPT,
    Beat,
    BeatKind,
    HeartbeatState,
    Outage,
    Status,
    StatusChange,
    Unknown,
    period,
)
from domain.incidents import Declaration, rfc3339
from domain.sources import HeartbeatConfig
from domain.timing import in_short

# Clocks of machines that are kept in time differ by less.
DOOR_SLACK = timedelta(seconds=1)
# A beat that is older than one before it by more was timed by a clock that was set back: no door holds one for so long.
SET_BACK = timedelta(seconds=60)

NO_DOOR = "no process that serves the API answers, so beats cannot come in"


class Heartbeat:
    """A heartbeat, changed in place.

    Args:
        config: how it was set up.
        state: what is known; incidents, pings and tidings that are due are left in it for the workflow.
    """

    def __init__(self, config: HeartbeatConfig, state: HeartbeatState) -> None:
        self.config = config
        self.state = state

    @property
    def actor(self) -> str:
        """Who declares and resolves its incidents."""
        return f"heartbeat {self.config.name}"

    def hear(self, beat: Beat, now: datetime) -> None:
        """Take a beat. What is older than the latest success or failure changes nothing.

        A clock ahead of Temporal's would put the deadline off, so no beat is later than ``now``.
        """
        at, state = min(beat.at, now), self.state
        if state.removed or (state.heard_at is not None and at <= state.heard_at):
            return
        if beat.kind is BeatKind.LOG:
            state.last_note = beat.note
        elif not (beat.exported and self._is_history(at, now)):
            state.last_note = beat.note
            self._take(beat, at, now)
        elif beat.kind is BeatKind.SUCCESS:
            state.last_beat_at = at

    def is_set_back(self, beat: Beat) -> bool:
        """Whether the clock that timed a beat was set back since it timed another, or another clock did that."""
        heard = self.state.heard_at
        return not beat.exported and heard is not None and heard - beat.at > SET_BACK

    def pause(self, now: datetime) -> None:
        """Expect nothing until resumed; an outage that lasts is over, because nobody would see its end."""
        if self.state.status is not Status.PAUSED:
            self._end_outage("the heartbeat was paused")
            self._enter(Status.PAUSED, now, "paused")

    def resume(self, now: datetime) -> None:
        """Count the deadline from now; one that was never heard waits for its first beat again."""
        if self.state.status is not Status.PAUSED or self.state.removed:
            return
        if self.state.heard_at is None:
            self._enter(Status.NEW, now, "resumed")
        else:
            self._enter(Status.UP, now, "resumed")
            self._expect(now)

    def change(self, config: HeartbeatConfig, now: datetime) -> bool:
        """Go by another set-up from now on; whether it is another. What is older than the one at hand changes nothing.

        The deadline moves by as much as the times do. Where it would have passed by that alone, the job has one whole
        period from now: it did not know. An outage that lasts goes on until the next beat.
        """
        if self.state.removed or config.changed_at <= self.config.changed_at:
            return False
        later, self.config = period(config) - period(self.config), config
        if config.sealed_ping_url is None:
            self.state.pings, self.state.last_ping = [], None
        if self.state.deadline is not None:
            moved, was_ahead = self.state.deadline + later, self.state.deadline > now
            self.state.deadline = now + period(config) if was_ahead and moved <= now else moved
        return True

    def remove(self) -> None:
        """Watch no more."""
        self.state.removed = True
        self.state.deadline = None
        self._end_outage("the heartbeat was removed")

    def overdue(self, now: datetime) -> bool:
        """Whether silence is to be judged."""
        return self.state.deadline is not None and now >= self.state.deadline

    def judge(self, clear_since: datetime | None, now: datetime) -> None:
        """Say what silence past the deadline means.

        Args:
            clear_since: since when a door has been open and refused nobody; None: no door answers. Then nothing can
                be said, and it is asked again.
            now: at least the deadline.
        """
        state, counted_from = self.state, self.state.counted_from or now
        if clear_since is None:
            self._lose_sight(now, NO_DOOR, None)
            return
        clear_since = min(clear_since, now)  # a clock ahead of Temporal's would put the judgement off
        further = clear_since + period(self.config)
        if clear_since > counted_from + DOOR_SLACK and further > now and not state.extended:
            reason = f"a beat may have been lost: the API took none for a while, until {clock(clear_since, now)}"
            self._lose_sight(now, reason, further)
            state.deadline, state.extended = further, True
        else:
            self._miss(counted_from, now)

    def _take(self, beat: Beat, at: datetime, now: datetime) -> None:
        state = self.state
        self._ping(beat.kind)
        if beat.kind is BeatKind.START:
            state.running_since = at
            return
        state.heard_at = at
        if state.running_since is not None:
            state.last_run_seconds = max(0.0, (at - state.running_since).total_seconds())
            state.running_since = None
        if beat.kind is BeatKind.SUCCESS:
            self._succeed(at, now)
        else:
            self._fail(at, beat.note)

    def _is_history(self, at: datetime, now: datetime) -> bool:
        """Whether a beat is too old to say that the canary is alive: its own deadline has passed (an import's, mostly).

        Where one is awaited it counts all the same, because its deadline is then judged at once.
        """
        awaited = self.state.status in {Status.UP, Status.PAUSED}
        return not awaited and at + period(self.config) <= now

    def _succeed(self, at: datetime, now: datetime) -> None:
        self.state.last_beat_at = at
        self._end_outage(f"beat received at {clock(at, now)}")
        if self.state.status is not Status.PAUSED:
            if self.state.status is not Status.UP:
                self._enter(Status.UP, at, "beat received")
            self._expect(at)

    def _fail(self, at: datetime, note: str | None) -> None:
        if self.state.status in {Status.PAUSED, Status.DOWN}:
            return
        said = f": {note}" if note else ""
        title = f"Heartbeat {self.config.name} failed at {clock(at, at)}{said}"
        self._go_down(at, at, f"the job reported a failure{said}", title)

    def _miss(self, counted_from: datetime, now: datetime) -> None:
        since = clock(counted_from, now)
        last = f"last beat {since}" if counted_from == self.state.last_beat_at else f"no beat since {since}"
        title = f"Heartbeat {self.config.name} missed: {last}, expected every {in_short(self.config.every_seconds)}"
        self._go_down(counted_from, now, f"missed: {last}", title)
        self._ping(BeatKind.FAIL)

    def _go_down(self, key: datetime, now: datetime, reason: str, title: str) -> None:
        self._enter(Status.DOWN, now, reason)
        details: dict[str, Any] = {
            "heartbeat": self.config.name,
            "every_seconds": self.config.every_seconds,
            "grace_seconds": self.config.grace_seconds,
            "reason": reason,
        }
        if self.state.last_beat_at is not None:
            details["last_beat_at"] = rfc3339(self.state.last_beat_at)
        declaration = Declaration(title=title, severity=self.config.severity, actor=self.actor, details=details)
        outage = Outage(key=f"heartbeat/{self.config.name}/{rfc3339(key)}", declaration=declaration)
        self.state.outages.append(outage)

    def _end_outage(self, note: str) -> None:
        outages = self.state.outages
        if not outages or outages[-1].over is not None:
            return
        if len(outages) > 1:
            outages.pop()  # it waits behind an earlier one, so nobody was told of it yet
        else:
            outages[-1].over = note

    def _lose_sight(self, now: datetime, reason: str, next_deadline: datetime | None) -> None:
        if self.state.status is Status.UNKNOWN:
            return
        deadline, extended = self.state.deadline, self.state.extended
        self._enter(Status.UNKNOWN, now, reason)
        self.state.deadline, self.state.extended, self.state.unknown_since = deadline, extended, now
        unknown = Unknown(heartbeat=self.config.name, since=now, reason=reason, next_deadline=next_deadline)
        self.state.untold.append(unknown)

    def _enter(self, status: Status, at: datetime, reason: str) -> None:
        state = self.state
        state.status, state.deadline, state.extended, state.unknown_since = status, None, False, None
        state.changes = [*state.changes, StatusChange(at=at, status=status, reason=reason)][-CHANGES_KEPT:]

    def _expect(self, at: datetime) -> None:
        self.state.counted_from = at
        self.state.deadline = at + period(self.config)

    def _ping(self, kind: BeatKind) -> None:
        """Have the ping URL told. One that waits says what a second one of its kind would say."""
        pings = self.state.pings
        if self.config.sealed_ping_url is not None and pings[-1:] != [kind]:
            self.state.pings = [*pings, kind][-PINGS_KEPT:]


def clock(at: datetime, now: datetime) -> str:
    """``14:02:10 UTC``, with the date before it when that is not today's."""
    return f"{at:%H:%M:%S} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M:%S} UTC"
