"""An OpenTelemetry collector: a real OTLP/HTTP receiver, and the spans that it was sent."""

from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from tests.support.eventually import eventually
from tests.support.sink import Sink

FAST = {"OTEL_BSP_SCHEDULE_DELAY": "100"}  # milliseconds until spans are exported


@dataclass(frozen=True)
class Told:
    """One span as it was exported."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    failed: bool
    attributes: dict[str, Any]
    service: str

    @property
    def context(self) -> str:
        """What names it in a request."""
        return f"00-{self.trace}-{self.id}-01"


class Collector:
    """Reads what a sink received under ``/v1/traces``."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url("").rstrip("/"), **FAST}

    @property
    def raw(self) -> bytes:
        """Every byte of every export."""
        return b"".join(request.body for request in self._sink.received)

    @property
    def spans(self) -> list[Told]:
        """All that came so far, in the order in which they began."""
        found: list[tuple[int, Told]] = []
        for request in self._sink.received:
            assert request.path == "/v1/traces"
            for group in ExportTraceServiceRequest.FromString(request.body).resource_spans:
                service = {each.key: each.value.string_value for each in group.resource.attributes}["service.name"]
                found += [
                    (span.start_time_unix_nano, _told(span, service))
                    for part in group.scope_spans
                    for span in part.spans
                ]
        return [told for _, told in sorted(found, key=lambda pair: pair[0])]

    async def wait_for(self, event_id: str, count: int) -> list[Told]:
        """The spans of an event, once there are so many."""

        async def come() -> list[Told] | None:
            found = [span for span in self.spans if span.attributes["cloudevents.event_id"] == event_id]
            return found if len(found) >= count else None

        return await eventually(come, 20)


def _told(span: trace_pb2.Span, service: str) -> Told:
    values = {each.key: each.value for each in span.attributes}
    return Told(
        name=span.name,
        kind=trace_pb2.Span.SpanKind.Name(span.kind),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        attributes={key: getattr(value, str(value.WhichOneof("value"))) for key, value in values.items()},
        service=service,
    )
