"""`im zeebe`: what its options mean, and what it says."""

import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import typer

import cli.simulator
import cli.zeebe_cluster
from api.urls import RECORDS_PATH
from cli import render_zeebe, simulator
from cli.main import run
from cli.simulated_cluster import Mix
from cli.simulation import Plan
from cli.zeebe_cluster import GroupingChoice
from cli.zeebe_simulate import records_a_second, seconds, share
from domain.sources import Grouping
from domain.zeebe_cluster import ClusterActivity
from service.zeebe_clusters import ClusterChanged, ClusterDetail, ClusterView
from tests.support.gateways import serving

NOW = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)
TOKEN = "token-of-the-cluster-prod"
SECRET = "secret-of-the-console"
VIEW = ClusterView(
    name="prod",
    token="set",
    alerts=True,
    group_by="element",
    rules=["*@billing=SEV-1", "JOB_NO_RETRIES@*=SEV-2"],
    severity="SEV-3",
    operate_url="https://operate.example.com/{processInstanceKey}",
    created_at=NOW,
    updated_at=NOW,
)


class Asked:
    """What the gateway was asked; it answers as the real one does, which e2e tests use."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self.zeebe = SimpleNamespace(add_cluster=self.change, update_cluster=self.change)

    async def change(self, name: str, **options: Any) -> ClusterChanged:
        self.options = options | {"name": name}
        return ClusterChanged(cluster=VIEW, token="generated" if options.get("generate_token") else None)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked()

    monkeypatch.setattr(cli.zeebe_cluster, "with_gateway", serving(found))
    return found


def test_choices_and_paths_are_those_of_the_platform() -> None:
    assert [*GroupingChoice] == [*Grouping]
    assert simulator.RECORDS_PATH == RECORDS_PATH


def test_every_option_of_a_cluster_reaches_the_gateway(asked: Asked) -> None:
    line = ["zeebe", "cluster", "add", "prod", "--token", TOKEN, "--alert-secret", SECRET, "--group-by", "Element"]
    line += ["--severity-rule", "*@a=SEV-1", "--severity-rule", "*@b=SEV-2", "--severity", "sev-4"]
    assert run([*line, "--operate-url", "https://o.example.com/"]) == 0
    assert asked.options == {
        "name": "prod",
        "token": TOKEN,
        "alert_secret": SECRET,
        "group_by": "element",
        "rules": ["*@a=SEV-1", "*@b=SEV-2"],
        "severity": "SEV-4",
        "operate_url": "https://o.example.com/",
    }


def test_an_update_sends_only_what_was_given(asked: Asked) -> None:
    assert run(["zeebe", "cluster", "update", "prod", "--no-token"]) == 0
    assert asked.options == {"name": "prod", "no_token": True}
    assert run(["zeebe", "cluster", "update", "prod", "--clear-severity-rules"]) == 0
    assert asked.options == {"name": "prod", "rules": []}


def test_given_tokens_and_secrets_are_never_printed(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    for output in ("table", "json"):
        line = ["zeebe", "cluster", "add", "prod", "--token", TOKEN, "--alert-secret", SECRET, "--format", output]
        assert run(line) == 0
        said = capsys.readouterr()
        assert TOKEN not in said.out + said.err
        assert SECRET not in said.out + said.err


def test_a_generated_token_is_alone_on_standard_output_so_that_a_file_has_it(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["zeebe", "cluster", "add", "prod", "--generate-token"]) == 0
    said = capsys.readouterr()
    assert said.out == "generated\n"
    assert said.err.splitlines() == [
        "added prod: token set, one incident for each element, SEV-3",
        "the token is not shown again; configure the exporter with it now",
    ]


def test_a_token_is_read_from_standard_input(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(read=lambda: f"{TOKEN}\r\n", isatty=lambda: False))
    assert run(["zeebe", "cluster", "add", "prod", "--token", "-"]) == 0
    assert asked.options["token"] == TOKEN


@pytest.mark.parametrize(
    "line",
    [
        "cluster add prod",
        "cluster add prod --group-by element",
        "cluster add prod --no-token --generate-token",
        "cluster add prod --token aaaaaaaaaaaaaaaaaaaa --no-token",
        "cluster add prod --token - --alert-secret -",
        "cluster add prod --no-token --group-by process",
        "cluster add prod --no-token --severity SEV-9",
        "cluster update prod",
        "cluster update prod --clear-severity-rules --severity-rule *@a=SEV-1",
        "import",
        "import file.json",
        "simulate --rate quick",
        "simulate --incidents 21%",
        "simulate --incidents -1%",
        "simulate --repeats 101%",
        "simulate --resolve-after 0s",
        "simulate --canary-every 0s",
        "simulate --batch 0",
        "simulate --batch 1001",
        "simulate --records 0",
        "simulate --dialect 2021",
        "simulate --partitions 0",
    ],
)
def test_wrong_usage_exits_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zeebe", *line.split()]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Error" in said.err


def test_a_token_with_a_label_is_no_token_to_simulate_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(read=lambda: "token: im_hush\n", isatty=lambda: False))
    assert run(["zeebe", "simulate", "--token", "-", "--records", "1", "--url", "http://127.0.0.1:9"]) == 2
    said = capsys.readouterr().err
    assert "--token: it begins with 'token:', which is a label" in said
    assert "hush" not in said


def test_clusters_are_shown_as_they_are_set_up() -> None:
    assert render_zeebe.cluster_table([VIEW]).splitlines() == [
        "NAME  TOKEN  ALERTS  GROUP_BY  SEVERITY  RULES",
        "prod  set    yes     element   SEV-3     *@billing=SEV-1,JOB_NO_RETRIES@*=SEV-2",
    ]
    activity = ClusterActivity(raised=5, resolved=3, open=2, groups_open=1, last_record_at=NOW, incidents=["INC-7"])
    shown = render_zeebe.cluster_fields(ClusterDetail(**VIEW.model_dump(), activity=activity))
    assert shown.splitlines()[4:9] == [
        "severity:     SEV-3",
        "rule:         *@billing=SEV-1",
        "rule:         JOB_NO_RETRIES@*=SEV-2",
        "operate url:  https://operate.example.com/{processInstanceKey}",
        "created:      2025-12-26T14:30:00Z",
    ]
    assert shown.splitlines()[-2:] == ["open:         2 (in 1 incidents of im)", "incidents:    INC-7"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [("50/s", 50), ("50", 50), ("600/m", 10), ("0.5/s", 0.5), ("max", None), ("MAX", None), ("0", None), ("0/s", None)],
)
def test_rates_are_read(text: str, meant: float | None) -> None:
    assert records_a_second(text) == meant


@pytest.mark.parametrize("text", ["", "fast", "-5/s", "5/h", "1e3", "nan"])
def test_other_rates_are_a_usage_error(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        records_a_second(text)


def test_shares_and_durations_are_read() -> None:
    assert [share("--repeats", text, 1) for text in ("1%", "0.01", "0", "100%", "2.5%")] == [0.01, 0.01, 0, 1, 0.025]
    assert [seconds("--duration", text) for text in ("10s", "2m")] == [10, 120]
    for wrong in ("", "101%", "2", "-1%", "x"):
        with pytest.raises(typer.BadParameter):
            share("--repeats", wrong, 1)


def test_every_option_of_a_simulation_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def simulated(plan: Plan, mix: Mix, output: object) -> int:
        seen.extend((plan, mix))
        return 0

    monkeypatch.setattr(cli.simulator, "run_simulation", simulated)
    line = f"--url http://a --cluster prod --token {TOKEN} --rate max --incidents 2% --resolve-after never --repeats 0 "
    line += "--burst 7 --canary canary --canary-every 20s --duration 1m --records 9 --batch 3 --restart-every 30s "
    assert run(["zeebe", "simulate", *line.split(), "--dialect", "2020", "--partitions", "4"]) == 0
    plan, mix = seen
    assert plan == Plan("http://a", "prod", TOKEN, None, 3, 0.0, 30, 9, 60)
    assert mix == Mix(0.02, None, "canary", 20_000, 7, 4, mix.dialect)
    assert mix.dialect == "2020"
    seen.clear()
    assert run(["zeebe", "simulate", "--canary", "canary", "--no-canary"]) == 0
    assert seen[1].canary is None
