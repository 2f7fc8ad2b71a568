"""A running platform gives what the dashboard and the alert rules ask for."""

import json
import re

from prometheus_client.parser import text_string_to_metric_families

from tests.support.eventually import eventually
from tests.support.metrics import ROOT, documented
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Sink


async def test_what_is_asked_for_is_there(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("metrics"), unique_type("metrics")
    sink.script(Answer(503))
    await platform.gateway.subscribers.add(name, sink.url(), types=[event_type])
    try:
        await platform.ended(await platform.emit(event_type))  # one request inline, one by the retry queue
        text = (ROOT / "deploy/grafana/im.json").read_text() + (ROOT / "deploy/prometheus/im-alerts.yml").read_text()
        wanted = {re.sub(r"_bucket$", "", each) for each in re.findall(r"\b(?:temporal_|im_)\w+", _expressions(text))}
        assert {"temporal_activity_schedule_to_start_latency_seconds", "im_deliveries_total"} <= wanted

        async def all_there() -> bool:
            page = (await platform.api.get("/metrics")).text
            there = {_full(family.name, family.type) for family in text_string_to_metric_families(page)}
            return wanted | set(documented()) <= there

        await eventually(all_there, 30, interval=1)
    finally:
        await platform.gateway.subscribers.remove(name)


def _expressions(text: str) -> str:
    """Without what stands in quotes within an expression, and without descriptions."""
    lines = [line for line in text.splitlines() if "expr" in line or "im_" in line]
    return re.sub(r"description.*", "", json.dumps(lines))


def _full(name: str, kind: str) -> str:
    return name + ("_total" if kind == "counter" else "")
