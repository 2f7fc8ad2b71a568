"""Every identifier that Temporal sees: workflow ids, task queues, handler names, search attributes."""

import hashlib
import itertools
from collections.abc import Sequence

from temporalio.common import SearchAttributeKey

from domain.events import CloudEvent

EVENTS_QUEUE = "im-events"  # fresh events; holds no retry and no registry, so a burst meets free slots
CONTROL_QUEUE = "im-control"  # the entities: directory, ledger, incidents
DELIVERIES_QUEUE = "im-deliveries"  # retries, fair by subscriber; a backlog here delays no fresh event

HANDOVERS_QUEUE = "im-handovers"  # what bursts leave, started as workflows; polled for four at a time by a process

LIMITS_QUEUE = "im-limits"  # who serves the queue of a limited subscriber; each holds its slot for as long

DOORS_QUEUE = "im-doors"  # polled by processes that serve the API: they say since when the door has been open

PRESENCE_QUEUE = "im-presence"  # polled by every worker process under a name that tells its version and key ids

DIRECTORY_ID = "subscribers"
SOURCES_ID = "sources"
LEDGER_ID = "delivery-ledger"
INCIDENT_NUMBERS_ID = "incident-numbers"

# Search attributes. SQL visibility stores allow three KeywordLists; these are all three.
EVENT_IDS = SearchAttributeKey.for_keyword_list("ImEventIds")
EVENT_TYPES = SearchAttributeKey.for_keyword_list("ImEventTypes")
SUBSCRIBERS = SearchAttributeKey.for_keyword_list("ImSubscribers")
INCIDENT = SearchAttributeKey.for_keyword("ImIncidentId")
SEVERITY = SearchAttributeKey.for_keyword("ImSeverity")
OUTCOME = SearchAttributeKey.for_keyword("ImOutcome")
INCIDENT_STATUS = SearchAttributeKey.for_keyword("ImIncidentStatus")
ALARM_SEVERITY = SearchAttributeKey.for_keyword("ImAlarmSeverity")
ALARM_TYPE = SearchAttributeKey.for_keyword("ImAlarmType")
ALARM_RESOURCE = SearchAttributeKey.for_keyword("ImAlarmResource")
SEARCH_ATTRIBUTES = (
    *(EVENT_IDS, EVENT_TYPES, SUBSCRIBERS, INCIDENT, SEVERITY, OUTCOME, INCIDENT_STATUS),
    *(ALARM_SEVERITY, ALARM_TYPE, ALARM_RESOURCE),
)

KEYWORDS_BYTES = 1900  # a KeywordList may take 2 KiB

# In ImSubscribers, beside ``failed:<name>`` and ``cancelled:<name>``, as soon as one delivery ended so.
ANY_FAILED = "any:failed"
ANY_CANCELLED = "any:cancelled"
# Likewise, where the subscribers of an event are too many for all of these words: some names are left out, or even some
# of those in trouble.
NAMES_LEFT_OUT = "any:left-out"
TROUBLE_LEFT_OUT = "any:trouble-left-out"
MARKS = frozenset({ANY_FAILED, ANY_CANCELLED, NAMES_LEFT_OUT, TROUBLE_LEFT_OUT})
MARKED_WAITING = "w#"  # with two hexadecimal digits, where those for whom an event waits are too many to be named

EVENTS_MEMO = "events"
ACCEPTED_MEMO = "accepted"  # of what goes on of an event that shared its first workflow: when that was accepted
OUTCOMES_MEMO = "outcomes"  # of several events, in their order, where they differ
TITLE_MEMO = "title"
ALARM_MEMO = "alarm"
REPLAY_MEMO = "replay"
REQUEST_MEMO = "request"  # a digest of the request that started a replay under an Idempotency-Key


def event_workflow_id(event: CloudEvent) -> str:
    """``event/<id>@<8 hex of the source's SHA-256>``: source and id are an event's identity in CloudEvents."""
    return event_workflow_id_of(event.id, event.source)


def event_workflow_id_of(event_id: str, source: str) -> str:
    """The same, where no more is known of the event."""
    return f"event/{event_id}@{hashlib.sha256(source.encode()).hexdigest()[:8]}"


def shared_workflow_id(unique: str) -> str:
    """A burst of events that share a start."""
    return f"events/{unique}"


def batch_workflow_id(events: Sequence[CloudEvent]) -> str:
    """A batch, identified by what it says: sent again it meets its first workflow."""
    digest = hashlib.sha256()
    for event in events:
        digest.update(hashlib.sha256(event.content).digest())
    return f"events/batch-{digest.hexdigest()[:32]}"


def resend_workflow_id(event: CloudEvent, unique: str) -> str:
    """A further delivery of an event; ``unique`` is the caller's random part."""
    return f"{event_workflow_id(event)}/resend-{unique}"


def continued_workflow_id(event: CloudEvent, parent_run: str) -> str:
    """The rest of an event that a workflow of several events handed over; each such workflow has its own rest of it."""
    return f"{event_workflow_id(event)}{continued_from(parent_run)}"


def continued_from(parent_run: str) -> str:
    """The ending of the id of every workflow to which one run of a workflow of several events handed over."""
    return f"/rest-{parent_run.replace('-', '')}"


