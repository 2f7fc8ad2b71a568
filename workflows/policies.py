"""Every timeout and retry policy, named, with the reason."""

from datetime import timedelta

from temporalio.common import Priority, RetryPolicy

from domain.outcomes import Failure
from domain.retry import BACKOFF_COEFFICIENT, BACKOFF_INITIAL, BACKOFF_MAXIMUM
from domain.tasks import BROKEN_OFF, DeliverRequest

# A killed worker's first deliveries came after 11.9 s with the defaults of 10 s, after 4.5 s with these.
EVENT_TASK_TIMEOUT = timedelta(seconds=4)
STICKY_TIMEOUT = timedelta(seconds=2)
# A process that stood still for as long may have lost its workflow tasks; what it begins of them, another begins, too.
# A machine with too much to do may keep it from going on for up to three seconds.
STANDSTILL = EVENT_TASK_TIMEOUT - timedelta(seconds=0.5)
# So long after that it may have them in hand: when 80 % of its time are over, the SDK asks for more, and hears of it.
WORKED_OFF = EVENT_TASK_TIMEOUT + timedelta(seconds=1)

# Resolution reads a leased snapshot from memory, or asks the directory once; a directory that is away is waited for.
RESOLVE_TIMEOUT = timedelta(seconds=3)
RESOLVE_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=10))

# The inline budget is 300 ms and the group commit some 50; past 3 s the process itself is in trouble.
INLINE_TIMEOUT = timedelta(seconds=3)
# Crowds take turns in a process; the SDK keeps the workflow task alive meanwhile.
CROWD_TIMEOUT = timedelta(seconds=60)
INLINE_RETRY = RetryPolicy(maximum_attempts=1)

# What is left of a burst is handed over so many deliveries at a time, or an event with more of them. Each event is a
# start, on two busy cores 15 a second with four such activities at work: with a hundred, whoever failed for the first
# time had its first retry after 28 s, because there are no turns within an activity.
HANDED_OVER_TOGETHER = 20
# What a workflow says at once may be 4 MiB, else Temporal terminates it, with all that it has in hand. A delivery is
# some 500 bytes, of which its receiver has a say in 100 characters: so many are up to 1.2 MB.
HANDED_OVER_AT_ONCE = 1000
HAND_OVER_TIMEOUT = timedelta(minutes=10)
HAND_OVER_HEARTBEAT = timedelta(seconds=10)
HAND_OVER_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))

# So many first attempts that run together share one result, which Temporal refuses past 2 MiB; each takes some
# 300 bytes of it. And so many can be sent within the 300 ms.
INLINE_TOGETHER = 100

# One request may take 10 s, and its outcome is recorded before the activity ends.
DELIVER_TIMEOUT = timedelta(seconds=20)
# A worker that dies with a request in hand is noticed within this; the activity beats every two seconds.
DELIVER_HEARTBEAT = timedelta(seconds=6)

# A limited subscriber's turn comes within 10 s (at 0.1/s), then the request as above.
LIMITED_TIMEOUT = timedelta(seconds=30)

# Who serves a limited subscriber's queue is taken for dead after so long without a word. Longer than a request may
# take: what a process that lost touch had in hand is over before another begins.
SERVE_HEARTBEAT = timedelta(seconds=15)
# A process leaves by itself after an hour; draining takes some seconds more.
SERVE_TIMEOUT = timedelta(hours=2)
SERVE_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))
# A subscriber that was removed may have deliveries that wait for a retry, for the longest wait there is (seven days,
# MAX_DELAY); then they end as cancelled.
LIMITER_LINGERS = timedelta(days=8)

# The process that holds the request polls its own queue; silent for so long, it is gone and the request is made anew.
# In an overload it may be slow to come round, and a request made anew would be a repeat.
ADOPT_WAIT = timedelta(seconds=8)
ADOPT_TIMEOUT = timedelta(seconds=20)

