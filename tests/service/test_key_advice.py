"""What is advised about keys that seal nothing."""

from pathlib import Path

from activities.sealing import Keyring
from domain.keys import KeyReport, KeyRow
from service.key_advice import advice_of

RING = Keyring([("k1", b"1" * 32), ("k2", b"2" * 32)])
FIRST = KeyRow(key="k1", seals=True, here=True, workers=1, values=3)
SECOND = KeyRow(key="k2", here=True, workers=1)
REPORT = KeyReport(keys=[FIRST, SECOND], workers=1)


def test_a_key_behind_the_first_that_seals_nothing_may_be_the_next_one() -> None:
    (said,) = advice_of(REPORT, RING)
    assert said.startswith(
        "nothing is sealed with k2, which is not the first of IM_SECRET_KEYS. To rotate to it, put it first"
    )
    assert "any more" not in said


def test_a_key_that_was_rotated_away_from_may_be_taken_out() -> None:
    (said,) = advice_of(REPORT, RING, emptied=["k2"])
    assert said.startswith("nothing is sealed with k2 any more.")
    assert "then take it out of IM_SECRET_KEYS of every process" in said


def test_in_a_key_file_whatever_is_behind_the_first_is_older() -> None:
    (said,) = advice_of(REPORT, RING, Path("secret-keys"))
    assert said.startswith("nothing is sealed with k2 any more.")
    assert "take it out of secret-keys" in said


def test_a_key_that_seals_values_is_to_be_rotated_first() -> None:
    used = KeyReport(keys=[FIRST, SECOND.model_copy(update={"values": 2})], workers=1)
    assert advice_of(used, RING, emptied=["k2"]) == ["values are sealed with k2: im keys rotate"]


def test_a_terminal_with_a_key_file_of_its_own_is_to_be_given_the_keys_of_the_workers() -> None:
    lacking = KeyReport(keys=[FIRST.model_copy(update={"workers": 0, "values": 0})], workers=1)
    (said,) = advice_of(lacking, RING, Path("secret-keys"))
    assert said.startswith("this process would seal with a key that a worker lacks: give it the IM_STATE_DIR")
    assert "every worker" in advice_of(lacking, RING)[0]