def continued_workflow_id_of_old(event: CloudEvent, parent_run: str) -> str:
    """As older versions made it: run ids begin with the time, so two workflows of the same minute had the same."""
    return f"{event_workflow_id(event)}/rest-{parent_run[:8]}"


def replay_workflow_id(replay: str) -> str:
    """``replays/rpl_<12 or 24 hex>``; the deliveries that it starts are beneath it."""
    return f"replays/{replay}"


def replayed_workflow_id(replay: str, event: CloudEvent) -> str:
    """The delivery of one event by one replay; `domain.replays.replay_of` reads it."""
    return f"{replay_workflow_id(replay)}/{event_workflow_id(event)}"


def incident_workflow_id(incident_id: str) -> str:
    """``incident/INC-<n>``."""
    return f"incident/{incident_id}"


def alarm_workflow_id(alarm_id: str) -> str:
    """``alarm/<alarm_id>``."""
    return f"alarm/{alarm_id}"


def cluster_workflow_id(cluster: str) -> str:
    """``zeebe/<cluster>``."""
    return f"zeebe/{cluster}"


def heartbeat_workflow_id(heartbeat: str) -> str:
    """``heartbeat/<name>``."""
    return f"heartbeat/{heartbeat}"


def lane_workflow_id(subscriber: str, subject: str) -> str:
    """``lane/<subscriber>/<subject>``: the ordered deliveries of one subject, such as ``INC-7``, to one subscriber."""
    return f"lane/{subscriber}/{subject}"


def limiter_workflow_id(subscriber: str) -> str:
    """``limit/<subscriber>``."""
    return f"limit/{subscriber}"


def drain_workflow_id(subscriber: str) -> str:
    """``drain/<subscriber>``: sends what waited for the end of its pause."""
    return f"drain/{subscriber}"


def limited_queue(subscriber: str) -> str:
    """The queue of one limited subscriber, which one process at a time polls."""
    return f"im-limited-{subscriber}"


def in_flight_queue(process: str) -> str:
    """The queue of one process, on which its own unfinished first requests are adopted."""
    return f"im-inflight-{process}"


def subscriber_keywords(states: Sequence[tuple[str, str]]) -> list[str]:
    """What ``ImSubscribers`` holds: each subscriber's name, and ``<state>:<name>`` for those in trouble.

    Those in trouble come first, so that they are found even where an event has more subscribers than 2 KiB hold. Who
    waits must be found in any case: where they do not all fit, they are told by `waiting_mark`, of which all fit.
    """
    troubled = [(name, state) for name, state in states if state != "delivered"]
    states_seen = {state for _, state in troubled}
    marks = [word for word in (ANY_FAILED, ANY_CANCELLED) if word.removeprefix("any:") in states_seen]
    keywords = marks + [f"{state}:{name}" for name, state in troubled]
    if len(_fitting(keywords)) < len(keywords):
        waiting = sorted({waiting_mark(name) for name, state in troubled if state == "waiting"})
        keywords = marks + waiting + [f"{state}:{name}" for name, state in troubled if state != "waiting"]
    keywords += [name for name, _ in troubled] + [name for name, state in states if state == "delivered"]
    return _marked(list(dict.fromkeys(keywords)))


def _marked(keywords: list[str]) -> list[str]:
    """As many of the keywords as fit; if some do not, the first ones say so."""
    if len(_fitting(keywords)) == len(keywords):
        return keywords
    marks = [NAMES_LEFT_OUT, TROUBLE_LEFT_OUT]
    fitting = _fitting([*marks, *keywords])
    trouble_fits = not any(":" in word for word in keywords[len(fitting) - len(marks) :])
    return [word for word in fitting if word != TROUBLE_LEFT_OUT or not trouble_fits]


def subscribers_named(keywords: Sequence[str]) -> list[str]:
    """The subscribers that ``ImSubscribers`` names, whatever their states; those in trouble may be told by it alone."""
    found = [word for word in keywords if ":" not in word and not word.startswith(MARKED_WAITING)]
    troubled = [word.partition(":")[2] for word in keywords if ":" in word and word not in MARKS]
    return list(dict.fromkeys([*found, *troubled]))


def waiting_mark(subscriber: str) -> str:
    """``w#3f``: that an event waits for a subscriber, or for another with the same mark; there are 256."""
    return f"{MARKED_WAITING}{hashlib.sha256(subscriber.encode()).hexdigest()[:2]}"


def _fitting(keywords: Sequence[str]) -> list[str]:
    sizes = itertools.accumulate(len(keyword) + 3 for keyword in keywords)
    return [keyword for keyword, size in zip(keywords, sizes, strict=True) if size <= KEYWORDS_BYTES]


def event_id_hash(event_id: str) -> str:
    """64 bits of SHA-256 in hexadecimal; a hundred fit a KeywordList's 2 KiB."""
    return hashlib.sha256(event_id.encode()).hexdigest()[:16]


def delivery_activity_id(subscriber: str) -> str:
    """``deliver/<subscriber>``: what ``temporal activity reset --activity-id`` takes to retry a delivery now."""
    return f"deliver/{subscriber}"


def delivery_subscriber(activity_id: str) -> str | None:
    """The reverse of `delivery_activity_id`; None for another activity's id."""
    prefix, slash, subscriber = activity_id.partition("/")
    return subscriber if slash and prefix == "deliver" else None