# Of two seconds each, in which many requests are waited for together: one takes 10 s at most, and recording it.
ADOPTION_ROUNDS = 6

# A round of attempts whose worker died each time is begun again; so often, and the delivery is given up.
MAX_LOST_ROUNDS = 10

# The next request of a delivery that waited for the end of a pause; what follows from it is the workflow's to say.
ONE_REQUEST = RetryPolicy(maximum_attempts=1)

# A delivery that waits for the end of a pause is told of it. Should that word be lost, it asks by itself: after an
# hour, then half as often each time, and once a day at last: 100,000 that wait cost little more than one a second.
ASK_AGAIN = timedelta(hours=1)
ASK_AGAIN_AT_LEAST = timedelta(days=1)

# A process may know the directory as it was 500 ms ago: what is released sooner would find the pause it waited for.
DRAIN_BEGINS_AFTER = timedelta(seconds=1)
# Finding what waits looks through visibility some twenty times; releasing is a signal each.
DRAIN_TIMEOUT = timedelta(seconds=30)
DRAIN_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
# Visibility is a second behind, and what was resolved before the pause ended may only now begin to wait.
DRAIN_LINGERS = (timedelta(seconds=2), timedelta(seconds=3), timedelta(seconds=10), timedelta(seconds=15))
DRAIN_AWAITS = timedelta(seconds=3)  # between looks while events that share a workflow have yet to be handed over
# A request may take 10 s, or 10 s until its turn. Those that say nothing for longer wait for a limit, or lost their
# workers: they are no longer counted as under way.
DRAIN_SILENCE = timedelta(seconds=30)
DRAIN_TOGETHER = 100  # released by one activity, where no request follows

# A place in a lane is a signal; whether the event before has its own is a query, which waits for a worker at most.
LINE_UP_TIMEOUT = timedelta(seconds=10)
LINE_UP_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))
# Of events that share a workflow, so many are taken together: where Temporal is slow, each may take over a second.
PLACES_TOGETHER = 20
HOLD_TIMEOUT = timedelta(seconds=30)

# Between questions whether an event before has its places; mostly the first answer is yes.
LANE_FIRST_PAUSE = timedelta(milliseconds=50)
LANE_LONGEST_PAUSE = timedelta(seconds=30)  # who takes a place here meanwhile is not waited for

# A lane whose first in line says nothing for so long asks whether it is still there; an empty one ends.
LANE_CHECK = timedelta(seconds=60)

# Counting must happen in the end, however long the ledger is away.
RECORD_TIMEOUT = timedelta(seconds=10)
RECORD_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))

# Starting an event workflow must happen in the end too: it is the outbox of the incident's own history.
PUBLISH_TIMEOUT = timedelta(seconds=5)
PUBLISH_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30))

# Declaring or resolving an incident for a source must happen in the end, however long Temporal or a worker is away.
INCIDENT_TIMEOUT = timedelta(seconds=10)
INCIDENT_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))

# Who serves the API polls for this question; silent for so long, nobody does. A process that was killed with it in hand
# costs the two seconds of one attempt.
ATTEST_WAIT = timedelta(seconds=5)
ATTEST_TIMEOUT = timedelta(seconds=2)
ATTEST_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=2)
# Between questions that nobody answered.
ATTEST_FIRST_PAUSE = timedelta(seconds=2)
ATTEST_LONGEST_PAUSE = timedelta(seconds=30)

# A ping takes 10 s at most. It is worth a few tries and no more: the next beat brings another.
PING_TIMEOUT = timedelta(seconds=15)
PING_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=3)
PING_LIFETIME = timedelta(seconds=60)

# An alarm that was cleared is remembered for so long without a word of it, so that what comes late is known to be old.
# Longer than a last_updated may be ahead (`domain.alarm_checks.MAX_AHEAD`): raised again, its time is later.
FORGET_CLEARED = timedelta(days=30)
# Its workflow was started together with its first observation; without one there is nothing to keep.
FIRST_OBSERVATION = timedelta(seconds=60)

