"""Ids tell when they were made; those of others do not."""

import uuid
from datetime import UTC, datetime

import pytest

from domain.event_ids import event_id, made_at

AT = datetime(2025, 12, 26, 14, 30, 0, 123000, tzinfo=UTC)


@pytest.mark.parametrize("random", [0, 1, (1 << 74) - 1])
def test_an_id_is_a_version_7_uuid_that_tells_its_time(random: int) -> None:
    made = event_id(AT, random)
    parsed = uuid.UUID(made.removeprefix("evt_"))
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert made_at(made) == AT


def test_ids_sort_by_time() -> None:
    assert event_id(AT, (1 << 74) - 1) < event_id(AT.replace(microsecond=124000), 0)


@pytest.mark.parametrize(
    "other", ["", "order-1", f"evt_{uuid.UUID(int=4, version=4)}", "evt_ffffffff-ffff-7fff-8fff-ffffffffffff", "evt_"]
)
def test_other_ids_tell_none(other: str) -> None:
    assert made_at(other) is None
