"""What is found of events and incidents, in which order, and page by page."""

import asyncio
import functools

import httpx

from domain.events import CloudEvent
from domain.incidents import Action, Change, Declaration, Severity
from service.event_list import EventFilter
from service.event_rows import EventRow
from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Sink


async def test_an_event_named_like_a_resend_is_an_original(platform: Platform) -> None:
    event = CloudEvent(id=f"a/resend-{unique_name('1')}", source="/tests", type=unique_type("named"))
    assert (await platform.post_event(event)).status_code == 202

    async def known() -> str | None:
        page = await platform.gateway.events.find(EventFilter(type=event.type))
        return page.rows[0].kind if page.rows else None

    assert await eventually(known) == "original"
    assert (await platform.gateway.events.get(event.id)).runs[0].kind == "original"


async def test_a_failed_delivery_is_found_while_another_is_still_retried(platform: Platform, sink: Sink) -> None:
    event_type, lost, trying = unique_type("mixed"), unique_name("lost"), unique_name("trying")
    sink.script(Answer(400), path="/lost")
    sink.script(Answer(503), path="/trying")
    await platform.gateway.subscribers.add(lost, sink.url("/lost"), types=[event_type])
    await platform.gateway.subscribers.add(trying, sink.url("/trying"), types=[event_type], schedule="60")
    event_id = await platform.emit(event_type)

    async def found(*options: str) -> list[dict[str, object]]:
        listed = await platform.im("event", "list", "--failed", "--type", event_type, "--format", "json", *options)
        rows: list[dict[str, object]] = listed.json
        return rows

    async def both_known() -> dict[str, object] | None:
        (row,) = await found()
        return row if row["troubled"] != [f"failed:{lost}"] else None

    row = await eventually(both_known)
    assert (row["event_id"], row["outcome"]) == (event_id, "retrying")
    assert row["troubled"] == [f"failed:{lost}", f"retrying:{trying}"]
    assert len(await found("--subscriber", lost)) == 1
    assert await found("--subscriber", trying) == []
    answer = await platform.api.get("/api/v1/events", params={"failed": "true", "type": event_type})
    assert [row["event_id"] for row in answer.json()["data"]] == [event_id]


async def test_lists_are_latest_first_and_go_on_page_by_page(platform: Platform, sink: Sink) -> None:
    event_type, name = unique_type("paged"), unique_name("paged")
    sink.script(Answer(503))  # the first event's workflow stays open, which visibility puts first
    await platform.gateway.subscribers.add(name, sink.url(), types=[event_type], schedule="60")
    ids = [await platform.emit(event_type) for _ in range(5)]

    async def all_known() -> bool:
        return len((await platform.gateway.events.find(EventFilter(type=event_type))).rows) == 5

    await eventually(all_known)
    seen, path = [], f"/api/v1/events?type={event_type}&limit=2"
    sizes = []
    while path:
        answer = await platform.api.get(path)
        rows = answer.json()["data"]
        seen += [row["event_id"] for row in rows]
        sizes.append(len(rows))
        path = answer.headers.get("link", "").partition(";")[0].strip("<>")
    assert seen == ids[::-1]
    assert sizes == [2, 2, 1]


async def test_events_of_one_workflow_are_never_split_between_pages(platform: Platform) -> None:
    event_type = unique_type("whole")
    batch = [{"specversion": "1.0", "id": unique_name("evt"), "source": "/t", "type": event_type} for _ in range(3)]
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    assert (await platform.api.post("/api/v1/events", json=batch, headers=headers)).status_code == 202
    await platform.emit(event_type)
    wanted = EventFilter(type=event_type, limit=2)

    async def pages() -> list[int] | None:
        first = await platform.gateway.events.find(wanted)
        if first.older is None:
            return None
        second = await platform.gateway.events.find(wanted.model_copy(update={"before": first.older}))
        return [len(first.rows), len(second.rows), second.older is None]

    assert await eventually(pages) == [1, 3, True]
    listed = await platform.im("event", "list", "--type", event_type, "--limit", "3", "--format", "json")
    assert len(listed.json) <= 3


