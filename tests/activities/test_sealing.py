"""Sealed values: what opens them and what does not."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.sealing import Keyring, headers_purpose, parse_keys, secret_purpose
from domain.errors import SealingKeyError

OLD, NEW = ("2024", b"o" * 32), ("2025", b"n" * 32)
PURPOSE = secret_purpose("ops")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text(alphabet="abc/:.-"))
def test_a_sealed_value_opens_for_its_purpose(value: str, purpose: str) -> None:
    ring = Keyring([NEW])
    assert ring.open(ring.seal(value, purpose), purpose) == value


def test_a_sealed_value_names_its_key_and_hides_the_value() -> None:
    sealed = Keyring([NEW]).seal("hunter2-hunter2", PURPOSE)
    assert sealed.startswith("sealed:v1:2025:")
    assert "hunter2" not in sealed
    assert b"hunter2" not in base64.b64decode(sealed.rpartition(":")[2])


def test_sealing_twice_gives_two_values() -> None:
    ring = Keyring([NEW])
    assert ring.seal("same", PURPOSE) != ring.seal("same", PURPOSE)


def test_the_first_key_seals_and_all_open() -> None:
    old_value = Keyring([OLD]).seal("old", PURPOSE)
    ring = Keyring([NEW, OLD])
    assert ring.newest == "2025"
    assert ring.seal("x", PURPOSE).startswith("sealed:v1:2025:")
    assert ring.open(old_value, PURPOSE) == "old"


@pytest.mark.parametrize(
    "purpose", [secret_purpose("other"), headers_purpose("ops"), "", "subscriber/ops/secret "], ids=repr
)
def test_a_value_does_not_open_for_another_purpose(purpose: str) -> None:
    ring = Keyring([NEW])
    with pytest.raises(SealingKeyError):
        ring.open(ring.seal("value", PURPOSE), purpose)


def test_purposes_of_different_subscribers_differ() -> None:
    assert len({secret_purpose("a"), secret_purpose("b"), headers_purpose("a"), headers_purpose("b")}) == 4


def test_a_value_does_not_open_without_its_key() -> None:
    sealed = Keyring([OLD]).seal("value", PURPOSE)
    with pytest.raises(SealingKeyError, match="2024"):
        Keyring([NEW]).open(sealed, PURPOSE)


def test_a_value_does_not_open_with_another_key_of_the_same_id() -> None:
    sealed = Keyring([("k", b"1" * 32)]).seal("value", PURPOSE)
    with pytest.raises(SealingKeyError):
        Keyring([("k", b"2" * 32)]).open(sealed, PURPOSE)


def test_a_value_does_not_open_under_another_key_id() -> None:
    sealed = Keyring([("a", b"1" * 32)]).seal("value", PURPOSE)
    with pytest.raises(SealingKeyError):
        Keyring([("b", b"1" * 32)]).open(sealed.replace(":a:", ":b:"), PURPOSE)


@pytest.mark.parametrize("place", range(0, 12 + 5 + 16, 4))
def test_an_altered_value_does_not_open(place: int) -> None:
    prefix, _, encoded = Keyring([NEW]).seal("value", PURPOSE).rpartition(":")
    raw = bytearray(base64.b64decode(encoded))
    raw[place] ^= 1
    with pytest.raises(SealingKeyError):
        Keyring([NEW]).open(f"{prefix}:{base64.b64encode(raw).decode()}", PURPOSE)


@pytest.mark.parametrize(
    "sealed",
    ["", ":", "plain", "sealed:v1:2025:", "sealed:v1:2025:AAAA", "sealed:v1:2025:!!!", "sealed:v1:2025:\xe9", "a:b:c"],
)
def test_what_was_never_sealed_does_not_open(sealed: str) -> None:
    with pytest.raises(SealingKeyError):
        Keyring([NEW]).open(sealed, PURPOSE)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_must_have_32_bytes(size: int) -> None:
    with pytest.raises(SealingKeyError, match=str(size)):
        Keyring([("k", b"x" * size)])


def test_a_ring_needs_a_key() -> None:
    with pytest.raises(SealingKeyError):
        Keyring([])


def test_two_keys_of_one_id_are_refused() -> None:
    with pytest.raises(SealingKeyError):
        Keyring([("k", b"1" * 32), ("k", b"2" * 32)])


def test_keys_are_read_from_the_environment_form() -> None:
    text = f"2025:{base64.b64encode(NEW[1]).decode()}, 2024:{base64.b64encode(OLD[1]).decode()}"
    assert parse_keys(text) == [NEW, OLD]


@pytest.mark.parametrize(
    "text", ["", "abc", ":QUJD", "a b:QUJD", "-:QUJD", "k" * 33 + ":QUJD", "k:%%%", "k:QUJ", "k:QUJD,", "k:\xe9\xe9"]
)
def test_other_forms_are_refused_without_showing_the_key(text: str) -> None:
    with pytest.raises(SealingKeyError) as caught:
        parse_keys(text)
    assert "QUJ" not in str(caught.value)
    assert "%%%" not in str(caught.value)
    assert "made by: echo" in caught.value.advice
