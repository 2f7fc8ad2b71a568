"""What the deployment files promise, checked on the files themselves: nothing here starts a container."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.metrics import documented_series

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
OPERATIONS = ROOT / "docs" / "operations.md"
OWN_IMAGE = "incidents-platform:local"
SETTINGS = frozenset(
    {
        "ENABLE_EVENT_PUBLISHING",
        "OUTBOX_POLL_INTERVAL",
        "IM_STATE_DIR",
        "IM_API_HOST",
        "IM_API_PORT",
        "IM_API_TOKEN",
        "IM_SECRET_KEYS",
        "IM_LOG_LEVEL",
        "IM_ALLOWED_NETWORKS",
        "TEMPORAL_ADDRESS",
        "TEMPORAL_NAMESPACE",
    }
)
DUMMIES = {"POSTGRES_PASSWORD": "dummy", "IM_API_TOKEN": "dummy-token-of-enough-length", "IM_SECRET_KEYS": "k1:dummy"}

Service = dict[str, Any]


def _services() -> dict[str, Service]:
    services: dict[str, Service] = yaml.safe_load(COMPOSE.read_text())["services"]
    return services


def _runs_long(service: Service) -> bool:
    return bool(service["restart"] == "unless-stopped")


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "im-alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


SERVICES = _services()
RULES = _rules()
OURS = [name for name, service in SERVICES.items() if service["image"] == OWN_IMAGE]
every_service = pytest.mark.parametrize("name", list(SERVICES))
every_service_of_ours = pytest.mark.parametrize("name", OURS)
every_rule = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


def test_services_are_those_of_the_design() -> None:
    assert set(SERVICES) == {"postgres", "schema", "temporal", "namespace", "ui", "im-serve", "im-worker"}
    assert OURS == ["im-serve", "im-worker"]


@every_service
def test_every_published_port_is_bound_to_loopback(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), port


@every_service
def test_every_foreign_image_is_pinned_to_an_exact_version(name: str) -> None:
    image = SERVICES[name]["image"]
    if image != OWN_IMAGE:
        assert re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?", image)


@every_service
def test_every_service_restarts_and_the_long_running_have_a_healthcheck(name: str) -> None:
    service = SERVICES[name]
    if not _runs_long(service):
        assert re.fullmatch(r"on-failure:\d+", service["restart"])
        return
    check = service["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert "curl" not in str(check["test"])
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@every_service
def test_every_service_bounds_its_log(name: str) -> None:
    assert {"max-size", "max-file"} <= set(SERVICES[name]["logging"]["options"])


@every_service
def test_a_one_shot_is_waited_for_to_complete_and_others_to_be_healthy(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        expected = "service_healthy" if _runs_long(SERVICES[other]) else "service_completed_successfully"
        assert wait["condition"] == expected


@every_service
def test_every_secret_comes_from_the_environment(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|PWD|TOKEN|SECRET|_KEYS?$", variable):
            assert re.fullmatch(r"\$\{[A-Z_]+:\?set it to .+\}", value), variable


def test_no_line_of_the_compose_file_holds_a_password() -> None:
    assert not re.search(r"://[^/\s:]+:[^/\s@]+@|[A-Za-z0-9+]{32,}", COMPOSE.read_text())


@every_service_of_ours
def test_our_services_set_only_settings_that_exist(name: str) -> None:
    assert set(SERVICES[name]["environment"]) <= SETTINGS


@every_service_of_ours
def test_our_services_publish_events_and_find_temporal(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert environment["ENABLE_EVENT_PUBLISHING"] == "true"
    assert environment["TEMPORAL_ADDRESS"] == "temporal:7233"


@every_service_of_ours
def test_our_services_hold_no_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


@every_service_of_ours
def test_our_services_keep_their_state_in_a_named_volume(name: str) -> None:
    (volume,) = SERVICES[name]["volumes"]
    source, target = volume.split(":")
    assert target == SERVICES[name]["environment"]["IM_STATE_DIR"]
    assert source in yaml.safe_load(COMPOSE.read_text())["volumes"]


def test_the_api_has_a_token_since_it_binds_beyond_loopback() -> None:
    environment = SERVICES["im-serve"]["environment"]
    assert environment["IM_API_HOST"] == "0.0.0.0"
    assert "IM_API_TOKEN" in environment


def test_the_namespace_keeps_histories_for_a_week() -> None:
    assert "--retention 7d" in SERVICES["namespace"]["command"][0]


def test_mounted_files_exist_and_fairness_is_on() -> None:
    source, target, mode = SERVICES["temporal"]["volumes"][0].split(":")
    settings = yaml.safe_load((ROOT / source).read_text())
    assert (target, mode) == (SERVICES["temporal"]["environment"]["DYNAMIC_CONFIG_FILE_PATH"], "ro")
    assert settings["matching.enableFairness"] == [{"value": True, "constraints": {}}]
    assert settings["matching.numTaskqueueReadPartitions"] == settings["matching.numTaskqueueWritePartitions"]


def test_compose_accepts_the_file() -> None:
    _need_compose()
    command = ["docker", "compose", "--file", str(COMPOSE), "config", "--quiet"]
    done = subprocess.run(command, env=os.environ | DUMMIES, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", list(DUMMIES))
def test_compose_says_which_secret_is_missing(missing: str, tmp_path: Path) -> None:
    _need_compose()
    given = {name: value for name, value in (os.environ | DUMMIES).items() if name != missing}
    command = ["docker", "compose", "--file", str(COMPOSE), "--env-file", os.devnull, "config", "--quiet"]
    done = subprocess.run(command, env=given, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert missing in done.stderr


def _need_compose() -> None:
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed")
    command = ["docker", "compose", "version"]
    if subprocess.run(command, capture_output=True, timeout=120, check=False).returncode != 0:
        pytest.skip("docker has no compose plugin")


def _instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def _last_stage() -> dict[str, str]:
    instructions = _instructions()
    start = max(place for place, (word, _) in enumerate(instructions) if word == "FROM")
    return dict(instructions[start:])


def test_the_image_does_not_run_as_root() -> None:
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", _last_stage()["USER"])


def test_the_image_serves_by_default_and_knows_its_health() -> None:
    stage = _last_stage()
    assert (stage["ENTRYPOINT"], stage["CMD"]) == ('["im"]', '["serve"]')
    assert "http://127.0.0.1:8080/healthz" in stage["HEALTHCHECK"]
    assert "IM_STATE_DIR=/var/lib/im" in stage["ENV"]
    assert stage["VOLUME"] == '["/var/lib/im"]'


def test_every_stage_has_one_exact_base() -> None:
    (base,) = [rest for word, rest in _instructions() if word == "ARG"]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.14\.\d+-slim-[a-z]+", base)
    froms = [rest for word, rest in _instructions() if word == "FROM"]
    assert froms == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]


def test_the_image_is_built_from_the_lock_file_without_development_tools() -> None:
    runs = [rest for word, rest in _instructions() if word == "RUN"]
    assert "uv sync --frozen --no-dev --no-editable" in runs
    assert any(re.search(r"pip install .*uv==\d", run) for run in runs)


def test_the_build_context_holds_only_the_package() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line.lstrip("!") for line in lines if line.startswith("!")} == {
        *("pyproject.toml", "uv.lock", "README.md", "LICENSE"),
        *("domain", "workflows", "activities", "service", "api", "cli"),
    }


def test_the_alerts_are_named() -> None:
    expected = {
        *("ImSubscriberUnhealthy", "ImDeliveriesFailing", "ImDeliverySlow", "ImInstanceDown", "ImNotScraped"),
        *("ImDeploymentFault", "ImSlotsUsedUp", "ImBacklogGrows", "ImCertificateExpires", "ImApiErrors"),
        "ImPausedTooLong",
    }
    assert {rule["alert"] for rule in RULES} == expected


@every_rule
def test_alerts_watch_metrics_that_exist(rule: dict[str, Any]) -> None:
    expression = re.sub(r'"[^"]*"', "", rule["expr"])
    assert set(re.findall(r"\bim_\w+", expression)) <= documented_series()
    assert re.search(r"\bim_\w+|\bup\b", expression)
    assert expression.count("(") == expression.count(")")


@every_rule
def test_alerts_say_what_it_means_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert {"summary", "description", "runbook"} <= set(rule["annotations"])
    assert re.fullmatch(r"docs/operations\.md#[a-z0-9-]+", rule["annotations"]["runbook"])


@every_rule
def test_runbook_headings_exist(rule: dict[str, Any]) -> None:
    if not OPERATIONS.exists():
        pytest.skip("docs/operations.md is not written yet")
    titles = re.findall(r"^#+ (.+)$", OPERATIONS.read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 _-]", "", title.lower()).strip().replace(" ", "-") for title in titles}
    assert rule["annotations"]["runbook"].partition("#")[2] in anchors
