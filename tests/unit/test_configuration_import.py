"""Imports into registries in memory: what was exported is the same, and secrets go only where they went."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import trustme
from pydantic import BaseModel

from activities.sealing import Keyring, ping_url_purpose
from domain.addresses import AddressPolicy
from domain.configuration import NOTED, Action, Configuration, ImportRow, as_members
from domain.directory import Directory
from domain.drains import Owed
from domain.http_clients import HttpClient, TokenAuth
from domain.incidents import Severity
from domain.listeners import listener_name
from domain.message_formats import MessageFormat
from domain.pauses import Pause
from domain.retry import make_schedule
from domain.sources import Grouping, HeartbeatConfig, SeverityRule, Sources, ZeebeCluster, digest
from domain.subscribers import Subscriber
from service.configuration import ConfigurationGateway
from service.zeebe import alerts_purpose
from tests.support.authorities import make_http_client
from tests.support.builders import NOW, make_keyring, make_subscriber, make_target

PARTNER = make_http_client("partner", password="a-password")
URL, ELSEWHERE = "https://example.com/webhook", "https://elsewhere.example/webhook"


@dataclass
class Registries:
    """Both registries, and what is written to them, in memory."""

    subscribers: dict[str, Subscriber] = field(default_factory=dict)
    clients: dict[str, HttpClient] = field(default_factory=dict)
    clusters: dict[str, ZeebeCluster] = field(default_factory=dict)
    heartbeats: dict[str, HeartbeatConfig] = field(default_factory=dict)
    keyring: Keyring = field(default_factory=make_keyring)
    policy: AddressPolicy = field(default_factory=AddressPolicy)

    @classmethod
    def of(cls, *entries: BaseModel) -> "Registries":
        made = cls()
        for entry in entries:
            made.held(entry)[cast("Any", entry).name] = entry
        return made

    def held(self, entry: BaseModel) -> dict[str, Any]:
        return {Subscriber: self.subscribers, HttpClient: self.clients, ZeebeCluster: self.clusters,
                HeartbeatConfig: self.heartbeats}[type(entry)]  # type: ignore[return-value]  # fmt: skip

    async def sealing(self) -> Keyring:
        return self.keyring

    async def directory(self) -> Directory:
        return Directory(subscribers=dict(self.subscribers), http_clients=dict(self.clients))

    async def sources(self) -> Sources:
        return Sources(clusters=dict(self.clusters), heartbeats=dict(self.heartbeats))

    async def owed(self, _name: str, *, ordered: bool) -> Owed:
        return Owed(waiting=12, retrying=1)

    async def settled(self) -> None: ...

    async def store(self, entry: BaseModel, _known: BaseModel | None) -> None:
        self.held(entry)[cast("Any", entry).name] = entry

    subscriber = client = cluster = heartbeat = store

    @property
    def gateway(self) -> ConfigurationGateway:
        here = cast("Any", self)
        return ConfigurationGateway(here, here, here)

    def export(self, *, with_secrets: bool = True) -> dict[str, Any]:
        return asyncio.run(self.gateway.export(with_secrets=with_secrets)).model_dump(mode="json")

    def load(self, document: dict[str, Any], *, dry_run: bool = False) -> list[ImportRow]:
        return asyncio.run(self.gateway.load(Configuration.model_validate(document), dry_run=dry_run)).rows


def full_entries() -> list[BaseModel]:
    """Entries that have, together, every field set to something that is no default."""
    ring, certificate = make_keyring(), trustme.CA()
    subscriber = make_subscriber(
        secrets=["s3cret-s3cret-1", "s3cret-s3cret-2"], headers={"X-A": "b"}, header_names=("X-A",),
        types=("im.alarm.**",), enabled=False, schedule=make_schedule("5,60", 7), message_format=MessageFormat.FLAT,
        http_client="basic", keep_order=True, max_concurrency=7, severities=("SEV-1", "SEV-3"), rate_limit="10/s",
        pause_after_seconds=432000,
    )  # fmt: skip
    basic = make_http_client(
        "basic", certificate=certificate.issue_cert("im"), trust=certificate, password="a-password",
        proxy="http://proxy.example:3128", proxy_credentials="im:secret", connect_seconds=2.0, total_seconds=5.0,
    )  # fmt: skip
    oauth2 = make_http_client("oauth2", token_url="https://login.example/token", auth=TokenAuth.POST, scope="all")
    assert oauth2.oauth2
    oauth2 = oauth2.model_copy(update={"oauth2": oauth2.oauth2.model_copy(update={"audience": "partner"})})
    told = {"created_at": NOW, "updated_at": NOW, "severity": Severity.SEV_2}
    rule = SeverityRule(error_type="JOB_*", process="payment-*", severity=Severity.SEV_1)
    cluster = ZeebeCluster(
        name="demo", token_hash=digest("a-token-of-16-characters"), group_by=Grouping.ELEMENT, rules=(rule,),
        sealed_alert_secret=ring.seal("a-secret-of-alerts", alerts_purpose("demo")), operate_url="https://operate.example",
        **told,
    )  # fmt: skip
    open_cluster = ZeebeCluster(name="open", tokenless=True, **told)
    beat = HeartbeatConfig(
        name="canary", every_seconds=60, grace_seconds=9, severity=Severity.SEV_2, key_hash=digest("a-key"),
        sealed_ping_url=ring.seal("https://ping.example/abc", ping_url_purpose("canary")), cluster="demo",
        ping_host="https://ping.example/…", zeebe_process="canary", created_at=NOW,
    )  # fmt: skip
    target = make_target("pagerduty://0123456789abcdef0123456789abcdef")
    return [subscriber, target, basic, oauth2, cluster, open_cluster, beat]


def set_fields(entry: BaseModel) -> set[tuple[str, str]]:
    """Every field, however deep, that has another value than its default, with the model that has it."""
    found = set()
    for name, info in type(entry).model_fields.items():
        value = getattr(entry, name)
        if info.is_required() or value != info.get_default(call_default_factory=True):
            found.add((type(entry).__name__, name))
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, BaseModel):
                found |= set_fields(inner)
    return found


def models_of(entry: BaseModel) -> set[type[BaseModel]]:
    """The model of an entry, and those of what is in it."""
    values = (getattr(entry, name) for name in type(entry).model_fields)
    inner = (each for value in values for each in (value if isinstance(value, tuple) else (value,)))
    return {type(entry)}.union(*(models_of(each) for each in inner if isinstance(each, BaseModel)))


def test_the_round_trip_has_every_field() -> None:
    """Add a new field to `full_entries`, and it is proved below that an import does not drop it."""
    entries = full_entries()
    wanted = {
        (model.__name__, name)
        for model in set().union(*(models_of(entry) for entry in entries))
        for name in model.model_fields
        if name not in NOTED
    }
    assert wanted - set().union(*(set_fields(entry) for entry in entries)) == set()


@pytest.mark.parametrize("with_secrets", [True, False])
def test_an_import_of_ones_own_export_finds_everything_the_same(with_secrets: bool) -> None:
    here = Registries.of(*full_entries())
    rows = here.load(here.export(with_secrets=with_secrets))
    assert [(row.entry, row.action, row.changes, row.note) for row in rows] == [
        (row.entry, Action.SAME, [], None) for row in rows
    ]


def test_an_export_is_had_whole_elsewhere() -> None:
    here, there = Registries.of(*full_entries()), Registries()
    assert {row.action for row in there.load(here.export())} == {Action.ADD}
    assert {row.action for row in here.load(there.export())} == {Action.SAME}


def test_a_secret_whose_overlap_has_ended_is_no_difference() -> None:
    made = make_subscriber(secrets=["s3cret-s3cret-1", "s3cret-s3cret-2"])
    ended = made.secrets[1].model_copy(update={"expires_at": datetime.now(UTC) - timedelta(hours=1)})
    here = Registries.of(made.model_copy(update={"secrets": (made.secrets[0], ended)}))
    assert [row.action for row in here.load(here.export())] == [Action.SAME]


def test_a_subscriber_stays_disabled_until_its_omitted_secrets_are_set() -> None:
    bare = Registries.of(make_subscriber(secrets=["s3cret-s3cret-1"])).export(with_secrets=False)
    there = Registries()
    assert [row.action for row in there.load(bare)] == [Action.ADD]
    for _ in range(2):
        (row,) = there.load(bare)
        assert (row.action, row.changes) == (Action.SAME, [])
        assert "im subscriber update my-webhook --secret - --enabled" in (row.note or "")
    assert there.subscribers["my-webhook"].enabled is False
    there.subscribers["my-webhook"] = make_subscriber(secrets=["s3cret-s3cret-1"], enabled=False)
    (row,) = there.load(bare)
    assert (row.changes, row.note) == (["enabled: false -> true"], None)


def test_a_sealed_document_cannot_say_that_something_was_left_out() -> None:
    document = Registries.of(make_subscriber(secrets=["s3cret-s3cret-1"])).export()
    with pytest.raises(ValueError, match="as it was exported"):
        Configuration.model_validate(document | {"omitted": {"subscriber my-webhook": ["secret"]}})


@pytest.mark.parametrize("omitted", [{}, {"subscriber my-webhook": ["secret"]}])
def test_a_document_without_secrets_has_no_seals_and_nothing_sealed(omitted: dict[str, list[str]]) -> None:
    here = Registries.of(make_subscriber(secrets=["s3cret-s3cret-1"]))
    document = here.export() | {"secrets": "omitted", "omitted": omitted}
    document["subscribers"][0]["url"] = ELSEWHERE
    (row,) = here.load(document)
    assert (row.action, "a seal or sealed values" in (row.note or "")) == (Action.REFUSE, True)
    del document["subscribers"][0]["seal"]
    assert here.load(document)[0].action is Action.REFUSE
    assert here.subscribers["my-webhook"].url == URL


@pytest.mark.parametrize("part", [{"url": ELSEWHERE}, {"http_client": "other"}])
def test_secrets_that_are_here_go_nowhere_else_by_a_document_without_them(part: dict[str, str]) -> None:
    here = Registries.of(make_subscriber(secrets=["s3cret-s3cret-1"]), make_http_client("other"))
    document = here.export(with_secrets=False)
    document["subscribers"][0] |= part
    row = here.load(document)[-1]
    assert row.action is Action.REFUSE
    assert "im subscriber update my-webhook" in (row.note or "")
    assert as_members(here.subscribers["my-webhook"]) == as_members(here.subscribers["my-webhook"]) | {"url": URL}


@pytest.mark.parametrize("part", ["proxy", "oauth2"])
def test_the_proxy_and_the_token_url_of_a_client_that_keeps_its_secrets_are_refused(part: str) -> None:
    client = make_http_client("partner", token_url="https://login.example/token", proxy="http://proxy.example:3128")
    here = Registries.of(client)
    document = here.export(with_secrets=False)
    moved = {"proxy": {"url": "http://elsewhere.example:3128"}, "oauth2": {"token_url": ELSEWHERE}}
    document["http_clients"][0][part] = moved[part]
    (row,) = here.load(document)
    assert (row.action, part in (row.note or "")) == (Action.REFUSE, True)
    assert here.clients["partner"] == client


def test_an_entry_that_names_a_client_is_sealed_and_refused_when_it_was_edited() -> None:
    here = Registries.of(PARTNER, make_subscriber(http_client="partner"))
    document = here.export()
    document["subscribers"][0]["url"] = ELSEWHERE
    assert here.load(document)[-1].action is Action.REFUSE
    del document["subscribers"][0]["seal"]
    assert "has no seal" in (here.load(document)[-1].note or "")
    assert here.subscribers["my-webhook"].url == URL


def test_a_certificate_that_expired_meanwhile_is_the_same_here_and_is_added_elsewhere_with_its_subscribers() -> None:
    certificate = trustme.CA().issue_cert("im", not_after=datetime.now(UTC) - timedelta(days=1))
    client = make_http_client("partner", certificate=certificate)
    here, there = Registries.of(client, make_subscriber(http_client="partner")), Registries()
    rows = here.load(here.export())
    assert [row.action for row in rows] == [Action.SAME, Action.SAME]
    added = there.load(here.export())
    assert [row.action for row in added] == [Action.ADD, Action.ADD]
    assert all("expired on" in (row.note or "") for row in (rows[0], added[0]))
    assert there.clients["partner"].certificate is not None


@pytest.mark.parametrize("with_secrets", [True, False])
def test_time_limits_that_disagree_are_the_same_where_they_were_stored(with_secrets: bool) -> None:
    here = Registries.of(*_with_limits_that_disagree())
    document = here.export(with_secrets=with_secrets)
    assert [row.action for row in here.load(document)] == [Action.SAME, Action.SAME]
    document["http_clients"][1]["trust"] = make_http_client(trust=trustme.CA()).model_dump(mode="json")["trust"]
    assert [row.action for row in here.load(document)] == [Action.SAME, Action.CHANGE]
    document["http_clients"][1]["connect_seconds"] = 8.0
    assert [row.action for row in here.load(document)] == [Action.SAME, Action.REFUSE]


def test_time_limits_that_disagree_are_refused_elsewhere_but_under_a_seal() -> None:
    document, there = Registries.of(*_with_limits_that_disagree()).export(), Registries()
    added = there.load(document)
    assert [row.action for row in added] == [Action.ADD, Action.REFUSE]
    assert "(9 s) is longer than that of the whole request (2 s)" in (added[1].note or "")
    assert "10 for none of its own (its connect_seconds in the document)" in (added[1].note or "")
    document["http_clients"][1]["connect_seconds"] = 10.0
    assert [row.action for row in there.load(document)] == [Action.SAME, Action.ADD]


def _with_limits_that_disagree() -> list[HttpClient]:
    """Two clients stored before the limits were looked at beside each other: with a secret, and without one."""
    limits = {"connect_seconds": 9.0, "total_seconds": 2.0}
    stored = make_http_client("stored", password="a-password").model_copy(update=limits)
    written = make_http_client("written", password=None).model_copy(update={"basic": None, **limits})
    return [stored, written]


@pytest.mark.parametrize("secrets", ["sealed", "omitted"])
def test_an_import_of_thousands_that_are_misspelt_lets_others_be_served_and_guesses_at_few(secrets: str) -> None:
    wrong = [as_members(make_subscriber()) | {"name": f"s{number}", "schedulz": 1} for number in range(2000)]
    document = Configuration.model_validate(
        {"format": "im-configuration", "format_version": 1, "secrets": secrets, "subscribers": wrong}
    )
    served = 0

    async def others() -> None:
        nonlocal served
        while True:
            await asyncio.sleep(0)
            served += 1

    async def load() -> list[ImportRow]:
        beside = asyncio.create_task(others())
        report = await Registries().gateway.load(document)
        beside.cancel()
        return report.rows

    rows = asyncio.run(load())
    assert [row.action for row in rows] == [Action.REFUSE] * 2000
    assert served > 1900
    assert [number for number, row in enumerate(rows) if "did you mean schedule?" in (row.note or "")] == [*range(10)]


def test_a_document_that_a_tool_wrote_anew_is_the_same() -> None:
    here = Registries.of(PARTNER)
    document = here.export()
    assert document["http_clients"][0]["total_seconds"] == 10.0
    rewritten = json.loads(json.dumps(document, sort_keys=True).replace("10.0", "10"))  # as jq 1.6 does
    assert [row.action for row in here.load(rewritten)] == [Action.SAME]
    rewritten["http_clients"][0]["total_seconds"] = 9
    assert [row.action for row in here.load(rewritten)] == [Action.REFUSE]


def test_a_document_without_secrets_sends_a_clients_credentials_nowhere_by_itself() -> None:
    document = Registries.of(PARTNER, make_subscriber(http_client="partner")).export(with_secrets=False)
    there = Registries.of(PARTNER)
    assert "see that it may" in (there.load(document)[-1].note or "")
    assert there.load(document)[-1].action is Action.SAME
    assert there.subscribers["my-webhook"].enabled is False
    there.subscribers["my-webhook"] = make_subscriber(ELSEWHERE)
    assert there.load(document)[-1].action is Action.REFUSE


def test_a_pause_goes_along_and_is_left_alone_where_the_subscriber_is() -> None:
    pause = Pause(at=NOW, reason="migration")
    paused = make_subscriber(paused=pause)
    document, there = Registries.of(paused).export(), Registries()
    assert [row.action for row in there.load(document)] == [Action.ADD]
    assert there.subscribers["my-webhook"].paused == pause
    resumed = Registries.of(make_subscriber())
    assert [(row.action, row.changes) for row in resumed.load(document)] == [(Action.SAME, [])]
    assert resumed.subscribers["my-webhook"].paused is None
    here = Registries.of(paused)
    assert [row.action for row in here.load(Registries.of(make_subscriber()).export())] == [Action.SAME]
    assert here.subscribers["my-webhook"].paused == pause


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_entry_that_is_in_the_document_twice_is_refused_the_second_time(dry_run: bool) -> None:
    document, there = Registries.of(make_http_client("partner"), make_subscriber()).export(), Registries()
    document["subscribers"] += [
        document["subscribers"][0] | {"url": ELSEWHERE},
        make_subscriber(name="partner").model_dump(mode="json", include={"name", "url", "types", "schedule"}),
    ]
    rows = there.load(document, dry_run=dry_run)
    assert [(row.entry, row.action) for row in rows] == [
        ("HTTP client partner", Action.ADD),
        ("subscriber my-webhook", Action.ADD),
        ("subscriber my-webhook", Action.REFUSE),
        ("subscriber partner", Action.ADD),
    ]
    assert "it is in the document twice" in (rows[2].note or "")
    assert [each.url for each in there.subscribers.values()] == ([] if dry_run else [URL, URL])


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_names_an_entry_that_is_refused_is_refused_for_it(dry_run: bool) -> None:
    here = Registries.of(
        make_http_client("ba", password="a-password"),
        make_subscriber(http_client="ba"),
        ZeebeCluster(name="demo", tokenless=True, severity=Severity.SEV_2, created_at=NOW, updated_at=NOW),
        HeartbeatConfig(
            name="canary", every_seconds=60, grace_seconds=9, severity=Severity.SEV_2, key_hash=digest("a-key"),
            cluster="demo", zeebe_process="canary", created_at=NOW,
        ),
    )  # fmt: skip
    document = here.export(with_secrets=False)
    document["zeebe_clusters"][0]["name"] = document["heartbeats"][0]["cluster"] = "-"
    rows = Registries.of(make_http_client("ba4")).load(document, dry_run=dry_run)
    assert [row.action for row in rows] == [Action.REFUSE] * 4
    assert rows[1].note == "its HTTP client ba is refused above"
    assert rows[3].note == "its Zeebe cluster - is refused above"


def test_a_dry_run_refuses_what_names_an_entry_that_is_not_there() -> None:
    document = Registries.of(make_http_client("plain"), make_subscriber(http_client="plain")).export(with_secrets=False)
    assert [row.action for row in Registries().load(document, dry_run=True)] == [Action.ADD, Action.ADD]
    document["http_clients"] = []
    (row,) = Registries.of(make_http_client("plain2")).load(document, dry_run=True)
    assert (row.action, "did you mean plain2?" in (row.note or "").lower()) == (Action.REFUSE, True)
    assert [row.action for row in Registries.of(make_http_client("plain")).load(document, dry_run=True)] == [Action.ADD]


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_import_that_disables_somebody_says_what_ends(dry_run: bool) -> None:
    document = Registries.of(make_subscriber(enabled=False)).export()
    here = Registries.of(make_subscriber(paused=Pause(at=NOW, reason="migration")))
    (row,) = here.load(document, dry_run=dry_run)
    assert row.note
    assert row.note.startswith("its pause ends; my-webhook is not told of 12 events that waited, cancelled by this")
    assert here.subscribers["my-webhook"].enabled is dry_run
    (again,) = Registries.of(make_subscriber(enabled=False)).load(document)
    assert again.note is None


def test_a_pause_that_was_edited_is_checked_like_one_that_is_asked_for() -> None:
    document = Registries.of(make_subscriber()).export()
    pause = document["subscribers"][0]["paused"] = {"at": "2999-01-01T00:00:00", "reason": " by  hand "}
    there = Registries()
    assert [row.action for row in there.load(document)] == [Action.ADD]
    found = there.subscribers["my-webhook"].paused
    assert found
    assert (found.reason, found.at <= datetime.now(UTC)) == ("by hand", True)
    pause["reason"] = "x" * 201
    assert [row.action for row in Registries().load(document)] == [Action.REFUSE]


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z"])
def test_a_pause_of_no_sensible_time_is_refused(at: str) -> None:
    document = Registries.of(make_subscriber()).export()
    document["subscribers"][0]["paused"] = {"at": at, "reason": "x"}
    (row,) = Registries().load(document)
    assert row.action is Action.REFUSE
    assert "paused.at is" in (row.note or "")


def test_a_pause_keeps_its_time_in_utc_and_nothing_that_a_terminal_obeys() -> None:
    document, there = Registries.of(make_subscriber()).export(), Registries()
    at = "2025-12-26T16:30:00+02:00"
    document["subscribers"][0]["paused"] = {"at": at, "reason": "a\x1b[31m\u202e b"}
    there.load(document)
    found = there.subscribers["my-webhook"].paused
    assert found
    assert (found.reason, found.at.isoformat()) == ("a [31m b", "2025-12-26T14:30:00+00:00")


def test_one_that_was_paused_and_lacks_a_secret_is_to_be_paused_by_hand() -> None:
    paused = make_subscriber(secrets=["s3cret-s3cret-1"], paused=Pause(at=NOW, reason="migration"))
    there = Registries()
    (row,) = there.load(Registries.of(paused).export(with_secrets=False))
    assert "im subscriber pause my-webhook" in (row.note or "")
    assert there.subscribers["my-webhook"].paused is None


def test_the_subscribers_of_im_listen_are_no_configuration() -> None:
    listener = make_subscriber("http://127.0.0.1:4711/", name=listener_name("laptop", "0a1b2c"))
    named_alike = make_subscriber("https://example.com/hook", name=listener_name("laptop", "0a1b2d"))
    for with_secrets in (True, False):
        document = Registries.of(listener, named_alike).export(with_secrets=with_secrets)
        assert [each["name"] for each in document["subscribers"]] == [named_alike.name]
