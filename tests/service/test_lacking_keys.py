"""A key that a process lacks is lost only where no worker has it, or may have it."""

import pytest

from activities.presence import Presence, own_presence
from activities.sealing import Keyring
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
