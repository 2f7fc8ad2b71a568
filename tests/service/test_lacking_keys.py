"""A key that a process lacks is lost only where no worker has it, or may have it."""

from typing import cast

import pytest
from temporalio.client import Client

from activities.presence import Presence, own_presence
from activities.sealing import Keyring
from domain.addresses import AddressPolicy
from domain.errors import SealingKeyError
from domain.keys import KEY_COMES_BY
from service.connection import Connection
from service.keys import may_open

MINE, OTHER = b"m" * 32, b"o" * 32
RING = Keyring([("k1", MINE)])


def told(ring: Keyring) -> Presence:
    return own_presence(ring, "1.0", publishing=True)


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        ([], False),
        ([told(RING)], False),
        ([told(RING), told(Keyring([("k2", OTHER)]))], True),
        ([told(Keyring([("k3", OTHER)]))], False),
        ([told(Keyring([("k3", OTHER)], origin="0badcafe"))], True),  # which it may have read k2 from by now
        ([Presence("7@host")], True),
    ],
    ids=["nobody", "the same keys", "that key", "another key", "another key file", "a silent one"],
)
def test_whether_a_worker_may_have_the_key(workers: list[Presence], expected: bool) -> None:
    assert may_open("k2", RING, workers) is expected


def test_another_key_under_the_same_id_is_another_key() -> None:
    assert may_open("k1", RING, [told(Keyring([("k1", OTHER)]))])
    assert not may_open("k1", RING, [told(Keyring([("k1", MINE)]))])


@pytest.mark.parametrize(
    ("has_worker", "ring", "worker", "says", "fix"),
    [
        (
            False,
            Keyring([("dev-0a1b2c", OTHER)], origin="0badcafe"),
            told(RING),
            "this terminal has no IM_SECRET_KEYS, and would seal with a key of its own ('dev-0a1b2c', in its ",
            "Set IM_SECRET_KEYS for this terminal as the server has it.",
        ),
        (
            True,
            Keyring([("dev-0a1b2c", OTHER)], origin="0badcafe"),
            told(Keyring([("dev-3d4e5f", MINE)], origin="deadbeef")),
            "this process has no IM_SECRET_KEYS",
            f"Give this process {KEY_COMES_BY}.",
        ),
        (
            False,
            Keyring([("k9", OTHER)]),
            told(RING),
            "what this process seals with key 'k9', the worker",
            "Give every process that serves or delivers the same IM_SECRET_KEYS.",
        ),
    ],
    ids=["a terminal without keys", "two key files", "other keys"],
)
def test_whose_keys_are_wrong_is_said_of_them(
    ring: Keyring, worker: Presence, says: str, fix: str, *, has_worker: bool
) -> None:
    connection = Connection(cast("Client", None), ring, AddressPolicy(), publishing=True, has_worker=has_worker)
    error = connection.unheld(worker)
    assert says in str(error)
    assert "Nothing was changed" in str(error)
    assert error.advice == fix


def test_a_value_of_a_key_that_is_lacking_says_how_the_key_is_given() -> None:
    sealed = Keyring([("k2", OTHER)]).seal("hush", "here")
    with pytest.raises(SealingKeyError) as refused:
        RING.open(sealed, "here")
    assert refused.value.advice == f"Give it {KEY_COMES_BY}."
