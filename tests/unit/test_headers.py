"""Headers that subscribers add, and those that every delivery carries."""

import pytest

from domain.headers import MAX_HEADERS, MAX_VALUE_LENGTH, check_headers, delivery_headers
from domain.signing import body_signature, webhook_id, webhook_signature
from domain.subscriber_errors import InvalidHeaderError
from tests.support.builders import make_event

SECRET = "your-webhook-secret"


def test_the_headers_are_the_guides() -> None:
    assert delivery_headers(make_event(), [], 0) == {
        "Content-Type": "application/cloudevents+json",
        "User-Agent": "incidents-platform/1.0",
        "Accept-Encoding": "identity",
        "Ce-Id": "evt_550e8400-e29b-41d4-a716-446655440000",
        "Ce-Source": "/incidents/INC-12345",
        "Ce-Specversion": "1.0",
        "Ce-Type": "im.incident.declared.v1",
        "Ce-Time": "2025-12-26T14:30:00Z",
    }


def test_an_event_without_time_has_no_ce_time() -> None:
    assert "Ce-Time" not in delivery_headers(make_event(time=None), [], 0)


def test_a_secret_adds_the_signature_headers_and_changes_no_other() -> None:
    event = make_event()
    signed = delivery_headers(event, [SECRET, "previous-secret"], 1700000000)
    message = webhook_id(event.source, event.id)
    assert dict(signed.items() - delivery_headers(event, [], 1700000000).items()) == {
        "X-CloudEvents-Signature": body_signature(SECRET, event.body),
        "webhook-id": message,
        "webhook-timestamp": "1700000000",
        "webhook-signature": webhook_signature([SECRET, "previous-secret"], message, 1700000000, event.body),
    }


def test_header_values_are_percent_encoded() -> None:
    headers = delivery_headers(make_event(id='a b"%\xe9', source="/\u20ac\r\nX-Evil: 1", type="t\U0001f600"), [], 0)
    assert headers["Ce-Id"] == "a%20b%22%25%C3%A9"
    assert headers["Ce-Source"] == "/%E2%82%AC%0D%0AX-Evil:%201"
    assert headers["Ce-Type"] == "t%F0%9F%98%80"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer abc"},
        {"X-Team": "ops", "X-Env": ""},
        {"x-token!#$%&'*+.^_`|~": "v"},
        {"X-Long": "v" * MAX_VALUE_LENGTH},
        {f"X-{number}": "v" for number in range(MAX_HEADERS)},
        {"Certificate": 'a, b; c="d"'},
    ],
)
def test_usable_headers_are_taken_as_they_are(headers: dict[str, str]) -> None:
    assert check_headers(headers) == headers


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "content-length",
        "CONTENT-TYPE",
        "Content-Encoding",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Accept-Encoding",
        "User-Agent",
        "X-CloudEvents-Signature",
        "x-cloudevents-signature",
        "Ce-Id",
        "ce-anything",
        "webhook-id",
        "Webhook-Signature",
        "Proxy-Authorization",
        "Proxy-Connection",
    ],
)
def test_headers_that_the_platform_sets_are_refused(name: str) -> None:
    with pytest.raises(InvalidHeaderError) as caught:
        check_headers({name: "value"})
    assert caught.value.data["header"] == name


@pytest.mark.parametrize("name", ["", " ", "X Y", "X:", "X\r\nY", "X\x00", "\xdcber", "X(1)", "n" * 129, "X\n"])
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(InvalidHeaderError):
        check_headers({name: "value"})


@pytest.mark.parametrize(
    "value",
    [
        "a\r\nX-Evil: 1",
        "a\nb",
        "a\x00b",
        "a\tb",
        "\xe9",
        " padded-value",
        "padded-value ",
        "v" * (MAX_VALUE_LENGTH + 1),
        "a\n",
    ],
)
def test_a_value_that_is_not_printable_ascii_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(InvalidHeaderError) as caught:
        check_headers({"X-Name": value})
    assert value not in str(caught.value)


def test_a_repeat_in_another_case_is_refused() -> None:
    with pytest.raises(InvalidHeaderError, match="twice"):
        check_headers({"X-Team": "a", "x-team": "b"})


def test_the_number_of_headers_is_limited() -> None:
    with pytest.raises(InvalidHeaderError):
        check_headers({f"X-{number}": "v" for number in range(MAX_HEADERS + 1)})
