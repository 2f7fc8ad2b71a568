"""Checks both signatures of a captured request, and says in words what is wrong with each."""

import hmac
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel

from domain.captures import Capture
from domain.guesses import body_guesses, body_keys, explain, standard_keys
from domain.signing import PREFIX
from domain.subscriber_errors import InvalidSecretError
from domain.timing import ago

TOLERANCE = timedelta(minutes=5)  # Standard Webhooks 1.0, as docs/receivers.md has it
STANDARD, BODY = "webhook-signature", "X-CloudEvents-Signature"
_STANDARD_HEADERS = ("webhook-id", "webhook-timestamp", STANDARD)
_SECONDS = re.compile("[0-9]{1,11}")  # to the year 5138; milliseconds have 13 digits

ANOTHER = "the secret is another one, or the body was changed in a way that cannot be guessed"
UNSIGNED = "the subscription has no secret (give it one: im subscriber update NAME --generate-secret)"
STRIPPED = "something between im and the receiver removed the header, or the capture did"


class State(StrEnum):
    """What came of one check."""

    VALID = "valid"
    WRONG = "wrong"
    MISSING = "missing"


class Check(BaseModel):
    """One signature header.

    Attributes:
        said: the finding, in one sentence without a full stop.
        hints: what explains it, or what to do, likewise.
    """

    header: str
    state: State
    said: str
    hints: list[str] = []


class Verification(BaseModel):
    """What came of all.

    Attributes:
        verified: at least one signature is right, and none is wrong.
        remarks: what is odd about the request itself.
    """

    verified: bool
    checks: list[Check]
    remarks: list[str] = []


def verify(capture: Capture, secret: str, now: datetime, tolerance: timedelta = TOLERANCE) -> Verification:
    """Check a request as its receiver should have.

    Args:
        capture: the request.
        secret: that the receiver knows; plain or ``whsec_``.
        now: when it was received; with a UTC offset.
        tolerance: how far ``webhook-timestamp`` may be from that, either way.

    Raises:
        InvalidSecretError: it is empty, with which anybody could sign.
    """
    if not secret:
        raise InvalidSecretError(reason="it is empty, and with an empty key anybody can sign")
    standard, body = _standard(capture, secret, now, tolerance), _body(capture, secret)
    _compare(standard, body)
    states = {standard.state, body.state}
    return Verification(
        verified=State.VALID in states and State.WRONG not in states,
        checks=[standard, body],
        remarks=capture.remarks(),
    )


def _standard(capture: Capture, secret: str, now: datetime, tolerance: timedelta) -> Check:
    found = {name: capture.header(name) for name in _STANDARD_HEADERS}
    if absent := [name for name, value in found.items() if not value]:
        hints = [UNSIGNED, STRIPPED] if len(absent) == len(found) else [STRIPPED]
        return Check(header=STANDARD, state=State.MISSING, said=f"no {' and no '.join(absent)}", hints=hints)
    message_id, timestamp, signatures = (value or "" for value in found.values())
    given = signatures.split(" ")

    def matches(key: bytes, body: bytes) -> bool:
        content = b".".join((message_id.encode(), timestamp.encode(), body))
        expected = b"v1," + b64encode(hmac.digest(key, content, "sha256"))
        return any(hmac.compare_digest(each.encode("utf-8", "replace"), expected) for each in given)

    keys = standard_keys(secret)
    if not keys or keys[0].said or not matches(keys[0].value, capture.body):
        return _wrong(STANDARD, explain(body_guesses(capture), keys, matches), _form_of_standard(secret, given))
    late = _out_of_time(timestamp, now, tolerance)
    if late:
        return late
    among = f", one of {len(given)}" if len(given) > 1 else ""
    return Check(header=STANDARD, state=State.VALID, said=f"the signature is right{among}, sent {_age(timestamp, now)}")


def _form_of_standard(secret: str, given: list[str]) -> list[str]:
    hints = []
    if secret.startswith(PREFIX) and standard_keys(secret)[:1] and standard_keys(secret)[0].said:
        hints.append("what follows whsec_ in the secret is not base64: it was cut off or changed")
    if not any(each.startswith("v1,") for each in given):
        hints.append("no signature begins with v1, and this is the only version that im signs with")
    return hints


def _body(capture: Capture, secret: str) -> Check:
    value = capture.header(BODY)
    if not value:
        return Check(header=BODY, state=State.MISSING, said=f"no {BODY}", hints=[UNSIGNED, STRIPPED])
    given = value.encode("utf-8", "replace")

    def matches(key: bytes, body: bytes) -> bool:
        return hmac.compare_digest(given.lower(), b"sha256=" + hmac.digest(key, body, "sha256").hex().encode())

    keys, bodies = body_keys(secret), body_guesses(capture)
    if not matches(keys[0].value, capture.body):
        hints = (
            [] if re.fullmatch("sha256=[0-9a-f]{64}", value) else ["its value is not sha256= and 64 hexadecimal digits"]
        )
        return _wrong(BODY, explain(bodies, keys, matches), hints)
    if value != value.lower():
        said = "the signature is right but for capital letters; im writes small ones"
        return Check(header=BODY, state=State.WRONG, said=said, hints=["something on the way changed the header"])
    return Check(header=BODY, state=State.VALID, said="the signature is right")


def _wrong(header: str, explained: list[str], hints: list[str]) -> Check:
    said = "the signature is not that of this body with this secret"
    return Check(header=header, state=State.WRONG, said=said, hints=[*explained, *hints] or [ANOTHER])


def _out_of_time(timestamp: str, now: datetime, tolerance: timedelta) -> Check | None:
    """The check of a request whose signature is right, where its timestamp is not."""
    allowed = ago(tolerance).removesuffix(" ago")
    if not _SECONDS.fullmatch(timestamp):
        said = "the signature is right, but webhook-timestamp is not in seconds since 1970"
        return Check(header=STANDARD, state=State.WRONG, said=said)
    if abs(now.timestamp() - int(timestamp)) <= tolerance.total_seconds():
        return None
    sent = datetime.fromtimestamp(int(timestamp), UTC).isoformat().replace("+00:00", "Z")
    said = f"the signature is right, but it was sent {_age(timestamp, now)}, and {allowed} is the tolerance"
    hints = [
        f"to check a captured request as of then: --at {sent}",
        "if it was checked as it arrived, the receiver's clock is wrong (timedatectl), or somebody replays the request",
    ]
    return Check(header=STANDARD, state=State.WRONG, said=said, hints=hints)


def _age(timestamp: str, now: datetime) -> str:
    seconds = now.timestamp() - int(timestamp)
    return ago(timedelta(seconds=seconds)) if seconds >= 0 else f"{ago(timedelta(seconds=-seconds))[:-4]} from now"


def _compare(standard: Check, body: Check) -> None:
    """Say what follows from one of the two being right."""
    if standard.state is State.VALID and body.hints == [ANOTHER]:
        said = "webhook-signature is right with this secret, so it is the previous one, and a rotation is under way"
        body.hints = [f"{said}: {BODY} is always made with the newest"]
    if body.state is State.VALID and standard.hints == [ANOTHER]:
        standard.hints = [
            "X-CloudEvents-Signature is right, so webhook-id, webhook-timestamp or webhook-signature was changed"
        ]
