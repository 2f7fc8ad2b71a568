"""Signatures, verified by libraries that are not ours."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from domain.signing import body_signature, check_secret, make_secret, standard_key, webhook_id, webhook_signature, whsec
from domain.subscriber_errors import InvalidSecretError

PLAIN = "your-webhook-secret"
KEYED = whsec(bytes(range(32)))


def _verify_as_the_guide(body: bytes, secret: str, signature_header: str) -> bool:
    """The guide's Python example, word for word."""
    if not signature_header.startswith("sha256="):
        return False
    expected_sig = signature_header[7:]
    actual_sig = hmac.new(secret.encode("utf-8"), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected_sig, actual_sig)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.binary())
def test_the_body_signature_verifies_as_in_the_guide(secret: str, body: bytes) -> None:
    assert _verify_as_the_guide(body, secret, body_signature(secret, body))


def test_the_body_signature_is_lowercase_hexadecimal() -> None:
    # RFC 4231, test case 2
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert body_signature("Jefe", b"what do ya want for nothing?") == f"sha256={expected}"


@given(st.binary(min_size=24, max_size=64), st.text(st.characters(exclude_categories=["Cs"])))
def test_the_webhook_signature_verifies_with_standardwebhooks(key: bytes, text: str) -> None:
    body, now = ('{"data":' + repr(len(text)) + "}").encode(), int(datetime.now(UTC).timestamp())
    message = webhook_id("/source", text)
    headers = {
        "webhook-id": message,
        "webhook-timestamp": str(now),
        "webhook-signature": webhook_signature([whsec(key)], message, now, body),
    }
    Webhook(whsec(key)).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(whsec(key)).verify(body + b" ", headers)


def test_the_webhook_signature_is_the_one_standardwebhooks_makes() -> None:
    at = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)
    ours = webhook_signature([KEYED], "msg_1", int(at.timestamp()), b'{"a":1}')
    assert ours == Webhook(KEYED).sign("msg_1", at, '{"a":1}')


def test_a_plain_secret_verifies_as_the_whsec_form_of_its_bytes() -> None:
    at = datetime(2025, 12, 26, tzinfo=UTC)
    ours = webhook_signature([PLAIN], "msg_1", int(at.timestamp()), b"{}")
    assert ours == Webhook(whsec(PLAIN.encode())).sign("msg_1", at, "{}")


def test_every_valid_secret_signs_newest_first() -> None:
    both = webhook_signature([KEYED, PLAIN], "msg_1", 1, b"{}").split(" ")
    assert both == [webhook_signature([secret], "msg_1", 1, b"{}") for secret in (KEYED, PLAIN)]


def test_the_key_is_what_follows_whsec_or_the_utf8_bytes() -> None:
    assert standard_key(KEYED) == bytes(range(32))
    assert standard_key("gehëim-gehëim") == "gehëim-gehëim".encode()


def test_a_made_secret_can_sign() -> None:
    secret = make_secret(b"r" * 32)
    assert check_secret(secret) == secret
    assert base64.b64decode(secret.removeprefix("whsec_")) == b"r" * 32


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_webhook_id_has_no_dots_and_is_the_same_every_time(source: str, event_id: str) -> None:
    made = webhook_id(source, event_id)
    assert made == webhook_id(source, event_id)
    assert "." not in made
    assert len(made) == 36


def test_webhook_ids_differ_by_source_and_by_id() -> None:
    assert len({webhook_id(source, event_id) for source in ("/a", "/b") for event_id in ("1", "2")}) == 4


@pytest.mark.parametrize(
    "secret",
    [
        "12345678",
        "your-webhook-secret",
        "with inner space",
        "p\xe4ssw\xf6rter",
        "secret: mine",
        "x" * 512,
        KEYED,
        whsec(b"k" * 24),
    ],
)
def test_usable_secrets_are_taken_as_they_are(secret: str) -> None:
    assert check_secret(secret) == secret


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "1234567",
        "x" * 513,
        " leading-space",
        "trailing-space ",
        "line\nbreak-line",
        "nul\x00nul-nul",
        "delete\x7fdelete",
        "whsec_",
        "whsec_short123",
        whsec(b"k" * 23),
        whsec(b"k" * 65),
        "whsec_" + "!" * 40,
        "whsec_\xe9" + "a" * 40,
        KEYED.rstrip("="),
        f"secret: {KEYED}",
        f"whsec: {KEYED}",
    ],
)
def test_other_secrets_are_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(InvalidSecretError) as caught:
        check_secret(secret)
    assert secret in {"", "whsec_"} or secret not in str(caught.value) + caught.value.advice + repr(caught.value.data)


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("a", "it has 1 character, and must have 8 to 512"),
        ("x" * 513, "it has 513 characters, and must have 8 to 512"),
        ("whsec_", "it begins with whsec_, so the rest must be 24 to 64 bytes in base64, and is 0 bytes"),
        ("whsec_short123", "so the rest must be 24 to 64 bytes in base64, and is 6 bytes"),
        ("whsec_" + "!" * 40, "so the rest must be 24 to 64 bytes in base64, and is not"),
        (f"secret: {KEYED}", "it begins with 'secret:', which is a label and no part of it: keep what follows"),
    ],
)
def test_a_refused_secret_is_told_by_what_is_wrong_with_it(secret: str, said: str) -> None:
    with pytest.raises(InvalidSecretError, match=f"{said}$"):
        check_secret(secret)
