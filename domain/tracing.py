"""Trace context (W3C Trace Context 1) of events: taken from publishers, kept as an extension, handed on to receivers.

The extension is CloudEvents' "Distributed Tracing": its ``traceparent`` is that of the moment in which the event arose.
What a publisher wrote into the event therefore stands, whatever its request says.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from domain.events import TRACE_ATTRIBUTES, CloudEvent

TRACEPARENT, TRACESTATE = TRACE_ATTRIBUTES
NO_CONTEXT: Mapping[str, str] = MappingProxyType({})
MAX_PARENT_LENGTH = 256  # version 00 has 55; a later one may have more, but no room to make a request too large
MAX_STATE_LENGTH = 512  # W3C Trace Context, 3.3.1.5: what must be handed on at least

_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[\x20-\x7e]*)?")
_STATE = re.compile(r"[\x20-\x7e]+")


def caller_context(parents: Sequence[str], states: Sequence[str]) -> dict[str, str]:
    """The trace context of a request, by the names of its headers; empty where it has none that is valid.

    Args:
        parents: the values of the request's ``traceparent`` headers; anything but a single valid one is ignored.
        states: those of its ``tracestate`` headers.
    """
    return _context(parents[0].strip(), ",".join(states)) if len(parents) == 1 else {}


def traced(event: CloudEvent, context: Mapping[str, str]) -> CloudEvent:
    """An event with the trace context of whoever published it, unless it has one of its own."""
    if not context or TRACEPARENT in event.extensions:
        return event
    return event.with_extensions({**event.extensions, **context})


def trace_headers(event: CloudEvent) -> dict[str, str]:
    """The headers by which a request hands on an event's trace context; none where it has none that is valid."""
    if TRACEPARENT not in event.extensions:
        return {}
    return _context(str(event.extensions[TRACEPARENT]), str(event.extensions.get(TRACESTATE, "")))


def _context(parent: str, state: str) -> dict[str, str]:
    if len(parent) > MAX_PARENT_LENGTH or not _PARENT.fullmatch(parent):
        return {}
    if parent.startswith("00") and len(parent) != len("00--") + 32 + 16 + 3:
        return {}
    kept = len(state) <= MAX_STATE_LENGTH and _STATE.fullmatch(state)
    return {TRACEPARENT: parent} | ({TRACESTATE: state} if kept else {})
