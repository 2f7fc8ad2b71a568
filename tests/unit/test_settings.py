"""Settings: bounds, refusals, and the file that documents them."""

from pathlib import Path

import pytest

from domain.errors import SettingsError
from service.environment_file import env_example
from service.settings import Settings, load_settings
from service.settings_checks import guarded

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_example_file_is_made_from_the_settings() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), "the settings have changed; write them down: make env"


def test_publishing_is_off_by_default() -> None:
    assert load_settings().enable_event_publishing is False


@pytest.mark.parametrize("value", ["true", "True", "1", "yes", "on"])
def test_publishing_is_switched_on_by_the_usual_words(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ENABLE_EVENT_PUBLISHING", value)
    assert load_settings().enable_event_publishing is True


def test_a_dotenv_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("IM_API_PORT=9001\nIM_LOG_LEVEL=warn\nTEMPORAL_ADDRESS=elsewhere:7233\n")
    monkeypatch.setenv("IM_API_PORT", "9002")
    for name in ("IM_LOG_LEVEL", "TEMPORAL_ADDRESS"):  # so that what load_dotenv sets is undone after the test
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    settings = load_settings()
    assert (settings.im_api_port, settings.im_log_level) == (9002, "warn")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IM_API_PORT", "http"),
        ("IM_API_PORT", "70000"),
        ("IM_LOG_LEVEL", "loud"),
        ("OUTBOX_POLL_INTERVAL", "often"),
        ("IM_API_TOKEN", "short"),
        ("IM_ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("ENABLE_EVENT_PUBLISHING", "maybe"),
        ("IM_ALARM_IDENTITY", "node"),
        ("IM_ALARM_DASHBOARD_URL", "https://x.example/{name}"),
        ("IM_ALARM_DASHBOARD_URL", "x.example"),
        ("IM_TRUSTED_PROXIES", "proxy.example"),
        ("IM_API_HOSTNAMES", "https://im.example.com"),
        ("IM_API_HOSTNAMES", "*"),
        ("IM_API_HOSTNAMES", "im.example.com"),
        ("IM_API_MAX_CONNECTIONS", "0"),
        ("IM_STATE_DRI", "/tmp"),
    ],
)
def test_a_bad_value_or_name_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        guarded(load_settings())
    assert name in str(refused.value)
    assert value not in str(refused.value) or name != "IM_API_TOKEN"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "im.example.com"])
def test_serving_beyond_loopback_needs_a_token(host: str) -> None:
    with pytest.raises(SettingsError):
        guarded(load_settings(im_api_host=host))
    assert guarded(load_settings(im_api_host=host, im_api_token="0123456789abcdef")).im_api_host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    assert guarded(load_settings(im_api_host=host)).binds_loopback


def test_a_token_is_not_in_the_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IM_API_TOKEN", "a-very-secret-token-indeed")
    assert "a-very-secret" not in repr(load_settings())


def test_the_nearest_known_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IM_API_PROT", "9000")
    monkeypatch.setenv("IM_API_SECRET", "1")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert (
        str(refused.value) == "unknown setting IM_API_PROT (did you mean IM_API_PORT?); unknown setting IM_API_SECRET"
    )


@pytest.mark.parametrize("typed", ["ENABLE_EVENT_PUBLISHNG", "ENABEL_EVENT_PUBLISHING", "ENABLE_EVENTS_PUBLISHING"])
def test_a_misspelt_switch_of_publishing_is_refused_unless_it_is_set_too(
    monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setenv(typed, "true")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value) == f"{typed} is no setting (did you mean ENABLE_EVENT_PUBLISHING?)"
    monkeypatch.setenv("ENABLE_EVENT_PUBLISHING", "false")
    assert load_settings().enable_event_publishing is False


@pytest.mark.parametrize(
    "others",
    [
        "EVENT_PUBLISHER_URL",
        "ENABLE_EVENTS",
        "ENABLE_EVENT_PUBLISHER",
        "KAFKA_EVENT_PUBLISHING",
        "enable_event_publishing",
    ],
)
def test_what_other_programs_are_set_up_with_is_left_alone(monkeypatch: pytest.MonkeyPatch, others: str) -> None:
    monkeypatch.setenv(others, "true")
    load_settings()


def test_a_refused_setting_is_repeated_unless_it_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IM_API_PORT", "http")
    monkeypatch.setenv("IM_API_TOKEN", "hush")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "IM_API_PORT: 'http' is not a whole number" in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("10.0.0.0/8, x", "'x' is no CIDR block, such as 10.0.0.0/8 or fd00::/8"),
        ("10.0.0.1/8", "'10.0.0.1/8' is no CIDR block; its block is 10.0.0.0/8"),
    ],
)
@pytest.mark.parametrize("name", ["IM_ALLOWED_NETWORKS", "IM_TRUSTED_PROXIES"])
def test_of_several_networks_the_one_that_is_none_is_named_once(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value) == f"{name}: {said}"