async def test_events_of_one_batch_are_listed_by_their_own_incident(platform: Platform) -> None:
    orders, event_type = [unique_name("order"), unique_name("order"), None], unique_type("orders")
    batch = [
        {"specversion": "1.0", "id": unique_name("evt"), "source": "/t", "type": f"{event_type}.{'long' * 20}.n{place}"}
        | ({"imincidentid": order} if order else {})
        for place, order in enumerate(orders * 20)  # and their types do not fit the 2 KiB of one search attribute
    ]
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    answer = await platform.api.post("/api/v1/events", json=batch, headers=headers)
    assert answer.status_code == 202, answer.text

    async def listed(order: str) -> list[EventRow] | None:
        rows = (await platform.gateway.events.find(EventFilter(incident=order))).rows
        return rows if len(rows) >= 20 else None

    for order in orders[:2]:
        rows = await eventually(functools.partial(listed, str(order)))
        assert {row.incident_id for row in rows} == {order}
        assert {row.event_id for row in rows} == {e["id"] for e in batch if e.get("imincidentid") == order}
    everything = (await platform.gateway.events.find(EventFilter(type=f"{event_type}.**"))).rows
    assert len(everything) == 60
    assert sum(row.incident_id is None for row in everything) == 20


async def test_incidents_are_latest_first_and_go_on_page_by_page(platform: Platform) -> None:
    declared = [
        (await platform.gateway.incidents.declare(Declaration(title=f"{n}", severity=Severity.SEV_4, actor="t"))).id
        for n in range(3)
    ]
    await platform.gateway.incidents.change(declared[2], Change(action=Action.RESOLVE, actor="t"))
    await platform.gateway.incidents.change(declared[2], Change(action=Action.CLOSE, actor="t"))

    async def first_page() -> list[str] | None:
        page = await platform.gateway.incidents.find(limit=2)
        return [row.id for row in page.rows] if page.rows[:1] and page.rows[0].id == declared[2] else None

    assert await eventually(first_page) == [declared[2], declared[1]]
    answer = await platform.api.get("/api/v1/incidents?limit=2")
    older = await platform.api.get(answer.headers["link"].partition(";")[0].strip("<>"))
    assert older.json()["data"][0]["id"] == declared[0]


async def test_sixty_incidents_at_once_are_declared_and_resolved(platform: Platform) -> None:
    async def live(number: int) -> str:
        body = {"title": f"storm {number}", "severity": "SEV-4"}
        declared = await answered("/api/v1/incidents", body)
        assert declared.status_code == 201, declared.text
        incident_id: str = declared.json()["id"]
        resolved = await answered(f"/api/v1/incidents/{incident_id}/resolve", {})
        assert resolved.status_code == 200, resolved.text
        return incident_id

    async def answered(path: str, body: dict[str, str]) -> httpx.Response:
        """Sent again when more is asked for at once than can be done: nothing of it was done then."""
        while (answer := await platform.api.post(path, json=body)).status_code == httpx.codes.SERVICE_UNAVAILABLE:
            assert "send it again" in answer.text
            await asyncio.sleep(int(answer.headers["retry-after"]))
        return answer

    assert len(set(await asyncio.gather(*(live(number) for number in range(60))))) == 60


async def test_an_idempotency_key_is_for_one_declaration(platform: Platform) -> None:
    key = unique_name("key")
    line = ("incident", "declare", "--severity", "SEV-4", "--actor", "t", "--idempotency-key", key, "--format", "json")
    first, again = [await platform.im(*line, "--title", "one") for _ in range(2)]
    assert first.json["id"] == again.json["id"]
    other = await platform.im(*line, "--title", "another")
    assert other.code == 1
    assert first.json["id"] in other.err