# A replay's searches take pages of visibility, one after the other; counting 100,000 events takes some minutes.
SURVEY_TIMEOUT = timedelta(hours=2)
SEARCH_TIMEOUT = timedelta(seconds=60)
# Two seconds of waiting and at most twenty starts (`domain.replays.MAX_PORTION`), each of 3 s where Temporal is slow.
PORTION_TIMEOUT = timedelta(seconds=90)
# A worker that dies with a portion in hand is noticed within this: at 0.1/s it holds one event for no time at all, and
# between two of a portion lie 2 s at most.
REPLAY_HEARTBEAT = timedelta(seconds=10)
# However long Temporal's visibility or a worker is away, a replay goes on.
REPLAY_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
# Between questions whether a subscriber that was paused in the middle of a replay is resumed.
REPLAY_PAUSED = timedelta(seconds=15)

# The server suggests continuing as new at 4,096 events; updates have a limit of their own of 2,000 a run.
MAX_UPDATES_PER_RUN = 1000

# Failures that another request cannot mend; an HTTP status decides for itself and is marked by the activity.
PERMANENT_TYPES = [
    failure.value for failure in (Failure.REDIRECT, Failure.TLS, Failure.INVALID_RESPONSE, Failure.BLOCKED_ADDRESS)
]
# A fault of a worker's machine is waited out by one activity, 30 s between tries: retries of Temporal's add nothing to
# a history. So many are eight hours, and seven events; with a hundred subscribers the 51,200 that Temporal allows are
# 25 days. Whatever else goes wrong ends the activity, and is counted as ever: a lost worker, by the names that Temporal
# has for that, and what nobody was prepared for.
LASTING_ATTEMPTS = 1000
NO_FAULT_TYPES = ["TemporalTimeout:Heartbeat", "TemporalTimeout:StartToClose", BROKEN_OFF]

_PRIORITIES = {"SEV-1": 1, "SEV-2": 2, "SEV-3": 3, "SEV-4": 4}


# That a delivery failed for good is told when no retry waits: an outage is not made longer by telling of it.
TELL_PRIORITY = Priority(priority_key=5, fairness_key="operational events")


# Whoever was told nothing yet goes before whoever waits for a retry: a queue that is polled one task at a time holds a
# thousand of these after a burst to somebody who failed, and the fresh events of a worker that died stood behind them.
REST_PRIORITY = Priority(priority_key=4)


def delivery_retry(request: DeliverRequest) -> RetryPolicy:
    """The backoff table as Temporal's own retry policy, for the requests that a delivery has left.

    The first attempt only says why an earlier one failed, where one did. Other schedules and Retry-After override
    single waits with ``next_retry_delay``, and so does a fault of the machine's that lasts.
    """
    prior = len(request.prior)
    repeats = bool(prior or request.unmade)
    return RetryPolicy(
        initial_interval=BACKOFF_INITIAL,
        backoff_coefficient=BACKOFF_COEFFICIENT,
        maximum_interval=BACKOFF_MAXIMUM,
        maximum_attempts=LASTING_ATTEMPTS if request.lasting else request.schedule.max_attempts - prior + repeats,
        non_retryable_error_types=[*PERMANENT_TYPES, *(NO_FAULT_TYPES if request.lasting else [])],
    )


def ask_again(asked: int) -> timedelta:
    """How long a delivery waits before it asks by itself whether the pause is over, having asked so often."""
    return min(ASK_AGAIN * 2.0 ** min(asked, 5), ASK_AGAIN_AT_LEAST)


def delivery_priority(severity: str | None, subscriber: str) -> Priority:
    """SEV-1 first (1 of 1 to 5; 3 without a severity), and subscribers in turn among equals."""
    return Priority(priority_key=_PRIORITIES.get(severity or "", 3), fairness_key=subscriber[:64])
