"""A worker tells its version and keys by the name it polls under; a key file may grow while it runs."""

import stat
from pathlib import Path

import pytest

from activities.key_file import KeyFile, fresh_key
from activities.presence import Presence, own_presence, read_presence
from activities.sealing import MAX_KEYS, Keyring
from domain.errors import SealingKeyError

ONE, TWO = ("k1", bytes(range(32))), ("k2", bytes(range(1, 33)))
MAX_IDENTITY = 1000  # characters, Temporal's limit of an id


def test_what_is_told_is_what_is_read() -> None:
    for publishing in (True, False):
        told = own_presence(Keyring([TWO, ONE]), "0.1.0", publishing=publishing)
        assert read_presence(str(told)) == told


def test_no_key_is_in_it_and_it_fits_whatever_the_keys() -> None:
    keys = [(f"key-{number:028}", bytes([number] * 32)) for number in range(MAX_KEYS)]
    identity = str(own_presence(Keyring(keys), "10.10.10", publishing=True))
    assert len(identity) < MAX_IDENTITY
    assert not [key for _, key in keys if key.hex() in identity]
    with pytest.raises(SealingKeyError, match="17 sealing keys"):
        Keyring([*keys, ONE])


def test_a_worker_holds_a_key_by_its_id_and_its_fingerprint() -> None:
    ring = Keyring([TWO, ONE])
    old = own_presence(Keyring([ONE]), "0.1.0", publishing=True)
    assert (old.holds(ring, "k1"), old.holds(ring, "k2")) == (True, False)
    other = own_presence(Keyring([("k1", bytes(32))]), "0.1.0", publishing=True)
    assert not other.holds(ring, "k1")


def test_a_worker_that_tells_nothing_is_taken_to_hold_every_key() -> None:
    silent = read_presence("4711@host")
    assert silent == Presence(process="4711@host")
    assert silent.holds(Keyring([ONE]), "k1")


def test_a_key_that_is_added_to_the_file_seals_and_opens_in_a_process_that_runs(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "secret-keys")
    file.path.write_text(fresh_key() + "\n")
    running = file.keyring()
    before = running.seal("a secret", "p")
    file.add()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    after = file.keyring().seal("a secret", "p")
    assert [running.open(each, "p") for each in (after, before)] == ["a secret"] * 2
    assert own_presence(running, "1", publishing=True).holds(file.keyring(), file.keyring().newest)
    assert [path.name for path in tmp_path.iterdir()] == ["secret-keys"]


def test_the_key_that_seals_can_be_another_than_the_newest() -> None:
    ring = Keyring([TWO, ONE]).sealing_with("k1")
    assert ring.seal("x", "p").startswith("sealed:v1:k1:")
    assert ring.open(Keyring([TWO]).seal("x", "p"), "p") == "x"
