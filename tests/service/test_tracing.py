"""When spans are made, by the environment; what is said where they cannot be; and that nothing is loaded else."""

import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from activities.tracing import NO_SPANS
from service.tracing import UnusableTracingError, traces_endpoint, tracing
from tests.support.platform import clean_environment

HERE = "http://localhost:4318"


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SDK_DISABLED", "TRACES_EXPORTER", "EXPORTER_OTLP_ENDPOINT", "EXPORTER_OTLP_PROTOCOL"):
        monkeypatch.delenv(f"OTEL_{name}", raising=False)


def given(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"OTEL_{name}", value)


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, None),
        ({"TRACES_EXPORTER": "", "EXPORTER_OTLP_ENDPOINT": ""}, None),
        ({"TRACES_EXPORTER": "otlp"}, f"{HERE}/v1/traces"),
        ({"EXPORTER_OTLP_ENDPOINT": "https://c.example/otlp/"}, "https://c.example/otlp/v1/traces"),
        (
            {"EXPORTER_OTLP_TRACES_ENDPOINT": "http://c.example/in", "EXPORTER_OTLP_ENDPOINT": HERE},
            "http://c.example/in",
        ),
        ({"EXPORTER_OTLP_ENDPOINT": HERE, "TRACES_EXPORTER": "none"}, None),
        ({"EXPORTER_OTLP_ENDPOINT": HERE, "SDK_DISABLED": "True"}, None),
        ({"EXPORTER_OTLP_ENDPOINT": HERE, "EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, f"{HERE}/v1/traces"),
        ({"SERVICE_NAME": "im"}, None),
    ],
)
def test_the_standard_variables_say_whether_and_where(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], endpoint: str | None
) -> None:
    given(monkeypatch, environment)
    assert traces_endpoint() == endpoint


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER"),
        (
            {"TRACES_EXPORTER": "otlp", "EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf",
        ),
        ({"EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "http://localhost:4318"),
        ({"EXPORTER_OTLP_ENDPOINT": "http://collector:port"}, "http://localhost:4318"),
        ({"EXPORTER_OTLP_ENDPOINT": "http://me:hidden@collector"}, "OTEL_EXPORTER_OTLP_HEADERS"),
        ({"EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector/?key=hidden"}, "OTEL_EXPORTER_OTLP_HEADERS"),
    ],
)
async def test_what_cannot_be_used_is_said_without_secrets_and_leaves_tracing_off(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], said: str
) -> None:
    given(monkeypatch, environment)
    with pytest.raises(UnusableTracingError, match=said):
        traces_endpoint()
    with capture_logs() as logs:
        async with tracing() as spans:
            assert spans is NO_SPANS
    (line,) = logs
    assert line["log_level"] == "warning"
    assert said in line["event"]
    assert "hidden" not in line["event"]


async def test_a_missing_extra_is_said_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, {"EXPORTER_OTLP_ENDPOINT": HERE})
    monkeypatch.setitem(sys.modules, "service.spans", None)
    with capture_logs() as logs:
        async with tracing() as spans:
            assert spans is NO_SPANS
    assert "pip install 'incidents-platform[otel]'" in logs[0]["event"]


def test_a_process_that_is_not_asked_for_traces_loads_nothing_for_them() -> None:
    """FastAPI itself loads OpenTelemetry's API, which does nothing by itself."""
    program = """
import asyncio, sys
import api.app, service.server
from service.tracing import tracing

async def main():
    async with tracing():
        print(sorted(name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))))

asyncio.run(main())
"""
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, check=True, env=clean_environment(), stdout=subprocess.PIPE, text=True)
    assert ran.stdout == "[]\n"
