"""The simulated exporter loses nothing, keeps the order, and sends again what a real one would."""

import asyncio
import json
import random
import time
from typing import Any

import pytest

from cli.simulated_cluster import Mix, SimulatedCluster
from cli.simulation import Plan, Told, summary, summary_text
from cli.simulator import RECORDS_PATH, Exporter
from domain.errors import InvalidRequestError, UnavailableError
from domain.source_errors import AccessDeniedError
from tests.support.eventually import eventually, within
from tests.support.ports import free_port
from tests.support.sink import Answer, Reset, Sink

RECEIPT = {"cluster": "prod", "raised": 1, "resolved": 0, "beats": 0, "ignored": 2, "bad": []}
TAKEN = Answer(200, json.dumps(RECEIPT).encode())
TOKEN = "token-of-the-cluster"


class Run:
    """One exporter over a sink."""

    def __init__(self, sink: Sink, plan: dict[str, Any], mix: dict[str, Any]) -> None:
        chance = random.Random(1)  # noqa: S311 - nothing is secret here
        self.said: list[str] = []
        self.stop = asyncio.Event()
        self.sink = sink
        self.cluster = SimulatedCluster(chance, Mix(**mix), time.time_ns() // 1_000_000)
        wanted = Plan(**{"url": sink.url(""), "rate": None, "repeats": 0.0} | plan)
        self.exporter = Exporter(wanted, self.cluster, chance=chance, stop=self.stop, tell=self.said.append)

    async def __call__(self) -> Told:
        await self.exporter.run()
        return self.exporter.told

    def posted(self) -> list[list[dict[str, Any]]]:
        bodies = [json.loads(request.body) for request in self.sink.received]
        return [body if isinstance(body, list) else [body] for body in bodies]

    def places(self) -> list[tuple[int, int]]:
        return [(one["partitionId"], one["position"]) for body in self.posted() for one in body]


def make(sink: Sink, plan: dict[str, Any], **mix: Any) -> Run:
    sink.script(TAKEN)
    return Run(sink, plan, {"resolve_after_ms": None} | mix)


@pytest.fixture
async def sink() -> Any:
    async with Sink() as found:
        yield found


async def test_every_record_is_posted_once_as_the_seed_posts_it(sink: Sink) -> None:
    run = make(sink, {"records": 30, "token": TOKEN, "cluster": "prod"})
    told = await run()
    assert len(set(run.places())) == len(run.places()) == 30
    for request in sink.received:
        assert (request.method, request.path) == ("POST", f"{RECORDS_PATH}?cluster=prod")
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert request.headers["content-type"] == "application/json; charset=utf-8"
        assert isinstance(json.loads(request.body), dict)
    assert (told.requests, told.sent_again, told.tried_again, told.unsent) == (30, 0, 0, 0)
    assert told.answered == {"raised": 30, "resolved": 0, "beats": 0, "ignored": 60, "bad": 0}


async def test_batches_are_arrays(sink: Sink) -> None:
    run = make(sink, {"records": 25, "batch": 10})
    await run()
    assert [len(body) for body in run.posted()] == [10, 10, 5]
    assert isinstance(json.loads(sink.received[0].body), list)


async def test_what_is_not_taken_is_tried_again_in_its_place(sink: Sink) -> None:
    run = make(sink, {"records": 5})
    sink.script(TAKEN, Answer(503, b"{}", {"Retry-After": "5"}), Reset(), Answer(500), TAKEN)
    told = await run()
    bodies = run.posted()
    assert bodies[1] == bodies[2] == bodies[3] == bodies[4]
    assert [body for place, body in enumerate(bodies) if place not in {2, 3, 4}] == run_of(run.places(), bodies)
    assert (told.tried_again, told.unsent, told.sent_again) == (3, 0, 0)
    assert any("503" in line for line in run.said)
    assert run.said[-1] == "taken again"


def run_of(places: list[tuple[int, int]], bodies: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Each different body once, in order."""
    assert len(places) == len(bodies)
    return list(dict(zip(places, bodies, strict=True)).values())


async def test_a_share_of_requests_is_sent_twice(sink: Sink) -> None:
    run = make(sink, {"records": 200, "batch": 2, "repeats": 0.2})
    told = await run()
    assert 10 <= told.sent_again / 2 <= 35
    assert len(run.places()) == 200 + told.sent_again
    assert len(set(run.places())) == 200


async def test_a_restarted_exporter_sends_the_later_half_again(sink: Sink) -> None:
    run = make(sink, {"records": 300, "restart_every": 1.0, "rate": 200})
    told = await run()
    places = run.places()
    assert told.sent_again > 0
    assert len(places) == 300 + told.sent_again
    assert len(set(places)) == 300
    assert any(line.startswith("restart: the last ") for line in run.said)
    first = next(at for at, place in enumerate(places) if place in places[:at])
    half = first - first // 2
    assert places[first : first + half] == places[first - half : first]


async def test_a_rate_is_kept(sink: Sink) -> None:
    run = make(sink, {"records": 40, "rate": 100})
    began = time.monotonic()
    await run()
    assert 0.38 <= time.monotonic() - began <= 8


async def test_a_duration_ends_it_and_resolves_what_is_open(sink: Sink) -> None:
    run = make(sink, {"duration": 0.3, "rate": 100}, incidents=0.2, resolve_after_ms=60_000)
    await run()
    assert run.cluster.raised == run.cluster.resolved > 0
    assert len(set(run.places())) == run.cluster.count


async def test_whoever_stops_it_gets_the_rest_resolved(sink: Sink) -> None:
    run = make(sink, {}, incidents=0.2, resolve_after_ms=60_000)
    running = asyncio.create_task(run())
    await sink.wait_for(20)
    run.stop.set()
    await within(5, running)
    assert run.cluster.raised == run.cluster.resolved > 0


async def test_stopped_while_nobody_answers_it_says_what_was_not_taken(sink: Sink) -> None:
    run = make(sink, {"batch": 10}, incidents=0.2, resolve_after_ms=60_000)
    sink.script(TAKEN, TAKEN, Answer(503))
    running = asyncio.create_task(run())
    await sink.wait_for(5)
    run.stop.set()
    told = await within(5, running)
    assert told.unsent == run.cluster.count - 20 > 10
    assert run.said[-1] == f"{told.unsent} records were not taken in the end"


async def test_nobody_listening_any_more_is_tried_again() -> None:
    async with Sink() as sink:
        run = make(sink, {"rate": 100})
        running = asyncio.create_task(run())
        await sink.wait_for(2)
    await eventually(lambda: run.said)
    run.stop.set()
    assert (await running).unsent > 0
    assert "at http://" in run.said[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid"])
async def test_nobody_listening_from_the_start_ends_it_with_advice(sink: Sink, host: str) -> None:
    run = Run(sink, {"url": f"http://{host}:{free_port()}", "records": 1}, {})
    with pytest.raises(UnavailableError, match=f"cannot connect to http://{host}:") as error:
        await within(10, run())
    assert "--url" in error.value.advice
    assert run.said == []


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AccessDeniedError), (422, InvalidRequestError), (404, InvalidRequestError)]
)
async def test_a_refusal_ends_it_with_what_the_api_says(sink: Sink, status: int, kind: type[Exception]) -> None:
    run = make(sink, {"records": 5, "token": TOKEN})
    sink.script(Answer(status, b'{"detail": "no cluster has that token", "hint": "configure one"}'))
    with pytest.raises(kind, match="no cluster has that token") as error:
        await run()
    assert TOKEN not in str(error.value)
    assert ("--token - < FILE" in getattr(error.value, "advice", "")) is (status == 401)
    assert len(sink.received) == 1


async def test_an_answer_that_is_no_problem_of_ours_is_told_by_its_status(sink: Sink) -> None:
    run = make(sink, {"records": 5})
    sink.script(Answer(404, b"<html>"))
    with pytest.raises(InvalidRequestError, match="404: Not Found"):
        await run()


def test_a_plan_does_not_show_its_token() -> None:
    assert TOKEN not in repr(Plan(url="http://localhost", token=TOKEN))


def test_the_summary_says_what_came_of_it() -> None:
    cluster = SimulatedCluster(random.Random(1), Mix(incidents=0.1), 1766759400000)  # noqa: S311 - likewise
    for _ in range(100):
        cluster.next(1766759400000)
    told = Told(requests=110, sent_again=10, tried_again=2)
    told.latencies.extend(number / 1000 for number in range(1, 101))
    told.answered.update(raised=11, ignored=99)
    result = summary(cluster, told, 10.0)
    assert result["latency_ms"] == {"p50": 50.0, "p99": 99.0, "max": 100.0}
    assert (result["records"], result["incidents_raised"], result["records_per_second"]) == (100, 10, 11.0)
    assert summary_text(result, told.latency_text()).splitlines() == [
        "records:             100 (10 sent again, 0 not taken)",
        "incidents raised:    10",
        "incidents resolved:  0",
        "canary beats:        0",
        "answered:            raised 11, resolved 0, beats 0, ignored 99, bad 0",
        "requests:            110 (2 tried again)",
        "latency:             p50 50.0 ms, p99 99.0 ms, max 100.0 ms",
        "took:                10.0 s, 11.0 records a second",
    ]


def test_without_an_answer_there_is_no_latency() -> None:
    assert Told().latency_text() == "p50 - ms, p99 - ms, max - ms"
