"""A subscriber that chose severities is told of those alone, whichever way an event takes; and why says so."""

from typing import Any

from domain.events import CloudEvent
from service.replay_views import ReplayOptions
from tests.support.builders import make_event
from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Sink


class Pager:
    """A subscriber of SEV-1 and SEV-2 beside one of all, and what it was sent."""

    def __init__(self, platform: Platform, sink: Sink) -> None:
        self._platform, self._sink = platform, sink
        self.name, self.type, self.all = unique_name("pager"), unique_type("severe"), unique_name("all")

    async def added(self) -> "Pager":
        """Add both, the pager as people do."""
        options = ("--types", self.type, "--severities", "sev-2,SEV-1")
        added = await self._platform.im(
            "subscriber", "add", "--name", self.name, "--url", self._sink.url("/pager"), *options
        )
        assert f"{self.type} of SEV-1,SEV-2 to" in added.err
        await self._platform.gateway.subscribers.add(self.all, self._sink.url("/all"), types=[self.type])
        return self

    def event(self, severity: str | None) -> CloudEvent:
        data: dict[str, Any] = {"n": 1} | ({"severity": severity} if severity else {})
        return make_event(id=unique_name("evt"), source="/tests", type=self.type, data=data)

    async def told(self, everything: int) -> list[str]:
        """The ids that the pager was told of, once the other was of so many."""
        await eventually(lambda: len(self.ids("/all")) == everything, 30)
        for event_id in self.ids("/all"):
            await self._platform.ended(event_id)
        return sorted(self.ids("/pager"))

    def ids(self, path: str) -> list[str]:
        return [request.headers["ce-id"] for request in self._sink.received if request.path == path]


async def test_one_event_at_a_time_begins_early_for_those_who_want_its_severity(platform: Platform, sink: Sink) -> None:
    pager = await Pager(platform, sink).added()
    events = [pager.event(severity) for severity in ("SEV-3", "SEV-1", None, "SEV-4")]
    for event in events:
        assert (await platform.post_event(event)).status_code == 202
    assert await pager.told(4) == sorted([events[1].id, events[2].id])


async def test_a_batch_is_resolved_event_by_event(platform: Platform, sink: Sink) -> None:
    pager = await Pager(platform, sink).added()
    events = [pager.event(severity) for severity in ("SEV-2", "SEV-3", None, "SEV-1", "SEV-4")]
    await platform.gateway.events.publish_batch(events)
    assert await pager.told(5) == sorted(events[place].id for place in (0, 2, 3))


async def test_why_a_replay_and_a_later_choice_know_of_it(platform: Platform, sink: Sink) -> None:
    pager = await Pager(platform, sink).added()
    mild, grave = pager.event("SEV-3"), pager.event("SEV-1")
    for event in (mild, grave):
        await platform.gateway.events.publish(event)
    assert await pager.told(2) == [grave.id]
    why = await platform.im("why", mild.id, pager.name)
    assert "it is SEV-3" in why.out
    assert f"im subscriber update {pager.name} --severities SEV-1,SEV-2,SEV-3" in why.out

    async def counted(matched: int) -> bool:
        survey = await platform.gateway.replays.survey(ReplayOptions(to=pager.name, types=[pager.type]))
        return survey.matched == matched

    await eventually(lambda: counted(1), 30, interval=0.2)
    for command in (("event", "resend", mild.id), ("trigger", "im.incident.declared.v1", "--set", "severity=SEV-3")):
        refused = await platform.im(*command, "--subscriber", pager.name)
        assert refused.code == 1, refused.out
        assert pager.name in refused.err
        assert "would not be told" in refused.err
    updated = await platform.im("subscriber", "update", pager.name, "--severities", "all")
    assert updated.code == 0, updated.err
    assert " of SEV" not in updated.err
    await eventually(lambda: counted(2), 30, interval=0.2)


async def test_a_replay_sends_what_is_chosen_and_all_of_it_once_the_choice_is_wider(
    platform: Platform, sink: Sink
) -> None:
    pager = await Pager(platform, sink).added()
    mild, grave, silent = (pager.event(severity) for severity in ("SEV-3", "SEV-1", None))
    for event in (mild, grave, silent):
        await platform.gateway.events.publish(event)
    assert await pager.told(3) == sorted([grave.id, silent.id])

    async def replayed(*expected: CloudEvent) -> bool:
        sink.received.clear()
        done = await platform.im("replay", "--subscriber", pager.all, "--to", pager.name)
        return done.code == 0 and sorted(pager.ids("/pager")) == sorted(event.id for event in expected)

    await eventually(lambda: replayed(grave, silent), 60)
    widened = await platform.im("subscriber", "update", pager.name, "--severities", "SEV-1,SEV-2,SEV-3")
    assert widened.code == 0, widened.err
    await eventually(lambda: replayed(mild, grave, silent), 60)


async def test_a_wrong_choice_is_refused_and_a_void_one_is_doubted(platform: Platform, sink: Sink) -> None:
    name, to = unique_name("pager"), ("--url", sink.url())
    refused = await platform.im("subscriber", "add", "--name", name, *to, "--severities", "SEV-1,CRITICAL")
    assert refused.code == 2
    assert "'CRITICAL' is no severity" in refused.err
    body = {"name": name, "url": sink.url(), "severities": "critical"}
    assert (await platform.api.post("/api/v1/subscribers", json=body)).status_code == 422
    alarms = await platform.im(
        "subscriber", "add", "--name", name, *to, "--types", "im.alarm.**", "--severities", "SEV-1"
    )
    assert alarms.code == 0
    assert "are all told" in alarms.err
    pager = await platform.im("subscriber", "update", name, "--severities", "SEV-2", "--types", "im.incident.**")
    assert "stays open" not in pager.err  # of a webhook nothing is open
    assert "warning" not in pager.err
    both = await platform.im("subscriber", "update", name, "--types", "im.incident.**,im.alarm.**")
    assert "alarms of every severity are told" in both.err
    assert "alarms" not in (await platform.im("subscriber", "update", name, "--max-attempts", "3")).err
    listed = await platform.im("subscriber", "list")
    (line,) = [line for line in listed.out.splitlines() if line.startswith(name)]
    assert "SEV-2" in line.split()
