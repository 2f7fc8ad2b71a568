"""Whether this process makes OpenTelemetry spans, by the standard ``OTEL_*`` variables, and where they go.

What is wrong with them is said and leaves tracing off: it must not keep an alert from being sent.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from activities.logger import Logger
from activities.tracing import NO_SPANS, Spans

DEFAULT_ENDPOINT = "http://localhost:4318"  # OpenTelemetry Protocol Exporter, "Configuration Options"
PROTOCOL = "http/protobuf"
FLUSH_SECONDS = 3  # at the end of a process, which is given 30 s in all (`service.server.DRAIN_SECONDS`)

_log = Logger("tracing")


class UnusableTracingError(Exception):
    """Tracing is asked for and cannot be; the message says why, and what to do."""


@asynccontextmanager
async def tracing() -> AsyncIterator[Spans]:
    """The spans of this process for the duration of a block; what is left is exported at its end, within 3 s.

    Nothing of the SDK is loaded where the environment does not ask for it. Enter it after a fork: the exporter has a
    thread.
    """
    try:
        endpoint = traces_endpoint()
        exporting = _exporting(endpoint) if endpoint else None
    except UnusableTracingError as error:
        _log.warning(f"no traces: {error}")
        exporting = None
    if exporting is None:
        yield NO_SPANS
        return
    spans, shutdown = exporting
    _log.info("tracing", traces=endpoint)
    try:
        yield spans
    finally:
        flushing = threading.Thread(target=shutdown, daemon=True)
        flushing.start()
        await asyncio.to_thread(flushing.join, FLUSH_SECONDS)
        if flushing.is_alive():
            _log.warning("the last spans were not taken in time and are lost", traces=endpoint)


def traces_endpoint() -> str | None:
    """Where the environment has spans sent; None: nowhere.

    Raises:
        UnusableTracingError: by another exporter or protocol than OTLP over HTTP, or to what is no URL for it.
    """
    exporter, base, whole = map(
        _set, ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    )
    if _set("OTEL_SDK_DISABLED").lower() == "true" or exporter == "none" or not (exporter or base or whole):
        return None
    if exporter not in {"", "otlp"}:
        raise UnusableTracingError("OTEL_TRACES_EXPORTER can be otlp or none here")
    protocol = _set("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or _set("OTEL_EXPORTER_OTLP_PROTOCOL") or PROTOCOL
    if protocol != PROTOCOL:
        raise UnusableTracingError(
            f"set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL={PROTOCOL}, and the endpoint to its port, mostly 4318"
        )
    endpoint = whole or f"{(base or DEFAULT_ENDPOINT).rstrip('/')}/v1/traces"
    _check(endpoint)
    return endpoint


def _check(endpoint: str) -> None:
    """Refuse what cannot be requested, and credentials: the endpoint is logged."""
    try:
        url = urlsplit(endpoint)
        usable = url.scheme in {"http", "https"} and bool(url.hostname) and (url.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise UnusableTracingError("OTEL_EXPORTER_OTLP_ENDPOINT must be a URL, such as http://localhost:4318")
    if url.username is not None or url.query:
        raise UnusableTracingError(
            "credentials do not belong into OTEL_EXPORTER_OTLP_ENDPOINT; set OTEL_EXPORTER_OTLP_HEADERS"
        )


def _exporting(endpoint: str) -> tuple[Spans, Callable[[], None]]:
    """The spans, and what exports the last of them."""
    try:
        from service.spans import exporting_spans  # noqa: PLC0415 - the extra may not be there
    except ImportError:
        raise UnusableTracingError(
            "OTEL_* variables ask for them, but the extra 'otel' is not installed; "
            "pip install 'incidents-platform[otel]', or set OTEL_TRACES_EXPORTER=none"
        ) from None
    try:
        spans = exporting_spans(endpoint)
    except (ValueError, OSError) as error:
        raise UnusableTracingError(f"check the OTEL_* variables: {error}") from None
    return spans, spans.shutdown


def _set(name: str) -> str:
    """A variable; an empty one is as good as none (OpenTelemetry, "Environment Variable Specification")."""
    return os.environ.get(name, "").strip()
