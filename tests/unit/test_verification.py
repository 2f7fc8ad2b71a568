"""`im verify` accepts what is sent, refuses the rest, and names the change that broke a signature."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.captures import Capture, parse_capture, parse_headers
from domain.errors import InvalidRequestError
from domain.events import CloudEvent
from domain.headers import delivery_headers
from domain.signing import standard_key, whsec
from domain.subscriber_errors import InvalidSecretError
from domain.verification import ANOTHER, BODY, STANDARD, State, Verification, verify

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
PLAIN, OLD, KEYED = "your-webhook-secret", "the-previous-secret", whsec(bytes(range(32)))
EVENT = CloudEvent(
    id="evt_1",
    source="/incidents/INC-7",
    type="im.incident.declared.v1",
    time="2026-11-21T09:30:00Z",
    datacontenttype="application/json",
    data={"incident_id": "INC-7", "title": "Zürich: 5 % of requests fail"},
    extensions={"imincidentid": "INC-7"},
)


def sent(*secrets: str, body: bytes = EVENT.body, at: datetime = NOW, **changed: str) -> Capture:
    headers = delivery_headers(EVENT, secrets, int(at.timestamp()))
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return Capture(headers=list(headers.items()), body=body)


def without(capture: Capture, *names: str) -> Capture:
    return capture._replace(headers=[pair for pair in capture.headers if pair[0] not in names])


def states(found: Verification) -> list[State]:
    return [check.state for check in found.checks]


@pytest.mark.parametrize("secret", [PLAIN, KEYED, "größer-als-acht"])
def test_a_request_as_sent_is_verified(secret: str) -> None:
    found = verify(sent(secret), secret, NOW)
    assert (found.verified, states(found), found.remarks) == (True, [State.VALID, State.VALID], [])


def test_during_a_rotation_either_secret_is_right_and_the_old_one_is_recognised() -> None:
    assert verify(sent(PLAIN, OLD), PLAIN, NOW).verified
    found = verify(sent(PLAIN, OLD), OLD, NOW)
    assert states(found) == [State.VALID, State.WRONG]
    assert not found.verified
    assert "previous one" in found.checks[1].hints[0]
    assert "one of 2" in found.checks[0].said


def test_one_signature_suffices_and_none_does_not() -> None:
    assert verify(without(sent(PLAIN), BODY), PLAIN, NOW).verified
    assert verify(without(sent(PLAIN), "webhook-id"), PLAIN, NOW).checks[0].said == "no webhook-id"
    found = verify(sent(), PLAIN, NOW)
    assert (found.verified, states(found)) == (False, [State.MISSING, State.MISSING])
    assert "no secret" in found.checks[0].hints[0]


@pytest.mark.parametrize(("seconds", "right"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_the_tolerance_is_five_minutes_either_way(seconds: int, *, right: bool) -> None:
    found = verify(sent(PLAIN), PLAIN, NOW + timedelta(seconds=seconds))
    assert found.verified is right
    if not right:
        assert "5m is the tolerance" in found.checks[0].said
        assert "--at 2026-11-21T09:30:00Z" in found.checks[0].hints[0]
    assert verify(sent(PLAIN), PLAIN, NOW + timedelta(seconds=seconds), timedelta(hours=1)).verified


REWRITTEN = [
    json.dumps(EVENT.to_dict()).encode(),
    json.dumps(EVENT.to_dict(), indent=2, ensure_ascii=False).encode(),
    json.dumps({name: EVENT.to_dict()[name] for name in sorted(EVENT.to_dict())}).encode(),
]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (EVENT.body + b"\n", "without the trailing line break"),
        (EVENT.body + b"\r\n", "without the trailing line break"),
        (b"\xef\xbb\xbf" + EVENT.body, "byte order mark"),
        *((body, "parsed and serialised again") for body in REWRITTEN),
    ],
)
@pytest.mark.parametrize("secret", [PLAIN, KEYED])
def test_the_change_of_a_body_is_named(body: bytes, said: str, secret: str) -> None:
    found = verify(sent(secret, body=body), secret, NOW)
    assert states(found) == [State.WRONG, State.WRONG]
    assert all(said in check.hints[0] for check in found.checks)


def test_a_body_that_content_length_cuts_off_is_named() -> None:
    found = verify(sent(PLAIN, body=EVENT.body + b" more", content_length=str(len(EVENT.body))), PLAIN, NOW)
    assert "Content-Length" in found.remarks[0]
    assert "as Content-Length has it" in found.checks[0].hints[0]


@pytest.mark.parametrize(
    ("registered", "known", "said"),
    [
        (PLAIN, PLAIN + "\n", "white space"),
        (PLAIN, f'"{PLAIN}"', "quotes"),
        (KEYED, KEYED.removeprefix("whsec_"), "whsec_"),
        (KEYED, KEYED + "\n", "white space"),
        (KEYED, f"secret: {KEYED}\n", "without the label 'secret:'"),
        (f"secret: {KEYED}", KEYED, "with the label 'secret: ' before"),
    ],
)
def test_the_change_of_a_secret_is_named_for_both(registered: str, known: str, said: str) -> None:
    found = verify(sent(registered), known, NOW)
    assert not found.verified
    wrong = [check for check in found.checks if check.state is State.WRONG]
    assert wrong
    assert all(said in check.hints[0] for check in wrong)


def test_the_whsec_form_of_a_plain_secret_is_recognised() -> None:
    found = verify(sent(PLAIN), whsec(standard_key(PLAIN)), NOW)
    assert states(found) == [State.VALID, State.WRONG]
    assert "whsec_ form" in found.checks[1].hints[0]


def test_a_whsec_secret_used_as_text_is_recognised() -> None:
    text = whsec(KEYED.encode())  # a signer that takes the characters of KEYED for the key signs like this
    found = verify(without(sent(text), BODY), KEYED, NOW)
    assert "not base64-decoded" in found.checks[0].hints[0]


def test_a_secret_whose_padding_was_cut_off_is_recognised() -> None:
    padded = whsec(bytes(range(25)))
    found = verify(sent(padded), padded.rstrip("="), NOW)
    assert "padding" in found.checks[0].hints[0]


def test_body_and_secret_changed_are_both_named() -> None:
    hints = verify(sent(PLAIN, body=EVENT.body + b"\n"), PLAIN + " ", NOW).checks[0].hints
    assert ["line break" in hints[0], "white space" in hints[1]] == [True, True]


def test_another_secret_is_no_guess() -> None:
    found = verify(sent(PLAIN), OLD, NOW)
    assert [check.hints for check in found.checks] == [[ANOTHER], [ANOTHER]]


def test_what_was_changed_beside_the_body_follows_from_the_signature_of_the_body() -> None:
    found = verify(sent(PLAIN, webhook_id="msg_2"), PLAIN, NOW)
    assert states(found) == [State.WRONG, State.VALID]
    assert "webhook-id, webhook-timestamp or webhook-signature was changed" in found.checks[0].hints[0]


@pytest.mark.parametrize("timestamp", ["1795253400000", "9" * 5000, "x", "-1", "1.5", "１７"])
def test_a_timestamp_in_another_form_is_wrong(timestamp: str) -> None:
    assert verify(sent(PLAIN, webhook_timestamp=timestamp), PLAIN, NOW).checks[0].state is State.WRONG


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(InvalidSecretError):
        verify(sent(PLAIN), "", NOW)


@given(secret=st.text(min_size=1), value=st.text(), body=st.binary())
def test_nothing_makes_it_fail_or_accept_or_tell_the_secret(secret: str, value: str, body: bytes) -> None:
    try:
        secret.encode()
    except UnicodeEncodeError:
        return
    names = ("webhook-id", "webhook-timestamp", STANDARD, BODY, "content-length", "content-encoding")
    found = verify(Capture(headers=[(name, value) for name in names], body=body), secret, NOW)
    assert not found.verified


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("first", ["POST /hook HTTP/1.1", None])
def test_a_request_is_read_with_either_line_break_and_without_its_first_line(ending: str, first: str | None) -> None:
    head = [*([first] if first else []), "Host: x", "webhook-id:msg_1"]
    found = parse_capture((ending.join(head) + ending * 2).encode() + b"a\n\nb")
    assert (found.headers, found.body) == ([("Host", "x"), ("webhook-id", "msg_1")], b"a\n\nb")
    assert found.header("WEBHOOK-ID") == "msg_1"


def test_headers_by_option_may_have_either_sign() -> None:
    assert parse_headers(["a: b=c", "d=e: f"]) == [("a", "b=c"), ("d", "e: f")]


@pytest.mark.parametrize("raw", [b"", b"{}", b"POST / HTTP/1.1\nnonsense\n\n{}", b"no end: of head\n"])
def test_what_is_no_request_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        parse_capture(raw)
