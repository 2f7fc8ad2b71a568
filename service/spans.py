"""OpenTelemetry spans, exported by OTLP over HTTP. Loading this takes the extra ``otel``: see `service.tracing`.

Attributes follow OpenTelemetry's semantic conventions for HTTP, messaging and CloudEvents. None holds a path, a query,
a header, a body or an error's words: each of those may hold a secret.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from activities.tracing import RequestSpan
from domain.errors import ImError
from domain.events import CloudEvent
from domain.outcomes import Attempt, Failure
from domain.subscribers import Subscriber
from domain.targets.kinds import WEBHOOK
from domain.tracing import TRACEPARENT, trace_headers, traced

SERVICE_NAME = "im"  # unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES say another

_DEFAULT_PORTS = {"http": 80, "https": 443}
_w3c = TraceContextTextMapPropagator()  # whatever OTEL_PROPAGATORS says: CloudEvents knows no other form


def exporting_spans(endpoint: str) -> "OtelSpans":
    """Spans that are exported in batches by a thread; sampler, limits, headers and so on are as ``OTEL_*`` say.

    Raises:
        ValueError, OSError: for a variable that cannot be used.
    """
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)  # one line a lost batch, not one a retry of it
    resource = Resource.create({"service.name": SERVICE_NAME}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return OtelSpans(provider)


class OtelSpans:
    """Makes them; see `activities.tracing.Spans`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("im")

    def shutdown(self) -> None:
        """Export what is left; blocks for up to 30 s."""
        self._provider.shutdown()

    @contextmanager
    def publishing(self, event: CloudEvent, caller: Mapping[str, str]) -> Iterator[CloudEvent]:
        """Accepting an event, under the event's own context or else the caller's; without one, a trace begins."""
        attributes = {
            "messaging.system": "im",
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
        }
        with self._span(f"publish {event.type}", SpanKind.PRODUCER, traced(event, caller), attributes) as span:
            yield event if TRACEPARENT in event.extensions else traced(event, _headers(span))

    @contextmanager
    def requesting(self, event: CloudEvent, subscriber: Subscriber, number: int) -> Iterator[RequestSpan]:
        """One request, under the event's context. Of alert targets, where it goes is not told: it is a secret."""
        attributes: dict[str, AttributeValue] = {"im.subscriber": subscriber.name, "im.attempt": number}
        if subscriber.target == WEBHOOK:
            attributes |= {"http.request.method": "POST"} | _server(subscriber.url)
        with self._span(f"deliver {subscriber.name}", SpanKind.CLIENT, event, attributes) as span:
            yield _OtelRequest(span)

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, event: CloudEvent, attributes: Mapping[str, AttributeValue]
    ) -> Iterator[Span]:
        told = {"cloudevents.event_id": event.id, "cloudevents.event_type": event.type}
        parent = _w3c.extract(trace_headers(event), Context())
        span = self._tracer.start_span(name, parent, kind, {**attributes, **told})
        try:
            yield span
        except BaseException as error:
            _failed(span, error.code if isinstance(error, ImError) else type(error).__name__)
            raise
        finally:
            span.end()


class _OtelRequest:
    def __init__(self, span: Span) -> None:
        self._span = span
        self.headers = _headers(span)

    def ended(self, attempt: Attempt) -> None:
        if attempt.status is not None:
            self._span.set_attribute("http.response.status_code", attempt.status)
        if attempt.failure is Failure.HTTP_STATUS:
            _failed(self._span, str(attempt.status))  # as the conventions for HTTP have it
        elif attempt.failure is not None:
            _failed(self._span, attempt.failure.value)


def _headers(span: Span) -> dict[str, str]:
    headers: dict[str, str] = {}
    _w3c.inject(headers, set_span_in_context(span, Context()))
    return headers


def _failed(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def _server(url: str) -> dict[str, AttributeValue]:
    parts = urlsplit(url)
    return {
        "server.address": parts.hostname or "",
        "server.port": parts.port or _DEFAULT_PORTS.get(parts.scheme, 0),
    }
