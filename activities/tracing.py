"""Spans of what a process publishes and requests: none by default, or those that `service.tracing` hands in.

Their context travels in the event itself, as its extension (docs/decisions/0033-spans-hang-on-the-event.md).
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from domain.events import CloudEvent
from domain.outcomes import Attempt
from domain.subscribers import Subscriber
from domain.tracing import traced


class RequestSpan(Protocol):
    """The span of one request to a subscriber."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The trace context of this request, which takes the place of the event's; empty leaves that."""
        ...

    def ended(self, attempt: Attempt) -> None:
        """Note what came of the request."""
        ...


class Spans(Protocol):
    """Makes spans; each ends with its block."""

    def publishing(self, event: CloudEvent, caller: Mapping[str, str]) -> AbstractContextManager[CloudEvent]:
        """Accepting an event; gives it as it is to be published, with a trace context if there is any.

        Args:
            event: as it came; a context of its own stands.
            caller: the trace context of whoever publishes it, as headers.
        """
        ...

    def requesting(self, event: CloudEvent, subscriber: Subscriber, number: int) -> AbstractContextManager[RequestSpan]:
        """Making request ``number`` of a delivery."""
        ...


class _NoSpan:
    headers: Mapping[str, str] = {}

    def ended(self, attempt: Attempt) -> None:
        """Nothing is noted."""


class NoSpans:
    """Passes on the caller's context, and makes no spans."""

    _requesting = nullcontext[RequestSpan](_NoSpan())

    def publishing(self, event: CloudEvent, caller: Mapping[str, str]) -> AbstractContextManager[CloudEvent]:
        """The event, with its own context or the caller's."""
        return nullcontext(traced(event, caller))

    def requesting(
        self, _event: CloudEvent, _subscriber: Subscriber, _number: int
    ) -> AbstractContextManager[RequestSpan]:
        """Nothing: the event's context is handed on as it is."""
        return self._requesting


NO_SPANS = NoSpans()
