"""`im subscriber`: what is asked of the gateway, and what is said."""

import json
from collections.abc import Callable

import pytest

import cli.subscriber
import cli.subscriber_enabled
from cli.main import run
from tests.api.stand_in import StandIn
from tests.support.alert_receivers import PAGERDUTY_URL
from tests.support.gateways import serving

Im = Callable[[str], tuple[int, str, str]]
ADD = "subscriber add --name a --url https://a.example"


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    found = StandIn(publishing=True)
    for module in (cli.subscriber, cli.subscriber_enabled):
        monkeypatch.setattr(module, "with_gateway", serving(found))
    return found


@pytest.fixture
def im(gateway: StandIn, capsys: pytest.CaptureFixture[str]) -> Im:
    """Runs a command; its exit status, and what it wrote to standard output and standard error."""

    def ended(line: str) -> tuple[int, str, str]:
        status = run(line.split())
        said = capsys.readouterr()
        return status, said.out, said.err

    return ended


def test_one_is_disabled_and_enabled(im: Im, gateway: StandIn) -> None:
    im(ADD)
    assert im("subscriber disable a") == (0, "", "disabled a: ** to https://a.example\n")
    assert not gateway.subscribers.known["a"].enabled
    status, shown, _ = im("subscriber enable a --format json")
    assert (status, json.loads(shown)["subscriber"]["enabled"]) == (0, True)
    assert gateway.subscribers.known["a"].enabled


def test_what_a_pause_holds_is_given_up_only_when_asked(im: Im, gateway: StandIn) -> None:
    im(ADD)
    gateway.subscribers.pause_now("a")
    status, _, said = im("subscriber disable a")
    assert (status, "--cancel-waiting" in said) == (1, True)
    assert gateway.subscribers.known["a"].enabled
    assert im("subscriber disable a --cancel-waiting")[0] == 0


def test_nobody_of_that_name_is_said(im: Im) -> None:
    for verb in ("enable", "disable"):
        status, _, said = im(f"subscriber {verb} nobody")
        assert (status, "no subscriber is named 'nobody'" in said) == (1, True)


@pytest.mark.parametrize("form", ["table", "json"])
def test_whoever_adds_a_webhook_without_a_secret_is_told_how_to_sign(im: Im, form: str) -> None:
    status, shown, said = im(f"{ADD} --format {form}")
    assert status == 0
    unsigned = [line for line in said.splitlines() if "not signed" in line]
    assert len(unsigned) == 1
    assert unsigned[0].endswith("to sign them: im subscriber update a --generate-secret")
    assert shown == "" if form == "table" else not json.loads(shown)["subscriber"]["signed"]


@pytest.mark.parametrize(
    "signed_or_no_webhook",
    [
        f"{ADD} --generate-secret",
        f"{ADD} --secret 0123456789abcdef",
        f"subscriber add --name a --notify {PAGERDUTY_URL}",
    ],
)
def test_nothing_is_said_of_signatures_where_there_is_one_or_cannot_be(im: Im, signed_or_no_webhook: str) -> None:
    status, _, said = im(signed_or_no_webhook)
    assert (status, "not signed" in said) == (0, False)


def test_the_waits_of_a_schedule_may_have_units(im: Im, gateway: StandIn) -> None:
    im(f"{ADD} --schedule 5s,1m,10m")
    assert gateway.subscribers.known["a"].schedule.name == "5,60,600"
    status, _, said = im("subscriber update a --schedule 5x,60s")
    assert (status, "--schedule" in said, "such as 5,60,600" in said) == (2, True, True)
